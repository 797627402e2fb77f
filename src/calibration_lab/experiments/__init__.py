"""The experiments: where they are listed, how they are run, and where their results are found.

To add an experiment, add one line to the list below. Its module exposes ``Config``, a frozen
dataclass whose defaults are the published run, and ``run(config, seeds)``, which returns tidy
tables with a ``seed`` column; ``statements.py`` beside it declares what is claimed of them.
"""

from __future__ import annotations

import dataclasses
import importlib
import sys
import warnings
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from calibration_lab import results
from calibration_lab.results import Result, UnreadableResultError, UnreadableResultWarning
from calibration_lab.results.source import source_digest

if TYPE_CHECKING:  # every experiment imports this package first, and none of them judges
    from calibration_lab.statements import Judgement, Statement


@dataclass(frozen=True)
class Experiment:
    """One line of the registry.

    ``name`` is the page's name, or ``page/exhibit``; ``seeds`` are those of the published run;
    ``block`` is how many of them one worker runs together: all, where each worker would hold a
    large model. A headline experiment runs with ``make book``; a confirmation runs by its own
    command and is shipped as a record.
    """

    name: str
    tier: Literal["headline", "confirmation"]
    seeds: Sequence[int]
    block: int = 8
    module: str = ""  # by default the exhibit's module in the folder that the name points to

    def __post_init__(self) -> None:
        if not self.module:
            folder, _, exhibit = self.name.replace("-", "_").partition("/")
            module = f"{__name__}.{folder}.{exhibit or 'experiment'}"
            object.__setattr__(self, "module", module)

    @property
    def exhibit(self) -> str:
        """What statements call this experiment's tables: "" for the headline run."""
        return self.name.partition("/")[2]


EXPERIMENTS: dict[str, Experiment] = {
    experiment.name: experiment
    for experiment in (
        Experiment("measuring-calibration", "headline", range(1000, 1032)),
        Experiment("binary-reward", "headline", range(1100, 1132)),
        Experiment("binary-reward/transformer", "confirmation", range(1000, 1016)),
        Experiment("binary-reward/sweep", "confirmation", range(1200, 1216)),
        Experiment("binary-reward/speed", "confirmation", range(1000, 1008)),
        Experiment("sft-shortcut", "headline", range(1000, 1016)),
        Experiment("sft-shortcut/reinforcement", "confirmation", range(1000, 1016)),
        Experiment("sft-shortcut/sensitivity", "confirmation", range(1000, 1016)),
        Experiment("temperature-zero", "headline", range(1000, 1032)),
        Experiment("temperature-zero/language-model", "headline", range(1000, 1100), block=100),
        Experiment("temperature-zero/full-grid", "confirmation", range(1200, 1260), block=60),
    )
}

LEDGER = "declarations.json"  # beside the records: what was declared before each was published
State = Literal["current", "stale", "record only", "unreadable", "none"]

_imported: dict[str, str] = {}  # source digest of each experiment's module before its import


class NoResultError(LookupError):
    """There is no result to show: neither a current run on this machine nor a shipped record."""


def get(name: str) -> Experiment:
    """Registry line of an experiment.

    Raises
    ------
    ValueError
        If there is no such experiment; the message lists those there are.
    """
    if name not in EXPERIMENTS:
        raise ValueError(f"no experiment is called {name!r}; there are {', '.join(EXPERIMENTS)}")
    return EXPERIMENTS[name]


def module(name: str) -> Any:
    """Import an experiment's module: its ``Config`` and ``run``.

    The state of its source is noted: code that was edited since is not run (see `import_noted`).
    """
    return import_noted(get(name).module)[0]


def missing(name: str) -> str:
    """Say what an experiment needs from outside and cannot get, in a sentence, or "".

    Its module may have a function ``missing`` that says so; it fetches what can be fetched, such as
    the weights of a model. Where something is missing, readers are shown the shipped record.
    """
    found = getattr(module(name), "missing", None)
    return found() if found else ""


def import_noted(path: str) -> tuple[Any, str]:
    """Import a module by its dotted name; return it and its source digest before the import.

    A module that was imported without this function is noted when it is first asked for here.
    """
    if path not in sys.modules or path not in _imported:
        _imported[path] = source_digest(path)
    return importlib.import_module(path), _imported[path]


def key(name: str, config: Any = None, seeds: Iterable[int] | None = None) -> str:
    """Key under which a run is stored: the bare name if config and seeds are the published ones."""
    experiment = get(name)
    chosen = sorted_seeds(experiment.seeds if seeds is None else seeds)
    published = list(chosen) == sorted(experiment.seeds)
    if config is None and published:  # the usual question, answered without importing PyTorch
        return results.result_key(name)
    default = module(name).Config()
    config = default if config is None else config
    if published and config == default:
        return results.result_key(name)
    return results.result_key(name, results.config_fields(config), chosen)


def sorted_seeds(seeds: Iterable[int]) -> tuple[int, ...]:
    """Seeds in ascending order.

    Raises
    ------
    ValueError
        If there are none, or one is negative or comes twice.
    """
    chosen = tuple(sorted(int(seed) for seed in seeds))
    if not chosen or chosen[0] < 0 or len(set(chosen)) < len(chosen):
        raise ValueError(f"seeds must be different integers >= 0, got {list(chosen)}")
    return chosen


def load(
    name: str,
    *,
    config: Any = None,
    seeds: Iterable[int] | None = None,
    folder: Path | None = None,
) -> Result:
    """Load an experiment's result: this machine's own run if current, else the shipped record.

    Parameters
    ----------
    name : str
        Name in the registry.
    config, seeds
        Fields and seeds of another run than the published one; no record is shipped of such.
    folder : Path, optional
        Folder of this machine's results, by default `results.results_folder`.

    Returns
    -------
    Result
        ``origin`` says where it comes from; ``current`` whether config, seeds and source are
        those of the code as it is now. Only a record can be other than current.

    Raises
    ------
    NoResultError
        If there is neither; the message names the command that computes it.
    """
    stem = key(name, config, seeds)
    _, own = _find(name, (folder or results.results_folder()) / f"{stem}.zip")
    if own is not None and own.current:
        return own
    _, shipped = _find(name, results.RECORD / f"{stem}.zip")
    if shipped is not None:
        changed = "no" if shipped.current else "yes"
        origin = f"recorded on {shipped.provenance.date}, source changed since: {changed}"
        return dataclasses.replace(shipped, origin=origin)
    why = f" (that of {own.provenance.date} is stale: the source changed since)" if own else ""
    options = "" if stem == results.result_key(name) else ", with the same fields and seeds"
    command = f"python -m calibration_lab run {name}{options}"
    raise NoResultError(f"no result of {name}{why}; run: {command}")


def _find(name: str, path: Path) -> tuple[State, Result | None]:
    try:
        provenance, tables = results.read(path)
        if provenance.experiment != name:
            raise UnreadableResultError(
                f"{path} is a result of {provenance.experiment!r}, not {name!r}"
            )
    except FileNotFoundError:
        return "none", None
    except UnreadableResultError as reason:
        warnings.warn(f"{reason}; it is passed over", UnreadableResultWarning, stacklevel=3)
        return "unreadable", None
    experiment = get(name)
    # the key vouches for the config: that of the published run, defaults, is part of the source
    published = provenance.key == results.result_key(name)
    same = not published or provenance.seeds == sorted_seeds(experiment.seeds)
    is_current = same and provenance.source == source_digest(experiment.module)
    origin = f"computed on this machine on {provenance.date}"
    found = Result(name, tables, provenance, origin, is_current)
    return ("current" if is_current else "stale"), found


def state(name: str, folder: Path | None = None) -> tuple[State, Result | None]:
    """Tell what the store holds of the published run, and which result readers are shown, if any.

    ``current``, ``stale`` and ``unreadable`` are said of this machine's own run; without one it is
    ``record only`` or ``none``.
    """
    own, _ = _find(name, (folder or results.results_folder()) / f"{results.result_key(name)}.zip")
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", UnreadableResultWarning)  # said a line above
            shown: Result | None = load(name, folder=folder)
    except NoResultError:
        shown = None
    return ("record only" if own == "none" and shown is not None else own), shown


def current(name: str, *, folder: Path | None = None, shipped: bool = False) -> bool:
    """Whether this machine's own published run is current.

    With ``shipped=True`` a shipped record whose source is unchanged will do as well.
    """
    found, shown = state(name, folder)
    return found == "current" or (shipped and shown is not None and shown.current)


def own(
    name: str, config: Any = None, seeds: Iterable[int] | None = None, folder: Path | None = None
) -> Result | None:
    """Load this machine's own run if it is current, else None; the shipped record is not asked."""
    path = (folder or results.results_folder()) / f"{key(name, config, seeds)}.zip"
    _, found = _find(name, path)
    return found if found is not None and found.current else None


def shipped(name: str) -> Result | None:
    """Load the record of the published run that came with the package, if there is one."""
    return _find(name, results.RECORD / f"{results.result_key(name)}.zip")[1]


def run(
    name: str,
    *,
    config: Any = None,
    seeds: Iterable[int] | None = None,
    folder: Path | None = None,
    jobs: int | None = None,
    fresh: bool = False,
) -> Result:
    """Run one experiment unless its result is current, store it, and return it.

    Parameters
    ----------
    name : str
        Name in the registry.
    config, seeds
        By default those of the published run.
    folder : Path, optional
        Folder of this machine's results, by default `results.results_folder`.
    jobs : int, optional
        Processes to use, by default one for each core.
    fresh : bool
        Compute even if the stored result is current.
    """
    from calibration_lab.experiments.running import run_all

    configs = {} if config is None else {name: config}
    chosen = {} if seeds is None else {name: tuple(seeds)}
    done = run_all([name], configs=configs, seeds=chosen, folder=folder, jobs=jobs, fresh=fresh)
    return done[name]


def statements(name: str) -> tuple[Statement, ...]:
    """Statements declared on the tables of one experiment or exhibit, in their order.

    Raises
    ------
    ValueError
        If a control stands among them: it is judged with the statement that it guards.
    """
    from calibration_lab.statements import Control

    experiment = get(name)
    beside = importlib.import_module(f"{experiment.module.rpartition('.')[0]}.statements")
    for one in beside.STATEMENTS:
        if isinstance(one, Control):
            raise ValueError(
                f"{one.key} is a Control; expected in the controls of a Statement, got it in "
                f"STATEMENTS of {beside.__name__}"
            )
    return tuple(one for one in beside.STATEMENTS if one.exhibit == experiment.exhibit)


def judgements(name: str, result: Result | None = None) -> list[Judgement]:
    """Judge the statements declared on one experiment or exhibit, by default on ``load(name)``.

    Raises
    ------
    NoResultError
        If there is no result to judge by.
    ValueError
        If a declaration differs from the one that was published, and does not say so.
    """
    from calibration_lab.statements import check_declaration, judge, read_ledger

    declared = statements(name)
    if not declared:
        return []
    judged_by = load(name) if result is None else result
    ledger = read_ledger(results.RECORD / LEDGER)
    for statement in declared:
        check_declaration(statement, ledger, judged_by.provenance.seeds)
    return [judge(statement, judged_by.tables) for statement in declared]


def record(result: Result) -> Path:
    """Make a current published result the record that is shipped, and enter its declarations.

    Returns the path of the record; the ledger of declarations lies beside it.

    Raises
    ------
    ValueError
        If the result is not the current published run, or a declaration differs from the one that
        was published and does not say so. Nothing is recorded then.
    RecordingInProgressError
        If another process is recording.
    """
    from calibration_lab.experiments import recording

    return recording.record(result)
