"""What the asymmetric-loss experiment claims, declared before the published seeds were run.

Thresholds say which effect would matter to a reader; they were fixed on seeds below 1000, where the
size of the effects was known roughly.  AUROC and calibration errors are in probability units, a
value is a share of what the truth gains over the best constant decision.  A positive gap is in
favour of the plain loss, and so of the published claim.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from calibration_lab.experiments.asymmetric_loss import (
    confirmations,
    long_run_statements,
    quantities,
    world,
)
from calibration_lab.experiments.asymmetric_loss.quantities import (
    HALF,
    HEADLINE_RUN,
    PRIORS,
    PROBABILITY,
    RARE,
    RATIO,
    SMALL,
    STEP,
    budget,
    lead,
)
from calibration_lab.statements import (
    AllOf,
    AtLeast,
    Computed,
    Difference,
    Equivalent,
    Exact,
    Law,
    Statement,
    Tables,
)

__all__ = ["QUANTITIES", "STATEMENTS"]

control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement


def most(tables: Tables, *, column: str) -> pd.Series:
    """Largest value of a column of the algebra over priors and ratios, per seed."""
    return tables["algebra"].groupby("seed")[column].max()


def crossing(
    tables: Tables, units: np.ndarray, *, ratio: float, step: int, priors: tuple[float, ...]
) -> float:
    """Prior at which the mean gap rises through zero, by straight lines between the grid's priors.

    Undefined unless the mean gap, taken over the priors in order, changes sign exactly once, from
    below zero to above.
    """
    rows = {column: values.to_numpy() for column, values in tables["grid"].items()}
    keep = (rows["ratio"] == ratio) & (rows["step"] == step) & np.isin(rows["prior"], priors)
    seed, prior, gap = (rows[column][keep] for column in ("seed", "prior", "gap"))
    per_seed = gap[np.lexsort((prior, seed))].reshape(-1, len(priors))
    y = per_seed[np.searchsorted(np.unique(seed), units)].mean(0)
    x = np.sort(priors)
    turns = np.flatnonzero(np.diff(np.sign(y)))
    if len(turns) != 1 or y[0] >= 0:
        return float("nan")
    i = int(turns[0])
    return float(x[i] - y[i] * (x[i + 1] - x[i]) / (y[i + 1] - y[i]))


def swing(ratio: float, how: str = "sgd") -> Difference:
    """How much the gap differs between the highest and the lowest prior of the grid."""
    return lead(ratio, PRIORS[-1], how) - lead(ratio, PRIORS[0], how)


def sign_law(ratio: float) -> Statement:
    """The sign law at one cost ratio, with its controls."""
    return statement(
        f"sign-law-{ratio:g}",
        f"At a cost ratio of {ratio:g} weighting slows learning above the prior 1/(1 + √r) and "
        "speeds it up below.",
        Law(
            crossing, float(world.neutral_prior(ratio)), 0.02, table="grid", bounds=(0, 1),
            ratio=ratio, step=STEP, priors=PRIORS,
        ),
        control(
            f"sign-law-{ratio:g}-adam",
            "Under Adam, which ignores the size of gradients, there is nothing to cross.",
            Equivalent(swing(ratio, "adam"), SMALL, detects=swing(ratio), bounds=PROBABILITY),
        ),
        control(
            f"sign-law-{ratio:g}-scaled",
            "Nor is there where the weighted loss is divided by its gradient factor.",
            Equivalent(
                swing(ratio, "scaled"), SMALL, detects=swing(ratio), bounds=PROBABILITY
            ),
        ),
        nothing_at_one,
    )  # fmt: skip


# --- Choosing is algebra --------------------------------------------------------------------------

nothing_at_one = control(
    "nothing-at-a-ratio-of-one",
    "Weights in the ratio 1 to 1 leave no gap at all.",
    AllOf(*(Exact(lead(1.0, prior, "scaled"), 0.0) for prior in PRIORS)),
    truth="by construction",
)
choice_matters = control(
    "choosing-differently-shows",
    "The check would notice: calling at 1/2 without the weights decides other cases.",
    AtLeast(Computed(most, column="unadjusted_disagreement"), 0.1, bounds=(0, 1)),
    truth="by construction",
)
ALGEBRA = (
    statement(
        "choosing-is-algebra",
        "A network trained with weights and read at 1/2, and the same network with its weights "
        "undone and read at 1/(1 + r), call the same cases; so do both ways of adjusting a plain "
        "one.",
        AllOf(
            Exact(Computed(most, column="weighted_disagreement"), 0.0),
            Exact(Computed(most, column="plain_disagreement"), 0.0),
        ),
        choice_matters,
        truth="theorem check",
    ),
    statement(
        "one-number-slows-learning",
        "At the best constant answer, weighting multiplies every example's gradient by "
        "r / (rπ + 1 - π)².",
        Exact(Computed(most, column="gradient_deviation"), 1e-9),
        truth="theorem check",
    ),
)

# --- A fixed budget of steps ----------------------------------------------------------------------

FIXED_BUDGET = (
    *(sign_law(ratio) for ratio in quantities.RATIOS),
    statement(
        "fixed-budget-holds-at-half",
        "With few steps and as many positives as negatives, the weighted loss has learned less: "
        "ranking and the value of decisions are worse.",
        AllOf(
            AtLeast(lead(RATIO, HALF), 0.05, bounds=PROBABILITY),
            AtLeast(budget("value", HALF, 1.0) - budget("value", HALF, RATIO), 0.05),
        ),
        nothing_at_one,
    ),
    statement(
        "fixed-budget-reverses-at-tenth",
        "With the same steps and one positive in ten, the weighted loss has learned more.",
        AllOf(
            AtLeast(0.0 - lead(RATIO, RARE), 0.05, bounds=PROBABILITY),
            AtLeast(budget("value", RARE, RATIO) - budget("value", RARE, 1.0), 0.05),
        ),
        nothing_at_one,
    ),
)

STATEMENTS: tuple[Statement, ...] = (
    *ALGEBRA,
    *FIXED_BUDGET,
    *long_run_statements.EXPLICIT_COST,
    *long_run_statements.FREE,
    *long_run_statements.AFTERWARDS,
    *confirmations.CONFIRMATIONS,
)

QUANTITIES = {**quantities.QUANTITIES, **confirmations.QUANTITIES}
