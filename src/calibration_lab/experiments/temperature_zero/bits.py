"""Bits: is the same prompt at temperature zero the same numbers, whatever is computed beside it?

The logits of the next token are computed for a prompt alone, again, inside a batch, with other
companions, with padding, on two threads and in half precision, and compared bit by bit.  Then the
same prompt is continued greedily, alone and inside a batch, to see where the two texts part.

What differs depends on the processor and its libraries; only that an exact repetition is identical
has to hold.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import pandas as pd
import torch
from torch import Tensor
from tqdm import tqdm

from calibration_lab import language_model
from calibration_lab.batched import random_stream
from calibration_lab.experiments.temperature_zero.language_items import review
from calibration_lab.experiments.temperature_zero.language_model import facts, missing

__all__ = ["PRECISIONS", "Config", "missing", "run"]

PRECISIONS = ("float32", "bfloat16")


@dataclass(frozen=True)
class Config:
    """Every constant of the published run."""

    model: str = language_model.MODEL
    companions: int = 3  # prompts beside the one that is watched
    threads: int = 2  # of the run on other threads
    most: int = 12  # tokens of a greedy text; forks accumulate with length

    def __post_init__(self) -> None:
        for name in ("companions", "threads", "most"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, got {getattr(self, name)}")


def prompt(seed: int) -> str:
    """A review to be continued with a reply."""
    return f"Review: {review(seed).text}\nReply:"


def companions(
    model: language_model.LanguageModel, seed: int, purpose: str, count: int
) -> list[str]:
    """Prompts as long as that of a seed, in tokens, so that no padding is needed."""
    stream, length = random_stream(seed, f"companions: {purpose}"), len(model.encode(prompt(seed)))
    found: list[str] = []
    while len(found) < count:
        other = prompt(int(stream.integers(1_000_000)))
        if len(model.encode(other)) == length:
            found.append(other)
    return found


@contextmanager
def on_threads(count: int) -> Iterator[None]:
    """Compute with some threads for a while."""
    before = torch.get_num_threads()
    torch.set_num_threads(count)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def difference(one: Tensor, other: Tensor) -> dict[str, float]:
    """Compare two rows of logits: any bit different, the largest difference, the top token."""
    apart = (one.float() - other.float()).abs()
    return {
        "differs": float(not torch.equal(one, other)),
        "largest": float(apart.max()),
        "top_changed": float(one.argmax() != other.argmax()),
    }


def gap(logits: Tensor) -> float:
    """How far the top token is ahead of the second, in logits."""
    first, second = logits.float().topk(2)[0].tolist()
    return float(first - second)


def next_token(config: Config, model: language_model.LanguageModel, seed: int) -> dict[str, Tensor]:
    """Logits of the next token, by the circumstances they are computed in."""
    own = prompt(seed)
    first, second = (companions(model, seed, which, config.companions) for which in "ab")
    found = {
        "alone": model.next_logits([own])[0],
        "again": model.next_logits([own])[0],
        "batch": model.next_logits([own, *first])[0],
        "other companions": model.next_logits([own, *second])[0],
        # every companion is longer than the prompt that is watched, which is padded
        "padded": model.next_logits([own, *(f"Now this. {one}" for one in first)])[0],
    }
    with on_threads(config.threads):
        found["threads"] = model.next_logits([own])[0]
    return found


# what is compared with what
AGAINST = {
    "again": "alone",
    "batch": "alone",
    "other companions": "batch",
    "padded": "alone",
    "threads": "alone",
}


def fork(config: Config, model: language_model.LanguageModel, seed: int) -> dict[str, Any]:
    """Where the greedy continuations of a prompt, alone and inside a batch, part."""
    own, others = prompt(seed), companions(model, seed, "a", config.companions)
    alone = model.generate([own], config.most, stop="")[0]
    batch = model.generate([own, *others], config.most, stop="")[0]
    longest = max(len(alone), len(batch))
    pairs = [(alone[i : i + 1], batch[i : i + 1]) for i in range(longest)]
    place = next((i for i, (a, b) in enumerate(pairs) if a != b), longest)
    return {"forked": float(place < longest), "common": place, "length": longest}


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Compare the logits and texts of one prompt per seed under other circumstances.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        One prompt each; the same number stands in the column ``item``.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``logits`` (per item, precision and circumstance): whether any bit ``differs``, the
        ``largest`` difference, whether the top token changed, and the ``gap`` between the top two
        when computed alone. ``texts`` (per item and precision): whether greedy texts, alone and in
        a batch, ``forked``, and after how many ``common`` tokens. ``model`` has no seed.
    """
    models = {kind: language_model.load(config.model, kind) for kind in PRECISIONS}
    logits, forks = [], []
    for seed in tqdm(seeds, "prompts compared", unit="item", disable=None, leave=False):
        unit: dict[str, Any] = {"seed": seed, "item": seed}
        alone: dict[str, Tensor] = {}
        for precision, model in models.items():
            found = next_token(config, model, seed)
            alone[precision] = found["alone"]
            kind = unit | {"precision": precision, "gap": gap(found["alone"])}
            for circumstance, other in AGAINST.items():
                row = difference(found[circumstance], found[other])
                logits.append(kind | {"circumstance": circumstance} | row)
            forks.append(unit | {"precision": precision} | fork(config, model, seed))
        row = difference(alone["bfloat16"], alone["float32"])
        kind = unit | {"precision": "bfloat16", "gap": gap(alone["float32"])}
        logits.append(kind | {"circumstance": "half precision"} | row)
    return {
        "logits": pd.DataFrame(logits),
        "texts": pd.DataFrame(forks),
        "model": facts(models["float32"]),
    }
