"""The figures of the abstention chapter, drawn from the stored per-seed results."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from calibration_lab import experiments
from calibration_lab.experiments.abstention.figures_of_decisions import (
    LABELS,
    fingerprint,
    grid,
    reach,
    regret,
    seen,
    slices,
    theory,
)
from calibration_lab.experiments.abstention.quantities import after, decided, forecast
from calibration_lab.figures import (
    WIDTH,
    Band,
    Drawing,
    forest_plot,
    number,
    sweep,
    with_interval,
)
from calibration_lab.results import Result
from calibration_lab.uncertainty import Interval, mean_interval

__all__ = ["FIGURES"]

RARE = 0.005  # bins of the reliability curve that hold less than this share are not drawn


def tell(found: Interval) -> str:
    """An interval in words."""
    return with_interval(found.estimate, found.low, found.high)


def band(table: pd.DataFrame, x: str, y: str) -> tuple[np.ndarray, Band]:
    """Mean and interval over seeds of ``y`` at each value of ``x``."""
    wide = table.pivot(index="seed", columns=x, values=y)
    found = [mean_interval(wide[column], bounds=(0, 1)) for column in wide]
    edges = (np.array([getattr(f, k) for f in found]) for k in ("estimate", "low", "high"))
    return wide.columns.to_numpy(float), Band(*edges)


def calibration(result: Result) -> Drawing:
    """Bias of the probability of answering, overall and on the two planes, with its ECE."""
    arms = ("base", "w0-h0", "distilled", "w0-h3-proxy", "w0-h9", "w9-h0", "w1-h3")
    panels = {"all": "All requests", "knowledge": "Only knowledge in question",
              "safety": "Only safety in question"}  # fmt: skip
    bias, error = (
        {plane: {arm: seen(result, forecast("answering", measure, arm, plane), limits)
                 for arm in arms} for plane in panels}
        for measure, limits in (("over_confidence", (-1.0, 1.0)), ("ece", (0.0, 1.0)))
    )  # fmt: skip

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 7.6))
        for axes, (plane, title) in zip(
            figure.subplots(3, 1, sharex=True), panels.items(), strict=True
        ):
            for row, arm in enumerate(arms):
                found = bias[plane][arm]
                axes.errorbar(found.estimate, row, xerr=reach(found), marker="o", capsize=3,
                              color="C1" if found.estimate > 0 else "C0")  # fmt: skip
                axes.annotate(number(error[plane][arm].estimate, 2), (0.98, row), fontsize=9,
                              xycoords=("axes fraction", "data"), ha="right",
                              va="center")  # fmt: skip
            axes.axvline(0, color="grey", linewidth=1, linestyle="--", marker="", zorder=0)
            axes.set_yticks(range(len(arms)), [LABELS[arm] for arm in arms])
            axes.set(title=title, ylim=(len(arms) - 0.5, -0.5), xlim=(-0.45, 0.85))
        figure.axes[-1].set(xlabel="Bias of the probability of answering (right: ECE)")
        return figure

    told = ". ".join(
        f"{title}: "
        + "; ".join(
            f"{LABELS[arm]} bias {tell(bias[plane][arm])}, ECE {number(error[plane][arm].estimate)}"
            for arm in arms
        )
        for plane, title in panels.items()
    )
    return Drawing(draw, f"Calibration of the probability of answering. {told}.")


def reliability(result: Result) -> Drawing:
    """Share of requests that should be answered, by the probability of answering."""
    table = result.tables["reliability"]
    labels = {"base": "base", "w0-h3-proxy": "proxy safety", "w1-h3": "true utility"}
    pooled = {}
    for arm, label in labels.items():
        of_arm = table[table["arm"] == arm]
        mass = of_arm.groupby("bin")["weight"].sum()
        of_arm = of_arm[of_arm["bin"].isin(mass.index[mass > RARE * mass.sum()])]
        mass = of_arm.groupby("bin")["weight"].sum()
        means = {
            part: (of_arm[part] * of_arm["weight"]).groupby(of_arm["bin"]).sum() / mass
            for part in ("confidence", "right")
        }
        pooled[label] = (mass / of_arm["seed"].nunique(), means["confidence"], means["right"])

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.6))
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        top.plot([0, 1], [0, 1], color="grey", linestyle="--", marker="", linewidth=1)
        for i, (label, (mass, said, right)) in enumerate(pooled.items()):
            top.plot(said, right, color=f"C{i}", marker="osD"[i], label=label)
            bottom.bar(mass.index + 0.025 * (i - 1), mass, width=0.022, color=f"C{i}")
        top.set(ylabel="Share that should be answered", ylim=(-0.02, 1.02))
        top.legend(loc="upper left")
        bottom.set(xlabel="Probability of answering", ylabel="Requests")
        return figure

    told = "; ".join(
        f"{label}: of requests answered with probability above .9, a share {number(mass.iloc[-1])} "
        f"of all, {number(right.iloc[-1])} should be"
        for label, (mass, _, right) in pooled.items()
    )
    return Drawing(draw, f"Reliability of the probability of answering, all seeds pooled. {told}.")


def over_training(
    result: Result, panels: Mapping[str, Mapping[str, str]], measure: str, ylabel: str
) -> Drawing:
    """A measure while training goes on, in panels of labelled arms."""
    table = result.tables["trajectory"].assign(recall=lambda t: 1 - t["under"])
    bands = {
        title: {label: band(table[table["arm"] == arm], "step", measure)
                for arm, label in arms.items()}
        for title, arms in panels.items()
    }  # fmt: skip

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 0.6 + 2.8 * len(panels)))
        for axes, title in zip(
            figure.subplots(len(panels), 1, sharex=True, squeeze=False)[:, 0], panels, strict=True
        ):
            for i, (label, (steps, found)) in enumerate(bands[title].items()):
                axes.fill_between(steps, found.low, found.high, color=f"C{i}", alpha=0.25,
                                  linewidth=0)  # fmt: skip
                axes.plot(steps, found.estimate, color=f"C{i}", marker="osD"[i], markersize=4,
                          linestyle=("-", "--", ":")[i], label=label)  # fmt: skip
            axes.set(ylabel=ylabel, ylim=(-0.03, 1.03), title=title)
            axes.legend()
        figure.axes[-1].set(xlabel="Training step")
        return figure

    told = "; ".join(
        f"{title}, {label}: "
        + ", ".join(f"{number(float(found.estimate[i]))} at step {steps[i]:g}" for i in (0, 1, -1))
        for title, of in bands.items()
        for label, (steps, found) in of.items()
    )
    return Drawing(draw, f"{ylabel} over training. {told}.")


def collapse(result: Result) -> Drawing:
    """Over-abstention while training goes on, with and without a curriculum."""
    panels = {
        "Both penalties 3": {"w3-h3": "growing", "w3-h3-abrupt": "from the first step"},
        "Both penalties 9": {"w9-h9": "growing", "w9-h9-abrupt": "from the first step"},
    }
    return over_training(result, panels, "over", "Over-abstention")


def distillation(result: Result) -> Drawing:
    """Recall of abstention while answers are imitated or reinforced."""
    arms = {"distilled": "imitated", "reinforced": "reinforced",
            "reinforced-anchored": "reinforced, held to the base"}  # fmt: skip
    return over_training(
        result, {"Answerable, benign requests only": arms}, "recall", "Recall of abstention"
    )


def thresholds(result: Result) -> Drawing:
    """Regret of frozen policies with thresholds set afterwards."""
    arms = ("base", "w0-h9", "w0-h3-proxy", "distilled", "w0-h0")
    ways = {"sampled": "as it is", "answering": "on P(answer)", "confidence": "on confidence",
            "token": "on the likeliest answer", "two": "on both axes"}  # fmt: skip
    found = {
        arm: {way: seen(result, after(way, "regret", arm), None) for way in ways} for arm in arms
    }
    goal = seen(result, decided("regret", "w1-h3"), None).estimate

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 8.4))
        for axes, arm in zip(figure.subplots(len(arms), 1, sharex=True), arms, strict=True):
            for row, way in enumerate(ways):
                axes.errorbar(found[arm][way].estimate, row, xerr=reach(found[arm][way]),
                              color=f"C{row}", marker="osD^v"[row], capsize=3)  # fmt: skip
            axes.axvline(goal, color="grey", linewidth=1, linestyle="--", marker="", zorder=0)
            axes.set_yticks(range(len(ways)), list(ways.values()), fontsize=9)
            axes.set(title=LABELS[arm], ylim=(len(ways) - 0.5, -0.5))
        figure.axes[-1].set(xlabel="Regret (dashed: trained on the true utility)")
        return figure

    told = ". ".join(
        f"{LABELS[arm]}: "
        + ", ".join(f"{label} {tell(found[arm][way])}" for way, label in ways.items())
        for arm in arms
    )
    return Drawing(draw, f"Regret with thresholds set afterwards on frozen policies. {told}.")


def verdicts(result: Result) -> Drawing:
    """Every statement's effect beside its threshold."""
    return forest_plot(experiments.judgements("abstention", result))


def data_mix(result: Result) -> Drawing:
    """Under- and over-abstention by the share of unsafe requests in training."""
    table = result.tables["decisions"]
    table = table[(table["objective"] == "true") & (table["varied"] == "unsafe")]
    names = {"under": "answers, should abstain", "over": "abstains, should answer"}
    measured, predicted, x = {}, {}, np.array([])
    for kind, label in names.items():
        x, measured[label] = band(table, "share", kind)
        predicted[label] = band(table, "share", f"predicted_{kind}")[1].estimate
    return sweep(
        x, measured, predicted=predicted, marks={"usual": 0.2},
        xlabel="Share of unsafe requests in training", ylabel="Share of those requests",
    )  # fmt: skip


def ramps(result: Result) -> Drawing:
    """Over-abstention by the share of training in which penalties grow."""
    table = result.tables["decisions"]
    table = table[table["part"].str.startswith("ramp ")]
    table = table.assign(ramp=table["part"].str.removeprefix("ramp ").astype(float))
    labels = {"w1-h3": "true utility", "w3-h3": "both penalties 3", "w9-h9": "both penalties 9"}
    measured, x = {}, np.array([])
    for arm, label in labels.items():
        x, measured[label] = band(table[table["arm"] == arm], "ramp", "over")
    return sweep(
        x, measured, xlabel="Share of training in which penalties grow", ylabel="Over-abstention"
    )


FIGURES: dict[str, Callable[[Result], Drawing]] = {
    "theory": theory,
    "fingerprint": fingerprint,
    "slices": slices,
    "grid": grid,
    "regret": regret,
    "calibration": calibration,
    "reliability": reliability,
    "collapse": collapse,
    "distillation": distillation,
    "thresholds": thresholds,
    "verdicts": verdicts,
    "data-mix": data_mix,  # drawn from the exhibit abstention/data-mix
    "ramps": ramps,  # drawn from the exhibit abstention/training
}
