"""A map of regimes: where does weighting help, hurt, or do nothing?

The headline's world and networks over a wide grid of priors and cost ratios, in three regimes: a
fixed budget of steps, an explicit cost of learning, and both losses free to stop.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import pandas as pd

from calibration_lab.experiments.asymmetric_loss import world
from calibration_lab.experiments.asymmetric_loss.looking import Data
from calibration_lab.experiments.asymmetric_loss.training import (
    Arm,
    Perceptron,
    Schedule,
    each,
)

__all__ = ["REGIMES", "Config", "run"]

Rows = list[dict[str, object]]
REGIMES = ("fixed budget", "cost of learning", "free to stop")


@dataclass(frozen=True)
class Config:
    """Constants of the published run, chosen on seeds below 1000."""

    priors: tuple[float, ...] = (0.03, 0.06, 0.1, 0.16, 0.24, 0.36, 0.5, 0.65, 0.8)
    ratios: tuple[float, ...] = (2.0, 4.0, 8.0, 16.0, 32.0, 64.0)
    inputs: int = 16
    hidden: tuple[int, ...] = (32, 32)
    train: int = 2048
    validation: int = 1024
    test: int = 1024
    batch: int = 64
    step: int = 120  # of the fixed budget
    sgd_rate: float = 0.3
    decay: float = 0.016  # cost of learning
    decay_steps: int = 800
    decay_rate: float = 3e-3  # Adam
    adam_rate: float = 1e-3  # free to stop
    free_looks: tuple[int, ...] = (100, 200, 300, 400, 500, 600, 700, 800, 900, 1000)

    def __post_init__(self) -> None:
        for name in ("inputs", "train", "validation", "test", "batch"):
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        if not all(0 < prior < 1 for prior in self.priors):
            raise ValueError(f"priors must lie between 0 and 1, got {self.priors}")
        if not all(1 < ratio < math.inf for ratio in self.ratios):
            raise ValueError(f"ratios must exceed 1, got {self.ratios}")


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train both losses over priors and cost ratios in every regime.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        ``cells``: per seed, regime, prior and ratio the AUROC of the weighted loss, the plain
        loss's lead over it (``gap``) and ``log_factor``, the logarithm of the gradient's factor.
    """
    data = Data.draw(
        Perceptron(config.hidden), seeds, "hidden", config.inputs,
        train=config.train, validation=config.validation, test=config.test,
    )  # fmt: skip
    schedules = {
        "fixed budget": Schedule(config.batch, config.sgd_rate, (config.step,)),
        "cost of learning": Schedule(config.batch, config.decay_rate, (config.decay_steps,)),
        "free to stop": Schedule(config.batch, config.adam_rate, config.free_looks),
    }
    plain = Arm()
    bases = {
        "fixed budget": plain,
        "cost of learning": replace(plain, optimiser="adam", decay=config.decay),
        "free to stop": replace(plain, optimiser="adam"),
    }
    rows: Rows = []
    for regime in REGIMES:
        arms = [
            replace(bases[regime], prior=prior, ratio=ratio)
            for prior in config.priors
            for ratio in (1.0, *config.ratios)
        ]
        found = data.trained(arms, schedules[regime])
        leading: dict[tuple[int, float], float] = {}
        for model, place, arm in each(next(iter(found.values())), arms):
            networks = (
                min(found.values(), key=lambda nets: data.validation_loss(nets, model, arm))
                if len(found) > 1
                else next(iter(found.values()))
            )
            auroc = data.auroc(networks, model, arm)
            lead = leading.setdefault((place, arm.prior), auroc) - auroc  # plain comes first
            rows.append({
                "seed": seeds[place], "regime": regime, "prior": arm.prior, "ratio": arm.ratio,
                "auroc": auroc, "gap": lead,
                "log_factor": math.log(world.gradient_factor(arm.ratio, arm.prior)),
            })  # fmt: skip
    return {"cells": pd.DataFrame(rows)}
