"""The sources of pages: numbers are quoted from results, never typed; and JB-neutral Markdown.

The rule. A *result-like number* is a decimal fraction (``0.31``) or a percentage (``38%``). In the
prose of a page or of a notebook it may stand only

* in a formula (``$...$``, ``$$...$$``, a ``math`` directive): theory and worked arithmetic;
* in code, a role or a link target: ```` `alpha=0.05` ````, ``{measured}``, ``{published}``;
* in the role ``{given}``, which says that it was chosen by design;
* as the level of an interval, ``95%``;
* in a name: ``Python 3.11``, ``version 1.0.4``, ``GPT-3.5``, a numbered part of a paper.
"""

from __future__ import annotations

import json
import re

import pytest

LITERAL = ("math", "code", "code-block", "code-cell", "bibliography", "eval-rst", "literalinclude")
NUMBER = re.compile(r"(?<![\w.\-/])[-−+]?(?:\d+\.\d+%?|\d+\s?%)(?![\w/])")
NAMED = re.compile(
    r"\b(?:Python|[Vv]ersions?|PyTorch|Jupyter Book|Sphinx|arXiv:?|Sections?|Tables?|Figures?"
    r"|Equations?|Appendix|Chapters?|Theorems?|Lemmas?|CC BY|WCAG)\s*\d+(?:\.\d+)+"
)
FENCE = re.compile(r"^\s*(`{3,}|:{3,}|~{3,})\s*(\{?[\w:-]*\}?)")


def prose(text: str) -> list[tuple[int, str]]:
    """Return the lines of a page that are prose, numbered, without formulas, code and roles."""
    text = re.sub(r"\A---\n.*?\n---\n", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
    text = re.sub(r"<!--.*?-->", lambda m: "\n" * m[0].count("\n"), text, flags=re.S)
    kept: list[tuple[int, str]] = []
    literal: str | None = None
    for row, line in enumerate(text.splitlines(), start=1):
        fence = FENCE.match(line)
        if literal is not None:
            if fence and line.strip().startswith(literal) and not fence[2]:
                literal = None
            kept.append((row, ""))
        elif fence:
            name = fence[2].strip("{}")
            if fence[1][0] != ":" and (not fence[2].startswith("{") or name in LITERAL):
                literal = fence[1] if fence[2] or line.strip() == fence[1] else None
            elif name in LITERAL:
                literal = fence[1]
            kept.append((row, line.split("}", 1)[-1] if literal is None else ""))
        else:
            kept.append((row, "" if re.match(r"\s*:[\w-]+:", line) else line))
    joined = "\n".join(line for _, line in kept)
    blank = lambda m: "\n" * m[0].count("\n") + " "  # noqa: E731
    joined = re.sub(r"\$\$.*?\$\$", blank, joined, flags=re.S)
    joined = re.sub(r"(\{[\w:-]+\})?(`+)(?!`).+?(?<!`)\2(?!`)", blank, joined, flags=re.S)
    joined = re.sub(r"(?<![\\$])\$[^$]+?\$", blank, joined, flags=re.S)
    joined = re.sub(r"\]\([^)\s]*\)|<https?:[^>]*>|https?://\S+", blank, joined)
    return list(enumerate(joined.split("\n"), start=1))


def typed_numbers(text: str) -> list[str]:
    """Return the result-like numbers in the prose of a page, each with its line."""
    found = []
    for row, line in prose(text):
        rest = NAMED.sub(" ", line)
        found += [
            f"line {row}: {n}" for n in NUMBER.findall(rest) if n.strip() not in ("95%", "95 %")
        ]
    return found


@pytest.mark.parametrize(
    "text",
    [
        "The gain is 0.31.", "It fell by 38%.", "- in 12.5 % of cases", "> a drop of −0.4 points",
        "```{note}\nIt is 0.31.\n```", ":::{tip} It is 0.5\nhere\n:::", "| a | 0.31 |",
        "a `code` and 0.31 and `code`",
    ],
)  # fmt: skip
def test_the_rule_finds(text):
    assert typed_numbers(text)


@pytest.mark.parametrize(
    "text",
    [
        "The gain is {measured}`a/b:effect`.", "A level of {given}`0.05`.", "With $\\beta = 0.5$.",
        "$$\n0.25\n$$", "```python\nx = 0.5\n```", "```{math}\n0.5\n```", "a 95% interval",
        "Python 3.11 and Section 4.2", "[a link](https://example.org/0.5%)", "`x=0.5`", "32 seeds",
        "---\ntitle: 0.5\n---\ntext", "```{figure} x.svg\n:width: 0.5\ncaption\n```",
        "````{note}\n```python\nx = 0.5\n```\n````",
    ],
)  # fmt: skip
def test_the_rule_allows(text):
    assert not typed_numbers(text)


def test_no_result_is_typed_into_a_page(root, book_source):
    assert not typed_numbers((root / book_source).read_text("utf-8"))


def test_no_result_is_typed_into_a_notebook(root, lab):
    cells = json.loads((root / lab).read_text("utf-8"))["cells"]
    texts = ["".join(cell["source"]) for cell in cells if cell["cell_type"] == "markdown"]
    assert not [found for text in texts for found in typed_numbers(text)]


def test_page_names_are_lower_case_and_hyphenated(book_source):
    name = book_source.rsplit("/", 1)[-1].removesuffix(".md")
    assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
