"""What is measured on a trained network: ranking, calibration, decisions, and what was learned.

Everything is judged by one utility (a miss costs r, a false alarm 1), on cases whose probability is
known, and both losses get the same repairs fitted on the same labelled validation cases.

A network trained with weights r to 1 answers with log-odds z; the probability that this implies has
log-odds z - log r.  A symmetric network's answer and implied probability are the same.

Shapes in comments: n cases, H hidden features.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from calibration_lab import calibration
from calibration_lab.calibration import recalibration
from calibration_lab.experiments.asymmetric_loss import world

__all__ = [
    "RULES",
    "Examined",
    "Outcome",
    "Seen",
    "cost_threshold",
    "effective_rank",
    "examine",
    "learned",
    "probe",
    "refit",
    "reliability",
    "repair",
    "rules",
    "weighted_loss",
]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
RULES = ("raw", "temperature", "platt", "isotonic", "threshold")


class Outcome(NamedTuple):
    """What came of the cases of one part: drawn labels, probabilities if known, finer labels."""

    label: Ints
    probability: Floats
    finer: Ints


class Seen(NamedTuple):
    """What a network makes of the cases of one part: last hidden layer (n, H), log-odds (n,)."""

    hidden: Floats
    log_odds: Floats


@dataclass(frozen=True)
class Examined:
    """One network on training, validation and test cases, with what came of them."""

    train: tuple[Seen, Outcome]
    validation: tuple[Seen, Outcome]
    test: tuple[Seen, Outcome]
    trained_ratio: float  # of the loss weights
    ratio: float  # of the costs

    def implied(self, part: tuple[Seen, Outcome]) -> Floats:
        """Log-odds of the implied probability, (n,)."""
        return np.asarray(part[0].log_odds - math.log(self.trained_ratio))


# --- Decisions ----------------------------------------------------------------------------------


def weighted_loss(log_odds: Floats, positive: NDArray, ratio: float) -> float:
    """Mean loss -w1 q log a - w0 (1 - q) log(1 - a) of the answers a, with weights of mean one.

    ``positive`` are labels or probabilities q; ``log_odds`` those of the answers.  With a ratio of
    1 it is the log score.
    """
    heavy, light = world.weights(ratio, float(np.mean(positive)))
    miss, false_alarm = np.logaddexp(0, -log_odds), np.logaddexp(0, log_odds)
    return float(np.mean(heavy * positive * miss + light * (1 - positive) * false_alarm))


def cost_threshold(score: Floats, label: Ints, ratio: float) -> float:
    """Score above which calling cases positive costs least on labelled cases; may be infinite."""
    order = np.argsort(-score, kind="stable")
    called = np.concatenate([[0], np.cumsum(np.where(label[order] == 1, -ratio, 1.0))])
    ranked = np.concatenate([[np.inf], score[order], [-np.inf]])
    apart = ranked[:-1] > ranked[1:]  # tied scores cannot be told apart
    best = int(np.argmin(np.where(apart, called, np.inf)))
    if best == 0:
        return math.inf
    return float((ranked[best] + ranked[best + 1]) / 2)


def repair(rule: str, log_odds: Floats, label: Ints) -> Callable[[Floats], Floats]:
    """A map from log-odds to probabilities, fitted on labelled cases.

    "temperature" leaves separable and constant log-odds alone, and says 1/2 of everything where the
    data ask for an infinite temperature.

    Raises
    ------
    ValueError
        If the rule is not one of raw, temperature, platt, isotonic.
    """
    if rule == "raw":
        return lambda z: np.asarray(expit(z))
    if rule == "temperature":
        fitted = recalibration.fit_temperature(log_odds, label)
        if fitted.finite:
            return fitted
        flat = fitted.status == "uninformative"
        return lambda z: np.asarray(expit(0 * z if flat else z))
    if rule not in ("platt", "isotonic"):
        raise ValueError(f"rule must be raw, temperature, platt or isotonic, got {rule!r}")
    # the fitted line does not depend on the unit; extreme log-odds only cost its search time
    middle, spread = float(np.mean(log_odds)), float(np.std(log_odds)) or 1.0
    fit = {"platt": recalibration.fit_platt, "isotonic": recalibration.fit_isotonic}[rule]
    line = fit((log_odds - middle) / spread, label)
    return lambda z: line((z - middle) / spread)


def rules(one: Examined) -> list[dict[str, object]]:
    """Cost and value of decisions by each way of turning log-odds into calls; see `RULES`."""
    fitted_on, label = one.implied(one.validation), one.validation[1].label
    judged, truth = one.implied(one.test), one.test[1].probability
    found: list[dict[str, object]] = []
    for rule in RULES:
        if rule == "threshold":
            call = judged > cost_threshold(fitted_on, label, one.ratio)
            worth = world.value(call, truth, one.ratio)
            found.append({"rule": rule, "cost": worth.cost, "value": worth.share})
            continue
        stated = repair(rule, fitted_on, label)(judged)
        worth = world.value(stated > world.best_threshold(one.ratio), truth, one.ratio)
        found.append({
            "rule": rule,
            "cost": worth.cost,
            "value": worth.share,
            "brier": calibration.brier_score(stated, truth),
            "ece": calibration.expected_calibration_error(stated, truth),
            "auroc": calibration.auroc(stated, truth),
        })  # fmt: skip
    return found


# --- What was learned ---------------------------------------------------------------------------


def _standard(train: Floats, *others: Floats) -> list[Floats]:
    middle, spread = train.mean(0), train.std(0)
    return [(x - middle) / np.where(spread > 1e-8, spread, 1.0) for x in (train, *others)]


def probe(
    train: Floats, finer: Ints, test: Floats, truth: Ints, classes: int, ridge: float = 1.0
) -> float:
    """Share of finer labels that a linear read-out of frozen features gets right, in [0, 1].

    A ridge regression of the classes' indicators on the features (standardised on the training
    cases), with the class of the largest value as the answer.
    """
    seen, asked = _standard(train, test)
    target = np.eye(classes)[finer]
    centre = target.mean(0)
    gram = seen.T @ seen + ridge * np.eye(seen.shape[1])
    weight = np.linalg.solve(gram, seen.T @ (target - centre))
    return float(np.mean((asked @ weight + centre).argmax(1) == truth))


def refit(one: Examined) -> tuple[Floats, Floats]:
    """Log-odds on validation and test cases of a new last layer, fitted with a symmetric loss.

    The features stay frozen: what the weights did to the choice is undone, what they did to the
    features is not.  The fit is scikit-learn's logistic regression on standardised features.
    """
    train, validation, test = _standard(
        one.train[0].hidden, one.validation[0].hidden, one.test[0].hidden
    )
    model = LogisticRegression(C=1.0, max_iter=500).fit(train, one.train[1].label)
    return model.decision_function(validation), model.decision_function(test)


def effective_rank(features: Floats) -> float:
    """Exponential of the entropy of the normalised singular values (Roy & Vetterli 2007).

    From 1 (or 0, where all features are constant) to the number of features.
    """
    size = np.linalg.svd(features - features.mean(0), compute_uv=False)
    if size.sum() <= 1e-8:
        return 0.0
    share = size[size > 0] / size.sum()
    return float(np.exp(-(share * np.log(share)).sum()))


def learned(one: Examined) -> dict[str, float]:
    """Probe, last-layer refit and effective rank of the frozen features."""
    validation, test = refit(one)
    truth = one.test[1].probability
    stated = repair("platt", validation, one.validation[1].label)(test)
    call = stated > world.best_threshold(one.ratio)
    classes = int(max(one.train[1].finer.max(), one.test[1].finer.max())) + 1
    return {
        "probe": probe(
            one.train[0].hidden, one.train[1].finer, one.test[0].hidden, one.test[1].finer, classes
        ),
        "refit_auroc": calibration.auroc(expit(test), truth),
        "refit_value": world.value(call, truth, one.ratio).share,
        "effective_rank": effective_rank(one.test[0].hidden),
    }


# --- Everything together ------------------------------------------------------------------------


def examine(one: Examined) -> dict[str, float]:
    """Every measure of one network's answers on its test cases.

    ``auroc``, ``log_score``, ``brier`` and ``ece`` are those of the implied probability,
    ``answer_brier`` and ``answer_ece`` those of the answer as it is; ``cost`` and ``value`` come
    after Platt scaling, ``cost_raw`` and ``value_raw`` before.  What was learned is in `learned`.
    """
    truth = one.test[1].probability
    log_odds = one.implied(one.test)
    stated, answer = expit(log_odds), expit(one.test[0].log_odds)
    platt = repair("platt", one.implied(one.validation), one.validation[1].label)(log_odds)
    threshold = world.best_threshold(one.ratio)
    worth = world.value(platt > threshold, truth, one.ratio)
    raw = world.value(stated > threshold, truth, one.ratio)
    return {
        "auroc": calibration.auroc(stated, truth),
        "log_score": weighted_loss(log_odds, truth, 1.0),
        "weighted_log_score": weighted_loss(log_odds + math.log(one.ratio), truth, one.ratio),
        "brier": calibration.brier_score(stated, truth),
        "ece": calibration.expected_calibration_error(stated, truth),
        "platt_brier": calibration.brier_score(platt, truth),
        "platt_ece": calibration.expected_calibration_error(platt, truth),
        "answer_brier": calibration.brier_score(answer, truth),
        "answer_ece": calibration.expected_calibration_error(answer, truth),
        "cost": worth.cost,
        "value": worth.share,
        "cost_raw": raw.cost,
        "value_raw": raw.share,
    }


def reliability(one: Examined, bins: int = 10) -> list[dict[str, object]]:
    """Mean probability stated and mean true probability by bin, for answer and implied reading."""
    truth, found = one.test[1].probability, []
    readings = {"answer": one.test[0].log_odds, "implied": one.implied(one.test)}
    for reading, log_odds in readings.items():
        stated = expit(log_odds)
        place = np.clip(np.ceil(stated * bins).astype(int) - 1, 0, bins - 1)
        for i in np.unique(place):
            here = place == i
            found.append({
                "reading": reading, "bin": int(i), "mass": float(here.mean()),
                "stated": float(stated[here].mean()), "true": float(truth[here].mean()),
            })  # fmt: skip
    return found
