"""The figures of the binary-reward chapter, drawn from the stored per-seed results."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from calibration_lab import experiments, scores
from calibration_lab.experiments.binary_reward.quantities import done, said
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
from calibration_lab.statements import Measured
from calibration_lab.uncertainty import mean_interval

__all__ = ["FIGURES"]


def dots(result: Result, arms: Mapping[str, Measured], **options: object) -> Drawing:
    """One dot with its interval over seeds for each labelled value."""
    values = {label: value.values(result.tables, "seed") for label, value in arms.items()}
    return dot_interval(
        {label: mean_interval(v, bounds=(0, 1)) for label, v in values.items()},
        units={label: v.to_numpy() for label, v in values.items()},
        **options,  # type: ignore[arg-type]
    )


class Curve(NamedTuple):
    """Mean and interval over seeds at each value of what is swept."""

    estimate: np.ndarray
    low: np.ndarray
    high: np.ndarray


def band(table: pd.DataFrame, x: str, y: str) -> tuple[np.ndarray, Curve]:
    """Mean and interval over seeds of ``y`` at each value of ``x``."""
    wide = table.pivot(index="seed", columns=x, values=y)
    found = [mean_interval(wide[column].dropna(), bounds=(0, 1)) for column in wide]
    estimate, low, high = (
        np.array([getattr(f, k) for f in found]) for k in ("estimate", "low", "high")
    )
    return wide.columns.to_numpy(float), Curve(estimate, low, high)


def over_confidence(result: Result) -> Drawing:
    """Where confidence is read decides what the binary reward does to it."""
    arms = {"base": "before training", "coin-flip": "coin-flip reward", "binary": "binary reward",
            "brier-1": "binary + Brier"}  # fmt: skip
    groups = {
        "own answer probability": {
            arm: said("over_confidence", arm, channel="own") for arm in arms
        },
        "stated before the answer": {arm: said("over_confidence", f"before-{arm}") for arm in arms},
        "stated after the answer": {arm: said("over_confidence", arm) for arm in arms},
    }
    values = {
        group: {arm: value.values(result.tables, "seed") for arm, value in of_group.items()}
        for group, of_group in groups.items()
    }
    found = {
        group: {arm: mean_interval(v, bounds=(-1, 1)) for arm, v in of_group.items()}
        for group, of_group in values.items()
    }

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 5.4))
        for axes, group in zip(figure.subplots(3, 1, sharex=True), groups, strict=True):
            for row, arm in enumerate(arms):
                seeds, mean = values[group][arm].to_numpy(), found[group][arm]
                spread = 0.25 * np.sin(2.4 * np.arange(len(seeds)))
                axes.plot(seeds, row + spread, "o", markersize=3, alpha=0.4, color=f"C{row}")
                axes.errorbar(
                    mean.estimate, row,
                    xerr=[[mean.estimate - mean.low], [mean.high - mean.estimate]],
                    color=f"C{row}", marker="osD^"[row], markersize=7, capsize=4, zorder=3,
                )  # fmt: skip
            axes.axvline(0, color="grey", linewidth=1, linestyle="--", marker="", zorder=0)
            axes.set_yticks(range(len(arms)), list(arms.values()))
            axes.set(title=f"Confidence: {group}", ylim=(len(arms) - 0.4, -0.6))
        figure.axes[-1].set(xlabel="Mean confidence minus accuracy")
        return figure

    told = "; ".join(
        f"{group}: "
        + ", ".join(
            f"{label} {with_interval(m.estimate, m.low, m.high)}"
            for label, m in zip(arms.values(), found[group].values(), strict=True)
        )
        for group in groups
    )
    return Drawing(draw, f"Mean confidence minus accuracy, with intervals over seeds. {told}.")


def reliability(result: Result) -> Drawing:
    """Share of right answers at each stated confidence level."""
    table = result.tables["reliability"]
    table = table[(table["channel"] == "stated") & (table["inputs"] == "familiar")]
    labels = {"base": "before training", "binary": "binary reward", "brier-1": "binary + Brier"}
    pooled = {}
    for arm, label in labels.items():
        of_arm = table[table["arm"] == arm]
        mass = of_arm.groupby("level")["weight"].sum() / of_arm["seed"].nunique()
        right = (
            of_arm.assign(right=of_arm["right"] * of_arm["weight"]).groupby("level")["right"].sum()
        )
        pooled[label] = (mass, right / of_arm["seed"].nunique() / mass)

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.6))
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        top.plot([0, 1], [0, 1], color="grey", linestyle="--", marker="", linewidth=1)
        for i, (label, (mass, share)) in enumerate(pooled.items()):
            top.plot(share.index, share, color=f"C{i}", marker="osD"[i], label=label)
            bottom.bar(share.index + 0.025 * (i - 1), mass, width=0.022, color=f"C{i}")
        top.set(ylabel="Share right", ylim=(-0.02, 1.02))
        top.legend(loc="upper left")
        bottom.set(xlabel="Stated confidence", ylabel="Share said")
        return figure

    told = []
    for label, (mass, share) in pooled.items():
        high = share.index >= 0.85
        told.append(
            f"{label}: {number(float(mass[high].sum()))} of answers are stated at .9 or more, "
            f"of which {number(float((share * mass)[high].sum() / mass[high].sum()))} are right"
        )
    return Drawing(
        draw, f"Reliability of the stated confidence, all seeds pooled. {'; '.join(told)}."
    )


def training(result: Result) -> Drawing:
    """Accuracy, own probability and stated confidence while training goes on."""
    table = result.tables["trajectory"]
    panels = {
        "binary": "binary reward",
        "brier-1": "binary + Brier",
        "coin-flip": "coin-flip reward",
    }
    lines = {"accuracy": "accuracy", "own": "own probability", "stated": "stated confidence"}
    bands = {
        arm: {line: band(table[table["arm"] == arm], "step", line) for line in lines}
        for arm in panels
    }

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 3.0))
        for axes, (arm, title) in zip(
            figure.subplots(1, 3, sharey=True), panels.items(), strict=True
        ):
            for i, (line, label) in enumerate(lines.items()):
                steps, found = bands[arm][line]
                axes.fill_between(
                    steps, found.low, found.high, color=f"C{i}", alpha=0.25, linewidth=0
                )
                axes.plot(steps, found.estimate, color=f"C{i}", marker="osD"[i], markersize=4,
                          linestyle=("-", "--", ":")[i], label=label)  # fmt: skip
            axes.set(title=title, xlabel="Training step", ylim=(0.3, 0.9))
            axes.tick_params(axis="x", rotation=45)
        figure.axes[0].set(ylabel="Probability")
        figure.legend(
            *figure.axes[0].get_legend_handles_labels(), loc="outside upper center", ncols=3
        )
        return figure

    told = []
    for arm, title in panels.items():
        ends = ", ".join(
            f"{label} {with_interval(*(float(edge[-1]) for edge in bands[arm][line][1]))}"
            for line, label in lines.items()
        )
        told.append(f"{title}, at the end: {ends}")
    return Drawing(draw, f"Accuracy and two confidences over training. {'; '.join(told)}.")


def honesty(result: Result) -> Drawing:
    """What an honest answer is worth, by its probability of being right, under several rewards."""
    p = np.linspace(0, 1, 101)
    rules = {
        "binary": np.asarray(p),
        "Brier, weight 1": scores.honest_value(scores.brier(), p, 1.0),
        "Brier, weight 2": scores.honest_value(scores.brier(), p, 2.0),
        "log, weight 1": scores.honest_value(scores.log(), p, 1.0),
    }
    drawing = sweep(
        p, {label: Band(values) for label, values in rules.items()},
        xlabel="Probability that the answer is right", ylabel="Expected reward of honesty",
    )  # fmt: skip

    def draw() -> Figure:
        figure = drawing.figure()
        axes = figure.axes[0]
        for line in axes.lines:
            line.set_marker("")
        axes.axhline(0, color="grey", linewidth=1)
        axes.annotate("wrong on purpose: 0", (1.0, -0.02), ha="right", va="top", fontsize=9)
        return figure

    crossings = ", ".join(
        f"{label} below {number(scores.wrong_on_purpose_threshold(rule, weight))}"
        for label, rule, weight in (
            ("Brier with weight 2", scores.brier(), 2.0),
            ("log with weight 1", scores.log(), 1.0),
        )
    )
    return Drawing(
        draw,
        "Expected reward of an honest answer against its probability of being right. Binary reward "
        "and Brier with weight 1 never fall below zero, the value of being wrong on purpose; "
        f"{crossings} do.",
    )


def sandbagging(result: Result) -> Drawing:
    """Wrong answers on purpose against the best answer's probability, trained and predicted."""
    table = result.tables["sandbagging"]
    measured, predicted, x = {}, {}, np.array([])
    for arm, label in {"brier-2": "Brier, weight 2", "log-1": "log, weight 1",
                       "brier-1": "Brier, weight 1"}.items():  # fmt: skip
        of_arm = table[table["arm"] == arm]
        x, trained = band(of_arm, "best_probability", "wrong_on_purpose")
        measured[label] = Band(*trained)
        predicted[label] = band(of_arm, "best_probability", "predicted")[1].estimate
    drawing = sweep(
        x, measured, predicted=predicted,
        xlabel="Probability of the best answer", ylabel="Share answered wrongly on purpose",
    )  # fmt: skip

    def draw() -> Figure:
        figure = drawing.figure()
        axes = figure.axes[0]
        axes.legend_ = None  # the figure's takes its place, outside the curves
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return figure

    return Drawing(draw, drawing.alt)


def accuracy_and_ece(result: Result) -> Drawing:
    """Every arm by accuracy and calibration error: the lower left corner is a trap."""
    shown = {
        "binary": "binary", "brier-1": "Brier 1", "brier-2": "Brier 2", "brier-4": "Brier 4",
        "log-1": "log 1", "linear-1": "linear", "brier-1-shuffled": "shuffled Brier",
        "brier-1-standardised": "Brier 1, standardised", "coin-flip": "coin flip",
        "base": "before training",
    }  # fmt: skip
    below = {"Brier 1", "Brier 1, standardised"}  # labels that would run into a neighbour's
    points = {
        label: (
            mean_interval(done("accuracy", arm).values(result.tables, "seed")),
            mean_interval(said("ece", arm).values(result.tables, "seed")),
            float(said("auroc", arm).values(result.tables, "seed").mean()),
        )
        for arm, label in shown.items()
    }

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.6))
        axes = figure.subplots()
        for label, (x, y, auroc) in points.items():
            faithful = auroc > 0.8
            axes.errorbar(
                x.estimate, y.estimate,
                xerr=[[x.estimate - x.low], [x.high - x.estimate]],
                yerr=[[y.estimate - y.low], [y.high - y.estimate]],
                color="C2" if faithful else "C1", marker="o" if faithful else "x",
                markersize=7, markeredgewidth=1 if faithful else 2.5, linestyle="", capsize=2,
            )  # fmt: skip
            axes.annotate(
                label,
                (x.estimate, y.estimate),
                xytext=(6, -12) if label in below else (6, 5),
                textcoords="offset points",
                fontsize=9,
            )
        axes.set(xlabel="Accuracy of sampled answers", ylabel="Calibration error (ECE)",
                 xlim=(0.3, 0.64), ylim=(-0.01, 0.33))  # fmt: skip
        return figure

    told = "; ".join(
        f"{label}: accuracy {number(x.estimate)}, ECE {number(y.estimate)}, AUROC {number(auroc)}"
        for label, (x, y, auroc) in points.items()
    )
    return Drawing(draw, f"Calibration error of the stated confidence against accuracy. {told}.")


def recalibration(result: Result) -> Drawing:
    """Brier score after recalibration, on familiar and on shifted questions."""
    arms = {}
    for inputs in ("familiar", "shifted"):
        arms[f"{inputs}: binary, stated"] = said("brier", "binary", inputs=inputs)
        arms[f"{inputs}: binary, stated, repaired"] = said(
            "brier", "binary", inputs=inputs, recalibration="isotonic"
        )
        arms[f"{inputs}: binary, own, repaired"] = said(
            "brier", "binary", channel="own", inputs=inputs, recalibration="isotonic"
        )
        arms[f"{inputs}: Brier term, stated"] = said("brier", "brier-1", inputs=inputs)
        arms[f"{inputs}: Brier term, own, repaired"] = said(
            "brier", "brier-1", channel="own", inputs=inputs, recalibration="isotonic"
        )
    return dots(result, arms, xlabel="Brier score (smaller is better)")


def verdicts(result: Result) -> Drawing:
    """Every statement's effect beside its threshold."""
    return forest_plot(experiments.judgements("binary-reward", result))


def weights(result: Result) -> Drawing:
    """Wrong answers on purpose over the weight of the Brier term, trained and predicted."""
    table = result.tables["answers"]
    table = table[(table["world"] == "all questions") & (table["weight"] > 0)]
    x, measured = band(table, "weight", "wrong_on_purpose")
    _, predicted = band(table, "weight", "predicted_wrong_on_purpose")
    return sweep(
        x, {"trained": Band(*measured)}, predicted={"trained": predicted.estimate},
        xlabel="Weight of the Brier term", ylabel="Share answered wrongly on purpose",
        marks={"scale condition": 1.0}, logarithmic=True,
    )  # fmt: skip


FIGURES: dict[str, Callable[[Result], Drawing]] = {
    "over-confidence": over_confidence,
    "reliability": reliability,
    "training": training,
    "honesty": honesty,
    "sandbagging": sandbagging,
    "accuracy-and-ece": accuracy_and_ece,
    "recalibration": recalibration,
    "verdicts": verdicts,
    "weights": weights,  # drawn from the exhibit binary-reward/sweep
}
