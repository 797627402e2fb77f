"""Kinds of test that a statement can make, each with its threshold and its rule for a verdict.

Every sampled kind names a region of true values, and one rule serves them all: *supported* if the
whole interval lies inside the region, *refuted* if it lies wholly outside, else *inconclusive*.
`Detects` is the mirror image of `Equivalent`: its region is what lies outside the margin.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from calibration_lab.statements.measured import Arguments, Value, arguments, bracketed, module_level
from calibration_lab.uncertainty.confidence_limits import Bounds, Estimate, Interval

SUPPORTED, REFUTED, INCONCLUSIVE = "supported", "refuted", "inconclusive"


class Sampled:
    """A test that compares the interval of an effect with a region between two edges."""

    bounds: Bounds

    @property
    def kind(self) -> str:
        """Name and threshold in words, such as "at least 0.02"."""
        raise NotImplementedError

    @property
    def region(self) -> tuple[float, float]:
        """Lowest and highest true value for which the statement holds."""
        raise NotImplementedError

    def verdict(self, interval: Interval) -> tuple[str, str]:
        """Return the verdict and its plain reason ("" when supported)."""
        lowest, highest = self.region
        if not interval.defined:
            return INCONCLUSIVE, interval.method
        if interval.high < lowest or interval.low > highest:
            return REFUTED, self._why_refuted(interval)
        if interval.low > lowest and (interval.high < highest or highest == np.inf):
            return SUPPORTED, ""
        edges = [edge for edge in self.region if interval.low <= edge <= interval.high]
        return INCONCLUSIVE, f"the interval reaches across {' and '.join(f'{e:g}' for e in edges)}"

    def p_value(self, estimate: Estimate) -> float:
        """Two-sided p-value against the nearest rival; <= 1 - level exactly when decided."""
        lowest, highest = self.region
        if estimate.estimate < lowest:
            return estimate.p_value(lowest)
        if estimate.estimate > highest:
            return estimate.p_value(highest)
        return max(estimate.p_value(edge) for edge in self.region if np.isfinite(edge))

    def _why_refuted(self, interval: Interval) -> str:
        raise NotImplementedError


@dataclass(frozen=True)
class AtLeast(Sampled):
    """The mean of a value exceeds a threshold, in the units of the value.

    value : Value         One number per unit; a paired difference for a comparison.
    threshold : float     The smallest effect that matters. Zero asks for the sign only.
    bounds : (lowest, highest), optional   Overrides the bounds of the statement.

    Refuted as "opposite" when the whole interval is below zero (and the threshold is not),
    else as "too small".
    """

    value: Value
    threshold: float
    bounds: Bounds = None

    def __post_init__(self) -> None:
        _check_value(self.value)
        if not np.isfinite(self.threshold):
            raise ValueError(f"threshold must be finite; got {self.threshold}")

    @property
    def kind(self) -> str:
        """In words, such as "at least 0.02"."""
        return f"at least {self.threshold:g}"

    @property
    def region(self) -> tuple[float, float]:
        """From the threshold to infinity."""
        return (self.threshold, np.inf)

    def _why_refuted(self, interval: Interval) -> str:
        return "opposite" if interval.high < 0 <= self.threshold else "too small"

    def __str__(self) -> str:
        return f"{self.value}: {self.kind}"


@dataclass(frozen=True)
class Equivalent(Sampled):
    """The mean of a value lies within plus or minus a margin, in the units of the value.

    value : Value         One number per unit, usually a paired difference.
    margin : float        The largest difference that does not matter, above 0.
    detects : Value       Positive control: a known difference in the same measure. It is judged as
                          ``Detects(detects, margin)``. Only a `Control` may do without.
    bounds : (lowest, highest), optional   Overrides the bounds of the statement.

    Raises ValueError if the margin is not above 0 or `detects` takes another measure.
    """

    value: Value
    margin: float
    detects: Value | None = None
    bounds: Bounds = None

    def __post_init__(self) -> None:
        _check_value(self.value)
        _check_margin(self.margin)
        if self.detects is not None and self.detects.measures() != self.value.measures():
            raise ValueError(
                "detects must take the same measure as value, "
                f"{sorted(self.value.measures())}; got {sorted(self.detects.measures())}"
            )

    @property
    def threshold(self) -> float:
        """The margin."""
        return self.margin

    @property
    def kind(self) -> str:
        """In words, such as "equivalent within 0.01"."""
        return f"equivalent within {self.margin:g}"

    @property
    def region(self) -> tuple[float, float]:
        """From minus the margin to the margin."""
        return (-self.margin, self.margin)

    def _why_refuted(self, interval: Interval) -> str:
        return "the difference exceeds the margin"

    def __str__(self) -> str:
        return f"{self.value}: {self.kind}"


@dataclass(frozen=True)
class Detects(Sampled):
    """The mean of a value differs from zero by more than a margin, in either direction.

    The positive control of an equivalence: if the measure cannot see a difference that is known
    to be there, its "no difference" means nothing. Refuted when the interval is inside the margin.
    """

    value: Value
    margin: float
    bounds: Bounds = None

    def __post_init__(self) -> None:
        _check_value(self.value)
        _check_margin(self.margin)

    @property
    def threshold(self) -> float:
        """The margin."""
        return self.margin

    @property
    def kind(self) -> str:
        """In words, such as "detects more than 0.01"."""
        return f"detects more than {self.margin:g}"

    @property
    def region(self) -> tuple[float, float]:
        """The margin's inside: here, what the value must stay out of."""
        return (-self.margin, self.margin)

    def verdict(self, interval: Interval) -> tuple[str, str]:
        """Return the verdict and its plain reason: the mirror image of an equivalence."""
        verdict, reason = super().verdict(interval)
        if verdict == SUPPORTED:
            return REFUTED, "the known difference lies within the margin"
        return (SUPPORTED, "") if verdict == REFUTED else (verdict, reason)

    def _why_refuted(self, interval: Interval) -> str:
        return ""

    def __str__(self) -> str:
        return f"{self.value}: {self.kind}"


@dataclass(frozen=True, init=False)
class Law(Sampled):
    """A statistic of all units agrees with its prediction to within a margin.

    statistic : function at the top of a module   Called as ``statistic(tables, units,
        **arguments)`` and returns a float. `units` are labels drawn with replacement, so a label
        that occurs twice counts twice. It must use only the rows of those units.
    prediction, margin : float   In the units of the statistic; the margin is above 0.
    table : str                  Table whose unit column lists all units.
    bounds : (lowest, highest), optional   Values that the statistic cannot leave.
    """

    statistic: Callable[..., float]
    prediction: float
    margin: float
    table: str
    bounds: Bounds
    arguments: Arguments

    def __init__(
        self,
        statistic: Callable[..., float],
        prediction: float,
        margin: float,
        *,
        table: str = "outcomes",
        bounds: Bounds = None,
        **named: Any,
    ):
        _check_margin(margin)
        if not np.isfinite(prediction):
            raise ValueError(f"prediction must be finite; got {prediction}")
        fields = (module_level(statistic), prediction, margin, table, bounds, arguments(named))
        names = ("statistic", "prediction", "margin", "table", "bounds", "arguments")
        for name, field in zip(names, fields, strict=True):
            object.__setattr__(self, name, field)

    @property
    def threshold(self) -> float:
        """The margin."""
        return self.margin

    @property
    def kind(self) -> str:
        """In words, such as "law: 0.5 within 0.05"."""
        return f"law: {self.prediction:g} within {self.margin:g}"

    @property
    def region(self) -> tuple[float, float]:
        """From the prediction less the margin to the prediction plus the margin."""
        return (self.prediction - self.margin, self.prediction + self.margin)

    def _why_refuted(self, interval: Interval) -> str:
        return f"too {'low' if interval.estimate < self.prediction else 'high'} for the law"

    def __str__(self) -> str:
        return f"{self.statistic.__name__}{bracketed(self.arguments)}: {self.kind}"


@dataclass(frozen=True)
class Exact:
    """The largest deviation from zero over all units is at most a tolerance; no interval.

    value : Value          The deviation of each unit, such as measured minus theorem.
    tolerance : float      In the units of the value, at least 0.
    """

    value: Value
    tolerance: float

    def __post_init__(self) -> None:
        _check_value(self.value)
        if not (0 <= self.tolerance < np.inf):
            raise ValueError(f"tolerance must be at least 0; got {self.tolerance}")

    @property
    def threshold(self) -> float:
        """The tolerance."""
        return self.tolerance

    @property
    def kind(self) -> str:
        """In words, such as "exact to 1e-09"."""
        return f"exact to {self.tolerance:g}"

    @property
    def region(self) -> tuple[float, float]:
        """From minus the tolerance to the tolerance."""
        return (-self.tolerance, self.tolerance)

    def __str__(self) -> str:
        return f"{self.value}: {self.kind}"


Part = AtLeast | Equivalent | Detects | Law | Exact


@dataclass(frozen=True)
class AllOf:
    """Several tests that must all hold, each judged at level 1 - 0.05 / number of parts."""

    parts: tuple[Part, ...]

    def __init__(self, *parts: Part):
        if len(parts) == 1 and isinstance(parts[0], (tuple, list)):
            parts = tuple(parts[0])
        if len(parts) < 2 or not all(isinstance(part, Part) for part in parts):
            raise ValueError(f"AllOf needs two or more tests that are not AllOf; got {parts}")
        object.__setattr__(self, "parts", tuple(parts))

    @property
    def kind(self) -> str:
        """In words, such as "all of: at least 0; exact to 1e-09"."""
        return "all of: " + "; ".join(part.kind for part in self.parts)

    def __str__(self) -> str:
        return "; ".join(str(part) for part in self.parts)


Test = Part | AllOf


def _check_value(value: object) -> None:
    if not isinstance(value, Value):
        raise ValueError(f"value must be Measured, Difference or Computed; got {value!r}")


def _check_margin(margin: float) -> None:
    if not (0 < margin < np.inf):
        raise ValueError(f"margin must be above 0; got {margin}")
