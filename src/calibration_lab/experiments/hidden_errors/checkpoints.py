"""Which metrics see the harm: many checkpoints of many trainings, each measured in every way.

Two populations: what remedies leave behind, which vary in harm by design, and ordinary trainings,
which differ only in their learning rate.  The world and the training are the headline run's.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd
from scipy.stats import spearmanr

from calibration_lab.experiments.hidden_errors import experiment, measures, training
from calibration_lab.experiments.hidden_errors.domains import draw_cases

__all__ = ["AGGREGATES", "IN_TAIL", "Config", "correlations", "run"]

AGGREGATES = ("accuracy", "ece", "nll", "brier", "auroc", "aurc", "confident_error_rate")
IN_TAIL = (
    "tail_accuracy", "tail_ece", "share", "lift", "tail_nll_share", "tail_error_confidence",
    "harm_at_80",
)  # fmt: skip


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
        ``checkpoints``: per seed, domain, population ("remedies" or "ordinary"), arm, rate and
        step, every metric and the harm. ``correlations``: see `correlations`.
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
    table = pd.DataFrame(rows)
    return {"checkpoints": table, "correlations": correlations(table)}


def correlations(checkpoints: pd.DataFrame) -> pd.DataFrame:
    """Rank correlation of each metric with the harm, over one seed's checkpoints of a population.

    Checkpoints of one seed are no independent units, seeds are: one ``correlation`` per seed,
    domain, population and metric, and its ``magnitude``. The metric "best-aggregate" has the
    largest magnitude of all metrics that know nothing of the tail.
    """
    rows = []
    for keys, group in checkpoints.groupby(["seed", "domain", "population"], sort=False):
        unit = dict(zip(("seed", "domain", "population"), keys, strict=True))
        found = {
            metric: float(spearmanr(group[metric], group["harm"]).statistic)
            for metric in (*AGGREGATES, *IN_TAIL)
        }
        found["best-aggregate"] = max((found[metric] for metric in AGGREGATES), key=abs)
        rows += [
            {**unit, "metric": metric, "correlation": value, "magnitude": abs(value)}
            for metric, value in found.items()
        ]
    return pd.DataFrame(rows)
