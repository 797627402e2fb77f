"""What the confirmations of the binary-reward experiment claim: the sweep and the transformer.

Declared, like the statements on the headline run, before their published seeds were run.
"""

from __future__ import annotations

import numpy as np

from calibration_lab.statements import (
    AllOf,
    AtLeast,
    Control,
    Difference,
    Equivalent,
    Law,
    Measured,
    Statement,
    Tables,
    rows_of,
)

__all__ = ["CONFIRMATIONS"]

SWEEP_UNITS = 16  # seeds 1000 to 1015


def swept(measure: str, world: str, arm: str) -> Measured:
    """A measure of an arm in one of the sweep's worlds."""
    return Measured(measure, "answers", world=world, arm=arm)


def gap(world: str, arm: str) -> Difference:
    """Trained minus predicted rate of wrong answers on purpose."""
    return swept("wrong_on_purpose", world, arm) - swept("predicted_wrong_on_purpose", world, arm)


def rank_agreement(tables: Tables, units: np.ndarray) -> float:
    """Rank correlation over weights between the mean trained and the mean predicted rate."""
    table = tables["answers"]
    table = rows_of(table[table["world"] == "all questions"], units)
    mean = table.groupby("weight")[["wrong_on_purpose", "predicted_wrong_on_purpose"]].mean()
    return float(mean.corr(method="spearman").to_numpy()[0, 1])


def on_the_sweep(
    name: str, text: str, test: AtLeast | Equivalent | Law | AllOf, *controls: Control
) -> Statement:
    """A statement about the sweep."""
    key = f"binary-reward/sweep-{name}"
    return Statement(key, text, "empirical", test, SWEEP_UNITS, controls=controls, exhibit="sweep")


CONFIRMATIONS: tuple[Statement, ...] = (
    on_the_sweep(
        "rates-follow-theory",
        "Over the weight of the Brier term, the rate of wrong answers on purpose is ordered as the "
        "reward's optimum orders it.",
        Law(rank_agreement, 1.0, 0.1, table="answers", bounds=(-1, 1)),
    ),
    on_the_sweep(
        "longer-training-reaches-the-optimum",
        "Near the scale condition the rate falls short of theory only because training is short: "
        "three times as many steps reach it.",
        AllOf(*(
            Equivalent(gap("longer training", arm), 0.05, detects=gap("all questions", "brier-1.5"))
            for arm in ("brier-1.5", "brier-2")
        )),
    ),
    on_the_sweep(
        "easy-world-harmless",
        "Where almost every question has an answer more probable than .65, twice the Brier "
        "score and the log score make no policy answer wrongly on purpose.",
        AllOf(*(
            Equivalent(
                swept("wrong_on_purpose", "easy questions", arm), 0.02,
                detects=swept("wrong_on_purpose", "all questions", "brier-2"),
            )
            for arm in ("brier-2", "log-1")
        )),
    ),
    on_the_sweep(
        "silent-base-learns-nothing",
        "From a base that always says 0, the reward with the Brier term does not learn the "
        "accuracy that the binary reward learns.",
        AtLeast(
            swept("accuracy", "base says 0", "binary")
            - swept("accuracy", "base says 0", "brier-1"),
            0.03,
        ),
        Control(
            "binary-reward/sweep-honest-base-learns",
            "From the honest base the same reward does learn it.",
            "empirical",
            AtLeast(
                swept("accuracy", "all questions", "brier-1")
                - swept("accuracy", "base says 0", "brier-1"),
                0.03,
            ),
            SWEEP_UNITS,
            exhibit="sweep",
        ),
    ),
    on_the_sweep(
        "anchor-stops-the-drift",
        "Held to its base by a divergence penalty, a policy rewarded by coin flips keeps its "
        "stated calibration.",
        Equivalent(
            swept("over_confidence", "held to the base", "coin-flip"), 0.05,
            detects=swept("over_confidence", "base says 0", "binary"),
        ),
    ),
)  # fmt: skip
