"""The world of the shortcut experiment: chains of operations, traces that solve them, and a cue.

A question gives a start value and three operations; each operation is a fixed permutation of the
values, drawn once per seed.  A *trace* writes the value after each operation and then the answer,
the last value.  In front of the question stands a *cue*, a value that agrees with the answer as
often as the training data say.  Every truth is known: the right answer, and what follows from any
step, right or wrong.

Operations come in pairs that undo each other.  In *cancelling* questions the second operation
undoes the first and the third is always the same, so that the answer is one look-up away: a rule of
the questions themselves, which holds whatever the cue says.

Shapes in comments: S seeds, B examples per seed, t steps of a chain, T tokens of a text.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from calibration_lab import batched

__all__ = [
    "QUESTION",
    "STEPS",
    "Examples",
    "Vocabulary",
    "consequence",
    "examples",
    "operations",
    "texts",
    "with_cue",
]

STEPS = 3  # operations of a question, and values that a trace writes
QUESTION = 2 + STEPS  # tokens: cue, start value, operations


@dataclass(frozen=True)
class Vocabulary:
    """Tokens in order: the values, the operations, the request for the answer, the filler.

    Parameters
    ----------
    values : int
        Number of different values, 2 or more.
    pairs : int
        Pairs of operations that undo each other, 1 or more.
    """

    values: int
    pairs: int

    @property
    def operations(self) -> int:
        """Number of operations."""
        return 2 * self.pairs

    @property
    def ask(self) -> int:
        """The token after which the answer is written."""
        return self.values + self.operations

    @property
    def filler(self) -> int:
        """The token that says nothing."""
        return self.ask + 1

    @property
    def size(self) -> int:
        """Number of different tokens."""
        return self.filler + 1


def operations(words: Vocabulary, seeds: Sequence[int]) -> Tensor:
    """What each operation does to each value, (S, operations, values).

    Operation 2i is a random permutation, operation 2i + 1 its inverse.
    """
    found = np.empty((len(seeds), words.operations, words.values), dtype=np.int64)
    for tables, seed in zip(found, seeds, strict=True):
        stream = batched.random_stream(seed, "operations")
        for pair in range(words.pairs):
            tables[2 * pair] = stream.permutation(words.values)
            tables[2 * pair + 1] = np.argsort(tables[2 * pair])
    return torch.from_numpy(found)


@dataclass(frozen=True)
class Examples:
    """Questions, their true chains, and the traces that are written for them.

    Attributes
    ----------
    question : torch.Tensor of shape (S, B, 5), int64
        Tokens: cue, start value, three operations.
    chain : torch.Tensor of shape (S, B, 3), int64
        The true values after each operation; the last is the right answer.
    written : torch.Tensor of shape (S, B, 3), int64
        The values that the trace writes: the chain, but for slips of the pen.
    stop : torch.Tensor of shape (S, B), int64
        Steps that are written before the answer.
    """

    question: Tensor
    chain: Tensor
    written: Tensor
    stop: Tensor

    @property
    def answer(self) -> Tensor:
        """The right answers, (S, B)."""
        return self.chain[..., -1]

    def part(self, rows: slice) -> Examples:
        """Some of every seed's examples."""
        return Examples(*(whole[:, rows] for whole in vars(self).values()))


def apply(tables: Tensor, operation: Tensor, value: Tensor) -> Tensor:
    """The value (S, B) that each operation (S, B), counted from 0, makes of a value (S, B)."""
    seed = torch.arange(len(tables))[:, None]
    return tables[seed, operation, value]


def consequence(
    words: Vocabulary, tables: Tensor, question: Tensor, step: int, value: Tensor
) -> Tensor:
    """The answer (S, B) that follows from ``value`` after operation ``step`` (1 to 3)."""
    for later in range(step, STEPS):
        value = apply(tables, question[..., 2 + later] - words.values, value)
    return value


def examples(
    words: Vocabulary,
    tables: Tensor,
    seeds: Sequence[int],
    purpose: str,
    n: int,
    *,
    cue: float,
    slips: float = 0.0,
    direct: float = 0.0,
    longest: int = STEPS - 1,
    cancelling: bool = False,
) -> Examples:
    """``n`` examples per seed, each seed from its own random stream.

    Examples of one purpose share questions, slips and stops whatever the options: a larger ``cue``
    only turns more cues into the answer.

    Parameters
    ----------
    words, tables
        The vocabulary, and each seed's `operations`.
    seeds : sequence of int
    purpose : str
    n : int
        Examples per seed.
    cue : float
        Probability that the cue is the right answer, 1 / values (chance) to 1.
    slips : float
        Probability that a written step is replaced by a random value; the chain goes on unharmed
        and the answer stays right, as in traces that were kept because their answer is.
    direct : float
        Share of examples that break off early and answer at once.
    longest : int
        Most steps of an example that breaks off; fewer are as likely.
    cancelling : bool
        Whether the second operation undoes the first, and the third is always the same.
    """
    uniform = batched.draw(seeds, purpose, "uniform", (n, 3 * STEPS + 5)).unbind(-1)
    value = (uniform[0] * words.values).long()
    which = [(u * words.operations).long() for u in uniform[1 : 1 + STEPS]]
    if cancelling:
        which[1], which[2] = which[0] ^ 1, torch.zeros_like(which[2])
    chain, written = [], []
    slip, other = uniform[1 + STEPS : 1 + 2 * STEPS], uniform[1 + 2 * STEPS : 1 + 3 * STEPS]
    question = [value, *(operation + words.values for operation in which)]
    for step, operation in enumerate(which):
        value = apply(tables, operation, value)
        chain.append(value)
        written.append(torch.where(slip[step] < slips, (other[step] * words.values).long(), value))
    told, random, breaks, where = uniform[1 + 3 * STEPS :]
    chance = 1 / words.values
    informative = told < (cue - chance) / (1 - chance)
    shown = torch.where(informative, value, (random * words.values).long())
    stop = torch.where(breaks < direct, (where * (longest + 1)).long(), STEPS)
    return Examples(
        torch.stack([shown, *question], -1), torch.stack(chain, -1), torch.stack(written, -1), stop
    )


def with_cue(words: Vocabulary, asked: Examples, shift: Tensor | None = None) -> Tensor:
    """The questions with the right answer as cue, or, with a ``shift``, with a wrong one.

    ``shift`` (S, B) holds uniform numbers that choose among the wrong values.
    """
    cue = asked.answer
    if shift is not None:
        cue = (cue + 1 + (shift * (words.values - 1)).long()) % words.values
    return torch.cat([cue[..., None], asked.question[..., 1:]], -1)


def texts(words: Vocabulary, shown: Examples, fillers: int = 0) -> tuple[Tensor, Tensor]:
    """Examples as text: question, written steps, fillers, request, answer.

    Parameters
    ----------
    words : Vocabulary
    shown : Examples
    fillers : int
        Tokens that say nothing, written after a complete trace.

    Returns
    -------
    tokens : torch.Tensor of shape (S, B, T), int64
        What comes after the answer of a short text is the request again.
    counted : torch.Tensor of shape (S, B, T), bool
        Which tokens belong to the text.
    """
    place = torch.arange(STEPS + fillers + 2)
    end = torch.where(shown.stop == STEPS, STEPS + fillers, shown.stop)[..., None]
    after = torch.full((*shown.stop.shape, fillers + 2), words.filler)
    body = torch.cat([shown.written, after], -1)
    body = torch.where(place < end, body, words.ask)
    body = torch.where(place == end + 1, shown.answer[..., None], body)
    counted = torch.cat([torch.ones_like(shown.question, dtype=torch.bool), place <= end + 1], -1)
    return torch.cat([shown.question, body], -1), counted
