"""The run that statements are declared on, so that each of them need not repeat it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from calibration_lab.statements.declarations import Control, Statement
from calibration_lab.statements.kinds import Test


@dataclass(frozen=True)
class DeclaredOn:
    """A run that statements are declared on: it completes their keys and knows its units.

    prefix : str     What every key begins with, such as "binary-reward/" or "lab/sweep-".
    units : int      Units of the published run.
    exhibit : str    Exhibit whose tables are read; "" is the headline run.
    """

    prefix: str
    units: int
    exhibit: str = ""

    def statement(
        self, name: str, text: str, test: Test, *controls: Control, **fields: Any
    ) -> Statement:
        """Declare a statement, empirical unless ``truth`` says otherwise; see `Statement`."""
        return Statement(**self._fields(name, text, test, fields), controls=controls)

    def control(
        self, name: str, text: str, test: Test, truth: str = "empirical", **fields: Any
    ) -> Control:
        """Declare a control; see `Control`."""
        return Control(**self._fields(name, text, test, fields | {"truth": truth}))

    def _fields(
        self, name: str, text: str, test: Test, fields: Mapping[str, Any]
    ) -> dict[str, Any]:
        usual = {"truth": "empirical", "units": self.units, "exhibit": self.exhibit}
        if fields.get("test_fraction") is not None:
            usual["unit"] = "split"
        return usual | {"key": self.prefix + name, "text": text, "test": test} | dict(fields)
