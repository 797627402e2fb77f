"""What the arguments of an interval must be; one clear ValueError each where they are not."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
Bounds = tuple[float, float] | None


def checked_level(level: float) -> float:
    """Return the confidence level, or raise ValueError unless it lies in (0, 1)."""
    if not 0 < level < 1:
        raise ValueError(f"level must lie in (0, 1), such as 0.95; got {level}")
    return level


def checked_threshold(threshold: float) -> float:
    """Return the threshold of a p-value, or raise ValueError if it is nan."""
    if np.isnan(threshold):
        raise ValueError(f"threshold must be a number; got {threshold}")
    return threshold


def checked_resamples(resamples: int) -> int:
    """Return the number of resamples, or raise ValueError unless it is a whole number above 0."""
    if not (resamples >= 1 and float(resamples).is_integer()):
        raise ValueError(f"resamples must be a whole number of at least 1; got {resamples}")
    return int(resamples)


def checked_cluster(cluster: ArrayLike, n: int) -> NDArray[Any]:
    """Return one cluster label per unit as an array, or raise ValueError if there are not n."""
    labels = np.asarray(cluster)
    if labels.shape != (n,):
        raise ValueError(f"cluster must label each of {n}; got shape {labels.shape}")
    return labels


def check_within(numbers: Floats, bounds: Bounds, what: str) -> None:
    """Raise ValueError unless the bounds are in order and every number lies in them."""
    if bounds is None:
        return
    if not bounds[0] < bounds[1]:
        raise ValueError(f"bounds must be (lowest, highest); got {bounds}")
    if not ((numbers >= bounds[0]) & (numbers <= bounds[1])).all():
        span = f"{numbers.min():g} to {numbers.max():g}"
        raise ValueError(f"{what} must lie in the declared bounds {bounds}; got {span}")


def checked_values(values: ArrayLike, bounds: Bounds) -> Floats:
    """Return one finite number per unit as an array, or raise ValueError: see `mean_interval`."""
    array = np.asarray(values, dtype=float)
    if array.ndim != 1:
        raise ValueError(f"values must be one number per unit; got shape {array.shape}")
    if not np.isfinite(array).all():
        raise ValueError("values must be finite; declare what an undefined value means")
    check_within(array, bounds, "values")
    return array
