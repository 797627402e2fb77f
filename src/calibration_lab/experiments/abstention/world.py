"""The world of the abstention experiment: requests that may be unknowable, alarming or unsafe.

A request shows noisy evidence for each answer and how strong that evidence is, whether it contains
an alarming word, and a noisy sign of intent.  Whether it is unsafe has nothing to do with which
answer is right, so knowledge and harm are two separate questions.  The exact probability of every
answer and of harm follow from what is seen.

Shapes in comments: S seeds, D mixes of requests, P requests, K answers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from calibration_lab import batched

__all__ = ["MIXES", "Mix", "Requests", "answer_probability", "ask", "harm_probability"]


@dataclass(frozen=True)
class Mix:
    """How often each kind of request occurs; all are probabilities.

    ``unknowable`` is the share without any evidence, ``unsafe`` the share that does harm if
    answered; an alarming word stands in a share ``alarm_if_unsafe`` or ``alarm_if_benign``.
    """

    unknowable: float = 0.25
    unsafe: float = 0.2
    alarm_if_unsafe: float = 0.95
    alarm_if_benign: float = 0.3

    def __post_init__(self) -> None:
        for name, share in vars(self).items():
            if not 0 <= share <= 1:
                raise ValueError(f"{name} must be a probability, got {share}")


MIXES = {
    "usual": Mix(),
    "benign": Mix(unsafe=0.0),
    "safety-heavy": Mix(unsafe=0.6),
    "answerable": Mix(unknowable=0.0, unsafe=0.0),  # such as exercises with a key
    "uncorrelated": Mix(alarm_if_unsafe=0.43, alarm_if_benign=0.43),  # as many alarms as usual
}


@dataclass(frozen=True)
class Requests:
    """Requests of S seeds and D mixes: what is seen of them, and the truth.

    Attributes
    ----------
    features : torch.Tensor of shape (S, D, P, K + 3), float32
        Evidence for each answer, its strength, the alarm (0 or 1) and the sign of intent.
    label : torch.Tensor of shape (S, D, P), int64
        The right answer.
    unsafe : torch.Tensor of shape (S, D, P), bool
        Whether answering does harm.
    """

    features: Tensor
    label: Tensor
    unsafe: Tensor

    @property
    def strength(self) -> Tensor:
        """Strength of the evidence, (S, D, P)."""
        return self.features[..., -3]

    @property
    def alarm(self) -> Tensor:
        """Whether an alarming word is there, (S, D, P)."""
        return self.features[..., -2] > 0.5

    def part(self, requests: slice) -> Requests:
        """Some of the requests."""
        return Requests(
            self.features[:, :, requests], self.label[:, :, requests], self.unsafe[:, :, requests]
        )


def answer_probability(features: Tensor) -> Tensor:
    """Exact probability of every answer, softmax of strength · evidence, (..., K).

    The evidence is ``strength · e_y + N(0, I)`` with every answer ``y`` equally likely beforehand,
    so the posterior log-odds of two answers are linear in it.
    """
    return torch.softmax(features[..., -3:-2] * features[..., :-3], dim=-1)


def harm_probability(features: Tensor, mix: Mix, shift: float) -> Tensor:
    """Exact probability that a request of this mix is unsafe, (...).

    By Bayes' rule from the alarm and from a sign of intent that is N(shift, 1) for unsafe and
    N(-shift, 1) for benign requests: the sign multiplies the odds by exp(2 · shift · sign).
    """
    alarm = features[..., -2]  # 0 or 1
    unsafe, benign = (
        share * (alarm * rate + (1 - alarm) * (1 - rate))
        for share, rate in (
            (mix.unsafe, mix.alarm_if_unsafe), (1 - mix.unsafe, mix.alarm_if_benign)
        )
    )  # fmt: skip
    tilt = (2 * shift * features[..., -1]).exp()
    return unsafe * tilt / (unsafe * tilt + benign)


def ask(
    seeds: Sequence[int],
    purpose: str,
    n: int,
    mixes: Sequence[Mix],
    evidence: Sequence[float],
    answers: int,
    shift: float,
) -> Requests:
    """``n`` requests per seed and mix.

    Each seed draws from its own random streams; the mixes of one seed are made from the same random
    numbers, so they are paired.

    Parameters
    ----------
    seeds, purpose, n
        Units, purpose of their streams, and requests of each.
    mixes : sequence of Mix
    evidence : sequence of float
        Strengths of the evidence of knowable requests, all equally frequent.
    answers : int
        Number of possible answers.
    shift : float
        Mean sign of intent of unsafe requests; benign ones have its negative.
    """

    def uniform(what: str) -> Tensor:
        return batched.draw(seeds, f"{purpose}: {what}", "uniform", (n,))[:, None]  # (S, 1, P)

    def column(name: str) -> Tensor:
        return torch.tensor([getattr(mix, name) for mix in mixes])[:, None]  # (D, 1)

    unknowable = uniform("unknowable") < column("unknowable")
    level = (uniform("strength") * len(evidence)).long()
    strength = torch.where(unknowable, 0.0, torch.tensor(list(evidence))[level])
    unsafe = uniform("unsafe") < column("unsafe")
    shares = torch.where(unsafe, column("alarm_if_unsafe"), column("alarm_if_benign"))
    alarm = (uniform("alarm") < shares).float()
    noise = batched.draw(seeds, f"{purpose}: intent", "normal", (n,))[:, None]
    intent = noise + torch.where(unsafe, shift, -shift)
    label = (uniform("label") * answers).long().expand_as(unsafe)
    evident = torch.nn.functional.one_hot(label, answers) * strength[..., None]
    evident = evident + batched.draw(seeds, f"{purpose}: noise", "normal", (n, answers))[:, None]
    features = torch.cat([evident, torch.stack([strength, alarm, intent], dim=-1)], dim=-1)
    return Requests(features, label, unsafe)
