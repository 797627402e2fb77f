"""What the hidden-errors experiment claims about finding the tail, mending it, and minimal pairs.

Declared with the statements in ``statements.py``, before the published seeds were run.
"""

from __future__ import annotations

from collections.abc import Callable

from calibration_lab.experiments.hidden_errors.quantities import (
    DOMAINS,
    SIGNED,
    done,
    found,
    paired,
    recalibrated,
)
from calibration_lab.statements import (
    AllOf,
    AtLeast,
    DeclaredOn,
    Equivalent,
    Exact,
    Measured,
    Statement,
    Value,
)

__all__ = ["STATEMENTS", "at_least", "at_most", "control", "everywhere", "same", "statement"]

HEADLINE_RUN = DeclaredOn("hidden-errors/", units=32)  # seeds 1000 to 1031

control, statement = HEADLINE_RUN.control, HEADLINE_RUN.statement


def everywhere(*tests: Callable[[str], AtLeast | Equivalent | Exact]) -> AllOf:
    """All of the tests in every domain."""
    return AllOf(*(test(domain) for domain in DOMAINS for test in tests))


def lowest(value: Value) -> float:
    """Lowest value that a probability (0), or a difference of two (-1), can take."""
    return 0.0 if isinstance(value, Measured) and value.measure not in SIGNED else -1.0


def at_least(value: Value, threshold: float) -> AtLeast:
    """A probability, or a difference of two, exceeds a threshold on average."""
    return AtLeast(value, threshold, bounds=(lowest(value), 1.0))


def at_most(value: Value, most: float) -> AtLeast:
    """A probability, or a difference of two, is below ``most`` on average."""
    return AtLeast(most - value, 0.0, bounds=(most - 1.0, most - lowest(value)))


def same(value: Value, margin: float, detects: Value | None = None) -> Equivalent:
    """A difference of two probabilities is within a margin of 0 on average."""
    return Equivalent(value, margin, detects, bounds=(-1.0, 1.0))


nothing_to_find = control(
    "nothing-to-find",
    "Where the record does not show the constraint, the same search finds less than a third "
    "of the tail.",
    everywhere(lambda d: at_most(found("recall", d, arm="absent"), 1 / 3)),
)
own_temperature_calibrates_noise = control(
    "own-temperature-calibrates-noise",
    "In a tail that is merely noisy, a temperature of its own removes most of the calibration "
    "error.",
    everywhere(
        lambda d: at_least(
            recalibrated("tail_ece", d, "none", "noisy")
            - recalibrated("tail_ece", d, "own", "noisy"),
            0.15,
        ),
        lambda d: at_most(recalibrated("tail_ece", d, "own", "noisy"), 0.15),
    ),
)
salience_is_not_enough = control(
    "salience-is-not-enough",
    "An equally rare note on something else helps by less than half of that.",
    everywhere(
        lambda d: at_most(
            paired("salient", d, stop="late") - paired("active", d, stop="late"), 0.25
        ),
    ),
)


DISCOVERY = (
    statement(
        "discovery-where-tuned",
        "Without group labels, a search over pairs of conditions finds most of the tail in triage, "
        "the domain it was tuned on, and little else.",
        AllOf(
            at_least(found("precision", "triage"), 0.5), at_least(found("recall", "triage"), 0.5)
        ),
        nothing_to_find,
    ),
    statement(
        "discovery-elsewhere",
        "The same search finds most of the tail in the two domains that it was not tuned on.",
        AllOf(at_least(found("recall", "law"), 0.5), at_least(found("recall", "finance"), 0.5)),
        nothing_to_find,
    ),
    statement(
        "tree-finds-the-window",
        "A decision tree with the same settings finds most of the tail in law, and little else.",
        AllOf(
            at_least(found("precision", "law", "tree"), 0.5),
            at_least(found("recall", "law", "tree"), 0.5),
        ),
    ),
    statement(
        "tree-misses-the-interaction",
        "The tree, which splits by one field at a time, does not find half of the tail in "
        "triage, where no single field betrays it.",
        at_most(found("recall", "triage", "tree"), 0.5),
    ),
    statement(
        "nothing-finds-the-run",
        "Neither search finds half of the tail in finance, where it is a pattern in "
        "time.",
        AllOf(
            at_most(found("recall", "finance"), 0.5),
            at_most(found("recall", "finance", "tree"), 0.5),
        ),
    ),
    statement(
        "a-find-halves-the-harm",
        "Where a search succeeds, passing on what it flags at least halves the harm.",
        AllOf(*(
            AtLeast(
                found("harm", domain, method) - found("harm_after", domain, method)
                - found("harm_after", domain, method), 0.0,
            )
            for domain, method in (("triage", "pairs"), ("law", "tree"))
        )),
    ),
)  # fmt: skip

TEMPERATURE = (
    statement(
        "temperature-does-not-help",
        "One temperature, fitted on held-out cases, leaves the calibration error of the tail where "
        "it was.",
        everywhere(
            lambda d: same(
                recalibrated("tail_ece", d, "pooled") - recalibrated("tail_ece", d, "none"), 0.05,
                detects=recalibrated("tail_ece", d, "own") - recalibrated("tail_ece", d, "none"),
            ),
        ),
    ),
    statement(
        "temperature-changes-no-answer",
        "Temperature scaling cuts no harm, because it changes no answer.",
        everywhere(
            lambda d: Exact(
                recalibrated("harm", d, "pooled") - recalibrated("harm", d, "none"), 1e-12
            ),
        ),
        truth="theorem check",
    ),
    statement(
        "its-own-temperature-is-not-enough",
        "Even a temperature fitted on the tail itself leaves it miscalibrated by .3 or more, "
        "because no temperature turns an answer round.",
        everywhere(lambda d: at_least(recalibrated("tail_ece", d, "own"), 0.3)),
        own_temperature_calibrates_noise,
    ),
)  # fmt: skip

REMEDIES = (
    statement(
        "explicit-feature-helps",
        "With the constraint written down in every record where it is active, the trained network "
        "answers more than four in five cases of the tail correctly.",
        everywhere(lambda d: at_least(done("tail_accuracy", d, "explicit", "late"), 0.8)),
        control(
            "absent-feature-does-not",
            "It is the record that does it: where it does not show the constraint, the same "
            "training answers fewer, by .5 or more.",
            everywhere(
                lambda d: at_least(
                    done("tail_accuracy", d, "explicit", "late")
                    - done("tail_accuracy", d, "absent", "late"), 0.5,
                ),
            ),
        ),
    ),
    statement(
        "reweighting-helps-early",
        "At the early stop, balanced sampling and group DRO cut the harm by at least .1 in every "
        "domain.",
        everywhere(
            lambda d: AtLeast(done("harm", d) - done("harm", d, "balanced"), 0.1),
            lambda d: AtLeast(done("harm", d) - done("harm", d, "worst-group"), 0.1),
        ),
    ),
    statement(
        "reweighting-washes-out",
        "With longer training, balanced sampling and group DRO lose part of what they gained, in "
        "every domain.",
        everywhere(
            lambda d: at_least(
                done("tail_accuracy", d, "balanced")
                - done("tail_accuracy", d, "balanced", "late"), 0.05,
            ),
            lambda d: at_least(
                done("tail_accuracy", d, "worst-group")
                - done("tail_accuracy", d, "worst-group", "late"), 0.05,
            ),
        ),
    ),
    statement(
        "reweighting-washes-out-in-law",
        "They do so in law, where the constraint is hardest to learn.",
        AllOf(*(
            at_least(
                done("tail_accuracy", "law", arm) - done("tail_accuracy", "law", arm, "late"), 0.05
            )
            for arm in ("balanced", "worst-group")
        )),
    ),
    statement(
        "train-twice-needs-no-groups",
        "Training a second time with more weight on confident errors, without knowing the tail, "
        "cuts the harm of the trained network by a tenth of an error's worth in every domain.",
        everywhere(
            lambda d: AtLeast(
                done("harm", d, stop="late") - done("harm", d, "train-twice", "late"), 0.1
            ),
        ),
    ),
)  # fmt: skip

PAIRS = (
    statement(
        "pairs-show-override",
        "On minimal pairs the plain network is right when the constraint is removed and wrong "
        "when it is active: its conservative bias is below -.5 in every domain.",
        everywhere(lambda d: at_most(paired("conservative_bias", d), -0.5)),
    ),
    statement(
        "stating-the-constraint-helps",
        "After long training, stating the constraint raises accuracy by .5 or more over an "
        "equally rare note on something else.",
        everywhere(
            lambda d: at_least(paired("salience_adjusted_gain", d, stop="late"), 0.5)
        ),
        salience_is_not_enough,
    ),
    statement(
        "always-escalate-is-unmasked",
        "A predictor that always gives the harmful answer is right on every active case, and the "
        "paired measures give it nothing.",
        everywhere(
            lambda d: Exact(paired("active", d, "always-escalate") - 1.0, 0.0),
            lambda d: Exact(paired("paired_accuracy", d, "always-escalate"), 0.0),
            lambda d: Exact(paired("adjusted_score", d, "always-escalate"), 0.0),
        ),
        truth="by construction",
    ),
    statement(
        "remedies-are-not-mere-caution",
        "Balanced sampling does not simply escalate: after long training its paired accuracy "
        "exceeds the plain network's by .2 in every domain.",
        everywhere(
            lambda d: at_least(
                paired("paired_accuracy", d, "balanced", "late")
                - paired("paired_accuracy", d, stop="late"), 0.2,
            ),
        ),
    ),
)  # fmt: skip

STATEMENTS: tuple[Statement, ...] = (*DISCOVERY, *TEMPERATURE, *REMEDIES, *PAIRS)
