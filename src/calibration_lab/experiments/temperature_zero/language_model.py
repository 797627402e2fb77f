"""A real small language model as a judge: what repetition hides, and what rewording shows.

One model reads short reviews and says whether they are positive.  Its verdict is one token, so the
distribution of verdicts is one softmax: two hundred repetitions need no second pass, and what
infinitely many converge to is known.  The same review is judged in several wordings and with the
options named in either order.  Questions with four options are asked with the options rotated
through the letters A to D, and again with the options as the words that complete a sentence.

The unit is the item.  All prompts of one item share a batch and nothing else does, so the result of
an item does not depend on which items are run with it.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import metadata
from typing import Any

import numpy as np
import pandas as pd
from scipy.stats import binom
from tqdm import tqdm

from calibration_lab import language_model
from calibration_lab.batched import random_stream
from calibration_lab.experiments.temperature_zero.language_items import (
    FORMS,
    LETTERS,
    OPTIONS,
    ORDERS,
    PARAPHRASES,
    VERDICTS,
    Choice,
    choice,
    review,
    rotated,
)
from calibration_lab.language_model.reviews import Review

__all__ = ["QUESTIONS", "Config", "missing", "run"]

Rows = dict[str, list[dict[str, Any]]]


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    model: str = language_model.MODEL  # or any causal model of the Hugging Face hub
    paraphrases: tuple[str, ...] = ("classify", "arrow", "asked")  # differ most among six
    temperatures: tuple[float, ...] = (0.0, 0.7, 1.0)
    forms: tuple[str, ...] = ("letters",)  # how lettered options are put to the model
    repetitions: int = 100  # verdicts drawn per item, wording and temperature, as in the literature
    answers: int = 6  # repetitions of each free answer: a text costs as much as many verdicts
    most: int = 16  # tokens of a free answer

    def __post_init__(self) -> None:
        for name, known in (("paraphrases", PARAPHRASES), ("forms", FORMS)):
            unknown = sorted(set(getattr(self, name)) - set(known))
            if unknown or not getattr(self, name):
                told = ", ".join(known)
                raise ValueError(f"{name} must name some of {told}, got {unknown or 'none'}")
        if 0 not in self.temperatures or min(self.temperatures) < 0:
            raise ValueError(f"temperatures must be 0 and others above, got {self.temperatures}")
        for name in ("repetitions", "answers"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} must be 2 or more, got {getattr(self, name)}")


def missing() -> str:
    """Fetch the weights unless they are here; say why they cannot be had, or ""."""
    return language_model.unavailable()


# --- Verdicts on reviews ------------------------------------------------------------------------


def judge(
    config: Config, model: language_model.LanguageModel, item: Review
) -> dict[tuple[str, str], tuple[float, float]]:
    """Log-odds of "positive", and the probability of saying either, by paraphrase and order."""
    variants = list(itertools.product(config.paraphrases, ORDERS))
    prompts = [PARAPHRASES[how](item.text, *ORDERS[order]) for how, order in variants]
    found = model.option_log_probabilities(prompts, [f" {verdict}" for verdict in VERDICTS])
    return {
        variant: (float(row[0] - row[1]), float(np.exp(row).sum()))
        for variant, row in zip(variants, found, strict=True)
    }


def says_positive(log_odds: np.ndarray, temperature: float) -> np.ndarray:
    """Probability of the verdict "positive" at a temperature, from log-odds of any shape."""
    pair = np.stack([log_odds, np.zeros_like(log_odds)], -1)
    return language_model.at_temperature(pair, temperature)[..., 0]


def repeat(positive: float, label: bool, uniform: np.ndarray) -> dict[str, float]:
    """What repetitions of one verdict show; each says "positive" with the same probability.

    The verdict that most repetitions give is the answer, and their share is its confidence
    (self-consistency); a tie counts as positive.  ``limit_`` is what they converge to.
    """
    votes, count = int((uniform < positive).sum()), len(uniform)
    confidence = max(votes, count - votes) / count
    majority_right = float((2 * votes >= count) == label)
    limit, limit_right = max(positive, 1 - positive), float((positive >= 0.5) == label)
    # the majority of as many further repetitions would say "positive" with this probability
    majority = float(binom.sf((count - 1) // 2, count, positive))
    return {
        "right": positive if label else 1 - positive,
        "agreement": positive**2 + (1 - positive) ** 2,
        "majority_agreement": majority**2 + (1 - majority) ** 2,
        "votes": float(votes),
        "confidence": confidence,
        "majority_right": majority_right,
        "brier": (confidence - majority_right) ** 2,
        "limit_confidence": limit,
        "limit_right": limit_right,
        "limit_brier": (limit - limit_right) ** 2,
    }


def compare(positive: dict[tuple[str, str], float], label: bool) -> dict[str, float]:
    """Agreement of verdicts within and between variants, and the share of variants as confidence.

    ``positive`` is the probability of "positive" by paraphrase and order.
    """
    share = np.array(list(positive.values()))

    def agree(pairs: list[tuple[float, float]]) -> float:
        return float(np.mean([p * q + (1 - p) * (1 - q) for p, q in pairs]))

    pairs = list(itertools.combinations(positive, 2))
    same_words = [(a, b) for a, b in pairs if a[0] == b[0]]
    same_order = [(a, b) for a, b in pairs if a[1] == b[1]]
    mean = float(share.mean())
    says, confidence = mean >= 0.5, max(mean, 1 - mean)
    found = {"within": agree([(p, p) for p in share])}
    for name, chosen in (("all", pairs), ("orders", same_words), ("paraphrases", same_order)):
        found[f"between_{name}"] = (
            agree([(positive[a], positive[b]) for a, b in chosen]) if chosen else np.nan
        )
    right = float(says == label)
    return found | {
        "right": mean if label else 1 - mean,
        "pooled_right": right,
        "pooled_confidence": confidence,
        "pooled_brier": (confidence - right) ** 2,
    }


def verdicts(config: Config, model: language_model.LanguageModel, seed: int) -> Rows:
    """Rows of the tables ``verdicts``, ``repetitions`` and ``variants`` for one item."""
    item = review(seed)
    judged = judge(config, model, item)
    rows: Rows = {"verdicts": [], "repetitions": [], "variants": []}
    for (how, order), (log_odds, mass) in judged.items():
        variant = {"paraphrase": how, "order": order}
        rows["verdicts"].append(
            variant | {"label": item.positive, "log_odds": log_odds, "mass": mass}
        )
        stream = random_stream(seed, f"repetitions: {how}, {order}")
        uniform = stream.random(config.repetitions)  # temperatures are paired on these
        for temperature in config.temperatures:
            positive = float(says_positive(np.array(log_odds), temperature))
            rows["repetitions"].append(
                variant | {"temperature": temperature} | repeat(positive, item.positive, uniform)
            )
    for temperature in config.temperatures:
        at = {v: float(says_positive(np.array(x), temperature)) for v, (x, _) in judged.items()}
        rows["variants"].append({"temperature": temperature} | compare(at, item.positive))
    return rows


# --- Questions with four options ----------------------------------------------------------------


def choose(config: Config, model: language_model.LanguageModel, item: Choice) -> Rows:
    """Rows of the tables ``choices`` and ``rotations`` for one item."""
    rows: Rows = {"choices": [], "rotations": []}
    for form in config.forms:
        shown = [rotated(item.options, rotation) for rotation in range(OPTIONS)]
        prompts = [FORMS[form](model, item.question, options) for options in shown]
        found = model.option_log_probabilities(prompts, [f" {letter}" for letter in LETTERS])
        by_position = language_model.at_temperature(found, 1.0)  # (rotation, position)
        position = by_position.argmax(1)
        content = (position - np.arange(OPTIONS)) % OPTIONS
        rows["choices"] += _chosen(form, position, content, by_position.max(1))
        rows["rotations"].append(_summary(form, position, content, by_position.max(1)))
    words = model.option_log_probabilities([item.cloze], [f" {option}" for option in item.options])
    by_content = language_model.at_temperature(words, 1.0)
    content = by_content.argmax(1)
    rows["choices"] += _chosen("words", None, content, by_content.max(1))
    rows["rotations"].append(_summary("words", None, content, by_content.max(1)))
    return {name: [{"family": item.family, **row} for row in found] for name, found in rows.items()}


def _chosen(
    form: str, position: np.ndarray | None, content: np.ndarray, confidence: np.ndarray
) -> list[dict[str, Any]]:
    letter = [""] * len(content) if position is None else [LETTERS[p] for p in position]
    return [
        {"form": form, "rotation": r, "letter": letter[r], "content": int(content[r]),
         "right": float(content[r] == 0), "confidence": float(confidence[r])}
        for r in range(len(content))
    ]  # fmt: skip


def _summary(
    form: str, position: np.ndarray | None, content: np.ndarray, confidence: np.ndarray
) -> dict[str, Any]:
    right = content == 0
    return {
        "form": form,
        "letter_agreement": np.nan if position is None else _pairs_agree(position),
        "content_agreement": _pairs_agree(content),
        "right": float(right.mean()),
        "confidence": float(confidence.mean()),
        "brier": float(((confidence - right) ** 2).mean()),
    }


def _pairs_agree(chosen: np.ndarray) -> float:
    """Share of pairs of rotations with the same choice; 1 where nothing was rotated."""
    pairs = list(itertools.combinations(chosen, 2))
    return float(np.mean([a == b for a, b in pairs])) if pairs else 1.0


# --- A dozen free answers -----------------------------------------------------------------------

# a question, and words of which a right answer holds one
QUESTIONS = {
    "What is the capital of France?": ("paris",),
    "What is the capital of Australia?": ("canberra",),
    "How many legs does a spider have?": ("eight", "8"),
    "How many days are there in a leap year?": ("366",),
    "What is 7 + 5?": ("12", "twelve"),
    "What is 17 + 26?": ("43", "forty-three"),
    "Which planet is closest to the sun?": ("mercury",),
    "What is the opposite of hot?": ("cold",),
    "Who wrote Hamlet?": ("shakespeare",),
    "At what temperature in degrees Celsius does water boil?": ("100",),
    "Which is heavier, a kilogram of iron or a kilogram of feathers?": ("same", "equal", "neither"),
    "How many letters are there in the word banana?": ("six", "6"),
}


def answer_freely(config: Config, model: language_model.LanguageModel) -> pd.DataFrame:
    """Answers to a dozen fixed questions, repeated at each temperature.

    At temperature zero two runs are made and compared; above, every repetition draws anew.
    """
    prompts = [model.chat(f"{question} Answer in one short sentence.") for question in QUESTIONS]
    rows = []
    for temperature in config.temperatures:
        # at temperature zero each repetition is a call of its own, as a user would repeat it;
        # above, all share a batch, which costs a fraction of the time
        calls, each = (1, config.answers) if temperature else (2, 1)
        for call in range(calls):
            drawn = [
                random_stream(number, "free answers").random((each, config.most))
                for number in range(len(QUESTIONS))
            ]
            written = model.generate(
                [prompt for prompt in prompts for _ in range(each)], config.most,
                temperature=temperature, uniform=np.concatenate(drawn),
            )  # fmt: skip
            for place, tokens in enumerate(written):
                question, text = list(QUESTIONS)[place // each], model.decode(tokens).strip()
                rows.append({
                    "question": question, "temperature": temperature,
                    "repetition": call + place % each, "text": text or "(nothing)",
                    "right": any(word in text.lower() for word in QUESTIONS[question]),
                })  # fmt: skip
    return pd.DataFrame(rows)


# --- The run ------------------------------------------------------------------------------------


def facts(model: language_model.LanguageModel) -> pd.DataFrame:
    """What was run: the model, its size, and the packages that a record's provenance leaves out."""
    about = {
        "model": model.name,
        "parameters": str(sum(each.numel() for each in model.model.parameters())),
        "precision": str(model.model.dtype).removeprefix("torch."),
        **{package: metadata.version(package) for package in ("transformers", "tokenizers")},
    }
    return pd.DataFrame({"fact": list(about), "value": list(about.values())})


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Have the model judge one review and answer one question per seed.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        One review and one question each; the same number stands in the column ``item``.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``verdicts`` (per item, paraphrase and order), ``repetitions`` (also per temperature),
        ``variants`` (per item and temperature), ``choices`` (per item, form and rotation),
        ``rotations`` (per item and form), ``free_answers`` and ``model``, which have no seed.
    """
    model = language_model.load(config.model)
    rows: Rows = {}
    for seed in tqdm(seeds, "items judged", unit="item", disable=None, leave=False):
        for name, found in (
            verdicts(config, model, seed) | choose(config, model, choice(seed))
        ).items():
            rows.setdefault(name, []).extend({"seed": seed, "item": seed, **row} for row in found)
    tables = {name: pd.DataFrame(found) for name, found in rows.items()}
    return tables | {"free_answers": answer_freely(config, model), "model": facts(model)}
