"""Drawings that several figures of this chapter share: bands over seeds, panels, grouped dots."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from calibration_lab.figures import WIDTH, Band, Drawing, number, with_interval
from calibration_lab.results import Result
from calibration_lab.statements import Measured
from calibration_lab.uncertainty import mean_interval

__all__ = ["LINES", "MARKERS", "above", "band", "grouped", "panels"]

MARKERS, LINES = "osD^vP", ("-", "--", ":", "-.", "-", "--")


def band(table: pd.DataFrame, x: str, y: str, bounds: tuple[float, float] = (0, 1)) -> Band:
    """Mean and interval over seeds of ``y`` at each value of ``x``, in ascending order."""
    wide = table.pivot(index="seed", columns=x, values=y)
    found = [mean_interval(wide[column].dropna(), bounds=bounds) for column in wide]
    return Band(*(np.array([getattr(f, k) for f in found]) for k in ("estimate", "low", "high")))


def above(drawing: Drawing, columns: int = 2) -> Drawing:
    """The same drawing with its legend above the axes, out of the way of the curves."""

    def draw() -> Figure:
        figure = drawing.figure()
        axes = figure.axes[0]
        handles = axes.get_legend_handles_labels()
        axes.legend_ = None
        figure.legend(*handles, loc="outside upper center", ncols=columns)
        return figure

    return Drawing(draw, drawing.alt, drawing.caption)


def panels(
    bands: Mapping[str, Mapping[str, Band]], x: Sequence[float], *, xlabel: str, ylabel: str,
    about: str,
) -> Drawing:  # fmt: skip
    """One panel below the other, each with the same curves; the legend stands above them."""

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 1.0 + 2.1 * len(bands)))
        for axes, (title, curves) in zip(
            np.atleast_1d(figure.subplots(len(bands), 1, sharex=True)), bands.items(), strict=True
        ):
            for i, (label, found) in enumerate(curves.items()):
                axes.fill_between(x, found.low, found.high, color=f"C{i}", alpha=0.25, linewidth=0)
                axes.plot(x, found.estimate, color=f"C{i}", marker=MARKERS[i], markersize=5,
                          linestyle=LINES[i], label=label)  # fmt: skip
            axes.set(title=title, ylabel=ylabel, ylim=(-0.03, 1.05))
        figure.axes[-1].set(xlabel=xlabel, xticks=list(x))
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2
        )
        return figure

    def told(found: Band, i: int) -> str:
        return with_interval(*(float(np.asarray(edge)[i]) for edge in found if edge is not None))

    parts = [
        f"{title}: "
        + ", ".join(
            f"{label} from {told(found, 0)} at {number(x[0])} to {told(found, -1)} at "
            f"{number(x[-1])}"
            for label, found in curves.items()
        )
        for title, curves in bands.items()
    ]
    return Drawing(draw, f"{about} {'; '.join(parts)}.")


def grouped(
    result: Result, rows: Mapping[str, Mapping[str, Measured]], xlabel: str, about: str
) -> Drawing:
    """Rows of dots with intervals over seeds; equal series have one colour and marker."""
    found = {
        row: {
            label: mean_interval(value.values(result.tables, "seed"), bounds=(0, 1))
            for label, value in series.items()
        }
        for row, series in rows.items()
    }

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 1.3 + 0.62 * len(rows)))
        axes = figure.subplots()
        for y, series in enumerate(found.values()):
            for i, (label, m) in enumerate(series.items()):
                axes.errorbar(
                    m.estimate, y + 0.18 * (i - (len(series) - 1) / 2),
                    xerr=np.nan_to_num([[m.estimate - m.low], [m.high - m.estimate]]),
                    color=f"C{i}", marker=MARKERS[i], markersize=7, linestyle="", capsize=3,
                    label=label if y == 0 else None,
                )  # fmt: skip
        axes.set(xlabel=xlabel, ylim=(len(rows) - 0.5, -0.5))
        axes.set_yticks(range(len(rows)), list(rows))
        handles = axes.get_legend_handles_labels()
        figure.legend(*handles, loc="outside upper center", ncols=min(len(handles[0]), 2))
        return figure

    told = "; ".join(
        f"{row}: "
        + ", ".join(
            f"{label} {with_interval(m.estimate, m.low, m.high)}" for label, m in series.items()
        )
        for row, series in found.items()
    )
    return Drawing(draw, f"{about} {told}.")
