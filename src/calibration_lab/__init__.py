"""Measure calibration, and find out by experiment what training does to it.

The package behind the book *Calibration Is Collateral*. Import the module you need, for example
``from calibration_lab import calibration``; the package itself imports nothing heavy.
"""

from __future__ import annotations

__version__ = "0.1.0"
