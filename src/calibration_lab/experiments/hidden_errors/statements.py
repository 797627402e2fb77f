"""What the hidden-errors experiment claims, declared before the published seeds were run.

Thresholds say which effect would matter to a reader; they were fixed on seeds below 1000, where
the size of the effects was known roughly.  Accuracies, errors and confidences are in probability
units, harm in errors' worth per case, lift in times.  A statement about "every domain" has one
part for each of the three.
"""

from __future__ import annotations

from collections.abc import Callable

from calibration_lab.experiments.hidden_errors import confirmations, quantities, remedies
from calibration_lab.experiments.hidden_errors.quantities import done, kept, sets, sliced
from calibration_lab.experiments.hidden_errors.remedies import (
    at_least,
    at_most,
    control,
    everywhere,
    same,
    statement,
)
from calibration_lab.statements import AllOf, AtLeast

__all__ = ["QUANTITIES", "STATEMENTS"]


def higher(measure: str, more: str, less: str) -> Callable[[str], AtLeast]:
    """In a domain, one arm's measure exceeds another's."""
    return lambda domain: at_least(done(measure, domain, more) - done(measure, domain, less), 0.0)


# --- Controls: where the effect must not be ------------------------------------------------------

written_down = control(
    "answered-when-written-down",
    "By then the same networks do answer the same kind of case far better once a note states the "
    "constraint, by .25 or more.",
    everywhere(
        lambda d: at_least(
            sliced("accuracy", d, "stated", stop="late")
            - sliced("accuracy", d, "tail", stop="late"),
            0.25,
        ),
    ),
)
random_slice_like_all = control(
    "random-slice-like-all",
    "A random slice of the tail's size is answered as well as the rest of the cases.",
    everywhere(
        lambda d: same(sliced("accuracy", d, "random") - sliced("accuracy", d, "rest"), 0.03)
    ),
)
random_slice_no_lift = control(
    "random-slice-no-lift",
    "A random slice of that size holds far less of them.",
    everywhere(lambda d: AtLeast(sliced("lift", d, "tail") - sliced("lift", d, "random"), 20.0)),
)
no_conflict_no_lift = control(
    "no-conflict-no-lift",
    "So do the cases where the same constraint agrees with the rule of thumb, and those where the "
    "rule of thumb is undecided.",
    everywhere(
        lambda d: AtLeast(sliced("lift", d, "tail") - sliced("lift", d, "agreeing"), 20.0),
        lambda d: AtLeast(sliced("lift", d, "tail") - sliced("lift", d, "undecided"), 20.0),
    ),
    undefined=0.0,  # no such case, no confident errors there
)
undecided_errors_are_not = control(
    "undecided-errors-are-not",
    "Errors under the same constraint are less confident where the rule of thumb is undecided.",
    everywhere(
        lambda d: at_least(
            sliced("error_confidence", d, "tail") - sliced("error_confidence", d, "undecided"), 0.1
        ),
    ),
)
random_slice_improves = control(
    "random-slice-improves",
    "Over the same steps the calibration error of a random slice of that size falls.",
    everywhere(
        lambda d: at_least(
            sliced("ece", d, "random", stop="start") - sliced("ece", d, "random"), 0.03
        ),
    ),
)
rest_is_covered = control(
    "the-rest-is-covered",
    "The rest of the cases are covered as promised by the same sets.",
    everywhere(
        lambda d: same(sets("rest_coverage", d, "marginal") - 0.95, 0.03),
    ),
)
# --- Statements ----------------------------------------------------------------------------------

MASKING = (
    statement(
        "masking",
        "In every domain a network looks excellent on all cases (accuracy above .94, calibration "
        "error below .05) while it answers fewer than one in three cases of the tail correctly.",
        everywhere(
            lambda d: at_least(done("accuracy", d), 0.94),
            lambda d: at_most(done("ece", d), 0.05),
            lambda d: at_most(done("tail_accuracy", d), 1 / 3),
        ),
        random_slice_like_all,
    ),
    statement(
        "masking-persists",
        "Five times as long a training leaves much of it: calibration error is below .03, and yet "
        "in every domain a third or more of the tail is answered wrongly.",
        everywhere(
            lambda d: at_least(done("accuracy", d, stop="late"), 0.94),
            lambda d: at_most(done("ece", d, stop="late"), 0.03),
            lambda d: at_most(done("tail_accuracy", d, stop="late"), 0.667),
            lambda d: AtLeast(done("lift", d, stop="late"), 5.0),
        ),
        written_down,
    ),
    statement(
        "concentration",
        "The tail holds at least twenty times its share of the confident errors in every domain.",
        everywhere(lambda d: AtLeast(done("lift", d), 20.0)),
        random_slice_no_lift,
        no_conflict_no_lift,
    ),
    statement(
        "most-confident-errors",
        "More than half of all confident errors lie in that hundredth of the cases.",
        everywhere(lambda d: at_least(done("share", d), 0.5)),
    ),
    statement(
        "tail-errors-are-confident",
        "Errors in the tail are made with more confidence than other errors, by at least .15.",
        everywhere(
            lambda d: at_least(
                done("tail_error_confidence", d) - done("other_error_confidence", d), 0.15
            ),
        ),
        undecided_errors_are_not,
        truth="by construction",  # the tail is where the rule of thumb is sure of itself
    ),
    statement(
        "confidence-above-nine-tenths",
        "In every domain, most errors in the tail are made with confidence above .9.",
        everywhere(lambda d: at_least(done("tail_confident", d), 0.5)),
    ),
    statement(
        "present-cue-is-not-used",
        "Early on, networks are as wrong about the tail as if the record did not show the "
        "constraint: the calibration error there is the same within .1.",
        everywhere(
            lambda d: same(
                done("tail_ece", d) - done("tail_ece", d, "absent"), 0.1,
                detects=done("tail_ece", d, "balanced") - done("tail_ece", d, "absent"),
            ),
        ),
    ),
)  # fmt: skip

TRAINING = (
    statement(
        "early-training-worsens",
        "From the start to the early stop accuracy rises and the calibration error of all cases "
        "falls, while that of the tail grows and its errors become more confident.",
        everywhere(
            lambda d: at_least(done("accuracy", d) - done("accuracy", d, stop="start"), 0.01),
            lambda d: at_least(done("ece", d, stop="start") - done("ece", d), 0.05),
            lambda d: at_least(done("tail_ece", d) - done("tail_ece", d, stop="start"), 0.03),
            lambda d: at_least(
                done("tail_error_confidence", d) - done("tail_error_confidence", d, stop="start"),
                0.03,
            ),
        ),
        random_slice_improves,
    ),
    statement(
        "longer-training-repairs-finance",
        "Five times as long a training repairs part of the tail in finance.",
        at_least(
            done("tail_accuracy", "finance", stop="late") - done("tail_accuracy", "finance"), 0.1
        ),
    ),
    statement(
        "longer-training-never-repairs-law",
        "In law it repairs nothing.",
        same(
            done("tail_accuracy", "law", stop="late") - done("tail_accuracy", "law"), 0.05,
            detects=done("tail_accuracy", "law", "explicit", "late") - done("tail_accuracy", "law"),
        ),
    ),
)  # fmt: skip

AUDITS = (
    *(
        statement(
            f"{measure}-prefers-the-dangerous",
            f"At the early stop, the {words} is better for the plain network than for one trained "
            "on a balanced sample, which does far less harm.",
            everywhere(
                higher(measure, more, less),
                lambda d: AtLeast(done("harm", d) - done("harm", d, "balanced"), 0.1),
            ),
        )
        for measure, words, more, less in (
            ("accuracy", "accuracy", "plain", "balanced"),
            ("ece", "calibration error", "balanced", "plain"),
            ("brier", "Brier score", "balanced", "plain"),
        )
    ),
    statement(
        "aggregates-come-round",
        "Trained longer, accuracy and Brier score see the difference in triage.",
        AllOf(
            at_least(
                done("accuracy", "triage", "balanced", "late")
                - done("accuracy", "triage", stop="late"), 0.0,
            ),
            at_least(
                done("brier", "triage", stop="late")
                - done("brier", "triage", "balanced", "late"), 0.0,
            ),
        ),
    ),
    statement(
        "abstention-keeps-the-tail",
        "Early on, a network that passes on the least confident fifth of the cases halves its "
        "error rate and still answers most of the tail.",
        everywhere(
            lambda d: at_least(
                kept("risk", d, 1.0) - kept("risk", d, 0.8) - kept("risk", d, 0.8), 0.0
            ),
            lambda d: at_least(kept("tail_kept", d, 0.8), 0.5),
        ),
    ),
    statement(
        "conformal-misses-the-tail",
        "Conformal sets that hold the right answer in 95% of all cases hold it in fewer than a "
        "third of the tail.",
        everywhere(
            lambda d: at_least(sets("coverage", d, "marginal"), 0.94),
            lambda d: at_most(sets("tail_coverage", d, "marginal"), 1 / 3),
        ),
        rest_is_covered,
    ),
    statement(
        "group-conformal-repairs",
        "Sets with a threshold of their own for the tail cover it, at a price: there they nearly "
        "always name both answers.",
        everywhere(
            lambda d: at_least(sets("tail_coverage", d, "group"), 0.9),
            lambda d: AtLeast(sets("tail_size", d, "group"), 1.8),
        ),
    ),
)  # fmt: skip

STATEMENTS = (*MASKING, *TRAINING, *AUDITS, *remedies.STATEMENTS, *confirmations.STATEMENTS)

QUANTITIES = quantities.bounded({**quantities.QUANTITIES, **confirmations.QUANTITIES})
