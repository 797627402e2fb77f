"""What the shortcut experiment claims, declared before the published seeds were run.

Thresholds say which effect would matter to a reader; they were fixed on seeds below 1000.  Unless
a reason stands beside it, a tenth matters: ten answers in a hundred, or a tenth of a nat per step
where the base gains about half a nat, and half of that passes for "the same".
"""

from __future__ import annotations

from itertools import pairwise
from typing import Any

from calibration_lab.experiments.sft_shortcut import (
    confirmations,
    language_model_statements,
    quantities,
)
from calibration_lab.experiments.sft_shortcut.quantities import (
    CHANCE,
    DOSE,
    HEADLINE_RUN,
    PER_STEP,
    SHARE,
    SHORTCUT,
    SIGNED,
    answered,
    informed,
    under,
)
from calibration_lab.experiments.sft_shortcut.score_statements import (
    WHAT_THE_SCORE_MEASURES,
    WHO_EVALUATES,
)
from calibration_lab.statements import AllOf, AtLeast, Measured, Statement

__all__ = ["QUANTITIES", "STATEMENTS"]

control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement

lost_information = informed(PER_STEP, "base") - informed(PER_STEP, SHORTCUT)
lost_reliance = under("corrupt", "base") - under("corrupt", SHORTCUT)

THE_SHORTCUT = (
    statement(
        "accuracy-rises",
        "Fine-tuning on traces with a telling cue raises accuracy where the cue holds.",
        AtLeast(answered("accuracy", SHORTCUT) - answered("accuracy", "base"), 0.1),
        control(
            "accuracy-rises-by-the-cue",
            "It rises by more than the same fine-tuning without a telling cue achieves.",
            AtLeast(answered("accuracy", SHORTCUT) - answered("accuracy", CHANCE), 0.05),
            bounds=SHARE,
        ),
        bounds=SHARE,
    ),
    statement(
        "own-information-falls",
        "The true steps then tell the model itself less about the answer.",
        AtLeast(lost_information, 0.1),
        control(
            "own-information-stays-at-chance",
            "The same fine-tuning with a cue at chance does not lower it.",
            AtLeast(informed(PER_STEP, CHANCE) - informed(PER_STEP, "base"), -0.05),
        ),
        control(
            "swapped-steps-tell-nothing",
            "The measure is no free gift: the steps of another question score below zero.",
            AtLeast(0.0 - informed(PER_STEP, "base", traces="swapped"), 0.1),
        ),
    ),
    statement(
        "reliance-falls",
        "Its answers stop following from its own steps when one of these is falsified.",
        AtLeast(lost_reliance, 0.1),
        control(
            "reliance-stays-at-chance",
            "The same fine-tuning with a cue at chance loses no reliance.",
            AtLeast(under("corrupt", CHANCE) - under("corrupt", "base"), -0.05),
            bounds=SHARE,
        ),
        bounds=SHARE,
    ),
    statement(
        "answer-stands-before-the-steps",
        "Its answer stands before the first step is written, and another question's steps do not "
        "change it.",
        AllOf(
            AtLeast(under("truncate_0", SHORTCUT) - under("truncate_0", "base"), 0.2),
            AtLeast(under("swap", "base") - under("swap", SHORTCUT), 0.2),
        ),
        control(
            "chance-decides-no-earlier",
            "With a cue at chance the answer stands no earlier than in the base.",
            AtLeast(under("truncate_0", "base") - under("truncate_0", CHANCE), -0.1),
            bounds=SHARE,
        ),
        bounds=SHARE,
    ),
    statement(
        "accuracy-falls-when-the-cue-breaks",
        "Where the cue is wrong, accuracy falls below that of the base.",
        AtLeast(
            answered("accuracy", "base", "broken") - answered("accuracy", SHORTCUT, "broken"), 0.1
        ),
        control(
            "chance-loses-no-accuracy",
            "The same fine-tuning with a cue at chance does not lose accuracy there.",
            AtLeast(
                answered("accuracy", CHANCE, "broken") - answered("accuracy", "base", "broken"), 0.0
            ),
            bounds=SHARE,
        ),
        bounds=SHARE,
    ),
    statement(
        "confidence-does-not-fall",
        "Where the cue is wrong, confidence is no lower than that of the base.",
        AtLeast(
            answered("confidence", SHORTCUT, "broken") - answered("confidence", "base", "broken"),
            0.0,
        ),
        control(
            "confidence-can-fall",
            "Confidence can fall there: a cue that is right three times in four lowers it.",
            AtLeast(
                answered("confidence", CHANCE, "broken")
                - answered("confidence", "sloppy-75", "broken"),
                0.0,
            ),
            bounds=SHARE,
        ),
        bounds=SHARE,
    ),
    statement(
        "the-trace-still-looks-right",
        "Where the cue holds, the written steps are right at least as often as in the base, though "
        "the answer no longer comes from them.",
        AtLeast(answered("steps_right", SHORTCUT) - answered("steps_right", "base"), 0.0),
        control(
            "the-trace-can-look-wrong",
            "The share of right steps can fall: it does where the cue is wrong.",
            AtLeast(
                answered("steps_right", SHORTCUT) - answered("steps_right", SHORTCUT, "broken"), 0.1
            ),
            bounds=SHARE,
        ),
        bounds=SHARE,
    ),
)

CALIBRATION = (
    statement(
        "wrong-and-sure",
        "Where the cue is wrong, the model is wrong and sure: overconfidence, Brier score and "
        "calibration error exceed those of the arm with a cue at chance.",
        AllOf(
            *(
                AtLeast(answered(name, SHORTCUT, "broken") - answered(name, CHANCE, "broken"), 0.1)
                for name in ("over_confidence", "brier", "ece")
            )
        ),
        control(
            "chance-is-no-surer-than-the-base",
            "The arm with a cue at chance is not more overconfident than the base.",
            AtLeast(
                answered("over_confidence", "base", "broken")
                - answered("over_confidence", CHANCE, "broken"),
                -0.05,
            ),
            bounds=SIGNED,
        ),
        bounds=SIGNED,
    ),
    statement(
        "confidence-protects-less",
        "Where the cue holds for one question in two, answering only when sure protects less: "
        "Brier score and the error rate averaged over all coverages exceed those of the arm at "
        "chance.",
        AllOf(
            AtLeast(answered("brier", SHORTCUT, "mixed") - answered("brier", CHANCE, "mixed"), 0.1),
            AtLeast(answered("aurc", SHORTCUT, "mixed") - answered("aurc", CHANCE, "mixed"), 0.05),
        ),
        control(
            "chance-protects-more-than-the-base",
            "Fine-tuning as such does not do that: with a cue at chance both improve on the base.",
            AllOf(
                AtLeast(answered("brier", "base", "mixed") - answered("brier", CHANCE, "mixed"), 0),
                AtLeast(answered("aurc", "base", "mixed") - answered("aurc", CHANCE, "mixed"), 0),
            ),
            bounds=SHARE,
        ),
        bounds=SHARE,
    ),
    statement(
        "confidence-stops-separating",
        "There, confidence separates right from wrong answers worse than in the arm at chance.",
        AtLeast(answered("auroc", CHANCE, "mixed") - answered("auroc", SHORTCUT, "mixed"), 0.05),
        undefined=0.5,  # a model that is never wrong, or never right, separates nothing
        bounds=SHARE,
    ),
    statement(
        "confidence-turns-round",
        "Where a cue that was right nine times in ten is wrong, confidence ranks answers worse "
        "than a coin would, and worse than in the arm at chance.",
        AllOf(
            AtLeast(0.5 - answered("auroc", "sloppy-90", "broken"), 0.05),
            AtLeast(
                answered("auroc", CHANCE, "broken") - answered("auroc", "sloppy-90", "broken"), 0.05
            ),
        ),
        undefined=0.5,
        bounds=SHARE,
    ),
)


def falls(name: str, what: str, values: list[Measured], **fields: Any) -> Statement:
    """What is measured falls with every increase of the cue's strength."""
    pairs = pairwise(values)
    return statement(
        f"dose-{name}",
        f"With every increase of the cue's strength, {what} falls.",
        AllOf(*(AtLeast(weaker - stronger, 0.0) for weaker, stronger in pairs)),
        **fields,
    )


NOT_THE_TRAINING = (
    statement(
        "without-the-cue-nothing-is-lost",
        "Without a telling cue the same fine-tuning raises accuracy and does not lower the "
        "own-model score, and on flawless traces raises it: the data do it, not fine-tuning.",
        AllOf(
            AtLeast(
                answered("accuracy", CHANCE, "broken") - answered("accuracy", "base", "broken"),
                0.05,
                bounds=SHARE,
            ),
            AtLeast(informed(PER_STEP, CHANCE) - informed(PER_STEP, "base"), -0.05),
            AtLeast(informed(PER_STEP, "clean-chance") - informed(PER_STEP, "base"), 0.02),
        ),
        control(
            "the-score-can-fall",
            "The score can fall: with the telling cue it does.",
            AtLeast(informed(PER_STEP, "base") - informed(PER_STEP, SHORTCUT), 0.1),
        ),
    ),
    statement(
        "answers-alone-teach-no-chain",
        "Fine-tuning on answers without steps makes the answers after steps less accurate.",
        AtLeast(
            answered("accuracy", "base", "broken")
            - answered("accuracy", "answer-chance", "broken"),
            0.1,
        ),
        control(
            "steps-teach-the-chain",
            "The same questions with their steps make them more accurate.",
            AtLeast(
                answered("accuracy", CHANCE, "broken") - answered("accuracy", "base", "broken"), 0.0
            ),
            bounds=SHARE,
        ),
        bounds=SHARE,
    ),
    falls("information", "the own-model score", [informed(PER_STEP, arm) for arm in DOSE]),
    falls(
        "reliance", "reliance on the steps", [under("corrupt", arm) for arm in DOSE], bounds=SHARE
    ),
    falls(
        "broken-accuracy",
        "accuracy where the cue is wrong",
        [answered("accuracy", arm, "broken") for arm in DOSE],
        bounds=SHARE,
    ),
)

STATEMENTS = (
    *THE_SHORTCUT, *CALIBRATION, *NOT_THE_TRAINING, *WHAT_THE_SCORE_MEASURES, *WHO_EVALUATES,
    *confirmations.CONFIRMATIONS, *language_model_statements.STATEMENTS,
)  # fmt: skip

QUANTITIES = {
    **quantities.QUANTITIES,
    **confirmations.QUANTITIES,
    **language_model_statements.QUANTITIES,
}
