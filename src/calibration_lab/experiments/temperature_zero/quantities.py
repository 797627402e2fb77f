"""Numbers of the run that statements, prose and figures take from its tables."""

from __future__ import annotations

import pandas as pd

from calibration_lab.statements import Computed, DeclaredOn, Measured, Tables

__all__ = [
    "HEADLINE_RUN",
    "QUANTITIES",
    "agreeing",
    "chance",
    "mean_excess",
    "repeated",
    "swept",
    "transposed",
    "voted",
]

HEADLINE_RUN = DeclaredOn("temperature-zero/", units=32)  # seeds 1000 to 1031


def repeated(measure: str, judge: str, temperature: float = 1.0, setting: str = "free") -> Measured:
    """A measure of a judge asked again and again; freely, that is with fresh randomness."""
    return Measured(measure, "repetition", judge=judge, temperature=temperature, setting=setting)


def swept(measure: str, judge: str, repetitions: int) -> Measured:
    """Omega of the first K repetitions, or its prediction."""
    return Measured(measure, "sweep", judge=judge, repetitions=repetitions)


def voted(measure: str, judge: str, side: str) -> Measured:
    """What a majority vote changes on items that one draw gets mostly right, or mostly wrong."""
    return Measured(measure, "majority", judge=judge, side=f"mostly {side}", temperature=1.0)


def agreeing(measure: str, judge: str, source: str, recalibration: str = "none") -> Measured:
    """A measure of agreement used as confidence."""
    return Measured(measure, "confidence", judge=judge, source=source, recalibration=recalibration)


def transposed(
    measure: str, judge: str, questions: int, temperature: float, order: str = "as answered"
) -> Measured:
    """A measure of a table with repetitions as rows and questions as columns."""
    return Measured(
        measure, "transposed", judge=judge, questions=questions, temperature=temperature,
        order=order,
    )  # fmt: skip


def chance(measure: str, questions: int, repetitions: int = 100) -> Measured:
    """The same on answers that are pure chance."""
    return Measured(measure, "noise", questions=questions, repetitions=repetitions)


def excess(tables: Tables, judge: str, questions: int) -> pd.Series:
    """Transposed statistic of a judge minus that of its shuffled self, mean over temperatures > 0.

    At temperature 0 an independent judge has nothing to shuffle.
    """
    table = tables["transposed"]
    chosen = (table["judge"] == judge) & (table["questions"] == questions)
    rows = table[chosen & (table["temperature"] > 0)]
    mean = rows.groupby(["seed", "order"])["transposed"].mean().unstack("order")
    return mean["as answered"] - mean["shuffled"]


def mean_excess(judge: str, questions: int) -> Computed:
    """The value of `excess`, as statements take it."""
    return Computed(excess, judge=judge, questions=questions)


TEMPERATURES = (0.0, 0.25, 0.5, 0.75, 1.0)
SOURCES = (
    "repetition at 0", "repetition at 0.5", "repetition at 1", "repetition at 2",
    "few repetitions at 1", "own probability", "phrasings at 0", "phrasings at 1",
)  # fmt: skip
SHARE, SIGNED = (0.0, 1.0), (-1.0, 1.0)
OF_REPETITION = {
    "omega": SHARE, "omega_one": SIGNED, "true_omega_one": SHARE, "pairwise": SHARE,
    "total_raw": SHARE, "total_parsed": SHARE, "accuracy": SHARE, "majority_accuracy": SHARE,
    "mode_accuracy": SHARE, "moved": SHARE, "wrong_when_agreed": SHARE, "validity": SIGNED,
}  # fmt: skip
OF_CONFIDENCE = {
    "accuracy": SHARE, "confidence": SHARE, "over_confidence": SIGNED, "ece": SHARE,
    "brier": SHARE, "auroc": SHARE,
}  # fmt: skip
Quantity = tuple[Measured | Computed, str, tuple[float, float] | None]


def name(*parts: object) -> str:
    """Key of a quantity, such as "temperature-zero/omega-one/faint/1"."""
    text = (f"{part:g}" if isinstance(part, float) else str(part) for part in parts)
    return "temperature-zero/" + "/".join(t.replace("_", "-").replace(" ", "-") for t in text)


# "<measure>/<judge>/<temperature>", "fixed-seed/...", "shuffled/...";
# "confidence/<measure>/<judge>/<source>" and "repaired/..." after isotonic recalibration;
# "sweep/<measure>/<judge>/<K>", "gain/<judge>/<side>",
# "transposed/<measure>/<judge>/<Q>/<temperature>", "transposed-shuffled/...",
# "chance/<measure>/<Q>/<K>", "excess/<judge>/<Q>"
QUANTITIES: dict[str, Quantity] = {
    **{
        name(measure, judge, t): (repeated(measure, judge, t), "", bounds)
        for judge in ("careful", "faint", "swayed", "lenient", "misled", "faint-misled", "reversed")
        for t in TEMPERATURES
        for measure, bounds in OF_REPETITION.items()
        if measure != "wrong_when_agreed" or not judge.startswith("faint")
    },
    **{
        name("fixed seed", measure, judge): (
            repeated(measure, judge, 1.0, "fixed seed"), "", OF_REPETITION[measure]
        )
        for judge in ("careful", "faint")
        for measure in ("omega", "omega_one", "total_raw", "accuracy", "moved")
    },
    **{
        name("shuffled", measure, judge, t): (
            repeated(measure, judge, t, "items shuffled"), "", OF_REPETITION[measure]
        )
        for judge in ("careful", "faint")
        for t in (0.0, 1.0)
        for measure in ("omega", "omega_one")
    },
    **{
        name("sweep", measure, judge, k): (swept(measure, judge, k), "", SHARE)
        for judge in ("careful", "faint")
        for k in (3, 5, 10, 20, 50, 100)
        for measure in ("omega", "predicted")
    },
    **{
        name("gain", judge, f"mostly {side}"): (voted("gain", judge, side), "", SIGNED)
        for judge in ("careful", "faint", "swayed", "misled", "faint-misled")
        for side in ("right", "wrong")
    },
    **{
        name(group, measure, judge, source): (
            agreeing(measure, judge, source, method), "", bounds
        )
        for group, method in (("confidence", "none"), ("repaired", "isotonic"))
        for judge in ("honest", "sharp", "sensitive", "stubborn")
        for source in SOURCES
        for measure, bounds in OF_CONFIDENCE.items()
    },
    **{
        name(group, measure, judge, q, t): (transposed(measure, judge, q, t, order), "", SIGNED)
        for group, order in (("transposed", "as answered"), ("transposed shuffled", "shuffled"))
        for judge in ("independent", "moody")
        for q in (8, 20, 27)
        for t in TEMPERATURES
        for measure in ("transposed", "predicted", "signed", "pairwise", "omega_one")
        if not (judge == "independent" and t == 0 and measure == "omega_one")
    },
    **{
        name("chance", measure, q, k): (chance(measure, q, k), "", SIGNED)
        for q in (8, 16, 32, 64)
        for k in (25, 100, 400)
        for measure in ("transposed", "predicted", "signed", "omega_one")
    },
    **{
        name("excess", judge, q): (mean_excess(judge, q), "", SIGNED)
        for judge in ("independent", "moody")
        for q in (8, 20, 27)
    },
}  # fmt: skip
