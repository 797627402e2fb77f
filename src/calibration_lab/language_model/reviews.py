"""Templated one-line reviews whose sentiment is known, for a language model to judge."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

__all__ = ["TEMPLATES", "Review", "review"]


class Review(NamedTuple):
    """A short review: its text, and whether it is positive."""

    text: str
    positive: bool


THINGS = (
    "film", "book", "hotel", "restaurant", "phone", "concert", "course", "jacket",
    "laptop", "museum", "game", "play", "podcast", "headset", "garden", "train",
)  # fmt: skip
PRAISE = (
    "wonderful", "great", "delightful", "excellent",
    "charming", "superb", "brilliant", "lovely",
)  # fmt: skip
BLAME = (
    "dreadful", "boring", "awful", "disappointing",
    "poor", "tedious", "terrible", "dull",
)  # fmt: skip
# {own} speaks for the label and {other} against it; what counts is how a review ends
TEMPLATES = (
    "The {thing} was {own}.",
    "The {thing} was not {other} at all.",
    "I had heard that the {thing} was {other}, but I found it {own}.",
    "The {thing} began {other} and ended {own}.",
    "Friends called the {thing} {other}. They are wrong.",
)


def review(stream: np.random.Generator, templates: Sequence[str] = TEMPLATES) -> Review:
    """Draw a review: its sentiment is a coin's, its words are uniform.

    Parameters
    ----------
    stream : numpy.random.Generator
        Where the draws come from.
    templates : sequence of str
        Texts with ``{thing}``, ``{own}`` and ``{other}``: a word for the label, one against it.

    Examples
    --------
    >>> review(np.random.default_rng(1))
    Review(text='The museum was charming.', positive=False)
    """
    positive = bool(stream.integers(2))
    own, other = (PRAISE, BLAME) if positive else (BLAME, PRAISE)
    template = templates[int(stream.integers(len(templates)))]
    thing, one, another = (words[stream.integers(len(words))] for words in (THINGS, own, other))
    return Review(template.format(thing=thing, own=one, other=another), positive)
