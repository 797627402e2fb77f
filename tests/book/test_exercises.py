"""The Python that chapters print, worked solutions included, runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

BOOK = Path(__file__).resolve().parents[2] / "book"
CODE = re.compile(r"```\{code-block\} python\n(.*?)```", flags=re.S)
BLOCKS = [
    (page.name, number, code)
    for page in sorted(BOOK.glob("*.md"))
    for number, code in enumerate(CODE.findall(page.read_text("utf-8")))
]


CHAPTERS = sorted(page.name for page in BOOK.glob("[0-9]-*.md"))


def test_every_chapter_prints_code():
    assert len(CHAPTERS) >= 4
    assert set(CHAPTERS) <= {page for page, _, _ in BLOCKS}


@pytest.mark.parametrize(
    ("page", "number", "code"), BLOCKS, ids=[f"{page}-{number}" for page, number, _ in BLOCKS]
)
def test_printed_code_runs(page, number, code):
    exec(compile(code, f"{page}, code block {number}", "exec"), {})


@pytest.mark.parametrize("page", CHAPTERS)
def test_every_exercise_has_a_folded_solution_that_can_be_stripped(page):
    text = (BOOK / page).read_text("utf-8")
    exercises = re.findall(r"^`{3,}\{exercise\}.*\n:label: (\S+)", text, flags=re.M)
    solutions = re.findall(
        r"^`{3,}\{solution\} (\S+)\n(?::label: \S+\n)?:class: dropdown", text, flags=re.M
    )
    assert len(exercises) >= 5
    assert sorted(exercises) == sorted(solutions)
