"""The figures of the shortcut chapter, drawn from the stored per-seed results."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np
import pandas as pd
from matplotlib.figure import Figure

from calibration_lab import experiments
from calibration_lab.experiments.sft_shortcut.confirmations import (
    REWARDED,
    REWARDED_CHANCE,
    WORLDS,
    broken,
)
from calibration_lab.experiments.sft_shortcut.language_model_figures import (
    FIGURES as LANGUAGE_MODEL,
)
from calibration_lab.experiments.sft_shortcut.quantities import (
    CHANCE,
    DOSE,
    PER_STEP,
    SHORTCUT,
    answered,
    informed,
    under,
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
from calibration_lab.statements import Value
from calibration_lab.uncertainty import mean_interval
from calibration_lab.uncertainty.confidence_limits import Interval

__all__ = ["FIGURES"]

NAMES = {
    "base": "base", CHANCE: "cue at chance", SHORTCUT: "shortcut", "valid-prior": "valid prior",
    "clean-chance": "no fillers", "verbose": "with fillers",
    REWARDED_CHANCE: "rewarded, chance", REWARDED: "rewarded, cue",
}  # fmt: skip
STRENGTH = "Probability that the training cue is the answer"


class Panel(NamedTuple):
    """One measure, shown for several arms."""

    title: str
    of: Callable[[str], Value]
    bounds: tuple[float, float] | None


def interval(result: Result, value: Value, bounds: tuple[float, float] | None) -> Interval:
    """Mean and interval over seeds."""
    return mean_interval(value.values(result.tables, "seed"), bounds=bounds)


def band(result: Result, values: Sequence[Value], bounds: tuple[float, float] | None) -> Band:
    """Means and intervals over seeds of one value per point of a curve."""
    found = [interval(result, value, bounds) for value in values]
    return Band(*([getattr(f, name) for f in found] for name in ("estimate", "low", "high")))


def panels(result: Result, arms: list[str], shown: list[Panel], told: str) -> Drawing:
    """Small panels one above the other: dots of seeds, mean and interval for each arm."""
    values = {
        panel.title: {arm: panel.of(arm).values(result.tables, "seed") for arm in arms}
        for panel in shown
    }
    found = {
        panel.title: {
            arm: mean_interval(v, bounds=panel.bounds) for arm, v in values[panel.title].items()
        }
        for panel in shown
    }

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 0.8 + 0.34 * len(shown) * (len(arms) + 1.5)))
        for axes, panel in zip(figure.subplots(len(shown), 1), shown, strict=True):
            for row, arm in enumerate(arms):
                seeds, mean = values[panel.title][arm].to_numpy(), found[panel.title][arm]
                spread = 0.25 * np.sin(2.4 * np.arange(len(seeds)))
                axes.plot(seeds, row + spread, "o", markersize=3, alpha=0.4, color=f"C{row}")
                axes.errorbar(
                    mean.estimate, row,
                    xerr=[[mean.estimate - mean.low], [mean.high - mean.estimate]],
                    color=f"C{row}", marker="osD^"[row], markersize=7, capsize=4, zorder=3,
                )  # fmt: skip
            axes.set_yticks(range(len(arms)), [NAMES[arm] for arm in arms])
            axes.set(title=panel.title, ylim=(len(arms) - 0.4, -0.6))
            if panel.bounds:
                axes.set_xlim(-0.02, 1.02)
            else:
                axes.set_xlim(left=min(0.0, axes.get_xlim()[0]))
        return figure

    sentences = "; ".join(
        f"{title}: "
        + ", ".join(
            f"{NAMES[arm]} {with_interval(m.estimate, m.low, m.high)}" for arm, m in of.items()
        )
        for title, of in found.items()
    )
    return Drawing(draw, f"{told} {sentences}.")


def with_legend_above(drawing: Drawing) -> Drawing:
    """The drawing with its legend above the curves instead of on them."""

    def draw() -> Figure:
        figure = drawing.figure()
        axes = figure.axes[0]
        axes.legend_ = None
        figure.legend(*axes.get_legend_handles_labels(), loc="outside upper center", ncols=2)
        return figure

    return Drawing(draw, drawing.alt)


def dose(result: Result) -> Drawing:
    """Accuracy over the cue's strength: where the cue holds, where it is wrong, without steps."""
    curves = {
        "cue right": [answered("accuracy", arm) for arm in DOSE],
        "cue right, no steps": [answered("direct_accuracy", arm) for arm in DOSE],
        "cue wrong": [answered("accuracy", arm, "broken") for arm in DOSE],
        "cue wrong: confidence": [answered("confidence", arm, "broken") for arm in DOSE],
    }
    return with_legend_above(
        sweep(
            [*DOSE.values()],
            {label: band(result, values, (0, 1)) for label, values in curves.items()},
            xlabel=STRENGTH,
            ylabel="Accuracy, or confidence",
        )
    )


def dose_reasoning(result: Result) -> Drawing:
    """Measures of reasoning over the cue's strength, those inside the model and those outside."""
    frozen = {"evaluator": "base", "traces": "own"}
    curves = {
        "own model (nats per step)": band(result, [informed(PER_STEP, arm) for arm in DOSE], None),
        "frozen evaluator (nats per step)": band(
            result, [informed(PER_STEP, arm, **frozen) for arm in DOSE], None
        ),
        "follow a falsified step (share)": band(
            result, [under("corrupt", arm) for arm in DOSE], (0, 1)
        ),
    }
    return with_legend_above(
        sweep([*DOSE.values()], curves, xlabel=STRENGTH, ylabel="Nats per step, or share")
    )


def steps(result: Result) -> Drawing:
    """How many answers stand before the trace is complete."""
    shown = {"base": "base", CHANCE: "cue at chance", "sloppy-75": "cue right 3 in 4",
             SHORTCUT: "cue always right"}  # fmt: skip
    curves = {
        label: band(result, [under(f"truncate_{k}", arm) for k in range(3)], (0, 1))
        for arm, label in shown.items()
    }
    return with_legend_above(
        sweep(
            [0, 1, 2],
            curves,
            xlabel="Own steps written when the answer is asked for",
            ylabel="Share whose answer is final",
        )
    )  # fmt: skip


def evaluators(result: Result) -> Drawing:
    """What the shortcut does to the score, by who evaluates whose steps."""
    shown = {
        "own model, true steps": {},
        "own model, own steps": {"traces": "own"},
        "frozen base, own steps": {"evaluator": "base", "traces": "own"},
        "able model, own steps": {"evaluator": "reader", "traces": "own"},
        "one that knows, own steps": {"evaluator": "knowing", "traces": "own"},
    }
    values = {
        label: informed(PER_STEP, SHORTCUT, **where) - informed(PER_STEP, CHANCE, **where)
        for label, where in shown.items()
    }
    return dot_interval(
        {label: interval(result, value, None) for label, value in values.items()},
        units={
            label: value.values(result.tables, "seed").to_numpy() for label, value in values.items()
        },
        xlabel="Shortcut less chance (nats per step)",
        references={"no change": 0.0},
    )


def prior(result: Result) -> Drawing:
    """A valid prior beside a shortcut, on questions whose answer is one look-up away."""
    where = {"questions": "cancelling"}
    return panels(
        result,
        ["base", CHANCE, "valid-prior", SHORTCUT],
        [
            Panel("Own-model score (nats per step)",
                  lambda arm: informed(PER_STEP, arm, **where), None),
            Panel("Answers that follow a falsified step",
                  lambda arm: under("corrupt", arm, **where), (0, 1)),
            Panel("Accuracy where the cue is wrong",
                  lambda arm: answered("accuracy", arm, "broken", "cancelling"), (0, 1)),
        ],
        "Three measures of four arms on questions whose answer is one look-up away.",
    )  # fmt: skip


def verbosity(result: Result) -> Drawing:
    """Fillers divide the score and change nothing else."""
    return panels(
        result,
        ["clean-chance", "verbose"],
        [
            Panel("Paper's score, own model (perplexity per step)",
                  lambda arm: informed("perplexity_gain", arm), None),
            Panel("Total gain (nats)", lambda arm: informed("nats", arm), None),
            Panel("Answers that follow a falsified step",
                  lambda arm: under("corrupt", arm), (0, 1)),
            Panel("Accuracy", lambda arm: answered("accuracy", arm, "broken"), (0, 1)),
        ],
        "Four measures of flawless traces without and with as many fillers as steps.",
    )  # fmt: skip


def reliability(result: Result) -> Drawing:
    """Share of right answers by confidence, where the cue holds for one question in two."""
    table = result.tables["reliability"]
    table = table[(table["cue"] == "mixed") & (table["questions"] == "general")]
    pooled: dict[str, pd.DataFrame] = {}
    for arm, label in {CHANCE: "cue at chance", SHORTCUT: "shortcut"}.items():
        of_arm = table[table["arm"] == arm]
        weighted = of_arm[["confidence", "right"]].mul(of_arm["weight"], axis=0)
        sums = weighted.assign(weight=of_arm["weight"]).groupby(of_arm["bin"]).sum()
        pooled[label] = pd.DataFrame({
            "confidence": sums["confidence"] / sums["weight"],
            "right": sums["right"] / sums["weight"],
            "weight": sums["weight"] / of_arm["seed"].nunique(),
        })  # fmt: skip

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 4.6))
        top, bottom = figure.subplots(2, 1, sharex=True, height_ratios=[4, 1])
        top.plot([0, 1], [0, 1], color="grey", linestyle="--", marker="", linewidth=1)
        for i, (label, bins) in enumerate(pooled.items()):
            top.plot(bins["confidence"], bins["right"], color=f"C{i}", marker="os"[i], label=label)
            centre = (bins.index + 0.5) / 10
            bottom.bar(centre + 0.035 * (2 * i - 1), bins["weight"], width=0.06, color=f"C{i}")
        top.set(ylabel="Share right", ylim=(-0.02, 1.02), xlim=(-0.02, 1.02))
        top.legend(loc="upper left")
        bottom.set(xlabel="Confidence", ylabel="Share")
        return figure

    told = []
    for label, bins in pooled.items():
        last = bins.iloc[-1]
        told.append(
            f"{label}: {number(last['weight'])} of answers have a confidence around "
            f"{number(last['confidence'])}, of which {number(last['right'])} are right"
        )
    return Drawing(
        draw,
        "Reliability of the answer's probability where the cue holds for one question in two, all "
        f"seeds pooled. {'; '.join(told)}.",
    )


def verdicts(result: Result) -> Drawing:
    """Every statement's effect beside its threshold."""
    return forest_plot(experiments.judgements("sft-shortcut", result))


def reinforcement(result: Result) -> Drawing:
    """Rewards beside imitation of the same questions: accuracy and score."""
    arms = ["base", SHORTCUT, REWARDED_CHANCE, REWARDED]
    return panels(
        result,
        arms,
        [
            Panel("Accuracy where the cue is right", lambda arm: answered("accuracy", arm), (0, 1)),
            Panel("Accuracy where the cue is wrong",
                  lambda arm: answered("accuracy", arm, "broken"), (0, 1)),
            Panel("Own-model score (nats per step)", lambda arm: informed(PER_STEP, arm), None),
        ],
        "Three measures of four arms, two of them rewarded for right answers.",
    )  # fmt: skip


def sensitivity(result: Result) -> Drawing:
    """What the shortcut costs where the cue is wrong, in every varied world."""
    values = {world: broken(world, CHANCE) - broken(world, SHORTCUT) for world in WORLDS}
    return dot_interval(
        {label: interval(result, value, (-1, 1)) for label, value in values.items()},
        units={
            label: value.values(result.tables, "seed").to_numpy() for label, value in values.items()
        },
        xlabel="Accuracy lost where the cue is wrong",
        references={"none": 0.0},
    )


FIGURES: dict[str, Callable[[Result], Drawing]] = {
    "dose": dose,
    "dose-reasoning": dose_reasoning,
    "steps": steps,
    "evaluators": evaluators,
    "prior": prior,
    "verbosity": verbosity,
    "reliability": reliability,
    "verdicts": verdicts,
    "reinforcement": reinforcement,  # drawn from the exhibit sft-shortcut/reinforcement
    "sensitivity": sensitivity,  # drawn from the exhibit sft-shortcut/sensitivity
    **LANGUAGE_MODEL,  # drawn from the exhibit sft-shortcut/language-model
}
