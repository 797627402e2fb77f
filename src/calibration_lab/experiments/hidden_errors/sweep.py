"""Hidden errors, swept: how rare the tail is, how many cases there are, how large the network is.

The world, the training and the measures are those of the headline run; only what is varied stands
here. All networks are trained in the plain way.
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
    """What is varied around the headline run's constants."""

    domains: tuple[str, ...] = ("triage", "law")
    # share of cases where the constraint is active and unstated; the tail is about half of it
    unstated: tuple[float, ...] = (0.005, 0.01, 0.02, 0.04, 0.1, 0.2, 0.45, 0.9)
    cases: tuple[int, ...] = (1024, 2048, 16384)  # to train on, around the headline's 4096
    widths: tuple[int, ...] = (16, 128)  # of the one hidden layer, around the headline's 32
    headline: experiment.Config = field(default_factory=experiment.Config)


def trained(
    config: experiment.Config, seeds: Sequence[int], world: dict[str, object]
) -> list[dict[str, object]]:
    """Rows of the plain arm under one setting, one per seed, domain and stop."""
    rows: list[dict[str, object]] = []
    for name in config.domains:
        domain = experiment.DOMAINS[name]
        drawn, evaluated = (
            [draw_cases(domain, s, purpose, n, config) for s in seeds]
            for purpose, n in (("training", config.cases), ("evaluation", config.evaluation))
        )
        kept = training.train(
            config, seeds, [training.ARMS["plain"]], {"plain": drawn}, config.stops[1:],
            f"{name} training",
        )  # fmt: skip
        for stop, step in zip(("early", "late"), config.stops[1:], strict=True):
            odds = experiment.log_odds_of(kept[step], 1, 0, evaluated)
            for seed, cases, found in zip(seeds, evaluated, odds, strict=True):
                given = measures.answers(found, cases)
                rows.append({
                    "seed": seed, "domain": name, "stop": stop, **world,
                    **measures.glance(given, config), **measures.in_tail(given, config),
                })  # fmt: skip
    return rows


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train the plain network under every setting.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        ``rates`` (per unstated rate), ``sizes`` (per number of training cases and width), each per
        seed, domain and stop.
    """
    usual = replace(config.headline, domains=config.domains)
    rates = [
        row
        for unstated in config.unstated
        for row in trained(replace(usual, unstated=unstated), seeds, {"unstated": unstated})
    ]
    settings = [(usual.cases, usual.hidden[0])]
    settings += [(cases, usual.hidden[0]) for cases in config.cases]
    settings += [(usual.cases, width) for width in config.widths]
    sizes = [
        row
        for cases, width in settings
        for row in trained(
            replace(usual, cases=cases, hidden=(width,)), seeds, {"cases": cases, "width": width}
        )
    ]
    return {"rates": pd.DataFrame(rates), "sizes": pd.DataFrame(sizes)}
