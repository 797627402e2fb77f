"""The forest plot: judged statements below each other, each with its threshold and verdict."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from matplotlib.figure import Figure

from calibration_lab.figures.drawing import WIDTH, Drawing, declared, require_some, tell_interval

if TYPE_CHECKING:
    from calibration_lab.statements import Judgement

VERDICTS = {"supported": ("C2", "o"), "refuted": ("C1", "X"), "inconclusive": ("C5", "D")}


def forest_plot(
    judgements: Sequence[Judgement],
    *,
    labels: Mapping[str, str] | None = None,
    caption: str = "",
    xlabel: str = "Effect, with its 95% interval",
) -> Drawing:
    """Draw each judged statement's effect and interval beside its threshold and verdict.

    Parameters
    ----------
    judgements : sequence of Judgement
        From top to bottom; those without an effect are listed but have no point.
    labels : mapping, optional
        Short name of each statement by key; by default the key's last part.
    caption, xlabel : str
        Text below the figure and at its axis.

    Raises
    ------
    ValueError
        If there is no judgement.
    """
    require_some("judgements", judgements)
    names = [(labels or {}).get(j.key, j.key.split("/")[-1].replace("-", " ")) for j in judgements]

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 1.2 + 0.62 * len(judgements)))
        axes = figure.subplots()
        for row, judgement in enumerate(judgements):
            colour, marker = VERDICTS[judgement.verdict]
            found = judgement.interval
            if found is not None and math.isfinite(found.estimate):
                axes.hlines(row, found.low, found.high, color=colour, linewidth=2.5)
                axes.plot(found.estimate, row, marker, color=colour, markersize=9)
            axes.vlines(0, row - 0.25, row + 0.4, color="grey", linewidth=0.8, zorder=0)
            for mark in _marks(judgement):
                axes.vlines(mark, row - 0.25, row + 0.4, color="grey", linestyle="--", zorder=1)
            axes.annotate(
                f"{names[row]}: {judgement.verdict}", (0, row - 0.3), fontsize=10, va="bottom",
                xycoords=("axes fraction", "data"),
            )  # fmt: skip
        axes.set(xlabel=xlabel, yticks=[], ylim=(len(judgements) - 0.5, -0.9))
        axes.spines["left"].set_visible(False)
        return figure

    told = "; ".join(
        f"{name}: {tell_interval(j.interval)}, threshold {_tell_marks(j)}, {j.verdict}"
        for name, j in zip(names, judgements, strict=True)
    )
    return Drawing(draw, f"Effects with intervals, thresholds and verdicts. {told}.", caption)


def _marks(judgement: Judgement) -> list[float]:
    return [edge for edge in judgement.region if math.isfinite(edge)]


def _tell_marks(judgement: Judgement) -> str:
    return " and ".join(declared(mark) for mark in _marks(judgement)) or "none"
