"""The language model's verdicts on the full grid: six wordings, six temperatures, three forms."""

from __future__ import annotations

from dataclasses import dataclass

from calibration_lab.experiments.temperature_zero import language_model
from calibration_lab.experiments.temperature_zero.language_items import FORMS, PARAPHRASES
from calibration_lab.experiments.temperature_zero.language_model import missing, run

__all__ = ["Config", "missing", "run"]


@dataclass(frozen=True)
class Config(language_model.Config):
    """The grid of the published confirmation; everything else is as in the book's own run."""

    paraphrases: tuple[str, ...] = tuple(PARAPHRASES)
    temperatures: tuple[float, ...] = (0.0, 0.25, 0.5, 0.7, 1.0, 1.5)
    forms: tuple[str, ...] = tuple(FORMS)
