"""Asymmetric losses on real data: six tables, three cost ratios, both losses free to stop.

The unit is a split of one data set into training, validation and test rows, so intervals are
conditional on that data set.  Nothing here knows the truth: everything is judged on drawn labels,
and a value of 1 means no error at all.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from sklearn.datasets import load_breast_cancer, load_digits

from calibration_lab import batched
from calibration_lab.batched import random_stream
from calibration_lab.experiments.asymmetric_loss import keel, measures, training
from calibration_lab.experiments.asymmetric_loss.training import (
    Arm,
    Network,
    Perceptron,
    Schedule,
    each,
)

__all__ = ["SETS", "Config", "Splits", "load", "run", "stop"]

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Rows = list[dict[str, object]]

# Where the positive class of each table is costly to miss; the finer labels are the classes.
SETS = {
    "digits": "a digit of 5 or more",
    "cancer": "a malignant tumour",
    "letter": "one of the letters A to M",
    "magic": "a hadron, not a gamma ray",
    "satimage": "damp grey soil",
    "phoneme": "an oral vowel, not a nasal one",
}
POSITIVE = {
    "letter": tuple("ABCDEFGHIJKLM"),
    "magic": ("h",),
    "satimage": ("4",),
    "phoneme": ("1",),
}


@dataclass(frozen=True)
class Config:
    """Constants of the published run, chosen on splits below 1000."""

    sets: tuple[str, ...] = tuple(SETS)
    ratios: tuple[float, ...] = (3.0, 10.0, 30.0)  # costs of a miss, in false alarms
    ratio: float = 10.0  # of the arms that stand beside the pair
    quarter: int = 1024  # at most so many test rows; as many to validate, twice as many to train
    few: int = 8  # the arm that must look worse gets one in so many training rows
    hidden: tuple[int, ...] = (32, 32)
    batch: int = 64
    rate: float = 1e-3  # Adam
    looks: tuple[int, ...] = (50, 100, 150, 200, 300, 400, 600, 800, 1100, 1500, 2000, 2600)

    def __post_init__(self) -> None:
        unknown = sorted(set(self.sets) - set(SETS))
        if unknown or not self.sets:
            raise ValueError(f"sets must name some of {', '.join(SETS)}, got {unknown or 'none'}")
        if self.ratio not in self.ratios:
            raise ValueError(f"ratio must be one of ratios, got {self.ratio}")
        for name in ("quarter", "batch"):
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")


# --- The data -----------------------------------------------------------------------------------


def load(name: str) -> tuple[Floats, Ints, Ints]:
    """Features (n, d), labels (n,) 0 or 1, and finer labels (n,) of a data set."""
    if name == "digits":
        features, finer = load_digits(return_X_y=True)
        return features, (finer >= 5).astype(np.int64), finer.astype(np.int64)
    if name == "cancer":
        features, benign = load_breast_cancer(return_X_y=True)
        malignant = 1 - benign.astype(np.int64)
        return features, malignant, malignant
    features, classes = keel.read(name)
    _, finer = np.unique(classes, return_inverse=True)
    return features, np.isin(classes, POSITIVE[name]).astype(np.int64), finer.astype(np.int64)


@dataclass(frozen=True)
class Splits:
    """One part of several splits of a data set; it is also what a network is trained on."""

    features: NDArray[np.float32]  # (S, n, d), scaled by the training rows
    labels: Ints  # (S, n)
    finer: Ints  # (S, n)
    costly: tuple[bool, ...] = (False, True)

    def label(self, place: int, prior: float) -> Ints:
        """Labels of the split at that place; a real data set has only its own prior."""
        del prior
        return np.asarray(self.labels[place])

    def outcome(self, place: int) -> measures.Outcome:
        """Labels in the place of probabilities."""
        label = self.labels[place]
        return measures.Outcome(label, label.astype(np.float64), self.finer[place])

    def first(self, rows: int) -> Splits:
        """The first rows of every split."""
        return Splits(self.features[:, :rows], self.labels[:, :rows], self.finer[:, :rows])


def split(
    data: tuple[Floats, Ints, Ints], seeds: Sequence[int], most: int
) -> tuple[Splits, Splits, Splits]:
    """Random training, validation and test rows, two to one to one; features mean 0 and s.d. 1."""
    features, label, finer = data
    quarter = min(most, len(label) // 4 // 16 * 16)
    parts: list[list[tuple[Floats, Ints, Ints]]] = [[], [], []]
    for seed in seeds:
        order = random_stream(seed, f"split of {len(label)} rows").permutation(len(label))
        rows = np.split(order[: 4 * quarter], [2 * quarter, 3 * quarter])
        mean, spread = features[rows[0]].mean(0), features[rows[0]].std(0)
        scaled = (features - mean) / np.where(spread > 0, spread, 1)  # some pixels are always blank
        for part, chosen in zip(parts, rows, strict=True):
            part.append((scaled[chosen], label[chosen], finer[chosen]))
    train, validation, test = (
        Splits(
            np.stack([x for x, _, _ in part]).astype(np.float32),
            np.stack([y for _, y, _ in part]),
            np.stack([z for _, _, z in part]),
        )
        for part in parts
    )
    return train, validation, test


# --- Training until one's own validation loss is least --------------------------------------------


def stop(
    network: Network,
    found: dict[int, batched.Parameters],
    model: int,
    arm: Arm,
    validation: tuple[NDArray[np.float32], Ints],
) -> int:
    """Look after which the network's validation loss, weighted as in training, is least."""
    losses = {}
    for step, networks in found.items():
        _, out = training.answers(network, networks, model, validation[0])
        losses[step] = measures.weighted_loss(out[:, 1] - out[:, 0], validation[1], arm.ratio)
    return min(losses, key=losses.__getitem__)


def arms_of(config: Config) -> dict[str, Arm]:
    """Both losses from the class log-odds, and a pair from an output bias of zero."""
    plain = Arm(optimiser="adam")
    return {
        "plain": plain,
        **{f"weighted-{r:g}": Arm(r, optimiser="adam") for r in config.ratios},
        "plain-default": Arm(optimiser="adam", bias="default"),
        "weighted-default": Arm(config.ratio, optimiser="adam", bias="default"),
    }


def judged(
    network: Network,
    networks: batched.Parameters,
    model: int,
    arm: Arm,
    parts: Sequence[Splits],
    place: int,
    ratio: float,
) -> dict[str, float]:
    """Every measure of one network at one cost ratio, on its split's test rows."""

    def seen(part: Splits) -> tuple[measures.Seen, measures.Outcome]:
        hidden, out = training.answers(network, networks, model, part.features[place])
        return measures.Seen(hidden, out[:, 1] - out[:, 0]), part.outcome(place)

    train, validation, test = (seen(part) for part in parts)
    one = measures.Examined(train, validation, test, arm.ratio, ratio)
    return {**measures.examine(one), **measures.learned(one)}


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train both losses on every split of every data set.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        One split of every data set each.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``splits``: one row per split (also called seed), data set, arm and ``cost_ratio``.  The arm
        "few" is the plain loss on a fraction of the rows.
    """
    named = arms_of(config)
    names, arms = list(named), list(named.values())
    network, schedule = Perceptron(config.hidden), Schedule(config.batch, config.rate, config.looks)
    rows: Rows = []
    for data in config.sets:
        train, validation, test = split(load(data), seeds, config.quarter)
        small = train.first(max(config.batch, train.labels.shape[1] // config.few // 16 * 16))
        for these, labels, learned_on in ((arms, names, train), (arms[:1], ["few"], small)):
            found = training.train(network, these, seeds, learned_on, schedule)
            for model, place, arm in each(found[config.looks[-1]], these):
                name = labels[model % len(these)]
                own = validation.features[place], validation.labels[place]
                step = stop(network, found, model, arm, own)
                parts = (learned_on, validation, test)
                own_ratio = arm.ratio if arm.ratio > 1 else config.ratio
                ratios = config.ratios if name == "plain" else (own_ratio,)
                for ratio in ratios:
                    rows.append({
                        "seed": seeds[place], "split": seeds[place], "data": data, "arm": name,
                        "cost_ratio": ratio, "step": step,
                        "prior": float(train.labels[place].mean()),
                        **judged(network, found[step], model, arm, parts, place, ratio),
                    })  # fmt: skip
    return {"splits": pd.DataFrame(rows)}
