"""Where in the space of constants does binary reward make the own probability overconfident?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import pandas as pd

from calibration_lab.experiments.binary_reward import experiment
from calibration_lab.experiments.binary_reward.statements import STATEMENTS
from calibration_lab.experiments.mapping import Map

__all__ = ["MAP", "Config", "run"]

USUAL = experiment.Config(
    arms=("binary", "coin-flip"), recalibration=(), recalibrated=(), watch_every=10**9
)
MAP = Map(
    statement=next(s for s in STATEMENTS if s.key == "binary-reward/own-probability-overconfident"),
    run=experiment.run,
    usual=USUAL,
    axes={
        "rate": (1e-5, 3e-5, 1e-4, 1e-3),
        "steps": (100, 300, 1000, 4000),
        "answers": (2, 4, 16),
        "evidence": ((0.0,), (0.0, 0.5, 1.0), (1.5, 2.5, 4.0), (4.0, 5.0)),
        "samples": (2, 4, 16),
        "width": (16, 32, 128),
        "imitation_steps": (60, 300),
        "anchor": (0.01, 0.05, 0.2),
    },
    pairs=(("rate", "steps"),),
)


@dataclass(frozen=True)
class Config:
    """Nothing to choose: what is varied stands in ``MAP``."""


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Judge the statement in every cell of the map.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``cells``, see `experiments.mapping.Map.table`; ``seeds``, those that were run.
    """
    return {"cells": MAP.table(seeds), "seeds": pd.DataFrame({"seed": list(seeds)})}
