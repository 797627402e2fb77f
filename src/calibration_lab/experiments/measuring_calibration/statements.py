"""What the primer's experiment claims, declared before the published seeds were run.

Thresholds say which effect would matter to a reader; they were fixed on seeds below 1000. Errors
are in probability units, squared errors and Brier scores in squared probability units. Statements
about real data vary the split of one data set: they are about that data set.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from calibration_lab.statements import (
    AllOf,
    AtLeast,
    DeclaredOn,
    Equivalent,
    Exact,
    Law,
    Measured,
    Tables,
)

__all__ = ["QUANTITIES", "STATEMENTS"]

UNITS = 32  # seeds 1000 to 1031
CANCER_TEST = 143 / 569  # share of the rows in each test set
DIGITS_TEST = 384 / 1600  # of the rows that are used
Test = AtLeast | Equivalent | Exact | Law | AllOf
NAMES = ("calibrated", "coarse", "constant", "overconfident", "underconfident", "shuffled")
NETWORK, BAYES = ("digits", "network"), ("digits", "naive Bayes")
MODELS = (NETWORK, BAYES, ("cancer", "naive Bayes"), ("cancer", "logistic"))


def of(forecaster: str, measure: str) -> Measured:
    """A measure of a simulated forecaster on ten thousand forecasts."""
    return Measured(measure, "quality", forecaster=forecaster)


def at(forecaster: str, n: int, measure: str = "ece") -> Measured:
    """A binned error at a number of forecasts."""
    return Measured(measure, "sample_size", forecaster=forecaster, n=n)


def squared(forecaster: str, estimator: str, n: int = 500) -> Measured:
    """An estimate of the squared calibration error."""
    return Measured("squared_error", "squared", forecaster=forecaster, estimator=estimator, n=n)


def binned(forecaster: str, bins: int, measure: str = "ece") -> Measured:
    """A binned error with a number of bins."""
    return Measured(measure, "bins", forecaster=forecaster, bins=bins)


def asked_by(rule: str, measure: str) -> Measured:
    """A measure of the report that a scoring rule asks for."""
    return Measured(measure, "elicited", rule=rule)


def repaired(data: str, model: str, repair: str, measure: str = "brier") -> Measured:
    """A measure of a model of real data after a repair."""
    return Measured(measure, "repaired", data=data, model=model, repair=repair)


def slope(tables: Tables, units: np.ndarray[Any, Any], *, forecaster: str) -> float:
    """Slope of log mean ECE over log number of forecasts: -1/2 if it falls like 1 / sqrt(n)."""
    frame = tables["sample_size"]
    frame = frame[frame["forecaster"] == forecaster]
    labels, times = np.unique(units, return_counts=True)
    place = np.searchsorted(labels, frame["seed"]).clip(max=len(labels) - 1)
    weight = np.where(labels[place] == frame["seed"], times[place], 0)  # how often each was drawn
    size, code = np.unique(frame["n"], return_inverse=True)
    mean = np.bincount(code, weight * frame["ece"]) / np.bincount(code, weight)
    return float(np.polyfit(np.log(size), np.log(mean), 1)[0])


RUN = DeclaredOn("measuring-calibration/", UNITS)
control, statement = RUN.control, RUN.statement

truth_is_zero = control(
    "calibrated-is-calibrated",
    "With the known probabilities for outcomes, the same forecasts have no calibration error.",
    Exact(at("calibrated", 500, "true_ece"), 1e-12),
    "by construction",
)
overconfidence_stays = control(
    "overconfidence-stays",
    "The error of an overconfident forecaster does not fall away with more forecasts.",
    Law(slope, 0.0, 0.1, table="sample_size", forecaster="overconfident"),
)
skill_is_what_brier_sees = control(
    "skill-is-what-brier-sees",
    "The same confident forecasts, given out to other events, lose to the constant by Brier score.",
    AtLeast(of("shuffled", "brier") - of("constant", "brier"), 0.05),
)
brier_stays_inside = control(
    "brier-asks-for-the-truth",
    "The Brier score asks for reports well away from 0 and 1, as the true probabilities are.",
    AtLeast(asked_by("brier", "mean_from_ends"), 0.2),
    "theorem check",
)
binning_leaves_a_rest = control(
    "binning-leaves-a-rest",
    "Over ten bins of unequal forecasts the three terms do not add up to the Brier score.",
    AtLeast(Measured("within_bin", "identity"), 1e-4),
    "theorem check",
)
calibrated_keeps_its_promise = control(
    "calibrated-keeps-its-promise",
    "The calibrated forecaster errs as often as it says among the answers it states that surely.",
    Equivalent(of("calibrated", "erred") - of("calibrated", "promised"), 0.01),
)
shuffled_labels_do_not_repair = control(
    "shuffled-labels-do-not-repair",
    "Isotonic regression on shuffled labels makes the network's Brier score worse.",
    AtLeast(repaired(*NETWORK, "shuffled") - repaired(*NETWORK, "none"), 0.05),
    test_fraction=DIGITS_TEST,
)
nothing_to_repair = control(
    "nothing-to-repair",
    "A regularised logistic regression gains nothing from temperature scaling.",
    Equivalent(
        repaired("cancer", "logistic", "none") - repaired("cancer", "logistic", "temperature"),
        0.005,
    ),
    test_fraction=CANCER_TEST,
)
right_shape = control(
    "right-shape",
    "Where the shape is right, isotonic regression is no better than one temperature.",
    Equivalent(
        repaired("cancer", "logistic", "temperature") - repaired("cancer", "logistic", "isotonic"),
        0.01,
    ),
    test_fraction=CANCER_TEST,
)

PROPER = ("brier", "log", "spherical")

STATEMENTS = (
    statement(
        "calibrated-is-not-zero",
        "On 500 forecasts, the plug-in ECE of a perfectly calibrated forecaster is above 0.03.",
        AtLeast(at("calibrated", 500), 0.03),
        truth_is_zero,
    ),
    statement(
        "floor-falls-as-root-n",
        "That floor falls like one over the square root of the number of forecasts.",
        Law(slope, -0.5, 0.03, table="sample_size", forecaster="calibrated"),
        overconfidence_stays,
    ),
    statement(
        "debiasing-removes-the-bias",
        "The debiased estimate of the squared error is right on average, for a calibrated and for "
        "an overconfident forecaster; the plug-in estimate is not.",
        AllOf(*(
            Equivalent(
                squared(one, "debiased") - squared(one, "truth"), 0.001,
                detects=squared(one, "plug-in") - squared(one, "truth"),
            )
            for one in ("calibrated", "overconfident")
        )),
    ),
    statement(
        "floor-range-is-honest",
        "The 95% range of the simulated floor holds the ECE of a calibrated forecaster 95% of the "
        "time, to within five points.",
        Equivalent(
            Measured("inside", "floor", forecaster="calibrated") - 0.95, 0.05,
            detects=Measured("inside", "floor", forecaster="overconfident") - 0.95,
            bounds=(-1.0, 1.0),
        ),
    ),
    statement(
        "ece-prefers-ignorance",
        "By ECE, a constant forecast that ranks nothing beats a skilled but overconfident one; by "
        "the Brier score it loses.",
        AllOf(
            AtLeast(of("overconfident", "ece") - of("constant", "ece"), 0.05),
            AtLeast(of("constant", "brier") - of("overconfident", "brier"), 0.05),
            Exact(of("constant", "auroc") - 0.5, 1e-12),
        ),
        skill_is_what_brier_sees,
    ),
    statement(
        "bin-count-flips-the-ranking",
        "Which of two forecasters has the lower ECE depends on whether there are 10 or 20 bins.",
        AllOf(
            AtLeast(binned("mildly overconfident", 10) - binned("edge-seeking", 10), 0.002),
            AtLeast(binned("edge-seeking", 20) - binned("mildly overconfident", 20), 0.002),
        ),
        truth="by construction",
    ),
    statement(
        "improper-score-exaggerates",
        "The linear score asks for 0 or 1 whatever the probability; Brier, log and spherical score "
        "ask for the probability.",
        AllOf(
            Exact(asked_by("linear", "farthest_from_ends"), 0.0),
            *(Exact(asked_by(rule, "from_truth"), 0.001) for rule in PROPER),
        ),
        brier_stays_inside,
        truth="theorem check",
    ),
    statement(
        "brier-splits-exactly",
        "Murphy's and the CORP terms add up to the Brier score, to rounding.",
        AllOf(
            Exact(Measured("murphy", "identity"), 1e-12),
            Exact(Measured("corp", "identity"), 1e-12),
        ),
        binning_leaves_a_rest,
        truth="theorem check",
    ),
    statement(
        "overconfidence-breaks-its-promise",
        "Sharpening every forecast changes no AUROC and no selective risk, yet the answers stated "
        "at least 90% sure are then wrong more often than stated.",
        AllOf(
            Exact(of("overconfident", "auroc") - of("calibrated", "auroc"), 1e-9),
            Exact(of("overconfident", "risk_area") - of("calibrated", "risk_area"), 1e-6),
            AtLeast(of("overconfident", "erred") - of("overconfident", "promised"), 0.05),
        ),
        calibrated_keeps_its_promise,
    ),
    statement(
        "temperature-repairs",
        "On real data, temperature scaling improves the Brier score of an overfitted network and "
        "leaves its AUROC where it was.",
        AllOf(
            AtLeast(
                repaired(*NETWORK, "none")
                - repaired(*NETWORK, "temperature"),
                0.002,
            ),
            Equivalent(
                repaired(*NETWORK, "temperature", "auroc")
                - repaired(*NETWORK, "none", "auroc"),
                0.002,
                detects=repaired(*BAYES, "none", "auroc")
                - repaired(*NETWORK, "none", "auroc"),
            ),
        ),
        shuffled_labels_do_not_repair,
        nothing_to_repair,
        test_fraction=DIGITS_TEST,
    ),
    statement(
        "temperature-needs-the-right-shape",
        "Where a model's log-odds are wrong in more than their scale, as those of naive Bayes on "
        "digits, isotonic regression repairs what one temperature cannot.",
        AtLeast(
            repaired(*BAYES, "temperature")
            - repaired(*BAYES, "isotonic"),
            0.05,
        ),
        right_shape,
        test_fraction=DIGITS_TEST,
    ),
)  # fmt: skip


def _key(*parts: object) -> str:
    words = [str(part).lower().replace(" ", "-").replace("_", "-") for part in parts]
    return "measuring-calibration/" + "/".join(words)


# Numbers that the prose quotes. Those of real data ("repaired/...") vary the split only, so the
# prose quotes their estimates without an interval.
QUANTITIES = {
    **{
        _key(measure, name): of(name, measure)
        for name in NAMES
        for measure in (
            "accuracy", "brier", "log", "ece", "smooth", "auroc", "risk_area", "miscalibration",
            "discrimination", "uncertainty", "true_ece",
        )
    },
    **{
        _key(measure, name): (of(name, measure), "%")
        for name in ("calibrated", "coarse", "overconfident", "underconfident", "shuffled")
        for measure in ("acted_on", "promised", "erred")
    },
    **{
        _key("ece", name, n): at(name, n)
        for name in ("calibrated", "overconfident")
        for n in (250, 500, 1000, 2000, 4000, 8000)
    },
    **{
        _key(estimator, name, n): squared(name, estimator, n)
        for name in ("calibrated", "overconfident")
        for estimator in ("plug-in", "debiased", "truth")
        for n in (250, 500, 8000)
    },
    **{
        _key("ece", name, f"{bins}-bins"): binned(name, bins)
        for name in ("mildly overconfident", "edge-seeking", "calibrated")
        for bins in (5, 10, 15, 20, 30, 40)
    },
    _key("brier", "mildly overconfident"): binned("mildly overconfident", 10, "brier"),
    _key("brier", "edge-seeking"): binned("edge-seeking", 10, "brier"),
    _key("brier", "edge-seeking", "minus-mild"): binned("edge-seeking", 10, "brier")
    - binned("mildly overconfident", 10, "brier"),
    _key("floor", "low"): Measured("low", "floor", forecaster="calibrated"),
    _key("floor", "high"): Measured("high", "floor", forecaster="calibrated"),
    _key("floor", "inside"): (Measured("inside", "floor", forecaster="calibrated"), "%"),
    **{
        _key("repaired", measure, data, model, repair): repaired(data, model, repair, measure)
        for data, model in MODELS
        for repair in ("none", "temperature", "platt", "isotonic", "shuffled")
        for measure in ("brier", "ece", "ece_10", "ece_floor", "auroc", "risk_area")
    },
    **{
        _key("repaired", measure, data, model, repair): (
            repaired(data, model, repair, measure), "%",
        )
        for data, model in MODELS
        for repair in ("none", "temperature", "platt", "isotonic")
        for measure in ("accuracy", "certain", "certain_and_wrong")
    },
}  # fmt: skip
