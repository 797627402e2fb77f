"""What the binary-reward experiment claims, declared before the published seeds were run.

Thresholds say which effect would matter to a reader; they were fixed on seeds below 1000, where
the size of the effects was known roughly.  Confidences and rates are in probability units.
"""

from __future__ import annotations

from calibration_lab.experiments.binary_reward import confirmations
from calibration_lab.statements import (
    AllOf,
    AtLeast,
    Control,
    Equivalent,
    Exact,
    Measured,
    Statement,
)

__all__ = ["QUANTITIES", "STATEMENTS"]

UNITS = 32  # seeds 1000 to 1031


def said(measure: str, arm: str, **where: str) -> Measured:
    """A measure of an arm's stated confidence on familiar questions, unless told otherwise."""
    usual = {"channel": "stated", "inputs": "familiar", "recalibration": "none"}
    return Measured(measure, "confidence", arm=arm, **{**usual, **where})


def done(measure: str, arm: str, inputs: str = "familiar") -> Measured:
    """A measure of an arm's answers."""
    return Measured(measure, "answers", arm=arm, inputs=inputs)


def control(name: str, text: str, test: AtLeast | Equivalent) -> Control:
    """A control of the headline run."""
    return Control(f"binary-reward/{name}", text, "empirical", test, UNITS)


def statement(
    name: str,
    text: str,
    test: AtLeast | Equivalent | Exact | AllOf,
    *controls: Control,
    truth: str = "empirical",
) -> Statement:
    """A statement about the headline run."""
    return Statement(f"binary-reward/{name}", text, truth, test, UNITS, controls=controls)


coin_does_not_sharpen = control(
    "coin-does-not-sharpen",
    "A coin-flip reward leaves the policy's own answer probability where it was.",
    Equivalent(
        said("confidence", "coin-flip", channel="own") - said("confidence", "base", channel="own"),
        0.05,
    ),
)
coin_before = control(
    "coin-before-does-not-rise",
    "A coin-flip reward does not raise a confidence stated before the answer.",
    Equivalent(said("confidence", "before-coin-flip") - said("confidence", "before-base"), 0.1),
)
more_than_a_coin = control(
    "more-than-a-coin",
    "The stated confidence ends higher under the binary reward than under a coin-flip reward.",
    AtLeast(said("confidence", "binary") - said("confidence", "coin-flip"), 0.05),
)
improper_rule_fails = control(
    "improper-rule-fails",
    "An improper rule of the same size and form, |c - y|, leaves confidence miscalibrated.",
    AtLeast(said("ece", "linear-1") - said("ece", "brier-1"), 0.05),
)
shuffled_score_fails = control(
    "shuffled-score-fails",
    "The Brier term taken against another question's correctness does not earn a low Brier score.",
    AtLeast(said("brier", "brier-1-shuffled") - said("brier", "brier-1"), 0.05),
)
coin_own_channel = control(
    "coin-own-channel",
    "A coin-flip reward does not miscalibrate the policy's own probability.",
    Equivalent(said("ece", "coin-flip", channel="own") - said("ece", "base", channel="own"), 0.05),
)
more_junk_than_a_coin = control(
    "more-junk-than-a-coin",
    "Wrong answers on purpose are far more common than drift under a coin-flip reward makes them.",
    AtLeast(done("wrong_on_purpose", "brier-2") - done("wrong_on_purpose", "coin-flip"), 0.2),
)

SAFE = ("brier-1", "spherical-1", "log-safe")
UNSAFE = ("brier-2", "brier-4", "log-1")

HEADLINE = (
    statement(
        "own-probability-overconfident",
        "Binary reward makes the policy's own answer probability overconfident.",
        AtLeast(
            said("over_confidence", "binary", channel="own")
            - said("over_confidence", "base", channel="own"),
            0.1,
        ),
        coin_does_not_sharpen,
    ),
    statement(
        "confidence-before-rises",
        "Binary reward makes a confidence stated before the answer overconfident.",
        AtLeast(
            said("over_confidence", "before-binary") - said("over_confidence", "before-base"), 0.05
        ),
        coin_before,
    ),
    statement(
        "confidence-after-rises",
        "Binary reward makes a confidence stated after the answer overconfident.",
        AtLeast(said("over_confidence", "binary") - said("over_confidence", "base"), 0.05),
        more_than_a_coin,
    ),
    statement(
        "rises-without-an-incentive",
        "It becomes overconfident even if the confidence token is never reinforced: the shared "
        "network moves it, not the reward.",
        AtLeast(
            said("over_confidence", "binary-answer-only") - said("over_confidence", "base"), 0.05
        ),
    ),
    statement(
        "brier-restores-calibration",
        "Adding the Brier term calibrates the stated confidence.",
        AllOf(
            AtLeast(said("brier", "binary") - said("brier", "brier-1"), 0.05),
            AtLeast(said("ece", "binary") - said("ece", "brier-1"), 0.1),
        ),
        improper_rule_fails,
        shuffled_score_fails,
    ),
    statement(
        "brier-leaves-no-bias",
        "With the Brier term, mean stated confidence equals accuracy.",
        Equivalent(
            said("over_confidence", "brier-1"), 0.03,
            detects=said("over_confidence", "penalise-only-wrong"),
        ),
    ),
    statement(
        "no-greedy-accuracy-lost",
        "The Brier term costs no accuracy of the most probable answer.",
        Equivalent(
            done("greedy_accuracy", "brier-1") - done("greedy_accuracy", "binary"), 0.005,
            detects=done("greedy_accuracy", "brier-2") - done("greedy_accuracy", "binary"),
        ),
    ),
    statement(
        "little-sampled-accuracy-lost",
        "The Brier term costs less than one point of accuracy of sampled answers.",
        Equivalent(
            done("accuracy", "brier-1") - done("accuracy", "binary"), 0.01,
            detects=done("accuracy", "brier-2") - done("accuracy", "binary"),
        ),
    ),
    statement(
        "only-the-scored-channel",
        "With the Brier term on the stated confidence, the policy's own probability still becomes "
        "miscalibrated.",
        AtLeast(said("ece", "brier-1", channel="own") - said("ece", "base", channel="own"), 0.1),
        coin_own_channel,
    ),
    statement(
        "brier-restores-before-too",
        "A confidence stated before the answer is repaired as well when it is the one scored.",
        AtLeast(said("ece", "before-binary") - said("ece", "before-brier-1"), 0.05),
    ),
    statement(
        "safe-rewards-never-pay",
        "Under the scale condition the optimum of the reward never answers wrongly on purpose.",
        AllOf(*(Exact(done("predicted_wrong_on_purpose", arm), 0.0) for arm in SAFE)),
        truth="theorem check",
    ),
    statement(
        "safe-rewards-stay-honest",
        "Policies trained under the scale condition hardly ever give the answer that is never "
        "right.",
        AllOf(*(
            Equivalent(
                done("wrong_on_purpose", arm), 0.02, detects=done("wrong_on_purpose", "brier-2")
            )
            for arm in SAFE
        )),
    ),
    statement(
        "wrong-on-purpose",
        "Beyond the scale condition, policies learn to answer wrongly on purpose where theory "
        "says they should.",
        AllOf(*(AtLeast(done("wrong_where_predicted", arm), 0.5) for arm in UNSAFE)),
        more_junk_than_a_coin,
    ),
    statement(
        "harmless-where-easy",
        "The same policies keep answering honestly where the best answer is more than 90% "
        "probable.",
        AllOf(*(
            AtLeast(done("wrong_where_predicted", arm) - done("wrong_where_easy", arm), 0.5)
            for arm in ("brier-2", "log-1")
        )),
    ),
    statement(
        "trained-rates-equal-predicted",
        "The rate of wrong answers on purpose equals the rate at the reward's optimum.",
        AllOf(*(
            Equivalent(
                done("wrong_on_purpose", arm) - done("predicted_wrong_on_purpose", arm), 0.05,
                detects=done("wrong_on_purpose", "brier-4")
                - done("predicted_wrong_on_purpose", "brier-2"),
            )
            for arm in UNSAFE
        )),
    ),
    statement(
        "ece-prefers-sandbagging",
        "By calibration error alone, the policy that answers wrongly on purpose is the better one.",
        AllOf(
            AtLeast(said("ece", "brier-1") - said("ece", "log-1"), 0.01),
            AtLeast(done("accuracy", "brier-1") - done("accuracy", "log-1"), 0.1),
        ),
    ),
    statement(
        "ece-misses-shuffling",
        "Confidence trained against another question's correctness passes for calibrated, though "
        "it cannot tell right from wrong.",
        AllOf(
            AtLeast(said("ece", "binary") - said("ece", "brier-1-shuffled"), 0.1),
            AtLeast(said("auroc", "brier-1") - said("auroc", "brier-1-shuffled"), 0.2),
        ),
    ),
    statement(
        "recalibration-as-good",
        "Binary reward followed by recalibration of the policy's own probability is as good as the "
        "Brier term, on questions like those of the validation set.",
        Equivalent(
            said("brier", "binary", channel="own", recalibration="isotonic")
            - said("brier", "brier-1"), 0.01,
            detects=said("brier", "binary", channel="own") - said("brier", "brier-1"),
        ),
    ),
    statement(
        "recalibration-as-good-under-shift",
        "It remains as good on shifted questions.",
        Equivalent(
            said("brier", "binary", channel="own", recalibration="isotonic", inputs="shifted")
            - said("brier", "brier-1", inputs="shifted"), 0.01,
            detects=said("brier", "binary", channel="own", inputs="shifted")
            - said("brier", "brier-1", inputs="shifted"),
        ),
    ),
    statement(
        "stated-confidence-not-repairable",
        "Recalibrating the binary policy's stated confidence does not bring back what it lost.",
        AtLeast(said("brier", "binary", recalibration="isotonic") - said("brier", "brier-1"), 0.02),
    ),
    statement(
        "standardising-breaks-it",
        "Dividing the advantage by its group's standard deviation undoes the Brier term.",
        AtLeast(said("ece", "brier-1-standardised") - said("ece", "brier-1"), 0.05),
    ),
)  # fmt: skip

STATEMENTS = (*HEADLINE, *confirmations.CONFIRMATIONS)

SHOWN = (
    "base", "binary", "binary-answer-only", "brier-0.25", "brier-1", "brier-2", "brier-4", "log-1",
    "log-safe", "spherical-1", "linear-1", "penalise-only-wrong", "brier-1-shuffled", "coin-flip",
    "brier-1-standardised", "before-base", "before-binary", "before-brier-1", "before-coin-flip",
)  # fmt: skip

# Numbers that the prose quotes: "binary-reward/<measure>/<arm>", with the channel or the inputs
# where they are not the stated confidence on familiar questions.
QUANTITIES = {
    **confirmations.QUANTITIES,
    **{
        f"binary-reward/{measure.replace('_', '-')}/{arm}": done(measure, arm)
        for arm in SHOWN
        for measure in (
            "accuracy", "greedy_accuracy", "wrong_on_purpose", "predicted_wrong_on_purpose",
            "wrong_where_easy",
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
        for arm in ("binary", "brier-1")
        for measure in ("ece", "brier", "auroc")
    },
    "binary-reward/best-possible-accuracy": done("best_possible_accuracy", "binary"),
}  # fmt: skip
