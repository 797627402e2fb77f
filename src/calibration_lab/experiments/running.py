"""Run experiments: seeds in blocks, blocks over all cores, every result stored when it is whole."""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
from threadpoolctl import threadpool_limits
from tqdm import tqdm

from calibration_lab import experiments, results
from calibration_lab.results import Result
from calibration_lab.results.source import source_digest

UNIT = "seed"
THREADS = ("OMP", "OPENBLAS", "MKL", "VECLIB_MAXIMUM", "NUMEXPR")  # ..._NUM_THREADS


class ExperimentFailedError(RuntimeError):
    """One or more experiments raised an error; the message holds every traceback."""


@dataclass(frozen=True)
class Block:
    """Some seeds of one experiment, run together by one worker."""

    name: str
    module: str
    config: Any
    seeds: tuple[int, ...]
    source: str  # digest that the worker has to find


@dataclass(frozen=True)
class Outcome:
    """What a worker hands back for one block: its tables, or a traceback."""

    name: str
    seeds: tuple[int, ...]
    tables: Mapping[str, pd.DataFrame]
    cpu_seconds: float
    began: float  # seconds since the epoch
    ended: float
    failure: str = ""


def run_all(
    names: Iterable[str],
    *,
    configs: Mapping[str, Any] | None = None,
    seeds: Mapping[str, Sequence[int]] | None = None,
    folder: Path | None = None,
    jobs: int | None = None,
    fresh: bool = False,
    progress: bool = False,
) -> dict[str, Result]:
    """Run several experiments in one pool of workers; store and return their results.

    An experiment whose result is current is not run. Blocks have a fixed size and every worker
    uses one thread, so that results do not depend on how many workers there are.

    Parameters
    ----------
    names : iterable of str
        Names in the registry.
    configs, seeds : mapping from name, optional
        Config and seeds of those that are not to have the published ones.
    folder : Path, optional
        Where results are stored, by default `results.results_folder`.
    jobs : int, optional
        Workers, by default one for each core. They are joblib's: inside
        ``joblib.parallel_config(backend=...)`` they are of that kind.
    fresh : bool
        Run also what is current.
    progress : bool
        Tell progress on standard error: a bar on a terminal, plain lines elsewhere.

    Returns
    -------
    dict from name to Result
        In the order of `names`, read back from the store.

    Raises
    ------
    ValueError
        If a name is unknown, a config is not of the experiment's own kind, or seeds are not
        different integers >= 0.
    ExperimentFailedError
        When all others are done, if any experiment raised or misses what it needs from outside;
        at once, if a worker process died.
    """
    folder = folder or results.results_folder()
    asked = {name: (configs or {}).get(name) for name in names}
    chosen = {
        name: experiments.sorted_seeds((seeds or {}).get(name, experiments.get(name).seeds))
        for name in asked
    }
    finished: dict[str, Result] = {}
    failures: dict[str, str] = {}
    blocks: list[Block] = []
    for name, config in asked.items():
        stored = None if fresh else experiments.own(name, config, chosen[name], folder)
        if stored is not None:
            finished[name] = stored
        elif reason := experiments.missing(name):
            failures[name] = reason
        else:
            blocks += _blocks(name, config, chosen[name])

    waiting = {name: [b for b in blocks if b.name == name] for name in asked}
    outcomes: dict[str, list[Outcome]] = {name: [] for name in asked}
    with _one_thread_each(), contextlib.closing(_Progress(blocks, progress)) as told:
        pool = joblib.Parallel(
            -1 if jobs is None else jobs, return_as="generator_unordered", batch_size=1
        )
        due = (joblib.delayed(run_block)(block) for block in blocks if block.name not in failures)
        for outcome in _outcomes(pool(due)):
            name = outcome.name
            told.step(outcome)
            if outcome.failure:
                failures.setdefault(name, outcome.failure)
            outcomes[name].append(outcome)
            if len(outcomes[name]) < len(waiting[name]) or name in failures:
                continue
            try:
                finished[name] = _store(waiting[name][0], chosen[name], outcomes[name], folder)
            except (OSError, ValueError):
                # no room or no right to write; or tables that do not fit together or into a CSV
                failures[name] = traceback.format_exc()
    if failures:
        raise ExperimentFailedError(
            "\n".join(f"{name} failed:\n{text}" for name, text in failures.items())
        )
    return {name: finished[name] for name in asked}


def _outcomes(pool: Iterator[Outcome]) -> Iterator[Outcome]:
    try:
        yield from pool
    except BrokenProcessPool as error:
        reason = "a worker process was ended from outside, perhaps for want of memory"
        raise ExperimentFailedError(f"{reason}; run again, with fewer jobs") from error


def _blocks(name: str, config: Any, seeds: tuple[int, ...]) -> list[Block]:
    experiment = experiments.get(name)
    source = source_digest(experiment.module)
    loaded = _module(experiment.module, source)
    config = loaded.Config() if config is None else config
    if not isinstance(config, loaded.Config):
        raise ValueError(f"config of {name} must be a Config of {experiment.module}, got {config}")
    size = experiment.block
    parts = [seeds[start : start + size] for start in range(0, len(seeds), size)]
    return [Block(name, experiment.module, config, part, source) for part in parts]


def _module(name: str, source: str) -> Any:
    """Import an experiment's module, unless this process holds an older state of its source."""
    loaded, noted = experiments.import_noted(name)
    if noted != source:
        raise RuntimeError(f"the source of {name} changed after it was imported; start Python anew")
    return loaded


def run_block(block: Block) -> Outcome:
    """Run one block in a worker, on one thread; an error comes back as its traceback."""
    tables: dict[str, pd.DataFrame] = {}
    failure, cpu_seconds, began = "", 0.0, time.time()
    try:
        loaded = _module(block.module, block.source)
        if "torch" in sys.modules:
            sys.modules["torch"].set_num_threads(1)
        # a worker process computes on its main thread; a worker thread has a clock of its own
        alone = threading.current_thread() is threading.main_thread()
        clock = time.process_time if alone else time.thread_time
        with threadpool_limits(limits=1):
            before = clock()
            tables = loaded.run(block.config, block.seeds)
            cpu_seconds = clock() - before
        _check(tables, block.seeds)
    except Exception:
        failure = traceback.format_exc()
    return Outcome(block.name, block.seeds, tables, cpu_seconds, began, time.time(), failure)


def _check(tables: Any, seeds: tuple[int, ...]) -> None:
    kinds = {k: type(v).__name__ for k, v in tables.items()} if isinstance(tables, dict) else tables
    if not isinstance(kinds, dict) or not kinds or set(kinds.values()) != {"DataFrame"}:
        raise ValueError(f"run must return a dict of DataFrames, got {kinds!r}")
    with_units = {name: set(frame[UNIT]) for name, frame in tables.items() if UNIT in frame}
    if not with_units:
        raise ValueError(f"run must return a table with a {UNIT!r} column, got {list(tables)}")
    for name, found in with_units.items():
        if found != set(seeds):
            raise ValueError(
                f"run was given the seeds {sorted(seeds)}, its table {name!r} holds {sorted(found)}"
            )


def combine(parts: Sequence[Mapping[str, pd.DataFrame]]) -> dict[str, pd.DataFrame]:
    """Join the tables of several blocks, in an order that does not depend on the blocks.

    Rows are sorted by seed, then by the columns that are not measured: all but those of floats.
    A table without a seed column must be the same in every block, and is kept once.

    Raises
    ------
    ValueError
        If the blocks return different tables, or a table without seeds differs between them.
    """
    if any(list(part) != list(parts[0]) for part in parts):
        names = [list(part) for part in parts]
        raise ValueError(f"run must return the same tables for all seeds, got {names}")
    joined = {}
    for name, first in parts[0].items():
        frames = [part[name].reset_index(drop=True) for part in parts]
        if UNIT not in first.columns:
            if not all(frame.equals(frames[0]) for frame in frames):
                raise ValueError(f"table {name!r} has no {UNIT!r} column but differs between seeds")
            joined[name] = frames[0]
            continue
        whole = pd.concat([f for f in frames if len(f)] or frames[:1], ignore_index=True)
        factors = [c for c in whole.columns if c != UNIT and whole[c].dtype.kind != "f"]
        joined[name] = whole.sort_values([UNIT, *factors], kind="stable", ignore_index=True)
    return joined


def _store(
    block: Block, seeds: tuple[int, ...], outcomes: Iterable[Outcome], folder: Path
) -> Result:
    parts = sorted(outcomes, key=lambda outcome: outcome.seeds)
    about = results.provenance(
        block.name,
        block.config,
        seeds,
        key=experiments.key(block.name, block.config, seeds),
        source=block.source,
        cpu_seconds=sum(part.cpu_seconds for part in parts),
        wall_seconds=max(part.ended for part in parts) - min(part.began for part in parts),
    )
    path = results.write(folder, about, combine([part.tables for part in parts]))
    about, tables = results.read(path)
    origin = f"computed on this machine on {about.date}"
    return Result(block.name, tables, about, origin, block.source == source_digest(block.module))


@contextlib.contextmanager
def _one_thread_each() -> Iterator[None]:
    """Tell numerical libraries of workers that start meanwhile to use one thread each."""
    names = [f"{library}_NUM_THREADS" for library in THREADS]
    before = {name: os.environ.get(name) for name in names}
    torch = sys.modules.get("torch")
    threads = torch.get_num_threads() if torch else 0
    os.environ.update(dict.fromkeys(names, "1"))
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
        if torch:  # blocks that ran in this process had set it to one
            torch.set_num_threads(threads)


class _Progress:
    """How far a run is, on standard error: a bar on a terminal, plain lines elsewhere."""

    def __init__(self, blocks: Sequence[Block], shown: bool) -> None:
        self.total, self.done, self.began = len(blocks), 0, time.time()
        self.shown = shown and bool(blocks)
        bar = self.shown and sys.stderr.isatty()
        self.bar = tqdm(total=self.total, unit="block") if bar else None

    def step(self, outcome: Outcome) -> None:
        self.done += 1
        which = f"{outcome.name}, seeds {outcome.seeds[0]} to {outcome.seeds[-1]}"
        if self.bar is not None:
            self.bar.set_description(which, refresh=False)
            self.bar.update()
        elif self.shown:
            word = "failed" if outcome.failure else "done"
            seconds = time.time() - self.began
            line = f"[{self.done} of {self.total}] {which}: {word}, {seconds:.0f} s"
            print(line, file=sys.stderr, flush=True)

    def close(self) -> None:
        if self.bar is not None:
            self.bar.close()
