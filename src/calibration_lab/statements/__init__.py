"""Judgement of declared statements: written rules that turn results into a verdict.

A `Statement` says what is measured, on which arms, which unit varies, the kind of test with its
threshold, how many units, and its controls. `judge` follows written rules at 95 % confidence and
answers *supported*, *refuted* or *inconclusive*; nothing about a verdict is typed by hand.

A control is itself a judged statement with a margin of its own: "not significant" is not "null".
A control that is refuted or inconclusive caps its parent at inconclusive, whichever way the
parent went.

Everything that declares, judges and checks a statement can be imported from here.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from calibration_lab.statements.declarations import (
    Control,
    Statement,
    check_declaration,
    declaration_digest,
    parts_of,
    read_ledger,
    with_declaration,
)
from calibration_lab.statements.kinds import (
    INCONCLUSIVE,
    REFUTED,
    SUPPORTED,
    AllOf,
    AtLeast,
    Detects,
    Equivalent,
    Exact,
    Law,
    Part,
)
from calibration_lab.statements.measured import (
    Computed,
    Difference,
    Measured,
    Tables,
    Value,
    clusters,
    rows_of,
    unit_labels,
)
from calibration_lab.statements.runs import DeclaredOn
from calibration_lab.uncertainty import estimate_mean, estimate_statistic, holm, share_interval
from calibration_lab.uncertainty.confidence_limits import Estimate, Interval

__all__ = [
    "INCONCLUSIVE",
    "REFUTED",
    "SUPPORTED",
    "AllOf",
    "AtLeast",
    "Computed",
    "Control",
    "DeclaredOn",
    "Detects",
    "Difference",
    "Equivalent",
    "Exact",
    "Judgement",
    "Law",
    "Measured",
    "Statement",
    "Tables",
    "Value",
    "check_declaration",
    "declaration_digest",
    "holm_verdicts",
    "judge",
    "read_ledger",
    "rows_of",
    "with_declaration",
]

LEVEL = 0.95
LAW_RESAMPLES = 1999  # a law calls Python once per resample


@dataclass(frozen=True)
class Judgement:
    """What the rules say about one statement, and everything needed to see why.

    verdict, reason : str          The reason is "" when supported.
    effect : float                 Mean, statistic or largest deviation (of the weakest part).
    interval : Interval or None    None for exact tests.
    threshold : float              Threshold, margin or tolerance.
    region : (float, float)        True values for which the statement holds (for a `Detects`,
                                   those it must stay out of).
    units : int                    Independent units that were judged.
    share : Interval or None       Share of units with the sign of the effect.
    p_value : float                Two-sided; nan for exact tests and undefined intervals.
    smallest_detectable : float    Smallest true effect shown with 80 % power: for `AtLeast` above
                                   the threshold, for the others away from zero or prediction.
    """

    key: str
    text: str
    truth: str
    kind: str
    unit: str
    verdict: str
    reason: str
    effect: float
    interval: Interval | None
    threshold: float
    region: tuple[float, float]
    units: int
    share: Interval | None = None
    p_value: float = np.nan
    smallest_detectable: float = np.nan
    controls: tuple[Judgement, ...] = ()
    parts: tuple[Judgement, ...] = ()
    amended: str = ""
    measured: str = ""

    def to_dict(self) -> dict[str, Any]:
        """Return plain values for JSON; what is undefined or infinite becomes None."""
        interval, share = self.interval, self.share
        return {
            "key": self.key,
            "text": self.text,
            "truth": self.truth,
            "kind": self.kind,
            "unit": self.unit,
            "seeds": self.units,
            "measured": self.measured,
            "verdict": self.verdict,
            "reason": self.reason,
            "effect": _plain(self.effect),
            "interval": None if interval is None else [_plain(interval.low), _plain(interval.high)],
            "level": None if interval is None else interval.level,
            "method": "" if interval is None else interval.method,
            "threshold": _plain(self.threshold),
            "region": [_plain(edge) for edge in self.region],
            "share": None
            if share is None
            else [_plain(share.estimate), _plain(share.low), _plain(share.high)],
            "p_value": _plain(self.p_value),
            "smallest_detectable": _plain(self.smallest_detectable),
            "controls": [control.to_dict() for control in self.controls],
            "parts": [part.to_dict() for part in self.parts],
            "amended": self.amended,
        }

    def __str__(self) -> str:
        because = f" ({self.reason})" if self.reason else ""
        limits = ""
        if self.interval is not None:
            limits = f" [{self.interval.low:.3g}, {self.interval.high:.3g}], p = {self.p_value:.2g}"
            limits += f", smallest detectable {self.smallest_detectable:.3g}"
        outcome = f"{self.key}: {self.verdict}{because}; {self.kind}"
        return f"{outcome}; {self.effect:.3g}{limits}; {self.units} {self.unit}s"


def judge(
    statement: Statement, tables: Tables, *, resamples: int = 9999, seed: int = 0
) -> Judgement:
    """Judge a statement and its controls on the tables of a result.

    The same declaration, tables, resamples and seed give the same judgement.

    Raises ValueError if the tables lack what is declared, or a value leaves the declared bounds.
    """
    own = _judge_all(statement, tables, resamples, seed)
    declared = statement.positive_controls() + statement.controls
    controls = tuple(judge(control, tables, resamples=resamples, seed=seed) for control in declared)
    own = replace(own, controls=controls, amended=statement.amended)
    failed = [control for control in controls if control.verdict != SUPPORTED]
    if not failed or own.verdict == INCONCLUSIVE:
        return own
    named = "; ".join(f"{c.key} is {c.verdict} ({c.reason})" for c in failed)
    return replace(own, verdict=INCONCLUSIVE, reason=f"{own.verdict} alone, but control {named}")


def _judge_all(statement: Statement, tables: Tables, resamples: int, seed: int) -> Judgement:
    tests = parts_of(statement.test)
    level = 1 - (1 - LEVEL) / len(tests)  # Bonferroni
    parts = [_judge_part(statement, test, tables, level, resamples, seed) for test in tests]
    if not isinstance(statement.test, AllOf):
        return parts[0]
    worst = next(
        v for v in (REFUTED, INCONCLUSIVE, SUPPORTED) if any(p.verdict == v for p in parts)
    )
    # The weakest part: the surest refutation, or else the part that is least sure.
    chosen = [part for part in parts if part.verdict == worst]
    weakest = min(chosen, key=_doubt) if worst == REFUTED else max(chosen, key=_doubt)
    return replace(
        weakest,
        key=statement.key,
        text=statement.text,
        kind=statement.test.kind,
        measured=str(statement.test),
        reason=f"part {parts.index(weakest) + 1} of {len(parts)}: {weakest.reason}"
        if weakest.reason
        else "",
        p_value=float(np.minimum(1.0, len(tests) * weakest.p_value)),  # nan stays nan
        parts=tuple(
            replace(part, key=f"{statement.key}/part-{i}", text=str(test))
            for i, (part, test) in enumerate(zip(parts, tests, strict=True), start=1)
        ),
    )


def _doubt(part: Judgement) -> tuple[float, float]:
    """How unsure a verdict is: its p-value, and at equal p the closeness to an edge."""
    if np.isnan(part.p_value) or part.interval is None:
        return (2.0 if part.verdict == INCONCLUSIVE else -1.0), 0.0
    width = part.interval.high - part.interval.low
    return part.p_value, -min(abs(part.effect - edge) for edge in part.region) / width


def _judge_part(
    statement: Statement, test: Part, tables: Tables, level: float, resamples: int, seed: int
) -> Judgement:
    judgement = Judgement(
        key=statement.key,
        text=statement.text,
        truth=statement.truth,
        kind=test.kind,
        unit=statement.unit,
        verdict=INCONCLUSIVE,
        reason="",
        effect=np.nan,
        interval=None,
        threshold=test.threshold,
        region=test.region,
        units=0,
        measured=str(test).removesuffix(f": {test.kind}"),
    )
    if isinstance(test, Law):
        estimate, count = _estimate_law(statement, test, tables, level, resamples, seed)
    else:
        values = test.value.values(tables, statement.unit, statement.undefined)
        group = _groups(statement, tables, values.index.to_numpy())
        count, undefined = len(np.unique(group)), int(values.isna().sum())
        if undefined:
            reason = f"{undefined} of {len(values)} values are undefined"
            return replace(judgement, units=count, reason=reason)
        if isinstance(test, Exact):
            return _judge_exact(statement, test, judgement, float(values.abs().max()), count)
        estimate = estimate_mean(
            values,
            bounds=test.bounds or statement.bounds,
            cluster=group if statement.cluster else None,
            test_fraction=statement.test_fraction,
            resamples=resamples,
            seed=seed,
        )
        if statement.unit != "split":  # splits share their data: a count of them is no sample
            averages = values.groupby(group).mean() if statement.cluster else values
            share = _share_with_sign(averages.to_numpy(), estimate.estimate)
            judgement = replace(judgement, share=share)
    interval = estimate.interval(level)
    verdict, reason = test.verdict(interval)
    if count < statement.units:
        verdict, reason = INCONCLUSIVE, _too_few(count, statement)
    return replace(
        judgement,
        verdict=verdict,
        reason=reason,
        effect=estimate.estimate,
        interval=interval,
        units=count,
        p_value=test.p_value(estimate),
        smallest_detectable=estimate.smallest_detectable_effect(level)
        + (test.threshold if isinstance(test, AtLeast) else 0.0),
    )


def _estimate_law(
    statement: Statement, law: Law, tables: Tables, level: float, resamples: int, seed: int
) -> tuple[Estimate, int]:
    labels = unit_labels(tables, law.table, statement.unit)
    group = _groups(statement, tables, labels)
    repeats = min(resamples, LAW_RESAMPLES) * (1 - LEVEL) / (1 - level)  # as many in each tail
    named = dict(law.arguments)
    estimate = estimate_statistic(
        labels,
        lambda drawn: law.statistic(tables, drawn, **named),
        bounds=law.bounds or statement.bounds,
        cluster=group,
        resamples=round(repeats),
        seed=seed,
    )
    return estimate, len(np.unique(group))


def _judge_exact(
    statement: Statement, test: Exact, judgement: Judgement, largest: float, count: int
) -> Judgement:
    verdict, reason = SUPPORTED, ""
    if count < statement.units:
        verdict, reason = INCONCLUSIVE, _too_few(count, statement)
    elif not largest <= test.tolerance:
        verdict, reason = REFUTED, "a deviation exceeds the tolerance"
    return replace(judgement, verdict=verdict, reason=reason, effect=largest, units=count)


def holm_verdicts(judgements: Iterable[Judgement]) -> dict[str, tuple[float, str]]:
    """Holm-adjusted p-value and verdict of each statement, by key.

    The family is the judgements given. Exact tests involve no sampling: they are never counted and
    keep their verdict. A statement whose interval is undefined counts with p = 1.

    Source: Holm, Scandinavian Journal of Statistics 6, 1979.
    """
    judged = list(judgements)
    adjusted = holm([_counted_p(one) for one in judged])
    return {
        one.key: (float(p), INCONCLUSIVE if p > 1 - LEVEL else one.verdict)
        for one, p in zip(judged, adjusted, strict=True)
    }


def _counted_p(one: Judgement) -> float:
    """P-value that counts in a family; nan for one that does not."""
    exact = all(part.kind.startswith("exact ") for part in one.parts or (one,))
    undefined = np.isnan(one.p_value) and one.verdict == INCONCLUSIVE
    return 1.0 if undefined and not exact else one.p_value


def _groups(
    statement: Statement, tables: Tables, labels: np.ndarray[Any, Any]
) -> np.ndarray[Any, Any]:
    if not statement.cluster:
        return labels
    return clusters(tables, statement.unit, statement.cluster, labels)


def _share_with_sign(averages: np.ndarray[Any, Any], effect: float) -> Interval | None:
    if effect == 0:
        return None
    return share_interval(int(np.sum(averages * np.sign(effect) > 0)), len(averages), level=LEVEL)


def _too_few(count: int, statement: Statement) -> str:
    return f"too few units: {count} of the {statement.units} declared"


def _plain(number: float) -> float | None:
    return float(number) if np.isfinite(number) else None
