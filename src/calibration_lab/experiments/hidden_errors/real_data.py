"""Hidden strata in real data: a class made rare inside a wider one.

Labels are two halves of the classes of a data set; one class, a known stratum of its half, is made
rare.  Which one goes round with the seed, so that none is picked.  The same is done with a random
stratum of the same size, where nothing must happen.  The unit is a split of one data set, so
intervals are conditional on that data set.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from sklearn.datasets import load_digits

from calibration_lab import batched
from calibration_lab.batched import perceptron
from calibration_lab.experiments.asymmetric_loss import keel
from calibration_lab.experiments.hidden_errors import measures, training
from calibration_lab.experiments.hidden_errors.domains import Cases

__all__ = ["SETS", "Config", "Split", "load", "run", "split"]

Floats = NDArray[np.float64]
SETS = ("digits", "letter")


@dataclass(frozen=True)
class Config:
    """Sizes and training; a split has one row to test for every four to train on."""

    sets: tuple[str, ...] = SETS
    train: tuple[int, ...] = (1344, 4096)  # rows of each data set to train on
    rate_of_stratum: float = 0.01  # share of the training and of the test rows, by weight
    hidden: tuple[int, ...] = (64,)
    batch: int = 64
    rate: float = 2e-3
    stops: tuple[int, int] = (400, 2000)  # steps
    cut: float = 0.9  # confidence from which an error is called confident
    harm: float = 50.0

    def __post_init__(self) -> None:
        unknown = sorted(set(self.sets) - set(SETS))
        if unknown or len(self.sets) != len(self.train):
            raise ValueError(f"sets must name some of {SETS}, one size each, got {self.sets}")
        if not 0 < self.rate_of_stratum < 0.5:
            raise ValueError(f"rate_of_stratum must lie in 0 to 0.5, got {self.rate_of_stratum}")


def load(name: str) -> tuple[Floats, NDArray[np.int64]]:
    """Features (n, d) and class numbers (n,): scikit-learn's digits, or KEEL's letters."""
    if name == "digits":
        features, label = load_digits(return_X_y=True)
        return features, label.astype(np.int64)
    features, names = keel.read(name)
    return features, np.unique(names, return_inverse=True)[1]


class Split(NamedTuple):
    """One split: scaled features and labels to train on and to judge by.

    ``tail`` marks the stratum among the test rows, ``weight`` counts a test row as often as it
    would occur if the stratum were as rare as in training.
    """

    train: Floats
    train_label: NDArray[np.int64]
    test: Floats
    label: NDArray[np.int64]
    tail: NDArray[np.bool_]
    weight: Floats


def split(
    features: Floats, classes: NDArray[np.int64], seed: int, rows: int, rate: float, kind: str
) -> Split:
    """A random split in which one stratum is rare.

    ``kind`` "class" makes the class number ``seed`` modulo the number of classes rare; "random" a
    random set of rows of that class's size, over all classes.
    """
    n, count = len(classes), int(classes.max()) + 1
    stream = batched.random_stream(seed, f"split of {n} rows")
    order = stream.permutation(n)
    member = classes == seed % count
    if kind == "random":
        member = stream.permutation(member)
    label = (classes >= count // 2).astype(np.int64)
    rare, usual = order[member[order]], order[~member[order]]
    few, tested = max(round(rate * rows), 1), rows // 4
    judged = min(len(rare) - few, tested // 2)  # many of them, weighted down
    chosen = stream.permutation(np.concatenate([rare[:few], usual[: rows - few]]))
    rest = usual[rows - few :][: tested - judged]
    test = np.concatenate([rare[few : few + judged], rest])
    mean, spread = features[chosen].mean(0), features[chosen].std(0)
    scaled = (features - mean) / np.where(spread > 0, spread, 1)
    tail = member[test]
    weight = np.where(tail, rate / tail.mean(), (1 - rate) / (1 - tail.mean()))
    return Split(scaled[chosen], label[chosen], scaled[test], label[test], tail, weight)


def measured(config: Config, log_odds: Floats, data: Split) -> dict[str, float]:
    """The headline's metrics, with test rows weighted to the stratum's share."""
    n = len(data.label)
    none = np.zeros(n, dtype=bool)
    cases = Cases(data.test.astype(np.float32), log_odds, none, none, data.tail,
                  data.label.astype(float), data.label)  # fmt: skip
    given = measures.answers(log_odds, cases)
    weight = data.weight
    confident = weight * given.wrong * (given.confidence > config.cut)
    tail, total = data.tail, float(weight.sum())
    share = measures.ratio(float(confident[tail].sum()), float(confident.sum()))
    right = data.label == (log_odds > 0)
    return {
        "accuracy": float(weight @ right / total),
        "ece": measures.calibration.expected_calibration_error(
            given.probability, data.label, weight=weight
        ),
        "brier": measures.calibration.brier_score(given.probability, data.label, weight=weight),
        "auroc": measures.calibration.auroc(given.probability, data.label, weight=weight),
        "tail_accuracy": float(right[tail].mean()),
        "tail_error_confidence": measures.mean_confidence(given, tail),
        "other_error_confidence": measures.mean_confidence(given, ~tail),
        "share": share,
        "lift": share / config.rate_of_stratum,
    }


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train one network per split, data set and kind of stratum, and look where its errors are.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        One table ``strata``: per split (also called seed), ``data``, ``kind`` ("class" or
        "random") and stop.
    """
    rows = []
    for name, size in zip(config.sets, config.train, strict=True):
        features, classes = load(name)
        for kind in ("class", "random"):
            splits = [
                split(features, classes, s, size, config.rate_of_stratum, kind) for s in seeds
            ]
            kept = trained(config, seeds, splits)
            for stop, step in zip(("early", "late"), config.stops, strict=True):
                for s, (seed, data) in enumerate(zip(seeds, splits, strict=True)):
                    found = answered(kept[step].take([s]), data.test)
                    unit = {"seed": seed, "split": seed, "data": name, "kind": kind, "stop": stop}
                    rows.append({**unit, **measured(config, found, data)})
    return {"strata": pd.DataFrame(rows)}


def trained(
    config: Config, seeds: Sequence[int], splits: Sequence[Split]
) -> dict[int, batched.Parameters]:
    """One network per split after each stop, all trained at once."""
    features = torch.tensor(np.stack([one.train for one in splits]), dtype=torch.float32)
    label = torch.from_numpy(np.stack([one.train_label for one in splits]))
    network = batched.Parameters(perceptron.shapes(features.shape[2], config.hidden, 2), len(seeds))
    network.initialise(seeds, "network")
    optimiser = batched.Adam(network, config.rate)
    per_seed, kept = torch.arange(len(seeds))[:, None], {}
    order = perceptron.minibatches(
        seeds, "order", features.shape[1], config.batch, config.stops[-1]
    )
    for step, rows in enumerate(order, start=1):
        _, outputs = perceptron.forward(network, features[per_seed, rows])
        target = label[per_seed, rows][..., None]
        losses = -outputs.log_softmax(-1).gather(-1, target)[..., 0].mean(1)
        batched.train_step(losses, optimiser)
        if step in config.stops:
            kept[step] = network.take(range(network.models))
    return kept


def answered(network: batched.Parameters, features: Floats) -> Floats:
    """Log-odds of one network for test rows, whose number is filled up to a multiple of 16."""
    rows = len(features)
    filled = np.concatenate([features, np.zeros((-rows % 16, features.shape[1]))])
    with torch.no_grad():
        found = training.log_odds(network, torch.tensor(filled, dtype=torch.float32)[None])
    return np.asarray(found[0, :rows].double().numpy())
