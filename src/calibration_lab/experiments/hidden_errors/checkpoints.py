"""Which metrics see the harm: many checkpoints of many trainings, each measured in every way.

Two populations: what remedies leave behind, which vary in harm by design, and ordinary trainings,
which differ only in their learning rate.  The world and the training are the headline run's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from calibration_lab.experiments.hidden_errors import experiment, measures, training
from calibration_lab.experiments.hidden_errors.domains import draw_cases

__all__ = ["Config", "run"]


@dataclass(frozen=True)
class Config:
    """Which trainings, and after how many steps they are looked at."""

    domains: tuple[str, ...] = ("triage", "law", "finance")
    remedies: tuple[str, ...] = (
        "plain", "balanced", "worst-group", "harm-weighted", "train-twice",
    )  # fmt: skip
    rates: tuple[float, ...] = (5e-4, 1e-3, 2e-3, 4e-3)  # of the ordinary trainings
    steps: tuple[int, ...] = tuple(range(200, 2001, 150))
    headline: experiment.Config = field(default_factory=experiment.Config)


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train both populations on every seed and measure every checkpoint.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        One table ``checkpoints``: per seed, domain, population ("remedies" or "ordinary"), arm,
        rate and step, every metric and the harm.
    """
    usual, rows = config.headline, []
    populations = [("remedies", config.remedies, usual.rate)]
    populations += [("ordinary", ("plain",), rate) for rate in config.rates]
    for name in config.domains:
        domain = experiment.DOMAINS[name]
        drawn, evaluated = (
            [draw_cases(domain, s, purpose, n, usual) for s in seeds]
            for purpose, n in (("training", usual.cases), ("evaluation", usual.evaluation))
        )
        for population, arms, rate in populations:
            kept = training.train(
                replace(usual, rate=rate), seeds, [training.ARMS[arm] for arm in arms],
                {"plain": drawn}, config.steps, f"{name} training",
            )  # fmt: skip
            for step, networks in kept.items():
                for a, arm in enumerate(arms):
                    odds = experiment.log_odds_of(networks, len(arms), a, evaluated)
                    for seed, cases, found in zip(seeds, evaluated, odds, strict=True):
                        given = measures.answers(found, cases)
                        rows.append({
                            "seed": seed, "domain": name, "population": population, "arm": arm,
                            "rate": rate, "step": step, **measures.glance(given, usual),
                            **measures.aggregate(given, usual), **measures.in_tail(given, usual),
                        })  # fmt: skip
    return {"checkpoints": pd.DataFrame(rows)}
