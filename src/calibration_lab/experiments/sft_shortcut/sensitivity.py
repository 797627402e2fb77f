"""The shortcut under other circumstances: how able the base is, and how often its traces slip.

World, training and examination are those of the headline run; only what is varied stands here.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from calibration_lab.experiments.sft_shortcut import experiment, training, world
from calibration_lab.experiments.sft_shortcut.training import ARMS, BASE

__all__ = ["Config", "run"]


@dataclass(frozen=True)
class Config:
    """What is varied around the headline run's constants."""

    pretraining_steps: tuple[int, ...] = (225, 450, 900)  # half and twice as many
    slips: tuple[float, ...] = (0.0, 0.15, 0.45)  # in pretraining and in fine-tuning alike
    arms: tuple[str, ...] = ("sloppy-chance", "sloppy-100")
    headline: experiment.Config = field(default_factory=experiment.Config)

    def __post_init__(self) -> None:
        if not self.pretraining_steps or min(self.pretraining_steps) < 1:
            raise ValueError(f"pretraining_steps must be 1 or more, got {self.pretraining_steps}")
        self.worlds()  # checks each of them

    def worlds(self) -> dict[str, experiment.Config]:
        """The varied configurations by name."""
        usual = replace(self.headline, arms=self.arms)
        return {
            **{
                f"pretraining {steps}": replace(usual, pretraining_steps=steps)
                for steps in self.pretraining_steps
            },
            **{f"slips {share:g}": replace(usual, slips=share) for share in self.slips},
        }


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Pretrain, fine-tune and examine under every circumstance.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        Tables of the headline run with one more column, ``world`` ("pretraining 225", "slips 0",
        ...).  "pretraining 450" has the constants of the headline run, and slips of .3.
    """
    rows: dict[str, list[dict[str, object]]] = {}
    for name, varied in config.worlds().items():
        tables = world.operations(varied.words, seeds)
        base = training.pretrain(varied, tables, seeds)
        models = {"base": (BASE, base)}
        for arm in varied.arms:
            models[arm] = (ARMS[arm], training.finetune(varied, tables, base, seeds, ARMS[arm]))
        for table, found in experiment.examine_all(varied, tables, seeds, models).items():
            rows.setdefault(table, []).extend({"world": name, **row} for row in found)
    return {table: pd.DataFrame(found) for table, found in rows.items()}
