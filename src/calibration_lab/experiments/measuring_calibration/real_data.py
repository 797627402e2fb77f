"""Models of real data, and what recalibration does to them.

Apart from ``experiment.py`` because nothing here knows the truth: two data sets that come with
scikit-learn are split into rows to train on, rows to repair on, and rows to judge by. The unit is
a split of one data set, so intervals are conditional on that data set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.datasets import load_breast_cancer, load_digits
from sklearn.linear_model import LogisticRegression
from sklearn.naive_bayes import GaussianNB
from torch import Tensor

from calibration_lab import batched, calibration
from calibration_lab.batched import random_stream
from calibration_lab.calibration import recalibration

__all__ = ["REPAIRS", "Split", "repair_models", "repairs"]

Floats = NDArray[np.float64]
Map = Callable[[Floats], Floats]
Row = dict[str, object]
REPAIRS = ("none", "temperature", "platt", "isotonic", "shuffled")


class Sizes(Protocol):
    """What is read of the experiment's Config."""

    @property
    def train(self) -> int: ...
    @property
    def calibrate(self) -> int: ...
    @property
    def test(self) -> int: ...
    @property
    def width(self) -> int: ...
    @property
    def steps(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def cancer_parts(self) -> tuple[float, float]: ...
    @property
    def bins(self) -> int: ...


# --- The data, and the models ------------------------------------------------------------------


class Split(NamedTuple):
    """One split of a data set: features (n, d) and labels (n,), scaled by the training rows."""

    train: tuple[Floats, Floats]
    calibrate: tuple[Floats, Floats]
    test: tuple[Floats, Floats]


def split(
    features: Floats, label: Floats, seed: int, train: int, calibrate: int, test: int
) -> Split:
    """A random split into disjoint parts of the given sizes; features get mean 0 and s.d. 1."""
    order = random_stream(seed, f"split of {len(label)} rows").permutation(len(label))
    ends = np.cumsum([train, calibrate, test])
    mean, spread = features[order[:train]].mean(0), features[order[:train]].std(0)
    scaled = (features - mean) / np.where(spread > 0, spread, 1)  # some pixels are always blank
    parts = [(scaled[rows], label[rows]) for rows in np.split(order[: ends[-1]], ends[:2])]
    return Split(*parts)


def naive_bayes(data: Split) -> tuple[Floats, Floats]:
    """Log-odds of Gaussian naive Bayes on the rows to repair on and on those to judge by.

    It multiplies the evidence of features as if they were independent, so features that say the
    same thing are counted again and again: the textbook overconfident model.
    """
    model = GaussianNB(var_smoothing=1e-2).fit(*data.train)

    def log_odds(features: Floats) -> Floats:
        joint = model.predict_joint_log_proba(features)
        return np.asarray(joint[:, 1] - joint[:, 0])

    return log_odds(data.calibrate[0]), log_odds(data.test[0])


def logistic(data: Split) -> tuple[Floats, Floats]:
    """Log-odds of a regularised logistic regression: the model with little to repair."""
    model = LogisticRegression(max_iter=1000).fit(*data.train)
    return model.decision_function(data.calibrate[0]), model.decision_function(data.test[0])


def networks(
    config: Sizes, seeds: Sequence[int], splits: Sequence[Split]
) -> list[tuple[Floats, Floats]]:
    """Log-odds of one overfitted network per split, all of them trained at once."""
    inputs, width = splits[0].train[0].shape[1], config.width
    shapes = {
        "1": (inputs, width), "1.bias": (width,), "2": (width, width), "2.bias": (width,),
        "3": (width, 2), "3.bias": (2,),
    }  # fmt: skip
    network = batched.Parameters(shapes, len(seeds))
    network.initialise(seeds, "network")
    optimiser = batched.Adam(network, config.rate)

    def log_probability(features: Tensor) -> Tensor:
        hidden = batched.linear(features, network["1"], network["1.bias"]).relu()
        hidden = batched.linear(hidden, network["2"], network["2.bias"]).relu()
        return batched.linear(hidden, network["3"], network["3.bias"]).log_softmax(-1)

    def stacked(part: int, column: int) -> Tensor:
        kind = torch.float32 if column == 0 else torch.int64
        return torch.tensor(np.stack([one[part][column] for one in splits]), dtype=kind)

    features, label = stacked(0, 0), stacked(0, 1)[..., None]
    for _ in range(config.steps):
        loss = -log_probability(features).gather(-1, label).mean((1, 2))
        batched.train_step(loss, optimiser)
    with torch.no_grad():
        both = [log_probability(stacked(part, 0)).double() for part in (1, 2)]
    calibrate, test = ((out[..., 1] - out[..., 0]).numpy() for out in both)
    return list(zip(calibrate, test, strict=True))


# --- The repairs --------------------------------------------------------------------------------


def repairs(log_odds: Floats, label: Floats, seed: int) -> dict[str, Map]:
    """Fit every repair on labelled log-odds; "shuffled" is isotonic regression on shuffled labels.

    Where the data ask for an infinite temperature the repair says 1/2 of everything, and where they
    are separable, log-odds stay as they are.
    """
    temperature = recalibration.fit_temperature(log_odds, label)

    def scaled(values: Floats) -> Floats:
        if temperature.finite:
            return temperature(values)
        return np.asarray(expit(0 * values if np.isinf(temperature.value) else values))

    wrong = random_stream(seed, "shuffled labels").permutation(label)
    # Platt's line is the same in any unit; log-odds in the thousands only cost its search time.
    typical = float(np.median(np.abs(log_odds)))
    line = recalibration.fit_platt(log_odds / typical, label)
    return {
        "none": expit,
        "temperature": scaled,
        "platt": lambda values: line(values / typical),
        "isotonic": recalibration.fit_isotonic(log_odds, label),
        "shuffled": recalibration.fit_isotonic(log_odds, wrong),
    }


def judge_repairs(
    config: Sizes, unit: Mapping[str, object], data: Split, log_odds: tuple[Floats, Floats]
) -> dict[str, list[Row]]:
    """Every measure of one model before and after each repair, on the rows to judge by."""
    seed = int(str(unit["seed"]))
    (_, repaired_on), (_, label) = data.calibrate, data.test
    tables: dict[str, list[Row]] = {"repaired": [], "repaired_reliability": []}
    for name, repair in repairs(log_odds[0], repaired_on, seed).items():
        stated = repair(log_odds[1])
        confidence, right = np.maximum(stated, 1 - stated), (stated > 0.5) == (label > 0.5)
        certain = (confidence == 1) & ~right
        row = {**unit, "repair": name}
        tables["repaired"].append({
            **row,
            "accuracy": float(right.mean()),
            "brier": calibration.brier_score(stated, label),
            "ece": calibration.expected_calibration_error(stated, label, bins=config.bins),
            "ece_10": calibration.expected_calibration_error(stated, label, bins=10),
            "ece_floor": calibration.calibration_floor(
                stated, bins=config.bins, repetitions=20, seed=seed
            ).mean,
            "auroc": calibration.auroc(stated, label),
            "risk_area": calibration.area_under_risk_coverage(confidence, right),
            "certain": float((confidence == 1).mean()),
            "certain_and_wrong": float(certain.mean()),
        })  # fmt: skip
        curve = calibration.reliability_curve(stated, label, bins=10)
        tables["repaired_reliability"] += [
            {**row, "bin": i, "count": int(count), "confidence": float(said), "frequency": float(y)}
            for i, (count, said, y) in enumerate(
                zip(curve.count, curve.confidence, curve.frequency, strict=True)
            )
            if count
        ]
    return tables


def repair_models(config: Sizes, seeds: Sequence[int]) -> dict[str, list[Row]]:
    """Train, repair and judge every model on one split of each data set per seed.

    ``digits`` asks whether a handwritten digit is odd, ``cancer`` whether a tumour is benign.
    """
    pixels, digit = load_digits(return_X_y=True)
    cells, benign = load_breast_cancer(return_X_y=True)
    train, calibrate = (int(share * len(benign)) for share in config.cancer_parts)
    sizes = {
        "digits": (config.train, config.calibrate, config.test),
        "cancer": (train, calibrate, len(benign) - train - calibrate),
    }
    data = {"digits": (pixels, (digit % 2).astype(float)), "cancer": (cells, benign.astype(float))}
    splits = {name: [split(*data[name], seed, *sizes[name]) for seed in seeds] for name in data}
    said = {
        ("digits", "network"): networks(config, seeds, splits["digits"]),
        ("digits", "naive Bayes"): [naive_bayes(one) for one in splits["digits"]],
        ("cancer", "naive Bayes"): [naive_bayes(one) for one in splits["cancer"]],
        ("cancer", "logistic"): [logistic(one) for one in splits["cancer"]],
    }
    tables: dict[str, list[Row]] = {}
    for (name, model), log_odds in said.items():
        for seed, one, values in zip(seeds, splits[name], log_odds, strict=True):
            unit = {"seed": seed, "split": seed, "data": name, "model": model}
            for table, rows in judge_repairs(config, unit, one, values).items():
                tables.setdefault(table, []).extend(rows)
    return tables
