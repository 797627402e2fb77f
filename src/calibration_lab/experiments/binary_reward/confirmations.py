"""What the confirmations of the binary-reward experiment claim, the sweep first.

Declared, like the statements on the headline run, before their published seeds were run.  The sweep
explains what the first published run had shown, and so has a block of seeds of its own.
"""

from __future__ import annotations

import numpy as np

from calibration_lab.experiments.binary_reward import transformer_statements
from calibration_lab.statements import (
    AllOf,
    AtLeast,
    DeclaredOn,
    Difference,
    Equivalent,
    Law,
    Measured,
    Statement,
    Tables,
    rows_of,
)

__all__ = ["CONFIRMATIONS", "QUANTITIES"]

SWEEP = DeclaredOn("binary-reward/sweep-", units=16, exhibit="sweep")  # seeds 1200 to 1215


def swept(measure: str, world: str, arm: str) -> Measured:
    """A measure of an arm in one of the sweep's worlds."""
    return Measured(measure, "answers", world=world, arm=arm)


def gap(world: str, arm: str) -> Difference:
    """Trained minus predicted rate of wrong answers on purpose."""
    return swept("wrong_on_purpose", world, arm) - swept("predicted_wrong_on_purpose", world, arm)


def mean_gap(tables: Tables, units: np.ndarray) -> float:
    """Mean over the Brier term's weights of |mean trained rate - mean predicted rate|."""
    table = tables["answers"]
    table = table[(table["world"] == "all questions") & (table["weight"] > 0)]
    table = rows_of(table, units)
    mean = table.groupby("weight")[["wrong_on_purpose", "predicted_wrong_on_purpose"]].mean()
    gap = mean["wrong_on_purpose"] - mean["predicted_wrong_on_purpose"]
    return float(gap.abs().mean())


sweep_control, on_the_sweep = SWEEP.control, SWEEP.statement

ON_THE_SWEEP = (
    on_the_sweep(
        "rates-follow-theory",
        "Over the weight of the Brier term, the rate of wrong answers on purpose is on average "
        "within 0.1 of the rate at the reward's optimum.",
        Law(mean_gap, 0.0, 0.1, table="answers", bounds=(0, 1)),
        sweep_control(
            "there-is-something-to-follow",
            "That is no small thing: with four times the Brier score the rate exceeds 0.3.",
            AtLeast(swept("wrong_on_purpose", "all questions", "brier-4"), 0.3),
        ),
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
        sweep_control(
            "honest-base-learns",
            "From the honest base the same reward does learn it.",
            AtLeast(
                swept("accuracy", "all questions", "brier-1")
                - swept("accuracy", "base says 0", "brier-1"),
                0.03,
            ),
        ),
    ),
    on_the_sweep(
        "anchor-stops-the-drift",
        "Held to its base by a divergence penalty, a policy rewarded by coin flips stays better "
        "calibrated.",
        AtLeast(
            swept("ece", "all questions", "coin-flip")
            - swept("ece", "held to the base", "coin-flip"),
            0.05,
        ),
    ),
    on_the_sweep(
        "fast-training-fails-the-coin",
        "At a rate of 0.001 the coin-flip reward by itself makes the policy's own probability "
        "overconfident, so that nothing can be attributed there.",
        AtLeast(swept("own_over_confidence", "rate 0.001", "coin-flip"), 0.1),
        sweep_control(
            "usual-rate-passes-the-coin",
            "At the usual rate it stays below that.",
            AtLeast(0.1 - swept("own_over_confidence", "all questions", "coin-flip"), 0.0),
        ),
    ),
    on_the_sweep(
        "slow-training-agrees",
        "At a rate of 0.0001 the binary reward makes the policy's own probability more "
        "overconfident than coin flips do.",
        AtLeast(
            swept("own_over_confidence", "rate 0.0001", "binary")
            - swept("own_over_confidence", "rate 0.0001", "coin-flip"),
            0.05,
        ),
    ),
    on_the_sweep(
        "weak-base-loses-nothing",
        "From a weak base, which leaves greedy accuracy room to grow, the Brier term costs none "
        "of it either.",
        Equivalent(
            swept("greedy_accuracy", "weak base", "brier-1")
            - swept("greedy_accuracy", "weak base", "binary"),
            0.01,
            detects=swept("greedy_accuracy", "weak base", "brier-2")
            - swept("greedy_accuracy", "weak base", "binary"),
        ),
    ),
    on_the_sweep(
        "standardising-mechanism",
        "Dividing by the group's own standard deviation does the harm, and dividing by another "
        "question's does less.",
        AtLeast(
            swept("ece", "softer standardising", "brier-1-standardised")
            - swept("ece", "softer standardising", "brier-1-standardised-by-another"),
            0.03,
        ),
    ),
)  # fmt: skip

CONFIRMATIONS: tuple[Statement, ...] = (*ON_THE_SWEEP, *transformer_statements.STATEMENTS)

SWEPT = {
    "all questions": ("brier-1", "brier-1.5", "brier-2", "brier-4", "binary", "coin-flip"),
    "longer training": ("brier-1", "brier-1.5", "brier-2"),
    "easy questions": ("binary", "brier-1", "brier-2", "log-1"),
    "held to the base": ("binary", "brier-1", "coin-flip"),
    "base says 0": ("binary", "brier-1", "log-safe"),
    "weak base": ("binary", "brier-1", "brier-2"),
    "softer standardising": ("brier-1-standardised", "brier-1-standardised-by-another"),
    "rate 0.0001": ("binary", "brier-1", "brier-2", "coin-flip"),
    "rate 0.001": ("binary", "brier-1", "brier-2", "coin-flip"),
}

QUANTITIES: dict[str, Measured] = {
    **{
        f"binary-reward/speed/ratio/{models}": Measured("ratio", "times", models=models)
        for models in (1, 8, 32, 128)
    },
    **{
        f"binary-reward/sweep/{measure.replace('_', '-')}/{world.replace(' ', '-')}/{arm}":
            swept(measure, world, arm)
        for world, arms in SWEPT.items()
        for arm in arms
        for measure in (
            "accuracy", "greedy_accuracy", "wrong_on_purpose", "predicted_wrong_on_purpose", "ece",
            "own_confidence", "own_over_confidence",
        )
    },
    **transformer_statements.QUANTITIES,
}  # fmt: skip
