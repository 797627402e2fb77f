"""Measuring calibration: what do the usual measures say of forecasters whose truth is known?

Events have known probabilities, so a perfectly calibrated forecaster exists and every estimate can
be held against what it estimates. The first half of the run is this simulated world: how large the
expected calibration error (ECE) of a calibrated forecaster is, what it rewards, and what proper and
improper scores ask for. The second half, in ``real_data.py``, repairs models of real data.

The file reads in the order of the experiment: the world, the forecasters, the measures, the run.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
import pandas as pd
from numpy.polynomial.hermite_e import hermegauss
from numpy.typing import NDArray
from scipy.special import expit

from calibration_lab import calibration, scores
from calibration_lab.batched import random_stream
from calibration_lab.experiments.measuring_calibration import real_data

__all__ = ["FORECASTERS", "RULES", "Config", "Events", "draw_events", "run"]

Floats = NDArray[np.float64]
Row = dict[str, object]


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    centre: float = -0.4  # mean log-odds: the event is a little less common than its opposite
    visible: float = 1.6  # s.d. of the part of the log-odds that every forecaster sees
    subtle: float = 1.0  # s.d. of the part that the coarse forecaster does not see
    sharpening: float = 2.0  # factor on the overconfident forecaster's log-odds
    mild: float = 1.1  # the same for the mildly overconfident one
    rows: int = 10_000  # forecasts of each evaluation: binned errors are good to about 0.005
    history: int = 1000  # past events from which the constant forecaster takes its base rate
    bins: int = 15  # the most common choice since Guo et al. (2017)
    bin_counts: tuple[int, ...] = (5, 10, 15, 20, 30, 40)
    sizes: tuple[int, ...] = (250, 500, 1000, 2000, 4000, 8000)  # rows of the sample-size study
    sets: int = 20  # evaluation sets of each size and seed
    floor_rows: int = 500  # rows of a typical small evaluation set
    floor_sets: int = 16  # sets whose error is compared with its floor
    floor_repetitions: int = 200  # simulated outcomes behind each floor
    sure: float = 0.9  # answers stated at least this sure are acted upon
    asked: int = 200  # labels from which each report is learned
    train: int = 64  # digits that the network is trained on: few, so that it overfits
    calibrate: int = 1152  # digits that it is repaired on
    test: int = 384  # digits that it is judged on; 197 remain unused
    width: int = 32  # units of its two layers
    steps: int = 300  # of Adam, all rows at once; the training loss is then below 1e-4
    rate: float = 1e-2
    cancer_parts: tuple[float, float] = (0.25, 0.5)  # shares to train and repair; the rest tests

    def __post_init__(self) -> None:
        if self.floor_rows not in self.sizes:
            raise ValueError(f"floor_rows must be one of sizes {self.sizes}; got {self.floor_rows}")
        if self.test % 16 or self.calibrate % 16 or self.train % 16:
            parts = (self.train, self.calibrate, self.test)
            raise ValueError(f"train, calibrate and test must be multiples of 16; got {parts}")


# --- The world: events whose probabilities are known --------------------------------------------


class Events(NamedTuple):
    """Events, shape (n,) each: what is seen of their log-odds, all of it, and what happened."""

    visible: Floats
    log_odds: Floats
    happened: Floats

    @property
    def probability(self) -> Floats:
        """Probability that each event happens, in (0, 1)."""
        return np.asarray(expit(self.log_odds))

    def first(self, n: int, start: int = 0) -> Events:
        """``n`` of the events, from ``start`` on."""
        return Events(*(column[start : start + n] for column in self))


def draw_events(config: Config, seed: int, purpose: str, n: int) -> Events:
    """``n`` events of one seed: log-odds = centre + visible + subtle part, both normal."""
    stream = random_stream(seed, purpose)
    visible = config.centre + config.visible * stream.standard_normal(n)
    log_odds = visible + config.subtle * stream.standard_normal(n)
    return Events(visible, log_odds, (stream.random(n) < expit(log_odds)).astype(float))


# --- The forecasters: what each of them says ----------------------------------------------------


def coarse(config: Config, visible: Floats) -> Floats:
    """Probability of the event given only the visible part: calibrated, and less informed."""
    nodes, weights = hermegauss(40)  # E over the subtle part, a standard normal, by quadrature
    return np.asarray(expit(visible[:, None] + config.subtle * nodes) @ (weights / weights.sum()))


def edge_seeking(probability: Floats) -> Floats:
    """Say k/10 + 0.002 or k/10 + 0.098, whichever half of its tenth the probability lies in.

    Too low in the lower half of each tenth and too high in the upper: in ten bins the two cancel.
    """
    tenth = np.minimum(np.floor(probability * 10), 9)
    return np.where(probability * 10 - tenth < 0.5, tenth / 10 + 0.002, tenth / 10 + 0.098)


def forecast(config: Config, name: str, events: Events, base_rate: float = np.nan) -> Floats:
    """What the named forecaster says of each event, shape (n,)."""
    log_odds = events.log_odds
    says = {
        "calibrated": lambda: events.probability,
        "coarse": lambda: coarse(config, events.visible),
        "constant": lambda: np.full(log_odds.size, base_rate),
        "overconfident": lambda: expit(config.sharpening * log_odds),
        "underconfident": lambda: expit(log_odds / config.sharpening),
        "mildly overconfident": lambda: expit(config.mild * log_odds),
        "edge-seeking": lambda: edge_seeking(events.probability),
    }
    return np.asarray(says[name]())


FORECASTERS = ("calibrated", "coarse", "constant", "overconfident", "underconfident")
RULES = ("brier", "log", "spherical", "linear", "penalise_only_wrong")


# --- The measures -------------------------------------------------------------------------------


def quality(config: Config, stated: Floats, events: Events) -> dict[str, float]:
    """Every measure of one forecaster on one evaluation set; smaller is better but for AUROC.

    ``true_ece`` and ``excess`` use the known probabilities: the binned error without label noise,
    and the mean squared distance from the truth. ``promised`` is the mean stated error rate of the
    answers stated at least ``config.sure`` sure, ``erred`` how many of them were wrong.
    """
    happened = events.happened
    confidence = np.maximum(stated, 1 - stated)
    right = (stated > 0.5) == (happened > 0.5)
    sure = confidence >= config.sure
    corp = calibration.corp_decomposition(stated, happened)
    return {
        "accuracy": float(right.mean()),
        "brier": calibration.brier_score(stated, happened),
        "log": calibration.log_score(stated, happened),
        "ece": calibration.expected_calibration_error(stated, happened, bins=config.bins),
        "smooth": calibration.smooth_calibration_error(stated, happened),
        "auroc": calibration.auroc(stated, happened),
        "risk_area": calibration.area_under_risk_coverage(confidence, right),
        "miscalibration": corp.miscalibration,
        "discrimination": corp.discrimination,
        "uncertainty": corp.uncertainty,
        "true_ece": calibration.expected_calibration_error(
            stated, events.probability, bins=config.bins
        ),
        "excess": float(np.mean((stated - events.probability) ** 2)),
        "acted_on": float(sure.mean()),
        "promised": float(1 - confidence[sure].mean()) if sure.any() else np.nan,
        "erred": float(1 - right[sure].mean()) if sure.any() else np.nan,
    }


def in_bins(stated: Floats, happened: Floats, bins: int = 10) -> list[Row]:
    """Counts and means of each bin that holds forecasts, for reliability diagrams."""
    curve = calibration.reliability_curve(stated, happened, bins=bins)
    columns = zip(curve.count, curve.confidence, curve.frequency, strict=True)
    return [
        {"bin": i, "count": int(count), "confidence": float(said), "frequency": float(came_true)}
        for i, (count, said, came_true) in enumerate(columns)
        if count
    ]


def by_sample_size(config: Config, seed: int) -> dict[str, list[Row]]:
    """Mean binned errors over many evaluation sets of each size, and what they estimate."""
    tables: dict[str, list[Row]] = {"sample_size": [], "squared": []}
    events = draw_events(config, seed, "sample size", config.sets * max(config.sizes))
    truth = events.probability
    for name in ("calibrated", "overconfident"):
        stated = forecast(config, name, events)
        for n in config.sizes:
            absolute, squares = np.zeros((config.sets, 2)), np.zeros((config.sets, 3))
            for i in range(config.sets):
                rows = slice(i * n, (i + 1) * n)
                p, y, q = stated[rows], events.happened[rows], truth[rows]
                absolute[i] = [
                    calibration.expected_calibration_error(p, outcome, bins=config.bins)
                    for outcome in (y, q)
                ]
                squares[i] = (
                    calibration.expected_calibration_error(p, y, bins=config.bins, norm=2) ** 2,
                    calibration.debiased_squared_calibration_error(p, y, bins=config.bins),
                    calibration.expected_calibration_error(p, q, bins=config.bins, norm=2) ** 2,
                )
            unit: Row = {"seed": seed, "forecaster": name, "n": n}
            ece, true_ece = absolute.mean(0)
            tables["sample_size"].append({**unit, "ece": ece, "true_ece": true_ece})
            for estimator, mean in zip(
                ("plug-in", "debiased", "truth"), squares.mean(0), strict=True
            ):
                tables["squared"].append({**unit, "estimator": estimator, "squared_error": mean})
    return tables


def floors(config: Config, seed: int) -> list[Row]:
    """How often the error of small evaluation sets lies in the range that calibration explains."""
    events = draw_events(config, seed, "floor", config.floor_sets * config.floor_rows)
    rows = []
    for name, sets in (("calibrated", config.floor_sets), ("overconfident", 2)):
        inside, lows, highs, errors = [], [], [], []
        for i in range(sets):
            some = events.first(config.floor_rows, i * config.floor_rows)
            stated = forecast(config, name, some)
            floor = calibration.calibration_floor(
                stated, bins=config.bins, repetitions=config.floor_repetitions, seed=seed + i
            )
            error = calibration.expected_calibration_error(stated, some.happened, bins=config.bins)
            inside.append(floor.low <= error <= floor.high)
            lows.append(floor.low)
            highs.append(floor.high)
            errors.append(error)
        rows.append({
            "seed": seed, "forecaster": name, "inside": float(np.mean(inside)),
            "ece": float(np.mean(errors)), "low": float(np.mean(lows)),
            "high": float(np.mean(highs)),
        })  # fmt: skip
    return rows


def elicited(config: Config, seed: int) -> dict[str, list[Row]]:
    """The report that each rule asks for: exactly, and learned from a few hundred labels."""
    stream = random_stream(seed, "elicitation")
    true = stream.random(100)
    true = true[np.abs(true - 0.5) > 0.001]  # at 1/2 the linear score does not mind what is said
    tables: dict[str, list[Row]] = {"elicited": [], "learned": []}
    tenths = np.array([1, 2, 3, 4, 6, 7, 8, 9]) / 10
    frequency = stream.binomial(config.asked, tenths) / config.asked
    for name in RULES:
        report = scores.best_report(scores.RULES[name], true)
        ends = np.minimum(report, 1 - report)
        tables["elicited"].append({
            "seed": seed, "rule": name, "from_truth": float(np.abs(report - true).max()),
            "farthest_from_ends": float(ends.max()), "mean_from_ends": float(ends.mean()),
            "highest_report": float(report.max()),
        })  # fmt: skip
        learned = scores.best_report(scores.RULES[name], frequency)
        tables["learned"] += [
            {"seed": seed, "rule": name, "probability": float(p), "report": float(r)}
            for p, r in zip(tenths, learned, strict=True)
        ]
    return tables


def identities(stated: Floats, happened: Floats) -> Row:
    """Deviation of each partition of the Brier score from the score itself."""
    tenths = np.round(stated, 1)
    murphy = calibration.brier_decomposition(tenths, happened)
    corp = calibration.corp_decomposition(stated, happened)
    binned = calibration.binned_brier_decomposition(stated, happened, bins=10)
    score = calibration.brier_score(stated, happened)
    return {
        "murphy": calibration.brier_score(tenths, happened)
        - (murphy.reliability - murphy.resolution + murphy.uncertainty),
        "corp": score - (corp.miscalibration - corp.discrimination + corp.uncertainty),
        "within_bin": abs(binned.within_bin),
    }


# --- The run ------------------------------------------------------------------------------------


def simulate(config: Config, seed: int) -> dict[str, list[Row]]:
    """Everything about the simulated world for one seed."""
    events = draw_events(config, seed, "evaluation", config.rows)
    base_rate = float(draw_events(config, seed, "history", config.history).happened.mean())
    stated = {name: forecast(config, name, events, base_rate) for name in FORECASTERS}
    shuffled = random_stream(seed, "shuffle").permutation(config.rows)
    stated["shuffled"] = stated["overconfident"][shuffled]  # its confidence, on other events

    tables: dict[str, list[Row]] = {name: [] for name in ("quality", "reliability", "risk")}
    coverage = np.arange(1, 21) / 20
    for name, p in stated.items():
        unit: Row = {"seed": seed, "forecaster": name}
        tables["quality"].append({**unit, **quality(config, p, events)})
        tables["reliability"] += [{**unit, **row} for row in in_bins(p, events.happened)]
        right = (p > 0.5) == (events.happened > 0.5)
        curve = calibration.risk_coverage(np.maximum(p, 1 - p), right)
        risk = np.interp(coverage, curve.coverage, curve.risk)
        tables["risk"] += [
            {**unit, "coverage": float(c), "risk": float(r)}
            for c, r in zip(coverage, risk, strict=True)
        ]
    tables["bins"] = []
    for name in ("mildly overconfident", "edge-seeking", "calibrated"):
        p = forecast(config, name, events)
        brier = calibration.brier_score(p, events.happened)
        for bins in config.bin_counts:
            ece, true_ece = (
                calibration.expected_calibration_error(p, outcome, bins=bins)
                for outcome in (events.happened, events.probability)
            )
            row: Row = {"seed": seed, "forecaster": name, "bins": bins, "ece": ece}
            tables["bins"].append({**row, "true_ece": true_ece, "brier": brier})
    tables["identity"] = [{"seed": seed, **identities(stated["calibrated"], events.happened)}]
    tables["floor"] = floors(config, seed)
    return {**tables, **by_sample_size(config, seed), **elicited(config, seed)}


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Run the experiment on the given seeds.

    Parameters
    ----------
    config : Config
        Constants of the run.
    seeds : sequence of int
        One unit each: its own events in the simulated world, its own split of the real data.

    Returns
    -------
    dict of str to DataFrame
        ``quality``, ``reliability`` and ``risk`` by forecaster; ``sample_size`` and ``squared`` by
        rows; ``floor``; ``bins`` by number of bins; ``elicited`` and ``learned`` by scoring rule;
        ``identity``; ``repaired`` and ``repaired_reliability`` by data, model and repair. In these
        two, ``split`` is the seed that split the data.
    """
    tables: dict[str, list[Row]] = {}
    for seed in seeds:
        for name, rows in simulate(config, seed).items():
            tables.setdefault(name, []).extend(rows)
    for name, rows in real_data.repair_models(config, seeds).items():
        tables[name] = rows
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}
