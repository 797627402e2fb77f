"""Figures drawn from results, and where those results come from.

``experiment-figure`` places the drawing that an experiment's ``figures.py`` lists under a name, in
a light and a dark version with a text alternative made from the same data::

    ```{experiment-figure} binary-reward/confidence
    :name: fig-confidence

    Caption; without one the drawing's own is used.
    ```

``experiment-slider`` places a mapping of drawings behind a slider; its argument is followed by
``:label:``, the name of what the slider moves. ``provenance`` prints where an experiment's result
comes from: when and on what it was computed, from which seeds, at what cost, and whether the source
changed since.
"""

from __future__ import annotations

import os
import re
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from docutils import nodes
from docutils.parsers.rst import directives
from sphinx.util.docutils import SphinxDirective

from calibration_lab import experiments
from calibration_lab.figures.drawing import Drawing
from calibration_lab.results import Provenance, write_atomically
from calibration_lab.site import store
from calibration_lab.site.slider import Slider
from calibration_lab.site.tables import html

if TYPE_CHECKING:
    from sphinx.application import Sphinx

    from calibration_lab.results import Result

FOLDER = "drawings"  # beside Sphinx's own doctrees


@cache
def drawing(key: str) -> Drawing | dict[str, Drawing]:
    """Draw a figure of an experiment from its published result.

    Parameters
    ----------
    key : str
        Name of the experiment or exhibit, a slash, and the name in its ``FIGURES``.

    Raises
    ------
    MissingError
        If there is no such figure, or no result to draw it from.
    """
    name = store.experiment_of(key)
    figures = store.beside(name, "figures").FIGURES
    figure = key.removeprefix(name).lstrip("/")
    if figure not in figures:
        raise store.missing("figure", key, (f"{name}/{known}" for known in figures))
    made: Drawing | dict[str, Drawing] = figures[figure](store.result(name))
    return made


class ExperimentFigure(SphinxDirective):
    """The ``experiment-figure`` directive."""

    required_arguments = 1
    has_content = True
    option_spec: ClassVar[dict[str, Any]] = {
        "name": directives.unchanged_required,
        "class": directives.class_option,
    }

    def run(self) -> list[nodes.Node]:
        """Place the figure in both versions, with its caption and number."""
        key = self.arguments[0]
        try:
            store.note_experiment(self.env, key)
            figure = self.figure(key)
        except store.MissingError as problem:
            store.warn(str(problem), self.get_location())
            return [nodes.paragraph("", f"[missing figure: {key}]")]
        self.add_name(figure)
        return [figure]

    def figure(self, key: str) -> nodes.figure:
        """Make the figure's node."""
        made = drawing(key)
        if not isinstance(made, Drawing):
            raise store.MissingError(f"{key} is several drawings: use experiment-slider")
        images = []
        for theme in ("light", "dark"):
            file = f"{re.sub('[^a-z0-9]+', '-', key)}-{theme}.svg"
            path = Path(self.env.doctreedir).parent / FOLDER / file
            write_if_new(path, made.svg(dark=theme == "dark"))
            uri = "/" + Path(os.path.relpath(path, self.env.srcdir)).as_posix()
            images.append(nodes.image(uri=uri, alt=made.alt, classes=[f"only-{theme}"]))
        # not beside the caption, which the theme hides with the version that is not for it
        pair = nodes.container("", *images, classes=["drawing-pair"])
        return self.captioned([pair], made.caption)

    def captioned(self, body: list[nodes.Node], default: str) -> nodes.figure:
        """Put a caption below: the directive's content, or else the drawing's own."""
        text = " ".join(line.strip() for line in self.content) or default
        if not text:
            raise self.error(f"{self.arguments[0]} needs a caption: it has none of its own")
        parsed, messages = self.state.inline_text(text, self.lineno)
        classes = ["experiment-figure", *self.options.get("class", [])]
        figure = nodes.figure("", *body, nodes.caption("", "", *parsed), *messages, classes=classes)
        self.set_source_info(figure)
        return figure


class ExperimentSlider(ExperimentFigure):
    """The ``experiment-slider`` directive."""

    option_spec: ClassVar[dict[str, Any]] = {
        **ExperimentFigure.option_spec,
        "label": directives.unchanged_required,
        "start": directives.nonnegative_int,
    }

    def figure(self, key: str) -> nodes.figure:
        """Make the node of a figure that holds the slider."""
        made = drawing(key)
        if isinstance(made, Drawing):
            raise store.MissingError(f"{key} is one drawing: use experiment-figure")
        try:
            slider = Slider(made, self.options.get("label", ""), self.options.get("start", 0))
        except ValueError as problem:
            raise self.error(str(problem)) from None
        return self.captioned([html(slider.html())], next(iter(made.values())).caption)


def write_if_new(path: Path, text: str) -> None:
    """Write a file unless it holds the text already, so that its date says when it changed."""
    if not path.exists() or path.read_text("utf-8") != text:
        write_atomically(path, text.encode())


# ---- provenance -------------------------------------------------------------------------------


def seed_range(seeds: tuple[int, ...]) -> str:
    """Write seeds briefly.

    Examples
    --------
    >>> seed_range((1000, 1001, 1002)), seed_range((3, 5)), seed_range((7,))
    ('3 seeds, 1000 to 1002', '2 seeds, 3 and 5', '1 seed, 7')
    """
    if len(seeds) == 1:
        return f"1 seed, {seeds[0]}"
    if seeds == tuple(range(seeds[0], seeds[-1] + 1)) and len(seeds) > 2:
        return f"{len(seeds)} seeds, {seeds[0]} to {seeds[-1]}"
    listed = f"{', '.join(map(str, seeds[:-1]))} and {seeds[-1]}"
    return f"{len(seeds)} seeds, {listed}"


def duration(seconds: float) -> str:
    """Write a time for readers.

    Examples
    --------
    >>> duration(8.4), duration(250), duration(9000)
    ('8 s', '4 min', '2.5 h')
    """
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def account(result: Result) -> dict[str, str]:
    """Say where a result comes from, as heads and words."""
    found: Provenance = result.provenance
    versions = ", ".join(f"{package} {version}" for package, version in found.versions.items())
    return {
        "Result": f"{result.name}, {result.origin}",
        "Seeds": seed_range(found.seeds),
        "Cost": f"{duration(found.cpu_seconds)} of processor time on {found.machine}",
        "Versions": versions,
        "Code": "unchanged since" if result.current else "changed since this was computed",
    }


class ProvenanceOf(SphinxDirective):
    """The ``provenance`` directive."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Print a folded list of where the result comes from, its first line always in sight.

        A note stands above it where the book would compute the result itself, and has not: where
        nothing ran yet, or what it needs could not be had.
        """
        name = self.arguments[0]
        try:
            store.note_experiment(self.env, name)
            told = account(store.result(name))
        except store.MissingError as problem:
            store.warn(str(problem), self.get_location())
            return []
        items = [
            nodes.definition_list_item(
                "", nodes.term("", head), nodes.definition("", nodes.paragraph("", text))
            )
            for head, text in told.items()
            if head != "Result"
        ]
        summary = f"<details><summary>Where this comes from: {told['Result']}</summary>"
        listed = nodes.definition_list("", *items)
        box = nodes.container("", html(summary), listed, html("</details>"), classes=["provenance"])
        return [*self.not_from_here(name), box]

    def not_from_here(self, name: str) -> list[nodes.Node]:
        """Make the note that a headline result was not computed on this machine, if so."""
        headline = experiments.get(name).tier == "headline"
        if not headline or experiments.own(name) is not None:
            return []
        command = f"python -m calibration_lab run {name}"
        said = nodes.paragraph(
            "",
            "",
            nodes.Text("This part was not computed on this machine. Shown is the published run, "),
            nodes.Text(f"{store.result(name).origin}. To compute it here: "),
            nodes.literal(command, command),
            nodes.Text("."),
        )
        return [nodes.note("", said, classes=["not-from-here"])]


def setup(app: Sphinx) -> dict[str, Any]:
    """Register with Sphinx."""
    app.add_directive("experiment-figure", ExperimentFigure)
    app.add_directive("experiment-slider", ExperimentSlider)
    app.add_directive("provenance", ProvenanceOf)
    return {"version": "1", "parallel_read_safe": True, "parallel_write_safe": True}
