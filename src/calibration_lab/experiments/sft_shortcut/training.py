"""Pretraining of the base, and the fine-tuning arms that start from it.

Shapes in comments: S seeds, B examples per seed, T tokens of a text.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from torch import Tensor

from calibration_lab import batched
from calibration_lab.batched import transformer
from calibration_lab.experiments.sft_shortcut import world

if TYPE_CHECKING:
    from calibration_lab.experiments.sft_shortcut.experiment import Config

__all__ = ["ARMS", "BASE", "Arm", "batches", "finetune", "pretrain"]

_CHUNK = 50  # steps whose examples are drawn at once: starting a stream costs more than reading


@dataclass(frozen=True)
class Arm:
    """What the examples of one fine-tuning arm look like.

    Parameters
    ----------
    cue : float, optional
        Probability that the cue is the right answer; None is chance, 1 / values.
    slips : bool
        Whether steps slip as often as in pretraining; False is a flawless trace.
    fillers : int
        Tokens that say nothing, written after the steps.
    answer_only : bool
        Whether examples hold no steps at all.
    cancelling : bool
        Whether questions are those whose answer is one look-up away.
    """

    cue: float | None = None
    slips: bool = True
    fillers: int = 0
    answer_only: bool = False
    cancelling: bool = False

    def strength(self, values: int) -> float:
        """How often the cue is the right answer."""
        return 1 / values if self.cue is None else self.cue

    @property
    def questions(self) -> str:
        """Which questions the arm is trained on."""
        return "cancelling" if self.cancelling else "general"


BASE = Arm()
ARMS = {
    "sloppy-chance": Arm(),
    "sloppy-50": Arm(0.5),
    "sloppy-75": Arm(0.75),
    "sloppy-90": Arm(0.9),
    "sloppy-100": Arm(1.0),
    "clean-chance": Arm(slips=False),
    "clean-100": Arm(1.0, slips=False),
    "verbose": Arm(slips=False, fillers=world.STEPS),
    "valid-prior": Arm(cancelling=True),
    "answer-chance": Arm(answer_only=True),
}


def batches(
    config: Config,
    tables: Tensor,
    seeds: Sequence[int],
    purpose: str,
    arm: Arm,
    steps: int,
    n: int,
) -> Iterator[world.Examples]:
    """``n`` fresh examples per seed for each of ``steps``; arms share questions and slips."""
    for start in range(0, steps, _CHUNK):
        drawn = world.examples(
            config.words,
            tables,
            seeds,
            f"{purpose} {start}",
            _CHUNK * n,
            cue=arm.strength(config.values),
            slips=config.slips if arm.slips else 0.0,
            direct=1.0 if arm.answer_only else config.direct,
            cancelling=arm.cancelling,
            longest=0 if arm.answer_only else world.STEPS - 1,
        )
        for step in range(min(_CHUNK, steps - start)):
            yield drawn.part(slice(step * n, (step + 1) * n))


def losses(model: transformer.Transformer, tokens: Tensor, counted: Tensor) -> Tensor:
    """Mean surprise of the counted tokens of each model's texts (S, B, T), in nats; shape (S,)."""
    logits, _ = model.read(tokens[..., :-1])
    found = logits.log_softmax(-1).gather(-1, tokens[..., 1:, None])[..., 0]
    weight = counted[..., 1:].to(found.dtype)
    return -(found * weight).sum((1, 2)) / weight.sum((1, 2))


def cosine(step: int, steps: int) -> float:
    """Share of the learning rate in a step, falling from 1 to 0 along a cosine."""
    return 0.5 * (1 + math.cos(math.pi * step / steps))


def pretrain(config: Config, tables: Tensor, seeds: Sequence[int]) -> batched.Parameters:
    """One base per seed: a language model of texts whose cue says nothing.

    Every token of the text counts, so that the base can judge whole texts too.
    """
    base = batched.Parameters(config.architecture.shapes(), len(seeds))
    base.initialise(seeds, "base")
    optimiser = batched.Adam(base, config.pretraining_rate)
    steps = config.pretraining_steps
    shown = batches(config, tables, seeds, "pretraining", BASE, steps, config.batch)
    for step, examples in enumerate(shown):
        tokens, counted = world.texts(config.words, examples)
        model = transformer.Transformer(config.architecture, base)
        batched.train_step(
            losses(model, tokens, counted), optimiser, cosine(step, steps), config.clip
        )
    return base


def finetune(
    config: Config, tables: Tensor, base: batched.Parameters, seeds: Sequence[int], arm: Arm
) -> batched.Parameters:
    """One copy of each seed's base, trained on an arm's texts: what follows the question counts."""
    trained = base.take(range(len(seeds)))
    optimiser = batched.Adam(trained, config.rate)
    shown = batches(config, tables, seeds, "fine-tuning", arm, config.steps, config.batch)
    for step, examples in enumerate(shown):
        tokens, counted = world.texts(config.words, examples, arm.fillers)
        counted[..., : world.QUESTION] = False
        model = transformer.Transformer(config.architecture, trained)
        batched.train_step(
            losses(model, tokens, counted), optimiser, cosine(step, config.steps), config.clip
        )
    return trained
