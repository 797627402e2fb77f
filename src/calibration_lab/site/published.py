"""Figures that papers report, kept in one table and quoted with their citation.

The table (``published_table`` in ``_config.yml``) is a CSV with the columns

=========  ====================================================================================
key        name by which a page quotes it: lower-case words joined by hyphens
value      as the paper prints it
unit       such as ``%``; empty if none
what       what was measured, on what, in words
source     key of the paper in the bibliography
where      table, figure or section of the paper
status     ``verified`` (looked up in the paper), ``recomputed`` (from data or results that its
           authors released), ``secondary`` (from another's account of it) or ``unverified``
=========  ====================================================================================

The role ``published`` prints value, unit and citation; ``key:value`` leaves the citation out,
``key:where`` prints where in the paper, and ``key:what`` what it is. The directive
``published-table`` prints the rows whose keys begin with its argument, or all.
"""

from __future__ import annotations

import csv
import difflib
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective, SphinxRole
from sphinxcontrib.bibtex.roles import CiteRole

from calibration_lab.site.store import MissingError, warn
from calibration_lab.site.tables import Row, table

if TYPE_CHECKING:
    from sphinx.application import Sphinx

COLUMNS = ("key", "value", "unit", "what", "source", "where", "status")
STATUSES = {
    "verified": "✓ looked up in the paper",
    "recomputed": "✓ recomputed from the authors’ released results",
    "secondary": "◦ from another’s account",
    "unverified": "? not verified",
}
Record = dict[str, str]


def read_table(path: Path) -> dict[str, Record]:
    """Read the table of published figures.

    Parameters
    ----------
    path : Path
        CSV file with the columns above.

    Returns
    -------
    dict
        Key to row, in the order of the file.

    Raises
    ------
    ValueError
        If the columns are others, a key comes twice, a field that must say something is empty, or
        a status is unknown; the message names the row.
    """
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        if tuple(reader.fieldnames or ()) != COLUMNS:
            raise ValueError(
                f"{path.name} must have the columns {COLUMNS}, got {reader.fieldnames}"
            )
        rows: dict[str, Record] = {}
        for row in reader:
            key = row["key"]
            if key in rows:
                raise ValueError(f"{path.name} has the key {key!r} twice")
            empty = [c for c in COLUMNS if c != "unit" and not (row[c] or "").strip()]
            if empty:
                raise ValueError(f"{path.name}, row {key!r}: {', '.join(empty)} must not be empty")
            if row["status"] not in STATUSES:
                expected = ", ".join(STATUSES)
                raise ValueError(
                    f"{path.name}, row {key!r}: status must be one of {expected},"
                    f" got {row['status']!r}"
                )
            rows[key] = row
    return rows


@cache
def _read(path: Path, _changed: int) -> dict[str, Record]:
    return read_table(path)


def records(env: Any) -> dict[str, Record]:
    """Read the book's table, and have the page that is being read depend on it."""
    name = env.config.published_table
    path = Path(env.srcdir, name)
    env.note_dependency(name)
    if not path.exists():
        raise MissingError(f"the table of published figures {name} does not exist")
    return _read(path, path.stat().st_mtime_ns)


def shown_value(row: Record) -> str:
    r"""Write a published value with its unit.

    Examples
    --------
    >>> shown_value({"value": "38.9", "unit": "%"}), shown_value({"value": "8", "unit": "models"})
    ('38.9%', '8\xa0models')
    """
    unit = row["unit"].strip()
    value = row["value"].replace("-", "−") if row["value"].startswith("-") else row["value"]
    return f"{value}{unit}" if unit in ("", "%") else f"{value}\N{NO-BREAK SPACE}{unit}"


class Published(SphinxRole):
    """The ``published`` role."""

    def run(self) -> tuple[list[nodes.Node], list[nodes.system_message]]:
        """Print a published value with its citation, or the field that was asked for."""
        key, _, field = self.text.partition(":")
        try:
            known = records(self.env)
        except (MissingError, ValueError) as problem:
            warn(str(problem), self.get_location())
            return [nodes.strong("", self.text)], []
        if key not in known or field not in ("", "value", "where", "what"):
            near = ", ".join(difflib.get_close_matches(key, known)) or "nothing alike"
            warn(f"no published figure {self.text!r}: there is {near}", self.get_location())
            return [nodes.strong("", self.text)], []
        row = known[key]
        if field in ("what", "where"):
            parsed, messages = self.inliner.parse(
                row[field], self.lineno, self.inliner, self.inliner.parent
            )
            return parsed, messages
        shown = nodes.inline("", shown_value(row), classes=["published"])
        if field:
            return [shown], []
        cited, messages = CiteRole()(
            "cite:p", f"{{cite:p}}`{row['source']}`", row["source"], self.lineno, self.inliner
        )
        return [shown, nodes.Text(" "), *cited], messages


class PublishedTable(SphinxDirective):
    """The ``published-table`` directive."""

    optional_arguments = 1
    option_spec: ClassVar[dict[str, Any]] = {"class": directives.class_option}

    def run(self) -> list[nodes.Node]:
        """Print the rows whose keys begin with the argument."""
        start = self.arguments[0] if self.arguments else ""
        try:
            rows = [row for key, row in records(self.env).items() if key.startswith(start)]
        except (MissingError, ValueError) as problem:
            warn(str(problem), self.get_location())
            return []
        if not rows:
            warn(f"no published figure has a key that begins with {start!r}", self.get_location())
            return []
        body = []
        for row in rows:
            cited, _ = CiteRole()(
                "cite:t",
                "",
                row["source"],
                self.lineno,
                self.state.inliner,
            )
            what, _ = self.state.inline_text(row["what"], self.lineno)
            source = [*cited, nodes.Text(f", {row['where']}")]
            cells: Row = [what, shown_value(row), source, STATUSES[row["status"]]]
            body.append(cells)
        heads = ["What the paper reports", "Value", "Source", "Checked"]
        return [table(heads, body, label="Figures that papers report", classes=["published-table"])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_config_value("published_table", "book/published.csv", "env")
    app.add_role("published", Published())
    app.add_directive("published-table", PublishedTable)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
