"""What is claimed of the transposed layout: repetitions as rows, questions as columns."""

from __future__ import annotations

from calibration_lab.experiments.temperature_zero.quantities import (
    HEADLINE_RUN,
    chance,
    mean_excess,
    transposed,
)
from calibration_lab.statements import AllOf, AtLeast, Equivalent, Exact

__all__ = ["TRANSPOSED"]

control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement

nothing_shared = control(
    "nothing-shared",
    "Questions laid out as rows find no reliability in answers that are pure chance.",
    Equivalent(chance("omega_one", 32), 0.02),
)

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
