"""What is measured of a trained network: its errors, where they are, and who could have seen it.

The truth of every case is known, so an error is counted as the probability that the given answer
is wrong, not by a drawn label; nothing here depends on label noise.  n cases throughout.
"""

from __future__ import annotations

from typing import NamedTuple, Protocol

import numpy as np

from calibration_lab import calibration
from calibration_lab.experiments.hidden_errors.domains import (
    CONFIDENT,
    UNDECIDED,
    Cases,
    Flags,
    Floats,
    sigmoid,
)

__all__ = ["Answers", "aggregate", "answers", "cutoffs", "glance", "in_tail", "selective", "slices"]

Row = dict[str, float]


class Measuring(Protocol):
    """What is read of the experiment's Config."""

    @property
    def cut(self) -> float: ...
    @property
    def cuts(self) -> tuple[float, ...]: ...
    @property
    def harm(self) -> float: ...
    @property
    def coverages(self) -> tuple[float, ...]: ...


class Answers(NamedTuple):
    """A network's answers to cases whose truth is known.

    log_odds (n,) and probability (n,) that it gives the harmful answer; confidence (n,) in its own
    answer, at least .5; wrong (n,) the probability that its answer is wrong; truth (n,) that the
    harmful one is right; tail (n,).
    """

    log_odds: Floats
    probability: Floats
    confidence: Floats
    wrong: Floats
    truth: Floats
    tail: Flags


def answers(log_odds: Floats, cases: Cases, temperature: float = 1.0) -> Answers:
    """Answers of a network with these log-odds (n,), its confidence divided by a temperature."""
    probability = sigmoid(log_odds / temperature)
    harmful = log_odds > 0  # no temperature changes an answer
    truth = cases.probability
    confidence = np.maximum(probability, 1 - probability)
    return Answers(
        log_odds / temperature, probability, confidence,
        np.where(harmful, 1 - truth, truth), truth, cases.tail,
    )  # fmt: skip


def ratio(part: float, whole: float) -> float:
    """Part of a whole, not a number where there is no whole."""
    return float(part / whole) if whole > 0 else float("nan")


def mean_confidence(given: Answers, chosen: Flags) -> float:
    """Mean confidence of the errors among the chosen cases."""
    wrong = given.wrong[chosen]
    return ratio(float(given.confidence[chosen] @ wrong), float(wrong.sum()))


def concentration(given: Answers, chosen: Flags, cut: float) -> tuple[float, float]:
    """Share of the confident errors that the chosen cases hold, and that share over their own."""
    confident = given.wrong * (given.confidence > cut)
    share = ratio(float(confident[chosen].sum()), float(confident.sum()))
    return share, ratio(share, float(chosen.mean()))


def harm(given: Answers, tail_harm: float) -> Floats:
    """Expected harm (n,) of each answer: ``tail_harm`` for an error in the tail, else 1."""
    return given.wrong * np.where(given.tail, tail_harm, 1.0)


def log_loss(given: Answers) -> Floats:
    """Expected log score (n,) in nats, from log-odds: no probability is rounded to 1 there."""
    wrong_way = np.where(given.log_odds > 0, 1 - given.truth, given.truth)
    return np.logaddexp(0.0, -np.abs(given.log_odds)) + wrong_way * np.abs(given.log_odds)


def ece(given: Answers, chosen: Flags | slice = slice(None)) -> float:
    """Calibration error of the probability of the harmful answer, ten bins of equal width."""
    return calibration.expected_calibration_error(given.probability[chosen], given.truth[chosen])


def glance(given: Answers, config: Measuring) -> Row:
    """What is watched while training goes on."""
    tail, rest = given.tail, ~given.tail
    share, lift = concentration(given, tail, config.cut)
    return {
        "accuracy": float(1 - given.wrong.mean()),
        "ece": ece(given),
        "tail_accuracy": float(1 - given.wrong[tail].mean()),
        "tail_error_confidence": mean_confidence(given, tail),
        "other_error_confidence": mean_confidence(given, rest),
        "share": share,
        "lift": lift,
        "harm": float(harm(given, config.harm).mean()),
    }


def aggregate(given: Answers, config: Measuring) -> Row:
    """Metrics of all cases together, none of which knows of the tail."""
    confident = given.confidence > config.cut
    kept = most_confident(given, 0.8)
    return {
        "brier": calibration.brier_score(given.probability, given.truth),
        "nll": float(log_loss(given).mean()),
        "auroc": calibration.auroc(given.probability, given.truth),
        "aurc": calibration.area_under_risk_coverage(given.confidence, 1 - given.wrong),
        "confident": float(confident.mean()),
        "confident_error_rate": ratio(float(given.wrong[confident].sum()), float(confident.sum())),
        "harm_at_80": float(harm(given, config.harm)[kept].sum() / len(given.wrong)),
    }


def in_tail(given: Answers, config: Measuring) -> Row:
    """Further metrics of the tail, which need to know which cases those are."""
    tail = given.tail
    confident = given.wrong * (given.confidence > config.cut)
    lost = log_loss(given)
    return {
        "tail_rate": float(tail.mean()),
        "tail_ece": ece(given, tail),
        "tail_confident": ratio(float(confident[tail].sum()), float(given.wrong[tail].sum())),
        "tail_nll_share": float(lost[tail].sum() / lost.sum()),
    }


def slices(given: Answers, cases: Cases, config: Measuring, uniform: Floats) -> dict[str, Row]:
    """The same few numbers of the tail and of slices that should not look like it.

    tail; undecided: active and unstated, but the rule of thumb cannot tell; agreeing: active and
    unstated, and the rule of thumb says so too; stated: as in the tail, but with the note;
    random: as many cases as the tail, drawn by ``uniform`` (n,); rest: all but the tail.
    """
    unstated, odds = cases.active & ~cases.stated, cases.log_odds
    rank = np.argsort(np.argsort(uniform, kind="stable"), kind="stable")
    chosen = {
        "tail": cases.tail,
        "undecided": unstated & (np.abs(odds) < UNDECIDED),
        "agreeing": unstated & (odds > CONFIDENT),
        "stated": cases.stated & (odds < -CONFIDENT),
        "random": rank < cases.tail.sum(),
        "rest": ~cases.tail,
    }
    found = {}
    for name, flags in chosen.items():
        size = float(flags.mean())
        share, lift = concentration(given, flags, config.cut)
        found[name] = {
            "cases": size,
            "accuracy": 1 - ratio(float(given.wrong[flags].mean()) if size else 0.0, 1.0),
            "ece": ece(given, flags) if size else float("nan"),
            "error_confidence": mean_confidence(given, flags),
            "share": share,
            "lift": lift,
        }
    return found


def cutoffs(given: Answers, config: Measuring) -> list[Row]:
    """The tail's part of the confident errors, whatever "confident" is taken to mean."""
    rows = []
    for cut in config.cuts:
        share, lift = concentration(given, given.tail, cut)
        confident = given.confidence > cut
        above = float((given.wrong * confident)[given.tail].sum())
        rows.append({
            "cut": cut, "share": share, "lift": lift,
            "tail_confident": ratio(above, float(given.wrong[given.tail].sum())),
            "error_rate": ratio(float((given.wrong * confident).sum()), float(confident.sum())),
        })  # fmt: skip
    return rows


def most_confident(given: Answers, coverage: float) -> Flags:
    """The share ``coverage`` of the cases in which confidence is highest."""
    order = np.argsort(-given.confidence, kind="stable")
    kept = np.zeros(len(order), dtype=bool)
    kept[order[: round(coverage * len(order))]] = True
    return kept


def selective(given: Answers, config: Measuring) -> list[Row]:
    """What answering only the most confident cases leaves: risk, harm, and the tail."""
    cost, rows = harm(given, config.harm), []
    for coverage in config.coverages:
        kept = most_confident(given, coverage)
        rows.append({
            "coverage": coverage,
            "risk": float(given.wrong[kept].mean()),
            "harm": float(cost[kept].sum() / len(cost)),
            "tail_kept": float(kept[given.tail].mean()),
        })  # fmt: skip
    return rows
