"""What is claimed of networks in the long run: at a cost of learning, free to stop, and afterwards.

Declared, like the statements on a fixed budget of steps, before the published seeds were run.
"""

from __future__ import annotations

from calibration_lab.experiments.asymmetric_loss.quantities import (
    COST,
    HALF,
    HEADLINE_RUN,
    PROBABILITY,
    RARE,
    RATIO,
    SMALL,
    applied,
    at_cost,
    budget,
    fixed,
    stopped,
    trained_until,
    tuned,
)
from calibration_lab.statements import (
    AllOf,
    AtLeast,
    Control,
    Difference,
    Equivalent,
    Measured,
)

__all__ = ["AFTERWARDS", "EXPLICIT_COST", "FREE"]

control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement

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


def scale_alone(name: str, prior: float, learns: float, other: float) -> Control:
    """Scaled as the loss that learns, the other one learns as well."""
    return control(
        f"{name}-is-scale",
        "Multiplied by one number, the loss that did not learn learns at the same cost.",
        Equivalent(
            fixed("auroc", prior, learns) - fixed("auroc", prior, other, learns), SMALL,
            detects=fixed("auroc", prior, learns) - fixed("auroc", prior, other),
            bounds=PROBABILITY,
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
    """Two measures agree within a margin, which a known difference exceeds."""
    return Equivalent(gap - other, margin, detects=known)


EXPLICIT_COST = (
    statement(
        "cost-holds-at-half",
        "Where learning has a price and half the cases are positive, the plain loss learns and the "
        "weighted one does not.",
        less_learned(HALF, 1.0, RATIO),
        scale_alone("cost-at-half", HALF, 1.0, RATIO),
        low_cost("cost-at-half", HALF),
    ),
    statement(
        "cost-reverses-at-tenth",
        "At the same price with one positive in ten, the weighted loss learns and the plain one "
        "does not.",
        less_learned(RARE, RATIO, 1.0),
        scale_alone("cost-at-tenth", RARE, RATIO, 1.0),
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
# fewer steps are a known difference, a few margins large
too_few_steps = stopped("auroc", "plain") - trained_until("plain", 200)
less_worth = stopped("value", "plain") - budget("value", HALF, 1.0)

FREE = (
    statement(
        "free-to-stop-closes-it",
        "Under Adam, from the class log-odds and stopped by their own validation loss, both losses "
        "rank alike and decide alike, at both priors.",
        AllOf(
            closes(stopped("auroc", "plain"), stopped("auroc", "weighted"), too_few_steps),
            closes(
                stopped("auroc", "plain-rare"), stopped("auroc", "weighted-rare"), too_few_steps
            ),
            closes(
                stopped("value", "plain"), stopped("value", "weighted"),
                less_worth, 0.1,
            ),
            closes(
                stopped("value", "plain-rare"), stopped("value", "weighted-rare"),
                less_worth, 0.1,
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
                detects=trained_until("plain") - trained_until("plain", 200),
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
            closes(stopped("auroc", "plain"), stopped("auroc", "weighted"), too_few_steps),
        ),
    ),
    statement(
        "undoing-the-weights-calibrates",
        "With the weights undone its probability is as well calibrated as a plain network's.",
        AllOf(
            *(
                Equivalent(
                    stopped("ece", f"weighted{which}") - stopped("ece", f"plain{which}"), SMALL,
                    detects=at_cost("ece", HALF, 1.0, 0.0) - at_cost("ece", HALF, 1.0, 0.01),
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
