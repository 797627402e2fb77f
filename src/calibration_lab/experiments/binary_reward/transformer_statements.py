"""What the transformer is expected to show, declared before its published seeds were run.

Thresholds were fixed on seeds below 1000.  Confidences and rates are in probability units.
"""

from __future__ import annotations

from calibration_lab.statements import AllOf, AtLeast, DeclaredOn, Equivalent, Measured, Statement

__all__ = ["QUANTITIES", "STATEMENTS"]


def trace_said(measure: str, arm: str, channel: str = "stated") -> Measured:
    """A measure of an arm's confidence, in the transformer."""
    return Measured(measure, "confidence", arm=arm, channel=channel)


def trace_done(measure: str, arm: str) -> Measured:
    """A measure of an arm's answers, in the transformer."""
    return Measured(measure, "answers", arm=arm)


def trace_steps(measure: str, arm: str) -> Measured:
    """A measure of the steps that an arm writes, in the transformer."""
    return Measured(measure, "steps", arm=arm)


TRANSFORMER = DeclaredOn("binary-reward/transformer-", units=16, exhibit="transformer")
trace_control, trace_statement = TRANSFORMER.control, TRANSFORMER.statement

STATEMENTS: tuple[Statement, ...] = (
    trace_statement(
        "own-probability-overconfident",
        "Binary reward makes the transformer's own answer probability, all steps taken together, "
        "overconfident.",
        AtLeast(
            trace_said("over_confidence", "binary", "own")
            - trace_said("over_confidence", "base", "own"),
            0.1,
        ),
        trace_control(
            "sharper-than-a-coin",
            "The own probability rises more under the binary reward than under a coin flip.",
            AtLeast(
                trace_said("confidence", "binary", "own")
                - trace_said("confidence", "coin-flip", "own"),
                0.05,
            ),
        ),
    ),
    trace_statement(
        "steps-repeat",
        "Binary reward makes the transformer write the same steps again.",
        AtLeast(trace_steps("own", "binary") - trace_steps("own", "base"), 0.1),
        trace_control(
            "steps-repeat-more-than-with-a-coin",
            "Steps repeat more often under the binary reward than under a coin flip.",
            AtLeast(trace_steps("own", "binary") - trace_steps("own", "coin-flip"), 0.05),
        ),
    ),
    trace_statement(
        "confidence-after-rises",
        "Binary reward makes the transformer's confidence, stated after the answer, overconfident.",
        AtLeast(
            trace_said("over_confidence", "binary") - trace_said("over_confidence", "base"), 0.05
        ),
        trace_control(
            "more-than-a-coin",
            "The stated confidence ends higher under the binary reward than under a coin flip.",
            AtLeast(
                trace_said("confidence", "binary") - trace_said("confidence", "coin-flip"), 0.05
            ),
        ),
    ),
    trace_statement(
        "brier-restores-calibration",
        "Adding the Brier term improves the transformer's stated confidence, by Brier score and by "
        "calibration error.",
        AllOf(
            AtLeast(trace_said("brier", "binary") - trace_said("brier", "brier-1"), 0.02),
            AtLeast(trace_said("ece", "binary") - trace_said("ece", "brier-1"), 0.04),
        ),
        trace_control(
            "coin-does-not-restore",
            "A coin flip, which moves the network as much, does not earn the Brier term's score.",
            AtLeast(trace_said("brier", "coin-flip") - trace_said("brier", "brier-1"), 0.02),
        ),
    ),
    trace_statement(
        "brier-leaves-no-bias",
        "With the Brier term, the transformer's mean stated confidence equals its accuracy.",
        Equivalent(
            trace_said("over_confidence", "brier-1"), 0.03,
            detects=trace_said("over_confidence", "base", "token"),
        ),
    ),
    trace_statement(
        "no-greedy-accuracy-lost",
        "The Brier term costs the transformer no accuracy of its most probable answer.",
        Equivalent(
            trace_done("greedy_accuracy", "brier-1") - trace_done("greedy_accuracy", "binary"),
            0.01,
            detects=trace_done("greedy_accuracy", "coin-flip")
            - trace_done("greedy_accuracy", "binary"),
        ),
    ),
    trace_statement(
        "little-sampled-accuracy-lost",
        "The Brier term costs the transformer less than two points of accuracy of sampled answers.",
        Equivalent(
            trace_done("accuracy", "brier-1") - trace_done("accuracy", "binary"), 0.02,
            detects=trace_done("accuracy", "binary") - trace_done("accuracy", "base"),
        ),
    ),
    trace_statement(
        "only-the-scored-channel",
        "With the Brier term on the stated confidence, the transformer's own probability still "
        "becomes overconfident.",
        AtLeast(
            trace_said("over_confidence", "brier-1", "own")
            - trace_said("over_confidence", "base", "own"),
            0.05,
        ),
        trace_control(
            "brier-sharper-than-a-coin",
            "The own probability rises more with the Brier term than under a coin flip.",
            AtLeast(
                trace_said("confidence", "brier-1", "own")
                - trace_said("confidence", "coin-flip", "own"),
                0.02,
            ),
        ),
    ),
    trace_statement(
        "steps-hide-doubt",
        "After the steps that were written, the answer token's probability is overconfident even "
        "in the calibrated base: the doubt went into the choice of the steps.",
        AtLeast(trace_said("over_confidence", "base", "token"), 0.2),
        trace_control(
            "base-own-probability-calibrated",
            "The same base's own probability, all steps taken together, is calibrated.",
            Equivalent(trace_said("over_confidence", "base", "own"), 0.03),
        ),
    ),
)  # fmt: skip

TRANSFORMER_SHOWN = ("base", "binary", "brier-1", "coin-flip")

QUANTITIES: dict[str, Measured] = {
    **{
        f"binary-reward/transformer/{measure.replace('_', '-')}/{arm}": trace_done(measure, arm)
        for arm in TRANSFORMER_SHOWN
        for measure in ("accuracy", "greedy_accuracy", "wrong_on_purpose")
    },
    **{
        f"binary-reward/transformer/{channel}-{measure.replace('_', '-')}/{arm}":
            trace_said(measure, arm, channel)
        for arm in TRANSFORMER_SHOWN
        for channel in ("stated", "own", "token")
        for measure in ("confidence", "over_confidence", "ece", "brier", "auroc",
                        "low_evidence_over_confidence")
    },
    **{
        f"binary-reward/transformer/steps-{measure}/{arm}": trace_steps(measure, arm)
        for arm in TRANSFORMER_SHOWN
        for measure in ("consistent", "own", "accuracy")
    },
    "binary-reward/transformer/best-possible-accuracy":
        trace_done("best_possible_accuracy", "binary"),
}  # fmt: skip
