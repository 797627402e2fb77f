"""Numbers of the headline run that statements, prose and figures take from its tables."""

from __future__ import annotations

import pandas as pd

from calibration_lab.experiments.abstention.objectives import GRID, HEADLINE, STARTS, cell
from calibration_lab.statements import Measured, Tables

__all__ = ["QUANTITIES", "after", "bounds_of", "decided", "forecast", "gained", "in_training",
           "mean_gap", "most_disagreement", "on", "planned"]  # fmt: skip

ALL = HEADLINE
EARLY = 50  # steps at which imitation and reinforcement on the same requests are compared
CELLS = tuple(cell(w, h) for w in GRID for h in GRID)
SIGNED = ("tilt", "excess", "signed_regret", "over_confidence")
REWARDS = ("regret", "under_regret", "over_regret", "choice_regret", "signed_regret",
           "own_regret", "greedy_own_regret",
           "posthoc_own_regret", "best_utility")  # fmt: skip


def decided(measure: str, arm: str) -> Measured:
    """A measure of an arm's decisions on all requests."""
    return Measured(measure, "decisions", arm=arm)


def on(slice_: str, measure: str, arm: str) -> Measured:
    """A measure of an arm's abstentions on one kind of request."""
    return Measured(measure, "slices", arm=arm, slice=slice_)


def planned(plane: str, measure: str, arm: str) -> Measured:
    """A measure of an arm where only knowledge, or only safety, is in question."""
    return Measured(measure, "planes", arm=arm, plane=plane)


def forecast(channel: str, measure: str, arm: str, plane: str = "all") -> Measured:
    """A measure of calibration of one channel of an arm."""
    return Measured(measure, "calibration", arm=arm, channel=channel, plane=plane)


def after(axes: str, measure: str, arm: str) -> Measured:
    """A measure of an arm's frozen policy with thresholds set on some axes afterwards."""
    return Measured(measure, "thresholds", arm=arm, axes=axes)


def in_training(measure: str, arm: str) -> Measured:
    """A measure of an arm early in training."""
    return Measured(measure, "trajectory", arm=arm, step=EARLY)


def mean_gap(tables: Tables, measure: str, prediction: str) -> pd.Series:
    """Mean over the grid, per seed, of the distance between a measure and its prediction."""
    table = tables["decisions"]
    table = table[table["arm"].isin(CELLS)]
    gap = (table[measure] - table[prediction]).abs()
    return gap.groupby(table["seed"]).mean()


def gained(tables: Tables, arms: tuple[str, ...] = CELLS) -> pd.Series:
    """Mean over arms, per seed, of the own reward that the frozen base with the rule gains.

    Compared with the trained policies without their randomness.
    """
    table = tables["decisions"]
    table = table[table["arm"].isin(arms)]
    gain = table["greedy_own_regret"] - table["posthoc_own_regret"]
    return gain.groupby(table["seed"]).mean()


def most_disagreement(tables: Tables) -> pd.Series:
    """Largest share of requests, per seed, on which rule and enumeration differ."""
    table = tables["decisions"].dropna(subset=["threshold_disagreement"])
    return table.groupby("seed")["threshold_disagreement"].max()


def bounds_of(measure: str) -> tuple[float, float] | None:
    """Values that a measure cannot leave; regret is in units of reward and has none."""
    if measure in REWARDS:
        return None
    return (-1.0, 1.0) if measure in SIGNED else (0.0, 1.0)


def named(*parts: str) -> str:
    """Key of a quantity."""
    return "abstention/" + "/".join(part.replace("_", "-") for part in parts)


# "abstention/<measure>/<arm>", with the slice, the plane, the channel or the axes before it.
CHOSEN = {
    **{
        named(measure, arm): decided(measure, arm)
        for arm in (*STARTS, *ALL)
        for measure in (
            "under", "over", "abstains", "tilt", "recall", "precision", "regret", "under_regret",
            "over_regret", "choice_regret", "signed_regret", "accuracy_given", "predicted_under",
            "predicted_over", "answerability_auroc", "answering_answerability_auroc", "harm_auroc",
        )
    },
    **{
        named(measure, arm): decided(measure, arm)
        for arm in CELLS
        for measure in (
            "own_regret", "greedy_own_regret", "posthoc_own_regret", "posthoc_under", "posthoc_over"
        )
    },
    **{
        named(slice_, measure, arm): on(slice_, measure, arm)
        for arm in (*STARTS, *ALL)
        for slice_ in ("plain", "unknowable", "look-alike", "unsafe")
        for measure in ("abstains", "predicted", "chow", "tilt")
    },
    **{
        named(plane, measure, arm): planned(plane, measure, arm)
        for arm in (*STARTS, *ALL)
        for plane in ("knowledge", "safety")
        for measure in ("under", "over", "tilt")
    },
    **{
        named(channel, measure, arm): forecast(channel, measure, arm)
        for arm in ("base", *ALL)
        for channel in ("answering", "worth", "answers")
        for measure in ("ece", "over_confidence", "brier", "auroc")
    },
    **{
        named(f"{channel}-{plane}", measure, arm): forecast(channel, measure, arm, plane)
        for arm in ("base", *ALL)
        for channel in ("answering", "worth")
        for plane in ("knowledge", "safety")
        for measure in ("ece", "over_confidence", "brier")
    },
    **{
        named("after", axes, arm): after(axes, "regret", arm)
        for arm in ("base", "w0-h0", "w0-h9", "w0-h3-proxy", "w1-h3-proxy", "w1-h3", "distilled",
                    "reinforced")
        for axes in ("sampled", "none", "answering", "confidence", "token", "one", "two",
                     "plug-in")
    },
    "abstention/best-utility": decided("best_utility", "base"),
    "abstention/chow-abstains": decided("chow_abstains", "base"),
}  # fmt: skip

QUANTITIES = {key: (value, "", bounds_of(value.measure)) for key, value in CHOSEN.items()}
