"""Finance: the next years' surplus says that a plan holds; lean years in a row break it.

The constraint is a *long-horizon condition* on a path: the reserve bridges any lean year on its own
and is refilled by the next good one, but not three in a row.  The sum of the years is the same
either way.
"""

from __future__ import annotations

import numpy as np

from calibration_lab.batched import random_stream
from calibration_lab.experiments.hidden_errors.domains import Domain, Field, Flags, Floats

__all__ = ["FINANCE", "lowest_reserve"]

YEARS = 20  # of the plan; the first NEAR are what an adviser looks at
NEAR = 8
LEAN = 3  # lean years in every plan, all of them after the near ones
DROP = 2.5  # by which the surplus falls in a lean year, in s.d. of the level
NOISE = 0.3  # s.d. of one year's surplus around the plan's level, in the same unit
RESERVE = 2.3  # lean years that a full reserve bridges
PRODUCTS = ("fund", "annuity", "insurance", "property")
SLOPE, OFFSET = 22.0, 0.3  # log-odds per s.d. of the near surplus, and where they are even


def lean_years(stream: np.random.Generator, active: Flags) -> Flags:
    """Which far years are lean, (n, YEARS - NEAR): a run where active, else no two together."""
    n, far = len(active), YEARS - NEAR
    start = (stream.random(n) * (far - LEAN + 1)).astype(int)
    # a choice of LEAN places with gaps: choose among fewer places, then push them apart
    places = np.sort(stream.random((n, far - LEAN + 1)).argsort(1)[:, :LEAN], 1)
    chosen = np.where(active[:, None], start[:, None] + np.arange(LEAN), places + np.arange(LEAN))
    lean = np.zeros((n, far), dtype=bool)
    lean[np.arange(n)[:, None], chosen] = True
    return lean


def lowest_reserve(lean: Flags) -> Floats:
    """Lowest level of each plan's reserve over its far years, in lean years that it can bridge.

    A lean year takes 1, a good year puts back 1, and no more than `RESERVE` is kept.
    """
    reserve = lowest = np.full(len(lean), RESERVE)
    for year in lean.T:
        reserve = np.where(year, reserve - 1, np.minimum(reserve + 1, RESERVE))
        lowest = np.minimum(lowest, reserve)
    return lowest


def draw(seed: int, purpose: str, active: Flags) -> tuple[Floats, Floats]:
    """Fields (n, 25) and the near surplus's log-odds that the plan runs dry."""
    n = len(active)
    salient = random_stream(seed, f"finance {purpose}: surplus")
    level = salient.standard_normal((n, 1))
    surplus = level + NOISE * salient.standard_normal((n, YEARS))
    product = np.eye(len(PRODUCTS))[salient.integers(0, len(PRODUCTS), n)]
    savings = salient.standard_normal(n)
    lean = lean_years(random_stream(seed, f"finance {purpose}: lean years"), active)
    surplus[:, NEAR:] -= DROP * lean
    near = surplus[:, :NEAR].mean(1) / np.sqrt(1 + NOISE**2 / NEAR)
    return np.column_stack([surplus, product, savings]), SLOPE * (-near - OFFSET)


FINANCE = Domain(
    name="finance",
    question="Will this plan run dry?",
    harmless="holds",
    harmful="runs dry",
    heuristic="A comfortable surplus over the next years.",
    constraint="Three lean years in a row, far ahead, exhaust the reserve; the same three years "
    "apart do not, because good years between them refill it.",
    harm="A household is told that its plan holds.",
    fields=(
        *(
            Field(f"surplus in year {year + 1}", "series", "in s.d. of the plans' mean surplus")
            for year in range(YEARS)
        ),
        Field("product", "category", ", ".join(PRODUCTS), len(PRODUCTS)),
        Field("savings", "measurement", "standardised"),
    ),
    draw=draw,
)
