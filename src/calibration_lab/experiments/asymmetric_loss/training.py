"""Training of the asymmetric-loss experiment: many arms of many seeds at once.

An arm says how costly classes are weighted, at which prior, by which optimiser, from which output
bias and at what explicit cost of learning.  Arms of one seed start from the same weights and see
the same cases in the same order.

Shapes in comments: S seeds, A arms, M = S·A models (seed by seed), n cases, B cases per step,
d inputs, H hidden features, K classes.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from calibration_lab import batched
from calibration_lab.batched import perceptron
from calibration_lab.experiments.asymmetric_loss.world import gradient_factor, weights

__all__ = ["Arm", "Network", "Perceptron", "Schedule", "Source", "answers", "each", "train"]

OPTIMISERS = ("sgd", "adam")
BIASES = ("prior", "default", "displaced")
GROUP = 128  # models trained together: their numbers stay in the processor's cache


@dataclass(frozen=True)
class Arm:
    """One way to train.

    Attributes
    ----------
    ratio : float
        Costly classes weigh this much more than the others; 1 is the symmetric loss.
    prior : float
        Share of costly cases in the world.
    optimiser : {"sgd", "adam"}
    bias : {"prior", "default", "displaced"}
        Where the output starts: at the log-odds of the weighted classes; at 0; or at the class
        log-odds less `travel` for costly classes.
    travel : float
        Log-odds that a displaced output has to travel.
    decay : float
        Explicit cost of learning: weight of the squared weights (not biases) in the loss.
    scaled_as : float, optional
        Multiply the loss by a number, so that its first gradients are as large as those of this
        ratio; 1 stands for the symmetric loss.
    permuted : bool
        Train on labels in a random order: there is nothing to learn.

    Raises
    ------
    ValueError
        If a field is outside its domain.
    """

    ratio: float = 1.0
    prior: float = 0.5
    optimiser: str = "sgd"
    bias: str = "prior"
    travel: float = 0.0
    decay: float = 0.0
    scaled_as: float | None = None
    permuted: bool = False

    def __post_init__(self) -> None:
        if not 0 < self.ratio < math.inf:
            raise ValueError(f"ratio must be a positive number, got {self.ratio}")
        if not 0 < self.prior < 1:
            raise ValueError(f"prior must lie between 0 and 1, got {self.prior}")
        if self.optimiser not in OPTIMISERS:
            raise ValueError(f"optimiser must be one of {OPTIMISERS}, got {self.optimiser!r}")
        if self.bias not in BIASES:
            raise ValueError(f"bias must be one of {BIASES}, got {self.bias!r}")
        if self.scaled_as is not None and not 0 < self.scaled_as < math.inf:
            raise ValueError(f"scaled_as must be a positive number, got {self.scaled_as}")
        if not 0 <= self.decay < math.inf:
            raise ValueError(f"decay must be a number of 0 or more, got {self.decay}")


class Source(Protocol):
    """Cases of several seeds to train on."""

    @property
    def features(self) -> NDArray[np.float32]:
        """Features (S, n, d)."""
        ...

    @property
    def costly(self) -> tuple[bool, ...]:
        """Whether missing each of the K classes is costly."""
        ...

    def label(self, place: int, prior: float) -> NDArray[np.int64]:
        """Labels (n,) of the seed at that place."""
        ...


class Network(Protocol):
    """An architecture: the shapes of its parameters, and what it makes of inputs."""

    def shapes(self, inputs: int, classes: int) -> dict[str, tuple[int, ...]]:
        """Shapes by name; the last one is the bias of the output."""
        ...

    def __call__(self, parameters: batched.Parameters, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Last hidden layer (M, B, H) and outputs (M, B, K)."""
        ...


@dataclass(frozen=True)
class Perceptron:
    """A multilayer perceptron; without hidden layers a linear model."""

    hidden: tuple[int, ...]

    def shapes(self, inputs: int, classes: int) -> dict[str, tuple[int, ...]]:
        """See `Network.shapes`."""
        return perceptron.shapes(inputs, self.hidden, classes)

    def __call__(self, parameters: batched.Parameters, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Last hidden layer and outputs."""
        return perceptron.forward(parameters, inputs)


@dataclass(frozen=True)
class Schedule:
    """How long and how fast: cases per step, learning rate, and the steps after which to look.

    Training ends with the last look.
    """

    batch: int
    rate: float
    looks: tuple[int, ...]


def train(
    network: Network, arms: Sequence[Arm], seeds: Sequence[int], cases: Source, schedule: Schedule
) -> dict[int, batched.Parameters]:
    """Train every arm on every seed.

    Parameters
    ----------
    network : Network
    arms : sequence of Arm
        All with the same optimiser.
    seeds : sequence of int
    cases : Source
        Training cases of these seeds, in their order.
    schedule : Schedule

    Returns
    -------
    dict of int to batched.Parameters
        The M networks, seed by seed and arms in the order given, after each look.

    Raises
    ------
    ValueError
        If the arms have different optimisers.
    """
    if len({arm.optimiser for arm in arms}) != 1:
        raise ValueError("arms that are trained together must have the same optimiser")
    models = [(place, arm) for place in range(len(seeds)) for arm in arms]
    kept: dict[int, list[batched.Parameters]] = {look: [] for look in schedule.looks}
    for first in range(0, len(models), GROUP):
        group = models[first : first + GROUP]
        for look, found in _train_group(network, group, seeds, cases, schedule):
            kept[look].append(found)
    return {look: _joined(parts) for look, parts in kept.items()}


def _joined(parts: Sequence[batched.Parameters]) -> batched.Parameters:
    whole = batched.Parameters(parts[0].shapes, sum(part.models for part in parts))
    whole.flat.copy_(torch.cat([part.flat for part in parts]))
    return whole


def _labels(arm: Arm, cases: Source, place: int, seed: int) -> NDArray[np.int64]:
    label = cases.label(place, arm.prior)
    if not arm.permuted:
        return label
    return batched.random_stream(seed, "permuted labels").permutation(label)


def _start(arm: Arm, share: NDArray[np.float64], costly: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Output biases (K,) that the arm starts from, given the shares of its classes."""
    if arm.bias == "default":
        return np.zeros(len(share))
    best = np.log(np.where(costly, arm.ratio, 1.0) * share)
    if arm.bias == "displaced":
        best = best - arm.travel * costly
    return np.asarray(best - best.mean())


def _train_group(
    network: Network,
    models: Sequence[tuple[int, Arm]],
    seeds: Sequence[int],
    cases: Source,
    schedule: Schedule,
) -> Iterator[tuple[int, batched.Parameters]]:
    places = sorted({place for place, _ in models})
    own = torch.tensor([places.index(place) for place, _ in models])  # model -> row of its seed
    features = torch.tensor(cases.features[places])
    labels = [_labels(arm, cases, place, seeds[place]) for place, arm in models]
    costly = np.array(cases.costly)
    tables, starts = [], []
    for label, (_, arm) in zip(labels, models, strict=True):
        share = np.bincount(label, minlength=len(costly)) / len(label)
        prior = float(share[costly].sum())
        heavy, light = weights(arm.ratio, prior)
        like = arm.ratio if arm.scaled_as is None else arm.scaled_as
        scale = gradient_factor(like, prior) / gradient_factor(arm.ratio, prior)
        tables.append(np.where(costly, heavy, light) * scale)
        starts.append(_start(arm, share, costly))
    table = torch.tensor(np.stack(tables), dtype=torch.float32)  # (M, K)
    target = torch.tensor(np.stack(labels))
    decay = torch.tensor([arm.decay for _, arm in models], dtype=torch.float32)

    networks = batched.Parameters(network.shapes(features.shape[-1], len(costly)), len(models))
    networks.initialise([seeds[place] for place, _ in models], "network")
    networks[list(networks)[-1]].data.copy_(torch.tensor(np.stack(starts), dtype=torch.float32))
    penalised = [name for name, shape in networks.shapes.items() if len(shape) > 1]
    kind = {"sgd": batched.SGD, "adam": batched.Adam}[models[0][1].optimiser]
    optimiser = kind(networks, schedule.rate)
    order = perceptron.minibatches(
        [seeds[place] for place in places], "order", features.shape[1], schedule.batch,
        schedule.looks[-1],
    )  # fmt: skip
    for step, rows in enumerate(order, start=1):
        seen = features.gather(1, rows[..., None].expand(-1, -1, features.shape[-1]))[own]
        right = target.gather(1, rows[own])
        _, out = network(networks, seen)
        loss = -out.log_softmax(-1).gather(-1, right[..., None])[..., 0]
        losses = (loss * table.gather(1, right)).mean(1)
        if decay.any():
            squares = [networks[name].flatten(1).square().sum(1) for name in penalised]
            losses = losses + decay * torch.stack(squares).sum(0)
        batched.train_step(losses, optimiser)
        if step in schedule.looks:
            yield step, networks.take(range(len(models)))


def each(networks: batched.Parameters, arms: Sequence[Arm]) -> Iterator[tuple[int, int, Arm]]:
    """Number of the model, place of its seed and its arm, for every trained network."""
    for model in range(networks.models):
        yield model, model // len(arms), arms[model % len(arms)]


def answers(
    network: Network, networks: batched.Parameters, model: int, features: NDArray[np.float32]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Last hidden layer (n, H) and outputs (n, K) of one network, for features (n, d)."""
    with torch.no_grad():
        hidden, out = network(networks.take([model]), torch.tensor(features)[None])
    return hidden[0].double().numpy(), out[0].double().numpy()
