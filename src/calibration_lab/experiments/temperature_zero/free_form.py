"""Free answers: the same questions in three wordings, repeated at three temperatures.

Where an answer is a text there is no closed form: texts are sampled, compared as they are (raw),
and compared by what they say (parsed), as in studies of repeated outputs.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
from tqdm import tqdm

from calibration_lab import language_model
from calibration_lab.batched import random_stream
from calibration_lab.experiments.temperature_zero.language_items import (
    CAPITALS,
    KINDS,
    REQUESTS,
    Choice,
    choice,
)
from calibration_lab.experiments.temperature_zero.language_model import facts, missing

__all__ = ["Config", "missing", "parse", "run"]

Row = dict[str, Any]
NOTHING = "(no answer)"
POOLED = ("right", "wrong", "usual_right", "confidence", "brier")
BEGINNING = "The answer is"  # else texts end before they come to the point


@dataclass(frozen=True)
class Config:
    """Every constant of the published run."""

    model: str = language_model.MODEL
    temperatures: tuple[float, ...] = (0.0, 0.7, 1.0)
    answers: int = 8  # repetitions above temperature zero, where two are made
    most: int = 10  # tokens; enough for the rest of a short sentence

    def __post_init__(self) -> None:
        if 0 not in self.temperatures or min(self.temperatures) < 0:
            raise ValueError(f"temperatures must be 0 and others above, got {self.temperatures}")
        if self.answers < 2:
            raise ValueError(f"answers must be 2 or more, got {self.answers}")


def parse(family: str, text: str) -> str:
    """What an answer says: the first known capital, kind or number in it, or "(no answer)".

    Examples
    --------
    >>> parse("capital", "It is Paris, of course."), parse("sum", "3 + 4 = 7"), parse("kind", "?")
    ('Paris', '7', '(no answer)')
    """
    if family == "sum":  # what follows an equals sign, or else the first number
        found = re.findall(r"=\s*(\d+)", text) or re.findall(r"\d+", text)
        return found[0] if found else NOTHING
    known = CAPITALS.values() if family == "capital" else KINDS
    places = {word: text.lower().find(word.lower()) for word in known}
    said = {word: place for word, place in places.items() if place >= 0}
    return min(said, key=lambda word: said[word]) if said else NOTHING


def ask(
    config: Config, model: language_model.LanguageModel, item: Choice, seed: int
) -> dict[tuple[int, float], list[str]]:
    """Texts by wording and temperature; at temperature zero from two separate calls."""
    requests = REQUESTS[item.family]
    prompts = [model.chat(request.format(subject=item.subject), BEGINNING) for request in requests]
    found: dict[tuple[int, float], list[str]] = {}
    for temperature in config.temperatures:
        # at temperature zero each repetition is a call of its own, as a user would repeat it
        calls, each = (1, config.answers) if temperature else (2, 1)
        for call in range(calls):
            stream = random_stream(seed, f"answers: {temperature}, {call}")
            written = model.generate(
                [prompt for prompt in prompts for _ in range(each)], config.most,
                temperature=temperature, uniform=stream.random((len(prompts) * each, config.most)),
            )  # fmt: skip
            for place, tokens in enumerate(written):
                texts = found.setdefault((place // each, temperature), [])
                texts.append(model.decode(tokens).strip())
    return found


def share_agreeing(pairs: Iterable[tuple[str, str]]) -> float:
    """Share of pairs of answers that say the same; texts that say nothing agree with none."""
    return float(np.mean([a == b != NOTHING for a, b in pairs]))


def agree(answers: Sequence[str]) -> float:
    """Share of all pairs of some answers that say the same."""
    return share_agreeing(combinations(answers, 2))


def measure(said: Sequence[str], texts: Sequence[str], right: str) -> Row:
    """Agreement and accuracy of repeated answers, and the share of the usual one as confidence.

    Texts that say nothing are not right, and lower the share of whatever others say; where none
    says anything, confidence is 0.
    """
    spoken = Counter(one for one in said if one != NOTHING)
    usual, count = spoken.most_common(1)[0] if spoken else (NOTHING, 0)
    confidence, correct = count / len(said), float(usual == right)
    same = [a == b for a, b in combinations(texts, 2)]
    return {
        "raw_agreement": float(np.mean(same)),
        "agreement": agree(said),
        "right": float(np.mean([one == right for one in said])),
        "wrong": float(np.mean([one not in (right, NOTHING) for one in said])),
        "usual_right": correct,
        "confidence": confidence,
        "brier": (confidence - correct) ** 2,
        "nothing": float(np.mean([one == NOTHING for one in said])),
    }


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Have the model answer one question per seed in its own words, again and again.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        One question each; the same number stands in the column ``item``.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``answers`` (per item, wording and temperature): see `measure`. ``wordings`` (per item and
        temperature): agreement ``within`` a wording and ``between`` wordings, and the share of
        wordings and repetitions that give the usual answer as ``confidence``, with its ``brier``.
        ``texts``: every text. ``model`` has no seed.
    """
    model = language_model.load(config.model)
    rows: dict[str, list[Row]] = {"answers": [], "wordings": [], "texts": []}
    for seed in tqdm(seeds, "questions asked", unit="item", disable=None, leave=False):
        item = choice(seed)
        unit = {"seed": seed, "item": seed, "family": item.family}
        asked = ask(config, model, item, seed)
        said = {key: [parse(item.family, text) for text in texts] for key, texts in asked.items()}
        for (wording, temperature), texts in asked.items():
            at = unit | {"wording": wording, "temperature": temperature}
            answers = said[wording, temperature]
            rows["answers"].append(at | measure(answers, texts, item.options[0]))
            rows["texts"] += [
                at | {"repetition": i, "text": text or NOTHING, "said": answer}
                for i, (text, answer) in enumerate(zip(texts, answers, strict=True))
            ]
        for temperature in config.temperatures:
            same = [answers for (_, at_t), answers in said.items() if at_t == temperature]
            pooled = [one for answers in same for one in answers]
            found = measure(pooled, pooled, item.options[0])
            crossed = [pair for one, two in combinations(same, 2) for pair in product(one, two)]
            rows["wordings"].append(unit | {
                "temperature": temperature,
                "within": float(np.mean([agree(answers) for answers in same])),
                "between": share_agreeing(crossed),
                **{name: found[name] for name in POOLED},
            })  # fmt: skip
    tables = {name: pd.DataFrame(found) for name, found in rows.items()}
    return tables | {"model": facts(model)}
