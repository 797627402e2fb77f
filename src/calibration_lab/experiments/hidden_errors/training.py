"""The training arms: what a team that knows of the tail, or suspects one, can do about it.

All arms of one seed start from the same network and see the same cases; they differ in which cases
fill a batch, in how much each weighs, and in what the records show.

Shapes in comments: S seeds, A arms, M = S·A models, n training cases, B cases per batch.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

import numpy as np
import torch
from torch import Tensor

from calibration_lab import batched
from calibration_lab.batched import perceptron
from calibration_lab.experiments.hidden_errors.domains import Cases, stack

__all__ = ["ARMS", "Arm", "log_odds", "train"]


@dataclass(frozen=True)
class Arm:
    """How one arm is trained.

    variant : str      Variant of the records, see `domains.VARIANTS`.
    balanced : bool    Half of every batch is drawn from the tail.
    worst_group : bool   Group DRO: the group with the larger loss gains weight (needs balanced).
    harm : bool        A tail case weighs as much as the harm that it can do.
    twice : bool       Just train twice: what a first, short training got confidently wrong weighs
                       more; no group is known.
    """

    variant: str = "plain"
    balanced: bool = False
    worst_group: bool = False
    harm: bool = False
    twice: bool = False


ARMS = {
    "plain": Arm(),
    "balanced": Arm(balanced=True),
    "worst-group": Arm(balanced=True, worst_group=True),
    "harm-weighted": Arm(harm=True),
    "train-twice": Arm(twice=True),
    "explicit": Arm("explicit"),
    "absent": Arm("absent"),
    "noisy": Arm("noisy"),
}


class Settings(Protocol):
    """What is read of the experiment's Config."""

    @property
    def hidden(self) -> tuple[int, ...]: ...
    @property
    def batch(self) -> int: ...
    @property
    def rate(self) -> float: ...
    @property
    def group_rate(self) -> float: ...
    @property
    def harm(self) -> float: ...
    @property
    def first_steps(self) -> int: ...
    @property
    def first_confidence(self) -> float: ...
    @property
    def upweight(self) -> float: ...


def log_odds(parameters: batched.Parameters, features: Tensor) -> Tensor:
    """Log-odds of the harmful answer, (M, B), for features (M, B, columns)."""
    _, outputs = perceptron.forward(parameters, features)
    return outputs[..., 1] - outputs[..., 0]


def network(settings: Settings, seeds: Sequence[int], columns: int) -> batched.Parameters:
    """One untrained network per seed."""
    parameters = batched.Parameters(perceptron.shapes(columns, settings.hidden, 2), len(seeds))
    parameters.initialise(seeds, "network")
    return parameters


def confidently_wrong(
    settings: Settings, seeds: Sequence[int], cases: Sequence[Cases], purpose: str
) -> Tensor:
    """Training cases (S, n) that a first, short training gets wrong with confidence."""
    features, label = stack(cases)
    first = network(settings, seeds, features.shape[2])
    optimiser = batched.Adam(first, settings.rate)
    per_seed = torch.arange(len(seeds))[:, None]
    order = perceptron.minibatches(
        seeds, f"{purpose}: first order", features.shape[1], settings.batch, settings.first_steps
    )
    for rows in order:
        _, outputs = perceptron.forward(first, features[per_seed, rows])
        chosen = label[per_seed, rows][..., None]
        losses = -outputs.log_softmax(-1).gather(-1, chosen)[..., 0].mean(1)
        batched.train_step(losses, optimiser)
    with torch.no_grad():
        odds = log_odds(first, features)
    edge = float(np.log(settings.first_confidence / (1 - settings.first_confidence)))
    return torch.where(label == 1, odds < -edge, odds > edge)


def train(
    settings: Settings,
    seeds: Sequence[int],
    arms: Sequence[Arm],
    cases: Mapping[str, Sequence[Cases]],
    steps: Sequence[int],
    purpose: str,
) -> dict[int, batched.Parameters]:
    """Train every arm on every seed at once.

    Parameters
    ----------
    settings : Settings
    seeds : sequence of int
    arms : sequence of Arm
    cases : mapping of str to sequence of Cases
        Training cases by variant, one entry per seed.
    steps : sequence of int
        Numbers of steps after which a copy of the networks is kept, ascending.
    purpose : str
        Purpose of the random streams.

    Returns
    -------
    dict of int to batched.Parameters
        The M networks, seed by seed and within it in the order of the arms, by number of steps.
    """
    variants = list(cases)
    stacked = [stack(cases[variant]) for variant in variants]
    features = torch.stack([one[0] for one in stacked])  # (variants, S, n, columns)
    label = torch.stack([one[1] for one in stacked])
    tail = torch.from_numpy(
        np.stack([[one.tail for one in cases[variant]] for variant in variants])
    )
    n, columns = features.shape[2], features.shape[3]
    weight = torch.ones(len(arms), len(seeds), n)
    which = [variants.index(arm.variant) for arm in arms]
    for a, arm in enumerate(arms):
        if arm.harm:
            weight[a] = torch.where(tail[which[a]], settings.harm, 1.0)
        if arm.twice:
            found = confidently_wrong(settings, seeds, cases[arm.variant], purpose)
            weight[a] = torch.where(found, settings.upweight, 1.0)
    weight = weight / weight.mean(-1, keepdim=True)

    # one flat list of all cases, so that a batch of all models is one look-up
    models = [(s, a) for s in range(len(seeds)) for a in range(len(arms))]
    start = torch.tensor([(which[a] * len(seeds) + s) * n for s, a in models])[:, None]
    flat_features, flat_label = features.flatten(0, 2), label.flatten()
    weight = weight.transpose(0, 1).flatten(0, 1)  # (M, n)
    balanced = torch.tensor([arms[a].balanced for _, a in models])[:, None]
    worst = torch.tensor([arms[a].worst_group for _, a in models])
    share = torch.full((len(models), 2), 0.5)  # weight of the two halves of a batch
    ascent = torch.zeros(len(models), 2)  # of its logarithm, in group DRO

    trained = network(settings, seeds, columns).take([s for s, _ in models])
    optimiser = batched.Adam(trained, settings.rate)
    kept, half = {}, settings.batch // 2
    order = perceptron.minibatches(seeds, f"{purpose}: order", n, settings.batch, steps[-1])
    rare = tail_rows(seeds, purpose, tail[0].numpy(), half, steps[-1])
    of_seed = torch.tensor([s for s, _ in models])
    for step, (rows, from_tail) in enumerate(zip(order, rare, strict=True), start=1):
        mixed = torch.where(balanced, torch.cat([rows[:, :half], from_tail], 1)[of_seed],
                            rows[of_seed])  # fmt: skip
        chosen = (start + mixed).flatten()
        _, outputs = perceptron.forward(
            trained, flat_features.index_select(0, chosen).view(len(models), -1, columns)
        )
        target = flat_label.index_select(0, chosen).view(len(models), -1, 1)
        losses = -outputs.log_softmax(-1).gather(-1, target)[..., 0] * weight.gather(1, mixed)
        halves = losses.unflatten(1, (2, half)).mean(2)  # (M, 2)
        if bool(worst.any()):
            # exponentiated gradient ascent on the groups' weights (Sagawa et al. 2020, alg. 1)
            # softmax, unlike exp, gives a model the same numbers wherever it stands
            ascent = ascent + settings.group_rate * halves.detach()
            share = torch.where(worst[:, None], ascent.softmax(-1), share)
        batched.train_step((share * halves).sum(1), optimiser)
        if step in steps:
            kept[step] = trained.take(range(trained.models))
    return kept


def tail_rows(
    seeds: Sequence[int], purpose: str, tail: np.ndarray, count: int, steps: int
) -> list[Tensor]:
    """For each step, ``count`` rows of each seed's tail, drawn with replacement: (S, count)."""
    drawn = []
    for seed, of_seed in zip(seeds, tail, strict=True):
        rows = np.flatnonzero(of_seed)
        stream = batched.random_stream(seed, f"{purpose}: tail order")
        # without a tail there is nothing to balance: rows as they come
        rows = rows if len(rows) else np.arange(len(of_seed))
        drawn.append(rows[stream.integers(0, len(rows), (steps, count))])
    return list(torch.from_numpy(np.stack(drawn, axis=1)))
