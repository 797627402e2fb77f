"""What the arguments of a reliability must be, and where one is undefined."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]
RESOLUTION = 1e-10  # spread below this share of a column's size is rounding, not spread


def checked_ratings(ratings: ArrayLike) -> Floats:
    """Return ratings as a float array, or raise ValueError unless rows by columns are 2 or more."""
    found = np.asarray(ratings, dtype=float)
    if found.ndim != 2 or min(found.shape) < 2:
        raise ValueError(
            "ratings must be 2 or more rows (what is judged) by 2 or more columns (repetitions); "
            f"got shape {found.shape}"
        )
    if not np.isfinite(found).all():
        raise ValueError("ratings must be finite; declare what a missing verdict counts as")
    return found


def spread(columns: Floats) -> Floats:
    """Standard deviation of each column (ddof 1), exactly 0 where only rounding varies."""
    found = np.asarray(columns.std(axis=0, ddof=1))
    size = np.abs(columns).max(axis=0)
    return np.where(found > RESOLUTION * size, found, 0.0)
