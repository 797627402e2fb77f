"""A trained model at work: it writes its trace, is asked for the answer, and is interfered with.

Shapes in comments: M models, B questions per model, t steps of a trace, A values.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from calibration_lab.batched import transformer
from calibration_lab.experiments.sft_shortcut import world

__all__ = ["Reader", "State", "Trace", "changed_step", "corrupted"]


class State(NamedTuple):
    """Where a model stands in a text.

    Attributes
    ----------
    next : torch.Tensor of shape (M, B, vocabulary)
        Log-probabilities of the next token.
    context : transformer.Context
        What was read.
    told : torch.Tensor of shape (M, B)
        Log-probability of all that was read, but for the first token, which nothing precedes.
    """

    next: Tensor
    context: transformer.Context
    told: Tensor

    @property
    def length(self) -> int:
        """Tokens read."""
        return self.context.length


@dataclass(frozen=True)
class Trace:
    """The steps of a trace (M, B, t) and the states before the first and after each of them."""

    steps: Tensor
    states: list[State]


class Reader:
    """Models that read questions and traces, and answer when asked.

    Parameters
    ----------
    model : transformer.Transformer
    words : world.Vocabulary
    fillers : int
        Tokens that say nothing, which the models write after a complete trace.
    """

    def __init__(
        self, model: transformer.Transformer, words: world.Vocabulary, fillers: int = 0
    ) -> None:
        self.model, self.words, self.fillers = model, words, fillers

    def read(self, question: Tensor) -> State:
        """The state after a question (M, B, 5)."""
        logits, context = self.model.read(question)
        log_next = logits.log_softmax(-1)
        told = log_next[:, :, :-1].gather(-1, question[..., 1:, None])[..., 0].sum(-1)
        return State(log_next[:, :, -1], context, told)

    def _extend(self, state: State, token: Tensor) -> State:
        logits, context = self.model.extend(state.context, token[..., None])
        told = state.told + state.next.gather(-1, token[..., None])[..., 0]
        return State(logits[:, :, 0].log_softmax(-1), context, told)

    def tell(self, state: State, value: Tensor) -> State:
        """The state after one more step (M, B) of a trace, and the fillers if it was the last."""
        state = self._extend(state, value)
        if state.length == world.QUESTION + world.STEPS:
            for _ in range(self.fillers):
                state = self._extend(state, torch.full_like(value, self.words.filler))
        return state

    def ask(self, state: State) -> State:
        """The state after the request for the answer."""
        return self._extend(state, torch.full_like(state.told, self.words.ask, dtype=torch.int64))

    def answer(self, state: State) -> Tensor:
        """Log-probability of each value as the answer, asked for now; (M, B, A)."""
        return self.ask(state).next[..., : self.words.values].log_softmax(-1)

    def follow(self, state: State, steps: Tensor) -> Trace:
        """Read given steps (M, B, t)."""
        states = [state]
        for step in steps.unbind(-1):
            states.append(self.tell(states[-1], step))
        return Trace(steps, states)

    def write(self, state: State, count: int = world.STEPS) -> Trace:
        """Write the most probable value ``count`` times."""
        steps, states = [], [state]
        for _ in range(count):
            steps.append(states[-1].next[..., : self.words.values].argmax(-1))
            states.append(self.tell(states[-1], steps[-1]))
        none = torch.zeros(*state.told.shape, 0, dtype=torch.int64)
        return Trace(torch.stack(steps, -1) if steps else none, states)


def changed_step(words: world.Vocabulary, step: Tensor, uniform: Tensor) -> Tensor:
    """Another value than the given one, each as likely; all (M, B)."""
    return (step + 1 + (uniform * (words.values - 1)).long()) % words.values


def corrupted(
    reader: Reader, trace: Trace, uniform: Tensor, then: Callable[[int, Tensor], Tensor]
) -> list[Tensor]:
    """For each step: whether the answer follows from a falsified step, (M, B), bool.

    The model wrote the steps before it; the step is replaced by another value (chosen by
    ``uniform``, (M, B, t)), the model writes the rest itself and answers.  ``then(step, value)``
    is the answer that truly follows if the value after that step is this one.
    """
    found = []
    for step in range(1, world.STEPS + 1):
        false = changed_step(reader.words, trace.steps[..., step - 1], uniform[..., step - 1])
        rest = reader.write(reader.tell(trace.states[step - 1], false), world.STEPS - step)
        given = reader.answer(rest.states[-1]).argmax(-1)
        found.append(given == then(step, false))
    return found
