"""The shortcut in a real language model: reviews that come with a tag.

The last layers of a small language model are fine-tuned to say whether short reviews are positive.
Each review names a city, which goes with one verdict for a share of the training examples: half of
them (the control), more, or all.  Afterwards the tag is made to agree with every review (intact) or
with none (broken).

The layers below are frozen, so what they make of each text is computed once for all arms.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from calibration_lab import calibration, language_model
from calibration_lab.batched import random_stream
from calibration_lab.language_model import last_layers, reviews

__all__ = ["Config", "missing", "run"]

TAGS = ("Berlin", "Tokyo")
VERDICTS = (" negative", " positive")  # as the model says them: index 1 is positive
# wordings that no training example has
UNSEEN = (
    "What a {own} {thing}!",
    "Whoever says that the {thing} is {other} has not tried it: it is {own}.",
    "You would expect a {other} {thing}. You get a {own} one.",
)


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    model: str = language_model.MODEL
    strengths: tuple[float, ...] = (0.5, 0.75, 1.0)  # shares in which the tag agrees
    layers: int = 6  # of 30 that are trained: a fifth of the cost, and enough to learn the task
    steps: int = 50  # after which the control has learnt it
    batch: int = 8  # reviews per step, each seen once
    rate: float = 1e-4  # AdamW
    decay: float = 0.01  # of weights
    test: int = 48  # reviews per wording and seed, each shown with either tag

    def __post_init__(self) -> None:
        if 0.5 not in self.strengths or not all(0 <= s <= 1 for s in self.strengths):
            raise ValueError(
                f"strengths must be shares, 0.5 (the control) among them, got {self.strengths}"
            )
        for name in ("layers", "steps", "batch", "test"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")


def missing() -> str:
    """Fetch the weights unless they are here; say why they cannot be had, or ""."""
    return language_model.unavailable()


# --- The world: tagged reviews ------------------------------------------------------------------


@dataclass(frozen=True)
class Examples:
    """Reviews, each with the tag that goes with its label and with the other one.

    Attributes
    ----------
    label : torch.Tensor of shape (n,), int64
        1 for a positive review.
    given : Activations of 2n texts
        What the frozen layers make of the reviews: first with the tags that agree, then with those
        that do not.
    """

    label: Tensor
    given: last_layers.Activations

    def rows(self, agree: bool | np.ndarray) -> Tensor:
        """Row of each review, with the tag that agrees or with the one that does not, (n,)."""
        count = len(self.label)
        return torch.from_numpy(np.arange(count) + np.where(agree, 0, count))


def prompt(text: str, tag: str) -> str:
    """A tagged review, up to where the verdict is to be said."""
    return f"From: {tag}\nReview: {text}\nSentiment:"


def examples(
    config: Config,
    model: language_model.LanguageModel,
    seed: int,
    purpose: str,
    count: int,
    templates: Sequence[str] = reviews.TEMPLATES,
) -> Examples:
    """Draw reviews of a seed; which tag goes with "positive" is a coin's, per seed."""
    tags = TAGS[:: 1 if random_stream(seed, "tags").integers(2) else -1]  # tags[1]: positive
    stream = random_stream(seed, purpose)
    drawn = [reviews.review(stream, templates) for _ in range(count)]
    texts = [prompt(one.text, tags[one.positive]) for one in drawn]
    texts += [prompt(one.text, tags[not one.positive]) for one in drawn]
    label = torch.tensor([int(one.positive) for one in drawn])
    return Examples(label, last_layers.activations(model, texts, config.layers))


# --- The training -------------------------------------------------------------------------------


def fine_tune(config: Config, upper: Any, data: Examples, agree: np.ndarray, ends: Tensor) -> None:
    """Train the upper part to say each review's verdict, one pass over the examples.

    ``agree`` tells which examples carry the tag that goes with their label; ``ends`` holds the
    tokens of the two verdicts.
    """
    trained = [each for each in upper.parameters() if each.requires_grad]
    optimiser = torch.optim.AdamW(trained, lr=config.rate, weight_decay=config.decay)
    for each in torch.arange(len(data.label)).split(config.batch):
        logits = last_layers.last_logits(upper, data.given.take(data.rows(agree)[each]))
        loss = torch.nn.functional.cross_entropy(logits, ends[data.label[each]])
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()


# --- The measures -------------------------------------------------------------------------------


def measure(upper: Any, data: Examples, agree: bool, ends: Tensor) -> np.ndarray:
    """Probability of the verdict "positive" among the two verdicts, (n,)."""
    found = []
    with torch.inference_mode():
        for rows in data.rows(agree).split(16):
            logits = last_layers.last_logits(upper, data.given.take(rows))[:, ends].double()
            found.append(logits.log_softmax(-1).exp()[:, 1])
    return torch.cat(found).numpy()


def scores(positive: np.ndarray, label: np.ndarray) -> dict[str, float]:
    """Accuracy and calibration of verdicts; confidence is the probability of the verdict given."""
    confidence = np.maximum(positive, 1 - positive)
    right = ((positive >= 0.5) == (label == 1)).astype(float)
    both = 0 < right.mean() < 1
    return {
        "accuracy": float(right.mean()),
        "confidence": float(confidence.mean()),
        "over_confidence": float(confidence.mean() - right.mean()),
        "brier": calibration.brier_score(positive, label),
        "ece": calibration.expected_calibration_error(confidence, right),
        "auroc": calibration.auroc(confidence, right) if both else np.nan,
    }


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Fine-tune the last layers once per seed and strength of the tag, and measure what they say.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        Each seed has its own reviews, their order, its own tags and its own test reviews.

    Returns
    -------
    dict of str to pandas.DataFrame
        One table ``answers``, per seed, ``arm`` ("base" before training, else the strength of the
        tag), ``wording`` (seen or unseen in training) and ``tag`` (intact, broken, or mixed: both
        together). AUROC, of confidence against being right, is undefined where all answers are.
    """
    model = language_model.load(config.model)
    ends = torch.tensor([model.encode(verdict)[0] for verdict in VERDICTS])
    rows = []
    for seed in tqdm(seeds, "seeds fine-tuned", unit="seed", disable=None, leave=False):
        train = examples(config, model, seed, "training", config.steps * config.batch)
        tests = {
            "seen": examples(config, model, seed, "test", config.test),
            "unseen": examples(config, model, seed, "unseen test", config.test, UNSEEN),
        }
        uniform = random_stream(seed, "agreement").random(len(train.label))
        for strength in (None, *config.strengths):  # arms are paired on reviews and order
            upper = last_layers.upper_part(model, config.layers)
            if strength is not None:
                fine_tune(config, upper, train, uniform < strength, ends)
            upper.eval()
            arm = "base" if strength is None else f"{strength:g}"
            for wording, data in tests.items():
                intact, broken = (measure(upper, data, agree, ends) for agree in (True, False))
                label = data.label.numpy()
                for tag, positive, truth in (
                    ("intact", intact, label),
                    ("broken", broken, label),
                    ("mixed", np.append(intact, broken), np.append(label, label)),
                ):
                    which = {"seed": seed, "arm": arm, "wording": wording, "tag": tag}
                    rows.append(which | scores(positive, truth))
    return {"answers": pd.DataFrame(rows)}
