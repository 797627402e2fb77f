"""A causal language model with its tokenizer: exact probabilities, and text sampled from them.

Everything runs without gradients, prompts padded on the left.  The bits of a result depend on what
shares its batch, so callers who want results that do not depend on grouping compose each batch by
their own unit, such as an item with its paraphrases.

Shapes in comments: P prompts, T tokens, V words in the vocabulary, K options.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import torch
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

__all__ = ["LanguageModel", "at_temperature", "pick"]

Floats = NDArray[np.float64]


class LanguageModel:
    """A causal language model and its tokenizer.

    Parameters
    ----------
    model : transformers.PreTrainedModel
        Any causal model of ``transformers``.
    tokenizer : transformers.PreTrainedTokenizerBase
        Its tokenizer.
    name : str
        What to call it.

    Attributes
    ----------
    model, tokenizer, name
        As given; the model is in evaluation mode.

    Examples
    --------
    >>> from calibration_lab import language_model
    >>> model = language_model.load()  # doctest: +SKIP
    >>> model.option_log_probabilities(["The capital of France is"], [" Paris", " Rome"])
    ... # doctest: +SKIP
    """

    def __init__(self, model: Any, tokenizer: Any, name: str = "") -> None:
        self.model, self.tokenizer, self.name = model.eval(), tokenizer, name

    def encode(self, text: str) -> list[int]:
        """Tokens of a text, without any that mark its beginning or end.

        Raises
        ------
        ValueError
            If there are none.
        """
        found: list[int] = self.tokenizer.encode(text, add_special_tokens=False)
        if not found:
            raise ValueError(f"text must hold at least one token, got {text!r}")
        return found

    def decode(self, tokens: Sequence[int]) -> str:
        """Text of some tokens, without the special ones."""
        text: str = self.tokenizer.decode(list(tokens), skip_special_tokens=True)
        return text

    def chat(self, request: str, answer: str = "") -> str:
        """Prompt that puts a request to a chat model, and the beginning of its answer.

        Raises
        ------
        ValueError
            If the tokenizer knows no chat template.
        """
        if not self.tokenizer.chat_template:
            raise ValueError(f"{self.name or 'this model'} has no chat template; expected one")
        asked = [{"role": "user", "content": request}]
        prompt: str = self.tokenizer.apply_chat_template(
            asked, tokenize=False, add_generation_prompt=True
        )
        return prompt + answer

    # --- Probabilities ------------------------------------------------------------------------

    def next_log_probabilities(self, prompts: Sequence[str]) -> Tensor:
        """Log-probability of every word of the vocabulary as the next one, for each prompt.

        Parameters
        ----------
        prompts : sequence of str
            They share one batch.

        Returns
        -------
        torch.Tensor of shape (P, V), float32
            In the precision of the model's logits; the softmax itself is taken in float32.

        Raises
        ------
        ValueError
            If there is no prompt, or one holds no token.
        """
        return self.next_logits(prompts).float().log_softmax(-1)

    def next_logits(self, prompts: Sequence[str]) -> Tensor:
        """Logits of the next token, (P, V), in the model's own precision; prompts share a batch."""
        tokens, mask, position = self._padded([self.encode(prompt) for prompt in prompts])
        with torch.inference_mode():
            out = self.model(
                input_ids=tokens, attention_mask=mask, position_ids=position, use_cache=False,
                logits_to_keep=1,
            )  # fmt: skip
        logits: Tensor = out.logits[:, -1]
        return logits

    def option_log_probabilities(self, prompts: Sequence[str], options: Sequence[str]) -> Floats:
        """Exact log-probability that each prompt goes on with each option.

        An option of several tokens has the sum of their log-probabilities.  Options are tokenized
        by themselves, so a space that belongs to a word has to lead it: ``" positive"``.

        Parameters
        ----------
        prompts, options : sequence of str

        Returns
        -------
        numpy.ndarray of shape (P, K), float64
            Natural logarithms, at most 0. They need not sum to a probability of 1: a model may go
            on with something else (see `scipy.special.log_softmax` to normalise them).

        Raises
        ------
        ValueError
            If there are no prompts or options, or one holds no token.
        """
        ends = [self.encode(option) for option in options]
        if not ends:
            raise ValueError("options must hold at least one text, got none")
        if all(len(end) == 1 for end in ends):
            found = self.next_log_probabilities(prompts)[:, [end[0] for end in ends]]
            return found.double().numpy()
        starts = [self.encode(prompt) for prompt in prompts]
        texts = [start + end for start in starts for end in ends]
        tokens, mask, position = self._padded(texts)
        longest = max(map(len, ends))
        with torch.inference_mode():
            out = self.model(
                input_ids=tokens, attention_mask=mask, position_ids=position, use_cache=False,
                logits_to_keep=longest + 1,
            )  # fmt: skip
        log_probability = out.logits.float().log_softmax(-1)[:, :-1]  # (P·K, longest, V)
        each = log_probability.gather(-1, tokens[:, -longest:, None])[..., 0].double()
        own = torch.arange(longest) >= longest - torch.tensor([len(end) for end in ends])[:, None]
        total = (each.view(len(prompts), len(ends), longest) * own).sum(-1)
        return total.numpy()

    # --- Text -----------------------------------------------------------------------------------

    def generate(
        self,
        prompts: Sequence[str],
        most: int,
        *,
        temperature: float = 0.0,
        uniform: ArrayLike | None = None,
        stop: str = "\n",
    ) -> list[list[int]]:
        """Continue each prompt, token by token, until it ends itself or says ``stop``.

        Parameters
        ----------
        prompts : sequence of str
            They share one batch.
        most : int
            Most tokens to write, 1 or more.
        temperature : float
            0 takes the most probable token each time; above, tokens are drawn from
            softmax(logits / temperature).
        uniform : array of shape (P, most), optional
            Numbers in [0, 1) that decide the draws; required above temperature 0.
        stop : str
            A continuation ends before the first token that contains this; "" for none.

        Returns
        -------
        list of list of int
            Tokens of each continuation, without the one that ended it.

        Raises
        ------
        ValueError
            If ``most`` is below 1, the temperature is negative, or ``uniform`` is not as said.
        """
        if most < 1:
            raise ValueError(f"most must be 1 or more, got {most}")
        if not temperature >= 0:
            raise ValueError(f"temperature must be 0 or more, got {temperature}")
        chosen = None if uniform is None else np.asarray(uniform, dtype=np.float64)
        if temperature > 0 and (chosen is None or chosen.shape != (len(prompts), most)):
            shape = None if chosen is None else chosen.shape
            raise ValueError(f"uniform must have shape {(len(prompts), most)}, got {shape}")
        tokens, mask, position = self._padded([self.encode(prompt) for prompt in prompts])
        written: list[list[int]] = [[] for _ in prompts]
        going = np.ones(len(prompts), dtype=bool)
        cache, end = None, self.tokenizer.eos_token_id
        for step in range(most):
            with torch.inference_mode():
                out = self.model(
                    input_ids=tokens, attention_mask=mask, position_ids=position,
                    past_key_values=cache, use_cache=True, logits_to_keep=1,
                )  # fmt: skip
            cache, logits = out.past_key_values, out.logits[:, -1]
            if temperature > 0 and chosen is not None:
                likely = at_temperature(
                    logits.float().log_softmax(-1).double().numpy(), temperature
                )
                next_tokens = pick(likely, chosen[:, step])
            else:
                next_tokens = logits.argmax(-1).numpy()
            for row in np.flatnonzero(going):
                token = int(next_tokens[row])
                if token == end or (stop and stop in self.tokenizer.decode([token])):
                    going[row] = False
                else:
                    written[row].append(token)
            if not going.any():
                break
            tokens = torch.from_numpy(next_tokens.astype(np.int64))[:, None]
            mask = torch.cat([mask, torch.ones_like(mask[:, :1])], -1)
            position = position[:, -1:] + 1
        return written

    def _padded(self, texts: Sequence[Sequence[int]]) -> tuple[Tensor, Tensor, Tensor]:
        """Tokens, mask and positions (P, T) of texts that are padded on the left."""
        if not texts:
            raise ValueError("prompts must hold at least one text, got none")
        longest = max(map(len, texts))
        tokens = torch.zeros((len(texts), longest), dtype=torch.int64)
        mask = torch.zeros_like(tokens)
        for row, text in enumerate(texts):
            tokens[row, longest - len(text) :] = torch.tensor(text)
            mask[row, longest - len(text) :] = 1
        return tokens, mask, (mask.cumsum(-1) - 1).clamp(min=0)


def at_temperature(log_probability: ArrayLike, temperature: float) -> Floats:
    """Probabilities over the last axis at a temperature: softmax(log-probability / temperature).

    Parameters
    ----------
    log_probability : array of shape (..., K)
        Need not be normalised.
    temperature : float
        0 puts everything on the most probable entry, the first of those that are equal.

    Returns
    -------
    numpy.ndarray of shape (..., K), float64
        Each sums to 1.

    Raises
    ------
    ValueError
        If the temperature is negative.

    Examples
    --------
    >>> at_temperature(np.log([0.2, 0.8]), 0.0).tolist(), at_temperature(np.log([1, 3]), 1).tolist()
    ([0.0, 1.0], [0.25, 0.75])
    """
    logs = np.asarray(log_probability, dtype=np.float64)
    if not temperature >= 0:
        raise ValueError(f"temperature must be 0 or more, got {temperature}")
    if temperature == 0:
        return np.asarray(np.arange(logs.shape[-1]) == logs.argmax(-1)[..., None], dtype=np.float64)
    scaled = np.exp((logs - logs.max(-1, keepdims=True)) / temperature)
    return np.asarray(scaled / scaled.sum(-1, keepdims=True))


def pick(probability: ArrayLike, uniform: ArrayLike) -> NDArray[np.int64]:
    """Draw from each row of probabilities, by where a uniform number falls in their running sum.

    Parameters
    ----------
    probability : array of shape (..., K)
        Each row sums to 1.
    uniform : array of shape (...)
        Numbers in [0, 1).

    Examples
    --------
    >>> pick([[0.25, 0.75], [0.25, 0.75]], [0.2, 0.3]).tolist()
    [0, 1]
    """
    running = np.cumsum(np.asarray(probability, dtype=np.float64), -1)
    # scaled by the sum, so that rounding cannot leave a number beyond the last entry
    reached = running <= np.asarray(uniform)[..., None] * running[..., -1:]
    return np.asarray(reached.sum(-1), dtype=np.int64)
