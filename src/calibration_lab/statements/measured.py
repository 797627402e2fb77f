"""What a statement measures: one number per unit, selected from the tables of a result.

A value is declared, not computed: it names a measure and the factors it is taken at, so it can be
printed, hashed and compared. `values` looks it up, and refuses anything ambiguous.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from types import FunctionType
from typing import Any

import numpy as np
import pandas as pd

Tables = Mapping[str, pd.DataFrame]
Arguments = tuple[tuple[str, Any], ...]


class Value(ABC):
    """One number per unit; `a - b` is the paired difference of two values.

    Subclasses are hashable and compare by declaration.
    """

    @abstractmethod
    def values(self, tables: Tables, unit: str, undefined: float | None = None) -> pd.Series:
        """Look up one number per unit, as a float Series indexed by unit, in order of the units.

        Parameters
        ----------
        tables : mapping of str to DataFrame
            Tables of a result, each with a column named `unit`.
        unit : str
            Column that identifies the unit: seed, item or split.
        undefined : float, optional
            What a missing measurement counts as, before any difference is taken. By default it
            stays nan.

        Raises
        ------
        ValueError
            If a table, measure, factor or level does not exist (the valid ones are named), if a
            unit has no row or several, or if the two sides of a difference have other units.
        """

    @abstractmethod
    def measures(self) -> frozenset[str]:
        """Names of what is measured, whatever the arm."""

    def __sub__(self, other: Value | float) -> Difference:
        return Difference(self, other)

    def __rsub__(self, other: float) -> Difference:
        return Difference(other, self)


@dataclass(frozen=True, init=False)
class Measured(Value):
    """A measure at given factors, one row per unit, in the units of the measure.

    Parameters
    ----------
    measure : str
        Column that holds the number.
    table : str
        Table that holds the column.
    **where
        Factors and the one level that each must have. Together they must leave one row per unit.

    Examples
    --------
    >>> frame = pd.DataFrame({"seed": [1, 1, 2, 2], "arm": ["a", "b"] * 2, "ece": [1, 2, 3, 5]})
    >>> Measured("ece", arm="b").values({"outcomes": frame}, "seed").to_dict()
    {1: 2.0, 2: 5.0}
    >>> print(Measured("ece", arm="b") - Measured("ece", arm="a"))
    ece[arm=b] - ece[arm=a]
    """

    measure: str
    table: str
    where: Arguments

    def __init__(self, measure: str, table: str = "outcomes", **where: Any):
        object.__setattr__(self, "measure", measure)
        object.__setattr__(self, "table", table)
        object.__setattr__(self, "where", arguments(where))

    def values(self, tables: Tables, unit: str, undefined: float | None = None) -> pd.Series:
        """Look up one number per unit: see `Value.values`."""
        frame = _table(tables, self.table)
        for role, column in [("unit", unit), ("measure", self.measure)]:
            _known(f"{role} {column!r}", column, frame.columns, f"table {self.table!r}")
        keep = np.ones(len(frame), dtype=bool)
        for factor, level in self.where:
            _known(f"factor {factor!r}", factor, frame.columns, f"table {self.table!r}")
            _known(f"level {level!r}", level, frame[factor].unique(), f"factor {factor!r}")
            keep &= (frame[factor] == level).to_numpy(dtype=bool)
        labels = frame[unit].to_numpy()
        missing = sorted({*labels} - {*labels[keep]})
        if missing:
            raise ValueError(f"{self} has no row for {unit} {_few(missing)}")
        if keep.sum() > len({*labels}):
            rows = _several_rows(frame[keep], unit)
            raise ValueError(f"{self} has several rows per {unit}; {rows}")
        numbers = pd.Series(
            frame[self.measure].array[keep], index=pd.Index(labels[keep], name=unit)
        )
        return _floats(numbers.sort_index(), str(self), undefined)

    def measures(self) -> frozenset[str]:
        """Return the name of the measure, as a set."""
        return frozenset([self.measure])

    def __str__(self) -> str:
        return self.measure + bracketed(self.where)


@dataclass(frozen=True)
class Difference(Value):
    """Paired difference per unit, left minus right; either side may be a constant.

    >>> print(0.5 - Measured("accuracy", arm="binary"))
    0.5 - accuracy[arm=binary]
    """

    left: Value | float
    right: Value | float

    def values(self, tables: Tables, unit: str, undefined: float | None = None) -> pd.Series:
        """Look up one number per unit: see `Value.values`."""
        left, right = (
            side.values(tables, unit, undefined) if isinstance(side, Value) else float(side)
            for side in (self.left, self.right)
        )
        if isinstance(left, pd.Series) and isinstance(right, pd.Series):
            unpaired = sorted(set(left.index) ^ set(right.index))
            if unpaired:
                raise ValueError(f"{self} cannot be paired: {unit} {_few(unpaired)} on one side")
        return pd.Series(left - right)

    def measures(self) -> frozenset[str]:
        """Return the names of the measures on both sides."""
        sides = [side.measures() for side in (self.left, self.right) if isinstance(side, Value)]
        return frozenset().union(*sides)

    def __str__(self) -> str:
        right = f"({self.right})" if isinstance(self.right, Difference) else f"{self.right}"
        return f"{self.left} - {right}"


@dataclass(frozen=True, init=False)
class Computed(Value):
    """A number per unit that a function computes from the tables, for what selection cannot say.

    The function is called as ``function(tables, **arguments)`` and returns a Series indexed by
    unit. It must stand at the top of a module, because its source is part of the declaration.
    """

    function: Callable[..., pd.Series]
    arguments: Arguments

    def __init__(self, function: Callable[..., pd.Series], **named: Any):
        object.__setattr__(self, "function", module_level(function))
        object.__setattr__(self, "arguments", arguments(named))

    def values(self, tables: Tables, unit: str, undefined: float | None = None) -> pd.Series:
        """Look up one number per unit: see `Value.values`."""
        numbers = self.function(tables, **dict(self.arguments))
        if not isinstance(numbers, pd.Series):
            kind = type(numbers).__name__
            raise ValueError(f"{self} must return a Series indexed by {unit}; got {kind}")
        if not numbers.index.is_unique:
            raise ValueError(f"{self} must return one number per {unit}; some have several")
        return _floats(numbers.sort_index(), str(self), undefined)

    def measures(self) -> frozenset[str]:
        """Return the full name of the function, as a set."""
        return frozenset([f"{self.function.__module__}.{self.function.__qualname__}"])

    def __str__(self) -> str:
        return self.function.__name__ + bracketed(self.arguments)


def module_level(function: Any) -> Any:
    """Return the function, or raise ValueError unless it stands at the top of a module."""
    plain = isinstance(function, FunctionType) and function.__qualname__.isidentifier()
    if not plain or function.__name__ == "<lambda>":
        raise ValueError(f"expected a function at the top of a module; got {function!r}")
    return function


def unit_labels(tables: Tables, table: str, unit: str) -> np.ndarray[Any, Any]:
    """Return the distinct labels of `unit` in a table, in order."""
    frame = _table(tables, table)
    _known(f"unit {unit!r}", unit, frame.columns, f"table {table!r}")
    return np.unique(frame[unit].to_numpy())


def rows_of(frame: pd.DataFrame, units: np.ndarray[Any, Any], unit: str = "seed") -> pd.DataFrame:
    """Return the rows of the given units, those of a unit that occurs twice twice: for laws.

    >>> rows_of(pd.DataFrame({"seed": [1, 2, 2], "x": [5, 6, 7]}), np.array([2, 2]))["x"].tolist()
    [6, 7, 6, 7]
    """
    column = frame[unit].to_numpy()
    order = np.argsort(column, kind="stable")
    first = np.searchsorted(column[order], units, "left")
    count = np.searchsorted(column[order], units, "right") - first
    within = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count)
    return frame.take(order[np.repeat(first, count) + within])


def clusters(
    tables: Tables, unit: str, cluster: str, labels: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    """Return the cluster of each unit, from every table that has both columns.

    Raises
    ------
    ValueError
        If no table has both columns, or a unit lies in no cluster or in several.
    """
    pairs = [frame[[unit, cluster]] for frame in tables.values() if {unit, cluster} <= {*frame}]
    if not pairs:
        raise ValueError(f"no table has both columns {unit!r} and {cluster!r}")
    known = pd.concat(pairs).drop_duplicates().set_index(unit)[cluster]
    if not known.index.is_unique:
        raise ValueError(f"some {unit} lies in several {cluster}")
    lost = sorted(set(labels) - set(known.index))
    if lost:
        raise ValueError(f"{unit} {_few(lost)} lies in no {cluster}")
    return known.loc[labels].to_numpy()


def arguments(named: Mapping[str, Any]) -> Arguments:
    """Return named arguments as a hashable tuple in the order of their names."""
    return tuple(sorted(named.items()))


def bracketed(pairs: Arguments) -> str:
    """Return named arguments in print, such as "[arm=brier, seed=1]", or nothing."""
    return "[" + ", ".join(f"{k}={v}" for k, v in pairs) + "]" if pairs else ""


def _table(tables: Tables, name: str) -> pd.DataFrame:
    _known(f"table {name!r}", name, tables, "this result")
    return tables[name]


def _known(what: str, wanted: Any, valid: Any, where: str) -> None:
    valid = list(valid)
    if wanted not in valid:
        raise ValueError(f"{what} is not in {where}; it has {_few(sorted(valid, key=str), 30)}")


def _few(labels: list[Any], most: int = 5) -> str:
    shown = ", ".join(str(label) for label in labels[:most])
    return shown + (f" and {len(labels) - most} more" if len(labels) > most else "")


def _several_rows(chosen: pd.DataFrame, unit: str) -> str:
    """Say which columns vary within a unit: factors first, which take the same levels in all."""
    levels = {
        column: {tuple(sorted(map(str, rows))) for _, rows in chosen.groupby(unit)[column]}
        for column in chosen.columns.drop(unit)
    }
    varying = [column for column, seen in levels.items() if any(len({*row}) > 1 for row in seen)]
    factors = [column for column in varying if len(levels[column]) == 1]
    labels = factors if len(set(chosen[unit])) > 1 and factors else varying
    return f"{_few(labels)} still vary" if labels else "they repeat each other"


def _floats(numbers: pd.Series, name: str, undefined: float | None) -> pd.Series:
    try:
        found = numbers.to_numpy(dtype=float, na_value=np.nan)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers; got {numbers.dtype}") from error
    found = np.where(np.isfinite(found), found, np.nan if undefined is None else undefined)
    return pd.Series(found, index=numbers.index)
