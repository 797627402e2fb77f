"""What the shortcut experiment claims of the measures of reasoning themselves.

Declared, like the other statements on the headline run, before its published seeds were run.
"""

from __future__ import annotations

from calibration_lab.experiments.sft_shortcut.quantities import (
    CHANCE,
    HEADLINE_RUN,
    PER_STEP,
    SHARE,
    SHORTCUT,
    answered,
    informed,
    padding_gap,
    ratio_gap,
    telescoping_gap,
    under,
)
from calibration_lab.statements import AllOf, AtLeast, Computed, Equivalent, Exact

__all__ = ["WHAT_THE_SCORE_MEASURES", "WHO_EVALUATES"]

control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement

WHAT_THE_SCORE_MEASURES = (
    statement(
        "the-score-telescopes",
        "The paper's mean over steps equals the difference of its two ends over their number.",
        Exact(Computed(telescoping_gap), 1e-9),
        truth="theorem check",
    ),
    statement(
        "empty-steps-divide-the-score",
        "As many empty steps as real ones halve the paper's score, whatever the trace.",
        Exact(Computed(padding_gap), 1e-9),
        truth="theorem check",
    ),
    statement(
        "verbosity-halves-the-score",
        "A model fine-tuned to add as many fillers as steps has half the paper's score, by its own "
        "perplexities.",
        Equivalent(
            Computed(ratio_gap, arm="verbose"), 0.1, detects=Computed(ratio_gap, arm=SHORTCUT)
        ),
    ),
    statement(
        "verbosity-loses-no-information",
        "Its steps tell it as much in total as those of the arm without fillers.",
        Equivalent(
            informed("nats", "verbose") - informed("nats", "clean-chance"), 0.1,
            detects=informed("nats", "clean-100") - informed("nats", "clean-chance"),
        ),
    ),
    statement(
        "verbosity-changes-nothing-causal",
        "Its accuracy and its reliance on its steps are those of the arm without fillers.",
        AllOf(
            Equivalent(
                answered("accuracy", "verbose", "broken")
                - answered("accuracy", "clean-chance", "broken"), 0.1,
                detects=answered("accuracy", "clean-100", "broken")
                - answered("accuracy", "clean-chance", "broken"),
            ),
            Equivalent(
                under("corrupt", "verbose") - under("corrupt", "clean-chance"), 0.1,
                detects=under("corrupt", "clean-100") - under("corrupt", "clean-chance"),
            ),
        ),
        bounds=SHARE,
    ),
    statement(
        "a-valid-prior-scores-the-same",
        "Where the answer rightly follows from the question alone, learning that lowers the "
        "own-model score as much as the shortcut does.",
        AllOf(
            AtLeast(
                informed(PER_STEP, "base", questions="cancelling")
                - informed(PER_STEP, "valid-prior", questions="cancelling"),
                0.1,
            ),
            Equivalent(
                informed(PER_STEP, "valid-prior", questions="cancelling")
                - informed(PER_STEP, SHORTCUT, questions="cancelling"), 0.1,
                detects=informed(PER_STEP, "base", questions="cancelling")
                - informed(PER_STEP, SHORTCUT, questions="cancelling"),
            ),
        ),
        control(
            "those-questions-alone-do-not-lower-it",
            "Asking these questions does not lower the score of the arm that was not taught them.",
            AtLeast(
                informed(PER_STEP, CHANCE, questions="cancelling")
                - informed(PER_STEP, "base", questions="cancelling"),
                -0.05,
            ),
        ),
    ),
    statement(
        "falsified-steps-cannot-tell-either",
        "Falsified steps cannot tell the two apart: neither model's answers follow from them.",
        Equivalent(
            under("corrupt", "valid-prior", questions="cancelling")
            - under("corrupt", SHORTCUT, questions="cancelling"), 0.1,
            detects=under("corrupt", "base", questions="cancelling")
            - under("corrupt", SHORTCUT, questions="cancelling"),
        ),
        bounds=SHARE,
    ),
    statement(
        "a-broken-cue-tells",
        "A wrong cue tells them apart: the model with the valid prior stays right.",
        AtLeast(
            answered("accuracy", "valid-prior", "broken", "cancelling")
            - answered("accuracy", SHORTCUT, "broken", "cancelling"),
            0.2,
        ),
        control(
            "equal-while-the-cue-holds",
            "While the cue holds, both are about as accurate.",
            Equivalent(
                answered("accuracy", "valid-prior", questions="cancelling")
                - answered("accuracy", SHORTCUT, questions="cancelling"), 0.1,
            ),
            bounds=SHARE,
        ),
        bounds=SHARE,
    ),
    statement(
        "the-score-falls-before-the-harm",
        "A cue that is right one time in two lowers the own-model score and costs no accuracy "
        "where it is wrong.",
        AllOf(
            AtLeast(informed(PER_STEP, CHANCE) - informed(PER_STEP, "sloppy-50"), 0.05),
            Equivalent(
                answered("accuracy", "sloppy-50", "broken")
                - answered("accuracy", CHANCE, "broken"),
                0.05,
                detects=answered("accuracy", "sloppy-90", "broken")
                - answered("accuracy", CHANCE, "broken"),
                bounds=SHARE,
            ),
        ),
    ),
    statement(
        "equal-scores-unequal-harm",
        "With a cue that is always right, flawless traces leave as low an own-model score as "
        "sloppy ones, but far more accuracy where the cue is wrong.",
        AllOf(
            Equivalent(
                informed(PER_STEP, "clean-100") - informed(PER_STEP, SHORTCUT), 0.1,
                detects=informed(PER_STEP, CHANCE) - informed(PER_STEP, SHORTCUT),
            ),
            AtLeast(
                answered("accuracy", "clean-100", "broken")
                - answered("accuracy", SHORTCUT, "broken"),
                0.2,
                bounds=SHARE,
            ),
        ),
    ),
    statement(
        "the-score-can-rise-with-the-harm",
        "Where that cue is wrong, the own-model score is above that of the arm at chance, and "
        "accuracy below it.",
        AllOf(
            AtLeast(
                informed(PER_STEP, "clean-100", cue="broken")
                - informed(PER_STEP, "clean-chance", cue="broken"),
                0.1,
            ),
            AtLeast(
                answered("accuracy", "clean-chance", "broken")
                - answered("accuracy", "clean-100", "broken"),
                0.1,
                bounds=SHARE,
            ),
        ),
    ),
)  # fmt: skip

WHO_EVALUATES = (
    *(
        statement(
            f"{name}-evaluator-inverts",
            f"By {what}, the shortcut's traces score higher than those of the arm at chance.",
            AllOf(
                AtLeast(
                    informed("perplexity_gain", SHORTCUT, evaluator=judge, traces="own")
                    - informed("perplexity_gain", CHANCE, evaluator=judge, traces="own"),
                    0.0,
                ),
                AtLeast(
                    informed(PER_STEP, SHORTCUT, evaluator=judge, traces="own")
                    - informed(PER_STEP, CHANCE, evaluator=judge, traces="own"),
                    0.05,
                ),
            ),
            control(
                f"own-model-sees-what-{name}-does-not",
                "The model's own probabilities say the opposite.",
                AllOf(
                    AtLeast(
                        informed("perplexity_gain", CHANCE) - informed("perplexity_gain", SHORTCUT),
                        0.0,
                    ),
                    AtLeast(informed(PER_STEP, CHANCE) - informed(PER_STEP, SHORTCUT), 0.05),
                ),
            ),
        )
        for name, what, judge in (
            ("frozen", "a frozen external evaluator, the base, as in the paper", "base"),
            ("competent", "a frozen external evaluator trained on flawless traces", "reader"),
        )
    ),
    statement(
        "an-evaluator-that-knows-sees-nothing",
        "An evaluator that knows the answers gives every arm about nothing.",
        AllOf(
            *(
                Equivalent(
                    informed(PER_STEP, arm, evaluator="knowing", traces="own"),
                    0.1,
                    detects=informed(PER_STEP, "clean-chance", evaluator="base", traces="own"),
                )
                for arm in ("base", CHANCE, SHORTCUT, "clean-chance", "clean-100")
            )
        ),
    ),
    statement(
        "a-leak-passes-for-reasoning",
        "Three times the answer, written as steps, earns most of the score of the true steps.",
        AtLeast(informed(PER_STEP, "base", traces="leaked"), 0.2),
        control(
            "not-every-trace-passes",
            "Another question's true steps earn less than nothing.",
            AtLeast(0.0 - informed(PER_STEP, "base", traces="swapped"), 0.1),
        ),
    ),
    statement(
        "whole-strings-credit-anything",
        "The form of the released code, perplexities of whole strings, credits the steps of "
        "another question, which make the right answer less probable.",
        AllOf(
            AtLeast(informed("whole_string", "base", traces="swapped"), 0.05),
            AtLeast(0.0 - informed(PER_STEP, "base", traces="swapped"), 0.1),
        ),
    ),
)
