"""Reinforcement learning on the same questions: does rewarding right answers teach the shortcut?

The world, the base and the examination are those of the headline run.  Instead of imitating given
traces, the model writes its own, several per question, and is rewarded where the answer is right:
policy gradient with the other traces of the same question as baseline.  Steps and questions per
step are those of fine-tuning; the traces per question come on top, and so do longer runs.

Shapes in comments: M models, P questions, n traces per question.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import pandas as pd
from torch import Tensor

from calibration_lab import batched
from calibration_lab.batched import transformer
from calibration_lab.experiments.sft_shortcut import experiment, training, world
from calibration_lab.experiments.sft_shortcut.training import ARMS, BASE, Arm

__all__ = ["Config", "grammar", "reinforce", "run"]


@dataclass(frozen=True)
class Config:
    """Constants beyond those of the headline run."""

    samples: int = 8  # traces per question
    rate: float = 1e-3  # Adam, cosine to zero; three times that destroys the base
    longer: int = 540  # steps of the longer runs, three times those of fine-tuning
    headline: experiment.Config = field(default_factory=experiment.Config)

    def __post_init__(self) -> None:
        if self.samples < 2:
            raise ValueError(f"samples must be 2 or more, got {self.samples}")
        if self.longer < 1:
            raise ValueError(f"longer must be 1 or more, got {self.longer}")
        if not 0 < self.rate < float("inf"):
            raise ValueError(f"rate must be a positive number, got {self.rate}")


def grammar(words: world.Vocabulary) -> tuple[slice, ...]:
    """Tokens that can stand in each place of a trace: three values, the request, the answer."""
    value = slice(0, words.values)
    return (*(value for _ in range(world.STEPS)), slice(words.ask, words.ask + 1), value)


def advantage(correct: Tensor) -> Tensor:
    """Reward minus the mean of the other traces of the same question; both (M, P, n)."""
    n = correct.shape[-1]
    return (correct - correct.mean(-1, keepdim=True)) * (n / (n - 1))


def reinforce(
    config: Config,
    tables: Tensor,
    base: batched.Parameters,
    seeds: Sequence[int],
    arm: Arm,
    steps: int,
) -> batched.Parameters:
    """One copy of each seed's base, rewarded for right answers to an arm's questions."""
    headline = config.headline
    places = grammar(headline.words)
    trained = base.take(range(len(seeds)))
    optimiser = batched.Adam(trained, config.rate)
    shown = training.batches(headline, tables, seeds, "fine-tuning", arm, steps, headline.batch)
    for step, examples in enumerate(shown):
        uniform = batched.draw(
            seeds, f"traces {step}", "uniform", (headline.batch, len(places), config.samples)
        )
        model = transformer.Transformer(headline.architecture, trained)
        traces, log_trace = transformer.sample(model, examples.question, places, uniform)
        correct = (traces[:, :, -1] == examples.answer[..., None]).float()
        losses = -(advantage(correct) * log_trace).mean((1, 2))
        batched.train_step(losses, optimiser, training.cosine(step, steps), headline.clip)
    return trained


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Fine-tune and reinforce the same bases on the same questions, and examine all of them.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        Tables of the headline run, for the arms "base", "sloppy-chance" and "sloppy-100" and for
        those with "reinforced-" in front, which are rewarded on the same questions; those with
        "-longer" behind for longer.
    """
    headline = config.headline
    tables = world.operations(headline.words, seeds)
    base = training.pretrain(headline, tables, seeds)
    models = {"base": (BASE, base)}
    for name in ("sloppy-chance", "sloppy-100"):
        arm, cue = ARMS[name], name.removeprefix("sloppy-")
        models[name] = (arm, training.finetune(headline, tables, base, seeds, arm))
        for length, steps in (("", headline.steps), ("-longer", config.longer)):
            trained = reinforce(config, tables, base, seeds, arm, steps)
            models[f"reinforced-{cue}{length}"] = (arm, trained)
    rows = experiment.examine_all(headline, tables, seeds, models)
    return {table: pd.DataFrame(found) for table, found in rows.items()}
