"""Does the book reproduce: the published seeds again, and a block of seeds nobody has looked at.

The published seeds have to give the verdicts of the shipped record exactly. Effects may move by
:data:`TOLERANCE` of their interval's half-width, because another processor or another build of a
numerical library rounds otherwise, and training carries a rounding on; exact tests may not move.
Verification seeds then ask whether a verdict belongs to the claim or to the published draw. A
statement near its threshold will sometimes fail to be decided again; none should turn round.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from calibration_lab import experiments, results
from calibration_lab.experiments.running import run_all
from calibration_lab.statements import INCONCLUSIVE, Judgement

__all__ = ["TOLERANCE", "VERIFICATION", "Comparison", "verify"]

TOLERANCE = 0.5  # of the half-width of the recorded interval
VERIFICATION = 100_000  # first of the seeds that are never looked at while an experiment is made
ROUNDING = 1e-9  # of an exact test

Outcome = Literal["same", "undecided now", "decided now", "reversed", "moved"]


@dataclass(frozen=True)
class Comparison:
    """One statement, judged once by the shipped record and once anew.

    ``seeds`` says on which seeds: "published" or "verification". ``outcome`` is "same"; "undecided
    now" or "decided now" where one of the two verdicts is inconclusive; "reversed" where supported
    became refuted or the reverse; "moved" where, on published seeds, the verdict is the same but
    the effect is not within tolerance.
    """

    seeds: Literal["published", "verification"]
    recorded: Judgement
    found: Judgement

    @property
    def outcome(self) -> Outcome:
        """How the two judgements compare."""
        before, now = self.recorded.verdict, self.found.verdict
        if before != now:
            if INCONCLUSIVE in (before, now):
                return "undecided now" if now == INCONCLUSIVE else "decided now"
            return "reversed"
        return "moved" if self.seeds == "published" and self.moved > 1 else "same"

    @property
    def moved(self) -> float:
        """How far the effect moved, in units of what is tolerated (0: not at all)."""
        interval = self.recorded.interval
        allowed = ROUNDING
        if interval is not None:
            allowed = max(TOLERANCE * (interval.high - interval.low) / 2, ROUNDING)
        return abs(self.found.effect - self.recorded.effect) / allowed

    @property
    def fails(self) -> bool:
        """Whether this tells against the book: any change on published seeds, or a reversal."""
        return self.outcome == "reversed" or (self.seeds == "published" and self.outcome != "same")


def verify(
    names: Iterable[str],
    *,
    folder: Path | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    progress: bool = False,
) -> list[Comparison]:
    """Run experiments again, on published and on verification seeds, and compare all verdicts.

    Parameters
    ----------
    names : iterable of str
        Names in the registry; each needs a shipped record.
    folder : Path, optional
        Where the runs are kept, by default ``verify`` beside this machine's results. A run that
        was interrupted goes on with what is missing.
    jobs, fresh, progress
        As in `running.run_all`; without ``fresh``, earlier runs in `folder` are taken if current.

    Returns
    -------
    list of Comparison
        Statement by statement, those on published seeds first.

    Raises
    ------
    NoResultError
        If an experiment has no shipped record; nothing is run then.
    ExperimentFailedError
        If an experiment raised.
    """
    names = list(names)
    folder = folder or results.results_folder().with_name("verify")
    records = {name: experiments.shipped(name) for name in names}
    for name, record in records.items():
        if record is None:
            raise experiments.NoResultError(f"{name} has no shipped record to compare with")
    unseen = {
        name: range(VERIFICATION, VERIFICATION + len(experiments.get(name).seeds)) for name in names
    }
    how: dict[str, Any] = {"folder": folder, "jobs": jobs, "fresh": fresh, "progress": progress}
    again, beyond = run_all(names, **how), run_all(names, seeds=unseen, **how)
    compared = []
    for name in names:
        recorded = experiments.judgements(name, records[name])
        for kind, run in (("published", again[name]), ("verification", beyond[name])):
            found = experiments.judgements(name, run)
            compared += [
                Comparison(kind, before, now)  # type: ignore[arg-type]
                for before, now in zip(recorded, found, strict=True)
            ]
    return sorted(compared, key=lambda one: one.seeds)
