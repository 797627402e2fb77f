"""Smooth calibration error: the kernel estimate, without bins, computed with cosines.

Apart from `calibration` because it is a numerical method of its own. The Gaussian kernel reflected
at 0 and 1 is diagonal in cos(pi k t), so with the residuals p - y put once on a grid, one cosine
transform (DCT-I) gives all coefficients and each further bandwidth costs one transform.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike
from scipy.fft import dct
from scipy.optimize import brentq

from calibration_lab.calibration.forecasts import BLOCK, FloatArray, Forecasts, check_forecasts

_GRID = 4096  # intervals on [0, 1]; splitting between neighbours errs by (width / bandwidth)**2 / 8


def _residuals_on_grid(forecasts: Forecasts) -> FloatArray:
    """Return the mean of weight * (p - y), split linearly over the two nearest grid points."""
    probability, outcome, weight, _ = forecasts
    left, right = np.zeros(_GRID + 1), np.zeros(_GRID + 1)
    for start in range(0, probability.size, BLOCK):
        rows = slice(start, start + BLOCK)
        residual = probability[rows] - outcome[rows]
        if weight is not None:
            residual *= weight[rows]
        position = probability[rows] * _GRID
        node = position.astype(np.intp)
        position -= node
        position *= residual  # now the part that belongs to the right neighbour
        residual -= position
        left += np.bincount(node, weights=residual, minlength=_GRID + 1)
        right += np.bincount(node, weights=position, minlength=_GRID + 1)
    left[1:] += right[:-1]  # a forecast of 1 sits on the last node and leaves nothing to its right
    return left / (probability.size if weight is None else weight.sum())


def smooth_calibration_error(
    probability: ArrayLike,
    outcome: ArrayLike,
    *,
    bandwidth: float | None = None,
    weight: ArrayLike | None = None,
) -> float:
    """Return the smooth calibration error (smECE), in probability units.

    smECE_s is the integral over t in [0, 1] of abs(mean of (p_i - y_i) K_s(t, p_i)), with K_s the
    Gaussian kernel of standard deviation s reflected at 0 and 1. It falls as s grows; the smooth
    calibration error is its value at the one bandwidth where smECE_s = s.

    Parameters
    ----------
    probability : array of shape (n,)
        Forecast probabilities that y is 1, in [0, 1].
    outcome : array of shape (n,)
        1 or 0, or the known probability that y is 1.
    bandwidth : float, optional
        A fixed s > 0 instead of the self-consistent one.
    weight : array of shape (n,), optional
        How often each row counts; finite, at least 0, not all 0.

    Returns
    -------
    float
        In [0, 1]; smaller is better. No bins to choose and continuous in the forecasts; biased
        upwards in small samples, like every such estimate. Bandwidths below 1e-3 are at the
        resolution of the grid.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Blasiok & Nakkiran (2024), ICLR, arXiv:2309.12236, definitions 3 and 4.

    Examples
    --------
    >>> round(smooth_calibration_error([1.0, 1.0, 0.5, 0.5], [0, 0, 0, 1]), 6)
    0.5
    """
    if bandwidth is not None and not 0 < bandwidth < np.inf:
        raise ValueError(f"bandwidth must be positive and finite, or None; got {bandwidth}")
    mass = _residuals_on_grid(check_forecasts(probability, outcome, weight))
    mass[1:-1] /= 2  # DCT-I counts its inner points twice
    coefficient = dct(mass, type=1)
    frequency = np.pi * np.arange(_GRID + 1)

    def error(scale: float) -> float:
        # Inverse of a DCT-I is a DCT-I; the mean of abs over nodes is the trapezoid rule.
        density = np.abs(dct(coefficient * np.exp(-((frequency * scale) ** 2) / 2), type=1))
        return float((density.sum() - (density[0] + density[-1]) / 2) / _GRID)

    if bandwidth is not None:
        return min(error(bandwidth), 1.0)
    if error(1.0) >= 1:
        return 1.0
    return float(brentq(lambda scale: error(scale) - scale, 0.0, 1.0, xtol=1e-12))
