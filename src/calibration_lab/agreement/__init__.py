"""Agreement of repeated answers: is a judge consistent, and how reliable is one of its answers?

Everywhere, **rows are what is judged and columns are repetitions**: a table of N items by K answers
to each.  Then reliability is the share of variance between items in all variance, as in classical
test theory.  Two numbers belong together: the reliability of *one* answer (`icc`), and that of the
*sum* of K of them (`mcdonald_omega`, `cronbach_alpha`), which grows with K by `spearman_brown`.

None of them says that an answer is right.  A judge that is wrong in the same way each time has a
reliability of 1, and one that says the same of every item has none at all: 0 / 0, undefined.  What
is undefined is nan here, never a number; `Omega.reason` says why.

`transposed_omega` is the layout of one published code, which measures something else.

Everything can be imported from here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from calibration_lab.agreement.classical import cronbach_alpha, icc, spearman_brown
from calibration_lab.agreement.omega import Metric, Omega, mcdonald_omega
from calibration_lab.agreement.ratings import checked_ratings
from calibration_lab.agreement.transposed import (
    Transposed,
    expected_absolute_correlation,
    predicted_transposed,
    transposed_omega,
)
from calibration_lab.uncertainty import statistic_interval
from calibration_lab.uncertainty.confidence_limits import Interval

__all__ = [
    "Agreement",
    "Metric",
    "Omega",
    "Transposed",
    "agreement_interval",
    "cronbach_alpha",
    "expected_absolute_correlation",
    "icc",
    "mcdonald_omega",
    "pairwise_agreement",
    "predicted_transposed",
    "spearman_brown",
    "total_agreement",
    "transposed_omega",
]


@dataclass(frozen=True)
class Agreement:
    """How many items get the same output in all repetitions.

    Attributes
    ----------
    raw : float
        Share of items whose outputs are all identical, as they are.
    parsed : float
        Share of items whose outputs all give the same answer. An output without an answer agrees
        with nothing, not even with itself, so this can be below ``raw``.
    unparsed : float
        Share of outputs without an answer.
    """

    raw: float
    parsed: float
    unparsed: float


def total_agreement(
    outputs: Sequence[Sequence[Hashable]] | NDArray[Any],
    parse: Callable[[Any], Hashable] = lambda output: output,
) -> Agreement:
    """Total-agreement rates over repetitions, of raw outputs and of the answers in them.

    Parameters
    ----------
    outputs : table of N items by K repetitions
        Anything that can be compared: texts, tokens, numbers. K is 2 or more.
    parse : function, optional
        From one output to its answer, or to None where there is none; called once for each
        different output. By default the output is the answer.

    Returns
    -------
    Agreement
        Three shares in [0, 1].

    Raises
    ------
    ValueError
        If there is no item, or items have fewer than two outputs or not equally many.

    References
    ----------
    Atil et al. (2024), arXiv:2408.04667, who name the two rates TARr@N and TARa@N.

    Examples
    --------
    >>> total_agreement([["A", "A."], ["B", "B"], ["?", "?"]], {"A": 1, "A.": 1, "B": 2}.get)
    Agreement(raw=0.667, parsed=0.667, unparsed=0.333)
    """
    rows = [list(row) for row in outputs]
    if not rows or len({len(row) for row in rows}) > 1 or len(rows[0]) < 2:
        raise ValueError(
            "outputs must be items by repetitions, two or more of each item; "
            f"got {sorted({len(row) for row in rows})} outputs per item"
        )
    said = [set(row) for row in rows]
    meant = {output: parse(output) for output in set().union(*said)}
    answers = [{meant[output] for output in outputs_of} for outputs_of in said]
    silent = {output for output, answer in meant.items() if answer is None}
    return Agreement(
        raw=float(np.mean([len(outputs_of) == 1 for outputs_of in said])),
        parsed=float(np.mean([len(found) == 1 and None not in found for found in answers])),
        unparsed=float(np.mean([[o in silent for o in row] for row in rows])) if silent else 0.0,
    )


def pairwise_agreement(ratings: ArrayLike) -> float:
    """Probability that two different repetitions of one item agree, on average over items.

    Parameters
    ----------
    ratings : array of shape (N, K)
        Answers in numbers, items in rows; N and K are 2 or more.

    Returns
    -------
    float
        In [0, 1]. Judges of C answers who guess evenly agree 1 / C of the time.

    Raises
    ------
    ValueError
        If ratings are not finite, or less than two rows or columns.

    Examples
    --------
    >>> pairwise_agreement([[0, 0, 0], [0, 0, 1]])
    0.667
    """
    x = checked_ratings(ratings)
    k = x.shape[1]
    values = np.unique(x)
    counts = np.stack([(x == value).sum(axis=1) for value in values])  # (C, N)
    return float((counts * (counts - 1)).sum(axis=0).mean() / (k * (k - 1)))


def agreement_interval(
    statistic: Callable[[NDArray[Any]], float | Omega | Transposed],
    ratings: ArrayLike,
    *,
    level: float = 0.95,
    bounds: tuple[float, float] | None = None,
    cluster: ArrayLike | None = None,
    resamples: int = 1999,
    seed: int = 0,
) -> Interval:
    """Bootstrap interval for any statistic of this module, resampling items.

    Parameters
    ----------
    statistic : function
        From a table of items by repetitions to a number, an `Omega` or a `Transposed`.
    ratings : array of shape (N, ...)
        One row per item; whole rows are drawn with replacement.
    level, bounds, cluster, resamples, seed
        As in `uncertainty.statistic_interval`; rows of one cluster (paraphrases of an item) are
        drawn together.

    Returns
    -------
    Interval
        Undefined (nan) where the statistic is. The items are the units: the interval says what
        other items might have shown, given the repetitions.

    Raises
    ------
    ValueError
        As the statistic and `uncertainty.statistic_interval`.

    Examples
    --------
    >>> rng = np.random.default_rng(0)
    >>> judged = (rng.random((200, 10)) < rng.random((200, 1))).astype(float)
    >>> found = agreement_interval(icc, judged, bounds=(-1, 1), resamples=199)
    >>> found.low < 1 / 3 < found.high  # p is uniform: Var(p) / Var = (1/12) / (1/4)
    True
    """
    table = np.asarray(ratings)

    def of(rows: NDArray[Any]) -> float:
        found = statistic(table[rows])
        return found if isinstance(found, (int, float)) else found.value

    return statistic_interval(
        np.arange(len(table)), of, level=level, bounds=bounds, cluster=cluster,
        resamples=resamples, seed=seed,
    )  # fmt: skip
