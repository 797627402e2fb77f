"""MathJax served by the book itself, so that reading it asks no other host.

The package sphinx-mathjax-offline carries the files; its own ``setup`` would copy all 24 MB, while
one self-contained file (2 MB, glyphs drawn as SVG paths, no fonts) is enough.
"""

from __future__ import annotations

from importlib.metadata import distribution
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sphinx.util.fileutil import copy_asset

if TYPE_CHECKING:
    from sphinx.application import Sphinx

CARRIER = "sphinx-mathjax-offline"
BUNDLE = "static/mathjax/tex-svg.js"


def bundle() -> Path:
    """Find the MathJax file that the carrier package brought along.

    Returns
    -------
    Path
        The file ``tex-svg.js``.

    Raises
    ------
    FileNotFoundError
        If the installed carrier does not contain it.
    """
    for file in distribution(CARRIER).files or []:
        if file.as_posix().endswith(BUNDLE):
            return Path(str(file.locate()))
    raise FileNotFoundError(f"{CARRIER} carries no {BUNDLE}")


def copy_mathjax(app: Sphinx, error: Exception | None) -> None:
    """Copy MathJax beside the pages, once they are written."""
    if error is None and app.builder.format == "html":
        copy_asset(str(bundle()), str(Path(app.outdir, "_static", "mathjax")))


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.connect("build-finished", copy_mathjax)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
