"""What the pages may ask of the result store; each answer notes what the page then depends on."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Any

from calibration_lab import experiments
from calibration_lab.results import Result
from calibration_lab.site import inputs

if TYPE_CHECKING:
    from sphinx.environment import BuildEnvironment

    from calibration_lab.statements import Judgement


class MissingError(LookupError):
    """A page asks for something that the store does not have; the message names what is near."""


def missing(what: str, name: str, known: Iterable[str]) -> MissingError:
    """Make the error that says what is missing, and which names are near."""
    known = sorted(known)
    near = difflib.get_close_matches(name, known, n=3) or known[:8]
    listed = ", ".join(near) or "none at all"
    return MissingError(f"no {what} is called {name!r}; there is {listed}")


def experiment_of(key: str) -> str:
    """Name the experiment or exhibit whose name a key begins with, the longest that does.

    Raises
    ------
    MissingError
        If the key begins with no experiment's name.
    """
    found = [n for n in experiments.EXPERIMENTS if key == n or key.startswith(f"{n}/")]
    if not found:
        raise missing("experiment", key.split("/")[0], experiments.EXPERIMENTS)
    return max(found, key=len)


def headline_of(key: str) -> str:
    """Name the experiment of a key without its exhibit: statements are declared per experiment."""
    return experiment_of(key).split("/")[0]


@cache
def result(name: str) -> Result:
    """Load the published result of an experiment or exhibit.

    Raises
    ------
    MissingError
        If there is no such experiment, or no result of it.
    """
    if name not in experiments.EXPERIMENTS:
        raise missing("experiment", name, experiments.EXPERIMENTS)
    try:
        return experiments.load(name)
    except experiments.NoResultError as reason:
        raise MissingError(str(reason)) from None


@cache
def judgements(name: str) -> dict[str, Judgement]:
    """Judge all statements of an experiment, its exhibits' included, by key in declared order.

    Raises
    ------
    MissingError
        If there is no such experiment, or no result of it.
    """
    found = {}
    for exhibit in experiments.EXPERIMENTS:
        ours = exhibit == name or exhibit.startswith(f"{name}/")
        if ours and experiments.statements(exhibit):
            judged = experiments.judgements(exhibit, result(exhibit))
            found.update({one.key: one for one in judged})
    if not found:
        raise missing("experiment with statements", name, experiments.EXPERIMENTS)
    return found


def judgement(key: str) -> Judgement:
    """Look up one judged statement.

    Raises
    ------
    MissingError
        If there is none with this key.
    """
    found = judgements(headline_of(key))
    if key not in found:
        raise missing("statement", key, found)
    return found[key]


@cache
def holm(names: tuple[str, ...]) -> dict[str, str]:
    """Adjust the verdicts of all statements of some experiments together, after Holm, by key."""
    from calibration_lab.statements import holm_verdicts

    family = [judged for name in names for judged in judgements(name).values()]
    return {key: verdict for key, (_, verdict) in holm_verdicts(family).items()}


def beside(name: str, module: str) -> Any:
    """Import a module that lies beside an experiment's own: ``statements`` or ``figures``."""
    return import_module(f"{experiments.get(name).module.rpartition('.')[0]}.{module}")


def note_experiment(env: BuildEnvironment, key: str) -> None:
    """Have the page that is being read read again whenever the experiment changes.

    That is: whenever a stored result of it appears or changes, or the source of its declarations
    or figures does. A page that quotes an experiment that does not exist depends on nothing.
    """
    name = headline_of(key)
    for exhibit in experiments.EXPERIMENTS:
        if exhibit != name and not exhibit.startswith(f"{name}/"):
            continue
        modules = [inputs.module_file(module) for module in inputs.experiment_modules(exhibit)]
        for path in [*inputs.stored_files(exhibit), *modules]:
            if path is not None:
                env.note_dependency(_from(path, env.srcdir))


def _from(path: Path, folder: str | Path) -> str:
    """Path relative to a folder, or as it is where there is no way: on another drive."""
    try:
        return os.path.relpath(path, folder)
    except ValueError:
        return str(path)


def warn(message: str, location: Any) -> None:
    """Report a problem of a page; with -W it fails the build."""
    from sphinx.util import logging

    logging.getLogger(__name__).warning(message, location=location, type="calibration_lab")
