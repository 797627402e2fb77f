"""Audits and repairs after training: temperature, conformal sets, minimal pairs.

Each is given what its user would have: labelled validation cases, and the membership in the tail
only where the name says so.
"""

from __future__ import annotations

from typing import Protocol

import numpy as np

from calibration_lab.calibration import brier_score
from calibration_lab.calibration.recalibration import fit_temperature
from calibration_lab.experiments.hidden_errors import measures
from calibration_lab.experiments.hidden_errors.domains import Cases, Flags, Floats, sigmoid

__all__ = ["conformal", "four_measures", "temperatures"]

Row = dict[str, float]
COLDEST = 0.05  # lowest temperature that is tried


class Auditing(measures.Measuring, Protocol):
    """What is read of the experiment's Config."""

    @property
    def miss(self) -> float: ...


def temperatures(
    config: Auditing, log_odds: Floats, cases: Cases, validation_odds: Floats, validation: Cases
) -> dict[str, Row]:
    """Confidence as it is, with one temperature for all cases, and with the tail's own.

    Both are fitted on validation labels; the last needs to know the validation cases in the tail,
    and is used in the tail only.  Where all answers are right no temperature is too low; the fit
    then stops at `COLDEST`.
    """
    tail = validation.tail
    pooled, own = (
        max(fit_temperature(validation_odds[rows], validation.label[rows]).value, COLDEST)
        for rows in (slice(None), tail)
    )
    found = {}
    for name, temperature in (("none", 1.0), ("pooled", pooled), ("own", own)):
        given = measures.answers(log_odds, cases, temperature)
        chosen = given.tail if name == "own" else np.ones(len(log_odds), dtype=bool)
        found[name] = {
            "inverse_temperature": 1 / temperature,
            "ece": measures.ece(given, chosen),
            "brier": brier_score(given.probability[chosen], given.truth[chosen]),
            "nll": float(measures.log_loss(given)[chosen].mean()),
            "tail_accuracy": float(1 - given.wrong[given.tail].mean()),
            "tail_ece": measures.ece(given, given.tail),
            "tail_error_confidence": measures.mean_confidence(given, given.tail),
            "harm": float(measures.harm(given, config.harm)[chosen].mean()),
        }
    return found


def quantile(scores: Floats, miss: float) -> float:
    """Score that at least a share 1 - ``miss`` of exchangeable cases stay below, by integer rank.

    Source: Vovk, Gammerman & Shafer (2005); infinite where there are too few scores.
    """
    rank = int(np.ceil((len(scores) + 1) * (1 - miss) - 1e-9))
    return float(np.sort(scores)[rank - 1]) if rank <= len(scores) else float("inf")


def conformal(
    config: Auditing, log_odds: Floats, cases: Cases, validation_odds: Floats, validation: Cases
) -> dict[str, Row]:
    """Sets of answers that hold the right one with probability 1 - ``miss``: of all, or by group.

    "marginal" has one threshold, "group" one for the tail and one for the rest, which takes
    knowing, for every case, whether it lies in the tail.
    """
    chance = sigmoid(validation_odds)
    scores = np.where(validation.label == 1, 1 - chance, chance)  # 1 - probability of the label
    of_all = quantile(scores, config.miss)
    in_tail = quantile(scores[validation.tail], config.miss)
    in_rest = quantile(scores[~validation.tail], config.miss)
    probability = sigmoid(log_odds)
    found = {}
    for kind, edge in (
        ("marginal", np.full(len(log_odds), of_all)),
        ("group", np.where(cases.tail, in_tail, in_rest)),
    ):
        harmful, harmless = 1 - probability <= edge, probability <= edge
        covered = harmful * cases.probability + harmless * (1 - cases.probability)
        size = harmful.astype(float) + harmless
        found[kind] = {
            "coverage": float(covered.mean()),
            "tail_coverage": float(covered[cases.tail].mean()),
            "rest_coverage": float(covered[~cases.tail].mean()),
            "size": float(size.mean()),
            "tail_size": float(size[cases.tail].mean()),
        }
    return found


def four_measures(active: Flags, removed: Flags, explicit: Flags, salient: Flags) -> Row:
    """Accuracy on minimal pairs, and the four summary measures made of it.

    Each argument (n,) says whether the answer was right: with the constraint active, with it
    removed, with it active and stated, and with it active beside an equally rare note that does
    not matter.  Source: Li, Krishnan & Padman (2026), arXiv:2608.12321.
    """
    on, off = float(active.mean()), float(removed.mean())
    bias = on - off
    paired = float((active & removed).mean())
    return {
        "active": on, "removed": off,
        "explicit": float(explicit.mean()), "salient": float(salient.mean()),
        "conservative_bias": bias,
        "salience_adjusted_gain": float(explicit.mean()) - float(salient.mean()),
        "paired_accuracy": paired,
        "adjusted_score": paired * (1 - abs(bias)),
    }  # fmt: skip
