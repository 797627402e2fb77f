"""What training all seeds at once saves, against a loop over seeds.

The loop is what one would write without this package: an ``nn.Module``, ``torch.optim.Adam``, one
seed after the other.  Both train the policy by policy gradient on the reward with the Brier term,
from the same random streams; what is timed is the whole training, in CPU seconds.  Times depend on
the machine; the ratio does so less.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
import torch
from torch import Tensor

from calibration_lab import batched
from calibration_lab.experiments.binary_reward import experiment
from calibration_lab.experiments.binary_reward.rewards import ARMS

__all__ = ["Config", "run"]


@dataclass(frozen=True)
class Config:
    """How many models are timed together, and for how long."""

    models: tuple[int, ...] = (1, 8, 32, 128)
    steps: int = 50  # policy-gradient steps per timing; a loop over 16 models takes some seconds
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

    def forward(self, features: Tensor) -> tuple[Tensor, Tensor]:
        """Log-probabilities of the answers, and the trunk's output."""
        trunk = self.trunk(features)
        return self.answer(trunk).log_softmax(-1), trunk

    def levels(self, trunk: Tensor, answer: Tensor) -> Tensor:
        """Log-probabilities of the confidence levels after each answer (P, n) -> (P, n, C)."""
        hidden = (self.link(trunk)[:, None] + self.embedding(answer)).relu()
        return self.confidence(hidden).log_softmax(-1)


def alone(config: experiment.Config, seed: int) -> float:
    """CPU seconds of one model trained as an ordinary module."""
    started = time.process_time()
    policy = OnePolicy(config)
    optimiser = torch.optim.Adam(policy.parameters(), lr=config.rate, betas=(0.9, 0.99))
    n, stated = config.samples, torch.linspace(0, 1, config.levels)
    data = experiment.batches(config, [seed], "training", config.steps, config.prompts, 3 * n)
    for asked, uniform in data:
        to_answer, to_level, _ = uniform[0].T.unflatten(-1, (3, -1)).unbind(1)  # each (P, n)
        log_answer, trunk = policy(asked.features[0])
        answer = batched.sample_categorical(log_answer.detach(), to_answer)
        log_level = policy.levels(trunk, answer)
        level = batched.sample_categorical(log_level.detach(), to_level[..., None])
        correct = (answer == asked.label[0][:, None]).float()
        reward = correct - (stated[level[..., 0]] - correct) ** 2
        advantage = (reward - reward.mean(-1, keepdim=True)) * (n / (n - 1))
        chosen = log_answer.gather(-1, answer) + log_level.gather(-1, level)[..., 0]
        optimiser.zero_grad()
        (-(advantage * chosen).mean()).backward()
        optimiser.step()
    return time.process_time() - started


def together(config: experiment.Config, seeds: Sequence[int]) -> float:
    """CPU seconds of one model per seed, all trained at once."""
    shapes = experiment.shapes(config, config.answers + 1, config.levels)
    base = batched.Parameters(shapes, len(seeds))
    base.initialise(seeds, "policy")
    started = time.process_time()
    experiment.reinforce(config, base, seeds, [ARMS["brier-1"]])
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
    headline = replace(config.headline, steps=config.steps, watch_every=config.steps)
    alone(headline, 0), together(headline, [0])  # what is loaded at first use is not timed
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
