"""The transposed layout on judges whose repetitions are known to be independent, or not.

Answers are one of several options, coded 1, 2, 3 ... as numbers.  An *independent* judge draws each
answer afresh.  A *moody* one has a mood in each repetition, which moves its answers to all
questions the same way: only there does a table with repetitions as rows have anything to find.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from calibration_lab import agreement, batched

Floats = NDArray[np.float64]


def codes(
    seed: int, purpose: str, shape: tuple[int, int], options: int,
    taste: float, mood: float, temperature: float,
) -> Floats:  # fmt: skip
    """Answers (Q, K) in numbers 1 to ``options`` of one judge, by the Gumbel-max rule.

    ``taste`` is the s.d. of the log-odds between options of a question; ``mood`` the s.d. of what
    a repetition adds for each step from an early option to a late one. At temperature 0 the most
    probable option.
    """
    questions, repetitions = shape

    def drawn(what: str, kind: str, *of: int) -> Floats:
        return batched.draw([seed], f"{purpose}: {what}", kind, of)[0].double().numpy()

    odds = taste * drawn("taste", "normal", questions, 1, options)
    moods = mood * drawn("mood", "normal", repetitions, 1)
    odds = odds + moods * (np.arange(options) - (options - 1) / 2)
    # float32 uniforms can be exactly 0, whose double logarithm is not finite
    uniform = drawn("answers", "uniform", questions, repetitions, options).clip(1e-9)
    gumbel = -np.log(-np.log(uniform))
    return np.argmax(odds + temperature * gumbel, axis=-1) + 1.0


def shuffled(seed: int, purpose: str, answers: Floats) -> Floats:
    """The same answers, each question's in an order of its own: nothing links repetitions now."""
    stream = batched.random_stream(seed, f"{purpose}: shuffle")
    return stream.permuted(answers, axis=1)


def statistic(answers: Floats) -> dict[str, float]:
    """The transposed statistic and what its closed form predicts."""
    found = agreement.transposed_omega(answers)
    size = found.varying, answers.shape[1], found.constant
    return {
        "transposed": found.value,
        "predicted": agreement.predicted_transposed(*size),
        "constant_share": found.constant / len(answers),
    }


def examine(answers: Floats) -> dict[str, float]:
    """The same, without absolute values, and beside reliability and stability of the answers."""
    return {
        **statistic(answers),
        "signed": agreement.transposed_omega(answers, absolute=False).value,
        "omega_one": agreement.icc(answers),
        "pairwise": agreement.pairwise_agreement(answers),
    }


def noise(
    seed: int, questions: Sequence[int], repetitions: Sequence[int], options: int, tables: int
) -> list[dict]:
    """Measure answers that are pure chance, by size of the table.

    The statistic and its prediction are means over ``tables``; the rest is of the first table.
    """
    rows = []
    for q in questions:
        for k in repetitions:
            drawn = [
                codes(seed, f"noise {q} by {k}: {i}", (q, k), options, 0.0, 0.0, 1.0)
                for i in range(tables)
            ]
            found = [statistic(answers) for answers in drawn]
            means = {name: float(np.mean([one[name] for one in found])) for name in found[0]}
            rows.append({"questions": q, "repetitions": k, **examine(drawn[0]), **means})
    return rows
