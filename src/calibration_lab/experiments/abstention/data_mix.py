"""Abstention, other data: the same objective on other mixes of requests.

World, base, training and measures are the headline run's, read from its modules; only the mix of
the training requests is varied.  Every policy is judged on the usual requests.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from calibration_lab.experiments.abstention import experiment
from calibration_lab.experiments.abstention.judging import Judge
from calibration_lab.experiments.abstention.measures import Rows
from calibration_lab.experiments.abstention.objectives import TRUE, Arm
from calibration_lab.experiments.abstention.world import MIXES

__all__ = ["Config", "run"]


@dataclass(frozen=True)
class Config:
    """What is varied around the headline run's constants."""

    unsafe: tuple[float, ...] = (0.0, 0.1, 0.2, 0.4, 0.6, 0.8)  # share of training requests
    unknowable: tuple[float, ...] = (0.0, 0.1, 0.25, 0.5, 0.75, 0.9)
    headline: experiment.Config = field(default_factory=experiment.Config)


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train the same two objectives on every mix, one share varied at a time.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        ``decisions``, ``slices`` and ``planes`` of the headline run, with the columns ``objective``
        ("true" or "correctness"), ``varied`` ("unsafe" or "unknowable") and ``share``.
    """
    usual = MIXES["usual"]
    units: dict[str, dict[str, object]] = {}
    arms: dict[str, Arm] = {}
    for objective, arm in (("true", TRUE), ("correctness", Arm())):
        for varied, shares in (("unsafe", config.unsafe), ("unknowable", config.unknowable)):
            for share in shares:
                name = f"{objective} {varied} {share:g}"
                arms[name] = replace(arm, mix=replace(usual, **{varied: share}))
                units[name] = {"objective": objective, "varied": varied, "share": share}
    headline = replace(config.headline, judged=())
    starts = experiment.starts_of(arms.values())
    bases = experiment.pretrain(headline, seeds, starts)
    trained, _ = experiment.reinforce(headline, bases, seeds, list(arms.values()))
    rows: Rows = {}
    Judge(headline, seeds).add(rows, trained, arms, bases, starts)
    return {
        kind: pd.DataFrame([{**units[str(row["arm"])], **row} for row in rows[kind]])
        for kind in ("decisions", "slices", "planes")
    }
