"""The drawings that several experiments share; each has a text alternative made from its data.

Every function returns a `Drawing`, which a notebook shows and the book places on a page.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from matplotlib.figure import Figure

from calibration_lab.figures.drawing import (
    HEIGHT,
    LINES,
    MARKERS,
    WIDTH,
    Drawing,
    declared,
    number,
    require_some,
    style,
    tell_interval,
    with_interval,
)
from calibration_lab.figures.forest import forest_plot

if TYPE_CHECKING:
    from matplotlib.axes import Axes

    from calibration_lab.calibration import ReliabilityCurve
    from calibration_lab.uncertainty.confidence_limits import Interval

__all__ = [
    "HEIGHT",
    "WIDTH",
    "Band",
    "Drawing",
    "dot_interval",
    "forest_plot",
    "number",
    "reliability_diagram",
    "style",
    "sweep",
    "with_interval",
]

APART = 0.08  # of a logarithmic axis: labels of ticks that are nearer would overlap


def reliability_diagram(
    curves: Mapping[str, ReliabilityCurve],
    *,
    caption: str = "",
    xlabel: str = "Stated probability",
    ylabel: str = "Observed frequency",
) -> Drawing:
    """Draw reliability curves with their intervals, and below them how many forecasts each bin has.

    Parameters
    ----------
    curves : mapping
        Label to curve, at most six; bins without a forecast are not drawn.
    caption, xlabel, ylabel : str
        Text below the figure and at its axes.

    Raises
    ------
    ValueError
        If there is no curve.
    """
    require_some("curves", curves)

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.6))
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        top.plot([0, 1], [0, 1], "--", color="grey", marker="", linewidth=1, label="calibrated")
        for index, (label, curve) in enumerate(curves.items()):
            full = curve.count > 0
            x, y = curve.confidence[full], curve.frequency[full]
            reach = np.nan_to_num(np.vstack([y - curve.low[full], curve.high[full] - y]))
            _points(top, index, x, y, np.clip(reach, 0, None), label, line=True)
            centre = (curve.edges[1:] + curve.edges[:-1]) / 2
            span = np.diff(curve.edges) * 0.8 / len(curves)
            shift = (index - (len(curves) - 1) / 2) * span
            bottom.bar(centre + shift, curve.count, width=span, color=f"C{index}")
        top.set(xlim=(-0.02, 1.02), ylim=(-0.02, 1.02), ylabel=ylabel)
        bottom.set(xlabel=xlabel, ylabel="Forecasts")
        top.legend(loc="upper left")
        return figure

    told = "; ".join(f"{label}: {_tell_reliability(curve)}" for label, curve in curves.items())
    return Drawing(
        draw, f"Reliability diagram with the number of forecasts per bin. {told}.", caption
    )


def _tell_reliability(curve: ReliabilityCurve) -> str:
    full = np.flatnonzero(curve.count > 0)
    if len(full) == 0:
        return "no forecasts"
    bins = []
    for i in sorted(full[np.argsort(-curve.count[full], kind="stable")][:3]):
        seen = with_interval(curve.frequency[i], curve.low[i], curve.high[i])
        seen = seen.replace(" [interval undefined]", "")
        bins.append(f"stated {number(curve.confidence[i])} came true {seen} (of {curve.count[i]})")
    gap = curve.frequency - curve.confidence
    worst = int(np.nanargmax(np.abs(gap)))
    side = f"{number(abs(gap[worst]))} {'above' if gap[worst] > 0 else 'below'}"
    far = f"farthest from calibrated at stated {number(curve.confidence[worst])}, {side}"
    return f"{len(full)} of {len(curve.count)} bins hold forecasts; {', '.join(bins)}; {far}"


class Band(NamedTuple):
    """A curve of a `sweep`: its values and, where it is measured, its limits."""

    estimate: Sequence[float] | np.ndarray
    low: Sequence[float] | np.ndarray | None = None
    high: Sequence[float] | np.ndarray | None = None


def sweep(
    x: Sequence[float] | np.ndarray,
    measured: Mapping[str, Band],
    *,
    predicted: Mapping[str, Sequence[float] | np.ndarray] | None = None,
    xlabel: str,
    ylabel: str,
    caption: str = "",
    marks: Mapping[str, float] | None = None,
    logarithmic: bool = False,
) -> Drawing:
    """Draw measured curves with their bands over a swept quantity, beside what theory predicts.

    Parameters
    ----------
    x : sequence of float
        Swept values, ascending.
    measured : mapping
        Label to `Band`, each as long as `x`.
    predicted : mapping, optional
        Label to predicted values at `x`, drawn as thin lines; a label of `measured` shares its
        colour.
    xlabel, ylabel, caption : str
        Text at the axes and below the figure.
    marks : mapping, optional
        Label to a value of `x` at which to draw a vertical line.
    logarithmic : bool
        Whether `x` is drawn on a logarithmic scale, with a tick at each swept value; one that
        comes too close to the label before it has none.

    Raises
    ------
    ValueError
        If there is no measured curve, one is not as long as `x`, or a value of `x` is not above 0
        where it is drawn on a logarithmic scale.
    """
    require_some("measured", measured)
    predictions, x = dict(predicted or {}), np.asarray(x, float)
    if logarithmic and not (x > 0).all():
        raise ValueError(f"x must be above 0 on a logarithmic scale, got {x.min():g}")
    for label, values in [*((k, v.estimate) for k, v in measured.items()), *predictions.items()]:
        if len(values) != len(x):
            raise ValueError(
                f"curve {label!r} must have {len(x)} values, one per x, got {len(values)}"
            )

    def draw() -> Figure:
        figure = Figure()
        axes = figure.subplots()
        for index, (label, band) in enumerate(measured.items()):
            colour = f"C{index}"
            if band.low is not None and band.high is not None:
                axes.fill_between(x, band.low, band.high, color=colour, alpha=0.25, linewidth=0)
            axes.plot(x, band.estimate, color=colour, label=label, **_look(index))
        for index, (label, values) in enumerate(predictions.items()):
            known = list(measured).index(label) if label in measured else len(measured) + index
            axes.plot(
                x, values, color=f"C{known % 6}", linewidth=1, marker="", linestyle=":",
                label=f"{label}, predicted",
            )  # fmt: skip
        if logarithmic:
            axes.set_xscale("log")
            axes.set_xticks(x, _labels_apart(x))
            axes.set_xticks([], minor=True)  # their labels would overlap
        for label, value in (marks or {}).items():
            axes.axvline(value, color="grey", linewidth=1, linestyle="--", marker="")
            axes.annotate(
                label, (value, 1), xycoords=("data", "axes fraction"), fontsize=9, ha="left",
                va="top", xytext=(3, 0), textcoords="offset points",
            )  # fmt: skip
        axes.set(xlabel=xlabel, ylabel=ylabel)
        if len(measured) + len(predictions) > 1:
            axes.legend()
        return figure

    told = [f"{label}: {_tell_band(x, band)}" for label, band in measured.items()]
    for label, values in predictions.items():
        ends = f"{number(float(values[0]))} to {number(float(values[-1]))}"
        told.append(f"{label}, predicted: from {ends}")
    told += [f"marked at {declared(value)}: {label}" for label, value in (marks or {}).items()]
    return Drawing(draw, f"{ylabel} over {xlabel}. {'; '.join(told)}.", caption)


def _labels_apart(x: np.ndarray) -> list[str]:
    """Label of each tick of a logarithmic axis, "" where it would overlap the one before it."""
    place, last, labels = np.log(x / x[0]) / (np.log(x[-1] / x[0]) or 1.0), -np.inf, []
    for value, at in zip(x, place, strict=True):
        far = not at - last < APART
        labels.append(declared(value) if far else "")
        last = at if far else last
    return labels


def _tell_band(x: np.ndarray, band: Band) -> str:
    values = np.asarray(band.estimate, float)

    def at(i: int) -> str:
        if band.low is None or band.high is None:
            return number(values[i])
        return with_interval(values[i], float(band.low[i]), float(band.high[i]))

    told = f"from {at(0)} at {number(x[0])} to {at(-1)} at {number(x[-1])}"
    if np.isfinite(values).all():
        for word, i in (("lowest", int(values.argmin())), ("highest", int(values.argmax()))):
            if i not in (0, len(x) - 1):
                told += f", {word} {at(i)} at {number(x[i])}"
    return told


def dot_interval(
    arms: Mapping[str, Interval],
    *,
    xlabel: str,
    caption: str = "",
    units: Mapping[str, Sequence[float] | np.ndarray] | None = None,
    references: Mapping[str, float] | None = None,
) -> Drawing:
    """Draw one estimate with its interval per arm, over the single units it is made of.

    Parameters
    ----------
    arms : mapping
        Label to interval, from top to bottom.
    xlabel, caption : str
        Text at the axis, with its unit, and below the figure.
    units : mapping, optional
        Label of an arm to the values of its units (seeds, items), drawn as faint dots.
    references : mapping, optional
        Label to a value at which to draw a vertical line, such as a calibration floor.

    Raises
    ------
    ValueError
        If there is no arm, or `units` names one that `arms` lacks.
    """
    require_some("arms", arms)
    dots = dict(units or {})
    if not set(dots) <= set(arms):
        raise ValueError(f"units must name arms, one of {list(arms)}, got {list(dots)}")

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 1.1 + 0.55 * len(arms)))
        axes = figure.subplots()
        for row, (label, found) in enumerate(arms.items()):
            values = np.asarray(dots.get(label, ()), float)
            # spread in a fixed order, so that the same data are the same figure
            spread = 0.22 * np.sin(2.4 * np.arange(len(values)))
            axes.plot(values, row + spread, "o", markersize=3, alpha=0.4, color=f"C{row % 6}")
            reach = np.array([[found.estimate - found.low], [found.high - found.estimate]])
            _points(axes, row % 6, [found.estimate], [row], np.nan_to_num(reach), sideways=True)
        for label, value in (references or {}).items():
            axes.axvline(value, color="grey", linewidth=1, linestyle="--", marker="", zorder=0)
            axes.annotate(
                label, (value, 1), xycoords=("data", "axes fraction"), fontsize=9, ha="center",
                va="bottom",
            )  # fmt: skip
        axes.set(xlabel=xlabel, ylim=(len(arms) - 0.5, -0.5))
        axes.set_yticks(range(len(arms)), list(arms))
        return figure

    told = [f"{label}: {tell_interval(found)}" for label, found in arms.items()]
    told += [f"{label} marked at {declared(value)}" for label, value in (references or {}).items()]
    return Drawing(draw, f"{xlabel}, mean and interval by arm. {'; '.join(told)}.", caption)


def _look(index: int) -> dict[str, Any]:
    return {"marker": MARKERS[index % 6], "linestyle": LINES[index % 6]}


def _points(
    axes: Axes,
    index: int,
    x: Any,
    y: Any,
    reach: np.ndarray,
    label: str | None = None,
    *,
    line: bool = False,
    sideways: bool = False,
) -> None:
    look = _look(index) if line else {**_look(index), "linestyle": ""}
    bars: dict[str, Any] = {"xerr": reach} if sideways else {"yerr": reach}
    axes.errorbar(x, y, **bars, color=f"C{index}", capsize=3, elinewidth=1.5, label=label, **look)
