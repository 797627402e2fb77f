"""How well confidence ranks: AUROC and selective risk.

Apart from `calibration` because these two see only the order of the confidences: a forecaster can
rank perfectly and be badly calibrated, or be calibrated and rank nothing. `calibration` re-exports
them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import digamma

from calibration_lab.calibration.forecasts import FloatArray, check_forecasts, group_ties


def auroc(probability: ArrayLike, outcome: ArrayLike, *, weight: ArrayLike | None = None) -> float:
    """Return the probability that a random positive row is ranked above a random negative one.

    AUROC = P(p+ > p-) + P(p+ = p-) / 2. A soft outcome q is q of a positive and 1 - q of a negative
    row with the same forecast.

    Parameters
    ----------
    probability, outcome, weight
        Shape (n,); see `calibration_lab.calibration.forecasts.check_forecasts`.

    Returns
    -------
    float
        In [0, 1]; larger is better, 1/2 is no ranking; nan if all outcomes are equal (all 1 or
        all 0), where it is undefined.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Hanley & McNeil (1982), Radiology 143, doi:10.1148/radiology.143.1.7063747.

    Examples
    --------
    >>> auroc([0.2, 0.5, 0.5, 0.9], [0, 0, 1, 1])
    0.875
    >>> auroc([0.2, 0.5], [1, 1])
    nan
    """
    _, weight_of, rate = group_ties(check_forecasts(probability, outcome, weight))
    positive, negative = weight_of * rate, weight_of * (1 - rate)
    pairs = positive.sum() * negative.sum()
    if pairs == 0:
        return float("nan")
    below = np.cumsum(negative) - negative
    return float(np.clip(np.dot(positive, below + negative / 2) / pairs, 0, 1))


class RiskCoverage(NamedTuple):
    """Selective risk at every attainable threshold, shape (k,) for k distinct confidences.

    Answering all rows with confidence >= ``threshold`` answers the share ``coverage`` of them, and
    the share ``risk`` of those answers is wrong. Thresholds fall, so coverage rises to 1.
    """

    threshold: FloatArray
    coverage: FloatArray
    risk: FloatArray


def risk_coverage(
    confidence: ArrayLike, correct: ArrayLike, *, weight: ArrayLike | None = None
) -> RiskCoverage:
    """Return the risk-coverage curve: the error rate among the most confident answers.

    Tied confidences are answered together, so the curve does not depend on the order of the rows.

    Parameters
    ----------
    confidence : array of shape (n,)
        Confidence in [0, 1] that the answer is right.
    correct : array of shape (n,)
        1 or 0, or the known probability that the answer is right.
    weight : array of shape (n,), optional
        At least 0.

    Returns
    -------
    RiskCoverage

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: El-Yaniv & Wiener (2010), JMLR 11, section 2.

    Examples
    --------
    >>> risk_coverage([0.9, 0.8, 0.8, 0.1], [1, 1, 0, 0]).risk.round(3)
    array([0.   , 0.333, 0.5  ])
    """
    value, weight_of, rate = group_ties(check_forecasts(confidence, correct, weight))
    answered = np.cumsum(weight_of[::-1])
    wrong = np.cumsum((weight_of * (1 - rate))[::-1])
    return RiskCoverage(value[::-1], answered / answered[-1], np.clip(wrong / answered, 0, 1))


def area_under_risk_coverage(
    confidence: ArrayLike, correct: ArrayLike, *, weight: ArrayLike | None = None
) -> float:
    """Return the area under the risk-coverage curve, expected over random breaking of ties.

    Without ``weight`` the rows are a sample: the mean over k = 1 .. n of the expected error rate
    among the k most confident rows. Inside a tie of g rows with N rows and E errors above it and
    error rate e, the k-th expected rate is (E + (k - N) e) / k, and the g of them sum to
    g e + (E - N e) (H(N + g) - H(N)), H the harmonic numbers.
    With ``weight`` the rows are a distribution: the integral of risk over coverage, which replaces
    H by ln and is the limit of the former when every row is repeated without end.

    Parameters
    ----------
    confidence, correct, weight
        As for `risk_coverage`.

    Returns
    -------
    float
        In [0, 1]; smaller is better; 0 if every answer is right.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Geifman, Uziel & El-Yaniv (2019), ICLR, arXiv:1805.08206, section 2.

    Examples
    --------
    >>> round(area_under_risk_coverage([0.9, 0.8, 0.7], [1, 0, 1]), 4)  # (0 + 1/2 + 1/3) / 3
    0.2778
    """
    forecasts = check_forecasts(confidence, correct, weight)
    _, rising_weight, rising_rate = group_ties(forecasts)
    size, error = rising_weight[::-1], 1 - rising_rate[::-1]
    reached = np.cumsum(size)
    before = reached - size
    errors_before = np.cumsum(size * error) - size * error
    if forecasts.weight is None:
        growth = digamma(reached + 1) - digamma(before + 1)  # H(n) = digamma(n + 1) + constant
    else:
        # Nothing lies above the first group: its excess is 0, and any finite growth will do.
        growth = np.log(reached / np.where(before > 0, before, reached))
    excess = errors_before - before * error
    return float(np.clip((size * error + excess * growth).sum() / reached[-1], 0, 1))
