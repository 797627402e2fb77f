"""Scoring rules, proper and improper: the same object is a training reward and a metric.

Orientation, stated once: a *score* S(c, y) is a **loss** for stating confidence c when y happened
(y = 1: the answer was right), so smaller is better. A *reward* is ``correct - beta * S``, so larger
is better. Damani et al. (2025, arXiv:2507.16806) write lambda on the other term,
``lambda * correct - S``: their lambda is our 1 / beta, with the whole reward multiplied by beta.

Every loss takes numpy arrays (computed in float64) or torch tensors (their own dtype, gradients
flow, also where another outcome's loss would be infinite).

References
----------
Savage (1971), Elicitation of personal probabilities and expectations, JASA 66, section 4.
Gneiting & Raftery (2007), Strictly proper scoring rules, JASA 102, doi:10.1198/016214506000001437.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import brentq

from calibration_lab.scores.rules import (
    RULES,
    ScoringRule,
    brier,
    check_pair,
    linear,
    log,
    penalise_only_wrong,
    savage,
    spherical,
)

__all__ = [
    "RULES",
    "ScoringRule",
    "best_report",
    "brier",
    "entropy",
    "expected_loss",
    "honest_value",
    "largest_safe_beta",
    "linear",
    "log",
    "penalise_only_wrong",
    "properness_gap",
    "reward",
    "reward_table",
    "savage",
    "spherical",
    "wrong_on_purpose_threshold",
]

FloatArray = NDArray[np.float64]


def expected_loss(rule: ScoringRule, confidence: Any, probability: Any) -> Any:
    """Return the mean loss of stating c when the answer is right with probability p.

    S(c; p) = p S(c, 1) + (1 - p) S(c, 0): `ScoringRule.loss` with a probability as the outcome.

    Examples
    --------
    >>> expected_loss(brier(), 0.5, 0.9)
    np.float64(0.25)
    """
    return rule.loss(confidence, probability)


def best_report(rule: ScoringRule, probability: ArrayLike, reports: int = 1001) -> FloatArray:
    """Return the confidence with the least expected loss, for each true probability.

    Searched on an even grid of ``reports`` confidences that includes 0 and 1; the lowest of several
    equally good reports is returned.

    Examples
    --------
    >>> best_report(brier(), [0.25, 1.0])
    array([0.25, 1.  ])
    """
    if reports < 2:
        raise ValueError(f"reports must be at least 2; got {reports}")
    stated = np.arange(reports) / (reports - 1)
    true = np.asarray(probability, dtype=np.float64)
    best = np.argmin(expected_loss(rule, stated, true[..., None]), axis=-1)
    return np.asarray(stated[best])


def entropy(rule: ScoringRule, probability: ArrayLike, reports: int = 1001) -> FloatArray:
    """Return the least expected loss at each true probability, H(p) = min over c of S(c; p).

    For a proper rule that is the loss of honesty, S(p; p) = -G(p), exactly; for an improper one
    the best of ``reports`` evenly spaced reports. H is concave.

    Examples
    --------
    >>> entropy(brier(), [0.0, 0.5])
    array([0.  , 0.25])
    """
    true = np.asarray(probability, dtype=np.float64)
    report = true if rule.proper else best_report(rule, true, reports)
    return np.asarray(expected_loss(rule, report, true))


def properness_gap(rule: ScoringRule, grid: int = 201) -> float:
    """Return the largest advantage that a dishonest report has over honesty, in units of the loss.

    max over p, c of S(p; p) - S(c; p), both on an even grid of ``grid`` points in [0, 1].
    Zero up to rounding (1e-15) for a proper rule.

    Examples
    --------
    >>> properness_gap(spherical()) < 1e-15
    True
    >>> round(properness_gap(linear()), 3)
    0.125
    """
    if grid < 2:
        raise ValueError(f"grid must be at least 2 points; got {grid}")
    true = np.arange(grid) / (grid - 1)
    honest = expected_loss(rule, true, true)
    advantage = honest[:, None] - expected_loss(rule, true[None, :], true[:, None])
    if np.isnan(advantage).any():
        raise ValueError(f"rule {rule.name!r} has a nan or infinite loss of honesty on the grid")
    return float(advantage.max())


def _check_beta(beta: float) -> None:
    if not 0 <= beta < np.inf:
        raise ValueError(f"beta must be finite and at least 0; got {beta}")


def reward(rule: ScoringRule, beta: float, correct: Any, confidence: Any) -> Any:
    """Return the training reward of each answer, correct - beta * S(confidence, correct).

    Parameters
    ----------
    rule : ScoringRule
        The score S.
    beta : float
        Weight of the score, at least 0; 0 is the binary correctness reward.
    correct, confidence : array or tensor
        1 or 0 (or the probability of being right), and the stated confidence in [0, 1].

    Returns
    -------
    array or tensor
        Larger is better; at most 1 for rules whose loss is never negative.

    Source: Damani et al. (2025), eq. (1) for the Brier score and beta = 1.

    Examples
    --------
    >>> reward(brier(), 1.0, [1, 0], [0.5, 0.5])
    array([ 0.75, -0.25])
    """
    _check_beta(beta)
    _, stated, right = check_pair(confidence, correct)
    if beta == 0:
        return right + stated * 0  # broadcast; 0 * inf must not turn the reward into nan
    return right - beta * rule.loss(stated, right)


def reward_table(rule: ScoringRule, beta: float, confidences: ArrayLike) -> FloatArray:
    """Return the reward of every (correct, stated confidence) pair, shape (2, n_bins).

    Row 0 is a wrong answer and row 1 a right one, so that ``table[correct, bin]`` is the reward.

    Examples
    --------
    >>> reward_table(brier(), 1.0, [0.0, 0.5, 1.0])
    array([[ 0.  , -0.25, -1.  ],
           [ 0.  ,  0.75,  1.  ]])
    """
    stated = np.asarray(confidences, dtype=np.float64)
    if stated.ndim != 1 or stated.size == 0:
        raise ValueError(f"confidences must be a non-empty vector; got shape {stated.shape}")
    correct = np.array([[0.0], [1.0]])
    return np.asarray(reward(rule, beta, correct, stated))  # (2, 1) and (n,) -> (2, n)


def honest_value(rule: ScoringRule, probability: ArrayLike, beta: float) -> FloatArray:
    """Return the mean reward of an honest answer, V(p) = p - beta * S(p; p).

    With a proper rule V(p) = p - beta * H(p), which is convex in p.

    Examples
    --------
    >>> honest_value(brier(), [0.0, 0.5, 1.0], beta=1.0)
    array([0.  , 0.25, 1.  ])
    """
    true = np.asarray(probability, dtype=np.float64)
    return np.asarray(reward(rule, beta, true, true))


def largest_safe_beta(rule: ScoringRule, reports: int = 1001) -> float:
    """Return the largest beta for which being right never pays less than being wrong on purpose.

    At stated confidence c, right pays 1 - beta S(c, 1) and wrong pays -beta S(c, 0); right is never
    worse iff beta * max over c of [S(c, 1) - S(c, 0)] <= 1. For a proper rule the maximum is at
    c = 0, and the same beta is the largest for which `honest_value` is non-decreasing on [0, 1]:
    its slope is 1 - beta H'(p), least at p = 0, where H'(0) = S(0, 1) - S(0, 0).

    Returns
    -------
    float
        Brier 1, spherical 1, clipped log 1 / ln((1 - e) / e), unclipped log 0; infinite if being
        wrong never costs less.

    Examples
    --------
    >>> largest_safe_beta(brier()), largest_safe_beta(log())
    (1.0, 0.0)
    """
    stated = np.zeros(1) if rule.proper else np.arange(reports) / (reports - 1)
    excess = float(np.max(rule.loss(stated, 1) - rule.loss(stated, 0)))
    return np.inf if excess <= 0 else 1 / excess


def wrong_on_purpose_threshold(rule: ScoringRule, beta: float) -> float:
    """Return the p below which a wrong answer at confidence 0 beats an honest attempt.

    The largest root of V(p) = V(0), where V(0) = -beta S(0, 0) is what a surely wrong answer with
    confidence 0 earns. It is 0 if and only if beta <= `largest_safe_beta`; Brier: 1 - 1 / beta.

    Raises
    ------
    ValueError
        If the rule is improper (honesty is then not the best report) or beta is not in [0, inf).

    Examples
    --------
    >>> round(wrong_on_purpose_threshold(brier(), 2.0), 6)
    0.5
    """
    _check_beta(beta)
    if not rule.proper:
        raise ValueError(f"rule must be proper for honesty to be worth comparing; got {rule.name}")
    if beta <= largest_safe_beta(rule):
        return 0.0

    def gain(probability: float) -> float:
        return float(honest_value(rule, probability, beta) - honest_value(rule, 0.0, beta))

    # V is convex and falls at 0: it is below V(0) at its lowest point and crosses once above it.
    candidates = np.concatenate([np.geomspace(1e-14, 1e-3, 45), np.arange(1, 1000) / 1000])
    lowest = float(candidates[np.argmin(honest_value(rule, candidates, beta))])
    if gain(lowest) >= 0:
        return 0.0  # beta exceeds the safe one by less than the arithmetic can resolve
    if gain(1.0) <= 0:
        return 1.0
    return float(brentq(gain, lowest, 1.0, xtol=1e-14))
