"""Two forms that most figures of the hidden-errors chapter have: panels of dots, and of curves."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from calibration_lab.figures import WIDTH, Drawing, with_interval
from calibration_lab.results import Result
from calibration_lab.statements import Measured
from calibration_lab.uncertainty import mean_interval
from calibration_lab.uncertainty.confidence_limits import Interval

__all__ = ["MARKS", "SHARE", "curves", "interval", "panels"]

MARKS = "osD^vP"
SHARE = (0.0, 1.0)
Rows = Mapping[str, Sequence[tuple[str, Interval]]]


def interval(result: Result, value: Measured, bounds: tuple[float, float] | None) -> Interval:
    """Mean over seeds with its interval."""
    return mean_interval(value.values(result.tables, "seed").dropna(), bounds=bounds)


def panels(
    rows: Rows,
    *,
    xlabel: str,
    xlim: tuple[float, float] | None = None,
    logarithmic: bool = False,
    marks: Mapping[str, float] | None = None,
) -> Drawing:
    """One panel per key, with one dot and interval per row; all panels share their axis."""

    def draw() -> Figure:
        heights = [len(listed) for listed in rows.values()]
        figure = Figure(figsize=(WIDTH, 0.7 + sum(0.3 * h + 0.35 for h in heights)))
        grid = figure.subplots(len(rows), 1, sharex=True, height_ratios=heights, squeeze=False)
        for axes, (title, listed) in zip(grid[:, 0], rows.items(), strict=True):
            for place, (_, one) in enumerate(listed):
                reach = np.nan_to_num([[one.estimate - one.low], [one.high - one.estimate]])
                axes.errorbar(
                    one.estimate, place, xerr=np.clip(reach, 0, None), color=f"C{place % 6}",
                    marker=MARKS[place % 6], markersize=6, capsize=3, linestyle="",
                )  # fmt: skip
            for value in (marks or {}).values():
                axes.axvline(value, color="grey", linewidth=1, linestyle="--", marker="", zorder=0)
            axes.set_yticks(range(len(listed)), [label for label, _ in listed])
            axes.set(title=title, ylim=(len(listed) - 0.5, -0.5))
            if logarithmic:
                axes.set_xscale("symlog", linthresh=1)
                axes.set_xticks([0, 1, 10, 100], ["0", "1", "10", "100"])
        grid[-1, 0].set(xlabel=xlabel)
        if xlim is not None:
            grid[-1, 0].set(xlim=xlim)
        for label, value in (marks or {}).items():
            right = value > 0.5 and not logarithmic
            grid[0, 0].annotate(
                label, (value, 1), xycoords=("data", "axes fraction"), fontsize=9, va="top",
                ha="right" if right else "left", xytext=(-3 if right else 3, 2),
                textcoords="offset points",
            )  # fmt: skip
        return figure

    told = "; ".join(
        f"{title}: "
        + ", ".join(
            f"{label} {with_interval(one.estimate, one.low, one.high)}" for label, one in listed
        )
        for title, listed in rows.items()
    )
    told += "".join(f"; marked: {label}" for label in marks or {})
    return Drawing(draw, f"{xlabel}, mean and interval over seeds. {told}.")


def curves(
    table: pd.DataFrame,
    groups: Mapping[str, pd.Series],
    x: str,
    lines: Mapping[str, str],
    *,
    xlabel: str,
    ylabel: str,
    bounds: tuple[float, float] | None = SHARE,
    logarithmic: bool = True,
) -> Drawing:
    """One panel per group of rows, one line with its band over seeds per measure."""
    bands: dict[str, dict[str, tuple[np.ndarray, list[Interval]]]] = {}
    for title, chosen in groups.items():
        bands[title] = {}
        for measure, label in lines.items():
            wide = table[chosen].pivot(index="seed", columns=x, values=measure)
            means = [mean_interval(wide[column].dropna(), bounds=bounds) for column in wide]
            bands[title][label] = (wide.columns.to_numpy(float), means)

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 3.3))
        grid = figure.subplots(1, len(bands), sharey=True, squeeze=False)[0]
        for axes, (title, of_group) in zip(grid, bands.items(), strict=True):
            for i, (label, (places, means)) in enumerate(of_group.items()):
                low, high = ([getattr(m, end) for m in means] for end in ("low", "high"))
                axes.fill_between(places, low, high, color=f"C{i}", alpha=0.25, linewidth=0)
                axes.plot(
                    places, [m.estimate for m in means], color=f"C{i}", marker=MARKS[i],
                    markersize=4, linestyle=("-", "--", "-.", ":")[i % 4], label=label,
                )  # fmt: skip
            if logarithmic:
                axes.set_xscale("log")
                ends = [float(places[0]), float(places[len(places) // 2]), float(places[-1])]
                axes.set_xticks(ends, [f"{end:g}" for end in ends])
                axes.set_xticks([], minor=True)
            axes.set(title=title, xlabel=xlabel)
        grid[0].set(ylabel=ylabel)
        figure.legend(*grid[0].get_legend_handles_labels(), loc="outside upper center",
                      ncols=1 if len(lines) < 3 else 2)  # fmt: skip
        return figure

    told = []
    for title, of_group in bands.items():
        for label, (places, means) in of_group.items():
            first, last = (with_interval(m.estimate, m.low, m.high) for m in (means[0], means[-1]))
            told.append(f"{title}, {label}: {first} at {places[0]:g}, {last} at {places[-1]:g}")
    return Drawing(draw, f"{ylabel} over {xlabel}, with intervals over seeds. {'; '.join(told)}.")
