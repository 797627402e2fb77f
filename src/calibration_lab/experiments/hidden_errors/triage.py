"""Triage: vital signs say how ill a patient looks; two medicines taken together silence them.

The constraint is an *interaction* of two categories: each medicine alone is common and means
nothing.  Not medical advice: medicines and pathways are made up.
"""

from __future__ import annotations

import numpy as np

from calibration_lab.batched import random_stream
from calibration_lab.experiments.hidden_errors.domains import Domain, Field, Flags, Floats

__all__ = ["TRIAGE"]

VITALS = ("pulse", "breathing rate", "temperature", "blood pressure", "oxygen", "pain", "age")
UNITS = ("beats/min", "breaths/min", "°C", "mmHg, low is worse", "%, low is worse", "0-10", "years")
WEIGHT = np.array([1.0, 1.0, 0.7, 0.9, 0.9, 0.3, 0.3])  # in the early-warning score
COMPLAINTS = ("chest", "abdomen", "head", "limb", "skin", "other")
PATHWAYS = 4  # by which the body breaks medicines down; each medicine uses one of them
SHARED = 0.4  # correlation of two vital signs: the severity behind them
SLOPE, OFFSET = 24.0, 0.35  # log-odds per s.d. of the score, and where they are even: 36% urgent


def score(vitals: Floats) -> Floats:
    """Early-warning score of standardised vital signs (n, 7), with mean 0 and s.d. 1."""
    spread = np.sqrt(WEIGHT.sum() ** 2 * SHARED + (WEIGHT**2).sum() * (1 - SHARED))
    return (vitals * WEIGHT).sum(1) / spread


def medicines(stream: np.random.Generator, active: Flags) -> Floats:
    """Two medicines, one-hot by pathway, (n, 2 * PATHWAYS): on the same pathway where active."""
    n = len(active)
    first = (PATHWAYS * stream.random(n)).astype(int)
    another = (first + 1 + ((PATHWAYS - 1) * stream.random(n)).astype(int)) % PATHWAYS
    second = np.where(active, first, another)
    return np.column_stack([np.eye(PATHWAYS)[first], np.eye(PATHWAYS)[second]])


def draw(seed: int, purpose: str, active: Flags) -> tuple[Floats, Floats]:
    """Fields (n, 23) and the early-warning score's log-odds that the patient is urgent."""
    n = len(active)
    salient = random_stream(seed, f"triage {purpose}: vital signs")
    severity = salient.standard_normal((n, 1))
    own = salient.standard_normal((n, len(VITALS)))
    vitals = np.sqrt(SHARED) * severity + np.sqrt(1 - SHARED) * own
    complaint = np.eye(len(COMPLAINTS))[salient.integers(0, len(COMPLAINTS), n)]
    quiet = medicines(random_stream(seed, f"triage {purpose}: medicines"), active)
    return np.column_stack([vitals, complaint, quiet]), SLOPE * (score(vitals) - OFFSET)


TRIAGE = Domain(
    name="triage",
    question="Must this patient be seen at once?",
    harmless="can wait",
    harmful="urgent",
    heuristic="Calm vital signs: the early-warning score is low.",
    constraint="Two medicines that the body breaks down by the same pathway build up and hide "
    "fever and a racing pulse, so that calm vital signs say nothing; on different pathways the "
    "same medicines are harmless.",
    harm="An urgent patient is left to wait.",
    fields=(
        *(
            Field(name, "measurement", f"{unit}, standardised")
            for name, unit in zip(VITALS, UNITS, strict=True)
        ),
        Field("complaint", "category", ", ".join(COMPLAINTS), len(COMPLAINTS)),
        Field("medicine against inflammation", "category", "its pathway, A to D", PATHWAYS),
        Field("medicine for the heart", "category", "its pathway, A to D", PATHWAYS),
    ),
    draw=draw,
)
