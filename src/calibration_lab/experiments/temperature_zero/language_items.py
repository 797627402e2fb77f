"""Questions for a language model: reviews to judge, and questions with four options.

Every item is drawn from its seed.  The first of a question's options is right; what a model sees is
rotated.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple

from calibration_lab.batched import random_stream
from calibration_lab.language_model import LanguageModel, reviews
from calibration_lab.language_model.reviews import Review

__all__ = [
    "FAMILIES",
    "FORMS",
    "ORDERS",
    "PARAPHRASES",
    "REQUESTS",
    "VERDICTS",
    "Choice",
    "choice",
    "letters",
    "review",
    "rotated",
]


# --- Reviews ------------------------------------------------------------------------------------


def review(seed: int) -> Review:
    """The review of a seed.

    Examples
    --------
    >>> review(3) == review(3)
    True
    """
    return reviews.review(random_stream(seed, "review"))


VERDICTS = ("positive", "negative")
ORDERS = {"positive first": VERDICTS, "negative first": VERDICTS[::-1]}
EXAMPLES = {"positive": "I loved the soup.", "negative": "The lamp was useless."}


def _classify(text: str, first: str, second: str) -> str:
    shown = "".join(
        f"Review: {EXAMPLES[verdict]}\nSentiment: {verdict}\n\n" for verdict in (first, second)
    )
    return f"Classify each review as {first} or {second}.\n\n{shown}Review: {text}\nSentiment:"


def _arrow(text: str, first: str, second: str) -> str:
    shown = "".join(f"{EXAMPLES[verdict]} -> {verdict}\n" for verdict in (first, second))
    return f"{shown}{text} ->"


def _asked(text: str, first: str, second: str) -> str:
    def question(about: str) -> str:
        return f"Question: A customer wrote: {about} Was that {first} or {second}?\nAnswer:"

    shown = "".join(f"{question(EXAMPLES[verdict])} {verdict}\n" for verdict in (first, second))
    return shown + question(text)


def _opinion(text: str, first: str, second: str) -> str:
    shown = "".join(f'"{EXAMPLES[v]}" The opinion is {v}.\n' for v in (first, second))
    return f'Is the opinion {first} or {second}?\n\n{shown}"{text}" The opinion is'


def _text(text: str, first: str, second: str) -> str:
    shown = "".join(f"Text: {EXAMPLES[v]} Class: {v}\n" for v in (first, second))
    return f"Sentiment analysis ({first}/{second})\n{shown}Text: {text} Class:"


def _decide(text: str, first: str, second: str) -> str:
    return f"Decide whether the review is {first} or {second}.\nReview: {text}\nSentiment:"


# each asks the same: is this review positive or negative?
PARAPHRASES: dict[str, Callable[[str, str, str], str]] = {
    "classify": _classify,
    "arrow": _arrow,
    "asked": _asked,
    "opinion": _opinion,
    "text": _text,
    "decide": _decide,
}


# --- Questions with four options ----------------------------------------------------------------


class Choice(NamedTuple):
    """A question with four options, the first of which is right.

    ``cloze`` is the same question as the beginning of a sentence that an option completes.
    """

    family: str
    subject: str
    question: str
    cloze: str
    options: tuple[str, ...]


CAPITALS = {
    "France": "Paris", "Italy": "Rome", "Spain": "Madrid", "Germany": "Berlin", "Japan": "Tokyo",
    "Egypt": "Cairo", "Greece": "Athens", "Russia": "Moscow", "China": "Beijing",
    "England": "London", "Austria": "Vienna", "Poland": "Warsaw", "Cuba": "Havana",
    "Peru": "Lima", "Kenya": "Nairobi", "Norway": "Oslo", "Sweden": "Stockholm",
    "Finland": "Helsinki", "Denmark": "Copenhagen", "Ireland": "Dublin", "Portugal": "Lisbon",
    "Hungary": "Budapest", "Turkey": "Ankara", "Iran": "Tehran", "Iraq": "Baghdad",
    "Thailand": "Bangkok", "Canada": "Ottawa", "Chile": "Santiago", "Belgium": "Brussels",
    "Syria": "Damascus", "Lebanon": "Beirut", "Vietnam": "Hanoi",
}  # fmt: skip
KINDS = {
    "bird": "sparrow eagle robin owl pigeon crow swan parrot",
    "fish": "salmon trout tuna shark cod carp herring eel",
    "tree": "oak pine maple birch willow elm cedar beech",
    "fruit": "apple pear plum cherry peach banana grape mango",
    "metal": "iron copper gold silver zinc tin lead nickel",
    "tool": "hammer saw drill wrench chisel pliers screwdriver axe",
    "flower": "rose tulip daisy lily orchid violet daffodil poppy",
    "insect": "ant bee wasp beetle fly moth mosquito butterfly",
}
FAMILIES = ("capital", "kind", "sum")
OPTIONS, LETTERS = 4, "ABCD"


def choice(seed: int) -> Choice:
    """The question of a seed; its family follows from the seed, in turn.

    Examples
    --------
    >>> [choice(seed).family for seed in (0, 1, 2, 3)]
    ['capital', 'kind', 'sum', 'capital']
    """
    family, stream = FAMILIES[seed % len(FAMILIES)], random_stream(seed, "choice")
    if family == "capital":
        countries = list(CAPITALS)
        picked = [countries[i] for i in stream.permutation(len(countries))[:OPTIONS]]
        asked = f"the capital of {picked[0]}"
        options = tuple(CAPITALS[country] for country in picked)
        return Choice(
            family, picked[0], f"What is {asked}?", f"The capital of {picked[0]} is", options
        )
    if family == "kind":
        kinds = list(KINDS)
        picked = [kinds[i] for i in stream.permutation(len(kinds))[:OPTIONS]]
        members = KINDS[picked[0]].split()
        word = members[stream.integers(len(members))]
        question, cloze = f"What kind of thing is: {word}?", f"{word.capitalize()} is a kind of"
        return Choice(family, word, question, cloze, tuple(picked))
    first, second = (int(number) for number in stream.integers(2, 10, 2))
    near = [first + second + shift for shift in (-4, -3, -2, -1, 1, 2, 3, 4)]
    positive = [number for number in near if number > 0]
    wrong = [positive[i] for i in stream.permutation(len(positive))[: OPTIONS - 1]]
    options = tuple(str(number) for number in (first + second, *wrong))
    subject = f"{first} + {second}"
    return Choice(family, subject, f"What is {subject}?", f"{subject} =", options)


def rotated(options: Sequence[str], rotation: int) -> list[str]:
    """Options moved on by some positions: option k stands at position k + rotation, cyclically.

    Examples
    --------
    >>> rotated(["a", "b", "c", "d"], 1)
    ['d', 'a', 'b', 'c']
    """
    return [options[(position - rotation) % len(options)] for position in range(len(options))]


def letters(asked: str, options: Sequence[str]) -> str:
    """A question with lettered options, up to where the letter is to be said."""
    listed = "".join(f"{letter}. {o}\n" for letter, o in zip(LETTERS, options, strict=False))
    return f"Question: {asked}\n{listed}Answer:"


SOLVED = (
    letters("What is the color of grass?", ["red", "green", "blue", "white"]) + " B\n\n"
    + letters("How many legs has a dog?", ["two", "six", "three", "four"]) + " D\n\n"
)  # fmt: skip


def _in_chat(model: LanguageModel, asked: str, options: Sequence[str]) -> str:
    listed = letters(asked, options).removesuffix("Answer:")
    return model.chat(f"{listed}Answer with one letter.", "The answer is")


# how lettered options are put to the model
FORMS: dict[str, Callable[[LanguageModel, str, Sequence[str]], str]] = {
    "letters": lambda model, asked, options: letters(asked, options),
    "letters after examples": lambda model, asked, options: SOLVED + letters(asked, options),
    "letters in chat": _in_chat,
}

# ways to ask for the same answer in a text of one's own
REQUESTS = {
    "capital": (
        "What is the capital of {subject}?",
        "Name the capital city of {subject}.",
        "Which city is the seat of government of {subject}?",
    ),
    "kind": (
        "What kind of thing is {subject}: bird, fish, tree, fruit, metal, tool, flower or insect?",
        "Does {subject} name an insect, flower, tool, metal, fruit, tree, fish or bird?",
        "Complete the sentence with one word: {subject} is a kind of",
    ),
    "sum": (
        "What is {subject}?",
        "Calculate {subject} and say the result.",
        "How much do you get if you compute {subject}?",
    ),
}
