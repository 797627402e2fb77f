"""Asymmetric losses with four classes: what the weights do to each distinction.

Two classes are costly to miss, two are cheap.  Three distinctions have to be learned, each hidden
in a product of two features of its own: costly or cheap, which of the costly two, which of the
cheap two.  At the best constant answer the weights r and 1, with mean one, multiply the expected
gradient of the first by r/D², of the second by r/D and of the third by 1/D, where D = rπ + 1 - π
and π is the share of costly cases: learning is moved, not only slowed.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit, log_softmax, logsumexp

from calibration_lab import calibration
from calibration_lab.batched import random_stream
from calibration_lab.experiments.asymmetric_loss import training, world
from calibration_lab.experiments.asymmetric_loss.training import Arm, Perceptron, Schedule, each

__all__ = ["Config", "Quartets", "factors", "run"]

Floats = NDArray[np.float64]
Rows = list[dict[str, object]]
DISTINCTIONS = ("costly or cheap", "which costly", "which cheap")


@dataclass(frozen=True)
class Config:
    """Constants of the published run, chosen on seeds below 1000."""

    inputs: int = 16  # features, of which six decide
    strength: float = 4.0  # log-odds of a distinction at most
    priors: tuple[float, ...] = (0.1, 0.5)  # shares of costly cases
    ratio: float = 10.0
    train: int = 4096
    test: int = 1024
    hidden: tuple[int, ...] = (32, 32)
    batch: int = 64
    rate: float = 0.3  # SGD
    looks: tuple[int, ...] = (100, 200, 300, 400, 500, 600, 700, 800, 1000, 1200)
    step: int = 300  # at which the statements are judged

    def __post_init__(self) -> None:
        for name in ("inputs", "train", "test", "batch"):
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        if self.step not in self.looks:
            raise ValueError(f"step must be one of looks, got {self.step}")
        if not all(0 < prior < 1 for prior in self.priors):
            raise ValueError(f"priors must lie between 0 and 1, got {self.priors}")


@dataclass(frozen=True)
class Quartets:
    """Cases of several seeds with their four class probabilities: two costly, then two cheap."""

    features: NDArray[np.float32]  # (S, n, d)
    uniform: Floats  # (S, n)
    strength: float
    costly: tuple[bool, ...] = (True, True, False, False)

    @classmethod
    def draw(cls, config: Config, seeds: Sequence[int], purpose: str, n: int) -> Quartets:
        """``n`` cases per seed, each seed from its own random streams."""
        streams = [random_stream(seed, f"four classes {purpose}") for seed in seeds]
        features = [s.standard_normal((n, config.inputs), dtype=np.float32) for s in streams]
        return cls(np.stack(features), np.stack([s.random(n) for s in streams]), config.strength)

    def probability(self, place: int, prior: float) -> Floats:
        """Class probabilities (n, 4) of the seed at that place."""
        x = self.features[place].astype(np.float64)
        tilt = self.strength * np.tanh(1.5 * x[:, [0, 2, 4]] * x[:, [1, 3, 5]])
        is_costly = expit(tilt[:, 0] + level(prior, self.strength))
        first_costly, first_cheap = expit(tilt[:, 1]), expit(tilt[:, 2])
        return np.stack(
            [
                is_costly * first_costly, is_costly * (1 - first_costly),
                (1 - is_costly) * first_cheap, (1 - is_costly) * (1 - first_cheap),
            ],
            axis=1,
        )  # fmt: skip

    def label(self, place: int, prior: float) -> NDArray[np.int64]:
        """Drawn classes (n,), 0 to 3."""
        below = self.probability(place, prior).cumsum(1)[:, :-1] < self.uniform[place][:, None]
        return np.asarray(below.sum(1), dtype=np.int64)


def level(prior: float, strength: float) -> float:
    """Intercept at which a share ``prior`` is costly, by bisection on a fixed grid of products."""
    node, mass = np.polynomial.hermite_e.hermegauss(48)
    joint = mass[:, None] * mass / mass.sum() ** 2
    tilt = strength * np.tanh(1.5 * node[:, None] * node)
    low, high = -20.0, 20.0
    for _ in range(60):
        middle = (low + high) / 2
        if float((joint * expit(tilt + middle)).sum()) < prior:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def factors(ratio: float, prior: float) -> dict[str, float]:
    """Factor on the expected gradient of each distinction at the best constant answer.

    Examples
    --------
    >>> {name: round(s, 2) for name, s in factors(10.0, 0.5).items()}
    {'costly or cheap': 0.33, 'which costly': 1.82, 'which cheap': 0.18}
    """
    heavy, light = world.weights(ratio, prior)
    across = float(world.gradient_factor(ratio, prior))
    return dict(zip(DISTINCTIONS, (across, heavy, light), strict=True))


def distinctions(log_probability: Floats, truth: Floats) -> dict[str, float]:
    """AUROC of each distinction, by its true probability; the inner two among their own cases."""
    costly, cheap = truth[:, :2].sum(1), truth[:, 2:].sum(1)
    across = logsumexp(log_probability[:, :2], axis=1) - logsumexp(log_probability[:, 2:], axis=1)
    inner = [log_probability[:, 0] - log_probability[:, 1],
             log_probability[:, 2] - log_probability[:, 3]]  # fmt: skip
    return {
        DISTINCTIONS[0]: calibration.auroc(expit(across), costly),
        DISTINCTIONS[1]: calibration.auroc(expit(inner[0]), truth[:, 0] / costly, weight=costly),
        DISTINCTIONS[2]: calibration.auroc(expit(inner[1]), truth[:, 2] / cheap, weight=cheap),
    }


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train both losses on four classes under a fixed budget of steps.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        ``distinctions``: per seed, prior, ratio, step and distinction the AUROC, the plain loss's
        lead (``gap``) and the predicted ``factor``.  ``choices``: per seed, prior, ratio and step
        the cost of the cheapest calls (a missed costly class costs r, another miss 1), the log
        score, and on what share of cases two ways of choosing disagree.
    """
    train = Quartets.draw(config, seeds, "training", config.train)
    test = Quartets.draw(config, seeds, "test", config.test)
    arms = [Arm(ratio, prior) for prior in config.priors for ratio in (1.0, config.ratio)]
    network, schedule = Perceptron(config.hidden), Schedule(config.batch, config.rate, config.looks)
    costs = np.where(test.costly, config.ratio, 1.0)
    tables: dict[str, Rows] = {"distinctions": [], "choices": []}
    for step, networks in training.train(network, arms, seeds, train, schedule).items():
        plain: dict[tuple[int, float, str], float] = {}
        for model, place, arm in each(networks, arms):
            unit = {"seed": seeds[place], "prior": arm.prior, "ratio": arm.ratio, "step": step}
            truth = test.probability(place, arm.prior)
            _, out = training.answers(network, networks, model, test.features[place])
            answer = log_softmax(out, axis=1)
            implied = log_softmax(out - np.log(np.where(test.costly, arm.ratio, 1.0)), axis=1)
            for name, auroc in distinctions(implied, truth).items():
                lead = plain.setdefault((place, arm.prior, name), auroc) - auroc
                factor = factors(config.ratio, arm.prior)[name]
                tables["distinctions"].append(
                    {**unit, "distinction": name, "auroc": auroc, "gap": lead, "factor": factor}
                )
            call = (np.exp(implied) * costs).argmax(1)
            # a weighted network's own most probable class is the cheapest call
            other = answer.argmax(1) if arm.ratio > 1 else (implied + np.log(costs)).argmax(1)
            missed = truth * costs
            tables["choices"].append({
                **unit,
                "cost": float((missed.sum(1) - missed[np.arange(len(call)), call]).mean()),
                "log_score": float(-(truth * implied).sum(1).mean()),
                "disagreement": float((call != other).mean()),
            })  # fmt: skip
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}
