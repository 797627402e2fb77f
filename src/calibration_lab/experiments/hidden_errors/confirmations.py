"""What the confirmations of the hidden-errors experiment claim."""

from __future__ import annotations

from calibration_lab.statements import Measured, Statement

STATEMENTS: tuple[Statement, ...] = ()
QUANTITIES: dict[str, Measured] = {}
