"""What the confirmations of the asymmetric-loss experiment claim.

They are real data, images, four classes, and the map of regimes.  Declared, like the statements on
the headline run, before their published seeds were run.
"""

from __future__ import annotations

import pandas as pd
from scipy.stats import spearmanr

from calibration_lab.statements import (
    AllOf,
    AtLeast,
    Computed,
    DeclaredOn,
    Difference,
    Equivalent,
    Exact,
    Measured,
    Statement,
    Tables,
)

__all__ = ["CONFIRMATIONS", "QUANTITIES"]

Bounds = tuple[float, float] | None
PROBABILITY = (-1.0, 1.0)
QUARTER = 0.25  # of the rows in use are test rows
RATIO, HIGHEST = 10.0, 30.0

REAL = DeclaredOn("asymmetric-loss/real-data-", units=20, exhibit="real-data")
IMAGES = DeclaredOn("asymmetric-loss/images-", units=20, exhibit="images")
CLASSES = DeclaredOn("asymmetric-loss/multiclass-", units=32, exhibit="multiclass")
MAP = DeclaredOn("asymmetric-loss/map-", units=16, exhibit="map")

# --- Real data ------------------------------------------------------------------------------------


def over_sets(tables: Tables, *, measure: str, arm: str, ratio: float) -> pd.Series:
    """Mean over the data sets of the plain loss's measure less an arm's, per split."""
    rows = tables["splits"]
    rows = rows[rows["cost_ratio"] == ratio]
    wide = rows.pivot(index=["split", "data"], columns="arm", values=measure)
    return (wide["plain"] - wide[arm]).groupby("split").mean()


def lead(measure: str, ratio: float = RATIO) -> Computed:
    """Mean lead of the plain loss over the data sets."""
    return Computed(over_sets, measure=measure, arm=f"weighted-{ratio:g}", ratio=ratio)


def lead_of_many(measure: str) -> Computed:
    """Mean lead of the plain loss over itself on an eighth of the rows."""
    return Computed(over_sets, measure=measure, arm="few", ratio=RATIO)


def on(data: str, measure: str, arm: str, ratio: float = RATIO) -> Measured:
    """A measure of an arm on one data set."""
    return Measured(measure, "splits", data=data, arm=arm, cost_ratio=ratio)


many_rows_show = REAL.control(
    "many-rows-show",
    "Eight times as many training rows do show, in ranking and in value.",
    AllOf(AtLeast(lead_of_many("auroc"), 0.02), AtLeast(lead_of_many("value"), 0.05)),
    test_fraction=QUARTER,
)
ON_REAL_DATA = (
    REAL.statement(
        "ranking-gain-is-there",
        "Averaged over six data sets, the plain loss ranks better than the weighted one at a cost "
        "ratio of 10.",
        AtLeast(lead("auroc"), 0.0, bounds=PROBABILITY),
        many_rows_show,
        test_fraction=QUARTER,
    ),
    REAL.statement(
        "ranking-gain-is-small",
        "That gain is below 0.02.",
        Equivalent(lead("auroc"), 0.02, detects=lead_of_many("auroc"), bounds=PROBABILITY),
        test_fraction=QUARTER,
    ),
    REAL.statement(
        "ranking-gain-grows",
        "It is larger at a cost ratio of 30 than at one of 3.",
        AtLeast(Difference(lead("auroc", HIGHEST), lead("auroc", 3.0)), 0.0, bounds=PROBABILITY),
        test_fraction=QUARTER,
    ),
    REAL.statement(
        "value-gain-is-small",
        "After Platt scaling of both, their decisions are worth the same within 0.05 on average.",
        Equivalent(lead("value"), 0.05, detects=lead_of_many("value")),
        test_fraction=QUARTER,
    ),
    REAL.statement(
        "letters-at-thirty",
        "On letters at a cost ratio of 30 the ranking gain is one that matters.",
        AtLeast(
            on("letter", "auroc", "plain", HIGHEST) - on("letter", "auroc", "weighted-30", HIGHEST),
            0.01,
            bounds=PROBABILITY,
        ),
        test_fraction=QUARTER,
    ),
)

# --- Images ---------------------------------------------------------------------------------------


def pictured(measure: str, question: str, budget: str, loss: str) -> Measured:
    """A measure of the convolutional network."""
    return Measured(measure, "images", question=question, budget=budget, loss=loss)


def image_lead(measure: str, question: str, budget: str) -> Difference:
    """Lead of the plain loss over the weighted one on images."""
    return pictured(measure, question, budget, "plain") - pictured(
        measure, question, budget, "weighted"
    )


HALF, TENTH = "five or more", "an eight"
ON_IMAGES = (
    IMAGES.statement(
        "fixed-budget-holds-at-half",
        "With few steps a convolutional network learns less from the weighted loss where half the "
        "images are positive.",
        AtLeast(image_lead("auroc", HALF, "fixed budget"), 0.03, bounds=PROBABILITY),
        test_fraction=QUARTER,
    ),
    IMAGES.statement(
        "fixed-budget-reverses-at-tenth",
        "With as many steps it learns more from the weighted loss where a tenth is positive.",
        AtLeast(0.0 - image_lead("auroc", TENTH, "fixed budget"), 0.03, bounds=PROBABILITY),
        test_fraction=QUARTER,
    ),
    IMAGES.statement(
        "free-to-stop-closes-it",
        "Under Adam, stopped by its own validation loss, it ranks alike under both losses.",
        AllOf(
            *(
                Equivalent(
                    image_lead("auroc", question, "free to stop"), 0.02,
                    detects=image_lead("auroc", question, "fixed budget"), bounds=PROBABILITY,
                )
                for question in (HALF, TENTH)
            )
        ),
        test_fraction=QUARTER,
    ),
)  # fmt: skip

# --- Four classes ---------------------------------------------------------------------------------

STEP = 300


def distinction(name: str, prior: float) -> Measured:
    """AUROC of a distinction: plain less weighted."""
    where = {"distinction": name, "prior": prior, "ratio": RATIO, "step": STEP}
    return Measured("gap", "distinctions", **where)


def choice(measure: str, prior: float, ratio: float, step: int = STEP) -> Measured:
    """A measure of the calls."""
    return Measured(measure, "choices", prior=prior, ratio=ratio, step=step)


ON_CLASSES = (
    CLASSES.statement(
        "choosing-is-algebra",
        "With four classes, too, undoing the weights and calling by cost are the same calls.",
        AllOf(
            *(Exact(choice("disagreement", p, r), 0.0) for p in (0.1, 0.5) for r in (1.0, RATIO))
        ),
        truth="theorem check",
    ),
    CLASSES.statement(
        "learning-is-moved-at-half",
        "Where half the cases are costly, weights speed up the distinction among costly classes "
        "and slow down the other two, as their factors say.",
        AllOf(
            AtLeast(0.0 - distinction("which costly", 0.5), 0.05, bounds=PROBABILITY),
            AtLeast(distinction("costly or cheap", 0.5), 0.05, bounds=PROBABILITY),
            AtLeast(distinction("which cheap", 0.5), 0.05, bounds=PROBABILITY),
        ),
    ),
    CLASSES.statement(
        "learning-is-moved-at-tenth",
        "Where a tenth is costly, they speed up both distinctions that involve costly classes and "
        "slow down the one among cheap ones.",
        AllOf(
            AtLeast(0.0 - distinction("which costly", 0.1), 0.05, bounds=PROBABILITY),
            AtLeast(0.0 - distinction("costly or cheap", 0.1), 0.05, bounds=PROBABILITY),
            AtLeast(distinction("which cheap", 0.1), 0.05, bounds=PROBABILITY),
        ),
    ),
    CLASSES.statement(
        "calls-are-cheaper",
        "Under that budget the weighted loss makes the cheaper calls at both priors: it has "
        "learned what matters to them.",
        AllOf(
            *(AtLeast(choice("cost", p, 1.0) - choice("cost", p, RATIO), 0.0) for p in (0.1, 0.5))
        ),
    ),
)

# --- The map --------------------------------------------------------------------------------------


def agreement(tables: Tables, *, regime: str) -> pd.Series:
    """Rank correlation over cells between the gap and the factor's slowing, per seed."""
    rows = tables["cells"]
    rows = rows[(rows["regime"] == regime) & (rows["ratio"] > 1)]
    return rows.groupby("seed")[["gap", "log_factor"]].apply(
        lambda cells: float(spearmanr(cells["gap"], -cells["log_factor"]).statistic)
    )


def right_side(tables: Tables, *, regime: str, matters: float) -> pd.Series:
    """Share of cells with a gap that matters in which the loss of larger gradients leads."""
    rows = tables["cells"]
    rows = rows[(rows["regime"] == regime) & (rows["ratio"] > 1) & (rows["gap"].abs() > matters)]
    return (rows["gap"] * rows["log_factor"] < 0).groupby(rows["seed"]).mean()


def mean_gap(tables: Tables, *, regime: str) -> pd.Series:
    """Mean over cells of the size of the gap, per seed."""
    rows = tables["cells"]
    rows = rows[(rows["regime"] == regime) & (rows["ratio"] > 1)]
    return rows["gap"].abs().groupby(rows["seed"]).mean()


ON_THE_MAP = (
    MAP.statement(
        "fixed-budget-follows-the-factor",
        "Over the map, who learns more under a fixed budget is ordered by the gradient's factor.",
        AtLeast(Computed(agreement, regime="fixed budget"), 0.8, bounds=PROBABILITY),
    ),
    MAP.statement(
        "cost-follows-the-factor",
        "Where learning has a price and the losses differ by 0.02 or more, the one whose gradients "
        "are larger leads in nine cells of ten.",
        AtLeast(Computed(right_side, regime="cost of learning", matters=0.02), 0.9, bounds=(0, 1)),
    ),
    MAP.statement(
        "free-to-stop-hardly-matters",
        "Where both are free to stop, the gap is on average below 0.03 in either direction.",
        Equivalent(
            Computed(mean_gap, regime="free to stop"), 0.03,
            detects=Computed(mean_gap, regime="fixed budget"), bounds=(0.0, 1.0),
        ),
    ),
)  # fmt: skip

CONFIRMATIONS: tuple[Statement, ...] = (*ON_REAL_DATA, *ON_IMAGES, *ON_CLASSES, *ON_THE_MAP)

SETS = ("digits", "cancer", "letter", "magic", "satimage", "phoneme")
UNBOUNDED = ("value", "value_raw", "cost", "log_score", "step", "gap")


def bounds_of(measure: str) -> Bounds:
    """What a measure cannot leave."""
    return None if measure in UNBOUNDED else (0.0, 1.0)


def spoken(text: str) -> str:
    """A measure or a level as it stands in a key."""
    return text.replace("_", "-").replace(" ", "-")


VALUES: dict[str, Measured] = {
    **{
        f"real-data/{spoken(measure)}/{data}/{r:g}/{loss}": on(
            data, measure, "plain" if loss == "plain" else f"weighted-{r:g}", r
        )
        for measure in ("auroc", "value", "value_raw", "brier", "ece", "answer_ece", "probe")
        for data in SETS
        for r in (3.0, RATIO, HIGHEST)
        for loss in ("plain", "weighted")
    },
    **{
        f"real-data/{spoken(measure)}/{data}/10/{arm}": on(data, measure, arm)
        for measure in ("auroc", "value")
        for data in SETS
        for arm in ("few", "plain-default", "weighted-default")
    },
    **{f"real-data/prior/{data}": on(data, "prior", "plain") for data in SETS},
    **{
        f"images/{spoken(measure)}/{spoken(question)}/{spoken(budget)}/{loss}": pictured(
            measure, question, budget, loss
        )
        for measure in ("auroc", "value", "brier", "ece", "answer_ece", "probe")
        for question in (HALF, TENTH)
        for budget in ("fixed budget", "free to stop")
        for loss in ("plain", "weighted")
    },
    **{
        f"multiclass/gap/{spoken(name)}/{p:g}": distinction(name, p)
        for name in ("costly or cheap", "which costly", "which cheap")
        for p in (0.1, 0.5)
    },
    **{
        f"multiclass/{spoken(measure)}/{p:g}/{r:g}/{step}": choice(measure, p, r, step)
        for measure in ("cost", "log_score")
        for p in (0.1, 0.5)
        for r in (1.0, RATIO)
        for step in (STEP, 1200)
    },
}

QUANTITIES: dict[str, tuple[Measured, str, Bounds]] = {
    f"asymmetric-loss/{key}": (value, "", bounds_of(value.measure)) for key, value in VALUES.items()
}
