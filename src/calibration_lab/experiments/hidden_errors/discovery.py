"""Looking for a hidden slice without group labels: where is the network confidently wrong?

Two searches get the same labelled validation cases: a decision tree, which splits by one field at a
time, and all pairs of conditions on two fields.  What they flag is judged on other cases.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np
from numpy.typing import NDArray
from sklearn.tree import DecisionTreeClassifier

from calibration_lab.experiments.hidden_errors import measures
from calibration_lab.experiments.hidden_errors.domains import Cases, Flags, Floats

__all__ = ["SEARCHES", "by_pairs", "by_tree", "discovery"]

Row = dict[str, float]
Numbers = NDArray[np.float32]


class Searching(measures.Measuring, Protocol):
    """What is read of the experiment's Config."""

    @property
    def search_confidence(self) -> float: ...
    @property
    def search_rate(self) -> float: ...
    @property
    def search_fewest(self) -> int: ...
    @property
    def search_bins(self) -> int: ...
    @property
    def tree_depth(self) -> int: ...


def by_tree(config: Searching, known: Numbers, wrong: Flags, shown: Numbers) -> Flags:
    """Flag cases that fall in a leaf of a decision tree where errors are frequent.

    The tree is grown to tell ``wrong`` (n,) from ``known`` (n, fields); ``shown`` (m, fields) are
    the cases to flag.  Some are wrong.
    """
    tree = DecisionTreeClassifier(
        max_depth=config.tree_depth, min_samples_leaf=config.search_fewest, random_state=0
    )
    chance = tree.fit(known, wrong).predict_proba(shown)
    return np.asarray(chance[:, list(tree.classes_).index(True)] > config.search_rate)


def conditions(known: Numbers, shown: Numbers, bins: int) -> tuple[Numbers, Numbers]:
    """Which conditions on one field hold, (n, conditions) and (m, conditions), as 0 and 1.

    A field of two values gives one condition, that it has the larger; any other gives one for each
    of ``bins`` intervals that hold equally many of the known cases.
    """
    held: tuple[list[Flags], list[Flags]] = ([], [])
    for column in range(known.shape[1]):
        values = np.unique(known[:, column])
        if len(values) < 2:
            continue
        edges = values[1:] if len(values) == 2 else np.quantile(
            known[:, column], np.arange(1, bins) / bins
        )  # fmt: skip
        first = 1 if len(values) == 2 else 0
        for cases, into in zip((known, shown), held, strict=True):
            place = np.searchsorted(edges, cases[:, column], side="right")
            into.extend(place == i for i in range(first, len(edges) + 1))
    return (np.column_stack(held[0]).astype(np.float32),
            np.column_stack(held[1]).astype(np.float32))  # fmt: skip


def by_pairs(config: Searching, known: Numbers, wrong: Flags, shown: Numbers) -> Flags:
    """Flag cases for which a pair of conditions holds under which errors are frequent.

    Every pair of conditions that holds for at least ``search_fewest`` of the known cases is tried:
    the search of Chung et al. (2019, arXiv:1807.06068) for conjunctions of two.
    """
    held, new = conditions(known, shown, config.search_bins)
    cases = held.T @ held  # counts below 2**24 are exact in single precision
    errors = held[wrong].T @ held[wrong]
    frequent = (cases >= config.search_fewest) & (errors > config.search_rate * cases)
    if not frequent.any():
        return np.zeros(len(shown), dtype=bool)
    return np.asarray((((new @ frequent.astype(np.float32)) * new).sum(1)) > 0)


SEARCHES = {"tree": by_tree, "pairs": by_pairs}


def discovery(
    config: Searching,
    log_odds: Floats,
    cases: Cases,
    validation_odds: Floats,
    validation: Cases,
    method: str,
) -> Row:
    """What a search flags, how much of it lies in the tail, and the harm left if it is passed on.

    Only answers whose confidence exceeds ``search_confidence`` are searched, and flagged; each of
    the two answers is searched by itself.
    """
    seen, given = measures.answers(validation_odds, validation), measures.answers(log_odds, cases)
    sure, confident = (one.confidence > config.search_confidence for one in (seen, given))
    wrong = (validation_odds > 0) != (validation.label == 1)
    flagged = np.zeros(len(log_odds), dtype=bool)
    for harmful in (False, True):
        known, new = (
            sure & ((validation_odds > 0) == harmful),
            confident & ((log_odds > 0) == harmful),
        )
        if wrong[known].any():
            flagged[new] = SEARCHES[method](
                config, validation.features[known], wrong[known], cases.features[new]
            )
    hits = float((flagged & given.tail).sum())
    cost = measures.harm(given, config.harm)
    return {
        "flagged": float(flagged.mean()),
        "precision": hits / flagged.sum() if flagged.any() else 0.0,
        "recall": hits / float(given.tail.sum()),
        "harm": float(cost.mean()),
        "harm_after": float((cost * ~flagged).mean()),
    }
