"""Hidden errors: confident mistakes in rare cases, which accuracy does not show.

In three made-up domains a rule of thumb is right nearly always.  A rare constraint, which can be
read in the record, reverses the right answer where the rule of thumb is sure of itself and a
mistake does most harm.  Networks are trained on such records by cross-entropy and by remedies; the
truth of every case is known, so accuracy, calibration and harm are computed, not sampled.

The file holds the constants and the run.  What the domains have in common stands in ``domains.py``,
each of them in a file of its own (``triage.py``, ``law.py``, ``finance.py``), the training arms in
``training.py``, what is measured in ``measures.py`` and ``audits.py``.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import torch

from calibration_lab import batched
from calibration_lab.experiments.hidden_errors import audits, discovery, measures, training
from calibration_lab.experiments.hidden_errors.domains import (
    CONFIDENT,
    Cases,
    Domain,
    Floats,
    draw_cases,
    stack,
)
from calibration_lab.experiments.hidden_errors.finance import FINANCE
from calibration_lab.experiments.hidden_errors.law import LAW
from calibration_lab.experiments.hidden_errors.training import ARMS
from calibration_lab.experiments.hidden_errors.triage import TRIAGE

__all__ = ["DOMAINS", "Config", "log_odds_of", "run"]

DOMAINS = {domain.name: domain for domain in (TRIAGE, LAW, FINANCE)}

AUDITED = ("plain", "absent", "noisy")  # arms that are recalibrated and given conformal sets
SEARCHED = {
    ("plain", "early"): ("tree", "pairs"),
    ("plain", "late"): ("pairs",),
    ("absent", "early"): ("pairs",),
}  # for a hidden slice, and how


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    domains: tuple[str, ...] = ("triage", "law", "finance")
    arms: tuple[str, ...] = tuple(ARMS)
    unstated: float = 0.02  # share of cases where the constraint is active and nobody wrote it down
    stated: float = 0.01  # share where it is active and stated in a note
    other_note: float = 0.01  # share with a note on something that does not matter
    reversal: float = 0.98  # probability of the harmful answer where the constraint is active
    noisy: float = 0.35  # the same in the tail of the arm "noisy": less likely than not
    harm: float = 50.0  # of an error in the tail; any other error has 1
    cases: int = 4096  # to train on: about 45 of them in the tail
    evaluation: int = 8192
    validation: int = 8192  # labelled, for temperature, conformal sets and slice discovery
    pairs: int = 512  # cases of the tail that are told in four versions
    hidden: tuple[int, ...] = (32,)  # width of each hidden layer
    batch: int = 64  # cases per step
    rate: float = 2e-3  # Adam
    stops: tuple[int, int, int] = (50, 400, 2000)  # steps: start, early and late
    watched: tuple[int, ...] = (50, 100, 200, 400, 800, 1300, 2000)  # steps of the trajectory
    group_rate: float = 0.02  # step of the groups' weights in group DRO
    first_steps: int = 200  # of the first training of train-twice
    first_confidence: float = 0.8  # from which its errors count as confident
    upweight: float = 20.0  # weight of such an error in the second training
    cut: float = 0.9  # confidence from which an error is called confident
    cuts: tuple[float, ...] = (0.6, 0.7, 0.8, 0.9, 0.95, 0.98)  # and other choices of it
    coverages: tuple[float, ...] = (1.0, 0.95, 0.9, 0.8, 0.7, 0.6, 0.5)  # of selective answers
    miss: float = 0.05  # rate at which conformal sets may miss the right answer
    search_confidence: float = 0.8  # of answers among which a hidden slice is looked for
    search_rate: float = 0.5  # share of errors from which a slice is flagged; tuned on triage alone
    search_fewest: int = 12  # fewest validation cases in a slice
    search_bins: int = 10  # intervals of a field with many values
    tree_depth: int = 6

    def __post_init__(self) -> None:
        for name, known in (("domains", DOMAINS), ("arms", ARMS)):
            unknown = sorted(set(getattr(self, name)) - set(known))
            if unknown or not getattr(self, name):
                raise ValueError(
                    f"{name} must name some of {', '.join(known)}, got {unknown or 'none'}"
                )
        if "plain" not in self.arms:
            raise ValueError(f"arms must include plain, got {self.arms}")
        for name in ("cases", "evaluation", "validation", "pairs", "batch"):
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        if self.batch % 32:
            raise ValueError(f"batch must be a multiple of 32, got {self.batch}")
        if not self.hidden or any(width < 16 or width % 16 for width in self.hidden):
            raise ValueError(f"hidden must hold multiples of 16, got {self.hidden}")
        for name in ("unstated", "stated", "other_note", "reversal", "noisy", "miss"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be a probability, got {getattr(self, name)}")
        if self.unstated + self.stated > 1:
            raise ValueError(
                f"unstated + stated must be at most 1, got {self.unstated + self.stated}"
            )
        for name in ("rate", "group_rate", "harm", "upweight"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}")
        for name in ("cut", "first_confidence", "search_confidence"):
            if not 0.5 <= getattr(self, name) < 1:
                raise ValueError(f"{name} must lie in 0.5 to 1, got {getattr(self, name)}")
        if list(self.stops) != sorted(set(self.stops)) or self.stops[0] < 1:
            raise ValueError(f"stops must ascend from 1 or more, got {self.stops}")
        if not set(self.watched) <= set(range(1, self.stops[-1] + 1)):
            raise ValueError(f"watched must lie in 1 to {self.stops[-1]}, got {self.watched}")
        if self.first_steps < 1:
            raise ValueError(f"first_steps must be 1 or more, got {self.first_steps}")


def log_odds_of(
    networks: batched.Parameters, arms: int, arm: int, cases: Sequence[Cases]
) -> list[Floats]:
    """Log-odds (n,) that one arm's networks give each seed's cases, in double precision."""
    chosen = networks.take(range(arm, networks.models, arms))
    with torch.no_grad():
        found = training.log_odds(chosen, stack(cases)[0])
    return list(found.double().numpy())


class Told:
    """Minimal pairs: cases of the tail, and three other versions of each."""

    def __init__(self, config: Config, domain: Domain, seeds: Sequence[int]) -> None:
        n = 4 * config.pairs  # more than a third of all cases qualify
        drawn = [
            [draw_cases(domain, s, "pairs", n, config, active=on) for s in seeds]
            for on in (True, False)
        ]
        confident = [np.flatnonzero(one.log_odds < -CONFIDENT)[: config.pairs] for one in drawn[0]]
        self.active, self.removed = (
            [one.where(rows) for one, rows in zip(part, confident, strict=True)] for part in drawn
        )
        self.explicit, self.salient = (
            [with_note(one, column) for one in self.active] for column in (-2, -1)
        )

    def versions(self) -> tuple[list[Cases], ...]:
        """The cases with the constraint active, removed, stated, and beside the other note."""
        return self.active, self.removed, self.explicit, self.salient


def with_note(cases: Cases, column: int) -> Cases:
    """The same cases with one of the two notes."""
    features = cases.features.copy()
    features[:, column] = 1
    return cases._replace(features=features)


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train every arm on every seed in every domain, and look where the errors are.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        Each seed has its own cases, initialisation and evaluation set; arms are paired on them.

    Returns
    -------
    dict of str to pandas.DataFrame
        All tables have a seed and a domain.  ``outcomes`` (per arm and stop), ``trajectory`` (per
        arm and step), ``slices``, ``cutoffs`` and ``selective`` (per arm, stop and what their name
        says), ``temperature``, ``conformal``, ``discovery`` (per arm and stop) and ``pairs`` (per
        arm and stop; also of the arm "always-escalate", which says the harmful answer always).
    """
    rows: dict[str, list[dict[str, Any]]] = {}
    for name in config.domains:
        for table, found in one_domain(config, DOMAINS[name], seeds).items():
            rows.setdefault(table, []).extend({"domain": name, **row} for row in found)
    return {table: pd.DataFrame(found) for table, found in rows.items()}


def one_domain(
    config: Config, domain: Domain, seeds: Sequence[int]
) -> dict[str, list[dict[str, Any]]]:
    """Rows of every table for one domain."""
    arms = [ARMS[name] for name in config.arms]
    sizes = {"training": config.cases, "evaluation": config.evaluation,
             "validation": config.validation}  # fmt: skip
    drawn = {
        purpose: {
            variant: [draw_cases(domain, s, purpose, n, config, variant) for s in seeds]
            for variant in sorted({arm.variant for arm in arms})
        }
        for purpose, n in sizes.items()
    }
    told = Told(config, domain, seeds)
    named = dict(zip(config.stops, ("start", "early", "late"), strict=True))
    steps = sorted({*config.stops, *config.watched})
    kept = training.train(config, seeds, arms, drawn["training"], steps, f"{domain.name} training")
    uniform = [batched.random_stream(s, "random slice").random(config.evaluation) for s in seeds]
    rows: dict[str, list[dict[str, Any]]] = {}

    def add(table: str, unit: dict[str, Any], found: dict[str, Any]) -> None:
        rows.setdefault(table, []).append({**unit, **found})

    for step, networks in kept.items():
        for a, (arm_name, arm) in enumerate(zip(config.arms, arms, strict=True)):
            stop = named.get(step, "")
            if stop == "start" and arm_name != "plain":
                stop = ""
            watched = step in config.watched and arm.variant == "plain"
            if not stop and not watched:
                continue
            evaluated, validated = (
                drawn[purpose][arm.variant] for purpose in ("evaluation", "validation")
            )
            odds = log_odds_of(networks, len(arms), a, evaluated)
            parts = [*told.versions(), validated] if stop else []
            *versions, held_out = [log_odds_of(networks, len(arms), a, p) for p in parts] or [[]]
            for s, seed in enumerate(seeds):
                given = measures.answers(odds[s], evaluated[s])
                seen = measures.glance(given, config)
                unit = {"seed": seed, "arm": arm_name}
                if watched:
                    add("trajectory", {**unit, "step": step}, seen)
                if not stop:
                    continue
                unit["stop"] = stop
                more = measures.aggregate(given, config) | measures.in_tail(given, config)
                add("outcomes", unit, seen | more)
                right = (v[s] > 0 for v in versions)
                active, removed, explicit, salient = right
                add("pairs", unit, audits.four_measures(active, ~removed, explicit, salient))
                by_slice = measures.slices(given, evaluated[s], config, uniform[s])
                for level, row in by_slice.items():
                    add("slices", {**unit, "slice": level}, row)
                for row in measures.cutoffs(given, config):
                    add("cutoffs", unit, row)
                for row in measures.selective(given, config):
                    add("selective", unit, row)
                if arm_name not in AUDITED or stop == "start":
                    continue
                known = (config, odds[s], evaluated[s], held_out[s], validated[s])
                for level, row in audits.temperatures(*known).items():
                    add("temperature", {**unit, "fitted": level}, row)
                for level, row in audits.conformal(*known).items():
                    add("conformal", {**unit, "kind": level}, row)
                for method in SEARCHED.get((arm_name, stop), ()):
                    found = discovery.discovery(*known, method)
                    add("discovery", {**unit, "method": method}, found)
    for stop in named.values():
        for seed in seeds:
            yes = np.ones(config.pairs, dtype=bool)
            unit = {"seed": seed, "arm": "always-escalate", "stop": stop}
            add("pairs", unit, audits.four_measures(yes, ~yes, yes, yes))
    return rows
