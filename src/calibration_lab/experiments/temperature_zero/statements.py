"""What the temperature-zero experiment claims, declared before the published seeds were run.

Thresholds say which effect would matter to a reader; they were fixed on seeds below 1000, where
the size of the effects was known roughly.  Reliabilities, accuracies and confidences are shares.
"""

from __future__ import annotations

from calibration_lab.experiments.temperature_zero.quantities import (
    QUANTITIES,
    agreeing,
    chance,
    mean_excess,
    repeated,
    swept,
    transposed,
    voted,
)
from calibration_lab.statements import AllOf, AtLeast, DeclaredOn, Equivalent, Exact

__all__ = ["QUANTITIES", "STATEMENTS"]

HEADLINE_RUN = DeclaredOn("temperature-zero/", units=32)
control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement

MIXED = ("careful", "faint", "swayed", "misled", "faint-misled")  # right and wrong on many items
CONFIDENT = ("honest", "sharp", "sensitive", "stubborn")
ZERO = "repetition at 0"

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
shuffled_items = control(
    "shuffled-items",
    "Shuffling the items within each repetition brings omega near zero, at either temperature.",
    AllOf(
        Equivalent(repeated("omega", "careful", 0.0, "items shuffled"), 0.1),
        Equivalent(repeated("omega", "faint", 1.0, "items shuffled"), 0.1),
    ),
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
nothing_shared = control(
    "nothing-shared",
    "Questions laid out as rows find no reliability in answers that are pure chance.",
    Equivalent(chance("omega_one", 32), 0.02),
)
shared_misreading = control(
    "shared-misreading",
    "Phrasings reveal nothing about an error that all of them share.",
    Exact(agreeing("auroc", "stubborn", "phrasings at 0") - 0.5, 1e-12),
    truth="by construction",
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
        shuffled_items,
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
        shuffled_items,
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
            for judge, counts in (("careful", (3, 10, 100)), ("faint", (50, 100)))
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

# --- the transposed layout -----------------------------------------------------------------------

TRANSPOSED = (
    statement(
        "noise-looks-reliable",
        "With repetitions as rows and absolute correlations, answers by pure chance get a "
        "reliability above 0.3 with 8 questions and above 0.6 with 32.",
        AllOf(
            AtLeast(chance("transposed", 8), 0.3), AtLeast(chance("transposed", 32), 0.6),
        ),
        nothing_shared,
    ),
    statement(
        "predicted-by-size",
        "What it says of pure chance follows from the numbers of questions and repetitions.",
        AllOf(*(
            Equivalent(
                chance("transposed", q, k) - chance("predicted", q, k), 0.03,
                detects=chance("transposed", q, k) - chance("predicted", other, k),
            )
            for q, k, other in (
                (8, 100, 32), (16, 100, 32), (32, 100, 8), (64, 100, 8), (32, 25, 8), (32, 400, 8),
            )
        )),
        truth="theorem check",
    ),
    statement(
        "cannot-tell-from-shuffled",
        "The transposed statistic cannot tell a judge from its shuffled self.",
        AllOf(*(
            Equivalent(
                mean_excess("independent", q), 0.05, detects=mean_excess("moody", q),
            )
            for q in (8, 20, 27)
        )),
    ),
    statement(
        "blind-to-stability",
        "From temperature one to a quarter, answers become far more stable and the transposed "
        "statistic stays where it is.",
        AllOf(
            AtLeast(
                transposed("pairwise", "independent", 20, 0.25)
                - transposed("pairwise", "independent", 20, 1.0), 0.2,
            ),
            Equivalent(
                transposed("transposed", "independent", 20, 0.25)
                - transposed("transposed", "independent", 20, 1.0), 0.05,
                detects=transposed("transposed", "moody", 20, 0.25)
                - transposed("transposed", "independent", 20, 1.0),
            ),
        ),
    ),
    statement(
        "finds-shared-moods",
        "Where it does find something, a mood that moves all questions of a repetition, answers "
        "are less stable, not more.",
        AllOf(
            AtLeast(
                transposed("transposed", "moody", 20, 0.25)
                - transposed("transposed", "independent", 20, 0.25), 0.1,
            ),
            AtLeast(
                transposed("pairwise", "independent", 20, 0.25)
                - transposed("pairwise", "moody", 20, 0.25), 0.05,
            ),
        ),
    ),
    statement(
        "one-by-a-branch",
        "At temperature zero it is one, whatever the answers.",
        AllOf(*(
            Exact(1.0 - transposed("transposed", "independent", q, 0.0), 0.0) for q in (8, 20, 27)
        )),
        truth="by construction",
    ),
)  # fmt: skip

# --- agreement as confidence ---------------------------------------------------------------------

CONFIDENCE = (
    statement(
        "zero-is-maximally-overconfident",
        "Agreement at temperature zero, used as confidence, has the error rate for its calibration "
        "error, and cannot tell right from wrong.",
        AllOf(*(
            Exact(value, 1e-9)
            for judge in CONFIDENT
            for value in (
                agreeing("ece", judge, ZERO) - (1.0 - agreeing("accuracy", judge, ZERO)),
                agreeing("auroc", judge, ZERO) - 0.5,
            )
        )),
        truth="theorem check",
    ),
    statement(
        "calibrated-at-the-right-temperature",
        "Agreement is calibrated when the sampling temperature undoes the judge's sharpness: at "
        "one for an honest judge, at two for one twice too sharp.",
        AllOf(
            Equivalent(
                agreeing("over_confidence", "honest", "repetition at 1"), 0.02,
                detects=agreeing("over_confidence", "honest", "repetition at 2"),
            ),
            Equivalent(
                agreeing("over_confidence", "sharp", "repetition at 2"), 0.02,
                detects=agreeing("over_confidence", "sharp", "repetition at 1"),
            ),
            AtLeast(0.02 - agreeing("ece", "honest", "repetition at 1"), 0.0),
            AtLeast(0.02 - agreeing("ece", "sharp", "repetition at 2"), 0.0),
        ),
    ),
    statement(
        "repetition-misses-misreading",
        "Repetition at temperature one leaves a judge overconfident who misreads items, whether "
        "the misreading depends on the phrasing or not.",
        AllOf(*(
            AtLeast(agreeing("over_confidence", judge, "repetition at 1")
                    - agreeing("over_confidence", "sharp", "repetition at 1"), 0.05)
            for judge in ("sensitive", "stubborn")
        )),
    ),
    statement(
        "phrasings-reveal-phrasing",
        "Ten phrasings at temperature zero give a better confidence than a hundred repetitions of "
        "one, where the error depends on the phrasing.",
        AllOf(
            AtLeast(
                agreeing("brier", "sensitive", "repetition at 1")
                - agreeing("brier", "sensitive", "phrasings at 0"), 0.03,
            ),
            AtLeast(
                agreeing("auroc", "sensitive", "phrasings at 0")
                - agreeing("auroc", "sensitive", "repetition at 1"), 0.03,
            ),
        ),
        shared_misreading,
    ),
    statement(
        "the-error-decides-the-repair",
        "Where the error depends on the phrasing, asking in ten ways beats recalibrating "
        "repetitions; where all phrasings share it, recalibration beats asking in ten ways.",
        AllOf(
            AtLeast(
                agreeing("brier", "sensitive", "repetition at 1", "isotonic")
                - agreeing("brier", "sensitive", "phrasings at 1"), 0.02,
            ),
            AtLeast(
                agreeing("brier", "stubborn", "phrasings at 1")
                - agreeing("brier", "stubborn", "repetition at 1", "isotonic"), 0.02,
            ),
        ),
    ),
    statement(
        "recalibrated-zero-is-empty",
        "Recalibrated, agreement at temperature zero has a small calibration error and still "
        "cannot tell right from wrong.",
        AllOf(
            AtLeast(0.05 - agreeing("ece", "sharp", ZERO, "isotonic"), 0.0),
            Exact(agreeing("auroc", "sharp", ZERO, "isotonic") - 0.5, 1e-12),
            AtLeast(
                agreeing("brier", "sharp", ZERO, "isotonic")
                - agreeing("brier", "sharp", "repetition at 1", "isotonic"), 0.01,
            ),
        ),
    ),
)  # fmt: skip

STATEMENTS = (*AT_ZERO, *REPEATED, *TRANSPOSED, *CONFIDENCE)
