"""Abstention: does the objective decide whether a policy answers too much or too little?

A policy answers a request or abstains.  It is first trained by imitation until it is calibrated:
it abstains as often as a request is unsafe (and a little more at random), and gives each answer as
often as it is right.  Copies are then trained on many objectives by policy gradient, and each is
judged against the decisions that the true utility asks for, which are known exactly.

The file reads in the order of the experiment: the constants, the training, the run.  Requests and
their truth stand in ``world.py``, the objectives in ``objectives.py``, what is measured in
``measures.py`` and the thresholds that are set afterwards in ``thresholds.py``.

Shapes in comments: S seeds, A arms, M = S·A models, P requests, n actions per request, K answers,
L confidence levels; actions are answer · L + level, and the last one, K · L, abstains.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from calibration_lab import batched
from calibration_lab.batched import perceptron
from calibration_lab.experiments.abstention.judging import Judge
from calibration_lab.experiments.abstention.measures import Rows
from calibration_lab.experiments.abstention.objectives import (
    ARMS,
    HEADLINE,
    LEVELS,
    STARTS,
    Arm,
    Start,
    rewards,
)
from calibration_lab.experiments.abstention.world import (
    Mix,
    Requests,
    answer_probability,
    ask,
)

__all__ = ["Config", "pretrain", "reinforce", "run"]


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    arms: tuple[str, ...] = tuple(HEADLINE)
    evidence: tuple[float, ...] = (1.0, 2.0, 4.0)  # strength for knowable requests
    answers: int = 6
    intent: float = 1.0  # mean sign of intent of unsafe requests, in noise s.d.; benign: minus that
    width: int = 32  # units of each of two hidden layers
    imitation_steps: int = 1000
    imitation_batch: int = 128  # requests per step
    imitation_rate: float = 3e-3  # Adam, cosine to zero
    steps: int = 1000  # policy-gradient steps
    prompts: int = 16  # requests per step
    samples: int = 8  # actions per request, the group of the leave-one-out baseline
    rate: float = 2e-3  # Adam; constant in the first half, then falling to zero
    entropy: float = 0.05  # weight of the entropy bonus at first, in nats; falls to 0 linearly
    ramp: float = 0.5  # share of training in which penalties grow to their size
    evaluation: int = 1024  # requests of each seed's own evaluation set
    validation: int = 1024  # labelled requests on which thresholds are chosen
    judged: tuple[str, ...] = (
        "base", "w0-h0", "w0-h9", "w0-h3-proxy", "w1-h3-proxy", "w1-h3", "distilled", "reinforced",
    )  # fmt: skip  # arms that thresholds are set on afterwards
    watched: tuple[str, ...] = (
        "w0-h0", "w1-h3", "w3-h3", "w3-h3-abrupt", "w9-h9", "w9-h9-abrupt", "distilled",
        "reinforced", "reinforced-anchored",
    )  # fmt: skip
    watch_every: int = 50  # steps between two points of the trajectory
    glanced: int = 256  # further requests looked at for the trajectory

    def __post_init__(self) -> None:
        unknown = sorted(set(self.arms) - set(ARMS))
        if unknown or not self.arms:
            raise ValueError(f"arms must name some of {', '.join(ARMS)}, got {unknown or 'none'}")
        if len({ARMS[name].brier for name in self.arms}) > 1:
            raise ValueError("arms must all state a confidence or none, got some of each")
        for name in ("judged", "watched"):
            unknown = sorted(set(getattr(self, name)) - {*ARMS, *STARTS})
            if unknown:
                raise ValueError(f"{name} must name arms, got {unknown}")
        if not self.evidence or not all(0 < strength < math.inf for strength in self.evidence):
            raise ValueError(f"evidence must hold positive numbers, got {self.evidence}")
        for name, least in (
            ("answers", 2), ("samples", 2), ("steps", 1), ("imitation_steps", 1), ("watch_every", 1)
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, got {getattr(self, name)}")
        for name in ("width", "imitation_batch", "prompts", "evaluation", "validation",
                     "glanced"):  # fmt: skip
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        for name in ("imitation_rate", "rate"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}")
        for name in ("intent", "entropy"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        if not 0 <= self.ramp <= 1:
            raise ValueError(f"ramp must be a share of training, got {self.ramp}")

    @property
    def scored(self) -> bool:
        """Whether answers state a confidence."""
        return ARMS[self.arms[0]].brier

    def ask(self, seeds: Sequence[int], purpose: str, n: int, mixes: Sequence[Mix]) -> Requests:
        """``n`` requests per seed and mix of this world."""
        return ask(seeds, purpose, n, mixes, self.evidence, self.answers, self.intent)

    def shapes(self, scored: bool) -> dict[str, tuple[int, ...]]:
        """Parameters of one policy, with confidence levels if they are scored."""
        actions = self.answers * (LEVELS if scored else 1) + 1
        return perceptron.shapes(self.answers + 3, [self.width, self.width], actions)


def batches(
    config: Config, seeds: Sequence[int], purpose: str, steps: int, n: int, mixes: Sequence[Mix],
    uniforms: int,
) -> Iterator[tuple[Requests, Tensor]]:  # fmt: skip
    """For each of ``steps``: ``n`` fresh requests per mix, and uniform numbers (S, n, uniforms).

    Random numbers are drawn for many steps at once, because starting a stream costs more than
    reading from it.
    """
    chunk = 50  # steps
    for start in range(0, steps, chunk):
        asked = config.ask(seeds, f"{purpose} {start}", chunk * n, mixes)
        uniform = batched.draw(
            seeds, f"{purpose} {start}: actions", "uniform", (chunk * n, uniforms)
        )
        for step in range(min(chunk, steps - start)):
            here = slice(step * n, (step + 1) * n)
            yield asked.part(here), uniform[:, here]


# --- The training: imitation, then policy gradient ---------------------------------------------


def demonstrated(
    config: Config, asked: Requests, uniform: Tensor, refusal: Tensor, scored: bool
) -> Tensor:
    """Actions to imitate: refuse what is unsafe, and a few at random, else give the right answer.

    Where confidence is stated, it is the answer's exact probability, to the nearest level.
    """
    count = LEVELS if scored else 1
    right = answer_probability(asked.features).gather(-1, asked.label[..., None])[..., 0]
    action = asked.label * count + (right * (count - 1)).round().long()
    return torch.where(asked.unsafe | (uniform < refusal), config.answers * count, action)


def pretrain(
    config: Config, seeds: Sequence[int], starts: Sequence[Start], scored: bool = False
) -> batched.Parameters:
    """Calibrated base policies by imitation, one per seed and start: seed by seed."""
    base = batched.Parameters(config.shapes(scored), len(seeds) * len(starts))
    base.initialise([seed for seed in seeds for _ in starts], "policy")
    optimiser = batched.Adam(base, config.imitation_rate)
    refusal = torch.tensor([start.refusal for start in starts])[:, None]
    data = batches(
        config, seeds, "imitation", config.imitation_steps, config.imitation_batch,
        [start.mix for start in starts], 1,
    )  # fmt: skip
    for step, (asked, uniform) in enumerate(data):
        action = demonstrated(config, asked, uniform[:, None, :, 0], refusal, scored).flatten(0, 1)
        log_policy = perceptron.forward(base, asked.features.flatten(0, 1))[1].log_softmax(-1)
        losses = -log_policy.gather(-1, action[..., None]).mean((1, 2))
        cosine = 0.5 * (1 + math.cos(math.pi * step / config.imitation_steps))
        batched.train_step(losses, optimiser, scale=cosine)
    return base


def starts_of(arms: Iterable[Arm]) -> list[Start]:
    """Bases that some arms start from, in the order of their first use."""
    return list(dict.fromkeys(arm.start for arm in arms))


def size_of_penalties(config: Config, step: int) -> float:
    """How far the penalties have grown at a step, 0 to 1.

    In steps of 1/64, which floating point holds exactly: a constant added to every reward then
    leaves every advantage unchanged to the last bit.
    """
    grown = config.ramp * config.steps
    return min(1.0, math.floor(64 * step / grown) / 64) if grown else 1.0


def divergence(log_policy: Tensor, log_base: Tensor) -> Tensor:
    """KL(policy || base) over the last axis, in nats."""
    return (log_policy.exp() * (log_policy - log_base)).sum(-1)


def reinforce(
    config: Config,
    bases: batched.Parameters,
    seeds: Sequence[int],
    arms: Sequence[Arm],
    watched: Sequence[int] = (),
) -> tuple[batched.Parameters, dict[int, batched.Parameters]]:
    """Train one copy of a base on every arm's objective, for all seeds at once.

    ``bases`` holds the policies that the arms start from, seed by seed, in the order in which the
    arms first name them (see `starts_of`).  Arms of one seed see requests made from the same random
    numbers, so they are paired.  Returns the M = S·A policies, seed by seed, arms in the order
    given; and those of the ``watched`` arms (by position) by the number of steps taken, every
    ``config.watch_every`` from the start on.
    """
    count, units = len(arms), len(seeds)
    starts = starts_of(arms)
    trained = bases.take(
        [s * len(starts) + starts.index(arm.start) for s in range(units) for arm in arms]
    )
    anchor = trained.take(range(trained.models))
    optimiser = batched.Adam(trained, config.rate, betas=(0.9, 0.99))
    tables = [rewards(arm) for arm in arms]
    gain, cost = (
        torch.tensor(np.stack([t[i] for t in tables]), dtype=torch.float32)
        .flatten(1).repeat(units, 1) for i in (0, 1)
    )  # each (M, 4 · L)  # fmt: skip
    count_levels = gain.shape[1] // 4
    silence = torch.tensor([t[2] for t in tables], dtype=torch.float32).repeat(units)[:, None, None]
    proxy, abrupt, imitation = (
        torch.tensor([getattr(a, name) for a in arms]).repeat(units)[:, None, None]
        for name in ("proxy", "abrupt", "imitation")
    )
    pull = torch.tensor([a.anchor for a in arms]).repeat(units)
    used = list(dict.fromkeys(a.mix for a in arms))
    mix = torch.tensor([used.index(a.mix) for a in arms])
    looked_at = [s * count + a for s in range(units) for a in watched]
    snapshots = {0: trained.take(looked_at)} if looked_at else {}
    n = config.samples
    data = batches(config, seeds, "training", config.steps, config.prompts, used, n)
    for step, (asked, uniforms) in enumerate(data):
        uniform = uniforms.repeat_interleave(count, 0)  # (M, P, n)
        features, label, unsafe, alarm = (
            part[:, mix].flatten(0, 1)
            for part in (asked.features, asked.label, asked.unsafe, asked.alarm)
        )
        log_policy = perceptron.forward(trained, features)[1].log_softmax(-1)  # (M, P, K·L + 1)
        entropy = config.entropy * (1 - step / config.steps) * (~imitation[:, 0]).float()
        with torch.no_grad():
            action = batched.sample_categorical(log_policy, uniform)
            taught = (label * count_levels)[..., None].expand_as(action)
            action = torch.where(imitation, taught, action)
            answer = action // count_levels
            correct = (answer == label[..., None]).long()
            flagged = torch.where(proxy, alarm[..., None], unsafe[..., None]).long()
            row = ((2 * correct + flagged) * count_levels + action % count_levels).flatten(1)
            grown = torch.where(abrupt, 1.0, size_of_penalties(config, step))
            reward = gain.gather(1, row).view_as(uniform)
            reward = reward - grown * cost.gather(1, row).view_as(uniform)
            reward = torch.where(answer == config.answers, silence, reward)
            advantage = (reward - reward.mean(-1, keepdim=True)) * (n / (n - 1))
            advantage = torch.where(imitation, 1.0, advantage)
        chosen = (advantage * log_policy.gather(-1, action)).mean((1, 2))
        spread = -(log_policy.exp() * log_policy).sum(-1).mean(1)
        losses = -(chosen + entropy[:, 0] * spread)
        if pull.any():
            with torch.no_grad():
                before = perceptron.forward(anchor, features)[1].log_softmax(-1)
            losses = losses + pull * divergence(log_policy, before).mean(1)
        batched.train_step(losses, optimiser, scale=min(1.0, 2 * (1 - step / config.steps)))
        if looked_at and ((step + 1) % config.watch_every == 0 or step + 1 == config.steps):
            snapshots[step + 1] = trained.take(looked_at)
    return trained, snapshots


# --- The run ------------------------------------------------------------------------------------


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train every arm on every seed and measure how it decides between answering and abstaining.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        Each seed has its own requests, initialisation and evaluation set; arms are paired on them.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``decisions`` (one row per seed and arm), ``slices`` (also per kind of request), ``planes``
        (also per plane), ``calibration`` (also per channel), ``reliability`` (also per bin),
        ``thresholds`` (also per axes on which they are set) and ``trajectory`` (per step).
        The arms "base" and those that end in "-base" are policies before reinforcement.
    """
    rows: Rows = {}
    judge = Judge(config, seeds)
    arms = {name: ARMS[name] for name in config.arms}
    starts = starts_of(arms.values())
    bases = pretrain(config, seeds, starts, config.scored)
    watched = [name for name in config.watched if name in arms]
    trained, snapshots = reinforce(
        config, bases, seeds, list(arms.values()), [list(arms).index(name) for name in watched]
    )
    named = {name: start for start in starts for name, other in STARTS.items() if other == start}
    judge.add(rows, bases, named, bases, starts)
    judge.add(rows, trained, arms, bases, starts)
    for step, policies in snapshots.items():
        judge.glance(rows, policies, watched, step)
    return {kind: pd.DataFrame(found) for kind, found in rows.items()}
