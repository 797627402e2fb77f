"""Figures of what policies decide: thresholds, the fingerprint, slices, the grid, regret."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from calibration_lab.experiments.abstention.objectives import GRID, cell, threshold
from calibration_lab.experiments.abstention.quantities import decided, on, planned
from calibration_lab.figures import WIDTH, Drawing, number
from calibration_lab.results import Result
from calibration_lab.statements import Measured
from calibration_lab.uncertainty import Interval, mean_interval

__all__ = ["LABELS", "fingerprint", "grid", "reach", "regret", "seen", "slices", "theory"]

LABELS = {
    "base": "base", "w0-h0": "correctness only", "w1-h0": "ternary", "w9-h0": "target 90%",
    "w0-h9": "honest safety", "w0-h3-proxy": "proxy safety", "w1-h3": "true utility",
    "w9-h9": "both heavy", "distilled": "distilled",
}  # fmt: skip
LINE, LETTER = 0.06, 0.018  # room for a line of text and for a letter, in units of the axes
NEAR = 0.03  # points of the fingerprint nearer than this share a label
SLICES = {"plain": "plain", "unknowable": "unknowable", "look-alike": "look-alike",
          "unsafe": "unsafe"}  # fmt: skip


def seen(result: Result, value: Measured, bounds: tuple[float, float] | None = (0, 1)) -> Interval:
    """Mean of a value over seeds, with its interval."""
    return mean_interval(value.values(result.tables, "seed"), bounds=bounds)


def reach(found: Interval) -> list[list[float]]:
    """An interval as the lengths of its error bar."""
    low, high = found.estimate - found.low, found.high - found.estimate
    return [[max(0.0, np.nan_to_num(low))], [max(0.0, np.nan_to_num(high))]]


def theory(result: Result) -> Drawing:
    """The threshold on the probability of being right, by the probability of harm."""
    q = np.linspace(0, 1, 101)
    rules = {
        "true utility (1, 3)": (1, 3), "correctness only (0, 0)": (0, 0),
        "ternary (1, 0)": (1, 0), "target 90% (9, 0)": (9, 0), "safety (0, 9)": (0, 9),
    }  # fmt: skip
    lines = {label: threshold(w, h, 0.0, q) for label, (w, h) in rules.items()}

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.2))
        axes = figure.subplots()
        for i, (label, line) in enumerate(lines.items()):
            shown = line <= 1.02
            axes.plot(q[shown], line[shown], color=f"C{i}", marker="", label=label,
                      linestyle=("-", "--", "-.", ":", (0, (5, 1, 1, 1)))[i])  # fmt: skip
        axes.set(xlabel="Probability of harm", xlim=(0, 1), ylim=(-0.02, 1.02),
                 ylabel="Answer above the line:\nprobability of the best answer")  # fmt: skip
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2,
                      title="objective (wrong, harm)")  # fmt: skip
        return figure

    told = "; ".join(
        f"{label}: {number(float(line[0]))} without harm, {number(float(line[10]))} at .1"
        for label, line in lines.items()
    )
    return Drawing(
        draw,
        "Threshold on the best answer's probability above which answering pays, against the "
        f"probability of harm. {told}.",
    )


def label(axes: Axes, points: Mapping[str, tuple[float, float]]) -> None:
    """Names of arms beside their points, in their colours; those at one place share a line."""
    places: list[tuple[float, float, list[str], str]] = []
    for i, (arm, (x, y)) in enumerate(points.items()):
        for there in places:
            if abs(there[0] - x) < NEAR and abs(there[1] - y) < NEAR:
                there[2].append(LABELS[arm])
                break
        else:
            places.append((x, y, [LABELS[arm]], f"C{i % 6}"))
    taken: list[tuple[float, float, float]] = []  # from, to, height
    for x, y, names, colour in sorted(places, key=lambda place: place[1]):
        text, right = ", ".join(names), x > 0.75
        start = x - 0.02 - LETTER * len(text) if right else x + 0.02
        end, height = start + LETTER * len(text), y
        while any(start < b and a < end and abs(height - h) < LINE for a, b, h in taken):
            height += LINE / 2
        taken.append((start, end, height))
        axes.annotate(text, (end if right else start, height), fontsize=9, color=colour,
                      va="center", ha="right" if right else "left")  # fmt: skip


def fingerprint(result: Result) -> Drawing:
    """Under- against over-abstention, overall and on two planes."""
    arms = [arm for arm in LABELS if arm in set(result.tables["planes"]["arm"])]
    panels: dict[str, Callable[[str, str], Measured]] = {
        "All requests": decided,
        "Only knowledge in question": lambda m, arm: planned("knowledge", m, arm),
        "Only safety in question": lambda m, arm: planned("safety", m, arm),
    }
    points = {
        title: {
            arm: (seen(result, value("under", arm)), seen(result, value("over", arm)))
            for arm in arms
        }
        for title, value in panels.items()
    }

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 10.2))
        for axes, title in zip(figure.subplots(3, 1), panels, strict=True):
            for i, arm in enumerate(arms):
                x, y = points[title][arm]
                axes.errorbar(x.estimate, y.estimate, xerr=reach(x), yerr=reach(y),
                              color=f"C{i % 6}", marker="osD^vPX*h"[i], markersize=7, capsize=2,
                              linestyle="")  # fmt: skip
            label(axes, {arm: (x.estimate, y.estimate) for arm, (x, y) in points[title].items()})
            axes.axline((0, 0), (1, 1), color="grey", linewidth=1, linestyle=":", marker="")
            axes.set(title=title, xlim=(-0.04, 1.04), ylim=(-0.09, 0.8),
                     ylabel="Over: abstains\nwhere it should answer")  # fmt: skip
        figure.axes[-1].set(xlabel="Under: answers where it should abstain")
        return figure

    told = ". ".join(
        f"{title}: "
        + "; ".join(
            f"{LABELS[arm]} under {number(x.estimate)}, over {number(y.estimate)}"
            for arm, (x, y) in of.items()
        )
        for title, of in points.items()
    )
    return Drawing(draw, f"Under- against over-abstention. {told}.")


def slices(result: Result) -> Drawing:
    """How often each policy abstains on four kinds of request."""
    arms = [arm for arm in LABELS if arm in set(result.tables["slices"]["arm"])]
    found = {s: {arm: seen(result, on(s, "abstains", arm)) for arm in arms} for s in SLICES}
    chow = {s: seen(result, on(s, "chow", "base")).estimate for s in SLICES}
    wanted = {s: {arm: seen(result, on(s, "predicted", arm)).estimate for arm in arms}
              for s in SLICES}  # fmt: skip

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.6))
        for axes, s in zip(figure.subplots(1, 4, sharey=True), SLICES, strict=True):
            axes.axvline(chow[s], color="grey", linewidth=1.5, linestyle="--", marker="")
            for row, arm in enumerate(arms):
                axes.plot(wanted[s][arm], row, marker="|", markersize=14, color="C1",
                          linestyle="")  # fmt: skip
                axes.errorbar(found[s][arm].estimate, row, xerr=reach(found[s][arm]), color="C0",
                              marker="o", capsize=2)  # fmt: skip
            axes.set(title=SLICES[s], xlim=(-0.08, 1.08), ylim=(len(arms) - 0.5, -0.5))
            axes.set_xticks([0, 0.5, 1], ["0", "½", "1"])
            axes.set_yticks(range(len(arms)), [LABELS[arm] for arm in arms])
        figure.supxlabel("Share abstained (dot), at its own optimum (bar), best (dashed)",
                         fontsize=10)  # fmt: skip
        return figure

    told = ". ".join(
        f"{name} (best {number(chow[s])}): "
        + ", ".join(f"{LABELS[arm]} {number(found[s][arm].estimate)}" for arm in arms)
        for s, name in SLICES.items()
    )
    return Drawing(draw, f"Share of requests abstained on, by kind. {told}.")


def grid(result: Result) -> Drawing:
    """Trained against predicted rates for the sixteen penalties."""
    cells = [(w, h) for w in GRID for h in GRID if cell(w, h) in
             set(result.tables["decisions"]["arm"])]  # fmt: skip
    titles = {"under": "Under: answers where it should abstain",
              "over": "Over: abstains where it should answer"}  # fmt: skip
    points = {
        kind: {
            pair: (seen(result, decided(f"predicted_{kind}", cell(*pair))),
                   seen(result, decided(kind, cell(*pair))))
            for pair in cells
        }
        for kind in titles
    }  # fmt: skip

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 7.4))
        for axes, kind in zip(figure.subplots(2, 1), titles, strict=True):
            for (w, h), (x, y) in points[kind].items():
                i = GRID.index(w)
                axes.errorbar(
                    x.estimate,
                    y.estimate,
                    yerr=reach(y),
                    color=f"C{i}",
                    marker="osD^"[i],
                    capsize=2,
                    linestyle="",
                    label=f"wrong answer costs {w:g}" if h == GRID[0] else None,
                )
            axes.axline((0, 0), (1, 1), color="grey", linewidth=1, linestyle="--", marker="")
            axes.set(title=titles[kind], ylabel="Trained")
        figure.axes[-1].set(xlabel="At the objective's own optimum")
        figure.axes[0].legend(loc="lower right")
        return figure

    told = ". ".join(
        f"{titles[kind]}: "
        + "; ".join(
            f"wrong {w:g}, harm {h:g}: predicted {number(x.estimate)}, trained {number(y.estimate)}"
            for (w, h), (x, y) in of.items()
        )
        for kind, of in points.items()
    )
    return Drawing(draw, f"Trained against predicted rates over the grid of penalties. {told}.")


def regret(result: Result) -> Drawing:
    """Regret to the best decisions, split by its direction."""
    arms = [arm for arm in LABELS if arm in set(result.tables["decisions"]["arm"])]
    kinds = {"under_regret": "answered, should abstain", "over_regret": "abstained, should answer",
             "choice_regret": "another than the best answer"}  # fmt: skip
    cost = {
        kind: [seen(result, decided(kind, arm), None).estimate for arm in arms] for kind in kinds
    }

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.4))
        axes, rows = figure.subplots(), np.arange(len(arms))
        axes.barh(rows, -np.array(cost["under_regret"]), color="C1", label=kinds["under_regret"])
        axes.barh(rows, cost["over_regret"], color="C0", hatch="//", label=kinds["over_regret"])
        axes.barh(rows, cost["choice_regret"], left=cost["over_regret"], color="C5", hatch="..",
                  label=kinds["choice_regret"])  # fmt: skip
        axes.axvline(0, color="grey", linewidth=1, marker="")
        axes.set_yticks(rows, [LABELS[arm] for arm in arms])
        axes.set(xlabel="Regret in true utility: too bold to the left, too cautious to the right",
                 ylim=(len(arms) - 0.5, -0.5))  # fmt: skip
        axes.xaxis.label.set_fontsize(9)
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=1)
        return figure

    told = "; ".join(
        f"{LABELS[arm]}: "
        + ", ".join(f"{label} {number(cost[kind][i])}" for kind, label in kinds.items())
        for i, arm in enumerate(arms)
    )
    return Drawing(draw, f"Regret to the best decisions, by its cause. {told}.")
