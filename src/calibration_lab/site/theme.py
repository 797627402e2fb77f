"""Repairs of sphinx-book-theme 1.2, and the style and script of the book's own directives.

Each repair answers a finding of axe (the accessibility checker) on the theme's own HTML, and is
applied to the written pages. ``tests/book`` runs axe on every page, so a repair that a new theme
makes needless or wrong shows there.
"""

from __future__ import annotations

import re
from importlib.resources import files
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration_lab.results import write_atomically

if TYPE_CHECKING:
    from sphinx.application import Sphinx

STATIC = Path(str(files("calibration_lab.site") / "static"))

REPAIRS: list[tuple[re.Pattern[str], str]] = [
    # the sidebar's disclosure triangle has no name
    (
        re.compile(r'<summary><span class="toctree-toggle"'),
        '<summary aria-label="Show or hide the pages below"><span class="toctree-toggle"',
    ),
    # the button shows "Search Ctrl+K" but is named "Search"
    (re.compile(r'(<button[^>]*?search-button[^>]*?)\saria-label="Search"'), r"\1"),
    (re.compile(r'aria-label="Color mode"'), 'aria-label="Color mode: light, dark or system"'),
    (re.compile(r'<summary aria-label="Toggle hidden content">'), "<summary>"),
    # the sidebar lies in no landmark
    (
        re.compile(r'<div id="pst-primary-sidebar"'),
        '<div id="pst-primary-sidebar" role="region" aria-label="Book"',
    ),
    # pandas writes an empty header cell, and the same style block with every table
    (re.compile(r"<th></th>"), "<td></td>"),
    (re.compile(r'<style scoped(?:="")?>\s*\.dataframe.*?</style>', re.S), ""),
    # the bibliography is a list without list items, in a role that is deprecated
    (re.compile(r'<div role="list" class="citation-list">'), '<div class="citation-list">'),
    (re.compile(r' role="doc-biblioentry"'), ""),
]


def repair(page: str) -> str:
    """Repair the HTML of one written page.

    Parameters
    ----------
    page : str
        The page as the theme wrote it.

    Returns
    -------
    str
        The page with every repair made.

    Examples
    --------
    >>> repair('<table><tr><th></th></tr></table>')
    '<table><tr><td></td></tr></table>'
    """
    for pattern, replacement in REPAIRS:
        page = pattern.sub(replacement, page)
    return page


def repair_pages(app: Sphinx, error: Exception | None) -> None:
    """Repair every page that was written."""
    if error is not None or app.builder.format != "html":
        return
    for path in Path(app.outdir).rglob("*.html"):
        if "_static" in path.parts:
            continue
        page = path.read_text("utf-8")
        repaired = repair(page)
        if repaired != page:
            write_atomically(path, repaired.encode())


def share_html_handlers(app: Sphinx) -> None:
    """Let the single-page builder draw what every other extension registered for HTML.

    sphinx-proof registers handlers for ``singlehtml``; Sphinx then looks there only, and finds none
    of sphinx-design's.
    """
    handlers = app.registry.translation_handlers
    if "singlehtml" in handlers:
        handlers["singlehtml"] = {**handlers["html"], **handlers["singlehtml"]}


def add_static(app: Sphinx) -> None:
    """Add the style and the script of the book's own directives to the site."""
    app.config.html_static_path.append(str(STATIC))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("builder-inited", share_html_handlers)
    app.connect("builder-inited", add_static)
    app.connect("build-finished", repair_pages)
    app.add_css_file("directives.css")
    # at once, before anything is drawn: what only makes sense with, or without, scripts
    app.add_js_file(None, body='document.documentElement.classList.add("scripted")', priority=1)
    app.add_js_file("directives.js", loading_method="defer")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
