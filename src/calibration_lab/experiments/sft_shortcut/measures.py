"""What is measured: several things that go by the name of informative reasoning, and calibration.

An evaluator gives the right answer A* of a question Q the probability ``P(A* | Q, s_1 .. s_i)``
after i of the t steps of a trace, and the perplexity ``PPL_i = 1 / P`` (the answer is one token).

Shapes in comments: B questions, t steps of a trace.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from calibration_lab import calibration

__all__ = ["answers", "information", "information_gain", "padded", "reliability", "whole_string"]

Floats = NDArray[np.float64]
BINS = 10  # of confidence, in reliability diagrams


def information_gain(perplexity: Floats) -> Floats:
    """Mean fall of the perplexity from step to step: the InfoGain of Wu et al. (2025).

    Parameters
    ----------
    perplexity : array of shape (..., t + 1)
        Perplexity of the right answer before the first and after each of t steps, t at least 1.

    Returns
    -------
    array of shape (...)
        The mean of ``PPL_{i-1} - PPL_i``, which telescopes to ``(PPL_0 - PPL_t) / t``.

    Raises
    ------
    ValueError
        If there is no step.

    Examples
    --------
    >>> float(information_gain(np.array([6.0, 5.0, 3.0, 1.5])))
    1.5
    """
    if perplexity.shape[-1] < 2:
        raise ValueError("perplexity must be given before and after at least one step")
    return np.asarray(-np.diff(perplexity, axis=-1).mean(-1))


def padded(perplexity: Floats, empty: int) -> Floats:
    """Perplexities with ``empty`` more steps that change nothing, spread through the trace.

    Parameters
    ----------
    perplexity : array of shape (..., t + 1)
    empty : int
        Number of empty steps, 0 or more; they follow the real steps in turn.

    Returns
    -------
    array of shape (..., t + empty + 1)

    Examples
    --------
    >>> padded(np.array([6.0, 5.0, 1.0]), 2)
    array([6., 5., 5., 1., 1.])
    """
    steps = perplexity.shape[-1] - 1
    times = np.ones(steps + 1, dtype=int)
    for k in range(empty):
        times[1 + k % steps] += 1
    return np.repeat(perplexity, times, axis=-1)


def whole_string(log_probability: Floats, tokens: NDArray[np.int64], steps: int) -> Floats:
    """The score of the paper's released code: perplexities of whole strings, divided by t + 1.

    Parameters
    ----------
    log_probability : array of shape (..., n)
        Log-probability of question, first steps, request and right answer, at n points of the
        trace: the first before any step, the last after all t.
    tokens : array of shape (n,)
        Number of tokens that were counted in each.
    steps : int
        Number t of steps.

    Returns
    -------
    array of shape (...)
        ``(PPL_0 - PPL_t) / (t + 1)``, PPL the perplexity per token.

    Source: ``InformationGainScorer`` in the authors' released code, which was read, not run.
    """
    perplexity = np.exp(-log_probability / tokens)
    return np.asarray((perplexity[..., 0] - perplexity[..., -1]) / (steps + 1))


def information(
    log_answer: Floats, steps: int, strings: Floats, tokens: NDArray[np.int64]
) -> dict[str, float]:
    """Every form of the score for one evaluator, averaged over questions.

    Parameters
    ----------
    log_answer : array of shape (B, n + 1)
        Log-probability of the right answer at n + 1 points of the trace, the first before any step.
    steps : int
        Steps that the score divides by: n, or more where fillers count as steps.
    strings, tokens
        As for `whole_string`.

    Raises
    ------
    ValueError
        If there are fewer steps than points after the first.
    """
    if steps < log_answer.shape[1] - 1:
        raise ValueError(
            f"steps must be {log_answer.shape[1] - 1} or more, as many as were scored, got {steps}"
        )
    perplexity = np.exp(-log_answer)
    gain = perplexity[:, 0] - perplexity[:, -1]
    nats = log_answer[:, -1] - log_answer[:, 0]
    per_step = padded(perplexity, steps - (log_answer.shape[1] - 1))
    return {
        "start_perplexity": float(perplexity[:, 0].mean()),
        "end_perplexity": float(perplexity[:, -1].mean()),
        "perplexity_gain": float(information_gain(per_step).mean()),
        "telescoped": float(gain.mean() / steps),
        "padded": float(information_gain(padded(per_step, steps)).mean()),
        "total_perplexity_gain": float(gain.mean()),
        "start_nats": float(-log_answer[:, 0].mean()),
        "end_nats": float(-log_answer[:, -1].mean()),
        "nats": float(nats.mean()),
        "nats_per_step": float(nats.mean() / steps),
        "whole_string": float(whole_string(strings, tokens, steps).mean()),
    }


def answers(confidence: Floats, right: NDArray[np.bool_]) -> dict[str, float]:
    """Accuracy, and how well confidence is calibrated and tells right from wrong; shapes (B,)."""
    accuracy, mean = float(right.mean()), float(confidence.mean())
    return {
        "accuracy": accuracy,
        "confidence": mean,
        "over_confidence": mean - accuracy,
        "ece": calibration.expected_calibration_error(confidence, right.astype(float)),
        "brier": calibration.brier_score(confidence, right.astype(float)),
        "auroc": calibration.auroc(confidence, right.astype(float)),
        "aurc": calibration.area_under_risk_coverage(confidence, right.astype(float)),
    }


def reliability(confidence: Floats, right: NDArray[np.bool_]) -> list[dict[str, float]]:
    """Weight, mean confidence and share right in each non-empty bin of confidence."""
    index = np.minimum((confidence * BINS).astype(int), BINS - 1)
    return [
        {
            "bin": float(b),
            "weight": float((index == b).mean()),
            "confidence": float(confidence[index == b].mean()),
            "right": float(right[index == b].mean()),
        }
        for b in np.unique(index)
    ]
