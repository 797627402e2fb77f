"""Hidden errors in text: a tiny transformer reads triage as templated case notes.

The same domain, told in words: vital signs are graded, medicines are named by their pathway, and
the note, where there is one, is a word.  The rule of thumb is computed from the graded signs, so
that a note holds all that decides the answer.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from calibration_lab import batched
from calibration_lab.batched import perceptron
from calibration_lab.batched.transformer import Architecture, Transformer
from calibration_lab.experiments.hidden_errors import experiment, measures, triage
from calibration_lab.experiments.hidden_errors.domains import (
    CONFIDENT,
    Cases,
    draw_cases,
    sigmoid,
    stack,
)

__all__ = ["ANSWERS", "VOCABULARY", "Config", "run", "tell"]

GRADES = ("very-low", "low", "normal", "high", "very-high")
EDGES = np.array([-1.2, -0.4, 0.4, 1.2])  # between the grades, in s.d.
LEVELS = np.array([-1.7, -0.75, 0.0, 0.75, 1.7])  # what a grade stands for in the score
TOLD = 5  # vital signs in a note: those that weigh most
ANSWERS = ("can-wait", "urgent")
WORDS = (
    *triage.VITALS[:TOLD], *GRADES, "takes", "and",
    *(f"{kind}-{letter}" for kind in ("pain-medicine", "heart-medicine")
      for letter in "ABCDEFGHI"[: triage.PATHWAYS]),
    "no-note", "note-same-pathway", "note-other", "so", *ANSWERS,
)  # fmt: skip
VOCABULARY = {word: i for i, word in enumerate(dict.fromkeys(WORDS))}


@dataclass(frozen=True)
class Config:
    """Constants of the transformer; the cases are those of the headline run."""

    width: int = 32
    heads: int = 2
    layers: int = 1
    batch: int = 32
    rate: float = 2e-3
    stops: tuple[int, int] = (400, 1200)  # steps
    evaluation: int = 4096
    headline: experiment.Config = field(default_factory=experiment.Config)

    def __post_init__(self) -> None:
        for name in ("batch", "evaluation"):
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        if not 1 <= self.stops[0] < self.stops[1]:
            raise ValueError(f"stops must ascend from 1 or more, got {self.stops}")


def graded(cases: Cases, config: experiment.Config, uniform: np.ndarray) -> Cases:
    """The same cases with the rule of thumb applied to graded signs, and labels drawn anew."""
    signs = np.zeros((len(cases.label), len(triage.VITALS)))
    signs[:, :TOLD] = LEVELS[np.searchsorted(EDGES, cases.features[:, :TOLD])]
    weight = triage.WEIGHT[:TOLD]
    # unlike the headline's score, this one knows five graded signs only: its own s.d.
    correlation = np.full((TOLD, TOLD), triage.SHARED) + (1 - triage.SHARED) * np.eye(TOLD)
    spread = float(np.sqrt(weight @ correlation @ weight))
    log_odds = triage.SLOPE * ((signs[:, :TOLD] * weight).sum(1) / spread - triage.OFFSET)
    tail = cases.active & ~cases.stated & (log_odds < -CONFIDENT)
    probability = np.where(cases.active, config.reversal, sigmoid(log_odds))
    return cases._replace(
        log_odds=log_odds, tail=tail, probability=probability,
        label=(uniform < probability).astype(np.int64),
    )  # fmt: skip


def tell(cases: Cases) -> list[list[str]]:
    """Each case as a note, word by word; all notes have the same length."""
    features = cases.features
    grade = np.searchsorted(EDGES, features[:, :TOLD])
    first = features[:, -2 - 2 * triage.PATHWAYS : -2 - triage.PATHWAYS].argmax(1)
    second = features[:, -2 - triage.PATHWAYS : -2].argmax(1)
    notes = []
    for row in range(len(features)):
        words = [
            word
            for sign, level in zip(triage.VITALS, grade[row], strict=False)
            for word in (sign, GRADES[level])
        ]
        said = "note-same-pathway" if features[row, -2] else "no-note"
        said = "note-other" if said == "no-note" and features[row, -1] else said
        words += ["takes", f"pain-medicine-{'ABCDEFGHI'[first[row]]}", "and",
                  f"heart-medicine-{'ABCDEFGHI'[second[row]]}", said, "so"]  # fmt: skip
        notes.append(words)
    return notes


def tokens(cases: Sequence[Cases]) -> Tensor:
    """Numbers of the words of each seed's notes, (S, n, T)."""
    told = [[[VOCABULARY[word] for word in note] for note in tell(one)] for one in cases]
    return torch.tensor(told)


def log_odds(model: Transformer, texts: Tensor) -> Tensor:
    """Log-odds (M, B) that the note (M, B, T) goes on with "urgent" rather than "can-wait"."""
    logits, _ = model.read(texts)
    last = logits[:, :, -1]
    return last[..., VOCABULARY["urgent"]] - last[..., VOCABULARY["can-wait"]]


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train one transformer per seed to finish the notes, and look where its errors are.

    Parameters
    ----------
    config : Config
    seeds : sequence of int

    Returns
    -------
    dict of str to pandas.DataFrame
        ``notes``: per seed and stop, the headline's metrics; and ``examples``, a few notes.
    """
    usual = config.headline
    cases = {
        purpose: [
            graded(
                draw_cases(triage.TRIAGE, s, purpose, n, usual), usual,
                batched.random_stream(s, f"text {purpose}: label").random(n),
            )
            for s in seeds
        ]
        for purpose, n in (("training", usual.cases), ("evaluation", config.evaluation))
    }  # fmt: skip
    texts, evaluated = (tokens(cases[purpose]) for purpose in ("training", "evaluation"))
    label = stack(cases["training"])[1]
    sizes = Architecture(len(VOCABULARY), texts.shape[2], config.width, config.heads, config.layers)
    model = Transformer(sizes, batched.Parameters(sizes.shapes(), len(seeds)))
    model.parameters.initialise(seeds, "transformer")
    optimiser = batched.Adam(model.parameters, config.rate)
    order = perceptron.minibatches(seeds, "text order", usual.cases, config.batch, config.stops[-1])
    per_seed, rows = torch.arange(len(seeds))[:, None], []
    for step, chosen in enumerate(order, start=1):
        odds = log_odds(model, texts[per_seed, chosen])
        both = torch.stack([torch.zeros_like(odds), odds], -1)  # log-odds of the two answers
        target = label[per_seed, chosen][..., None]
        losses = -both.log_softmax(-1).gather(-1, target)[..., 0].mean(1)
        batched.train_step(losses, optimiser)
        if step not in config.stops:
            continue
        with torch.no_grad():
            parts = [log_odds(model, part) for part in evaluated.split(256, dim=1)]
        found = torch.cat(parts, 1).double().numpy()
        for seed, held_out, row in zip(seeds, cases["evaluation"], found, strict=True):
            given = measures.answers(row, held_out)
            uniform = batched.random_stream(seed, "random slice").random(config.evaluation)
            by_slice = measures.slices(given, held_out, usual, uniform)
            rows.append({
                "seed": seed, "stop": "early" if step == config.stops[0] else "late",
                **measures.glance(given, usual), **measures.aggregate(given, usual),
                **measures.in_tail(given, usual),
                "stated_accuracy": by_slice["stated"]["accuracy"],
                "random_lift": by_slice["random"]["lift"],
            })  # fmt: skip
    shown = [
        {"seed": seed, "note": " ".join(words), "answer": ANSWERS[one.label[i]],
         "tail": bool(one.tail[i])}
        for seed, one in zip(seeds, cases["evaluation"], strict=True)
        for i, words in enumerate(tell(one.where(np.arange(3))))
    ]  # fmt: skip
    return {"notes": pd.DataFrame(rows), "examples": pd.DataFrame(shown)}
