"""The book's own roles and directives, its local MathJax and its repairs of the theme.

``calibration_lab.site`` is a Sphinx extension (see ``_config.yml``); ``calibration_lab.site.build``
builds the whole book. No experiment imports this room.

=========================  ==========================================================
``measured`` role          a result, quoted from the store (:mod:`.numbers`)
``given`` role             a constant chosen by design, not a result (:mod:`.numbers`)
``published``              a figure of a paper, quoted with its citation (:mod:`.published`)
``statement``              one judged statement as a box (:mod:`.verdicts`)
``verdict-table``          all statements of an experiment (:mod:`.verdicts`)
``experiment-figure``      a figure drawn from a result (:mod:`.exhibits`)
``experiment-slider``      several such figures behind a slider (:mod:`.exhibits`)
``provenance``             where a result comes from (:mod:`.exhibits`)
``quiz``, ``predict``      questions for the reader (:mod:`.questions`)
docstrings                 as the API page shows them (:mod:`.reference`)
=========================  ==========================================================
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from sphinx.application import Sphinx

PARTS = (
    "numbers",
    "published",
    "verdicts",
    "exhibits",
    "data",
    "questions",
    "reference",
    "theme",
    "mathjax",
)


def setup(app: Sphinx) -> dict[str, Any]:
    """Register every part of the book's extension with Sphinx.

    Parameters
    ----------
    app : Sphinx
        The running build.

    Returns
    -------
    dict
        The extension's metadata.
    """
    for part in PARTS:
        app.setup_extension(f"{__name__}.{part}")
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
