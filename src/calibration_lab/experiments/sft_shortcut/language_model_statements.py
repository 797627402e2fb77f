"""What the shortcut is expected to do to a real language model, declared before it was run.

Thresholds say which effect would matter to a reader; they were fixed on seeds below 1000.
"""

from __future__ import annotations

from calibration_lab.statements import AtLeast, DeclaredOn, Equivalent, Measured, Statement

__all__ = ["QUANTITIES", "STATEMENTS"]

SEEDS = 6  # a seed costs four CPU-minutes, and the effects are several times their spread
RUN = DeclaredOn("sft-shortcut/language-model-", units=SEEDS, exhibit="language-model")
SHARE, GAP = (0.0, 1.0), (-1.0, 1.0)
CHANCE, PERFECT = "0.5", "1"  # the arms: how often the tag agrees


def answered(measure: str, arm: str, tag: str = "broken", wording: str = "seen") -> Measured:
    """A measure of an arm's verdicts on test reviews."""
    return Measured(measure, "answers", arm=arm, tag=tag, wording=wording)


control, statement = RUN.control, RUN.statement
tag_at_chance = control(
    "tag-at-chance-ignored",
    "Trained with a tag that agrees half the time, the model is as accurate whether the tag agrees "
    "or not.",
    Equivalent(
        answered("accuracy", CHANCE, "intact") - answered("accuracy", CHANCE, "broken"), 0.05
    ),
    bounds=GAP,
)

STATEMENTS: tuple[Statement, ...] = (
    statement(
        "shortcut-breaks",
        "Fine-tuned on reviews whose tag always agrees, the language model is less accurate where "
        "the tag does not than the same model fine-tuned with a tag at chance.",
        AtLeast(answered("accuracy", CHANCE) - answered("accuracy", PERFECT), 0.05),
        tag_at_chance,
        bounds=GAP,
    ),
    statement(
        "hidden-while-intact",
        "While the tag agrees nothing shows: with the shortcut the model is at least as accurate, "
        "to within 0.02.",
        AtLeast(
            answered("accuracy", PERFECT, "intact") - answered("accuracy", CHANCE, "intact"), -0.02
        ),
        bounds=GAP,
    ),
    statement(
        "shortcut-costs-brier",
        "Where the tag does not agree, the shortcut makes the Brier score worse.",
        AtLeast(answered("brier", PERFECT) - answered("brier", CHANCE), 0.05),
        tag_at_chance,
        bounds=GAP,
    ),
    statement(
        "shortcut-overconfident",
        "Where the tag does not agree, confidence does not fall with accuracy: the shortcut makes "
        "the model overconfident.",
        AtLeast(
            answered("over_confidence", PERFECT) - answered("over_confidence", CHANCE), 0.05
        ),
        tag_at_chance,
        bounds=GAP,
    ),
    statement(
        "imperfect-tag-harms-too",
        "A tag that agrees three times in four already costs accuracy where it does not agree.",
        AtLeast(answered("accuracy", CHANCE) - answered("accuracy", "0.75"), 0.05),
        tag_at_chance,
        bounds=GAP,
    ),
    statement(
        "fine-tuning-itself-helps",
        "Fine-tuning with the tag at chance makes the model more accurate than it was: the data do "
        "the harm, not fine-tuning.",
        AtLeast(answered("accuracy", CHANCE) - answered("accuracy", "base"), 0.05),
        bounds=GAP,
    ),
)  # fmt: skip

QUANTITIES: dict[str, object] = {
    f"sft-shortcut/language-model/{measure.replace('_', '-')}/{arm}/{tag}/{wording}":
        (answered(measure, arm, tag, wording), "", GAP if measure == "over_confidence" else SHARE)
    for arm in ("base", "0.5", "0.75", "1")
    for tag in ("intact", "broken", "mixed")
    for wording in ("seen", "unseen")
    for measure in ("accuracy", "confidence", "over_confidence", "brier", "ece")
}  # fmt: skip
