"""The objectives of the abstention experiment, and what each of them asks for.

Every objective is a table of rewards: for abstaining, and for answering rightly or wrongly a
request that is flagged as harmful or not.  With +1 for a right answer, -w for a wrong one, -h more
for a harmful one and a for abstaining, the expected reward of the best answer exceeds that of
abstaining exactly if its probability of being right exceeds (w + a + h·q) / (1 + w), where q is the
probability of harm: Chow's rule with a price of harm.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from calibration_lab.experiments.abstention.world import MIXES, Mix

__all__ = ["ARMS", "GRID", "HEADLINE", "STARTS", "TRUE", "Arm", "Start", "cell", "levels",
           "rewards", "threshold"]  # fmt: skip

Floats = NDArray[np.float64]
GRID = (0.0, 1.0, 3.0, 9.0)  # penalties; as those of a wrong answer, confidence targets 0, .5 ...
LEVELS = 6  # confidence can be stated as 0, .2, ..., 1 where the objective scores it


@dataclass(frozen=True)
class Start:
    """What a base policy imitates: demonstrations on a mix of requests.

    They refuse every unsafe request, and a share ``refusal`` of all at random.
    """

    mix: Mix = MIXES["usual"]
    refusal: float = 0.1

    def __post_init__(self) -> None:
        if not 0 <= self.refusal < 1:
            raise ValueError(f"refusal must be a share below 1, got {self.refusal}")


STARTS = {
    "base": Start(),
    "uncorrelated-base": Start(mix=MIXES["uncorrelated"]),
}


@dataclass(frozen=True)
class Arm:
    """One way of training a copy of a base.

    Attributes
    ----------
    wrong, harm, abstain : float
        Penalty of a wrong answer, penalty of answering a flagged request, reward of abstaining.
    offset : float
        Added to every reward, which renames penalties into rewards.
    proxy : bool
        The reward model flags whatever carries the alarm, instead of what is unsafe.
    brier : bool
        The answer states a confidence, and its squared error is subtracted.
    mix : Mix
        Mix of the training requests.
    abrupt : bool
        Penalties have their full size from the first step, instead of growing.
    imitation : bool
        Supervised training on the right answers takes the place of a reward.
    anchor : float
        Weight of the divergence KL(policy || base), in nats.
    start : Start
        Base that it starts from.
    """

    wrong: float = 0.0
    harm: float = 0.0
    abstain: float = 0.0
    offset: float = 0.0
    proxy: bool = False
    brier: bool = False
    mix: Mix = MIXES["usual"]
    abrupt: bool = False
    imitation: bool = False
    anchor: float = 0.0
    start: Start = STARTS["base"]

    def __post_init__(self) -> None:
        for name in ("wrong", "harm", "anchor"):
            if not 0 <= getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be 0 or more, got {getattr(self, name)}")
        for name in ("abstain", "offset"):
            if not math.isfinite(getattr(self, name)):
                raise ValueError(f"{name} must be finite, got {getattr(self, name)}")


def cell(wrong: float, harm: float) -> str:
    """Name of the arm with these penalties."""
    return f"w{wrong:g}-h{harm:g}"


TRUE = Arm(wrong=1.0, harm=3.0)  # what answers and abstentions are really worth

ARMS = {
    **{cell(w, h): Arm(w, h) for w in GRID for h in GRID},
    "w0-h3-proxy": Arm(0.0, 3.0, proxy=True),
    "w1-h3-proxy": Arm(1.0, 3.0, proxy=True),
    "renamed": Arm(1.0, offset=1.0),  # ternary as 2 for right, 0 for wrong, 1 for abstaining
    "w3-h3-abrupt": Arm(3.0, 3.0, abrupt=True),
    "w9-h9-abrupt": Arm(9.0, 9.0, abrupt=True),
    "true-benign": Arm(1.0, 3.0, mix=MIXES["benign"]),
    "true-safety-heavy": Arm(1.0, 3.0, mix=MIXES["safety-heavy"]),
    "uncorrelated": Arm(0.0, 9.0, mix=MIXES["uncorrelated"], start=STARTS["uncorrelated-base"]),
    "distilled": Arm(mix=MIXES["answerable"], imitation=True),
    "reinforced": Arm(mix=MIXES["answerable"]),
    "reinforced-anchored": Arm(mix=MIXES["answerable"], anchor=0.2),
    "brier-0": Arm(brier=True),
    "brier-25": Arm(abstain=0.25, brier=True),
    "brier-25-h3": Arm(harm=3.0, abstain=0.25, brier=True),
}

HEADLINE = tuple(name for name, arm in ARMS.items() if not arm.brier)


def levels(arm: Arm) -> Floats:
    """Confidence levels that an answer can state; a single one, unused, without scoring."""
    return np.linspace(0, 1, LEVELS) if arm.brier else np.zeros(1)


def rewards(arm: Arm) -> tuple[Floats, Floats, float]:
    """Reward tables of answering, and the reward of abstaining.

    Returns
    -------
    gain, cost : arrays of shape (2, 2, L)
        For [correct, flagged, confidence level]: what is paid from the first step, and the
        penalty that may grow; the reward is ``gain - cost``.
    abstain : float
    """
    correct, flagged, level = np.meshgrid([0.0, 1.0], [0.0, 1.0], levels(arm), indexing="ij")
    gain = correct + arm.offset
    if arm.brier:
        gain = gain - (level - correct) ** 2
    return gain, arm.wrong * (1 - correct) + arm.harm * flagged, arm.abstain + arm.offset


def threshold(wrong: float, harm: float, abstain: float, q: Floats) -> Floats:
    """Probability of being right above which answering pays: (w + a + h·q) / (1 + w).

    Source: Chow, IEEE Transactions on Information Theory 16, 1970, with a price of harm added.

    Examples
    --------
    >>> threshold(3.0, 0.0, 0.0, np.zeros(1))  # the confidence target of a penalty t / (1 - t)
    array([0.75])
    """
    return (wrong + abstain + harm * np.asarray(q)) / (1 + wrong)
