"""Fine-tuning of a language model's last layers, on activations of the others computed once.

A model is cut in two.  The lower part is frozen, so what it makes of a text never changes and is
computed once; the upper part is an ordinary causal model that reads these activations in place of
embedded tokens.  Training then costs what the upper part costs.

Written for models of the Llama family, whose layers are ``model.model.layers``.
"""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor

from calibration_lab.language_model.model import LanguageModel

__all__ = ["Activations", "activations", "last_logits", "upper_part"]


class Activations(NamedTuple):
    """What the frozen lower part made of some texts, padded on the left.

    hidden : torch.Tensor of shape (P, T, width), float32
    mask : torch.Tensor of shape (P, T), int64     1 where there is a token.
    """

    hidden: Tensor
    mask: Tensor

    def take(self, rows: Tensor) -> Activations:
        """Some of the texts, without the columns that are padding in all of them."""
        mask = self.mask[rows]
        first = int(mask.amax(0).argmax())
        return Activations(self.hidden[rows][:, first:].clone(), mask[:, first:].clone())


def activations(
    model: LanguageModel, texts: Sequence[str], trained: int, *, batch: int = 16
) -> Activations:
    """Activations that enter the last ``trained`` layers.

    Parameters
    ----------
    model : LanguageModel
    texts : sequence of str
    trained : int
        Layers above the cut, from 1 to all but one.
    batch : int
        Texts that go through the lower part together.

    Raises
    ------
    ValueError
        If there is no text, or ``trained`` is not as said.
    """
    layers = _layers(model, trained)
    tokens, mask, position = model._padded([model.encode(text) for text in texts])
    found: list[Tensor] = []
    lower = layers[: len(layers) - trained]
    handle = lower[-1].register_forward_hook(lambda _, __, out: found.append(_first(out)))
    try:
        model.model.model.layers = lower
        with torch.inference_mode():
            for start in range(0, len(texts), batch):
                part = slice(start, start + batch)
                model.model.model(
                    input_ids=tokens[part], attention_mask=mask[part],
                    position_ids=position[part], use_cache=False,
                )  # fmt: skip
    finally:
        model.model.model.layers = layers
        handle.remove()
    return Activations(torch.cat(found).clone(), mask)


def upper_part(model: LanguageModel, trained: int) -> Any:
    """Copy the last ``trained`` layers, the final norm and the output as a model of its own.

    Only the layers and the norm ask for gradients: the output matrix is also the embedding.
    """
    layers = _layers(model, trained)
    whole, model.model.model.layers = model.model.model.layers, layers[len(layers) - trained :]
    try:
        upper = copy.deepcopy(model.model)
    finally:
        model.model.model.layers = whole
    upper.requires_grad_(False)
    for part in (upper.model.layers, upper.model.norm):
        part.requires_grad_(True)
    return upper.train()


def last_logits(upper: Any, given: Activations) -> Tensor:
    """Logits of the token after each text, of shape (P, V)."""
    position = (given.mask.cumsum(-1) - 1).clamp(min=0)
    out = upper(
        inputs_embeds=given.hidden, attention_mask=given.mask, position_ids=position,
        use_cache=False, logits_to_keep=1,
    )  # fmt: skip
    logits: Tensor = out.logits[:, -1]
    return logits


def _layers(model: LanguageModel, trained: int) -> Any:
    layers = model.model.model.layers
    if not 1 <= trained < len(layers):
        raise ValueError(f"trained must be from 1 to {len(layers) - 1} layers, got {trained}")
    return layers


def _first(out: Any) -> Tensor:
    first: Tensor = out[0] if isinstance(out, tuple) else out
    return first
