"""What the confirmations of the hidden-errors experiment claim.

Declared, like the statements on the headline run, before their published seeds were run.
"""

from __future__ import annotations

from calibration_lab.experiments.hidden_errors.quantities import DOMAINS
from calibration_lab.experiments.hidden_errors.remedies import at_least, at_most, everywhere, same
from calibration_lab.statements import (
    AllOf,
    AtLeast,
    DeclaredOn,
    Measured,
    Statement,
)

__all__ = ["QUANTITIES", "STATEMENTS"]

CHECKPOINTS = DeclaredOn("hidden-errors/checkpoints-", units=16, exhibit="checkpoints")
SWEEP = DeclaredOn("hidden-errors/sweep-", units=16, exhibit="sweep")
TEXT = DeclaredOn("hidden-errors/text-", units=16, exhibit="text")
REAL_DATA = DeclaredOn("hidden-errors/real-", units=32, exhibit="real-data")
TEST_FRACTION = 0.2  # of a split's rows: one to test for every four to train on

# --- Which metrics see the harm ------------------------------------------------------------------


def correlation(domain: str, metric: str, population: str = "remedies") -> Measured:
    """Rank correlation of a metric with harm over one seed's checkpoints."""
    return Measured(
        "correlation", "correlations", domain=domain, metric=metric, population=population
    )


def magnitude(domain: str, metric: str) -> Measured:
    """The same among remedies, without its sign."""
    return Measured(
        "magnitude", "correlations", domain=domain, metric=metric, population="remedies"
    )


ON_CHECKPOINTS = (
    CHECKPOINTS.statement(
        "accuracy-has-the-wrong-sign",
        "Among checkpoints of plain training and of remedies, the more accurate ones do more harm, "
        "in every domain.",
        everywhere(lambda d: at_least(correlation(d, "accuracy"), 0.0)),
    ),
    CHECKPOINTS.statement(
        "accuracy-has-the-wrong-sign-in-law",
        "They do so in law, where no training learns the constraint without cost.",
        at_least(correlation("law", "accuracy"), 0.0),
    ),
    CHECKPOINTS.statement(
        "ece-is-nearly-blind",
        "The rank correlation of calibration error with harm lies between -.5 and .5 in every "
        "domain.",
        everywhere(lambda d: same(correlation(d, "ece"), 0.5, correlation(d, "tail_ece"))),
    ),
    CHECKPOINTS.statement(
        "tail-metrics-see-the-harm",
        "Accuracy and calibration error within the tail rank checkpoints by harm, with a rank "
        "correlation beyond .7 in every domain.",
        everywhere(
            lambda d: at_most(correlation(d, "tail_accuracy"), -0.7),
            lambda d: at_least(correlation(d, "tail_ece"), 0.7),
        ),
    ),
    CHECKPOINTS.statement(
        "composition-sees-some",
        "The tail's share of the confident errors sees some of it: its rank correlation with harm "
        "exceeds .3 in every domain.",
        everywhere(lambda d: at_least(correlation(d, "share"), 0.3)),
    ),
    CHECKPOINTS.statement(
        "tail-accuracy-beats-every-aggregate",
        "In every domain the tail's accuracy ranks checkpoints by harm better than the best of "
        "seven metrics of all cases.",
        everywhere(
            lambda d: at_least(
                magnitude(d, "tail_accuracy") - magnitude(d, "best-aggregate"), 0.0
            ),
        ),
    ),
)  # fmt: skip

# --- How rare, how many, how large ---------------------------------------------------------------


def rate(measure: str, domain: str, unstated: float, stop: str = "late") -> Measured:
    """A measure at one rate of the unstated constraint."""
    return Measured(measure, "rates", domain=domain, unstated=unstated, stop=stop)


def sized(
    measure: str, domain: str, cases: int = 4096, width: int = 32, stop: str = "late"
) -> Measured:
    """A measure at one number of training cases and one width."""
    return Measured(measure, "sizes", domain=domain, cases=cases, width=width, stop=stop)


SWEPT = ("triage", "law")

ON_THE_SWEEP = (
    SWEEP.statement(
        "nothing-hides-when-common",
        "Where the tail is half of all cases, networks answer two thirds of it or more, and it "
        "holds less than twice its share of the confident errors.",
        AllOf(*(
            part
            for domain in SWEPT
            for part in (
                at_least(rate("tail_accuracy", domain, 0.9), 2 / 3),
                AtLeast(2.0 - rate("lift", domain, 0.9), 0.0),
            )
        )),
    ),
    SWEEP.statement(
        "rarer-is-worse",
        "After the same training, a tail of one in twenty is answered far better than one of one "
        "in four hundred.",
        AllOf(*(
            at_least(
                rate("tail_accuracy", domain, 0.1) - rate("tail_accuracy", domain, 0.005), 0.3
            )
            for domain in SWEPT
        )),
    ),
    SWEEP.statement(
        "more-cases-help-triage",
        "Sixteen times as many training cases raise the tail's accuracy in triage.",
        at_least(
            sized("tail_accuracy", "triage", 16384) - sized("tail_accuracy", "triage", 1024), 0.1
        ),
    ),
    SWEEP.statement(
        "width-helps-triage",
        "So does a network eight times as wide.",
        at_least(
            sized("tail_accuracy", "triage", width=128)
            - sized("tail_accuracy", "triage", width=16), 0.1,
        ),
    ),
    SWEEP.statement(
        "neither-helps-law",
        "Neither four times the cases nor four times the width does so in law.",
        AllOf(
            same(
                sized("tail_accuracy", "law", 16384) - sized("tail_accuracy", "law"), 0.1,
                rate("tail_accuracy", "law", 0.9) - rate("tail_accuracy", "law", 0.005),
            ),
            same(
                sized("tail_accuracy", "law", width=128) - sized("tail_accuracy", "law"), 0.1,
                rate("tail_accuracy", "law", 0.9) - rate("tail_accuracy", "law", 0.005),
            ),
        ),
    ),
)  # fmt: skip

# --- A transformer on notes, and real data -------------------------------------------------------


def note(measure: str, stop: str = "late") -> Measured:
    """A measure of the transformer's answers to case notes."""
    return Measured(measure, "notes", stop=stop)


ON_TEXT = (
    TEXT.statement(
        "masking",
        "A transformer that reads the notes answers more than .94 of all cases correctly, with "
        "calibration error below .05, and fewer than a third of the tail.",
        AllOf(
            at_least(note("accuracy"), 0.94),
            at_most(note("ece"), 0.05),
            at_most(note("tail_accuracy"), 1 / 3),
        ),
        TEXT.control(
            "reads-what-is-written",
            "It does answer far more of such cases once the note states the constraint.",
            at_least(note("stated_accuracy") - note("tail_accuracy"), 0.5),
        ),
    ),
    TEXT.statement(
        "concentration",
        "The tail holds at least twenty times its share of the transformer's confident errors.",
        AtLeast(note("lift"), 20.0),
        TEXT.control(
            "random-slice-no-lift",
            "A random slice of that size holds far less of them.",
            AtLeast(note("lift") - note("random_lift"), 20.0),
        ),
    ),
    TEXT.statement(
        "tail-errors-are-confident",
        "Its errors in the tail are more confident than its other errors, by .15 or more.",
        at_least(note("tail_error_confidence") - note("other_error_confidence"), 0.15),
    ),
)  # fmt: skip


def stratum(measure: str, data: str, kind: str = "class", stop: str = "late") -> Measured:
    """A measure of the rare stratum of a real data set: a "class", or a "random" one."""
    return Measured(measure, "strata", data=data, kind=kind, stop=stop)


def on_real(name: str, text: str, test: AtLeast | AllOf) -> Statement:
    """Declare a statement on splits of which a fifth is tested."""
    return REAL_DATA.statement(name, text, test, test_fraction=TEST_FRACTION)


ON_REAL_DATA = (
    *(
        on_real(
            f"{data}-stratum-is-worse",
            f"In {words}, a class made rare inside a wider one is answered worse than a random "
            "stratum made as rare, by .05 or more.",
            at_least(
                stratum("tail_accuracy", data, "random") - stratum("tail_accuracy", data), 0.05
            ),
        )
        for data, words in (("digits", "handwritten digits"), ("letter", "printed letters"))
    ),
    *(
        on_real(
            f"{data}-concentration",
            f"In {words}, the rare class holds at least five times its share of the confident "
            "errors.",
            AtLeast(stratum("lift", data), 5.0),
        )
        for data, words in (("digits", "handwritten digits"), ("letter", "printed letters"))
    ),
    on_real(
        "nearly-all-wrong",
        "In both, most of the rare class is answered wrongly, as in the made-up domains.",
        AllOf(*(at_most(stratum("tail_accuracy", data), 0.5) for data in ("digits", "letter"))),
    ),
    on_real(
        "tail-errors-are-confident",
        "In both, errors in the rare class are more confident than other errors, by .1 or more.",
        AllOf(*(
            at_least(
                stratum("tail_error_confidence", data) - stratum("other_error_confidence", data),
                0.1,
            )
            for data in ("digits", "letter")
        )),
    ),
)  # fmt: skip

STATEMENTS: tuple[Statement, ...] = (*ON_CHECKPOINTS, *ON_THE_SWEEP, *ON_TEXT, *ON_REAL_DATA)

METRICS = (
    "accuracy", "ece", "nll", "brier", "auroc", "aurc", "confident_error_rate",
    "tail_accuracy", "tail_ece", "share", "lift", "tail_nll_share", "tail_error_confidence",
    "harm_at_80", "best-aggregate",
)  # fmt: skip
SIZES = ((1024, 32), (2048, 32), (4096, 32), (16384, 32), (4096, 16), (4096, 128))
GLANCED = (
    "accuracy", "ece", "tail_accuracy", "tail_error_confidence", "other_error_confidence",
    "share", "lift", "harm", "tail_ece",
)  # fmt: skip

QUANTITIES: dict[str, Measured] = {
    **{
        f"hidden-errors/checkpoints/{metric.replace('_', '-')}/{d}/{population}": correlation(
            d, metric, population
        )
        for metric in METRICS for d in DOMAINS for population in ("remedies", "ordinary")
    },
    **{
        f"hidden-errors/rates/{m.replace('_', '-')}/{d}/{unstated}/{stop}": rate(
            m, d, unstated, stop
        )
        for m in (*GLANCED, "tail_rate") for d in SWEPT
        for unstated in (0.005, 0.01, 0.02, 0.04, 0.1, 0.2, 0.45, 0.9) for stop in ("early", "late")
    },
    **{
        f"hidden-errors/sizes/{m.replace('_', '-')}/{d}/{cases}/{width}/{stop}": sized(
            m, d, cases, width, stop
        )
        for m in (*GLANCED, "tail_confident") for d in SWEPT
        for cases, width in SIZES
        for stop in ("early", "late")
    },
    **{
        f"hidden-errors/text/{m.replace('_', '-')}/{stop}": note(m, stop)
        for m in (*GLANCED, "stated_accuracy", "random_lift", "brier", "auroc", "tail_confident")
        for stop in ("early", "late")
    },
    **{
        f"hidden-errors/real-data/{m.replace('_', '-')}/{data}/{kind}/{stop}": stratum(
            m, data, kind, stop
        )
        for m in ("accuracy", "ece", "brier", "auroc", "tail_accuracy", "tail_error_confidence",
                  "other_error_confidence", "share", "lift")
        for data in ("digits", "letter") for kind in ("class", "random")
        for stop in ("early", "late")
    },
}  # fmt: skip
