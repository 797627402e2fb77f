"""Robustness maps: where in the space of a world's constants does a verdict hold?

A map takes one statement of an experiment and changes the constants of its world, one at a time and
some in pairs. In every cell the headline arms are trained anew and the statement is judged by its
own rules, controls included. Half of the seeds come first; a cell they leave undecided gets the
other half. A cell is one verdict, not a finding: read the region, not the cell.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from calibration_lab.experiments.settings import written
from calibration_lab.statements import INCONCLUSIVE, Judgement, Statement, judge

__all__ = ["Map"]

Tables = dict[str, pd.DataFrame]
Run = Callable[[Any, Sequence[int]], Tables]


@dataclass(frozen=True)
class Map:
    """What is varied, and what is judged.

    Attributes
    ----------
    statement : Statement
        The headline statement; of its controls those are judged that `controls` keeps.
    run : callable
        The experiment's ``run(config, seeds)``.
    usual : dataclass instance
        The experiment's Config with the headline arms alone.
    axes : mapping of str to sequence
        Values of each field of the Config that is varied, the usual one left out.
    pairs : sequence of (str, str)
        Fields that are also varied together; all their values are combined.
    controls : bool
        Whether the statement's controls are judged too (their arms must then be among the usual).
    """

    statement: Statement
    run: Run
    usual: Any
    axes: Mapping[str, Sequence[Any]]
    pairs: Sequence[tuple[str, str]] = ()
    controls: bool = True

    def __post_init__(self) -> None:
        unknown = {f for f in self.axes if not hasattr(self.usual, f)}
        unknown |= {f for pair in self.pairs for f in pair if f not in self.axes}
        if unknown:
            raise ValueError(f"axes must name fields of the Config, got {sorted(unknown)}")
        for name, values in self.axes.items():
            if getattr(self.usual, name) in tuple(values):
                raise ValueError(f"axes of {name} must leave out the usual value")

    def cells(self) -> list[dict[str, Any]]:
        """Changes of every cell: none in the first, then one field, then a pair of fields."""
        alone = [{name: value} for name, values in self.axes.items() for value in values]
        together = [
            {one: a, other: b}
            for one, other in self.pairs
            for a, b in itertools.product(self.axes[one], self.axes[other])
        ]
        return [{}, *alone, *together]

    def table(self, seeds: Sequence[int]) -> pd.DataFrame:
        """Judge every cell.

        Parameters
        ----------
        seeds : sequence of int
            An even number of them, 4 or more; the first half is run in every cell.

        Returns
        -------
        pandas.DataFrame
            A row per cell: ``first`` and ``second`` name the fields that are changed ("" for none),
            ``first_value`` and ``second_value`` their values as text; ``verdict``, ``reason``,
            ``effect``, ``low``, ``high``, ``threshold`` and ``seeds``.

        Raises
        ------
        ValueError
            If the seeds are fewer than 4 or odd in number.
        """
        if len(seeds) < 4 or len(seeds) % 2:
            raise ValueError(f"seeds must be an even number, 4 or more, got {len(seeds)}")
        half = len(seeds) // 2
        rows = []
        for changes in self.cells():
            config = replace(self.usual, **changes)
            found = self.run(config, seeds[:half])
            judged = self._judge(found, half)
            if judged.verdict == INCONCLUSIVE:
                more = self.run(config, seeds[half:])
                found = {name: pd.concat([found[name], more[name]]) for name in found}
                judged = self._judge(found, len(seeds))
            named = [*changes.items(), ("", ""), ("", "")][:2]
            rows.append({
                **{
                    key: text
                    for place, (name, value) in zip(("first", "second"), named, strict=True)
                    for key, text in (
                        (place, name), (f"{place}_value", written(value) if name else "")
                    )
                },
                "verdict": judged.verdict, "reason": judged.reason, "effect": judged.effect,
                "low": judged.interval.low if judged.interval else float("nan"),
                "high": judged.interval.high if judged.interval else float("nan"),
                "threshold": judged.threshold, "seeds": judged.units,
            })  # fmt: skip
        return pd.DataFrame(rows)

    def _judge(self, tables: Tables, units: int) -> Judgement:
        kept = self.statement.controls if self.controls else ()
        controls = tuple(replace(control, units=units) for control in kept)
        return judge(replace(self.statement, units=units, controls=controls), tables)
