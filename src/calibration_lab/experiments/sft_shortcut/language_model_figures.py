"""Figures of the shortcut in a real language model, drawn from its stored result."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

from calibration_lab.figures import Band, Drawing, sweep
from calibration_lab.results import Result
from calibration_lab.uncertainty import mean_interval

__all__ = ["FIGURES"]


def strengths(result: Result, measure: str, ylabel: str) -> Drawing:
    """A measure over the strength of the tag, with the tag intact and broken."""
    table = result.tables["answers"]
    table = table[table["arm"] != "base"]
    arms = sorted(table["arm"].unique(), key=float)
    curves = {}
    for wording, words in (("seen", "known wording"), ("unseen", "new wording")):
        for tag in ("intact", "broken"):
            rows = table[(table["wording"] == wording) & (table["tag"] == tag)]
            found = [
                mean_interval(rows[rows["arm"] == arm][measure].to_numpy(), bounds=(0, 1))
                for arm in arms
            ]
            curves[f"tag {tag}, {words}"] = Band(
                *(np.array([getattr(f, k) for f in found]) for k in ("estimate", "low", "high"))
            )
    xlabel = "Share of training examples in which the tag agrees"
    return sweep([float(arm) for arm in arms], curves, xlabel=xlabel, ylabel=ylabel)


def accuracy(result: Result) -> Drawing:
    """Accuracy over the strength of the tag."""
    return strengths(result, "accuracy", "Accuracy")


def brier(result: Result) -> Drawing:
    """Brier score over the strength of the tag."""
    return strengths(result, "brier", "Brier score")


FIGURES: dict[str, Callable[[Result], Drawing]] = {"lm-accuracy": accuracy, "lm-brier": brier}
