"""What repetition shows about a judge whose probabilities are known."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import binom

from calibration_lab import agreement

Floats = NDArray[np.float64]


def true_reliability(probability: Floats) -> float:
    """Reliability of one draw: variance of p over items in the variance of a draw; nan if 0 / 0.

    Two independent draws of an item have covariance Var(p) over items and variance m (1 - m),
    with m the mean of p.
    """
    mean = float(probability.mean())
    whole = mean * (1 - mean)
    return float(probability.var()) / whole if whole > 0 else np.nan


def validity(probability: Floats, label: Floats) -> float:
    """Correlation of one draw with the truth; nan where either does not vary."""
    mean, share = float(probability.mean()), float(label.mean())
    whole = mean * (1 - mean) * share * (1 - share)
    if whole <= 0:
        return np.nan
    return (float((probability * label).mean()) - mean * share) / np.sqrt(whole)


def majority_accuracy(right: Floats, repetitions: int) -> Floats:
    """Probability that most of K draws are right, each with probability ``right``; a tie is half.

    The binomial distribution, so nothing is sampled.
    """
    half = repetitions / 2
    most = binom.sf(np.floor(half), repetitions, right)
    tie = binom.pmf(half, repetitions, right) if repetitions % 2 == 0 else 0.0
    return np.asarray(most + 0.5 * tie)


def examine(answers: Floats, worded: NDArray[np.int64], probability: Floats, label: Floats) -> dict:
    """Every measure of one judge in one setting.

    Parameters
    ----------
    answers : array of shape (n, K)
        1.0 for yes.
    worded : array of shape (n, K)
        The raw outputs: the answer and how it was worded, as one whole number; the answer is its
        remainder by 2.
    probability, label : arrays of shape (n,)
        Probability of yes in one draw, and 1.0 where yes is right.
    """
    omega = agreement.mcdonald_omega(answers)
    rates = agreement.total_agreement(worded.tolist(), lambda output: output % 2)
    correct = answers == label[:, None]
    total = (answers == answers[:, :1]).all(axis=1)
    one = true_reliability(probability)
    votes = answers.mean(axis=1)
    majority = np.where(votes == 0.5, 0.5, (votes > 0.5) == (label == 1))
    mode = (probability > 0.5) == (label == 1)
    per_repetition = correct.mean(axis=0)
    correlation = validity(probability, label)
    return {
        "omega": omega.value,
        "omega_undefined": float(np.isnan(omega.value)),
        "alpha": agreement.cronbach_alpha(answers),
        "omega_one": agreement.icc(answers),
        "true_omega_one": one,
        "predicted_omega": agreement.spearman_brown(one, answers.shape[1]),
        "pairwise": agreement.pairwise_agreement(answers),
        "total_raw": rates.raw,
        "total_parsed": rates.parsed,
        "accuracy": float(correct.mean()),
        "accuracy_spread": float(np.ptp(per_repetition)),
        "majority_accuracy": float(majority.mean()),
        "mode_accuracy": float(mode.mean()),
        "wrong_when_agreed": float(1 - correct[total, 0].mean()) if total.any() else np.nan,
        "validity": correlation,
        "beyond_bound": max(abs(correlation) - np.sqrt(one), 0.0),
    }


def majorities(probability: Floats, label: Floats, repetitions: int) -> list[dict]:
    """How much the majority of K draws gains over one, where a draw is mostly right and wrong."""
    right = np.where(label == 1, probability, 1 - probability)
    gain = majority_accuracy(right, repetitions) - right
    sides = {"mostly right": (right > 0.5, 1), "mostly wrong": (right < 0.5, -1)}
    return [
        {
            "side": side,
            "share": float(chosen.mean()),
            "gain": float(gain[chosen].mean()) if chosen.any() else np.nan,
            "against_theorem": float((-sign * gain[chosen]).max(initial=0.0)),
        }
        for side, (chosen, sign) in sides.items()
    ]


def sweep(answers: Floats, probability: Floats, counts: tuple[int, ...]) -> list[dict]:
    """Omega of the first K repetitions, beside the Spearman-Brown value of the true reliability."""
    one = true_reliability(probability)
    return [
        {
            "repetitions": k,
            "omega": agreement.mcdonald_omega(answers[:, :k]).value,
            "alpha": agreement.cronbach_alpha(answers[:, :k]),
            "predicted": agreement.spearman_brown(one, k),
        }
        for k in counts
    ]
