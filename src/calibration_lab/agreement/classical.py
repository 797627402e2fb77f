"""Reliabilities with a formula: Cronbach's alpha, ICC(1), and Spearman-Brown's prophecy."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from calibration_lab.agreement.ratings import RESOLUTION, checked_ratings, spread


def cronbach_alpha(ratings: ArrayLike) -> float:
    """Reliability of the sum of K columns if all have equal loadings; at most 1, nan if undefined.

    alpha = K / (K - 1) (1 - sum of the columns' variances / variance of the sum). It equals
    McDonald's omega of the covariance metric where loadings are equal, and is a lower bound of it
    in a one-factor population. Negative where columns vary against each other.

    Parameters
    ----------
    ratings : array of shape (N, K)
        Rows are what is judged, columns repetitions; N and K are 2 or more.

    Returns
    -------
    float
        In (-inf, 1]; nan where every row has the same sum, as under a judge who says one thing.

    Raises
    ------
    ValueError
        If ratings are not finite, or less than two rows or columns.

    References
    ----------
    Cronbach (1951), Coefficient alpha and the internal structure of tests, Psychometrika 16.

    Examples
    --------
    >>> cronbach_alpha([[1, 2], [2, 3], [4, 4]])
    0.947
    >>> cronbach_alpha([[1, 1], [1, 1], [1, 1]])
    nan
    """
    x = checked_ratings(ratings)
    k = x.shape[1]
    total = float(spread(x.sum(axis=1, keepdims=True))[0]) ** 2
    if total == 0:
        return np.nan
    return min(float(k / (k - 1) * (1 - (spread(x) ** 2).sum() / total)), 1.0)


def icc(ratings: ArrayLike) -> float:
    """Reliability of one repetition: ICC(1), one-way random effects; nan if undefined.

    (MSB - MSW) / (MSB + (K - 1) MSW), with MSB and MSW the mean squares between and within rows.
    For independent draws of each row it estimates Var(p) / (Var(p) + E[noise]): the correlation of
    two draws. `spearman_brown` turns it into the reliability of a sum.

    Parameters
    ----------
    ratings : array of shape (N, K)
        Rows are what is judged, columns repetitions; N and K are 2 or more.

    Returns
    -------
    float
        In [-1 / (K - 1), 1]; nan where all ratings are equal. It is 1 where no row varies, and 0
        on average where rows differ by chance alone.

    Raises
    ------
    ValueError
        As `cronbach_alpha`.

    References
    ----------
    Shrout & Fleiss (1979), Intraclass correlations, Psychological Bulletin 86, ICC(1, 1).

    Examples
    --------
    >>> icc([[0, 0], [1, 1], [1, 1]])
    1.0
    >>> icc([[0, 1], [1, 0]])
    -1.0
    """
    x = checked_ratings(ratings)
    n, k = x.shape
    means = x.mean(axis=1)
    between = k * float(((means - x.mean()) ** 2).sum()) / (n - 1)
    within = float(((x - means[:, None]) ** 2).sum()) / (n * (k - 1))
    if between + within <= (RESOLUTION * float(np.abs(x).max())) ** 2:
        return np.nan
    return (between - within) / (between + (k - 1) * within)


def spearman_brown(reliability: ArrayLike, times: ArrayLike) -> np.ndarray | float:
    """Reliability of a sum of `times` parallel parts: times r / (1 + (times - 1) r).

    Parameters
    ----------
    reliability : float or array
        Reliability r of one part, at most 1; negative estimates are allowed.
    times : float or array
        How many times as long, above 0; 1 / K takes the sum of K parts back to one.

    Returns
    -------
    float or array
        At most 1; nan where r is nan, or where no sum of that length can have parts so negative
        (1 + (times - 1) r at or below 0).

    Raises
    ------
    ValueError
        If a reliability exceeds 1 or times is not a positive finite number.

    References
    ----------
    Spearman (1910) and Brown (1910), both in the British Journal of Psychology 3.

    Examples
    --------
    >>> round(spearman_brown(0.05, 100), 2)
    0.84
    >>> round(spearman_brown(0.84, 1 / 100), 2)
    0.05
    """
    r, m = np.asarray(reliability, dtype=float), np.asarray(times, dtype=float)
    if (r > 1).any():
        raise ValueError(f"reliability must be at most 1; got {np.nanmax(r):g}")
    if not ((m > 0) & np.isfinite(m)).all():
        raise ValueError(f"times must be positive and finite; got {times!r}")
    below = 1 + (m - 1) * r
    found = np.divide(m * r, below, out=np.full(below.shape, np.nan), where=below > 0)
    return float(found) if found.ndim == 0 else found
