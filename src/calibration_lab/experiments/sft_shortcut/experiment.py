"""Fine-tuning and shortcuts: what does it do to reasoning, and what do its measures measure?

A small transformer learns to solve chains of operations by writing the steps down.  It is then
fine-tuned on more such texts, in front of which stands a cue that agrees with the answer more or
less often.  Fine-tuning arms differ in the cue, in the traces and in the questions; all start from
the same base of their seed and see the same stream of questions.

Constants and the run stand here; the world in ``world.py``, the training in ``training.py``, a
model at work in ``probing.py``, what it is asked in ``examination.py`` and the measures in
``measures.py``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from torch import Tensor

from calibration_lab import batched
from calibration_lab.batched import transformer
from calibration_lab.experiments.sft_shortcut import examination, training, world
from calibration_lab.experiments.sft_shortcut.probing import Reader
from calibration_lab.experiments.sft_shortcut.training import ARMS, BASE, Arm

__all__ = ["Config", "examine_all", "run"]

CANCELLING = ("base", "sloppy-chance", "sloppy-100", "valid-prior")  # arms that are asked those too
JUDGES = {"base": "base", "reader": "clean-chance", "knowing": "sloppy-100"}  # frozen evaluators


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    arms: tuple[str, ...] = tuple(ARMS)
    values: int = 5  # different values; with six, half of the bases stay poor
    pairs: int = 3  # of operations that undo each other; more take longer to learn
    slips: float = 0.3  # share of written steps that are replaced by a random value
    direct: float = 0.25  # share of examples that break off after 0 to 2 steps and answer at once
    width: int = 48  # of the transformer; 32 learns the operations more slowly
    heads: int = 3  # of each layer
    layers: int = 2  # one is enough to write the steps, but not to answer without them
    batch: int = 32  # texts per step
    pretraining_steps: int = 450  # leaves most bases room to learn; the sensitivity run has more
    pretraining_rate: float = 5e-3  # Adam, cosine to zero
    steps: int = 180  # fine-tuning steps; fewer leave able bases half-way to the shortcut
    rate: float = 6e-3  # Adam, cosine to zero; at half of it able bases keep to their steps
    clip: float = 1.0  # largest norm of a gradient
    evaluation: int = 128  # questions of each kind in each seed's evaluation set

    def __post_init__(self) -> None:
        unknown = sorted(set(self.arms) - set(ARMS))
        if unknown or not self.arms:
            raise ValueError(f"arms must name some of {', '.join(ARMS)}, got {unknown or 'none'}")
        for name, least in (("values", 2), ("pairs", 1), ("steps", 1), ("pretraining_steps", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, got {getattr(self, name)}")
        for name in ("batch", "evaluation"):
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        for name in ("slips", "direct"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a probability, got {getattr(self, name)}")
        for name in ("pretraining_rate", "rate", "clip"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}")
        transformer.Architecture(1, 1, self.width, self.heads, self.layers)  # checks the sizes

    @property
    def words(self) -> world.Vocabulary:
        """The vocabulary."""
        return world.Vocabulary(self.values, self.pairs)

    @property
    def architecture(self) -> transformer.Architecture:
        """Sizes of the transformer; it reads a question, a verbose trace and the request."""
        length = world.QUESTION + 2 * world.STEPS + 1
        return transformer.Architecture(
            self.words.size, length, self.width, self.heads, self.layers
        )


def examine_all(
    config: Config,
    tables: Tensor,
    seeds: Sequence[int],
    models: Mapping[str, tuple[Arm, batched.Parameters]],
    cancelling: Sequence[str] = (),
) -> examination.Rows:
    """Rows of every table for models by name, one of each per seed.

    Models named in ``cancelling`` are asked cancelling questions too.  Those of `JUDGES` that are
    there score what the others write.
    """
    readers = {
        name: Reader(
            transformer.Transformer(config.architecture, parameters), config.words, arm.fillers
        )
        for name, (arm, parameters) in models.items()
    }
    rows: examination.Rows = {}
    for kind, sheet in examination.sheets(config, tables, seeds).items():
        asked = [name for name in models if kind == "general" or name in cancelling]
        judges = {
            judge: readers[name]
            for judge, name in JUDGES.items()
            if kind == "general" and name in readers
        }
        for name, table, row in examination.examine(
            config.words, tables, sheet, {name: readers[name] for name in asked}, judges
        ):
            seed = seeds[row.pop("seed")]
            rows.setdefault(table, []).append({"seed": seed, "arm": name, "questions": kind, **row})
    return rows


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Pretrain a base per seed, fine-tune it on every arm's texts, and examine all of them.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        Each seed has its own operations, initialisation and questions; its arms share them.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``answers``, ``interventions``, ``information`` and ``reliability``, each per seed, arm,
        ``questions`` ("general" or "cancelling") and ``cue`` ("intact", "broken", and where it says
        so "mixed").  Information also by ``evaluator`` ("own" is the arm itself, "base" the seed's
        base, "reader" the arm trained on flawless traces without a telling cue, "knowing" the one
        whose cue always told) and ``traces`` ("own", "true", "swapped", "leaked").
    """
    tables = world.operations(config.words, seeds)
    base = training.pretrain(config, tables, seeds)
    models = {"base": (BASE, base)}
    for name in config.arms:
        models[name] = (ARMS[name], training.finetune(config, tables, base, seeds, ARMS[name]))
    rows = examine_all(config, tables, seeds, models, CANCELLING)
    return {table: pd.DataFrame(found) for table, found in rows.items()}
