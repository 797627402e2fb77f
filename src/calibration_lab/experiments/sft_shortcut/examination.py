"""What trained models are asked, and how they are interfered with.

Shapes in comments: S seeds (one model of an arm each), B questions per seed, t steps, A values.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch import Tensor

from calibration_lab import batched
from calibration_lab.experiments.sft_shortcut import measures, probing, world
from calibration_lab.experiments.sft_shortcut.probing import Reader, State, Trace

if TYPE_CHECKING:
    from calibration_lab.experiments.sft_shortcut.experiment import Config

__all__ = ["Rows", "Sheet", "examine", "sheets"]

Rows = dict[str, list[dict[str, Any]]]
Found = Iterator[tuple[str, str, dict[str, Any]]]  # of model name, table, row


@dataclass(frozen=True)
class Sheet:
    """One set of questions to examine models on.

    Attributes
    ----------
    asked : world.Examples
        The questions, with their true chains.
    cues : dict of str to torch.Tensor of shape (S, B, 5), int64
        The same questions with the right answer as cue ("intact"), and with a wrong value
        ("broken").
    false : torch.Tensor of shape (S, B, t)
        Uniform numbers that choose the false steps of interventions.
    """

    asked: world.Examples
    cues: dict[str, Tensor]
    false: Tensor


def sheets(config: Config, tables: Tensor, seeds: Sequence[int]) -> dict[str, Sheet]:
    """Questions of each kind, by kind."""
    found, words, n = {}, config.words, config.evaluation
    for kind in ("general", "cancelling"):
        asked = world.examples(
            words, tables, seeds, kind, n, cue=1 / words.values, cancelling=kind == "cancelling"
        )
        wrong = batched.draw(seeds, f"{kind}: wrong cues", "uniform", (n,))
        cues = {
            "intact": world.with_cue(words, asked),
            "broken": world.with_cue(words, asked, wrong),
        }
        false = batched.draw(seeds, f"{kind}: false steps", "uniform", (n, world.STEPS))
        found[kind] = Sheet(asked, cues, false)
    return found


@dataclass(frozen=True)
class Work:
    """What a model wrote for questions of one cue.

    Attributes
    ----------
    trace : Trace
    answers : torch.Tensor of shape (S, B, t + 1, A)
        Log-probability of each answer before the first and after each step of its own trace.
    """

    trace: Trace
    answers: Tensor

    @property
    def given(self) -> Tensor:
        """The answers given after 0 to t steps, (S, B, t + 1)."""
        return self.answers.argmax(-1)


def work(reader: Reader, question: Tensor) -> Work:
    """Write a trace for each question (S, B, 5), asked for the answer all along."""
    trace = reader.write(reader.read(question))
    return Work(trace, torch.stack([reader.answer(state) for state in trace.states], -2))


def examine(
    words: world.Vocabulary,
    tables: Tensor,
    sheet: Sheet,
    readers: Mapping[str, Reader],
    judges: Mapping[str, Reader],
) -> Found:
    """Every table's rows for models by name; a row's ``seed`` counts the seeds from 0.

    Parameters
    ----------
    words, tables
        The vocabulary and each seed's operations.
    sheet : Sheet
    readers : mapping of str to Reader
        The models to examine, one of each per seed.
    judges : mapping of str to Reader
        Frozen evaluators, which score the traces that the models write for intact questions.
    """
    with torch.no_grad():
        for name, reader in readers.items():
            works = {cue: work(reader, question) for cue, question in sheet.cues.items()}
            for row in calibration_rows(sheet, works):
                yield name, "answers" if "accuracy" in row else "reliability", row
            for cue, done in works.items():
                interventions = intervene(words, tables, sheet, sheet.cues[cue], reader, done)
                for row in by_seed({"cue": cue}, interventions):
                    yield name, "interventions", row
                for row in score_itself(sheet, cue, reader, done):
                    yield name, "information", row
            for judge, evaluator in judges.items():
                start = evaluator.read(sheet.cues["intact"])
                trace = evaluator.follow(start, works["intact"].trace.steps)
                steps = world.STEPS + reader.fillers  # the judge passes over the fillers
                ends = [trace.states[0], trace.states[-1]]
                labels = {"cue": "intact", "evaluator": judge, "traces": "own"}
                for row in score(labels, evaluator, ends, sheet.asked.answer, steps):
                    yield name, "information", row


def by_seed(labels: Mapping[str, str], columns: Mapping[str, Tensor]) -> Iterator[dict[str, Any]]:
    """One row per seed of columns (S,)."""
    for seed in range(len(next(iter(columns.values())))):
        values = {name: float(column[seed]) for name, column in columns.items()}
        yield {"seed": seed, **labels, **values}


def calibration_rows(sheet: Sheet, works: Mapping[str, Work]) -> Iterator[dict[str, Any]]:
    """Accuracy and calibration after the model's own steps, for each cue and for both together."""
    answer = sheet.asked.answer
    confidence, right, direct, cued, valid = {}, {}, {}, {}, {}
    for cue, done in works.items():
        confidence[cue] = done.answers[:, :, -1].exp().amax(-1).double().clamp(0, 1)
        right[cue] = done.given[..., -1] == answer
        direct[cue] = done.given[..., 0] == answer
        cued[cue] = done.given[..., -1] == sheet.cues[cue][..., 0]
        valid[cue] = done.trace.steps == sheet.asked.chain
    for per_cue in (confidence, right, direct, cued, valid):
        per_cue["mixed"] = torch.cat(list(per_cue.values()), 1)
    for cue in confidence:
        for seed in range(len(answer)):
            said, hit = confidence[cue][seed].numpy(), right[cue][seed].numpy()
            yield {
                "seed": seed, "cue": cue, **measures.answers(said, hit),
                "direct_accuracy": float(direct[cue][seed].double().mean()),
                "cue_followed": float(cued[cue][seed].double().mean()),
                "steps_right": float(valid[cue][seed].double().mean()),
            }  # fmt: skip
            for row in measures.reliability(said, hit):
                yield {"seed": seed, "cue": cue, **row}


def intervene(
    words: world.Vocabulary,
    tables: Tensor,
    sheet: Sheet,
    question: Tensor,
    reader: Reader,
    done: Work,
) -> dict[str, Tensor]:
    """Shares (S,) of answers that follow when a trace is corrupted, truncated or swapped."""
    then = partial(world.consequence, words, tables, question)
    follows = [
        hit.double().mean(1) for hit in probing.corrupted(reader, done.trace, sheet.false, then)
    ]
    other = done.trace.steps.roll(1, 1)  # the trace written for the question before
    swapped = reader.answer(reader.follow(done.trace.states[0], other).states[-1]).argmax(-1)
    own, others = done.given[..., -1], done.given[..., -1].roll(1, 1)
    differs = (own != others).double()
    return {
        "corrupt": torch.stack(follows).mean(0),
        **{f"corrupt_{k}": hit for k, hit in enumerate(follows, start=1)},
        **{
            f"truncate_{k}": (done.given[..., k] == own).double().mean(1)
            for k in range(world.STEPS)
        },
        "swap": ((swapped == others) * differs).sum(1) / differs.sum(1),
    }


def score_itself(sheet: Sheet, cue: str, reader: Reader, done: Work) -> Iterator[dict[str, Any]]:
    """The model as its own evaluator: of its own trace, the true one, another's and a leak."""
    asked, start = sheet.asked, done.trace.states[0]
    steps = world.STEPS + reader.fillers
    traces = {
        "own": done.trace,
        "true": reader.follow(start, asked.chain),
        "swapped": reader.follow(start, asked.chain.roll(1, 1)),
        "leaked": reader.follow(start, asked.answer[..., None].expand(asked.chain.shape)),
    }
    for name, trace in traces.items():
        labels = {"cue": cue, "evaluator": "own", "traces": name}
        # the score telescopes, which is checked on the model's own trace: elsewhere the ends do
        states = trace.states if name == "own" else [start, trace.states[-1]]
        yield from score(labels, reader, states, asked.answer, steps)


def score(
    labels: Mapping[str, str], reader: Reader, states: Sequence[State], answer: Tensor, steps: int
) -> Iterator[dict[str, Any]]:
    """Every form of the score from the first to the last of some states, one row per seed."""
    known, told, tokens = [], [], []
    for state in states:
        asked = reader.ask(state)
        values = asked.next[..., : reader.words.values].log_softmax(-1)
        known.append(values.gather(-1, answer[..., None])[..., 0])
        told.append(asked.told + asked.next.gather(-1, answer[..., None])[..., 0])
        tokens.append(asked.length)  # the first token is not counted, the answer is
    log_answer, strings = torch.stack(known, -1).double(), torch.stack(told, -1).double()
    for seed in range(len(answer)):
        found = measures.information(
            log_answer[seed].numpy(), steps, strings[seed].numpy(), np.array(tokens)
        )
        yield {"seed": seed, **labels, **found}
