"""The figures of the hidden-errors chapter, drawn from the stored per-seed results."""

from __future__ import annotations

from collections.abc import Callable

import pandas as pd
from matplotlib.figure import Figure

from calibration_lab import experiments
from calibration_lab.experiments.hidden_errors import quantities
from calibration_lab.experiments.hidden_errors.confirmations import (
    TEST_FRACTION,
    correlation,
    stratum,
)
from calibration_lab.experiments.hidden_errors.panels import (
    MARKS,
    SHARE,
    curves,
    interval,
    panels,
)
from calibration_lab.experiments.hidden_errors.quantities import DOMAINS, done, found, sets
from calibration_lab.figures import WIDTH, Drawing, forest_plot, number
from calibration_lab.results import Result
from calibration_lab.uncertainty import split_mean_interval

__all__ = ["FIGURES"]


def masking(result: Result) -> Drawing:
    """What all cases show, and what the tail shows, of the same networks."""
    values = {
        "accuracy, all cases": "accuracy",
        "calibration error, all cases": "ece",
        "accuracy, tail": "tail_accuracy",
        "calibration error, tail": "tail_ece",
        "confidence of tail errors": "tail_error_confidence",
        "confidence of other errors": "other_error_confidence",
    }
    rows = {
        domain: [
            (label, interval(result, done(measure, domain), SHARE))
            for label, measure in values.items()
        ]
        for domain in DOMAINS
    }
    return panels(rows, xlabel="Early stop: probability", xlim=(-0.02, 1.02))


def slices(result: Result) -> Drawing:
    """How many times their share of the confident errors several slices hold."""
    names = {
        "tail": "tail", "random": "random slice", "agreeing": "constraint agrees",
        "undecided": "rule undecided", "stated": "constraint in a note",
    }  # fmt: skip
    rows = {
        f"{domain}, {stop} stop": [
            (label, interval(result, quantities.sliced("lift", domain, name, stop=stop), None))
            for name, label in names.items()
        ]
        for domain in DOMAINS
        for stop in ("early", "late")
    }
    return panels(
        rows, xlabel="Share of confident errors over share of cases", logarithmic=True,
        marks={"its own share": 1.0},
    )  # fmt: skip


def cutoffs(result: Result) -> Drawing:
    """The tail's share of the confident errors, whatever "confident" means."""
    table = result.tables["cutoffs"]
    table = table[(table["arm"] == "plain") & (table["stop"] == "early")]
    return curves(
        table, {domain: table["domain"] == domain for domain in DOMAINS}, "cut",
        {"share": "share of errors above it that are in the tail",
         "tail_confident": "share of tail errors above it"},
        xlabel="Cut-off", ylabel="Share", logarithmic=False,
    )  # fmt: skip


def training(result: Result) -> Drawing:
    """Accuracy, and the tail, while training goes on."""
    table = result.tables["trajectory"]
    table = table[table["arm"] == "plain"]
    return curves(
        table, {domain: table["domain"] == domain for domain in DOMAINS}, "step",
        {"accuracy": "accuracy, all cases", "tail_accuracy": "accuracy, tail",
         "tail_error_confidence": "confidence of tail errors",
         "other_error_confidence": "confidence of other errors"},
        xlabel="Training step", ylabel="Probability",
    )  # fmt: skip


def remedies(result: Result) -> Drawing:
    """Accuracy in the tail after every remedy, at both stops."""
    arms = {
        "plain": "plain", "balanced": "balanced sampling", "worst-group": "group DRO",
        "harm-weighted": "harm weighting", "train-twice": "train twice", "explicit": "explicit",
    }  # fmt: skip
    rows = {
        f"{domain}, {stop} stop": [
            (label, interval(result, done("tail_accuracy", domain, arm, stop), SHARE))
            for arm, label in arms.items()
        ]
        for domain in DOMAINS
        for stop in ("early", "late")
    }
    return panels(rows, xlabel="Accuracy in the tail", xlim=(-0.02, 1.02))


def conformal(result: Result) -> Drawing:
    """Coverage of conformal sets, of all cases and of the tail."""
    values = {
        "all cases": ("coverage", "marginal"), "tail": ("tail_coverage", "marginal"),
        "tail, own threshold": ("tail_coverage", "group"),
    }  # fmt: skip
    rows = {
        domain: [
            (label, interval(result, sets(measure, domain, kind), SHARE))
            for label, (measure, kind) in values.items()
        ]
        for domain in DOMAINS
    }
    return panels(
        rows, xlabel="Coverage", xlim=(-0.02, 1.04), marks={"promised": 0.95}
    )  # fmt: skip


def abstaining(result: Result) -> Drawing:
    """What answering fewer cases does to the error rate and to the tail."""
    table = result.tables["selective"]
    table = table[table["arm"] == "plain"]
    wide = table.pivot(index=["seed", "domain", "coverage"], columns="stop").reset_index()
    wide.columns = pd.Index(["/".join(filter(None, names)) for names in wide.columns])
    return curves(
        wide, {domain: wide["domain"] == domain for domain in DOMAINS}, "coverage",
        {"tail_kept/early": "tail still answered, early stop",
         "tail_kept/late": "tail still answered, late stop",
         "risk/early": "error rate, early stop", "risk/late": "error rate, late stop"},
        xlabel="Share answered", ylabel="Share", logarithmic=False,
    )  # fmt: skip


def discovery(result: Result) -> Drawing:
    """How much of the tail two searches find without group labels."""
    searches = {
        "pairs of conditions": ("pairs", "plain"), "decision tree": ("tree", "plain"),
        "pairs, constraint not in the record": ("pairs", "absent"),
    }  # fmt: skip
    rows = {
        domain: [
            (label, interval(result, found("recall", domain, method, arm), SHARE))
            for label, (method, arm) in searches.items()
        ]
        for domain in DOMAINS
    }
    return panels(rows, xlabel="Share of the tail that is flagged", xlim=(-0.02, 1.02))


def pairs(result: Result) -> Drawing:
    """Minimal pairs: the constraint active against removed."""
    arms = {
        "plain": "plain", "balanced": "balanced sampling", "harm-weighted": "harm weighting",
        "train-twice": "train twice", "explicit": "explicit feature",
        "always-escalate": "always escalates",
    }  # fmt: skip
    means = {
        domain: {
            label: tuple(
                interval(result, quantities.paired(m, domain, arm, "late"), SHARE)
                for m in ("active", "removed", "paired_accuracy")
            )
            for arm, label in arms.items()
        }
        for domain in DOMAINS
    }

    def draw() -> Figure:
        figure = Figure(figsize=(WIDTH, 3.3))
        grid = figure.subplots(1, 3, sharey=True)
        for axes, (domain, of_domain) in zip(grid, means.items(), strict=True):
            for i, (label, (on, off, _)) in enumerate(of_domain.items()):
                axes.errorbar(
                    on.estimate, off.estimate,
                    xerr=[[max(on.estimate - on.low, 0)], [max(on.high - on.estimate, 0)]],
                    yerr=[[max(off.estimate - off.low, 0)], [max(off.high - off.estimate, 0)]],
                    color=f"C{i}", marker=MARKS[i], markersize=8, linestyle="", label=label,
                )  # fmt: skip
            axes.set(title=domain, xlabel="Right when active", xlim=(-0.08, 1.08))
        grid[0].set(ylabel="Right when removed", ylim=(-0.08, 1.08))
        handles, labels = grid[0].get_legend_handles_labels()
        figure.legend(
            [handle[0] for handle in handles], labels, loc="outside upper center", ncols=3
        )
        return figure

    told = "; ".join(
        f"{domain}: "
        + ", ".join(
            f"{label} active {number(on.estimate)}, removed {number(off.estimate)}, "
            f"both {number(both.estimate)}"
            for label, (on, off, both) in of_domain.items()
        )
        for domain, of_domain in means.items()
    )
    return Drawing(draw, f"Minimal pairs after long training, accuracy by version. {told}.")


def temperature(result: Result) -> Drawing:
    """Calibration error in the tail before and after temperature scaling, and where it works."""
    kinds = {
        "as trained": ("plain", "none"), "one temperature": ("plain", "pooled"),
        "the tail's own": ("plain", "own"), "noisy tail, as trained": ("noisy", "none"),
        "noisy tail, its own": ("noisy", "own"),
    }  # fmt: skip
    rows = {
        domain: [
            (
                label,
                interval(result, quantities.recalibrated("tail_ece", domain, fitted, arm), SHARE),
            )
            for label, (arm, fitted) in kinds.items()
        ]
        for domain in DOMAINS
    }
    return panels(rows, xlabel="Calibration error in the tail", xlim=(-0.02, 1.02))


IN_TIMES = ("hidden-errors/masking-persists", "hidden-errors/concentration")  # effects in lift


def verdicts(result: Result) -> Drawing:
    """Every effect in probability units, or in harm, beside its threshold."""
    judged = experiments.judgements("hidden-errors", result)
    return forest_plot([one for one in judged if one.key not in IN_TIMES])


def verdicts_in_times(result: Result) -> Drawing:
    """The effects that are ratios of shares, beside their thresholds."""
    judged = experiments.judgements("hidden-errors", result)
    return forest_plot([one for one in judged if one.key in IN_TIMES])


def checkpoints(result: Result) -> Drawing:
    """Rank correlation with harm of every metric, among plain training and remedies."""
    metrics = {
        "accuracy": "accuracy", "ece": "calibration error", "nll": "log loss",
        "brier": "Brier score", "auroc": "AUROC", "aurc": "risk-coverage area",
        "confident_error_rate": "confident error rate", "share": "tail's share of them",
        "tail_ece": "calibration error, tail", "tail_accuracy": "accuracy, tail",
        "harm_at_80": "harm at four fifths",
    }  # fmt: skip
    rows = {
        domain: [
            (
                label,
                interval(
                    result,
                    correlation(domain, metric),
                    (-1.0, 1.0),
                ),
            )
            for metric, label in metrics.items()
        ]
        for domain in DOMAINS
    }  # fmt: skip
    return panels(rows, xlabel="Rank correlation with harm", xlim=(-1.05, 1.05), marks={"none": 0})


def rates(result: Result) -> Drawing:
    """The tail over how rare it is."""
    table = result.tables["rates"]
    table = table[table["stop"] == "late"]
    return curves(
        table, {domain: table["domain"] == domain for domain in ("triage", "law")}, "unstated",
        {"accuracy": "accuracy, all cases", "tail_accuracy": "accuracy, tail",
         "tail_error_confidence": "confidence of tail errors"},
        xlabel="Share with the constraint", ylabel="Probability",
    )  # fmt: skip


def real_data(result: Result) -> Drawing:
    """Accuracy in a rare class of real data, beside a random stratum as rare."""
    rows = {
        f"{data}, {stop} stop": [
            (label, split_mean_interval(
                stratum(measure, data, kind, stop).values(result.tables, "split"),
                test_fraction=TEST_FRACTION, bounds=SHARE,
            ))
            for label, measure, kind in (
                ("all cases", "accuracy", "class"), ("rare class", "tail_accuracy", "class"),
                ("random stratum", "tail_accuracy", "random"),
            )
        ]
        for data in ("digits", "letter")
        for stop in ("early", "late")
    }  # fmt: skip
    return panels(rows, xlabel="Accuracy", xlim=(0.4, 1.02))


FIGURES: dict[str, Callable[[Result], Drawing]] = {
    "masking": masking,
    "slices": slices,
    "cutoffs": cutoffs,
    "training": training,
    "remedies": remedies,
    "conformal": conformal,
    "abstaining": abstaining,
    "temperature": temperature,
    "discovery": discovery,
    "pairs": pairs,
    "verdicts": verdicts,
    "verdicts-in-times": verdicts_in_times,
    "checkpoints": checkpoints,  # drawn from the exhibit hidden-errors/checkpoints
    "rates": rates,  # from hidden-errors/sweep
    "real-data": real_data,  # from hidden-errors/real-data
}
