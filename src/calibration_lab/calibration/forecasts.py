"""Checked forecasts, their bins and their tie groups: what every calibration metric starts from.

Kept apart from `calibration` because ranking, smoothing and recalibration start here as well, and
because the traps live here: nan, values outside [0, 1], ties, decimals on a bin edge, float32.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.intp]
Binning = Literal["equal-width", "equal-mass"]

BLOCK = 1 << 14  # rows handled at once, so that the temporaries stay in the processor's cache


class Forecasts(NamedTuple):
    """Checked rows: all float64, shape (n,); ``weight`` is None when every row counts once.

    ``precision`` is the dtype in which the forecasts came: bin edges are rounded to it, so that a
    float32 0.3 meets the edge 0.3 as a float64 0.3 does.
    """

    probability: FloatArray
    outcome: FloatArray
    weight: FloatArray | None
    precision: np.dtype


class Groups(NamedTuple):
    """Rows pooled by equal forecast: forecasts ascending, total weight and mean outcome of each."""

    value: FloatArray
    weight: FloatArray
    outcome: FloatArray


def _vector(name: str, value: ArrayLike) -> NDArray:
    array = np.asarray(value)
    if array.dtype.kind not in "biuf":
        raise ValueError(f"{name} must be numeric; got dtype {array.dtype}")
    if array.ndim != 1 or array.size == 0:
        raise ValueError(f"{name} must be a non-empty vector; got shape {array.shape}")
    return array


def _unit_vector(name: str, value: ArrayLike) -> tuple[FloatArray, np.dtype]:
    array = _vector(name, value)
    # Both comparisons are False for nan, so that nan is refused.
    if not (array.min() >= 0 and array.max() <= 1):
        raise ValueError(
            f"{name} must lie in [0, 1] without nan; got values from {array.min()} to {array.max()}"
        )
    return array.astype(np.float64, copy=False), array.dtype


def check_forecasts(
    probability: ArrayLike, outcome: ArrayLike, weight: ArrayLike | None = None
) -> Forecasts:
    """Return the checked rows of a binary metric, in float64.

    Parameters
    ----------
    probability : array of shape (n,)
        Forecast probabilities that y is 1, in [0, 1].
    outcome : array of shape (n,)
        1 or 0, or the known probability that y is 1.
    weight : array of shape (n,), optional
        Finite, at least 0, not all 0.

    Raises
    ------
    ValueError
        Naming the argument, what was expected and what came.

    Examples
    --------
    >>> check_forecasts([0.5], [1]).outcome
    array([1.])
    """
    forecast, precision = _unit_vector("probability", probability)
    happened, _ = _unit_vector("outcome", outcome)
    if happened.size != forecast.size:
        raise ValueError(
            f"outcome must be as long as probability ({forecast.size}); got {happened.size}"
        )
    counts = None if weight is None else check_weight(weight, forecast.size)
    return Forecasts(forecast, happened, counts, precision)


def check_weight(weight: ArrayLike, rows: int) -> FloatArray:
    """Return row weights in float64: finite, at least 0, not all 0, one for each row.

    Examples
    --------
    >>> check_weight([0, 2], rows=2)
    array([0., 2.])
    """
    counts = _vector("weight", weight).astype(np.float64, copy=False)
    if counts.size != rows:
        raise ValueError(f"weight must be as long as the forecasts ({rows}); got {counts.size}")
    if not (counts.min() >= 0 and counts.max() < np.inf and counts.max() > 0):
        raise ValueError(
            "weight must be finite, at least 0 and not all 0; "
            f"got values from {counts.min()} to {counts.max()}"
        )
    return counts


def weighted_mean(value: FloatArray, weight: FloatArray | None) -> float:
    """Return the mean of the rows, each counted ``weight`` times; rows of weight 0 never count.

    Examples
    --------
    >>> weighted_mean(np.array([1.0, np.inf]), np.array([2.0, 0.0]))
    1.0
    """
    if weight is None:
        return float(value.mean())
    used = weight > 0  # an infinite loss times a weight of 0 would be nan
    return float(np.dot(value[used], weight[used]) / weight.sum())


def check_bins(bins: int) -> None:
    """Raise ValueError unless ``bins`` is a whole number of at least 1."""
    if not (isinstance(bins, int | np.integer) and not isinstance(bins, bool) and bins >= 1):
        raise ValueError(f"bins must be an integer of at least 1; got {bins!r}")


def bin_edges(bins: int) -> FloatArray:
    """Return the edges of equal-width bins, k / bins correctly rounded; shape (bins + 1,).

    ``np.linspace`` differs from these in the last digit, which misplaces decimals such as 0.3.

    Examples
    --------
    >>> bool(bin_edges(10)[3] == 0.3), bool(np.linspace(0, 1, 11)[3] == 0.3)
    (True, False)
    """
    return np.arange(bins + 1) / bins


def equal_width_bin(probability: FloatArray, bins: int, precision: np.dtype) -> IntArray:
    """Return each forecast's slot in 0 .. bins: slot k is the interval (edge[k-1], edge[k]].

    Slot 0 holds only forecasts of exactly 0, which belong to the first bin.
    """
    edges = bin_edges(bins)
    if precision.kind == "f" and precision.itemsize < 8:
        edges = edges.astype(precision).astype(np.float64)
    # floor() is off by one only for forecasts at an edge, or within a rounding error below it.
    lower = (probability * bins).astype(np.intp)
    lower += probability > edges[lower]
    return lower


def group_ties(forecasts: Forecasts) -> Groups:
    """Return the rows pooled by equal forecast; rows of weight 0 are dropped.

    Examples
    --------
    >>> group_ties(check_forecasts([0.5, 0.5], [1, 0]))
    Groups(value=array([0.5]), weight=array([2.]), outcome=array([0.5]))
    """
    probability, outcome, weight, _ = forecasts
    if weight is not None:
        used = weight > 0
        probability, outcome, weight = probability[used], outcome[used], weight[used]
    order = np.argsort(probability, kind="stable")
    ordered = probability[order]
    start = np.flatnonzero(np.concatenate([[True], ordered[1:] > ordered[:-1]]))
    if weight is None:
        total = np.diff(np.append(start, ordered.size)).astype(np.float64)
        positive = np.add.reduceat(outcome[order], start)
    else:
        total = np.add.reduceat(weight[order], start)
        positive = np.add.reduceat((weight * outcome)[order], start)
    return Groups(ordered[start], total, np.clip(positive / total, 0, 1))


def equal_mass_bin(weight: FloatArray, bins: int) -> IntArray:
    """Return the bin in 0 .. bins - 1 of each tie group, from the group weights in rising order.

    A group goes where the middle of its weight falls, and is never cut in two; with n distinct
    forecasts of equal weight and n divisible by ``bins`` every bin holds n / bins of them.

    Examples
    --------
    >>> equal_mass_bin(np.ones(4), bins=2)
    array([0, 0, 1, 1])
    """
    cumulative = np.cumsum(weight)
    middle = (2 * cumulative - weight) * bins / (2 * cumulative[-1])
    return np.minimum(middle.astype(np.intp), bins - 1)


@dataclass(frozen=True, eq=False)
class BinSums:
    """Totals of each bin, shape (bins,): rows, weight, weighted forecast and weighted outcome."""

    count: IntArray
    weight: FloatArray
    forecast: FloatArray
    outcome: FloatArray
    edges: FloatArray


def bin_sums(forecasts: Forecasts, bins: int, binning: Binning) -> BinSums:
    """Return the totals of every bin, empty bins included.

    Equal-width edges are k / bins, bins closed on the right (the first on both sides). Equal-mass
    edges lie midway between the last forecast of a bin and the first of the next.

    Raises
    ------
    ValueError
        If ``bins`` is not a positive integer or ``binning`` is unknown.
    """
    check_bins(bins)
    probability, outcome, weight, precision = forecasts
    if binning == "equal-width":
        slot = np.maximum(equal_width_bin(probability, bins, precision), 1) - 1
        edges = bin_edges(bins)
    elif binning == "equal-mass":
        groups = group_ties(forecasts)
        of_group = equal_mass_bin(groups.weight, bins)
        last = np.searchsorted(of_group, np.arange(bins), side="right")  # groups up to bin k
        inner = last[:-1]
        below = groups.value[np.maximum(inner - 1, 0)]
        above = groups.value[np.minimum(inner, groups.value.size - 1)]
        edges = np.concatenate([[0.0], (below + above) / 2, [1.0]])
        # A row of weight 0 may lie outside every group; it goes with its lower neighbour.
        position = np.searchsorted(groups.value, probability, side="right") - 1
        slot = of_group[np.maximum(position, 0)]
    else:
        raise ValueError(f"binning must be 'equal-width' or 'equal-mass'; got {binning!r}")

    def totals(value: FloatArray) -> FloatArray:
        weighted = value if weight is None else weight * value
        return np.bincount(slot, weights=weighted, minlength=bins).astype(np.float64)

    count = np.bincount(slot if weight is None else slot[weight > 0], minlength=bins)
    total = count.astype(np.float64) if weight is None else totals(np.ones(1))
    return BinSums(count, total, totals(probability), totals(outcome), edges)


def equal_width_gaps(forecasts: Forecasts, bins: int) -> FloatArray:
    """Return the weighted sum of forecast minus outcome in each equal-width bin, shape (bins,).

    The one sum that the expected calibration error needs, in one pass over blocks of rows.
    """
    check_bins(bins)
    probability, outcome, weight, precision = forecasts
    gaps = np.zeros(bins + 1)
    for start in range(0, probability.size, BLOCK):
        rows = slice(start, start + BLOCK)
        residual = probability[rows] - outcome[rows]
        if weight is not None:
            residual *= weight[rows]
        slot = equal_width_bin(probability[rows], bins, precision)
        gaps += np.bincount(slot, weights=residual, minlength=bins + 1)
    gaps[1] += gaps[0]  # forecasts of exactly 0
    return gaps[1:]
