"""Tables of the book: scrollable where they are wide, and one card per row on a phone."""

from __future__ import annotations

from collections.abc import Sequence
from html import escape

from docutils import nodes

Cell = str | Sequence[nodes.Node]
Row = list[Cell]


def html(text: str) -> nodes.raw:
    """Wrap a piece of HTML for the page writer."""
    return nodes.raw("", text, format="html")


def _filled(entry: nodes.Element, cell: Cell) -> nodes.Element:
    blocks = (nodes.paragraph, nodes.container, nodes.bullet_list)
    if isinstance(cell, str):
        entry += nodes.paragraph("", cell)
    elif any(isinstance(node, blocks) for node in cell):
        entry.extend(cell)
    else:
        entry += nodes.paragraph("", "", *cell)
    return entry


def table(
    heads: Sequence[str],
    rows: Sequence[Row],
    *,
    label: str,
    classes: Sequence[str] = (),
    ids: Sequence[str] = (),
) -> nodes.container:
    """Make a table that a keyboard can scroll and that becomes cards on a phone.

    Parameters
    ----------
    heads : sequence of str
        Head of each column; on a phone it stands before each cell.
    rows : sequence of rows
        Each a list of cells: text, or parsed nodes.
    label : str
        Name of the table for a screen reader.
    classes : sequence of str
        Further classes of the table.
    ids : sequence of str
        One anchor per row, if any.

    Raises
    ------
    ValueError
        If a row does not have one cell per head.
    """
    group = nodes.tgroup(cols=len(heads))
    group.extend(nodes.colspec(colwidth=1) for _ in heads)
    group += nodes.thead("", _row(heads))
    body = nodes.tbody()
    for number, cells in enumerate(rows):
        if len(cells) != len(heads):
            raise ValueError(f"a row must have {len(heads)} cells, got {len(cells)}: {cells!r}")
        row = nodes.row()
        for head, cell in zip(heads, cells, strict=True):
            entry = _filled(nodes.entry(), cell)
            # seen where the head is not: on a phone
            entry.insert(0, nodes.inline("", f"{head}: ", classes=["cell-head"]))
            row += entry
        if ids:
            row[0].insert(0, nodes.target("", "", ids=[ids[number]]))
        body += row
    group += body
    made = nodes.table("", group, classes=["cards-on-phone", *classes])
    region = f'<div class="table-region" role="region" tabindex="0" aria-label="{escape(label)}">'
    return nodes.container("", html(region), made, html("</div>"))


def _row(heads: Sequence[str]) -> nodes.row:
    return nodes.row("", *(nodes.entry("", nodes.paragraph("", head)) for head in heads))
