"""Binary reward, swept: the weight of the Brier term, an easy world, and changes of set-up.

The same world, policy and training as the headline run, read from its module; only what is varied
stands here.  Each run of the headline experiment inside has its own small list of arms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace

import pandas as pd

from calibration_lab import batched
from calibration_lab.experiments.binary_reward import experiment, measures
from calibration_lab.experiments.binary_reward.rewards import ARMS, Arm

__all__ = ["Config", "run"]


@dataclass(frozen=True)
class Config:
    """What is varied around the headline run's constants."""

    weights: tuple[float, ...] = (0.25, 0.5, 0.75, 1.0, 1.25, 1.5, 2.0, 3.0, 4.0, 6.0)  # of Brier
    easy: tuple[float, ...] = (4.0, 5.0)  # evidence: the best answer is nearly always above .648
    longer: int = 6000  # steps; three times the headline's, for weights near the condition
    longer_weights: tuple[float, ...] = (1.0, 1.5, 2.0)
    anchor: float = 0.05  # weight of KL(policy || base), in nats
    rates: tuple[float, ...] = (1e-4, 1e-3)  # around the headline's 3e-4
    weak_imitation: int = 60  # imitation steps of the weak base, a twentieth of the usual
    floor: float = 0.05  # a softer floor under the standard deviation
    headline: experiment.Config = field(default_factory=experiment.Config)


def trained(
    config: experiment.Config,
    seeds: Sequence[int],
    arms: dict[str, Arm],
    base: batched.Parameters | None = None,
) -> list[dict[str, object]]:
    """Answers and confidence of every arm on familiar questions, one row per seed and arm."""
    base = experiment.pretrain(config, seeds, before=False) if base is None else base
    snapshots = experiment.reinforce(config, base, seeds, list(arms.values()))
    asked = experiment.ask(config, seeds, "familiar", config.evaluation)
    rows = []
    for m, joint in enumerate(experiment.joints(snapshots[config.steps], asked.features, False)):
        s, name = m // len(arms), list(arms)[m % len(arms)]
        policy = measures.Policy(
            joint,
            asked.probability[s].double().numpy(),
            asked.label[s].numpy(),
            asked.features[s, :, -1].numpy() < config.low_evidence,
        )
        channels = measures.channels(joint, policy.probability)
        own = measures.confidence(channels["own"])
        rows.append({
            "seed": seeds[s], "arm": name, "weight": arms[name].beta(config),
            **measures.answers(policy, arms[name].table(config)),
            **measures.confidence(channels["stated"]),
            "own_confidence": own["confidence"], "own_over_confidence": own["over_confidence"],
        })  # fmt: skip
    return rows


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train the swept arms on every seed.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        One table ``answers``: per seed, ``world`` ("all questions", "easy questions", "longer
        training", "held to the base", "base says 0", "weak base", "softer standardising",
        "rate 0.0001", "rate 0.001") and arm: answers, stated confidence and own probability.
    """
    usual = replace(config.headline, watch_every=10**9)
    weak = replace(usual, imitation_steps=config.weak_imitation)
    brier = {f"brier-{w:g}": Arm("brier", w) for w in config.weights}
    brier |= {name: ARMS[name] for name in ("binary", "coin-flip")}
    rated = {name: ARMS[name] for name in ("binary", "brier-1", "brier-2", "coin-flip")}
    started = {name: ARMS[name] for name in ("binary", "brier-1", "brier-2")}
    scaled = {
        name: ARMS[name] for name in ("brier-1-standardised", "brier-1-standardised-by-another")
    }
    slow = {f"brier-{w:g}": Arm("brier", w) for w in config.longer_weights}
    harmless = {name: ARMS[name] for name in ("binary", "brier-1", "brier-2", "log-1")}
    held = {name: ARMS[name] for name in ("binary", "brier-1", "coin-flip")}
    silent = {name: ARMS[name] for name in ("binary", "brier-1", "log-safe")}
    base = experiment.pretrain(usual, seeds, before=False)
    worlds = {
        "all questions": trained(usual, seeds, brier, base),
        "longer training": trained(replace(usual, steps=config.longer), seeds, slow, base),
        "easy questions": trained(replace(usual, evidence=config.easy), seeds, harmless),
        "held to the base": trained(replace(usual, anchor=config.anchor), seeds, held, base),
        "base says 0": trained(replace(usual, honest_base=False), seeds, silent),
        "weak base": trained(weak, seeds, started),
        "softer standardising": trained(replace(usual, floor=config.floor), seeds, scaled, base),
    }
    for rate in config.rates:
        worlds[f"rate {rate}"] = trained(replace(usual, rate=rate), seeds, rated, base)
    rows = [{"world": world, **row} for world, found in worlds.items() for row in found]
    return {"answers": pd.DataFrame(rows)}
