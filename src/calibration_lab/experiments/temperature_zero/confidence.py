"""Agreement used as confidence: how well is it calibrated, at which temperature, after what repair?

Calibration is measured against the known probability that the answer is right, so the floor of
each error is what a finite number of repetitions leaves.  Only recalibration uses drawn labels: a
practitioner has no others.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit

from calibration_lab import calibration
from calibration_lab.calibration import recalibration
from calibration_lab.experiments.temperature_zero.judges import ALL, Items, Judge, probability

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Source:
    """Where a confidence comes from: answers to one phrasing or to all, at a temperature.

    ``draws`` answers are drawn, per phrasing if ``phrasings`` is true; with 0 the judge's own
    probability is taken, which is what endlessly many draws converge to.
    """

    temperature: float
    draws: int
    phrasings: bool = False

    def share(self, judge: Judge, items: Items, uniform: Floats) -> Floats:
        """Share of yes among the answers, (n,)."""
        odds = judge.odds(items, ALL) if self.phrasings else judge.odds(items)[:, None]
        p = probability(odds, self.temperature)
        if not self.draws:
            return np.asarray(p.mean(axis=1))
        draws = p.shape[1] * self.draws
        return np.asarray((uniform[:, :draws] < np.repeat(p, self.draws, axis=1)).mean(axis=1))


def answer(share: Floats, items: Items) -> tuple[Floats, Floats, Floats]:
    """Majority answer: its share, the probability that it is right, and whether it is, each (n,).

    Yes on a tie.
    """
    yes = share >= 0.5
    confidence = np.where(yes, share, 1 - share)
    right = expit(np.where(yes, items.odds, -items.odds))
    return confidence, right, (yes == (items.label == 1)).astype(float)


def measure(confidence: Floats, right: Floats) -> dict[str, float]:
    """Accuracy, and how well confidence is calibrated and tells right from wrong."""
    return {
        "accuracy": float(right.mean()),
        "confidence": float(confidence.mean()),
        "over_confidence": float(confidence.mean() - right.mean()),
        "ece": calibration.expected_calibration_error(confidence, right),
        "brier": calibration.brier_score(confidence, right),
        "auroc": calibration.auroc(confidence, right),
    }


def examine(
    judge: Judge,
    sources: Mapping[str, Source],
    test: tuple[Items, Floats],
    validation: tuple[Items, Floats],
) -> tuple[list[dict], list[dict]]:
    """Every source of confidence of one judge, as it is and recalibrated by isotonic regression.

    ``test`` and ``validation`` are items with uniform numbers (n, draws) that choose the answers.
    Returns rows of the tables ``confidence`` and ``reliability_curve``.
    """
    rows, curve = [], []
    for name, source in sources.items():
        confidence, right, _ = answer(source.share(judge, *test), test[0])
        known, _, correct = answer(source.share(judge, *validation), validation[0])
        repaired = recalibration.fit_isotonic(known, correct)(confidence)
        for method, values in (("none", confidence), ("isotonic", np.asarray(repaired))):
            unit = {"source": name, "recalibration": method}
            rows.append({**unit, **measure(values, right)})
            level = np.minimum((values * 10).astype(int), 9)
            curve += [
                {
                    **unit,
                    "level": (b + 0.5) / 10,
                    "weight": float((level == b).mean()),
                    "confidence": float(values[level == b].mean()),
                    "right": float(right[level == b].mean()),
                }
                for b in np.unique(level)
            ]
    return rows, curve
