"""Abstention, with a stated confidence that is scored: does the Brier term teach silence?

The answer comes with a confidence, and the reward of an answer is correctness less the confidence's
squared error.  An honest answer is then worth p², which is never less than the nothing that
abstaining earns; only a reward for abstaining makes silence pay.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from calibration_lab.experiments.abstention import experiment
from calibration_lab.experiments.abstention.objectives import ARMS

__all__ = ["Config", "run"]

SCORED = tuple(name for name, arm in ARMS.items() if arm.brier)


@dataclass(frozen=True)
class Config:
    """The headline run's constants serve; only the arms are others."""

    headline: experiment.Config = field(default_factory=experiment.Config)


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train the arms whose stated confidence is scored.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        The tables of the headline run but those of thresholds; in ``calibration`` the channel
        "stated" is added.
    """
    scored = replace(config.headline, arms=SCORED, judged=(), watched=())
    return experiment.run(scored, seeds)
