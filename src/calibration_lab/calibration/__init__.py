"""Calibration of binary forecasts: binned errors, the reliability curve, and the floor.

Rows are forecasts. An outcome is 1 or 0, or *soft*: the known probability that it is 1. A soft
outcome q stands for q of a row with outcome 1 and 1 - q of a row with outcome 0, so a metric of
soft outcomes is the metric of the whole distribution (evaluation without label noise). ``weight``
counts a row as many times.

This module is also the one to import from: it re-exports the proper scores (`decompositions`), the
kernel estimate (`smoothing`) and the ranking metrics (`ranking`).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from calibration_lab.calibration.decompositions import (
    BinnedBrierDecomposition,
    BrierDecomposition,
    CorpDecomposition,
    binned_brier_decomposition,
    brier_decomposition,
    brier_score,
    corp_decomposition,
    log_score,
)
from calibration_lab.calibration.forecasts import (
    Binning,
    FloatArray,
    Forecasts,
    IntArray,
    bin_sums,
    check_forecasts,
    equal_width_gaps,
)
from calibration_lab.calibration.ranking import (
    RiskCoverage,
    area_under_risk_coverage,
    auroc,
    risk_coverage,
)
from calibration_lab.calibration.smoothing import smooth_calibration_error

__all__ = [
    "BinnedBrierDecomposition",
    "BrierDecomposition",
    "CalibrationFloor",
    "CorpDecomposition",
    "ReliabilityCurve",
    "RiskCoverage",
    "area_under_risk_coverage",
    "auroc",
    "binned_brier_decomposition",
    "brier_decomposition",
    "brier_score",
    "calibration_floor",
    "corp_decomposition",
    "debiased_squared_calibration_error",
    "expected_calibration_error",
    "log_score",
    "reliability_curve",
    "risk_coverage",
    "smooth_calibration_error",
]


def expected_calibration_error(
    probability: ArrayLike,
    outcome: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "equal-width",
    norm: int = 1,
    weight: ArrayLike | None = None,
) -> float:
    """Return the binned expected calibration error (ECE), in probability units.

    With s_b the share of rows in bin b and g_b their mean forecast minus their mean outcome:
    sum s_b abs(g_b) for ``norm=1``; sqrt(sum s_b g_b**2) for ``norm=2``.

    Parameters
    ----------
    probability, outcome, weight
        As for `brier_score`.
    bins : int
        Number of bins, at least 1.
    binning : "equal-width" or "equal-mass"
        Equal width: edges k / bins, bins closed on the right. Equal mass: bins of equal weight as
        far as ties, which are never cut, allow.
    norm : 1 or 2
        Mean absolute or root-mean-square.

    Returns
    -------
    float
        In [0, 1]; smaller is better. Empty bins carry no weight. Biased upwards: compare it with
        `calibration_floor`. It is not a proper score: forecasting the base rate makes it 0.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Sources: Naeini, Cooper & Hauskrecht (2015), AAAI; Guo et al. (2017), ICML, eq. (3).

    Examples
    --------
    >>> round(expected_calibration_error([0.95, 1.0], [1, 0]), 6)
    0.475
    >>> expected_calibration_error([0.5, float("nan")], [1, 0])
    Traceback (most recent call last):
    ...
    ValueError: probability must lie in [0, 1] without nan; got values from nan to nan
    """
    if norm not in (1, 2):
        raise ValueError(f"norm must be 1 or 2; got {norm!r}")
    checked = check_forecasts(probability, outcome, weight)
    if norm == 1 and binning == "equal-width":  # the only case that needs a single sum
        rows = checked.probability.size if checked.weight is None else checked.weight.sum()
        return float(np.abs(equal_width_gaps(checked, bins)).sum() / rows)
    sums = bin_sums(checked, bins, binning)
    total, gap = sums.weight, np.abs(sums.forecast - sums.outcome)
    if norm == 1:
        return float(gap.sum() / total.sum())
    used = total > 0
    return float(np.sqrt((gap[used] ** 2 / total[used]).sum() / total.sum()))


def _require_labels(forecasts: Forecasts, what: str) -> None:
    hard = (forecasts.outcome == 0) | (forecasts.outcome == 1)
    if not hard.all():
        raise ValueError(f"outcome must be 0 or 1 for {what}; got {forecasts.outcome[~hard][0]}")


def debiased_squared_calibration_error(
    probability: ArrayLike,
    outcome: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "equal-width",
) -> float:
    """Return the debiased estimate of the squared calibration error, in squared probability units.

    sum s_b [ (p_b - y_b)**2 - y_b (1 - y_b) / (n_b - 1) ], with p_b and y_b the mean forecast and
    outcome of the n_b rows in bin b: the second term is the variance that sampling adds to the
    first. A bin with one row contributes 0, as in Kumar et al.'s code: its variance is unknown, and
    keeping the biased square would defeat the purpose.

    Parameters
    ----------
    probability : array of shape (n,)
        Forecast probabilities in [0, 1].
    outcome : array of shape (n,)
        1 or 0: known probabilities carry no sampling noise to remove.
    bins, binning
        As for `expected_calibration_error`.

    Returns
    -------
    float
        At most 1; 0 is calibrated. Negative values are the price of removing the bias and are
        returned as they are; no root is taken. Unbiased for the binned squared error if the
        forecasts inside each bin are equal.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Kumar, Liang & Ma (2019), NeurIPS, arXiv:1909.10155, definition 5.1.

    Examples
    --------
    >>> debiased_squared_calibration_error([0.5, 0.5], [0, 1])
    -0.25
    """
    checked = check_forecasts(probability, outcome)
    _require_labels(checked, "a debiased error")
    sums = bin_sums(checked, bins, binning)
    several = sums.count > 1
    n = sums.weight[several]
    rate = sums.outcome[several] / n
    squared = (sums.forecast[several] / n - rate) ** 2 - rate * (1 - rate) / (n - 1)
    return float((n * squared).sum() / sums.weight.sum())


@dataclass(frozen=True, eq=False)
class ReliabilityCurve:
    """One entry for each bin, empty bins included; ``edges`` has one more.

    ``count`` rows, of total ``weight``, with mean forecast ``confidence`` and mean outcome
    ``frequency`` (both nan in an empty bin), and the interval ``low`` .. ``high`` for the latter.
    """

    edges: FloatArray
    count: IntArray
    weight: FloatArray
    confidence: FloatArray
    frequency: FloatArray
    low: FloatArray
    high: FloatArray


def reliability_curve(
    probability: ArrayLike,
    outcome: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "equal-width",
    level: float = 0.95,
    weight: ArrayLike | None = None,
) -> ReliabilityCurve:
    """Return the reliability curve with counts and Clopper-Pearson intervals of the frequencies.

    Parameters
    ----------
    probability, outcome, weight, bins, binning
        As for `expected_calibration_error`.
    level : float
        Confidence level of the intervals, in (0, 1), as a fraction.

    Returns
    -------
    ReliabilityCurve
        Empty bins stay, with count 0, nan means and the interval [0, 1]. The intervals belong to
        counts of independent 0/1 outcomes: ``low`` and ``high`` are nan throughout when ``weight``
        is given or an outcome is soft.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Clopper & Pearson (1934), Biometrika 26; Murphy & Winkler (1977), Applied Statistics 26.

    Examples
    --------
    >>> curve = reliability_curve([0.1, 0.9, 0.9], [0, 1, 1], bins=2)
    >>> curve.count, curve.frequency
    (array([1, 2]), array([0., 1.]))
    >>> curve.low.round(3), curve.high.round(3)
    (array([0.   , 0.158]), array([0.975, 1.   ]))
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1); got {level}")
    checked = check_forecasts(probability, outcome, weight)
    sums = bin_sums(checked, bins, binning)
    divisor = np.where(sums.weight > 0, sums.weight, np.nan)
    happened = checked.outcome
    if checked.weight is not None or not ((happened == 0) | (happened == 1)).all():
        low = high = np.full(bins, np.nan)
    else:
        low, high = _clopper_pearson(sums.outcome, sums.weight, level)
    # A weighted mean of numbers in [0, 1] may leave it by a rounding error.
    confidence = np.clip(sums.forecast / divisor, 0, 1)
    frequency = np.clip(sums.outcome / divisor, 0, 1)
    return ReliabilityCurve(sums.edges, sums.count, sums.weight, confidence, frequency, low, high)


def _clopper_pearson(
    successes: FloatArray, trials: FloatArray, level: float
) -> tuple[FloatArray, FloatArray]:
    tail = (1 - level) / 2
    # The beta quantile is defined for positive parameters only; at the ends the limit is 0 or 1.
    low = betaincinv(np.maximum(successes, 0.5), trials - successes + 1, tail)
    high = betaincinv(successes + 1, np.maximum(trials - successes, 0.5), 1 - tail)
    return np.where(successes > 0, low, 0.0), np.where(successes < trials, high, 1.0)


class CalibrationFloor(NamedTuple):
    """What a perfectly calibrated forecaster scores: mean, and the range with ``level`` of it."""

    mean: float
    low: float
    high: float
    level: float


def calibration_floor(
    probability: ArrayLike,
    metric: Callable[..., float] = expected_calibration_error,
    *,
    weight: ArrayLike | None = None,
    repetitions: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    **options: Any,
) -> CalibrationFloor:
    """Return what a perfectly calibrated forecaster with these forecasts would score.

    Outcomes are drawn as y_i ~ Bernoulli(p_i), which makes the forecasts calibrated by
    construction, and scored with ``metric``; the mean and the central range of the repetitions.

    Parameters
    ----------
    probability : array of shape (n,)
        The forecasts of the model under study.
    metric : callable
        ``metric(probability, outcome, **options)``, and ``weight=`` if one is given.
    weight : array of shape (n,), optional
        Passed on to ``metric``.
    repetitions : int
        Number of simulated data sets, at least 2.
    level : float
        Share of the simulated scores inside the range, in (0, 1).
    seed : int
        Seed of the simulation's own generator.
    **options
        Passed on to ``metric``, for example ``bins=15``.

    Returns
    -------
    CalibrationFloor
        In the units of ``metric``. An observed score inside [low, high] is what calibration looks
        like at this sample size.

    Raises
    ------
    ValueError
        If an argument leaves its domain.

    Source: Bröcker & Smith (2007), Weather and Forecasting 22, consistency resampling.

    Examples
    --------
    >>> floor = calibration_floor([0.5] * 100, bins=10, seed=1)
    >>> round(floor.mean, 2), round(floor.high, 2)  # mean |binomial error| is about 0.4 / sqrt(n)
    (0.04, 0.12)
    """
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1); got {level}")
    if not repetitions >= 2:
        raise ValueError(f"repetitions must be at least 2; got {repetitions}")
    forecast, _, counts, _ = check_forecasts(probability, np.zeros(np.size(probability)), weight)
    if counts is not None:
        options["weight"] = counts
    generator, rows = np.random.default_rng(seed), forecast.size
    scored = np.array(
        [
            metric(probability, (generator.random(rows) < forecast).astype(float), **options)
            for _ in range(repetitions)
        ]
    )
    tail = (1 - level) / 2
    low, high = np.quantile(scored, [tail, 1 - tail])
    return CalibrationFloor(float(scored.mean()), float(low), float(high), level)
