"""What training all seeds at once saves, against a loop over seeds.

The loop is what one would write without this package: an ``nn.Module``, ``torch.optim.Adam``, one
seed after the other.  Both train the policy by imitation on the same batches, and only the training
steps are timed, in CPU seconds.  Times depend on the machine; the ratio does so less.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
import torch
from torch import Tensor
from torch.nn.functional import cross_entropy

from calibration_lab import batched
from calibration_lab.experiments.binary_reward import experiment

__all__ = ["Config", "run"]


@dataclass(frozen=True)
class Config:
    """How many models are timed together, and for how long."""

    models: tuple[int, ...] = (1, 8, 32, 128)
    steps: int = 30  # imitation steps per timing; a loop over 128 models takes some seconds
    looped: int = 16  # models that the loop really trains; its time grows in proportion
    headline: experiment.Config = field(default_factory=experiment.Config)


class OnePolicy(torch.nn.Module):
    """The policy as an ordinary module: trunk, answer head, confidence head on the answer."""

    def __init__(self, config: experiment.Config) -> None:
        super().__init__()
        inputs, width, token = config.answers + 1, config.width, config.token_width
        relu = torch.nn.ReLU
        self.trunk = torch.nn.Sequential(
            torch.nn.Linear(inputs, width), relu(), torch.nn.Linear(width, width), relu()
        )
        self.answer = torch.nn.Linear(width, config.answers + 1)
        self.link = torch.nn.Linear(width, token)
        self.embedding = torch.nn.Embedding(config.answers + 1, token)
        self.confidence = torch.nn.Linear(token, config.levels)

    def loss(self, features: Tensor, answer: Tensor, level: Tensor) -> Tensor:
        """Mean negative log-likelihood of answers and confidence levels."""
        trunk = self.trunk(features)
        hidden = (self.link(trunk) + self.embedding(answer)).relu()
        return cross_entropy(self.answer(trunk), answer) + cross_entropy(
            self.confidence(hidden), level
        )


def imitated(config: experiment.Config, asked: experiment.Questions) -> tuple[Tensor, Tensor]:
    """Right answers and the levels of their exact probabilities, each (S, P, 1)."""
    answer = asked.label[..., None]
    return answer, (asked.probability.gather(-1, answer) * (config.levels - 1)).round().long()


def batches(config: experiment.Config, seeds: Sequence[int]) -> list[experiment.Questions]:
    """Batches of every step, drawn beforehand so that drawing them is not timed."""
    drawn = experiment.batches(
        config, seeds, "imitation", config.imitation_steps, config.imitation_batch, 1
    )
    return [asked for asked, _ in drawn]


def alone(config: experiment.Config, seed: int) -> float:
    """CPU seconds of one model trained as an ordinary module."""
    data = batches(config, [seed])
    started = time.process_time()
    policy = OnePolicy(config)
    optimiser = torch.optim.Adam(policy.parameters(), lr=config.imitation_rate)
    for asked in data:
        answer, level = (token[0, :, 0] for token in imitated(config, asked))
        optimiser.zero_grad()
        policy.loss(asked.features[0], answer, level).backward()
        optimiser.step()
    return time.process_time() - started


def together(config: experiment.Config, seeds: Sequence[int]) -> float:
    """CPU seconds of one model per seed, all trained at once."""
    data = batches(config, seeds)
    started = time.process_time()
    shapes = experiment.shapes(config, config.answers + 1, config.levels)
    policies = batched.Parameters(shapes, len(seeds))
    policies.initialise(seeds, "policy")
    optimiser = batched.Adam(policies, config.imitation_rate)
    for asked in data:
        answer, level = imitated(config, asked)
        policy = experiment.Policy(policies, asked.features)
        first = policy.first.gather(-1, answer)
        second = policy.second(answer)[:, :, 0].gather(-1, level)
        batched.train_step(-(first + second).mean((1, 2)), optimiser)
    return time.process_time() - started


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Time both ways of training, once per seed.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        Each is one repetition of the timing.

    Returns
    -------
    dict of str to pandas.DataFrame
        One table ``times``: per seed and number of models, CPU seconds of the ``loop`` and of the
        ``batch``, and their ``ratio``.
    """
    headline = replace(config.headline, imitation_steps=config.steps)
    rows = []
    for seed in seeds:
        for models in config.models:
            looped = min(models, config.looped)
            loop = sum(alone(headline, seed + k) for k in range(looped)) * models / looped
            batch = together(headline, range(seed, seed + models))
            rows.append(
                {
                    "seed": seed,
                    "models": models,
                    "loop": loop,
                    "batch": batch,
                    "ratio": loop / batch,
                }
            )
    return {"times": pd.DataFrame(rows)}
