"""The world of the asymmetric-loss experiment, and the algebra of unequal costs.

A case has features and a known probability q of being positive.  Missing a positive costs r, a
false alarm costs 1.  One feature shows a part of q openly; another part hides in the product of two
features, which has to be learned.  Nothing here trains anything.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq
from scipy.special import expit

from calibration_lab.batched import random_stream

__all__ = [
    "Cases",
    "Value",
    "adjust",
    "best_threshold",
    "cost",
    "gradient_factor",
    "implied",
    "intercept",
    "neutral_prior",
    "signal",
    "value",
    "weights",
]

Floats = NDArray[np.float64]
NODES = 48  # Gauss-Hermite nodes for each feature that decides: the prior is right to 1e-5


# --- The world ----------------------------------------------------------------------------------


def signal(features: ArrayLike, kind: str = "hidden") -> Floats:
    """Log-odds of a positive case, less the intercept.

    Parameters
    ----------
    features : array of shape (..., d), d >= 3
        Standard normal.
    kind : {"hidden", "linear"}
        ``x2 + 3 tanh(1.5 x0 x1)``, an open part and one that hides in a product; or ``x0 + x1 +
        x2``, which a linear model can state exactly.

    Returns
    -------
    array of shape (...)

    Raises
    ------
    ValueError
        If ``kind`` is unknown.

    Examples
    --------
    >>> float(signal([0.0, 5.0, 1.0])), float(signal([1.0, 2.0, 3.0], "linear"))
    (1.0, 6.0)
    """
    x = np.asarray(features, dtype=np.float64)
    if kind == "hidden":
        return np.asarray(x[..., 2] + 3 * np.tanh(1.5 * x[..., 0] * x[..., 1]))
    if kind == "linear":
        return np.asarray(x[..., 0] + x[..., 1] + x[..., 2])
    raise ValueError(f"kind must be 'hidden' or 'linear', got {kind!r}")


@lru_cache(maxsize=64)
def intercept(prior: float, kind: str = "hidden") -> float:
    """Intercept at which a share ``prior`` of all cases is positive, by Gauss-Hermite quadrature.

    Raises
    ------
    ValueError
        If ``prior`` does not lie between 0 and 1.

    Examples
    --------
    >>> abs(intercept(0.5)) < 1e-9  # the signal is symmetric
    True
    """
    if not 0 < prior < 1:
        raise ValueError(f"prior must lie between 0 and 1, got {prior}")
    node, mass = np.polynomial.hermite_e.hermegauss(NODES)
    mass = mass / mass.sum()
    grid = np.stack(np.meshgrid(node, node, node, indexing="ij"), axis=-1)
    log_odds = signal(grid, kind)
    joint = mass[:, None, None] * mass[:, None] * mass
    return float(
        brentq(
            lambda b: float((joint * expit(log_odds + b)).sum()) - prior, -15.0, 15.0, xtol=1e-10
        )
    )


@dataclass(frozen=True)
class Cases:
    """Cases of several seeds: what is seen, what came of them, and the truth.

    Attributes
    ----------
    features : array of shape (S, n, d), float32
    uniform : array of shape (S, n)
        A case is positive where this is below its probability, so that priors share their luck.
    kind : str
        See `signal`.
    costly : tuple of bool
        Whether missing the class is costly: positives are, negatives are not.
    """

    features: NDArray[np.float32]
    uniform: Floats
    kind: str = "hidden"
    costly: tuple[bool, ...] = (False, True)

    @classmethod
    def draw(
        cls, seeds: Sequence[int], purpose: str, n: int, inputs: int, kind: str = "hidden"
    ) -> Cases:
        """``n`` cases per seed, each seed from its own random streams."""
        features = [
            random_stream(s, f"{purpose}: features").standard_normal((n, inputs), dtype=np.float32)
            for s in seeds
        ]
        uniform = [random_stream(s, f"{purpose}: labels").random(n) for s in seeds]
        return cls(np.stack(features), np.stack(uniform), kind)

    def probability(self, seed: int, prior: float) -> Floats:
        """Probability of a positive for each case of the seed at that place, shape (n,)."""
        log_odds = signal(self.features[seed], self.kind) + intercept(prior, self.kind)
        return np.asarray(expit(log_odds))

    def label(self, seed: int, prior: float) -> NDArray[np.int64]:
        """Drawn labels, 0 or 1, of the seed at that place, shape (n,)."""
        return (self.uniform[seed] < self.probability(seed, prior)).astype(np.int64)

    def octant(self, seed: int) -> NDArray[np.int64]:
        """Finer label: which of the eight sign patterns of the deciding features, shape (n,)."""
        positive = self.features[seed][:, :3] > 0
        return (positive @ np.array([1, 2, 4])).astype(np.int64)


# --- The algebra of unequal costs ---------------------------------------------------------------


def weights(ratio: Any, prior: Any) -> tuple[Any, Any]:
    """Loss weights of positives and negatives, in the ratio r to 1 and with mean one.

    Their mean over a share ``prior`` of positives is one, so that they change what the loss attends
    to and not its size.

    Examples
    --------
    >>> weights(3.0, 0.5)
    (1.5, 0.5)
    """
    mean = 1 + (ratio - 1) * prior  # exactly 1 for a ratio of 1
    return ratio / mean, 1 / mean


def adjust(probability: Any, ratio: Any) -> Any:
    """Best answer to the weighted loss where the probability is q: r q / (r q + 1 - q).

    Source: the minimiser of -r q log a - (1 - q) log(1 - a).

    Examples
    --------
    >>> adjust(0.25, 3.0)
    0.5
    """
    return ratio * probability / (1 + (ratio - 1) * probability)


def implied(answer: Any, ratio: Any) -> Any:
    """Probability that an answer trained with weights r to 1 implies: the inverse of `adjust`.

    Examples
    --------
    >>> implied(0.5, 3.0)
    0.25
    """
    return answer / (answer + ratio * (1 - answer))


def best_threshold(ratio: float) -> float:
    """Probability above which calling a case positive costs less: 1 / (1 + r) (Elkan 2001)."""
    return 1 / (1 + ratio)


def gradient_factor(ratio: Any, prior: Any) -> Any:
    """Factor that weighting puts on every example's gradient at the best constant answer.

    r / (r pi + 1 - pi)^2, with weights of mean one: below 1 it slows learning.

    Examples
    --------
    >>> gradient_factor(3.0, 0.5)
    0.75
    """
    return ratio / (1 + (ratio - 1) * prior) ** 2


def neutral_prior(ratio: Any) -> Any:
    """Prior at which `gradient_factor` is 1: 1 / (1 + sqrt r).  Above it, weighting slows.

    Examples
    --------
    >>> neutral_prior(9.0)
    0.25
    """
    return 1 / (1 + ratio**0.5)


def cost(call: ArrayLike, probability: ArrayLike, ratio: float) -> float:
    """Expected cost per case of calling cases positive: r for a miss, 1 for a false alarm.

    Parameters
    ----------
    call : array of shape (n,)
        True where the case is called positive.
    probability : array of shape (n,)
        Probability that it is, or its label.
    ratio : float

    Examples
    --------
    >>> cost([True, False], [0.0, 0.5], 3.0)  # (1 + 3 / 2) / 2
    1.25
    """
    called, q = np.asarray(call, dtype=bool), np.asarray(probability, dtype=np.float64)
    return float(np.where(called, 1 - q, ratio * q).mean())


@dataclass(frozen=True)
class Value:
    """What decisions are worth: 1 as good as the truth, 0 as good as the best constant decision."""

    cost: float
    constant: float
    bayes: float

    @property
    def share(self) -> float:
        """(constant - cost) / (constant - bayes); nan where there is nothing to gain."""
        room = self.constant - self.bayes
        return (self.constant - self.cost) / room if room > 0 else float("nan")


def value(call: ArrayLike, probability: ArrayLike, ratio: float) -> Value:
    """Cost of decisions beside that of the best constant decision and of the truth's own.

    Examples
    --------
    >>> value([True, False], [1.0, 0.0], 3.0).share
    1.0
    """
    q = np.asarray(probability, dtype=np.float64)
    everything, nothing = cost(np.ones(len(q)), q, ratio), cost(np.zeros(len(q)), q, ratio)
    return Value(
        cost(call, q, ratio), min(everything, nothing), cost(q > best_threshold(ratio), q, ratio)
    )
