"""Numbers of the headline run that statements, prose and figures take from its tables."""

from __future__ import annotations

from calibration_lab.statements import Measured

__all__ = [
    "DOMAINS", "QUANTITIES", "REMEDIES", "SIGNED", "bounded", "cut", "done", "found", "kept",
    "paired", "recalibrated", "sets", "sliced",
]  # fmt: skip

DOMAINS = ("triage", "law", "finance")
REMEDIES = ("balanced", "worst-group", "harm-weighted", "train-twice")
TRAINED = ("plain", *REMEDIES, "explicit", "absent", "noisy")
STOPS = ("early", "late")
SIGNED = ("conservative_bias", "salience_adjusted_gain", "correlation")  # between -1 and 1
UNBOUNDED = {
    "lift", "nll", "harm", "harm_at_80", "harm_after", "size", "tail_size", "inverse_temperature",
    "random_lift",
}  # fmt: skip


def done(measure: str, domain: str, arm: str = "plain", stop: str = "early") -> Measured:
    """A measure of an arm's answers; the tail's begin with ``tail_``."""
    return Measured(measure, "outcomes", domain=domain, arm=arm, stop=stop)


def sliced(
    measure: str, domain: str, name: str, arm: str = "plain", stop: str = "early"
) -> Measured:
    """A measure of one slice of the cases."""
    return Measured(measure, "slices", domain=domain, slice=name, arm=arm, stop=stop)


def recalibrated(
    measure: str, domain: str, fitted: str, arm: str = "plain", stop: str = "early"
) -> Measured:
    """A measure after temperature scaling: fitted "none", "pooled" or "own"."""
    return Measured(measure, "temperature", domain=domain, fitted=fitted, arm=arm, stop=stop)


def sets(measure: str, domain: str, kind: str, arm: str = "plain", stop: str = "early") -> Measured:
    """A measure of conformal sets, "marginal" or by "group"."""
    return Measured(measure, "conformal", domain=domain, kind=kind, arm=arm, stop=stop)


def kept(measure: str, domain: str, coverage: float, stop: str = "early") -> Measured:
    """A measure of answering only the most confident cases of the plain arm."""
    return Measured(measure, "selective", domain=domain, coverage=coverage, arm="plain", stop=stop)


def found(
    measure: str, domain: str, method: str = "pairs", arm: str = "plain", stop: str = "early"
) -> Measured:
    """A measure of a search for a hidden slice."""
    return Measured(measure, "discovery", domain=domain, method=method, arm=arm, stop=stop)


def paired(measure: str, domain: str, arm: str = "plain", stop: str = "early") -> Measured:
    """A measure on minimal pairs."""
    return Measured(measure, "pairs", domain=domain, arm=arm, stop=stop)


def cut(measure: str, domain: str, at: float, stop: str = "early") -> Measured:
    """A measure of the plain arm's confident errors, at a cut-off of confidence."""
    return Measured(measure, "cutoffs", domain=domain, cut=at, arm="plain", stop=stop)


def bounded(
    quantities: dict[str, Measured],
) -> dict[str, tuple[Measured, str, tuple[float, float] | None]]:
    """Quantities with a unit and the bounds that figures draw them with."""
    told: dict[str, tuple[Measured, str, tuple[float, float] | None]] = {}
    for key, value in quantities.items():
        low = -1.0 if value.measure in SIGNED else 0.0
        bounds = None if value.measure in UNBOUNDED else (low, 1.0)
        told[key] = (value, "", bounds)
    return told


def named(table: str, *parts: object) -> str:
    """Key of a quantity: "hidden-errors/..." with hyphens."""
    return "/".join([f"hidden-errors/{table}", *(str(part).replace("_", "-") for part in parts)])


OUTCOMES = (
    "accuracy", "ece", "brier", "nll", "auroc", "aurc", "harm", "confident", "confident_error_rate",
    "tail_rate", "tail_accuracy", "tail_ece", "tail_error_confidence", "other_error_confidence",
    "tail_confident", "share", "lift", "harm_at_80",
)  # fmt: skip

# Keys are "hidden-errors/<table>/<measure>/<domain>/<what>/<stop>".
QUANTITIES: dict[str, Measured] = {
    **{
        named("outcomes", m, d, arm, stop): done(m, d, arm, stop)
        for m in OUTCOMES for d in DOMAINS for arm in TRAINED for stop in STOPS
    },
    **{
        named("outcomes", m, d, "plain", "start"): done(m, d, "plain", "start")
        for m in OUTCOMES for d in DOMAINS
    },
    **{
        named("slices", m, d, name, stop): sliced(m, d, name, stop=stop)
        for m in ("cases", "accuracy", "ece", "error_confidence", "share", "lift")
        for d in DOMAINS
        for name in ("tail", "undecided", "agreeing", "stated", "random", "rest") for stop in STOPS
    },
    **{
        named("temperature", m, d, arm, fitted, stop): recalibrated(m, d, fitted, arm, stop)
        for m in ("inverse_temperature", "ece", "brier", "tail_ece", "tail_error_confidence")
        for d in DOMAINS for arm in ("plain", "noisy", "absent")
        for fitted in ("none", "pooled", "own") for stop in STOPS
    },
    **{
        named("conformal", m, d, kind, stop): sets(m, d, kind, stop=stop)
        for m in ("coverage", "tail_coverage", "rest_coverage", "size", "tail_size")
        for d in DOMAINS for kind in ("marginal", "group") for stop in STOPS
    },
    **{
        named("selective", m, d, coverage, stop): kept(m, d, coverage, stop)
        for m in ("risk", "harm", "tail_kept") for d in DOMAINS
        for coverage in (1.0, 0.9, 0.8, 0.5) for stop in STOPS
    },
    **{
        named("discovery", m, d, method, arm, stop): found(m, d, method, arm, stop)
        for m in ("flagged", "precision", "recall", "harm", "harm_after") for d in DOMAINS
        for method, arm, stop in (
            ("pairs", "plain", "early"), ("pairs", "plain", "late"), ("tree", "plain", "early"),
            ("pairs", "absent", "early"),
        )
    },
    **{
        named("pairs", m, d, arm, stop): paired(m, d, arm, stop)
        for m in ("active", "removed", "explicit", "salient", "conservative_bias",
                  "salience_adjusted_gain", "paired_accuracy", "adjusted_score")
        for d in DOMAINS for arm in (*TRAINED, "always-escalate") for stop in STOPS
    },
    **{
        named("cutoffs", m, d, at, stop): cut(m, d, at, stop)
        for m in ("share", "lift", "tail_confident", "error_rate") for d in DOMAINS
        for at in (0.6, 0.7, 0.8, 0.9, 0.95, 0.98) for stop in STOPS
    },
}  # fmt: skip
