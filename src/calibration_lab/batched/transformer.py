"""Many small transformers as one: a causal language model with a leading model axis.

The architecture is GPT's with root-mean-square normalisation before each block: learned positions,
multi-head causal attention, a two-layer ReLU network.  Normalisation has no gain of its own, since
the weights that follow can hold it.  Each model follows the trajectory it would follow alone.

Text is read once and continued many times: the keys and values of a text are shared by its
continuations, and a continuation can branch, so a group of samples or a whole tree of continuations
costs no second reading::

    logits, context = model.read(prompts)  # (M, B, T) -> (M, B, T, V)
    logits, context = model.extend(context, tokens)  # (M, B, n) -> (M, B, n, V)
    logits, context = model.extend(context.branch(5), more)  # (M, B, 5 · n) -> (M, B, 5 · n, V)

Where a *grammar* says which tokens can stand in each place, :func:`log_likelihood`, :func:`sample`
and :func:`enumerate_continuations` score, draw or list continuations of a text.

Shapes in comments: M models, B texts per model, T tokens of a text, n continuations of a text,
t tokens of a continuation, V vocabulary, H heads, D width of a head, W = H · D.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from torch import Tensor

from calibration_lab import batched

__all__ = [
    "Architecture",
    "Context",
    "Grammar",
    "Transformer",
    "enumerate_continuations",
    "log_likelihood",
    "sample",
]

_EPSILON = 1e-6  # added to the mean square; activations are of order 1
_LINE = 16  # see batched: what keeps each model's numbers on the same places in memory

Attend = Callable[[int, Tensor, Tensor, Tensor], Tensor]
Grammar = Sequence[slice]  # of the vocabulary: the tokens that can stand in each place


@dataclass(frozen=True)
class Architecture:
    """Sizes of a transformer.

    Parameters
    ----------
    vocabulary : int
        Number of different tokens.
    length : int
        Largest number of tokens that can be read, continuation included.
    width : int
        Numbers per token between the layers: a multiple of ``heads`` and of 16.
    heads, layers : int
        Attention heads per layer, and layers.
    expansion : int
        Width of the two-layer network's hidden layer, in multiples of ``width``.

    Raises
    ------
    ValueError
        If a size is less than 1, or ``width`` is not a multiple of ``heads`` and of 16.
    """

    vocabulary: int
    length: int
    width: int = 32
    heads: int = 4
    layers: int = 2
    expansion: int = 4

    def __post_init__(self) -> None:
        for name, size in vars(self).items():
            if not size >= 1:
                raise ValueError(f"{name} must be 1 or more, got {size}")
        if self.width % self.heads or self.width % _LINE:
            raise ValueError(
                f"width must be a multiple of heads ({self.heads}) and of {_LINE}, got {self.width}"
            )

    def shapes(self) -> dict[str, tuple[int, ...]]:
        """Parameters of one transformer; rows of ``embedding`` are tokens, then positions."""
        width, hidden = self.width, self.expansion * self.width
        shapes: dict[str, tuple[int, ...]] = {
            "embedding": (self.vocabulary + self.length, width),
            "head": (width, self.vocabulary), "head.bias": (self.vocabulary,),
        }  # fmt: skip
        for layer in range(self.layers):
            shapes |= {
                f"{layer}.attend": (width, 3 * width), f"{layer}.attend.bias": (3 * width,),
                f"{layer}.mix": (width, width), f"{layer}.mix.bias": (width,),
                f"{layer}.up": (width, hidden), f"{layer}.up.bias": (hidden,),
                f"{layer}.down": (hidden, width), f"{layer}.down.bias": (width,),
            }  # fmt: skip
        return shapes


@dataclass(frozen=True)
class Context:
    """What has been read: keys and values of texts and of their continuations, layer by layer.

    Attributes
    ----------
    text : tuple of (torch.Tensor, torch.Tensor), each of shape (M, B, H, T, D)
        Keys and values of the texts.
    own : tuple of (torch.Tensor, torch.Tensor), each of shape (M, B, H, n, t, D)
        Keys and values of the continuations; empty as long as there are none.
    """

    text: tuple[tuple[Tensor, Tensor], ...]
    own: tuple[tuple[Tensor, Tensor], ...] = ()

    @property
    def length(self) -> int:
        """Tokens read, continuation included."""
        return self.text[0][0].shape[3] + (self.own[0][0].shape[4] if self.own else 0)

    def branch(self, times: int) -> Context:
        """Every continuation ``times`` (1 or more) times: (a, b) becomes (a, a, b, b).

        A text without continuations stays as it is: the first tokens open as many as they are.
        """
        if not times >= 1:
            raise ValueError(f"times must be 1 or more, got {times}")
        own = tuple(
            (k.repeat_interleave(times, 3), v.repeat_interleave(times, 3)) for k, v in self.own
        )
        return Context(self.text, own)


class Transformer:
    """Transformers of one architecture: next-token logits of M models at once.

    Parameters
    ----------
    architecture : Architecture
    parameters : batched.Parameters
        Made of ``architecture.shapes()``.

    Raises
    ------
    ValueError
        If ``parameters`` are of another architecture.

    Examples
    --------
    >>> sizes = Architecture(vocabulary=11, length=5, width=16)
    >>> parameters = batched.Parameters(sizes.shapes(), models=3)
    >>> parameters.initialise([0, 1, 2])
    >>> model = Transformer(sizes, parameters)
    >>> model.read(torch.zeros(3, 16, 4, dtype=torch.int64))[0].shape
    torch.Size([3, 16, 4, 11])
    """

    def __init__(self, architecture: Architecture, parameters: batched.Parameters) -> None:
        if parameters.shapes != architecture.shapes():
            raise ValueError(f"parameters must have the shapes of {architecture}")
        self.architecture = architecture
        self.parameters = parameters

    def read(self, tokens: Tensor) -> tuple[Tensor, Context]:
        """Logits of the token that follows each token of a text, and the context to go on from.

        Parameters
        ----------
        tokens : torch.Tensor of shape (M, B, T), int64
            B · T is a multiple of 16 (see :mod:`calibration_lab.batched`).

        Returns
        -------
        (torch.Tensor of shape (M, B, T, V), Context)

        Raises
        ------
        ValueError
            If a token is unknown, or there are more than ``architecture.length``.
        """
        size = tokens.shape[2]
        later = torch.ones(size, size, dtype=torch.bool).triu(1)
        kept: list[tuple[Tensor, Tensor]] = []

        def attend(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            kept.append((key, value))
            score = query @ key.transpose(-1, -2)  # (M, B, H, T, T)
            return score.masked_fill(later, -math.inf).softmax(-1) @ value

        logits = self._logits(tokens, torch.arange(size), attend)
        return logits, Context(tuple(kept))

    def extend(self, context: Context, tokens: Tensor) -> tuple[Tensor, Context]:
        """Logits after one more token of each continuation, and the context with these tokens.

        Parameters
        ----------
        context : Context
        tokens : torch.Tensor of shape (M, B, n), int64
            The next token of each continuation; B · n is a multiple of 16.

        Returns
        -------
        (torch.Tensor of shape (M, B, n, V), Context)

        Raises
        ------
        ValueError
            If there is not one token per continuation, one is unknown, or more than
            ``architecture.length`` were read.
        """
        open_ones = context.own[0][0].shape[3] if context.own else tokens.shape[2]
        if tokens.shape[2] != open_ones:
            raise ValueError(
                f"tokens must be one for each of {open_ones} continuations, got {tokens.shape[2]}"
            )
        kept: list[tuple[Tensor, Tensor]] = []

        def attend(layer: int, query: Tensor, key: Tensor, value: Tensor) -> Tensor:
            keys, values = context.text[layer]
            size = keys.shape[3]
            key, value = key.unsqueeze(4), value.unsqueeze(4)  # (M, B, H, n, 1, D)
            if context.own:
                key = torch.cat([context.own[layer][0], key], 4)  # (M, B, H, n, t, D)
                value = torch.cat([context.own[layer][1], value], 4)
            kept.append((key, value))
            shared = query @ keys.transpose(-1, -2)  # (M, B, H, n, T)
            own = (query.unsqueeze(4) * key).sum(-1)  # (M, B, H, n, t)
            weight = torch.cat([shared, own], -1).softmax(-1)
            from_own = (weight[..., size:].unsqueeze(-1) * value).sum(4)
            return weight[..., :size] @ values + from_own

        logits = self._logits(tokens, torch.tensor([context.length]), attend)
        return logits, Context(context.text, tuple(kept))

    def _logits(self, tokens: Tensor, position: Tensor, attend: Attend) -> Tensor:
        """Logits (M, B, n, V) after tokens (M, B, n); ``attend`` looks back from each of them."""
        sizes, (models, texts, n) = self.architecture, tokens.shape
        numbers = self._embed(tokens, position)  # (M, B · n, W)
        for layer in range(sizes.layers):
            projected = self._linear(f"{layer}.attend", normalise(numbers))
            parts = projected.view(models, texts, n, 3, sizes.heads, -1)
            query, key, value = parts.permute(3, 0, 1, 4, 2, 5)  # each (M, B, H, n, D)
            query = query / math.sqrt(sizes.width // sizes.heads)
            found = attend(layer, query, key, value).transpose(2, 3)  # (M, B, n, H, D)
            numbers = numbers + self._linear(f"{layer}.mix", found.reshape(numbers.shape))
            hidden = self._linear(f"{layer}.up", normalise(numbers)).relu_()
            numbers = numbers + self._linear(f"{layer}.down", hidden)
        return self._linear("head", normalise(numbers)).view(models, texts, n, -1)

    def _embed(self, tokens: Tensor, position: Tensor) -> Tensor:
        """Sum of the token's and the position's row of the embedding, (M, B · n, W)."""
        sizes, parameters = self.architecture, self.parameters
        if len(tokens) != parameters.models:
            raise ValueError(f"tokens must be of {parameters.models} models, got {len(tokens)}")
        if not ((tokens >= 0) & (tokens < sizes.vocabulary)).all():
            raise ValueError(f"tokens must lie in 0 to {sizes.vocabulary - 1}; one does not")
        if not position[-1] < sizes.length:
            raise ValueError(f"at most {sizes.length} tokens can be read, got {position[-1] + 1}")
        every = torch.arange(sizes.vocabulary + sizes.length)
        # a product with zeros and ones: unlike a look-up, its gradient adds up in a fixed order
        rows = (tokens[..., None] == every) | ((position + sizes.vocabulary)[:, None] == every)
        return torch.bmm(rows.flatten(1, 2).to(parameters.flat.dtype), parameters["embedding"])

    def _linear(self, name: str, numbers: Tensor) -> Tensor:
        return batched.linear(numbers, self.parameters[name], self.parameters[f"{name}.bias"])


def log_likelihood(
    model: Transformer, texts: Tensor, continuations: Tensor, grammar: Grammar
) -> Tensor:
    """Log-probability of each token of given continuations, one for each text, in nats.

    Parameters
    ----------
    model : Transformer
    texts : torch.Tensor of shape (M, B, T), int64
    continuations : torch.Tensor of shape (M, B, places), int64
        Tokens, each counted from the start of its place's slice.
    grammar : sequence of slice
        Tokens that can stand in each place; probabilities are relative to these.

    Returns
    -------
    torch.Tensor of shape (M, B, places)
    """
    start = torch.tensor([allowed.start for allowed in grammar])
    logits, _ = model.read(torch.cat([texts, (continuations + start)[..., :-1]], -1))
    last = texts.shape[2] - 1
    found = [
        logits[:, :, last + place, allowed].log_softmax(-1).gather(-1, continuations[..., [place]])
        for place, allowed in enumerate(grammar)
    ]
    return torch.cat(found, -1)


def sample(
    model: Transformer, texts: Tensor, grammar: Grammar, uniform: Tensor
) -> tuple[Tensor, Tensor]:
    """Continuations drawn token by token, and their log-probabilities, which have gradients.

    ``uniform`` (M, B, places, n) are uniform numbers on [0, 1) for n continuations of each text;
    all else is as for :func:`log_likelihood`.  Returns tokens (M, B, places, n) and the
    log-probabilities (M, B, n) of whole continuations.
    """
    logits, context = model.read(texts)
    logits = logits[:, :, -1:].expand(-1, -1, uniform.shape[3], -1)  # (M, B, n, V)
    tokens, total = [], torch.zeros(())
    for place, allowed in enumerate(grammar):
        log_token = logits[..., allowed].log_softmax(-1)
        with torch.no_grad():
            token = batched.sample_categorical(log_token, uniform[:, :, place, :, None])
        total = total + log_token.gather(-1, token)[..., 0]
        tokens.append(token[..., 0])
        if place + 1 < len(grammar):
            logits, context = model.extend(context, tokens[-1] + allowed.start)
    return torch.stack(tokens, 2), total


def enumerate_continuations(model: Transformer, texts: Tensor, grammar: Grammar) -> Tensor:
    """Log-probability of every continuation of each text, in nats.

    Arguments are those of :func:`log_likelihood`; the result, in double precision, has the shape
    (M, B, values of the first place, values of the second, ...).
    """
    logits, context = model.read(texts)
    logits, total = logits[:, :, -1:], torch.zeros(*texts.shape[:2], 1, dtype=torch.float64)
    sizes = [allowed.stop - allowed.start for allowed in grammar]
    for place, (allowed, size) in enumerate(zip(grammar, sizes, strict=True)):
        log_token = logits[..., allowed].log_softmax(-1).double()  # (M, B, n, size)
        total = (total[..., None] + log_token).flatten(2)
        if place + 1 < len(grammar):
            token = torch.arange(allowed.start, allowed.stop).repeat(total.shape[2] // size)
            logits, context = model.extend(context.branch(size), token.expand(total.shape))
    return total.unflatten(2, sizes)


def normalise(numbers: Tensor) -> Tensor:
    """Numbers (..., W) divided by their root mean square (Zhang and Sennrich 2019, eq. 4)."""
    return numbers * (numbers.square().mean(-1, keepdim=True) + _EPSILON).rsqrt()
