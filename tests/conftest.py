"""Where the project and its built book are, for all tests."""

from __future__ import annotations

import os
from pathlib import Path

# before NumPy or PyTorch: sums in one order, and no threads that spin on shared cores
os.environ.setdefault("OMP_NUM_THREADS", "1")

import pytest

ROOT = Path(__file__).resolve().parents[1]
SOURCE = ROOT / "src"
collect_ignore = ["book/fixture"]  # a book of its own, built by tests/book/test_directives.py


@pytest.fixture(scope="session")
def root() -> Path:
    """Return the checkout."""
    return ROOT


@pytest.fixture(scope="session")
def source() -> Path:
    """Return the folder that holds the package."""
    return SOURCE


@pytest.fixture(scope="session")
def build() -> Path:
    """Return what the build wrote; without it a test of the book fails."""
    folder = ROOT / "_build"
    if not (folder / "html" / "index.html").exists():
        pytest.fail("the book is not built: run `make book` (or `make test`, which does)")
    return folder


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Give one test to each page of the book, each of its sources, and each notebook."""
    found = {
        "book_page": sorted(
            path.relative_to(ROOT / "_build" / "html").as_posix()
            for path in ROOT.glob("_build/html/**/*.html")
            if "_static" not in path.parts
        ),
        "book_source": [p.relative_to(ROOT).as_posix() for p in sorted(ROOT.glob("book/**/*.md"))],
        "lab": [
            p.relative_to(ROOT).as_posix()
            for p in sorted(ROOT.glob("notebooks/**/*.ipynb"))
            if ".ipynb_checkpoints" not in p.parts
        ],
    }
    for name, values in found.items():
        if name in metafunc.fixturenames:
            # never zero tests: without a book there is one, and its `build` fixture fails
            metafunc.parametrize(name, values or ["nothing is built"])
