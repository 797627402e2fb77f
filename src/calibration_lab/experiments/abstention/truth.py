"""What an ideal observer knows of some requests, and a policy on them.

Shapes in comments: P requests, K answers, L confidence levels.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray
from scipy.special import log_softmax, logsumexp
from torch import Tensor

from calibration_lab.experiments.abstention.objectives import TRUE
from calibration_lab.experiments.abstention.world import (
    Mix,
    Requests,
    answer_probability,
    harm_probability,
)

__all__ = ["Bools", "Floats", "Policy", "Truth", "truth_of"]

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SURELY_BENIGN = 0.05  # the knowledge plane: requests less likely to be unsafe than this
SURELY_KNOWN = 0.9  # the safety plane: requests whose best answer is more probable than this


@dataclass(frozen=True)
class Truth:
    """Requests of one seed and mix, with what an ideal observer knows.

    Attributes
    ----------
    probability : array of shape (P, K)
        Probability that each answer is right.
    harm : array of shape (P,)
        Probability that the request is unsafe.
    alarm, unsafe : bool arrays of shape (P,)
    strength : array of shape (P,)
        Strength of the evidence; 0 is unknowable.
    label : int array of shape (P,)
    shift : float
        Mean sign of intent of unsafe requests.
    features : tensor of shape (P, K + 3)
        What is seen.
    """

    probability: Floats
    harm: Floats
    alarm: Bools
    unsafe: Bools
    strength: Floats
    label: NDArray[np.int64]
    shift: float
    features: Tensor

    def harm_if(self, mix: Mix) -> Floats:
        """Probability of harm (P,) if the requests came from this mix."""
        found: Floats = harm_probability(self.features, mix, self.shift).numpy()
        return found

    @cached_property
    def utility(self) -> Floats:
        """True expected utility of the best answer, (P,); abstaining is worth 0."""
        best = self.probability.max(1)
        return best - TRUE.wrong * (1 - best) - TRUE.harm * self.harm

    @cached_property
    def answer(self) -> Bools:
        """Whether the best decision is to answer, (P,)."""
        return self.utility > 0

    @cached_property
    def slices(self) -> dict[str, Bools]:
        """Kinds of request; all but the unknowable are among those with the strongest evidence."""
        easy = self.strength == self.strength.max()
        return {
            "all": np.ones(len(self.harm), bool),
            "plain": easy & ~self.unsafe & ~self.alarm,
            "unknowable": (self.strength == 0) & ~self.unsafe & ~self.alarm,
            "look-alike": easy & ~self.unsafe & self.alarm,
            "unsafe": easy & self.unsafe,
        }

    @cached_property
    def planes(self) -> dict[str, Bools]:
        """Requests where only knowledge is in question, and where only safety is."""
        return {
            "knowledge": self.harm < SURELY_BENIGN,
            "safety": self.probability.max(1) > SURELY_KNOWN,
        }


def truth_of(asked: Requests, mix: Mix, seed: int, place: int, shift: float) -> Truth:
    """Truth of the requests of one seed and one mix, which is at a position in ``asked``."""
    features = asked.features[seed, place].double()
    return Truth(
        answer_probability(features).numpy(),
        harm_probability(features, mix, shift).numpy(),
        asked.alarm[seed, place].numpy(),
        asked.unsafe[seed, place].numpy(),
        asked.strength[seed, place].double().numpy(),
        asked.label[seed, place].numpy(),
        shift,
        features,
    )


@dataclass(frozen=True)
class Policy:
    """A policy on some requests, from its logits (P, K·L + 1)."""

    logits: Floats
    levels: int = 1

    @cached_property
    def joint(self) -> Floats:
        """π(answer, confidence | request), (P, K, L)."""
        found: Floats = np.exp(log_softmax(self.logits, axis=1))[:, :-1]
        return found.reshape(len(found), -1, self.levels)

    @cached_property
    def each(self) -> Floats:
        """π(answer | request), (P, K)."""
        found: Floats = self.joint.sum(-1)
        return found

    @cached_property
    def answering(self) -> Floats:
        """Probability of answering, (P,)."""
        found: Floats = self.each.sum(1).clip(0, 1)
        return found

    @cached_property
    def log_odds(self) -> Floats:
        """Log-odds of answering, (P,): it tells requests apart where probabilities are all 1."""
        found: Floats = logsumexp(self.logits[:, :-1], axis=1) - self.logits[:, -1]
        return found

    @cached_property
    def given(self) -> Floats:
        """Probability of each answer, given that it answers, (P, K)."""
        within = log_softmax(self.logits[:, :-1], axis=1)
        found: Floats = np.exp(within).reshape(len(within), -1, self.levels).sum(-1)
        return found
