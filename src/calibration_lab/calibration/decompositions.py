"""Proper scores of binary forecasts, and the partitions of the Brier score.

Apart from `calibration`, whose metrics see calibration alone: a proper score also pays for
sharpness, and its partitions say how much of it is which. `calibration` re-exports everything here.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import isotonic_regression

from calibration_lab import scores
from calibration_lab.calibration.forecasts import (
    Binning,
    Forecasts,
    Groups,
    bin_sums,
    check_forecasts,
    group_ties,
    weighted_mean,
)


def _mean_square(forecasts: Forecasts) -> float:
    forecast, happened, counts, _ = forecasts
    gap, noise = forecast - happened, 1 - happened
    noise *= happened  # 0 for hard outcomes
    if counts is None:
        return float((gap @ gap + noise.sum()) / gap.size)
    return float((counts @ gap**2 + counts @ noise) / counts.sum())


def brier_score(
    probability: ArrayLike, outcome: ArrayLike, *, weight: ArrayLike | None = None
) -> float:
    """Return the Brier score, the mean of (p - y)**2, in squared probability units.

    For a soft outcome q the row's term is its expectation, (p - q)**2 + q (1 - q).

    Parameters
    ----------
    probability : array of shape (n,)
        Forecast probabilities that y is 1, in [0, 1].
    outcome : array of shape (n,)
        1 or 0, or the known probability that y is 1.
    weight : array of shape (n,), optional
        How often each row counts; finite, at least 0, not all 0.

    Returns
    -------
    float
        In [0, 1]; smaller is better, 0 is perfect. Not the sum over two classes, which is twice it.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Brier (1950), Monthly Weather Review 78, eq. (2), for one of two classes.

    Examples
    --------
    >>> brier_score([0.5, 1.0], [1, 1])
    0.125
    """
    return _mean_square(check_forecasts(probability, outcome, weight))


def log_score(
    probability: ArrayLike,
    outcome: ArrayLike,
    *,
    clip: float | None = None,
    weight: ArrayLike | None = None,
) -> float:
    """Return the log score (negative log-likelihood), the mean of -ln p(what happened), in nats.

    Parameters
    ----------
    probability, outcome, weight
        As for `brier_score`.
    clip : float, optional
        Move the forecasts into [clip, 1 - clip] first. Without it one certain and wrong forecast
        makes the score infinite, which is its definition.

    Returns
    -------
    float
        In [0, inf]; smaller is better.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Good (1952), Rational decisions, JRSS B 14.

    Examples
    --------
    >>> log_score([0.0, 0.5], [1, 1])
    inf
    >>> round(log_score([0.0, 1.0], [1, 1], clip=0.01), 4)
    2.3076
    """
    forecast, happened, counts, _ = check_forecasts(probability, outcome, weight)
    return weighted_mean(np.asarray(scores.log(clip).loss(forecast, happened)), counts)


class BrierDecomposition(NamedTuple):
    """Brier score = reliability - resolution + uncertainty."""

    reliability: float
    resolution: float
    uncertainty: float


def _between(groups: Groups) -> tuple[float, float, float]:
    share = groups.weight / groups.weight.sum()
    base_rate = float(np.dot(share, groups.outcome))
    reliability = float(np.dot(share, (groups.value - groups.outcome) ** 2))
    resolution = float(np.dot(share, (groups.outcome - base_rate) ** 2))
    return reliability, resolution, base_rate * (1 - base_rate)


def brier_decomposition(
    probability: ArrayLike, outcome: ArrayLike, *, weight: ArrayLike | None = None
) -> BrierDecomposition:
    """Return Murphy's exact partition of the Brier score, over groups of equal forecasts.

    With p_k a distinct forecast, y_k the mean outcome of its rows, s_k its share, and y the base
    rate: reliability = sum s_k (p_k - y_k)**2, resolution = sum s_k (y_k - y)**2,
    uncertainty = y (1 - y), and Brier = reliability - resolution + uncertainty.

    Parameters
    ----------
    probability, outcome, weight
        As for `brier_score`.

    Returns
    -------
    BrierDecomposition
        All three at least 0. Reliability: smaller is better; resolution: larger is better. When
        no forecast repeats, the groups are single rows and both are as large as they can be: use
        `corp_decomposition` or `binned_brier_decomposition` then.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Murphy (1973), J. Applied Meteorology 12, eq. (6).

    Examples
    --------
    >>> brier_decomposition([0.5, 0.5, 1.0, 1.0], [0, 0, 1, 1])
    BrierDecomposition(reliability=0.125, resolution=0.25, uncertainty=0.25)
    """
    return BrierDecomposition(*_between(group_ties(check_forecasts(probability, outcome, weight))))


class BinnedBrierDecomposition(NamedTuple):
    """Brier score = reliability - resolution + uncertainty + within_bin."""

    reliability: float
    resolution: float
    uncertainty: float
    within_bin: float


def binned_brier_decomposition(
    probability: ArrayLike,
    outcome: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "equal-width",
    weight: ArrayLike | None = None,
) -> BinnedBrierDecomposition:
    """Return Murphy's partition over bins, with the remainder that binning leaves.

    As `brier_decomposition` with bins as groups and mean forecasts as p_k. Forecasts differ inside
    a bin, so the three terms do not add up; ``within_bin`` is what is missing: the variance of the
    forecasts inside bins minus twice their covariance with the outcome. It may have either sign.

    Source: Stephenson, Coelho & Jolliffe (2008), Weather and Forecasting 23, eq. (9).

    Examples
    --------
    >>> parts = binned_brier_decomposition([0.5, 0.5, 1.0], [0, 1, 1])
    >>> parts.within_bin
    0.0
    """
    checked = check_forecasts(probability, outcome, weight)
    sums = bin_sums(checked, bins, binning)
    used = sums.weight > 0
    total = sums.weight[used]
    groups = Groups(sums.forecast[used] / total, total, sums.outcome[used] / total)
    reliability, resolution, uncertainty = _between(groups)
    remainder = _mean_square(checked) - (reliability - resolution + uncertainty)
    return BinnedBrierDecomposition(reliability, resolution, uncertainty, remainder)


class CorpDecomposition(NamedTuple):
    """Brier score = miscalibration - discrimination + uncertainty."""

    miscalibration: float
    discrimination: float
    uncertainty: float


def corp_decomposition(
    probability: ArrayLike, outcome: ArrayLike, *, weight: ArrayLike | None = None
) -> CorpDecomposition:
    """Return the CORP partition of the Brier score: calibration judged by isotonic regression.

    With S the Brier score of the forecasts, S_c that of their isotonic recalibration and S_y that
    of the base rate: miscalibration = S - S_c, discrimination = S_y - S_c, uncertainty = S_y.
    Equal forecasts are pooled first: isotonic regression of sorted but unpooled rows is wrong.

    Parameters
    ----------
    probability, outcome, weight
        As for `brier_score`.

    Returns
    -------
    CorpDecomposition
        All three at least 0, no bins to choose. Miscalibration: smaller is better, biased upwards
        in small samples; discrimination: larger is better.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Dimitriadis, Gneiting & Jordan (2021), PNAS 118, doi:10.1073/pnas.2016191118, eq. (4).

    Examples
    --------
    >>> corp_decomposition([0.2, 0.2, 0.8, 0.8], [0, 1, 1, 1])
    CorpDecomposition(miscalibration=0.065, discrimination=0.0625, uncertainty=0.1875)
    """
    groups = group_ties(check_forecasts(probability, outcome, weight))
    share = groups.weight / groups.weight.sum()
    base_rate = float(np.dot(share, groups.outcome))
    fitted = isotonic_regression(groups.outcome, weights=groups.weight).x
    miscalibration = np.dot(
        share, (groups.value - groups.outcome) ** 2 - (fitted - groups.outcome) ** 2
    )
    discrimination = np.dot(share, (fitted - base_rate) ** 2)  # fitted keeps each pool's mean
    return CorpDecomposition(
        max(float(miscalibration), 0.0), float(discrimination), base_rate * (1 - base_rate)
    )
