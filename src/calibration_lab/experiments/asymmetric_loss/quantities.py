"""Numbers of the headline run that statements, prose and figures take from its tables."""

from __future__ import annotations

from calibration_lab.statements import DeclaredOn, Measured

__all__ = [
    "COST",
    "HALF",
    "HEADLINE_RUN",
    "LATER",
    "PRIORS",
    "PROBABILITY",
    "QUANTITIES",
    "RARE",
    "RATIO",
    "RATIOS",
    "SMALL",
    "STEP",
    "applied",
    "at_cost",
    "budget",
    "fixed",
    "lead",
    "stopped",
    "trained_until",
    "tuned",
]

Bounds = tuple[float, float] | None
HEADLINE_RUN = DeclaredOn("asymmetric-loss/", units=32)  # seeds 1000 to 1031
SMALL = 0.02  # AUROC and calibration error: less than this no reader would act on
PROBABILITY = (-1.0, 1.0)  # bounds of a difference of two probabilities
PRIORS = (0.1, 0.16, 0.24, 0.32, 0.4, 0.5, 0.65)
RATIOS = (3.0, 10.0, 30.0)
RATIO = 10.0  # outside the grid
RARE, HALF = 0.1, 0.5
STEP, LATER, EARLY, COST = 120, 200, 300, 0.016
UNBOUNDED = ("value", "value_raw", "refit_value", "log_score", "weighted_log_score", "cost",
             "cost_raw", "effective_rank", "step", "decay")  # fmt: skip


def lead(ratio: float, prior: float, how: str = "sgd") -> Measured:
    """AUROC of the plain loss less that of the weighted one, under a fixed budget of steps.

    ``how`` is "sgd", or one of the two ways that take no notice of the factor: "scaled" and "adam",
    which is slower to start and so is looked at later.
    """
    if how == "sgd":
        return Measured("gap", "grid", ratio=ratio, prior=prior, step=STEP)
    step = LATER if how == "adam" else STEP
    return Measured("gap", "scale_free", ratio=ratio, prior=prior, step=step, how=how)


def budget(measure: str, prior: float, ratio: float) -> Measured:
    """A measure under a fixed budget of steps."""
    return Measured(measure, "budget", prior=prior, ratio=ratio)


def at_cost(measure: str, prior: float, ratio: float, decay: float) -> Measured:
    """A measure at an explicit cost of learning, without those of the features."""
    where = {"prior": prior, "ratio": ratio, "scaled_as": ratio, "decay": decay}
    return Measured(measure, "cost", **where)


def fixed(measure: str, prior: float, ratio: float, scaled_as: float | None = None) -> Measured:
    """A measure at the fixed cost of learning, the loss scaled as that of another ratio or not."""
    like = ratio if scaled_as is None else scaled_as
    return Measured(measure, "fixed", prior=prior, ratio=ratio, scaled_as=like)


def tuned(measure: str, prior: float, ratio: float) -> Measured:
    """A measure where each loss tunes the cost of learning for itself."""
    return Measured(measure, "tuned", prior=prior, ratio=ratio)


def stopped(measure: str, arm: str) -> Measured:
    """A measure where training stopped by the arm's own validation loss."""
    return Measured(measure, "stopped", arm=arm)


def trained_until(arm: str, step: int = EARLY) -> Measured:
    """AUROC of an arm that may train freely, after a number of steps."""
    return Measured("auroc", "free", arm=arm, step=step)


def applied(rule: str, ratio: float, when: str, prior: float, measure: str = "value") -> Measured:
    """What a post-hoc rule makes of a loss's log-odds."""
    return Measured(measure, "rules", rule=rule, ratio=ratio, when=when, prior=prior)


def bounds_of(measure: str) -> Bounds:
    """What a measure cannot leave."""
    if measure in UNBOUNDED:
        return None
    return (-1.0, 1.0) if measure == "gap" else (0.0, 1.0)


SHOWN = ("auroc", "log_score", "weighted_log_score", "brier", "ece", "answer_ece", "answer_brier",
         "cost", "value", "value_raw", "probe", "refit_auroc", "refit_value",
         "effective_rank")  # fmt: skip
ARMS = ("plain", "weighted", "plain-displaced", "plain-default", "weighted-default",
        "plain-permuted", "weighted-permuted", "plain-rare", "weighted-rare",
        "plain-default-rare", "weighted-default-rare")  # fmt: skip
DECAYS = (0.0, 0.004, 0.006, 0.01, 0.016, 0.024)
BOTH = (1.0, RATIO)


def spoken(measure: str) -> str:
    """Name of a measure in a key."""
    return measure.replace("_", "-")


# Prose quotes these as "asymmetric-loss/<part>/<measure>/..."; g writes 0.1 for a prior, 10 for r.
VALUES: dict[str, Measured] = {
    **{
        f"gap/{how}/{r:g}/{p:g}": lead(r, p, how)
        for how in ("sgd", "scaled", "adam")
        for r in RATIOS
        for p in PRIORS
    },
    **{
        f"budget/{spoken(m)}/{p:g}/{r:g}": budget(m, p, r)
        for m in SHOWN
        for p in (RARE, HALF)
        for r in BOTH
    },
    **{
        f"cost/{spoken(m)}/{p:g}/{r:g}/{d:g}": at_cost(m, p, r, d)
        for m in ("auroc", "value", "value_raw", "brier", "ece")
        for p in (RARE, HALF)
        for r in BOTH
        for d in DECAYS
    },
    **{
        f"fixed/{spoken(m)}/{p:g}/{r:g}": fixed(m, p, r)
        for m in SHOWN
        for p in (RARE, HALF)
        for r in BOTH
    },
    **{
        f"fixed/{spoken(m)}/{p:g}/{r:g}/scaled": fixed(m, p, r, like)
        for m in SHOWN
        for p in (RARE, HALF)
        for r, like in ((1.0, RATIO), (RATIO, 1.0))
    },
    **{
        f"tuned/{spoken(m)}/{p:g}/{r:g}": tuned(m, p, r)
        for m in (*SHOWN, "decay")
        for p in (RARE, HALF)
        for r in BOTH
    },
    **{f"stopped/{spoken(m)}/{arm}": stopped(m, arm) for m in (*SHOWN, "step") for arm in ARMS},
    **{f"early/auroc/{arm}": trained_until(arm) for arm in ARMS},
    **{
        f"rules/{when}/{p:g}/{r:g}/{rule}": applied(rule, r, when, p)
        for when in ("stopped", "overfit")
        for p in (RARE, HALF)
        for r in BOTH
        for rule in ("raw", "temperature", "platt", "isotonic", "threshold")
    },
}

QUANTITIES: dict[str, tuple[Measured, str, Bounds]] = {
    f"asymmetric-loss/{key}": (value, "", bounds_of(value.measure)) for key, value in VALUES.items()
}
