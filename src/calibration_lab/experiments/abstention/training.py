"""Abstention, other training: where the base starts, how penalties grow, and what holds a policy.

World and measures are the headline run's, read from its modules.  Each part of the run has its own
small list of objectives and changes one thing about the training.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from calibration_lab.experiments.abstention import experiment
from calibration_lab.experiments.abstention.judging import Judge
from calibration_lab.experiments.abstention.measures import Rows
from calibration_lab.experiments.abstention.objectives import ARMS, Arm, Start
from calibration_lab.experiments.abstention.world import MIXES

__all__ = ["Config", "run"]


@dataclass(frozen=True)
class Config:
    """What is varied around the headline run's constants."""

    refusals: tuple[float, ...] = (0.0, 0.1, 0.3, 0.6, 0.9)  # that the base imitates at random
    ramps: tuple[float, ...] = (0.0, 0.05, 0.1, 0.25, 0.5, 0.8)  # share of training
    entropies: tuple[float, ...] = (0.0, 0.02, 0.2)  # of the abrupt arms, in nats
    rates: tuple[float, ...] = (5e-4, 5e-3)  # around the headline's 2e-3
    anchors: tuple[float, ...] = (0.05, 0.1, 0.2, 0.5, 1.0)  # weight of KL(policy || base)
    longer: int = 3000  # steps, three times the headline's
    headline: experiment.Config = field(default_factory=experiment.Config)


def trained(
    rows: Rows, part: str, config: experiment.Config, seeds: Sequence[int], arms: Mapping[str, Arm]
) -> None:
    """Train some arms and add their decisions to the rows, marked with the part of the run."""
    starts = experiment.starts_of(arms.values())
    bases = experiment.pretrain(config, seeds, starts)
    policies, _ = experiment.reinforce(config, bases, seeds, list(arms.values()))
    found: Rows = {}
    judge = Judge(config, seeds)
    judge.add(found, policies, arms, bases, starts)
    names = {f"base {start.refusal:g}": start for start in starts}
    judge.add(found, bases, names, bases, starts)
    rows.setdefault("decisions", []).extend({"part": part, **row} for row in found["decisions"])


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train under every change, one at a time.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        One table ``decisions``, that of the headline run with the column ``part``: "base", whose
        arms read "<objective> from <refusal>"; "ramp 0.25" and so on; "entropy 0.2"; "rate 0.005";
        "anchor", whose arms read "anchor 0.2"; "longer".  The arm "base 0.1" is the policy before
        reinforcement that refuses that share at random.
    """
    usual = replace(config.headline, judged=())
    rows: Rows = {}
    pushed = {name: ARMS[name] for name in ("w1-h3", "w3-h3", "w9-h9")}
    abrupt = {name: ARMS[name] for name in ("w3-h3-abrupt", "w9-h9-abrupt")}
    for refusal in config.refusals:
        start = Start(refusal=refusal)
        begun = {
            f"{name} from {refusal:g}": replace(arm, start=start)
            for name, arm in {**pushed, **abrupt}.items()
        }
        trained(rows, "base", usual, seeds, begun)
    for ramp in config.ramps:
        trained(rows, f"ramp {ramp:g}", replace(usual, ramp=ramp), seeds, pushed)
    for entropy in config.entropies:
        trained(rows, f"entropy {entropy:g}", replace(usual, entropy=entropy), seeds, abrupt)
    for rate in config.rates:
        trained(rows, f"rate {rate:g}", replace(usual, rate=rate), seeds, {**pushed, **abrupt})
    held = {
        f"anchor {weight:g}": Arm(mix=MIXES["answerable"], anchor=weight)
        for weight in config.anchors
    }
    trained(rows, "anchor", usual, seeds, held)
    grid = {name: ARMS[name] for name in ("w0-h0", "w1-h3", "w3-h3", "w9-h0", "w9-h9")}
    trained(rows, "longer", replace(usual, steps=config.longer), seeds, grid)
    return {kind: pd.DataFrame(found) for kind, found in rows.items()}
