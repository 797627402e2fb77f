"""The digest of source: what makes a stored result stale, and what leaves it current."""

from __future__ import annotations

import ast
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from calibration_lab.results.source import source_digest

FILES = {
    "__init__.py": '"""Package."""\nVERSION = "1"\n',
    "scores.py": '"""Scores."""\nfrom __future__ import annotations\n\ndef brier(p, y):\n'
    '    """Squared error."""\n    return (p - y) ** 2  # the square\n',
    "batched.py": "def train():\n    from calibration_lab.scores import brier\n    return brier\n",
    "unused.py": "x = 1\n",
    "calibration/__init__.py": "from calibration_lab.calibration.forecasts import ece\nBINS = 10\n",
    "calibration/forecasts.py": "def ece(p, y):\n    return abs(p - y)\n",
    "calibration/multiclass.py": "x = 1\n",
    "experiments/__init__.py": "registry = 1\n",
    "experiments/toy/__init__.py": "",
    "experiments/toy/measures.py": 'text = """a\n\n  b\n"""\n',
    "experiments/toy/experiment.py": "from calibration_lab import batched\nfrom . import measures\n"
    "from ..toy.measures import text\nimport numpy\n",
}
TOY = "calibration_lab.experiments.toy.experiment"


@pytest.fixture
def package(tmp_path):
    for name, text in FILES.items():
        path = tmp_path / "calibration_lab" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    return tmp_path


def edit(root: Path, name: str, old: str, new: str) -> None:
    path = root / "calibration_lab" / name
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("scores.py", "# the square", "# the squared difference: Brier 1950"),
        ("scores.py", "  # the square", ""),
        ("scores.py", "Squared error.", "Squared\n\n    error, in [0, 1].\n    "),
        ("scores.py", '    """Squared error."""\n', ""),
        ("scores.py", '"""Scores."""', '"""Überschrift: §."""; '),
        ("scores.py", "\n\ndef", "\n\n\n\ndef"),
        ("unused.py", "x = 1", "x = 2"),
        ("experiments/__init__.py", "registry = 1", "registry = 2"),
        ("__init__.py", 'VERSION = "1"', 'VERSION = "2"'),
    ],
)
def test_what_does_not_decide_a_result_leaves_it_current(package, name, old, new):
    before = source_digest(TOY, package)
    edit(package, name, old, new.removesuffix("; "))
    assert source_digest(TOY, package) == before


@pytest.mark.parametrize(
    ("name", "old", "new"),
    [
        ("scores.py", "** 2", "** 3"),
        ("batched.py", "return brier", "return None"),
        ("experiments/toy/measures.py", "a\n", "a \n"),
        ("experiments/toy/measures.py", "\n\n", "\n"),
        ("experiments/toy/experiment.py", "import batched", "import batched, unused"),
        ("experiments/toy/experiment.py", "import batched", "import batched, VERSION"),
    ],
)
def test_what_decides_a_result_makes_it_stale(package, name, old, new):
    before = source_digest(TOY, package)
    edit(package, name, old, new)
    assert source_digest(TOY, package) != before


def test_the_package_itself_counts_once_a_name_is_imported_out_of_it(package):
    edit(package, "experiments/toy/experiment.py", "import batched", "import VERSION")
    before = source_digest(TOY, package)
    edit(package, "__init__.py", 'VERSION = "1"', 'VERSION = "2"')
    assert source_digest(TOY, package) != before


@pytest.mark.parametrize(
    ("name", "old", "new", "counts"),
    [
        ("calibration/forecasts.py", "abs(p - y)", "abs(y - p)", True),
        ("calibration/__init__.py", "10", "15", True),
        ("calibration/multiclass.py", "1", "2", False),
    ],
)
def test_a_name_that_a_package_re_exports_counts_with_both_files(package, name, old, new, counts):
    imported = "import batched\nfrom calibration_lab.calibration import ece"
    edit(package, "experiments/toy/experiment.py", "import batched", imported)
    before = source_digest(TOY, package)
    edit(package, name, old, new)
    assert (source_digest(TOY, package) != before) == counts


def test_a_package_goes_before_a_module_of_its_name(package):
    """As in Python: the module beside it is never imported."""
    edit(package, "experiments/toy/experiment.py", "import batched", "import calibration")
    before = source_digest(TOY, package)
    shadowed = package / "calibration_lab" / "calibration.py"
    shadowed.write_text("x = 1\n")
    assert source_digest(TOY, package) == before


def test_strings_and_braces_do_not_confuse_the_digest(package):
    text = (
        'a = "# no comment"\n'
        'b = f"""{a}  \n\n# nor this {f\'{a}\'}\n"""  # but this\n'
        '"""idle"""\n'
        "c = 1\n"
    )
    target = package / "calibration_lab" / "experiments" / "toy" / "measures.py"
    target.write_text(text)
    before = source_digest(TOY, package)
    target.write_text(text.replace("  # but this", "").replace('"""idle"""\n', "\n\n"))
    assert source_digest(TOY, package) == before
    for old, new in (
        ("# no comment", "# No"),
        ("# nor", "# or"),
        ("}  \n", "}\n"),
        ("\n\n#", "\n#"),
    ):
        target.write_text(text.replace(old, new, 1))
        assert source_digest(TOY, package) != before, old


def test_the_digest_is_the_same_under_every_python(package):
    # taken under Python 3.11; the same text has to come out under 3.12 and 3.13
    expected = "e61903c2de08b9bc"
    assert source_digest(TOY, package)[:16] == expected


# --- The package itself


ORDER = (
    "scores", "calibration", "uncertainty", "agreement", "batched", "statements", "results",
    "figures", "language_model", "experiments", "site",
)  # fmt: skip


def imported_parts(path: Path) -> Iterator[str]:
    """First name below the package of every module that a file imports."""
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
        if isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path} imports relatively"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for top, part, *_ in (name.split(".") for name in names if "." in name):
            if top == "calibration_lab":
                yield part


@pytest.mark.parametrize("part", ORDER)
def test_imports_go_down_one_order_only(source, part):
    folder = source / "calibration_lab" / part
    files = list(folder.rglob("*.py"))
    assert files
    for path in files:
        above = {*imported_parts(path)} - {*ORDER[: ORDER.index(part) + 1]}
        assert not above, f"{path} imports {above}"


@pytest.mark.slow
def test_a_wheel_holds_the_data_files(root, tmp_path):
    for name in ("pyproject.toml", "README.md", "LICENSE", "LICENSE-TEXT"):
        shutil.copy(root / name, tmp_path)
    leave = shutil.ignore_patterns("__pycache__", "*.egg-info")
    shutil.copytree(root / "src", tmp_path / "src", ignore=leave)  # a build leaves files beside it
    command = [sys.executable, "-m", "pip", "wheel", "--no-deps", "--no-build-isolation"]
    command += ["--no-index", "--wheel-dir", str(tmp_path / "wheels"), str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    (wheel,) = (tmp_path / "wheels").iterdir()
    with zipfile.ZipFile(wheel) as archive:
        held = set(archive.namelist())
    package = root / "src" / "calibration_lab"
    data = [package / "py.typed", *package.glob("site/static/*"), *package.glob("record/[!.]*")]
    assert len(data) > 2
    modules = package.rglob("*.py")
    expected = {path.relative_to(package.parent).as_posix() for path in [*data, *modules]}
    assert expected <= held


def test_a_module_that_does_not_exist(package):
    with pytest.raises(ModuleNotFoundError, match="no source file"):
        source_digest("calibration_lab.absent", package)
