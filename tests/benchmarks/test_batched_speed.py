"""All seeds at once against a loop over seeds: ratios of CPU time measured in one run.

Run with ``pytest --benchmark-only tests/benchmarks -s``; ordinary runs skip it.  The loop is what
one would write without this package: an ``nn.Module``, ``torch.optim.Adam``, seed after seed.
Both train the policy of the binary-reward experiment by imitation, on the same batches.
"""

from __future__ import annotations

import time

import pytest
import torch

from calibration_lab import batched
from calibration_lab.experiments.binary_reward import experiment

SIZES = (1, 8, 32, 128)
STEPS = 20
CONFIG = experiment.Config(imitation_steps=STEPS)


class Alone(torch.nn.Module):
    """The policy as an ordinary module: trunk, answer head, confidence head on the answer."""

    def __init__(self):
        super().__init__()
        self.trunk = torch.nn.Sequential(
            torch.nn.Linear(9, 64), torch.nn.ReLU(), torch.nn.Linear(64, 64), torch.nn.ReLU()
        )
        self.answer = torch.nn.Linear(64, 9)
        self.embedding = torch.nn.Embedding(9, 32)
        self.link = torch.nn.Linear(64, 32)
        self.confidence = torch.nn.Linear(32, 11)

    def loss(self, features, answer, level):
        trunk = self.trunk(features)
        hidden = (self.link(trunk) + self.embedding(answer)).relu()
        return torch.nn.functional.cross_entropy(
            self.answer(trunk), answer
        ) + torch.nn.functional.cross_entropy(self.confidence(hidden), level)


def loop(seeds):
    """One seed after the other; only the training steps are timed, not the drawing of data."""
    spent = 0.0
    for seed in seeds:
        data = list(experiment.batches(CONFIG, [seed], "imitation", STEPS, 128, 1))
        started = time.process_time()
        policy = Alone()
        optimiser = torch.optim.Adam(policy.parameters(), lr=CONFIG.imitation_rate)
        for asked, _ in data:
            answer = asked.label[0]
            level = (asked.probability[0].gather(-1, answer[:, None])[:, 0] * 10).round().long()
            optimiser.zero_grad()
            policy.loss(asked.features[0], answer, level).backward()
            optimiser.step()
        spent += time.process_time() - started
    return spent


def together(seeds):
    """All seeds in one batch."""
    data = list(experiment.batches(CONFIG, seeds, "imitation", STEPS, 128, 1))
    started = time.process_time()
    policies = batched.Parameters(experiment.shapes(CONFIG, 9, 11), len(seeds))
    policies.initialise(seeds, "policy")
    optimiser = batched.Adam(policies, CONFIG.imitation_rate)
    for asked, _ in data:
        answer = asked.label[..., None]
        level = (asked.probability.gather(-1, answer) * 10).round().long()
        policy = experiment.Policy(policies, asked.features)
        first = policy.first.gather(-1, answer)
        second = policy.second(answer)[:, :, 0].gather(-1, level)
        batched.train_step(-(first + second).mean((1, 2)), optimiser)
    return time.process_time() - started


@pytest.mark.parametrize("size", SIZES)
def test_seeds_at_once_against_a_loop(benchmark, size):
    torch.set_num_threads(1)
    seeds = list(range(size))
    turns = [
        (loop(seeds[: min(size, 16)]) * size / min(size, 16), together(seeds)) for _ in range(3)
    ]
    alone, batch = (min(times) for times in zip(*turns, strict=True))
    benchmark.pedantic(together, args=(seeds,), rounds=1)
    benchmark.extra_info |= {"models": size, "loop / batched, CPU time": round(alone / batch, 2)}
    print(f"\n{size} models: the loop takes {alone / batch:.1f} times the CPU time")
    if size >= 32:
        assert alone > 2 * batch
