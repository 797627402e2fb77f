"""Make a published result the record that is shipped, and enter its declarations in the ledger."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
from collections.abc import Iterator
from pathlib import Path

from calibration_lab import experiments, results
from calibration_lab.results import Result
from calibration_lab.statements.declarations import ledger_text, read_ledger, with_declaration

LOCK = ".recording"  # beside the ledger, while it is read and written


class RecordingInProgressError(RuntimeError):
    """Another process is recording, or one was killed while it did."""


def record(result: Result) -> Path:
    """Make a current published result the record that is shipped: see `experiments.record`."""
    about, path = result.provenance, results.RECORD / experiments.LEDGER
    if about.key != results.result_key(result.name) or not result.current:
        raise ValueError(f"only the current published run of {result.name} can be its record")
    date = dt.date.fromisoformat(about.date)
    with _alone(results.RECORD / LOCK):
        before = ledger = read_ledger(path)
        for statement in experiments.statements(result.name):
            ledger = with_declaration(ledger, statement, about.seeds, date)
        # the ledger first: a record never lies there without the declarations it was judged by
        if ledger != before:
            results.write_atomically(path, ledger_text(ledger).encode())
        return results.write(results.RECORD, about, result.tables)


@contextlib.contextmanager
def _alone(lock: Path) -> Iterator[None]:
    """Hold a lock file, so that no other recording reads the ledger before this one wrote it."""
    lock.parent.mkdir(parents=True, exist_ok=True)
    try:
        os.close(os.open(lock, os.O_CREAT | os.O_EXCL | os.O_WRONLY))
    except FileExistsError:
        raise RecordingInProgressError(
            f"another recording is in progress; if none is, delete {lock}"
        ) from None
    try:
        yield
    finally:
        lock.unlink(missing_ok=True)
