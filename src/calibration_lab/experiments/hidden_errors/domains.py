"""What the three domains have in common: named fields, a heuristic, a constraint, and cases.

A case has salient fields, from which a rule of thumb gets the log-odds that the harmful answer is
right, and quiet fields, in which a rare *constraint* can be read.  Where the constraint is active
the harmful answer is right, whatever the rule of thumb says.  The *tail* are the cases where it is
active, nobody wrote it down, and the rule of thumb is confident of the opposite.

Each domain (``triage.py``, ``law.py``, ``finance.py``) has its own fields and its own kind of
constraint; all are synthetic.  Two notes end every record: one states the constraint in words, the
other is as rare and says something that does not matter.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from calibration_lab.batched import random_stream

__all__ = ["NOTES", "VARIANTS", "Cases", "Domain", "Field", "draw_cases", "stack"]

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Draw = Callable[[int, str, Flags], tuple[Floats, Floats]]

CONFIDENT = 3.0  # log-odds from which the rule of thumb is sure of itself: more than 95%
UNDECIDED = 1.5  # log-odds up to which it is not: less than 82%
VARIANTS = ("plain", "absent", "noisy", "explicit")


@dataclass(frozen=True)
class Field:
    """One field of a record: its name, kind, values in words, and how many numbers it takes."""

    name: str
    kind: str
    values: str
    columns: int = 1


NOTES = (
    Field("note on the constraint", "flag", "1 where somebody wrote down that it applies"),
    Field("other note", "flag", "1 for an equally rare note on something that does not matter"),
)


@dataclass(frozen=True)
class Domain:
    """A domain's data card and the function that draws its fields.

    ``draw(seed, purpose, active)`` returns the fields of one case per entry of ``active`` (notes
    left out), shape (n, columns), and the rule of thumb's log-odds of the harmful answer, (n,).
    The salient fields do not depend on ``active``, so two calls that differ in it alone give pairs.
    """

    name: str
    question: str
    harmless: str  # answer 0
    harmful: str  # answer 1: the one that it harms to miss
    heuristic: str
    constraint: str
    harm: str
    fields: tuple[Field, ...]
    draw: Draw

    @property
    def columns(self) -> int:
        """Numbers per record, the two notes included."""
        return sum(field.columns for field in (*self.fields, *NOTES))


class Rates(Protocol):
    """What is read of the experiment's Config."""

    @property
    def unstated(self) -> float: ...
    @property
    def stated(self) -> float: ...
    @property
    def other_note(self) -> float: ...
    @property
    def reversal(self) -> float: ...
    @property
    def noisy(self) -> float: ...


class Cases(NamedTuple):
    """Cases of one seed and what is known of them; n cases.

    features (n, columns) float32; log_odds (n,) of the rule of thumb; active, stated, tail (n,);
    probability (n,) that the harmful answer is right; label (n,) drawn from it.
    """

    features: NDArray[np.float32]
    log_odds: Floats
    active: Flags
    stated: Flags
    tail: Flags
    probability: Floats
    label: NDArray[np.int64]

    def where(self, chosen: NDArray[np.intp] | Flags) -> Cases:
        """The chosen cases."""
        return Cases(
            self.features[chosen], self.log_odds[chosen], self.active[chosen],
            self.stated[chosen], self.tail[chosen], self.probability[chosen], self.label[chosen],
        )  # fmt: skip


def sigmoid(log_odds: Floats) -> Floats:
    """Probability of given log-odds, without overflow."""
    return np.exp(-np.logaddexp(0.0, -log_odds))


def draw_cases(
    domain: Domain,
    seed: int,
    purpose: str,
    n: int,
    rates: Rates,
    variant: str = "plain",
    active: bool | None = None,
) -> Cases:
    """``n`` cases of one seed.

    Parameters
    ----------
    domain : Domain
    seed, purpose : int, str
        Name the random streams; cases of equal ones have the same salient fields.
    n : int
    rates : Rates
        ``unstated``, ``stated``: shares of cases where the constraint is active without and with a
        note; ``other_note``: share with the other note; ``reversal``: probability of the harmful
        answer where the constraint is active; ``noisy``: the same in the tail of "noisy".
    variant : {"plain", "absent", "noisy", "explicit"}
        "absent": the quiet fields do not show an unstated constraint. "noisy": in the tail the
        harmful answer is merely more probable than the rule of thumb says, not the likely one.
        "explicit": the note is there whenever the constraint is active.
    active : bool, optional
        Makes the unstated constraint active in every case or in none, without any note.

    Raises
    ------
    ValueError
        If the variant is unknown.
    """
    if variant not in VARIANTS:
        raise ValueError(f"variant must be one of {', '.join(VARIANTS)}, got {variant!r}")
    stream = random_stream(seed, f"{domain.name} {purpose}: constraint")
    chance, other, outcome = (stream.random(n) for _ in range(3))
    stated = chance < rates.stated
    unstated = ~stated & (chance < rates.stated + rates.unstated)
    other_note = other < rates.other_note
    if active is not None:
        stated, unstated, other_note = (np.full(n, flag) for flag in (False, active, False))
    on = stated | unstated
    fields, log_odds = domain.draw(seed, purpose, stated if variant == "absent" else on)
    tail = unstated & (log_odds < -CONFIDENT)
    probability = np.where(on, rates.reversal, sigmoid(log_odds))
    if variant == "noisy":
        probability = np.where(tail, rates.noisy, probability)
    note = on if variant == "explicit" else stated
    features = np.column_stack([fields, note, other_note]).astype(np.float32)
    label = (outcome < probability).astype(np.int64)
    return Cases(features, log_odds, on, stated, tail, probability, label)


def stack(cases: Sequence[Cases]) -> tuple[Tensor, Tensor]:
    """Features (S, n, columns) and labels (S, n) of several seeds' cases."""
    features = torch.from_numpy(np.stack([one.features for one in cases])).clone()
    return features, torch.from_numpy(np.stack([one.label for one in cases]))
