"""Calibration of forecasts over several classes, each notion under its own name.

Apart from `calibration` because its input is another one: a row of probabilities and a class label.
*Top-label* asks whether the stated winner is right as often as its probability says. *Class-wise*
asks the same of every class in turn. For two classes neither is the binary error of `calibration`,
which bins p and never folds it to max(p, 1 - p).

The classes are the columns. A label that never occurs, or a test set that happens to hold only the
labels 0 and 1, changes nothing about which metric is computed.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration_lab.calibration import (
    ReliabilityCurve,
    expected_calibration_error,
    reliability_curve,
    smooth_calibration_error,
)
from calibration_lab.calibration.forecasts import (
    Binning,
    FloatArray,
    IntArray,
    check_weight,
    weighted_mean,
)

_SUM_TOLERANCE = 1e-4  # a float32 softmax over a few thousand classes sums to 1 within 1e-5


def _class_forecasts(
    probabilities: ArrayLike, label: ArrayLike
) -> tuple[NDArray[np.floating], IntArray]:
    """Return (n, k) class probabilities in their own precision and (n,) integer labels, checked."""
    forecast = np.asarray(probabilities)
    if forecast.dtype.kind != "f":
        forecast = np.asarray(probabilities, dtype=np.float64)
    if forecast.ndim != 2 or forecast.shape[0] == 0 or forecast.shape[1] < 2:
        raise ValueError(
            f"probabilities must have shape (n, k) with k >= 2; got shape {forecast.shape}"
        )
    if not ((forecast >= 0) & (forecast <= 1)).all():
        raise ValueError("probabilities must lie in [0, 1] without nan; got a value outside")
    total = forecast.sum(axis=1, dtype=np.float64)  # (n, k) -> (n,)
    if not (np.abs(total - 1) <= _SUM_TOLERANCE).all():
        worst = total[np.argmax(np.abs(total - 1))]
        raise ValueError(f"each row of probabilities must sum to 1; got a row with sum {worst}")
    classes = np.asarray(label)
    if classes.shape != forecast.shape[:1]:
        raise ValueError(
            f"label must have one entry for each of {len(forecast)} rows; got shape {classes.shape}"
        )
    whole = classes.astype(np.float64)
    if not ((whole >= 0) & (whole < forecast.shape[1]) & (whole == np.floor(whole))).all():
        raise ValueError(f"label must hold integers in 0 .. {forecast.shape[1] - 1}; got others")
    return forecast, whole.astype(np.intp)


class TopLabel(NamedTuple):
    """The winning class of each row, shape (n,): its probability, and 1 where it is the label."""

    confidence: NDArray[np.floating]
    correct: FloatArray


def top_label(probabilities: ArrayLike, label: ArrayLike) -> TopLabel:
    """Return the probability of each row's most likely class, and whether it is the label.

    Ties go to the lowest class.

    Parameters
    ----------
    probabilities : array of shape (n, k)
        Class probabilities; rows sum to 1.
    label : array of shape (n,)
        Integers in 0 .. k - 1.

    Returns
    -------
    TopLabel
        Its two fields are a binary forecast and outcome: any metric of `calibration` takes them.

    Raises
    ------
    ValueError
        If an argument leaves its domain, has nan, or the lengths differ.

    Source: Guo et al. (2017), ICML, section 2.

    Examples
    --------
    >>> top_label([[0.2, 0.8], [0.6, 0.4]], [1, 1]).correct
    array([1., 0.])
    """
    forecast, classes = _class_forecasts(probabilities, label)
    winner = forecast.argmax(axis=1)  # (n, k) -> (n,)
    confidence = forecast[np.arange(len(forecast)), winner]
    return TopLabel(confidence, (winner == classes).astype(np.float64))


def top_label_calibration_error(
    probabilities: ArrayLike,
    label: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "equal-width",
    norm: int = 1,
    weight: ArrayLike | None = None,
) -> float:
    """Return the ECE of the winning class's probability, in probability units.

    `expected_calibration_error` of `top_label`; in [0, 1], smaller is better. It does not see the
    probabilities of the other classes.

    Source: Guo et al. (2017), ICML, eq. (3).

    Examples
    --------
    >>> round(top_label_calibration_error([[0.2, 0.8], [0.4, 0.6]], [1, 0]), 6)
    0.4
    >>> expected_calibration_error([0.5, 0.5], [1, 0])  # the binary error is another metric
    0.0
    """
    return expected_calibration_error(
        *top_label(probabilities, label), bins=bins, binning=binning, norm=norm, weight=weight
    )


def top_label_smooth_calibration_error(
    probabilities: ArrayLike, label: ArrayLike, *, weight: ArrayLike | None = None
) -> float:
    """Return the smooth calibration error of the winning class's probability, in [0, 1].

    Source: Blasiok & Nakkiran (2024), ICLR, arXiv:2309.12236, on top-label confidences.

    Examples
    --------
    >>> round(top_label_smooth_calibration_error([[0.0, 1.0], [0.0, 1.0]], [1, 0]), 6)
    0.5
    """
    return smooth_calibration_error(*top_label(probabilities, label), weight=weight)


def top_label_reliability_curve(
    probabilities: ArrayLike,
    label: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "equal-width",
    level: float = 0.95,
    weight: ArrayLike | None = None,
) -> ReliabilityCurve:
    """Return the `reliability_curve` of the winning class's probability.

    Bins below 1 / k are empty by construction.

    Examples
    --------
    >>> top_label_reliability_curve([[0.2, 0.8], [0.4, 0.6]], [1, 0], bins=2).count
    array([0, 2])
    """
    return reliability_curve(
        *top_label(probabilities, label), bins=bins, binning=binning, level=level, weight=weight
    )


def class_wise_calibration_error(
    probabilities: ArrayLike,
    label: ArrayLike,
    *,
    bins: int = 10,
    binning: Binning = "equal-width",
    norm: int = 1,
    weight: ArrayLike | None = None,
) -> float:
    """Return the binary ECE of each class against the rest, averaged over all k classes.

    (1 / k) sum over classes of ECE(p_class, label == class), in probability units; for ``norm=2``
    the root of the mean square. In [0, 1], smaller is better. A class that never occurs counts like
    the others: its forecasts should be 0.

    Source: Kull et al. (2019), NeurIPS, arXiv:1910.12656, section 2.

    Examples
    --------
    >>> round(class_wise_calibration_error([[0.25, 0.75], [0.25, 0.75]], [1, 1]), 6)
    0.25
    """
    forecast, classes = _class_forecasts(probabilities, label)
    errors = [
        expected_calibration_error(
            column, classes == k, bins=bins, binning=binning, norm=norm, weight=weight
        )
        for k, column in enumerate(forecast.T)
    ]
    return float(np.mean(np.power(errors, norm)) ** (1 / norm))


def multiclass_brier_score(
    probabilities: ArrayLike, label: ArrayLike, *, weight: ArrayLike | None = None
) -> float:
    """Return the Brier score summed over classes, mean of sum over k of (p_k - 1[label = k])**2.

    In [0, 2]; smaller is better. For two classes it is twice the binary `brier_score`; other
    libraries also print half of it, or a k-th.

    Source: Brier (1950), Monthly Weather Review 78, eq. (2).

    Examples
    --------
    >>> multiclass_brier_score([[0.0, 1.0], [1.0, 0.0]], [1, 1])
    1.0
    """
    forecast, classes = _class_forecasts(probabilities, label)
    gap = forecast.astype(np.float64)
    gap[np.arange(len(gap)), classes] -= 1
    counts = None if weight is None else check_weight(weight, len(gap))
    return weighted_mean((gap**2).sum(axis=1), counts)
