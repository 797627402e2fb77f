"""What the confirmations of the shortcut experiment claim: reinforcement, and other circumstances.

Declared, like the statements on the headline run, before their published seeds were run.
"""

from __future__ import annotations

from calibration_lab.experiments.sft_shortcut.quantities import (
    CHANCE,
    PER_STEP,
    SHARE,
    SHORTCUT,
    SIGNED,
    answered,
    informed,
    named,
    under,
)
from calibration_lab.statements import AllOf, AtLeast, DeclaredOn, Equivalent, Measured, Statement

__all__ = ["CONFIRMATIONS", "QUANTITIES", "REWARDED", "REWARDED_CHANCE", "WORLDS", "broken"]

REINFORCEMENT = DeclaredOn("sft-shortcut/reinforcement-", units=16, exhibit="reinforcement")
REWARDED, REWARDED_CHANCE = "reinforced-100-longer", "reinforced-chance-longer"

on_rewards, rewards_control = REINFORCEMENT.statement, REINFORCEMENT.control

ON_REINFORCEMENT: tuple[Statement, ...] = (
    on_rewards(
        "finds-the-cue",
        "Rewarding right answers for longer than fine-tuning takes teaches the shortcut too: "
        "accuracy depends on the cue.",
        AtLeast(answered("accuracy", REWARDED) - answered("accuracy", REWARDED, "broken"), 0.2),
        rewards_control(
            "chance-does-not-depend-on-it",
            "With a cue at chance, the same reward leaves accuracy independent of the cue.",
            Equivalent(
                answered("accuracy", REWARDED_CHANCE)
                - answered("accuracy", REWARDED_CHANCE, "broken"),
                0.05,
            ),
            bounds=SHARE,
        ),
        bounds=SHARE,
    ),
    on_rewards(
        "is-slower",
        "On the same questions and as many steps, rewards make fewer answers follow a wrong cue "
        "than imitation does.",
        AtLeast(
            answered("cue_followed", SHORTCUT, "broken")
            - answered("cue_followed", "reinforced-100", "broken"),
            0.2,
        ),
        bounds=SHARE,
    ),
    on_rewards(
        "own-score-misses-it",
        "The own-model score does not fall then, though accuracy where the cue is wrong does.",
        AllOf(
            AtLeast(informed(PER_STEP, REWARDED) - informed(PER_STEP, "base"), 0.0),
            AtLeast(
                answered("accuracy", REWARDED_CHANCE, "broken")
                - answered("accuracy", REWARDED, "broken"),
                0.1,
                bounds=SHARE,
            ),
        ),
        rewards_control(
            "imitation-is-seen",
            "The score can fall: it does after imitation of the same questions.",
            AtLeast(informed(PER_STEP, "base") - informed(PER_STEP, SHORTCUT), 0.1),
        ),
    ),
    on_rewards(
        "raises-overconfidence",
        "Where the cue is wrong, the rewarded model is more overconfident than the base.",
        AtLeast(
            answered("over_confidence", REWARDED, "broken")
            - answered("over_confidence", "base", "broken"),
            0.1,
        ),
        bounds=SIGNED,
    ),
)

SENSITIVITY = DeclaredOn("sft-shortcut/sensitivity-", units=16, exhibit="sensitivity")
WORLDS = ("pretraining 225", "pretraining 450", "pretraining 900", "slips 0", "slips 0.15",
          "slips 0.45")  # fmt: skip


def elsewhere(world: str, table: str, measure: str, arm: str, **where: str) -> Measured:
    """A measure of an arm in one of the varied worlds."""
    return Measured(measure, table, world=world, arm=arm, questions="general", **where)


def broken(world: str, arm: str) -> Measured:
    """Accuracy where the cue is wrong."""
    return elsewhere(world, "answers", "accuracy", arm, cue="broken")


def own_score(world: str, arm: str) -> Measured:
    """The own-model score of the true steps, in nats per step."""
    return elsewhere(
        world, "information", PER_STEP, arm, cue="intact", evaluator="own", traces="true"
    )


def reliance(world: str, arm: str) -> Measured:
    """Share of answers that follow from a falsified step."""
    return elsewhere(world, "interventions", "corrupt", arm, cue="intact")


on_worlds = SENSITIVITY.statement

ON_SENSITIVITY: tuple[Statement, ...] = (
    on_worlds(
        "the-score-falls-everywhere",
        "In every one of six worlds the shortcut lowers the own-model score.",
        AllOf(*(
            AtLeast(own_score(world, CHANCE) - own_score(world, SHORTCUT), 0.05)
            for world in WORLDS
        )),
    ),
    on_worlds(
        "an-able-base-resists",
        "A base pretrained twice as long loses less accuracy to a wrong cue.",
        AtLeast(
            (broken("pretraining 450", CHANCE) - broken("pretraining 450", SHORTCUT))
            - (broken("pretraining 900", CHANCE) - broken("pretraining 900", SHORTCUT)),
            0.1,
        ),
        bounds=SIGNED,
    ),
    on_worlds(
        "flawless-steps-resist",
        "Where no step ever slips, the shortcut lowers the own-model score, and costs less "
        "accuracy where the cue is wrong.",
        AllOf(
            AtLeast(own_score("slips 0", CHANCE) - own_score("slips 0", SHORTCUT), 0.05),
            AtLeast(
                (broken("pretraining 450", CHANCE) - broken("pretraining 450", SHORTCUT))
                - (broken("slips 0", CHANCE) - broken("slips 0", SHORTCUT)),
                0.1,
            ),
        ),
    ),
)  # fmt: skip

CONFIRMATIONS = (*ON_REINFORCEMENT, *ON_SENSITIVITY)

REWARD_ARMS = ("base", CHANCE, SHORTCUT, "reinforced-chance", "reinforced-100", REWARDED_CHANCE,
               REWARDED)  # fmt: skip

QUANTITIES: dict[str, tuple[Measured, str, tuple[float, float] | None]] = {
    **{
        f"sft-shortcut/reinforcement/{named(measure)}-{cue}/{arm}": (
            answered(measure, arm, cue), "", (-1.0 if measure == "over_confidence" else 0.0, 1.0)
        )
        for arm in REWARD_ARMS
        for cue in ("intact", "broken", "mixed")
        for measure in ("accuracy", "confidence", "over_confidence", "brier", "ece", "auroc",
                        "cue_followed")
    },
    **{
        f"sft-shortcut/reinforcement/corrupt-intact/{arm}": (
            under("corrupt", arm), "", (0.0, 1.0)
        )
        for arm in REWARD_ARMS
    },
    **{
        f"sft-shortcut/reinforcement/own-nats-per-step-true-intact/{arm}": (
            informed(PER_STEP, arm), "nats", None
        )
        for arm in REWARD_ARMS
    },
    **{
        f"sft-shortcut/sensitivity/{name}/{world.replace(' ', '-')}/{arm}": (
            of(world, arm), unit, bounds
        )
        for world in WORLDS
        for arm in ("base", CHANCE, SHORTCUT)
        for name, of, unit, bounds in (
            ("accuracy-broken", broken, "", (0.0, 1.0)),
            ("own-nats-per-step", own_score, "nats", None),
            ("corrupt-intact", reliance, "", (0.0, 1.0)),
        )
    },
}  # fmt: skip
