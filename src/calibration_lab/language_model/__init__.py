"""A real small language model: its exact probabilities, its text, and its last layers to train.

``load()`` gives the model that the book runs, ``load("a/name")`` any causal model of the Hugging
Face hub or of a folder, through the same code.  It needs the extra packages of
``calibration-lab[language-model]``; everything else in this package runs without them.
"""

from __future__ import annotations

from functools import cache
from typing import Any

from calibration_lab.language_model import last_layers, reviews
from calibration_lab.language_model.model import LanguageModel, at_temperature, pick
from calibration_lab.language_model.weights import (
    MODEL,
    WeightsUnavailableError,
    cache_folder,
    cached,
    obtain,
    quiet,
    require_packages,
    unavailable,
)

__all__ = [
    "MODEL",
    "LanguageModel",
    "WeightsUnavailableError",
    "at_temperature",
    "cache_folder",
    "cached",
    "last_layers",
    "load",
    "obtain",
    "pick",
    "reviews",
    "unavailable",
]


@cache
def load(name: str = MODEL, precision: str = "float32") -> LanguageModel:
    """Load a causal language model; the same one again costs nothing in this process.

    Parameters
    ----------
    name : str
        By default the book's own model, whose weights are fetched if need be (`obtain`); otherwise
        a name on the Hugging Face hub, or a folder.
    precision : str
        Name of a floating type of PyTorch, such as ``"float32"`` or ``"bfloat16"``.

    Returns
    -------
    LanguageModel

    Raises
    ------
    WeightsUnavailableError
        If the weights or the packages that read them cannot be had.
    ValueError
        If there is no such floating type.
    """
    import torch

    kind: Any = getattr(torch, precision, None)
    if not isinstance(kind, torch.dtype) or not kind.is_floating_point:
        raise ValueError(f"precision must name a floating type of PyTorch, got {precision!r}")
    require_packages()
    own = name == MODEL
    where = str(obtain()) if own else name

    from transformers import AutoModelForCausalLM, AutoTokenizer

    with quiet():
        try:
            tokenizer = AutoTokenizer.from_pretrained(where, local_files_only=own)
            model = AutoModelForCausalLM.from_pretrained(where, dtype=kind, local_files_only=own)
        except OSError as error:  # no such name, no network, or an incomplete folder
            raise WeightsUnavailableError(f"{name} cannot be loaded: {error}") from error
    return LanguageModel(model, tokenizer, name)
