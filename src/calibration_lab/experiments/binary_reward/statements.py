"""What the binary-reward experiment claims, declared before the published seeds were run.

Thresholds say which effect would matter to a reader; they were fixed on seeds below 1000, where
the size of the effects was known roughly.  Confidences and rates are in probability units.

The first published run judged seeds 1000 to 1031.  A referee then found measures and controls that
did not carry their sentences; what was changed says so, and everything is judged on fresh seeds.
"""

from __future__ import annotations

from calibration_lab.experiments.binary_reward import confirmations, quantities
from calibration_lab.experiments.binary_reward.quantities import UNSAFE, done, said
from calibration_lab.statements import (
    AllOf,
    AtLeast,
    DeclaredOn,
    Equivalent,
    Exact,
)

__all__ = ["QUANTITIES", "STATEMENTS"]

HEADLINE_RUN = DeclaredOn("binary-reward/", units=32)  # seeds 1100 to 1131


control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement

coin_does_not_sharpen = control(
    "coin-does-not-sharpen",
    "A coin-flip reward does not make the policy's own answer probability overconfident.",
    Equivalent(
        said("over_confidence", "coin-flip", channel="own")
        - said("over_confidence", "base", channel="own"),
        0.05,
    ),
)
before_more_than_a_coin = control(
    "before-more-than-a-coin",
    "A confidence stated before the answer ends more overconfident than under a coin-flip reward.",
    AtLeast(
        said("over_confidence", "before-binary") - said("over_confidence", "before-coin-flip"), 0.05
    ),
)
more_than_a_coin = control(
    "more-than-a-coin",
    "A confidence stated after the answer ends more overconfident than under a coin-flip reward.",
    AtLeast(said("over_confidence", "binary") - said("over_confidence", "coin-flip"), 0.05),
)
not_the_answers = control(
    "not-the-answers",
    "It is not the new answers that do it: the base's own confidence in them is not as high.",
    AtLeast(
        said("over_confidence", "binary-answer-only")
        - said("over_confidence", "binary-answer-only", channel="grafted"),
        0.05,
    ),
)
coin_answer_only = control(
    "coin-answer-only",
    "Reinforcing answers by coin flips does not move the confidence that far.",
    AtLeast(
        said("over_confidence", "binary-answer-only")
        - said("over_confidence", "coin-flip-answer-only"),
        0.05,
    ),
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
coin_before_is_not_repaired = control(
    "coin-before-is-not-repaired",
    "A coin-flip reward does not calibrate a confidence stated before the answer as well.",
    AtLeast(said("ece", "before-coin-flip") - said("ece", "before-brier-1"), 0.05),
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
safe_weight_gains_nothing = control(
    "safe-weight-gains-nothing",
    "The log score at a safe weight has no such advantage in calibration error.",
    Equivalent(said("ece", "log-safe") - said("ece", "brier-1"), 0.02),
)
own_probability_is_repairable = control(
    "own-probability-is-repairable",
    "The same recalibration does repair the policy's own probability.",
    AtLeast(
        said("brier", "binary", channel="own")
        - said("brier", "binary", channel="own", recalibration="isotonic"),
        0.03,
    ),
)

OTHER_MEASURE = "The control measured mean confidence; it now has its parent's measure."

SAFE = ("brier-1", "spherical-1", "log-safe")

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
        amended=OTHER_MEASURE,
    ),
    statement(
        "confidence-before-rises",
        "Binary reward makes a confidence stated before the answer overconfident.",
        AtLeast(
            said("over_confidence", "before-binary") - said("over_confidence", "before-base"), 0.05
        ),
        before_more_than_a_coin,
        amended=f"{OTHER_MEASURE} It is a contrast, because the coin drifts.",
    ),
    statement(
        "confidence-after-rises",
        "Binary reward makes a confidence stated after the answer overconfident.",
        AtLeast(said("over_confidence", "binary") - said("over_confidence", "base"), 0.05),
        more_than_a_coin,
        amended=OTHER_MEASURE,
    ),
    statement(
        "rises-without-an-incentive",
        "It becomes overconfident even if the confidence token is never reinforced: the shared "
        "network moves it, not the reward.",
        AtLeast(
            said("over_confidence", "binary-answer-only") - said("over_confidence", "base"), 0.05
        ),
        not_the_answers,
        coin_answer_only,
        amended="It had no control, although it names a cause.",
    ),
    statement(
        "zero-gradient-is-not-zero-effect",
        "Reinforcing the confidence token by the binary reward lowers it on average, though the "
        "expected gradient of that token is zero.",
        AtLeast(
            said("over_confidence", "binary-answer-only") - said("over_confidence", "binary"), 0.05
        ),
    ),
    statement(
        "brier-restores-calibration",
        "Adding the Brier term calibrates the stated confidence.",
        AllOf(
            AtLeast(said("brier", "binary") - said("brier", "brier-1"), 0.05),
            AtLeast(said("ece", "binary") - said("ece", "brier-1"), 0.1),
            AtLeast(said("ece", "base") - said("ece", "brier-1"), 0.0),
        ),
        improper_rule_fails,
        shuffled_score_fails,
        amended="Better than binary is not yet calibrated: the base is the new third yardstick.",
    ),
    statement(
        "brier-leaves-no-bias",
        "With the Brier term, mean stated confidence equals accuracy.",
        Equivalent(
            said("over_confidence", "brier-1"), 0.03,
            detects=said("over_confidence", "binary-answer-only"),
        ),
        amended="The known difference was eighteen times the margin; the new one is seven times.",
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
        coin_before_is_not_repaired,
        amended="It had no control.",
    ),
    statement(
        "safe-rewards-never-pay",
        "Under the scale condition the optimum of the reward always gives the best answer.",
        AllOf(*(
            Exact(done("predicted_accuracy", arm) - done("best_possible_accuracy", arm), 1e-12)
            for arm in SAFE
        )),
        truth="theorem check",
        amended="It looked for the junk answer only; the optimum might have chosen another.",
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
        "wrong-where-it-pays",
        "They do so where it pays, and far less where the best answer is more than 90% probable.",
        AllOf(*(
            AtLeast(done("wrong_where_predicted", arm) - done("wrong_where_easy", arm), 0.5)
            for arm in ("brier-2", "log-1")
        )),
    ),
    statement(
        "harmless-where-easy",
        "Twice the Brier score and the log score leave answers alone where the best one is more "
        "than 90% probable.",
        AllOf(*(
            Equivalent(
                done("wrong_where_easy", arm), 0.02, detects=done("wrong_where_easy", "brier-4")
            )
            for arm in ("brier-2", "log-1")
        )),
        amended="It only asked for less than elsewhere, which is now wrong-where-it-pays.",
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
        "question-by-question",
        "Question by question, trained policies answer wrongly on purpose as the optimum does.",
        AllOf(*(AtLeast(0.1 - done("disagreement", arm), 0.0) for arm in UNSAFE)),
    ),
    statement(
        "ece-prefers-sandbagging",
        "By calibration error alone, the policy that answers wrongly on purpose is the better one.",
        AllOf(
            AtLeast(said("ece", "brier-1") - said("ece", "log-1"), 0.01),
            AtLeast(done("accuracy", "brier-1") - done("accuracy", "log-1"), 0.1),
        ),
        safe_weight_gains_nothing,
        amended="It had no control.",
    ),
    statement(
        "ece-misses-shuffling",
        "Confidence trained against another question's correctness passes for calibrated, though "
        "it cannot tell right from wrong.",
        AllOf(
            AtLeast(said("ece", "binary") - said("ece", "brier-1-shuffled"), 0.1),
            AtLeast(said("auroc", "brier-1") - said("auroc", "brier-1-shuffled"), 0.2),
            AtLeast(0.1 - said("ece", "brier-1-shuffled"), 0.0),
        ),
        amended="Passing for calibrated now also means an error below 0.1.",
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
        AtLeast(
            said("brier", "binary", recalibration="isotonic")
            - said("brier", "base", recalibration="isotonic"),
            0.02,
        ),
        own_probability_is_repairable,
        amended="What it lost is measured from the base, repaired in the same way.",
    ),
    statement(
        "standardising-breaks-it",
        "Dividing the advantage by its group's standard deviation undoes the Brier term.",
        AtLeast(said("ece", "brier-1-standardised") - said("ece", "brier-1"), 0.05),
    ),
)  # fmt: skip

STATEMENTS = (*HEADLINE, *confirmations.CONFIRMATIONS)

QUANTITIES = quantities.bounded({**quantities.QUANTITIES, **confirmations.QUANTITIES})
