"""What the asymmetric-loss experiment claims, declared before the published seeds were run.

Thresholds say which effect would matter to a reader; they were fixed on seeds below 1000, where the
size of the effects was known roughly.  AUROC and calibration errors are in probability units, a
value is a share of what the truth gains over the best constant decision.  A positive gap is in
favour of the plain loss, and so of the published claim.
"""

from __future__ import annotations

import numpy as np
import pandas as pd

from calibration_lab.experiments.asymmetric_loss import quantities, world
from calibration_lab.experiments.asymmetric_loss.quantities import (
    COST,
    HALF,
    PRIORS,
    RARE,
    RATIO,
    STEP,
    applied,
    at_cost,
    budget,
    fixed,
    lead,
    stopped,
    trained_until,
    tuned,
)
from calibration_lab.statements import (
    AllOf,
    AtLeast,
    Computed,
    Control,
    DeclaredOn,
    Difference,
    Equivalent,
    Exact,
    Law,
    Measured,
    Statement,
    Tables,
)

__all__ = ["QUANTITIES", "STATEMENTS"]

HEADLINE_RUN = DeclaredOn("asymmetric-loss/", units=32)  # seeds 1000 to 1031
control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement
SMALL = 0.02  # AUROC and calibration error: less than this no reader would act on
PROBABILITY = (-1.0, 1.0)  # bounds of a difference of two probabilities


def most(tables: Tables, *, column: str) -> pd.Series:
    """Largest value of a column of the algebra over priors and ratios, per seed."""
    return tables["algebra"].groupby("seed")[column].max()


def least(tables: Tables, *, column: str) -> pd.Series:
    """Smallest value of a column of the algebra over priors and ratios, per seed."""
    return tables["algebra"].groupby("seed")[column].min()


def crossing(
    tables: Tables, units: np.ndarray, *, ratio: float, step: int, priors: tuple[float, ...]
) -> float:
    """Prior at which the mean gap rises through zero, by straight lines between the grid's priors.

    Undefined unless the mean gap, taken over the priors in order, changes sign exactly once, from
    below zero to above.
    """
    rows = tables["grid"]
    rows = rows[
        (rows["optimiser"] == "sgd") & (rows["scaling"] == "none")
        & (rows["ratio"] == ratio) & (rows["step"] == step)
    ]  # fmt: skip
    gap = rows.pivot(index="seed", columns="prior", values="gap").loc[units, list(priors)].mean()
    x, y = np.array(priors), gap.to_numpy()
    turns = np.flatnonzero(np.diff(np.sign(y)))
    if len(turns) != 1 or y[0] >= 0:
        return float("nan")
    i = int(turns[0])
    return float(x[i] - y[i] * (x[i + 1] - x[i]) / (y[i + 1] - y[i]))


def swing(ratio: float, optimiser: str = "sgd", scaling: str = "none") -> Difference:
    """How much the gap differs between the highest and the lowest prior of the grid."""
    ends = (lead(ratio, PRIORS[-1], optimiser, scaling), lead(ratio, PRIORS[0], optimiser, scaling))
    return ends[0] - ends[1]


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
            f"sign-law-{ratio:g}-matched",
            "Nor is there where the weighted loss is divided by its factor.",
            Equivalent(
                swing(ratio, scaling="matched"), SMALL, detects=swing(ratio), bounds=PROBABILITY
            ),
        ),
        nothing_at_one,
    )  # fmt: skip


# --- Choosing is algebra --------------------------------------------------------------------------

nothing_at_one = control(
    "nothing-at-a-ratio-of-one",
    "Weights in the ratio 1 to 1 leave no gap at all.",
    AllOf(*(Exact(lead(1.0, prior, scaling="matched"), 0.0) for prior in PRIORS)),
    truth="by construction",
)
choice_matters = control(
    "choosing-differently-shows",
    "The check would notice: calling at 1/2 without the weights decides other cases.",
    AtLeast(Computed(least, column="unadjusted_disagreement"), 0.01),
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

# --- An explicit cost of learning -----------------------------------------------------------------


def less_learned(prior: float, better: float, worse: float) -> AllOf:
    """Ranking, probe of finer labels, refitted last layer and value all favour one loss."""
    return AllOf(
        *(
            AtLeast(
                fixed(measure, prior, better) - fixed(measure, prior, worse), 0.1,
                bounds=PROBABILITY,
            )
            for measure in ("auroc", "probe", "refit_auroc")
        ),
        AtLeast(fixed("value", prior, better) - fixed("value", prior, worse), 0.1),
    )  # fmt: skip


def scale_alone(name: str, prior: float) -> Control:
    """Divided by its factor, the weighted loss learns what the plain one learns."""
    return control(
        f"{name}-is-scale",
        "Dividing the weighted loss by its factor closes the gap at the same cost of learning.",
        Equivalent(
            fixed("auroc", prior, 1.0) - fixed("auroc", prior, RATIO, "matched"), SMALL,
            detects=fixed("auroc", prior, 1.0) - fixed("auroc", prior, RATIO), bounds=PROBABILITY,
        ),
    )  # fmt: skip


def low_cost(name: str, prior: float) -> Control:
    """A quarter of the cost leaves little of the gap."""
    return control(
        f"{name}-needs-the-cost",
        "At a quarter of that cost of learning the gap is below 0.05.",
        Equivalent(
            at_cost("auroc", prior, 1.0, COST / 4) - at_cost("auroc", prior, RATIO, COST / 4),
            0.05, detects=at_cost("auroc", prior, 1.0, COST) - at_cost("auroc", prior, RATIO, COST),
            bounds=PROBABILITY,
        ),
    )  # fmt: skip


def closes(gap: Measured, other: Measured, known: Difference, margin: float = SMALL) -> Equivalent:
    """Two measures agree within a margin, where a known difference exceeds it."""
    return Equivalent(gap - other, margin, detects=known)


EXPLICIT_COST = (
    statement(
        "cost-holds-at-half",
        "Where learning has a price and half the cases are positive, the plain loss learns and the "
        "weighted one does not.",
        less_learned(HALF, 1.0, RATIO),
        scale_alone("cost-at-half", HALF),
        low_cost("cost-at-half", HALF),
    ),
    statement(
        "cost-reverses-at-tenth",
        "At the same price with one positive in ten, the weighted loss learns and the plain one "
        "does not.",
        less_learned(RARE, RATIO, 1.0),
        scale_alone("cost-at-tenth", RARE),
        low_cost("cost-at-tenth", RARE),
    ),
    statement(
        "tuning-closes-it",
        "If each loss may choose the price for itself on validation cases, ranking and value "
        "agree, at both priors.",
        AllOf(
            *(
                closes(
                    tuned("auroc", p, 1.0), tuned("auroc", p, RATIO),
                    fixed("auroc", p, 1.0) - fixed("auroc", p, RATIO),
                )
                for p in (RARE, HALF)
            ),
            *(
                closes(
                    tuned("value", p, 1.0), tuned("value", p, RATIO),
                    fixed("value", p, 1.0) - fixed("value", p, RATIO), 0.1,
                )
                for p in (RARE, HALF)
            ),
        ),
    ),
)  # fmt: skip

# --- Free to stop, and the confounds --------------------------------------------------------------

linear_world = control(
    "linear-world",
    "A linear model of a linear world with much data ranks alike under both losses.",
    AllOf(
        *(
            Equivalent(
                Measured("auroc", "linear", prior=p, ratio=1.0)
                - Measured("auroc", "linear", prior=p, ratio=RATIO),
                0.005,
                bounds=PROBABILITY,
            )
            for p in (RARE, HALF)
        )
    ),
)
permuted = control(
    "permuted-labels",
    "On permuted labels neither loss ranks better than the other.",
    Equivalent(
        stopped("auroc", "plain-permuted") - stopped("auroc", "weighted-permuted"), SMALL,
        bounds=PROBABILITY,
    ),
)  # fmt: skip
displaced = control(
    "travel-does-it",
    "A plain loss whose output starts as far from its place loses as much, without any weights.",
    AtLeast(trained_until("plain") - trained_until("plain-displaced"), 0.05, bounds=PROBABILITY),
)
known_default = stopped("auroc", "plain") - stopped("auroc", "plain-permuted")

FREE = (
    statement(
        "free-to-stop-closes-it",
        "Under Adam, from the class log-odds and stopped by their own validation loss, both losses "
        "rank alike and decide alike, at both priors.",
        AllOf(
            closes(stopped("auroc", "plain"), stopped("auroc", "weighted"), known_default),
            closes(
                stopped("auroc", "plain-rare"), stopped("auroc", "weighted-rare"), known_default
            ),
            closes(
                stopped("value", "plain"), stopped("value", "weighted"),
                stopped("value", "plain") - stopped("value", "plain-permuted"), 0.1,
            ),
            closes(
                stopped("value", "plain-rare"), stopped("value", "weighted-rare"),
                stopped("value", "plain") - stopped("value", "plain-permuted"), 0.1,
            ),
        ),
        linear_world,
        permuted,
    ),
    statement(
        "intercept-confound",
        "From a default output bias the weighted loss seems to have learned much less after a few "
        "hundred steps; started at its class log-odds it has not.",
        AllOf(
            AtLeast(
                trained_until("plain-default") - trained_until("weighted-default"), 0.05,
                bounds=PROBABILITY,
            ),
            Equivalent(
                trained_until("plain") - trained_until("weighted"), SMALL,
                detects=trained_until("plain") - trained_until("plain-permuted"),
                bounds=PROBABILITY,
            ),
        ),
        displaced,
    ),
)  # fmt: skip

# --- Post-hoc rules and calibration ---------------------------------------------------------------


def repaired(rule: str, ratio: float) -> Measured:
    """Value of decisions of an overfit network at equal classes, by a post-hoc rule."""
    return applied(rule, ratio, "overfit", HALF)


AFTERWARDS = (
    statement(
        "raw-threshold-worse-than-constant",
        "Read at 1/(1 + r) as it is, an overfit network trained with the plain loss decides worse "
        "than a constant; Platt scaling makes it worth having.",
        AllOf(
            AtLeast(0.0 - repaired("raw", 1.0), 0.1),
            AtLeast(repaired("platt", 1.0), 0.1),
        ),
        control(
            "stopped-network-needs-no-repair",
            "The same rule on a network that was stopped in time is worth having.",
            AtLeast(applied("raw", 1.0, "stopped", HALF), 0.1),
        ),
    ),
    statement(
        "whoever-is-repaired-wins",
        "Platt scaling on one side only makes either side win, by choice.",
        AllOf(
            AtLeast(repaired("platt", 1.0) - repaired("raw", RATIO), 0.1),
            AtLeast(repaired("platt", RATIO) - repaired("raw", 1.0), 0.1),
        ),
        control(
            "both-repaired-nobody-wins",
            "With Platt scaling on both sides the values agree.",
            Equivalent(
                repaired("platt", 1.0) - repaired("platt", RATIO), 0.1,
                detects=repaired("platt", 1.0) - repaired("raw", RATIO),
            ),
        ),
    ),
    statement(
        "answer-is-not-a-probability",
        "A weighted network's answer is off as a probability by far, though it ranks as well as a "
        "plain network's.",
        AllOf(
            AtLeast(
                stopped("answer_ece", "weighted") - stopped("answer_ece", "plain"), 0.1,
                bounds=PROBABILITY,
            ),
            AtLeast(
                stopped("answer_brier", "weighted") - stopped("answer_brier", "plain"), 0.03,
                bounds=PROBABILITY,
            ),
            closes(stopped("auroc", "plain"), stopped("auroc", "weighted"), known_default),
        ),
    ),
    statement(
        "undoing-the-weights-calibrates",
        "With the weights undone its probability is as well calibrated as a plain network's.",
        AllOf(
            *(
                Equivalent(
                    stopped("ece", f"weighted{which}") - stopped("ece", f"plain{which}"), SMALL,
                    detects=at_cost("ece", HALF, 1.0, 0.0) - at_cost("ece", HALF, 1.0, 0.006),
                    bounds=PROBABILITY,
                )
                for which in ("", "-rare")
            ),
            *(
                Equivalent(
                    stopped("brier", f"weighted{which}") - stopped("brier", f"plain{which}"),
                    0.01, detects=stopped("brier", "plain-permuted") - stopped("brier", "plain"),
                    bounds=PROBABILITY,
                )
                for which in ("", "-rare")
            ),
        ),
    ),
)  # fmt: skip

STATEMENTS: tuple[Statement, ...] = (
    *ALGEBRA,
    *FIXED_BUDGET,
    *EXPLICIT_COST,
    *FREE,
    *AFTERWARDS,
)

QUANTITIES = quantities.QUANTITIES
