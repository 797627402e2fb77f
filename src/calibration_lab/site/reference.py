"""Docstrings as the API page shows them.

The package's docstrings are written to be read in a terminal too. Two of their habits are no reST:
a column of fields (``name : type   what it is``), and a ``Source:`` line after the last section.
"""

from __future__ import annotations

import re
from itertools import groupby
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

FIELD = re.compile(r"(?P<name>[\w*][\w*, ]*) : (?P<type>\S.*?)(?:\s{2,}(?P<text>\S.*))?")
SOURCE = re.compile(r"Sources?: ")


def field_list(lines: list[str]) -> list[str]:
    """Turn a column of fields into a list; leave any other paragraph as it is.

    Parameters
    ----------
    lines : list of str
        One paragraph.

    Returns
    -------
    list of str
        As reST.

    Examples
    --------
    >>> field_list(["key : str    Its name,", "              in lower case."])
    ['* ``key`` (str): Its name, in lower case.']
    >>> field_list(["Any text."])
    ['Any text.']
    """
    items: list[str] = []
    for line in lines:
        found = FIELD.fullmatch(line)
        if line.startswith(" ") and items:
            items[-1] += f" {line.strip()}"
        elif found and (found["text"] or items):
            names = ", ".join(f"``{name.strip()}``" for name in found["name"].split(","))
            items.append(f"* {names} ({found['type']}): {found['text'] or ''}".rstrip(": "))
        else:
            return lines
    return items


def as_rest(lines: list[str]) -> list[str]:
    """Turn a docstring into what the NumPy-docstring reader understands.

    Parameters
    ----------
    lines : list of str
        The docstring.

    Returns
    -------
    list of str
        The docstring, its columns of fields as lists and its sources in a section of their own.
    """
    done: list[str] = []
    for blank, group in groupby(lines, key=lambda line: not line.strip()):
        paragraph = list(group)
        if not blank and SOURCE.match(paragraph[0]):
            paragraph = ["References", "----------", *paragraph]
        elif not blank and not any(set(line.strip()) == {"-"} for line in paragraph):
            paragraph = field_list(paragraph)
        done += paragraph
    return done


def process(
    _app: Sphinx, _what: str, _name: str, _obj: Any, _options: Any, lines: list[str]
) -> None:
    """Rewrite a docstring in place, before the NumPy-docstring reader sees it."""
    lines[:] = as_rest(lines)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("autodoc-process-docstring", process, priority=100)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
