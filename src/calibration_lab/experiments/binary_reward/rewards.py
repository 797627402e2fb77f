"""The arms of the binary-reward experiment: rewards that are tables over (correct, confidence)."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from calibration_lab import scores

if TYPE_CHECKING:
    from calibration_lab.experiments.binary_reward.experiment import Config

__all__ = ["ARMS", "Arm"]


@dataclass(frozen=True)
class Arm:
    """One reward: ``correct − weight · loss(confidence, correct)``, and its variations.

    Attributes
    ----------
    rule : str
        Scoring rule of the confidence, or "none".
    weight : float
        β; "scale condition" arms take the largest β that never rewards being wrong.
    before : bool
        The confidence is stated before the answer.
    shuffled : bool
        The confidence is scored against the correctness of another question's answer.
    coin : bool
        The reward for the answer is a coin flip, whatever the answer.
    standardised : bool
        The advantage is divided by the standard deviation of its group.
    by_another : bool
        The standard deviation is that of another question's group.
    answer_only : bool
        Only the answer token is reinforced; confidence changes with the shared trunk alone.
    """

    rule: str = "none"
    weight: float = 0.0
    before: bool = False
    shuffled: bool = False
    coin: bool = False
    standardised: bool = False
    by_another: bool = False
    answer_only: bool = False

    def table(self, config: Config) -> np.ndarray:
        """Reward for [correct, confidence level], shape (2, C); a coin counts as its mean."""
        levels = np.linspace(0, 1, config.levels)
        answer = np.array([[0.5], [0.5]]) if self.coin else np.array([[0.0], [1.0]])
        return answer - self.penalty(config, levels)

    def beta(self, config: Config) -> float:
        """The weight β as a number."""
        if math.isfinite(self.weight):
            return self.weight
        return scores.largest_safe_beta(scoring_rule(self.rule, config))

    def penalty(self, config: Config, levels: np.ndarray) -> np.ndarray:
        """Weighted loss of each [correct, confidence level], shape (2, C)."""
        if self.rule == "none":
            return np.zeros((2, len(levels)))
        rule = scoring_rule(self.rule, config)
        loss = [rule.loss(levels, np.full(len(levels), right)) for right in (0.0, 1.0)]
        return self.beta(config) * np.stack(loss)


SCALE_CONDITION = math.inf  # stands for "the largest β that satisfies the scale condition"

ARMS = {
    "binary": Arm(),
    "binary-answer-only": Arm(answer_only=True),
    "brier-0.25": Arm("brier", 0.25),
    "brier-1": Arm("brier", 1.0),
    "brier-2": Arm("brier", 2.0),
    "brier-4": Arm("brier", 4.0),
    "log-1": Arm("log", 1.0),
    "log-safe": Arm("log", SCALE_CONDITION),
    "spherical-1": Arm("spherical", 1.0),
    "linear-1": Arm("linear", 1.0),
    "penalise-only-wrong": Arm("penalise only wrong", 1.0),
    "brier-1-shuffled": Arm("brier", 1.0, shuffled=True),
    "coin-flip": Arm(coin=True),
    "coin-flip-answer-only": Arm(coin=True, answer_only=True),
    "brier-1-standardised": Arm("brier", 1.0, standardised=True),
    "brier-1-standardised-by-another": Arm("brier", 1.0, standardised=True, by_another=True),
    "before-binary": Arm(before=True),
    "before-brier-1": Arm("brier", 1.0, before=True),
    "before-coin-flip": Arm(coin=True, before=True),
}


def scoring_rule(name: str, config: Config) -> scores.ScoringRule:
    """The named scoring rule; the log score is clipped, as levels 0 and 1 would cost infinity."""
    rules = {
        "brier": scores.brier(),
        "log": scores.log(clip=config.log_clip),
        "spherical": scores.spherical(),
        "linear": scores.linear(),
        "penalise only wrong": scores.penalise_only_wrong(),
    }
    return rules[name]
