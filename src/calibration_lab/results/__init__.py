"""The result store: one experiment's tables, and what they came from, in one file on disk.

A result is a ``.zip`` that holds ``provenance.json`` and one CSV per table, so that it can be read
without this package. It is written beside its final place and moved there in one step: a run that
is killed leaves the old result or the new one, never half a file.
"""

from __future__ import annotations

import dataclasses
import glob
import hashlib
import io
import json
import os
import platform
import subprocess
import tempfile
import time
import zipfile
import zlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from typing import Any

import pandas as pd

PACKAGE = "calibration_lab"
RECORD = Path(__file__).parents[1] / "record"  # the published results, shipped with the package
FORMAT = 1
VERSIONS = ("numpy", "torch", "pandas", "scikit-learn", "scipy", "calibration-lab")
STRAY_SECONDS = 60.0  # a temporary that nobody has written to for this long has lost its writer


class UnreadableResultError(ValueError):
    """A file in the store is damaged, or is not a result of this project."""


class UnreadableResultWarning(UserWarning):
    """A file in the store could not be read; it is passed over and will be computed again."""


@dataclass(frozen=True)
class Provenance:
    """What a result came from; it names neither the host nor any path."""

    experiment: str
    key: str  # the file name without .zip; the experiment's own name marks the published run
    config: Mapping[str, Any]  # every field of the Config, as JSON keeps it (tuples are lists)
    seeds: tuple[int, ...]
    source: str  # source_digest() of the experiment's module when it ran
    versions: Mapping[str, str]
    machine: str
    cpu_seconds: float  # summed over workers
    wall_seconds: float  # from the start of the first block to the end of the last
    finished: str  # UTC, ISO 8601, to the second
    commit: str  # "" where the code was not in a git checkout
    dirty: bool  # the checkout held uncommitted changes

    @property
    def date(self) -> str:
        """The UTC day on which the run finished, as YYYY-MM-DD."""
        return self.finished[:10]


@dataclass(frozen=True)
class Result:
    """One experiment's tables, with what they came from and whether they are current."""

    name: str
    tables: dict[str, pd.DataFrame]
    provenance: Provenance
    origin: str  # a phrase for readers: "computed on this machine on ...", "recorded on ..."
    current: bool  # config, seeds and source are those of the code as it stands now


def results_folder() -> Path:
    """Folder of this machine's own results.

    The environment variable ``CALIBRATION_LAB_RESULTS`` decides; otherwise ``_build/results`` of
    the checkout the package runs from; otherwise ``calibration-lab/results`` in the user's data
    folder (``XDG_DATA_HOME``, or ``~/.local/share``).
    """
    chosen = os.environ.get("CALIBRATION_LAB_RESULTS", "")
    if chosen:
        return Path(chosen).expanduser()
    root = checkout()
    if root is not None:
        return root / "_build" / "results"
    data = Path(os.environ.get("XDG_DATA_HOME", ""))
    if not data.is_absolute():  # the XDG specification: a relative path is invalid, so ignored
        data = Path.home() / ".local" / "share"
    return data / "calibration-lab" / "results"


def checkout() -> Path | None:
    """Root of the project's checkout that this package is imported from, or None."""
    root = Path(__file__).resolve().parents[3]
    here = (root / "pyproject.toml").is_file() and (root / "src" / PACKAGE).is_dir()
    return root if here else None


def result_key(
    name: str, config: Mapping[str, Any] | None = None, seeds: Sequence[int] = ()
) -> str:
    """File name, without ``.zip``, of a result.

    The published run carries the experiment's name alone (give no config); any other choice of
    fields or seeds adds eight hexadecimal digits of its digest.

    >>> result_key("binary-reward/transformer")
    'binary-reward--transformer'
    >>> result_key("binary-reward", {"steps": 5}, [1000])
    'binary-reward.3e847c45'
    """
    stem = name.replace("/", "--")
    if config is None:
        return stem
    text = json.dumps({"config": dict(config), "seeds": list(seeds)}, sort_keys=True)
    return f"{stem}.{hashlib.sha256(text.encode()).hexdigest()[:8]}"


def config_fields(config: Any) -> dict[str, Any]:
    """Fields of a Config as JSON keeps them: tuples as lists, infinity and nan as words.

    Raises
    ------
    ValueError
        If `config` is not an instance of a dataclass, or a field holds what JSON cannot.
    """
    if not dataclasses.is_dataclass(config) or isinstance(config, type):
        raise ValueError(f"config must be an instance of the experiment's Config, got {config!r}")

    def plain(value: Any) -> Any:
        if hasattr(value, "item"):
            return value.item()
        raise ValueError(f"config holds {value!r}; expected numbers, strings and tuples of them")

    text = json.dumps(dataclasses.asdict(config), default=plain)
    fields: dict[str, Any] = json.loads(text, parse_constant=str)  # nan equals itself as a word
    return fields


def provenance(
    experiment: str,
    config: Any,
    seeds: Sequence[int],
    *,
    key: str,
    source: str,
    cpu_seconds: float,
    wall_seconds: float,
) -> Provenance:
    """Provenance of a run that has just finished, with this machine's versions and commit."""
    commit, dirty = commit_here()
    return Provenance(
        experiment=experiment,
        key=key,
        config=config_fields(config),
        seeds=tuple(int(seed) for seed in seeds),
        source=source,
        versions=versions_here(),
        machine=machine_here(),
        cpu_seconds=round(cpu_seconds, 2),
        wall_seconds=round(wall_seconds, 2),
        finished=time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime()),
        commit=commit,
        dirty=dirty,
    )


def machine_here() -> str:
    """Say what machine this is, without naming it."""
    return f"{platform.system()} {platform.machine()}, {os.cpu_count()} CPUs"


def versions_here() -> dict[str, str]:
    """Versions of Python and of the packages that decide a result, by name."""
    versions = {"python": platform.python_version()}
    for package in VERSIONS:
        try:
            versions[package] = metadata.version(package)
        except metadata.PackageNotFoundError:  # a plain copy of the sources, or no torch here
            continue
    return versions


def commit_here() -> tuple[str, bool]:
    """Commit of the checkout ("" without one), and whether it holds uncommitted changes."""
    root = checkout()
    if root is None:
        return "", False

    def git(*arguments: str) -> str:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments], capture_output=True, text=True, timeout=30
        )
        return done.stdout.strip() if done.returncode == 0 else ""

    try:
        commit = git("rev-parse", "--verify", "HEAD")
        return commit, bool(commit and git("status", "--porcelain"))
    except (OSError, subprocess.TimeoutExpired):  # no git on this machine
        return "", False


def write(folder: Path, provenance: Provenance, tables: Mapping[str, pd.DataFrame]) -> Path:
    """Write one result and return its path; identical content gives identical bytes.

    Columns hold floats, integers, booleans or strings, and come back from `read` exactly. The
    index is not kept.

    Raises
    ------
    ValueError
        If a table has another kind of column, a column name that is not a unique string, or a
        string column with both empty and missing values (a CSV cannot tell them apart).
    """
    kinds: dict[str, dict[str, str]] = {}
    members: dict[str, str] = {}
    for name, frame in tables.items():
        kinds[name] = _kinds(name, frame)
        # float32 is written as the float64 of the same value: its short form is another number
        wide = frame.astype({c: "float64" for c, k in kinds[name].items() if k.startswith("float")})
        members[f"{name}.csv"] = wide.to_csv(index=False, na_rep="", lineterminator="\n")
    about = {"format": FORMAT, **dataclasses.asdict(provenance), "tables": kinds}
    members = {"provenance.json": json.dumps(about, indent=1) + "\n", **members}

    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for member, text in members.items():
            entry = zipfile.ZipInfo(member, date_time=(1980, 1, 1, 0, 0, 0))
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            archive.writestr(entry, text)
    return write_atomically(folder / f"{provenance.key}.zip", content.getvalue())


def write_atomically(path: Path, content: bytes) -> Path:
    """Replace a file in one step, through a temporary in the same folder, and return its path."""
    path.parent.mkdir(parents=True, exist_ok=True)
    for stray in path.parent.glob(f".{glob.escape(path.name)}.*.tmp"):
        try:
            if time.time() - stray.stat().st_mtime > STRAY_SECONDS:
                stray.unlink()
        except OSError:  # another process has just cleaned it, moved it into place, or holds it
            continue
    handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.", suffix=".tmp")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        os.chmod(temporary, 0o644)  # mkstemp makes files that only their owner can read
        os.replace(temporary, path)
    except BaseException:
        Path(temporary).unlink(missing_ok=True)
        raise
    return path


def _kinds(name: str, frame: pd.DataFrame) -> dict[str, str]:
    if not all(isinstance(column, str) for column in frame.columns) or not frame.columns.is_unique:
        raise ValueError(f"table {name!r} must have unique strings as columns, got {list(frame)}")
    kinds = {}
    for column in frame.columns:
        values = frame[column]
        missing = values.isna()
        if values.dtype.kind in "fiub":
            kinds[column] = values.dtype.name
        elif pd.api.types.infer_dtype(values, skipna=True) in ("string", "empty"):
            if missing.any() and (values == "").any():
                raise ValueError(
                    f"table {name!r}, column {column!r} has empty strings and missing values; "
                    "expected one or the other"
                )
            kinds[column] = "str with missing" if missing.any() else "str"
        else:
            raise ValueError(
                f"table {name!r}, column {column!r} must hold floats, integers, booleans or "
                f"strings, got {values.dtype}"
            )
    return kinds


def read(path: Path) -> tuple[Provenance, dict[str, pd.DataFrame]]:
    """Read one result: its provenance and its tables, as they were written.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    UnreadableResultError
        If the file is truncated, damaged, or is not a result of this project.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            about = json.loads(archive.read("provenance.json"))
            if about.pop("format") != FORMAT:
                raise ValueError("it is of another format")
            kinds = about.pop("tables")
            tables = {n: _table(archive.read(f"{n}.csv"), columns) for n, columns in kinds.items()}
        found = Provenance(**{**about, "seeds": tuple(about["seeds"])})
        if found.key != path.stem:
            raise ValueError(f"it is the result {found.key!r} under another name")
    except FileNotFoundError:
        raise
    except (
        AttributeError, EOFError, KeyError, NotImplementedError, OSError, RuntimeError, TypeError,
        ValueError, zipfile.BadZipFile, zlib.error,
    ) as reason:  # fmt: skip
        raise UnreadableResultError(f"{path} is damaged or not a result: {reason}") from reason
    return found, tables


def _table(content: bytes, kinds: Mapping[str, str]) -> pd.DataFrame:
    # as text first: how exactly pandas reads a float, and what it takes for missing, varies
    text = pd.read_csv(
        io.BytesIO(content),
        dtype=str,
        keep_default_na=False,
        na_filter=False,
        skip_blank_lines=False,
    )
    if list(text.columns) != list(kinds):
        raise ValueError(f"a table has columns {list(text.columns)}, expected {list(kinds)}")
    return pd.DataFrame({name: _column(text[name], kind) for name, kind in kinds.items()})


def _column(text: pd.Series, kind: Any) -> pd.Series:
    if kind == "str":
        return text
    if kind == "str with missing":
        return text.where(text != "")
    if kind == "bool":
        return text.map({"True": True, "False": False}).astype("bool")
    if kind.startswith("float"):
        return pd.Series([float(number or "nan") for number in text], dtype="float64").astype(kind)
    return pd.Series([int(number) for number in text], dtype=kind)
