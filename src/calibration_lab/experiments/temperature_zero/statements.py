"""What the temperature-zero experiment claims, declared before the published seeds were run.

Thresholds say which effect would matter to a reader; they were fixed on seeds below 1000, where
the size of the effects was known roughly.  Reliabilities, accuracies and confidences are shares.
"""

from __future__ import annotations

from calibration_lab.experiments.temperature_zero.confidence_statements import CONFIDENCE
from calibration_lab.experiments.temperature_zero.language_model_statements import (
    QUANTITIES as LANGUAGE_MODEL_QUANTITIES,
)
from calibration_lab.experiments.temperature_zero.language_model_statements import (
    STATEMENTS as LANGUAGE_MODEL,
)
from calibration_lab.experiments.temperature_zero.quantities import (
    HEADLINE_RUN,
    repeated,
    swept,
    voted,
)
from calibration_lab.experiments.temperature_zero.quantities import QUANTITIES as SYNTHETIC
from calibration_lab.experiments.temperature_zero.transposed_statements import TRANSPOSED
from calibration_lab.statements import AllOf, AtLeast, Equivalent, Exact

__all__ = ["QUANTITIES", "STATEMENTS"]

control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement

MIXED = ("careful", "faint", "swayed", "misled", "faint-misled")  # right and wrong on many items

# --- controls ------------------------------------------------------------------------------------

draws_differ = control(
    "draws-differ",
    "With fresh randomness at temperature one, the same judge's repetitions do not all agree.",
    AtLeast(1.0 - repeated("total_parsed", "careful"), 0.3),
)
draws_are_not_the_mode = control(
    "draws-are-not-the-mode",
    "One draw at temperature one is not as often right as the judge's most probable answer.",
    AtLeast(repeated("mode_accuracy", "faint") - repeated("accuracy", "faint"), 0.05),
)
shuffled_items_at_zero = control(
    "shuffled-items-at-zero",
    "Shuffling the items within each repetition brings omega near zero, even at temperature zero.",
    Equivalent(repeated("omega", "careful", 0.0, "items shuffled"), 0.1),
    bounds=(0.0, 1.0),
)
shuffled_items_at_one = control(
    "shuffled-items-at-one",
    "Shuffling the items within each repetition brings omega near zero at temperature one.",
    Equivalent(repeated("omega", "faint", 1.0, "items shuffled"), 0.1),
    bounds=(0.0, 1.0),
)
constant_is_undefined = control(
    "constant-is-undefined",
    "A judge who says the same of every item has no omega.",
    Exact(1.0 - repeated("omega_undefined", "constant", 0.0), 0.0),
    truth="by construction",
)
zero_does_not_move = control(
    "zero-does-not-move",
    "At temperature zero no answer depends on the random seed.",
    Exact(repeated("moved", "careful", 0.0), 0.0),
    truth="by construction",
)
few_repetitions = control(
    "few-repetitions",
    "Omega of twenty repetitions of the same judge is not good: it is their number that helps.",
    AtLeast(repeated("omega", "faint") - swept("omega", "faint", 20), 0.1),
)

# --- consistency at temperature zero -------------------------------------------------------------

AT_ZERO = (
    statement(
        "total-agreement-at-zero",
        "At temperature zero all repetitions agree, word for word, and each is exactly as accurate "
        "as the next.",
        AllOf(*(
            Exact(value, 0.0)
            for judge in ("careful", "faint-misled")
            for value in (
                1.0 - repeated("total_raw", judge, 0.0),
                1.0 - repeated("total_parsed", judge, 0.0),
                repeated("accuracy_spread", judge, 0.0),
            )
        )),
        draws_differ,
        truth="by construction",
    ),
    statement(
        "answers-with-the-mode",
        "The answer at temperature zero is the most probable one, and wrong as often as that is "
        "wrong.",
        AllOf(*(
            Exact(repeated("accuracy", judge, 0.0) - repeated("mode_accuracy", judge), 0.0)
            for judge in MIXED
        )),
        draws_are_not_the_mode,
        truth="by construction",
    ),
    statement(
        "omega-is-one-at-zero",
        "At temperature zero omega is one, whether the judge is careful, faint, swayed, misled or "
        "always reads the evidence backwards.",
        AllOf(*(
            Exact(1.0 - repeated("omega", judge, 0.0), 1e-12) for judge in (*MIXED, "reversed")
        )),
        shuffled_items_at_zero,
        constant_is_undefined,
        truth="by construction",
    ),
    statement(
        "fixed-seed-repeats-one-draw",
        "A fixed random seed at temperature one is as consistent as temperature zero, but another "
        "seed gives other answers.",
        AllOf(
            Exact(1.0 - repeated("omega", "careful", 1.0, "fixed seed"), 1e-12),
            Exact(1.0 - repeated("total_raw", "careful", 1.0, "fixed seed"), 0.0),
            AtLeast(repeated("moved", "careful"), 0.1),
        ),
        zero_does_not_move,
    ),
    statement(
        "agreed-and-wrong",
        "Answers that all hundred repetitions agree on are wrong more than one time in twenty: at "
        "temperature zero, at a quarter, and for a swayed judge even at one.",
        AllOf(
            AtLeast(repeated("wrong_when_agreed", "careful", 0.0), 0.05),
            AtLeast(repeated("wrong_when_agreed", "careful", 0.25), 0.05),
            AtLeast(repeated("wrong_when_agreed", "swayed"), 0.05),
        ),
        bounds=(0.0, 1.0),
    ),
    statement(
        "determinism-did-not-lower-accuracy",
        "For judges whose most probable answer is mostly right, temperature zero costs less than "
        "one point of accuracy against one draw at temperature one.",
        AllOf(*(
            AtLeast(repeated("accuracy", judge, 0.0) - repeated("accuracy", judge), -0.01)
            for judge in ("careful", "faint", "swayed")
        )),
    ),
    statement(
        "determinism-can-lower-accuracy",
        "For a judge whose most probable answer is mostly wrong, it makes agreement perfect and "
        "accuracy lower.",
        AllOf(
            AtLeast(
                repeated("pairwise", "faint-misled", 0.0) - repeated("pairwise", "faint-misled"),
                0.1,
            ),
            AtLeast(
                repeated("accuracy", "faint-misled") - repeated("accuracy", "faint-misled", 0.0),
                0.02,
            ),
        ),
    ),
)  # fmt: skip

# --- reliability over repetitions ----------------------------------------------------------------

REPEATED = (
    statement(
        "high-omega-low-reliability",
        "Omega of a hundred repetitions is good, above 0.8, for a judge of whom one answer has a "
        "reliability below 0.1.",
        AllOf(
            AtLeast(repeated("omega", "faint"), 0.8),
            AtLeast(0.1 - repeated("omega_one", "faint"), 0.0),
        ),
        few_repetitions,
        shuffled_items_at_one,
    ),
    statement(
        "omega-follows-spearman-brown",
        "Over the number of repetitions, omega follows Spearman-Brown from the judge's true "
        "single-answer reliability.",
        AllOf(*(
            Equivalent(
                swept("omega", judge, k) - swept("predicted", judge, k), 0.03,
                detects=swept("omega", "faint", k) - swept("predicted", "careful", k),
            )
            for judge, counts in (("careful", (3, 10, 100)), ("faint", (20, 50, 100)))
            for k in counts
        )),
        truth="theorem check",
    ),
    statement(
        "bias-raises-omega",
        "A bias that every repetition shares, a taste for an irrelevant feature, raises omega and "
        "lowers accuracy.",
        AllOf(
            AtLeast(repeated("omega", "swayed") - repeated("omega", "careful"), 0.0),
            AtLeast(repeated("omega_one", "swayed") - repeated("omega_one", "careful"), 0.05),
            AtLeast(repeated("accuracy", "careful") - repeated("accuracy", "swayed"), 0.05),
        ),
    ),
    statement(
        "leniency-lowers-reliability",
        "A bias that is equal for all items, leniency, lowers accuracy as well, and reliability "
        "too.",
        AllOf(
            AtLeast(repeated("omega_one", "careful") - repeated("omega_one", "lenient"), 0.03),
            AtLeast(repeated("accuracy", "careful") - repeated("accuracy", "lenient"), 0.03),
        ),
    ),
    statement(
        "bias-is-invisible",
        "A judge who reads most items backwards is as reliable as a careful one, and far less "
        "accurate.",
        AllOf(
            Equivalent(
                repeated("omega_one", "misled") - repeated("omega_one", "careful"), 0.02,
                detects=repeated("omega_one", "swayed") - repeated("omega_one", "careful"),
            ),
            Equivalent(
                repeated("omega", "misled") - repeated("omega", "careful"), 0.02,
                detects=repeated("omega", "careful") - repeated("omega", "faint"),
            ),
            AtLeast(repeated("accuracy", "careful") - repeated("accuracy", "misled"), 0.2),
        ),
    ),
    statement(
        "reliability-bounds-validity",
        "The correlation of an answer with the truth never exceeds the root of its reliability.",
        AllOf(*(Exact(repeated("beyond_bound", judge), 1e-9) for judge in MIXED)),
        truth="theorem check",
    ),
    statement(
        "majority-goes-with-the-mode",
        "A majority vote never loses on an item that one draw mostly gets right, and never gains "
        "on one that it mostly gets wrong.",
        AllOf(*(
            Exact(voted("against_theorem", judge, side), 1e-12)
            for judge in MIXED for side in ("right", "wrong")
        )),
        truth="theorem check",
    ),
    statement(
        "majority-helps-and-harms",
        "So a majority of a hundred makes a faint judge more accurate, and a faint and misled one "
        "less.",
        AllOf(
            AtLeast(repeated("majority_accuracy", "faint") - repeated("accuracy", "faint"), 0.1),
            AtLeast(
                repeated("accuracy", "faint-misled")
                - repeated("majority_accuracy", "faint-misled"), 0.02,
            ),
        ),
    ),
)  # fmt: skip

STATEMENTS = (*AT_ZERO, *REPEATED, *TRANSPOSED, *CONFIDENCE, *LANGUAGE_MODEL)
QUANTITIES = {**SYNTHETIC, **LANGUAGE_MODEL_QUANTITIES}
