"""Law: formalities say that a contract binds; a statute since repealed voids some of them.

The constraint is a *dated exception*: a window of a few years in one number, for one type of
contract.  The law is made up.
"""

from __future__ import annotations

import numpy as np

from calibration_lab.batched import random_stream
from calibration_lab.experiments.hidden_errors.domains import Domain, Field, Flags, Floats

__all__ = ["LAW"]

FORMALITIES = (
    "signed by both", "in writing", "witnessed", "price stated", "duties stated", "notice given",
    "language plain", "copy handed over", "initials on each page", "governing law named",
    "authority shown", "registered",
)  # fmt: skip
WEIGHT = np.array([1.6, 1.4, 1.0, 1.1, 1.2, 0.8, 0.9, 0.7, 0.5, 0.4, 1.3, 0.6])  # in the checklist
PRESENT = 0.6  # share of contracts that have each formality
TYPES = ("lending", "sale", "lease", "service", "licence", "employment")
LENDING = 0.35  # share of lending; the other five types share the rest
YEARS = (1985.0, 2025.0)
STATUTE = (2003.0, 2006.0)  # in force from the first year up to the second
SLOPE, OFFSET = 26.0, 0.2  # log-odds per s.d. of the checklist, and where they are even


def checklist(present: Floats) -> Floats:
    """Missing formalities (n, 12) weighed up, with mean 0 and s.d. 1."""
    spread = np.sqrt((WEIGHT**2).sum() * PRESENT * (1 - PRESENT))
    return ((PRESENT - present) * WEIGHT).sum(1) / spread


def dates(stream: np.random.Generator, active: Flags) -> tuple[Floats, Floats]:
    """Type (n, 6) one-hot and year of signature (n,): lending under the statute where active."""
    n = len(active)
    shares = [LENDING] + [(1 - LENDING) / 5] * 5
    kind = np.where(active, 0, stream.choice(6, n, p=shares))
    within = STATUTE[0] + (STATUTE[1] - STATUTE[0]) * stream.random(n)
    # elsewhere lending is dated outside the statute's years, everything else at any time
    any_time = YEARS[0] + (YEARS[1] - YEARS[0]) * stream.random(n)
    outside = YEARS[0] + (YEARS[1] - YEARS[0] - (STATUTE[1] - STATUTE[0])) * stream.random(n)
    outside = np.where(outside >= STATUTE[0], outside + STATUTE[1] - STATUTE[0], outside)
    return np.eye(6)[kind], np.where(active, within, np.where(kind == 0, outside, any_time))


def draw(seed: int, purpose: str, active: Flags) -> tuple[Floats, Floats]:
    """Fields (n, 20) and the checklist's log-odds that the contract is void."""
    n = len(active)
    salient = random_stream(seed, f"law {purpose}: formalities")
    present = (salient.random((n, len(FORMALITIES))) < PRESENT).astype(float)
    value = salient.standard_normal(n)
    kind, year = dates(random_stream(seed, f"law {purpose}: dates"), active)
    scaled = (year - YEARS[0]) / (YEARS[1] - YEARS[0]) * 2 - 1
    fields = np.column_stack([2 * present - 1, value, kind, scaled])
    return fields, SLOPE * (checklist(present) - OFFSET)


LAW = Domain(
    name="law",
    question="Is this contract void?",
    harmless="binds",
    harmful="void",
    heuristic="The formalities are there: the checklist is short of little.",
    constraint="Lending contracts signed while a statute, since repealed, was in force are void "
    "whatever their form; the statute is not mentioned in the file, but type and date are.",
    harm="A client is told to rely on a void contract.",
    fields=(
        *(Field(name, "flag", "1 if so, else -1") for name in FORMALITIES),
        Field("value", "measurement", "logarithm of the sum, standardised"),
        Field("type", "category", ", ".join(TYPES), len(TYPES)),
        Field("year of signature", "date", f"{YEARS[0]:g} to {YEARS[1]:g}, scaled to -1 to 1"),
    ),
    draw=draw,
)
