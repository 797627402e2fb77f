"""Confidence limits of one estimate at every level, and the p-value that agrees with them.

One class per kind of evidence; `uncertainty` decides which of them a sample deserves. Each class
states its two limits for any error probability, and their inverse: the smallest error probability
at which the limit facing a threshold excludes it. A p-value is twice that, so an interval and a
p-value can never disagree.

Sources: Clopper & Pearson, Biometrika 26, 1934; Efron & Tibshirani, An Introduction to the
Bootstrap, 1993, section 12.5; Hesterberg, The American Statistician 69(4), 2015, section 5.3.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from scipy.special import betainc, betaincinv, ndtr, ndtri, stdtr, stdtrit

from calibration_lab.uncertainty.checks import Bounds, Floats, checked_level, checked_threshold

SAME = 1e-12  # values that differ by less are one value
ROUNDING = 1e-9  # in standard errors: a tie counts against excluding a threshold


@dataclass(frozen=True)
class Interval:
    """An estimate with its confidence limits, all in the units of the values.

    estimate, low, high : float   low <= estimate <= high, or low = high = nan when undefined.
    level : float                 Confidence level in (0, 1): 0.95 means 95 %.
    method : str                  How the limits were found.

    >>> Interval(0.5, 0.4, 0.7, 0.95, "bootstrap-t").defined
    True
    """

    estimate: float
    low: float
    high: float
    level: float
    method: str

    @property
    def defined(self) -> bool:
        """Whether both limits exist (infinite limits exist, nan ones do not)."""
        return not (np.isnan(self.low) or np.isnan(self.high))


class Estimate(ABC):
    """A point estimate with its confidence limits at every level.

    A *tail* is the error probability at one end: 0.025 at each end of a 95 % interval.
    Interval and p-value come from the same distribution: the interval excludes a threshold
    exactly when p_value(threshold) <= 1 - level. It holds the estimate and stays in the bounds.
    """

    def __init__(
        self,
        estimate: float,
        standard_error: float,
        degrees: float,
        method: str,
        bounds: Bounds = None,
    ):
        self.estimate = float(estimate)
        self.standard_error = float(standard_error)
        self.degrees = float(degrees)
        self.method = method
        self.lowest, self.highest = bounds or (-np.inf, np.inf)

    @abstractmethod
    def _low(self, tail: float) -> float:
        """Lower limit with error probability `tail`."""

    @abstractmethod
    def _high(self, tail: float) -> float:
        """Upper limit with error probability `tail`."""

    @abstractmethod
    def _tail(self, threshold: float) -> float:
        """Smallest tail at which the limit facing `threshold` excludes it."""

    def interval(self, level: float = 0.95) -> Interval:
        """Two-sided interval; each end errs with probability (1 - level) / 2."""
        tail = (1 - checked_level(level)) / 2
        low = np.maximum(np.minimum(self._low(tail), self.estimate), self.lowest)
        high = np.minimum(np.maximum(self._high(tail), self.estimate), self.highest)
        return Interval(self.estimate, float(low), float(high), level, self.method)

    def p_value(self, threshold: float = 0.0) -> float:
        """Two-sided p-value of "the true value equals `threshold`", in [0, 1]."""
        threshold = checked_threshold(threshold)
        if threshold == self.estimate:
            return 1.0
        if not self.lowest <= threshold <= self.highest:
            return 0.0
        return float(min(1.0, 2 * self._tail(threshold)))

    def smallest_detectable_effect(self, level: float = 0.95, power: float = 0.8) -> float:
        """Distance from a threshold at which the limit clears it with probability `power`.

        The arm of the interval plus the `power` quantile of Student's t, in standard errors.
        """
        if not 0 < power < 1:
            raise ValueError(f"power must lie in (0, 1), such as 0.8; got {power}")
        limits = self.interval(level)
        # A constant at its lower bound has no lower arm; its upper one says what could be missed.
        arm = (self.estimate - limits.low) or (limits.high - self.estimate)
        slack = stdtrit(self.degrees, power) * self.standard_error if self.standard_error else 0.0
        return float(arm + slack)


class Undefined(Estimate):
    """No limits and no p-value; the method says why."""

    def p_value(self, threshold: float = 0.0) -> float:
        """Return nan."""
        checked_threshold(threshold)
        return float("nan")

    def _low(self, tail: float) -> float:
        return float("nan")

    def _high(self, tail: float) -> float:
        return float("nan")

    def _tail(self, threshold: float) -> float:
        return float("nan")


class Share(Estimate):
    """Clopper-Pearson for `successes` of `n` units, stretched from [0, 1] to `bounds`."""

    def __init__(self, successes: int, n: int, bounds: tuple[float, float] = (0.0, 1.0)):
        self.successes, self.n = successes, n
        self.floor, self.range = bounds[0], bounds[1] - bounds[0]
        share = successes / n
        error = self.range * np.sqrt(share * (1 - share) / n)
        estimate = self.floor + self.range * share
        super().__init__(estimate, error, np.inf, "Clopper-Pearson")

    def _low(self, tail: float) -> float:
        k, n = self.successes, self.n
        return self.floor + self.range * (float(betaincinv(k, n - k + 1, tail)) if k else 0.0)

    def _high(self, tail: float) -> float:
        return self.floor + self.range * _highest_rate(self.successes, self.n, tail)

    def _tail(self, threshold: float) -> float:
        k, n, rate = self.successes, self.n, (threshold - self.floor) / self.range
        if not 0 <= rate <= 1:
            return 0.0
        return float(betainc(k, n - k + 1, rate)) if k > n * rate else _tail_of_rate(k, n, rate)


class Widened(Estimate):
    """Limits when the values pile up at one point: only rates and declared bounds can tell.

    If `above` of `n` units lie above `center`, at most a rate r of all units does (the upper
    Clopper-Pearson limit), and none lies beyond the bound: mean <= center + r (bound - center).
    """

    def __init__(
        self,
        estimate: float,
        center: float,
        below: int,
        above: int,
        n: float,
        bounds: tuple[float, float],
    ):
        self.center, self.below, self.above, self.n = center, below, above, n
        method = "Clopper-Pearson widened to the bounds"
        super().__init__(estimate, 0.0, np.inf, method, bounds)

    def _low(self, tail: float) -> float:
        rate = _highest_rate(self.below, self.n, tail)
        return self.center - rate * (self.center - self.lowest)

    def _high(self, tail: float) -> float:
        rate = _highest_rate(self.above, self.n, tail)
        return self.center + rate * (self.highest - self.center)

    def _tail(self, threshold: float) -> float:
        down = threshold < self.estimate
        count, bound = (self.below, self.lowest) if down else (self.above, self.highest)
        room = bound - self.center
        rate = (threshold - self.center) / room if room else np.inf
        return _tail_of_rate(count, self.n, rate) if rate < 1 else 0.0


class Student(Estimate):
    """Symmetric limits: estimate plus or minus t standard errors."""

    def _low(self, tail: float) -> float:
        return self.estimate + self.standard_error * float(stdtrit(self.degrees, tail))

    def _high(self, tail: float) -> float:
        return self.estimate - self.standard_error * float(stdtrit(self.degrees, tail))

    def _tail(self, threshold: float) -> float:
        distance = abs(self.estimate - threshold) / self.standard_error
        return float(stdtr(self.degrees, -distance))


class BootstrapT(Estimate):
    """Limits from resampled t-values; an end whose resamples are degenerate asks `fallback`."""

    def __init__(
        self, student: Student, t_values: Floats, sides: str, fallback: Estimate, bounds: Bounds
    ):
        self.t_values, self.sides, self.fallback = np.sort(t_values), sides, fallback
        method = "bootstrap-t" + (f"; {sides} by {fallback.method}" if sides else "")
        super().__init__(student.estimate, student.standard_error, student.degrees, method, bounds)

    def _t(self, tail: float, upper: bool) -> float:
        rank = int((len(self.t_values) + 1) * tail + 1e-9)
        if rank < 1:
            return np.inf if upper else -np.inf
        t = float(self.t_values[-rank] if upper else self.t_values[rank - 1])
        return t + np.copysign(ROUNDING, 1.0 if upper else -1.0)

    def _low(self, tail: float) -> float:
        if "low" in self.sides:
            return self.fallback._low(tail)
        return self.estimate - self.standard_error * self._t(tail, upper=True)

    def _high(self, tail: float) -> float:
        if "high" in self.sides:
            return self.fallback._high(tail)
        return self.estimate - self.standard_error * self._t(tail, upper=False)

    def _tail(self, threshold: float) -> float:
        down = threshold < self.estimate
        if ("low" if down else "high") in self.sides:
            return self.fallback._tail(threshold)
        t = (self.estimate - threshold) / self.standard_error
        near = self.t_values - t
        beyond = np.sum(near >= -ROUNDING) if down else np.sum(near <= ROUNDING)
        return float((beyond + 1) / (len(self.t_values) + 1))


class ExpandedPercentile(Estimate):
    """Percentiles of a resampled statistic, at tails widened for the number of units.

    tail' = Phi(-sqrt(n / (n - 1)) t_{1 - tail, n - 1}). A resample in which the statistic is
    undefined counts as beyond both ends: it is never dropped.
    """

    def __init__(self, estimate: float, draws: Floats, n: int, bounds: Bounds):
        undefined = np.isnan(draws)
        self.n = n
        self.lower = np.sort(np.where(undefined, -np.inf, draws))
        self.upper = np.sort(np.where(undefined, np.inf, draws))
        method = "expanded percentile"
        if undefined.any():
            method += f"; undefined in {undefined.mean():.1%} of resamples, counted at both ends"
        error = float(np.std(draws[~undefined], ddof=1))
        super().__init__(estimate, error, n - 1, method, bounds)

    def _rank(self, tail: float) -> int:
        t = float(stdtrit(self.n - 1, tail))
        return int((len(self.lower) + 1) * float(ndtr(np.sqrt(self.n / (self.n - 1)) * t)) + 1e-9)

    def _low(self, tail: float) -> float:
        rank = self._rank(tail)
        return float(self.lower[rank - 1]) if rank else -np.inf

    def _high(self, tail: float) -> float:
        rank = self._rank(tail)
        return float(self.upper[-rank]) if rank else np.inf

    def _tail(self, threshold: float) -> float:
        down = threshold < self.estimate
        beyond = np.sum(self.lower <= threshold) if down else np.sum(self.upper >= threshold)
        share = min((beyond + 1) / (len(self.lower) + 1), 0.5)
        return float(stdtr(self.n - 1, np.sqrt((self.n - 1) / self.n) * ndtri(share)))


def _highest_rate(count: float, n: float, tail: float) -> float:
    """Upper Clopper-Pearson limit of a rate; `n` may be an effective (fractional) number."""
    return float(betaincinv(count + 1, n - count, 1 - tail)) if count < n else 1.0


def _tail_of_rate(count: float, n: float, rate: float) -> float:
    """Probability of `count` or fewer of `n` at this rate: the inverse of _highest_rate."""
    return float(1 - betainc(count + 1, n - count, rate)) if count < n else 1.0


def is_constant(values: Floats) -> bool:
    """Whether the values differ by no more than rounding."""
    return bool(np.ptp(values) <= SAME * max(1.0, np.abs(values).max()))


def estimate_constant(value: float, n: float, bounds: Bounds) -> Estimate:
    """Return the estimate from n units that all have one value: widened, or undefined."""
    if bounds is None:
        return Undefined(value, 0.0, np.nan, "undefined: constant, and no bounds are declared")
    return Widened(value, value, 0, 0, n, bounds)
