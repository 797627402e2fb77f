"""What is claimed of agreement used as confidence, known as self-consistency."""

from __future__ import annotations

from calibration_lab.experiments.temperature_zero.quantities import (
    HEADLINE_RUN,
    agreeing,
)
from calibration_lab.statements import AllOf, AtLeast, Equivalent, Exact

__all__ = ["CONFIDENCE"]

control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement

CONFIDENT = ("honest", "sharp", "sensitive", "stubborn")
ZERO = "repetition at 0"

shared_misreading = control(
    "shared-misreading",
    "Phrasings reveal nothing about an error that all of them share.",
    Exact(agreeing("auroc", "stubborn", "phrasings at 0") - 0.5, 1e-12),
    truth="by construction",
)

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
