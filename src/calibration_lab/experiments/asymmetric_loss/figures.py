"""The figures of the asymmetric-loss chapter, drawn from the stored per-seed results."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from calibration_lab import experiments
from calibration_lab.experiments.asymmetric_loss import confirmation_figures, quantities, world
from calibration_lab.experiments.asymmetric_loss.quantities import (
    HALF,
    LATER,
    RARE,
    RATIO,
    STEP,
)
from calibration_lab.figures import (
    WIDTH,
    Band,
    Drawing,
    dot_interval,
    forest_plot,
    number,
    sweep,
    with_interval,
)
from calibration_lab.results import Result
from calibration_lab.uncertainty import mean_interval

__all__ = ["FIGURES", "band"]

Bounds = tuple[float, float] | None


def band(table: pd.DataFrame, x: str, y: str, bounds: Bounds = (-1, 1)) -> tuple[np.ndarray, Band]:
    """Mean and interval over seeds of ``y`` at each value of ``x``."""
    wide = table.pivot(index="seed", columns=x, values=y)
    found = [mean_interval(wide[column].dropna(), bounds=bounds) for column in wide]
    edges = (np.array([getattr(f, k) for f in found]) for k in ("estimate", "low", "high"))
    return wide.columns.to_numpy(float), Band(*edges)


def of(table: pd.DataFrame, **where: Any) -> pd.DataFrame:
    """Rows of a table at the given levels."""
    for column, level in where.items():
        table = table[table[column] == level]
    return table


def unscaled(table: pd.DataFrame) -> pd.DataFrame:
    """Rows of losses as they are."""
    return table[table["scaled_as"] == table["ratio"]]


def with_zero(
    drawing: Drawing, above: str = "", below: str = "", marks: Sequence[float] = ()
) -> Drawing:
    """The drawing with a line at zero, words on its two sides, and ticks at predicted crossings."""

    def draw() -> Figure:
        figure = drawing.figure()
        axes = figure.axes[0]
        axes.axhline(0, color="grey", linewidth=1, marker="", zorder=0)
        for i, mark in enumerate(marks):
            axes.plot([mark], [0], marker="|", markersize=22, markeredgewidth=2, color=f"C{i}")
        for y, text, side in ((0.99, above, "top"), (0.01, below, "bottom")):
            axes.annotate(text, (0.99, y), xycoords="axes fraction", ha="right", va=side,
                          fontsize=9)  # fmt: skip
        return figure

    return Drawing(draw, drawing.alt, drawing.caption)


def sign_law(result: Result) -> Drawing:
    """The plain loss's lead over priors at three cost ratios, and its predicted change of sign."""
    measured, x, marks = {}, np.array([]), []
    for ratio in quantities.RATIOS:
        rows = of(result.tables["grid"], ratio=ratio, step=STEP)
        x, measured[f"cost ratio {ratio:g}"] = band(rows, "prior", "gap")
        marks.append(float(world.neutral_prior(ratio)))
    drawing = sweep(
        x, measured, xlabel="Share of positives (prior)",
        ylabel="AUROC, plain less weighted",
    )  # fmt: skip
    predicted = ", ".join(number(mark) for mark in marks)
    told = f"{drawing.alt} Predicted changes of sign, marked on the zero line: {predicted}."
    return with_zero(
        Drawing(drawing.figure, told), "weighting slows learning", "weighting speeds it up", marks
    )


def mechanism(result: Result) -> Drawing:
    """At a cost ratio of 10: SGD, SGD with the loss divided by its factor, and Adam."""
    measured, x = {}, np.array([])
    for label, how in (("SGD", ""), ("SGD, divided by its factor", "scaled"), ("Adam", "adam")):
        rows = of(result.tables["scale_free"], how=how) if how else result.tables["grid"]
        step = LATER if how == "adam" else STEP
        x, measured[f"{label}, step {step}"] = band(
            of(rows, ratio=RATIO, step=step), "prior", "gap"
        )
    return with_zero(
        sweep(x, measured, xlabel="Share of positives (prior)",
              ylabel="AUROC, plain less weighted")
    )  # fmt: skip


def panels(titles: Sequence[str], height: float = 3.4) -> tuple[Figure, Sequence[Any]]:
    """A figure with panels side by side that share their vertical axis."""
    figure = Figure(figsize=(WIDTH, height))
    return figure, list(
        zip(figure.subplots(1, len(titles), sharey=True, squeeze=False)[0], titles, strict=True)
    )


def fill(axes: Any, x: np.ndarray, values: Band, index: int, label: str) -> None:
    """One curve with its band."""
    axes.fill_between(x, values.low, values.high, color=f"C{index}", alpha=0.25, linewidth=0)
    axes.plot(x, values.estimate, color=f"C{index}", marker="osD^vP"[index], markersize=5,
              linestyle=("-", "--", "-.", ":", "-", "--")[index], label=label)  # fmt: skip


def ends(x: np.ndarray, values: Band) -> str:
    """A curve's first and last value in words."""
    low, high = np.asarray(values.low), np.asarray(values.high)
    estimate = np.asarray(values.estimate)
    told = [
        f"{with_interval(float(estimate[i]), float(low[i]), float(high[i]))} at {number(x[i])}"
        for i in (0, -1)
    ]
    return f"from {told[0]} to {told[1]}"


def beside(
    curves: Mapping[str, Mapping[str, tuple[np.ndarray, Band]]], *, xlabel: str, ylabel: str,
    mark: tuple[str, float] | None = None,
) -> Drawing:  # fmt: skip
    """Curves in panels side by side: title to label to (x, band)."""

    def draw() -> Figure:
        figure, placed = panels(list(curves))
        for axes, title in placed:
            for i, (label, (x, values)) in enumerate(curves[title].items()):
                fill(axes, x, values, i, label)
            axes.set(title=title, xlabel=xlabel)
            if mark is not None:
                axes.axvline(mark[1], color="grey", linewidth=1, linestyle="--", marker="")
                axes.annotate(mark[0], (mark[1], 0), xycoords=("data", "axes fraction"),
                              fontsize=9, xytext=(3, 2), textcoords="offset points")  # fmt: skip
        figure.axes[0].set(ylabel=ylabel)
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=2
        )
        return figure

    told = "; ".join(
        f"{title}, {label}: {ends(*found)}"
        for title, of_title in curves.items()
        for label, found in of_title.items()
    )
    return Drawing(draw, f"{ylabel} over {xlabel}, in {len(curves)} panels. {told}.")


def cost(result: Result) -> Drawing:
    """AUROC over the explicit cost of learning, both losses, at both priors."""
    table = unscaled(result.tables["cost"])
    curves = {
        title: {
            label: band(of(table, prior=prior, ratio=ratio), "decay", "auroc", (0, 1))
            for label, ratio in (("plain loss", 1.0), ("weighted 10 to 1", RATIO))
        }
        for title, prior in (("Half positive", HALF), ("A tenth positive", RARE))
    }
    return beside(curves, xlabel="Cost of learning, λ", ylabel="AUROC")


def steady(result: Result) -> Drawing:
    """AUROC over training steps at the fixed cost of learning: a steady state."""
    table = of(result.tables["steady"], decay=quantities.COST)
    curves = {
        title: {
            label: band(of(table, prior=prior, ratio=r, scaled_as=like), "step", "auroc", (0, 1))
            for label, r, like in (
                ("plain loss", 1.0, 1.0), ("weighted 10 to 1", RATIO, RATIO),
                ("plain, scaled as weighted", 1.0, RATIO),
                ("weighted, scaled as plain", RATIO, 1.0),
            )
        }
        for title, prior in (("Half positive", HALF), ("A tenth positive", RARE))
    }  # fmt: skip
    return beside(curves, xlabel="Training step", ylabel="AUROC")


def intercept(result: Result) -> Drawing:
    """AUROC over steps under Adam, by where the output starts."""
    table = result.tables["free"]
    curves = {
        "Starts at the class log-odds": {
            "plain loss": band(of(table, arm="plain"), "step", "auroc", (0, 1)),
            "weighted 10 to 1": band(of(table, arm="weighted"), "step", "auroc", (0, 1)),
        },
        "Starts elsewhere": {
            "plain loss, displaced": band(
                of(table, arm="plain-displaced"), "step", "auroc", (0, 1)
            ),
            "weighted, default": band(of(table, arm="weighted-default"), "step", "auroc", (0, 1)),
        },
    }
    return beside(curves, xlabel="Training step", ylabel="AUROC",
                  mark=("compared", float(quantities.EARLY)))  # fmt: skip


RULES = {"raw": "as it is", "temperature": "temperature", "platt": "Platt scaling",
         "isotonic": "isotonic", "threshold": "tuned threshold"}  # fmt: skip


def rules(result: Result) -> Drawing:
    """What decisions are worth by post-hoc rule, for both losses, stopped in time and overfit."""
    table = of(result.tables["rules"], prior=HALF)
    floor = -1.0  # what lies below is drawn at the edge, and said
    found = {
        when: {
            (label, rule): mean_interval(
                of(table, when=when, ratio=ratio, rule=rule).set_index("seed")["value"]
            )
            for label, ratio in (("plain", 1.0), ("weighted", RATIO))
            for rule in RULES
        }
        for when in ("stopped", "overfit")
    }
    titles = {"stopped": "Stopped in time", "overfit": "Overfit"}

    def draw() -> Figure:
        figure, placed = panels(list(titles.values()), 3.6)
        for (axes, title), when in zip(placed, titles, strict=True):
            for i, label in enumerate(("plain", "weighted")):
                for row, rule in enumerate(RULES):
                    one, y = found[when][label, rule], row + 0.2 * (i - 0.5)
                    shown = max(one.estimate, floor)
                    axes.errorbar(
                        shown, y, xerr=None if one.estimate < floor else
                        [[one.estimate - one.low], [one.high - one.estimate]],
                        marker="<" if one.estimate < floor else "os"[i], color=f"C{i}", capsize=3,
                        linestyle="", label=f"{label} loss" if row == 1 else None,
                    )  # fmt: skip
                    if one.estimate < floor:
                        axes.annotate(number(one.estimate, 1), (shown, y), fontsize=9, va="center",
                                      xytext=(7, 0), textcoords="offset points")  # fmt: skip
            axes.axvline(0, color="grey", linewidth=1, linestyle="--", marker="", zorder=0)
            axes.set(title=title, xlim=(floor - 0.12, 1), ylim=(len(RULES) - 0.4, -0.6),
                     xlabel="Value of decisions")  # fmt: skip
            axes.set_yticks(range(len(RULES)), list(RULES.values()))
        figure.legend(*figure.axes[0].get_legend_handles_labels(), loc="outside upper center",
                      ncols=2)  # fmt: skip
        return figure

    told = "; ".join(
        f"{titles[when]}, {label} loss, {RULES[rule]}: "
        f"{with_interval(one.estimate, one.low, one.high)}"
        for when, of_when in found.items()
        for (label, rule), one in of_when.items()
    )
    return Drawing(
        draw, f"Value of decisions (1 the truth's, 0 the best constant's) by post-hoc rule. {told}."
    )


def reliability(result: Result) -> Drawing:
    """Stated against true probability of a weighted network: its answer, and the weights undone."""
    table = of(result.tables["reliability"], when="stopped", prior=HALF)
    curves = {}
    for label, ratio, reading in (
        ("weighted, as it answers", RATIO, "answer"), ("weighted, undone", RATIO, "implied"),
        ("plain", 1.0, "implied"),
    ):  # fmt: skip
        rows = of(table, ratio=ratio, reading=reading)
        mass = rows.groupby("bin")["mass"].sum()
        stated, true = (
            (rows[c] * rows["mass"]).groupby(rows["bin"]).sum() / mass for c in ("stated", "true")
        )
        curves[label] = (stated, true, mass / rows["seed"].nunique())

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.4))
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        top.plot([0, 1], [0, 1], color="grey", linestyle="--", marker="", linewidth=1)
        for i, (label, (stated, true, mass)) in enumerate(curves.items()):
            top.plot(stated, true, color=f"C{i}", marker="osD"[i], label=label)
            bottom.bar(mass.index / 10 + 0.05 + 0.027 * (i - 1), mass, width=0.025, color=f"C{i}")
        top.set(ylabel="True probability", ylim=(-0.02, 1.02))
        top.legend(loc="upper left")
        bottom.set(xlabel="Stated probability", ylabel="Share")
        return figure

    told = []
    for label, (stated, true, mass) in curves.items():
        gap = float(((stated - true) * mass).sum())
        told.append(f"{label}: states {number(gap)} more than is true on average")
    return Drawing(draw, f"True against stated probability, all seeds pooled. {'; '.join(told)}.")


def budget(result: Result) -> Drawing:
    """What both losses have learned under a fixed budget and at a fixed cost, by four measures."""
    shown = {"auroc": "AUROC", "probe": "finer labels, probe", "refit_auroc": "AUROC, refitted",
             "value": "value of decisions"}  # fmt: skip
    arms = {}
    for table, words in (("budget", "few steps"), ("fixed", "at a cost")):
        for prior, share in ((HALF, "half"), (RARE, "a tenth")):
            rows = of(result.tables[table], prior=prior)
            rows = unscaled(rows) if table == "fixed" else rows
            wide = rows.pivot(index="seed", columns="ratio")
            for measure, label in shown.items():
                lead = wide[measure][1.0] - wide[measure][RATIO]
                arms[f"{words}, {share}: {label}"] = mean_interval(lead)
    return dot_interval(arms, xlabel="Plain less weighted", references={"no difference": 0.0})


def verdicts(result: Result) -> Drawing:
    """Every statement's effect beside its threshold."""
    return forest_plot(experiments.judgements("asymmetric-loss", result))


FIGURES: dict[str, Callable[[Result], Drawing]] = {
    "sign-law": sign_law,
    "mechanism": mechanism,
    "learned": budget,
    "cost": cost,
    "steady": steady,
    "intercept": intercept,
    "rules": rules,
    "reliability": reliability,
    "verdicts": verdicts,
    **confirmation_figures.FIGURES,
}
