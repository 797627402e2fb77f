"""Numbers of the headline run that prose and figures take from its tables."""

from __future__ import annotations

from collections.abc import Mapping

from calibration_lab.statements import Measured

__all__ = ["QUANTITIES", "bounded", "done", "said"]

UNSAFE = ("brier-2", "brier-4", "log-1")  # rewards beyond the scale condition


def said(measure: str, arm: str, **where: str) -> Measured:
    """A measure of an arm's stated confidence on familiar questions, unless told otherwise."""
    usual = {"channel": "stated", "inputs": "familiar", "recalibration": "none"}
    return Measured(measure, "confidence", arm=arm, **{**usual, **where})


def done(measure: str, arm: str, inputs: str = "familiar") -> Measured:
    """A measure of an arm's answers."""
    return Measured(measure, "answers", arm=arm, inputs=inputs)


def bounded(
    quantities: Mapping[str, Measured],
) -> dict[str, tuple[Measured, str, tuple[float, float] | None]]:
    """Quantities with a unit and the bounds that the figures draw them with.

    All are probabilities and shares, or differences of two; only a ratio has no bounds.
    """
    found = {}
    for key, value in quantities.items():
        signed = "over_confidence" in value.measure
        bounds = None if value.measure == "ratio" else (-1.0 if signed else 0.0, 1.0)
        found[key] = (value, "", bounds)
    return found


SHOWN = (
    "base", "binary", "binary-answer-only", "coin-flip-answer-only", "brier-1",
    "brier-2", "brier-4", "log-1", "log-safe", "spherical-1", "linear-1", "penalise-only-wrong",
    "brier-1-shuffled", "coin-flip", "brier-1-standardised",
    "before-base", "before-binary", "before-brier-1", "before-coin-flip",
)  # fmt: skip

# Numbers that the prose quotes: "binary-reward/<measure>/<arm>", with the channel or the inputs
# where they are not the stated confidence on familiar questions.
QUANTITIES = {
    **{
        f"binary-reward/{measure.replace('_', '-')}/{arm}": done(measure, arm)
        for arm in SHOWN
        for measure in (
            "accuracy", "greedy_accuracy", "wrong_on_purpose", "predicted_wrong_on_purpose",
            "wrong_where_easy", "disagreement",
        )
    },
    **{
        f"binary-reward/{measure.replace('_', '-')}/{arm}": said(measure, arm)
        for arm in SHOWN
        for measure in ("confidence", "over_confidence", "ece", "brier", "auroc",
                        "low_evidence_over_confidence")
    },
    **{
        f"binary-reward/own-{measure.replace('_', '-')}/{arm}": said(measure, arm, channel="own")
        for arm in SHOWN
        for measure in ("confidence", "over_confidence", "ece", "brier", "auroc")
    },
    **{
        f"binary-reward/{channel}-{measure}-{method}-{inputs}/{arm}":
            said(measure, arm, channel=channel, recalibration=method, inputs=inputs)
        for channel in ("stated", "own")
        for method in ("none", "temperature", "platt", "isotonic")
        for inputs in ("familiar", "shifted")
        for arm in ("base", "binary", "brier-1")
        for measure in ("ece", "brier", "auroc")
    },
    **{
        f"binary-reward/wrong-where-predicted/{arm}": done("wrong_where_predicted", arm)
        for arm in UNSAFE
    },
    **{
        f"binary-reward/grafted-over-confidence/{arm}":
            said("over_confidence", arm, channel="grafted")
        for arm in ("binary", "binary-answer-only")
    },
    "binary-reward/best-possible-accuracy": done("best_possible_accuracy", "binary"),
}  # fmt: skip
