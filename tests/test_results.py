"""The store: what is written comes back, half-written files do not exist, bad files are said so."""

from __future__ import annotations

import json
import os
import platform
import random
import shutil
import subprocess
import sys
import time
import zipfile
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from calibration_lab import results


@dataclass(frozen=True)
class Config:
    steps: int = 5
    weights: tuple[float, ...] = (0.5, 1.0)


def provenance(key: str = "toy", **changes: object) -> results.Provenance:
    made = results.provenance(
        "toy", Config(), [1, 2], key=key, source="0" * 64, cpu_seconds=1.25, wall_seconds=0.5
    )
    return replace(made, **changes)


TABLES = {
    "outcomes": pd.DataFrame(
        {
            "seed": [1, 1, 2, 2],
            "arm": ["b", 'comma, "quote"\nand line', "", "NaN"],
            "note": ["NA", None, "null", "x"],
            "value": [0.1 + 0.2, np.nan, -np.inf, 5e-324],
            "short": np.array([0.1, 1 / 3, np.nan, 3e38], dtype=np.float32),
            "right": [True, False, True, True],
            "count": np.array([0, -(2**63), 2**63 - 1, 7], dtype=np.int64),
            "byte": np.array([0, 1, 2, 255], dtype=np.uint8),
        }
    ),
    "one column": pd.DataFrame({"value": [np.nan, 1.0, np.nan]}),
    "empty": pd.DataFrame(
        {"seed": pd.Series([], dtype="int64"), "arm": pd.Series([], dtype="str")}
    ),
}


# --- What is written comes back ---------------------------------------------------------------


def test_tables_and_provenance_come_back_as_they_were(tmp_path):
    written = provenance()
    path = results.write(tmp_path, written, TABLES)
    found, tables = results.read(path)
    assert found == written
    assert found.config == {"steps": 5, "weights": [0.5, 1.0]}
    assert list(tables) == list(TABLES)
    for name, frame in TABLES.items():
        assert_frame_equal(tables[name], frame, check_exact=True)


def test_every_float_comes_back_bit_for_bit(tmp_path):
    rng = np.random.default_rng(0)
    doubles = rng.integers(0, 2**64, 20_000, dtype=np.uint64).view(np.float64)
    singles = rng.integers(0, 2**32, 20_000, dtype=np.uint32).view(np.float32)
    frame = pd.DataFrame({"double": doubles, "single": singles})
    frame = frame.where(frame.notna(), np.nan)  # one kind of nan: a signalling one is no number
    _, tables = results.read(results.write(tmp_path, provenance(), {"t": frame}))
    assert_frame_equal(tables["t"], frame, check_exact=True)


def test_strings_kept_as_objects_come_back_as_strings(tmp_path):
    frame = pd.DataFrame({"arm": pd.Series(["a", None], dtype=object)})
    _, tables = results.read(results.write(tmp_path, provenance(), {"t": frame}))
    assert tables["t"]["arm"].tolist()[0] == "a"
    assert tables["t"]["arm"].isna().tolist() == [False, True]


def test_identical_content_gives_identical_bytes(tmp_path):
    about = provenance(finished="2026-01-01T00:00:00Z")
    one = results.write(tmp_path / "one", about, TABLES)
    time.sleep(0.01)
    two = results.write(tmp_path / "two", about, TABLES)
    assert one.read_bytes() == two.read_bytes()


def test_a_result_can_be_read_without_this_package(tmp_path):
    path = results.write(tmp_path, provenance(), TABLES)
    with zipfile.ZipFile(path) as archive:
        assert archive.namelist() == ["provenance.json", *(f"{name}.csv" for name in TABLES)]
        assert json.loads(archive.read("provenance.json"))["seeds"] == [1, 2]
        assert pd.read_csv(archive.open("outcomes.csv")).shape == (4, 8)


@pytest.mark.parametrize(
    ("frame", "message"),
    [
        (pd.DataFrame({"when": pd.to_datetime(["2026-01-01"])}), "'when' must hold floats"),
        (pd.DataFrame({"mixed": [1, "a"]}), "'mixed' must hold floats"),
        (pd.DataFrame({"arm": pd.Categorical(["a"])}), "'arm' must hold floats"),
        (pd.DataFrame({"arm": ["", None]}), "empty strings and missing values"),
        (pd.DataFrame({0: [1.0]}), "unique strings as columns"),
        (pd.DataFrame([[1, 2]], columns=["a", "a"]), "unique strings as columns"),
    ],
)
def test_what_a_csv_cannot_hold_is_refused(tmp_path, frame, message):
    with pytest.raises(ValueError, match=message):
        results.write(tmp_path, provenance(), {"t": frame})
    assert not list(tmp_path.iterdir())


def test_provenance_names_versions_but_no_host_and_no_path(source):
    made = provenance()
    assert {"python", "numpy", "pandas", "scipy", "scikit-learn", "torch"} <= set(made.versions)
    text = repr(made)
    assert platform.node() not in text
    assert str(Path.home()) + "/" not in text
    assert str(source) not in text
    assert made.date == made.finished[:10]


def test_config_must_be_an_instance_that_json_can_hold():
    @dataclass(frozen=True)
    class Odd:
        thing: object

    assert results.config_fields(Odd(np.float64(0.5))) == {"thing": 0.5}
    assert results.config_fields(Odd((float("inf"), float("nan")))) == {
        "thing": ["Infinity", "NaN"]
    }
    for bad in (Config, {"steps": 1}, Odd({1, 2})):
        with pytest.raises(ValueError, match="config"):
            results.config_fields(bad)


# --- Files that are not what they should be ---------------------------------------------------


def damaged(path: Path, how: str) -> None:
    content = path.read_bytes()
    if how == "truncated":
        path.write_bytes(content[: len(content) // 2])
    elif how == "empty":
        path.write_bytes(b"")
    elif how == "foreign":
        path.write_text("seed,value\n1,2\n")
    elif how == "bit flip":
        path.write_bytes(content[:60] + bytes([content[60] ^ 255]) + content[61:])
    elif how == "another zip":
        with zipfile.ZipFile(path, "w") as archive:
            archive.writestr("readme.txt", "hello")
    elif how == "folder":
        path.unlink()
        path.mkdir()
    else:
        with zipfile.ZipFile(path) as archive:
            members = {name: archive.read(name) for name in archive.namelist()}
        about = json.loads(members["provenance.json"])
        if how == "another format":
            about["format"] = 99
        elif how == "not an object":
            about = ["format"]
        elif how == "unknown field":
            about["host"] = "secret"
        elif how == "table missing":
            del members["outcomes.csv"]
        elif how == "wrong columns":
            members["outcomes.csv"] = b"seed,other\n1,2\n"
        members["provenance.json"] = json.dumps(about).encode()
        with zipfile.ZipFile(path, "w") as archive:
            for name, member in members.items():
                archive.writestr(name, member)


DAMAGES = [
    "truncated", "empty", "foreign", "bit flip", "another zip", "folder", "another format",
    "not an object", "unknown field", "table missing", "wrong columns",
]  # fmt: skip


@pytest.mark.parametrize("how", DAMAGES)
def test_a_bad_file_is_named_with_the_reason(tmp_path, how):
    path = results.write(tmp_path, provenance(), TABLES)
    damaged(path, how)
    with pytest.raises(results.UnreadableResultError, match=r"toy\.zip is damaged or not a result"):
        results.read(path)


def test_every_truncation_is_noticed(tmp_path):
    path = results.write(tmp_path, provenance(), TABLES)
    content = path.read_bytes()
    for length in range(0, len(content), 7):
        path.write_bytes(content[:length])
        with pytest.raises(results.UnreadableResultError):
            results.read(path)


def test_a_result_under_another_name_is_refused(tmp_path):
    path = results.write(tmp_path, provenance("toy.0123abcd"), TABLES)
    path.rename(tmp_path / "toy.zip")
    with pytest.raises(results.UnreadableResultError, match="under another name"):
        results.read(tmp_path / "toy.zip")


def test_a_missing_file_is_not_a_bad_one(tmp_path):
    with pytest.raises(FileNotFoundError):
        results.read(tmp_path / "toy.zip")


# --- Killed while writing ---------------------------------------------------------------------

WRITER = """
import sys
from pathlib import Path
from calibration_lab import results
folder, seed = Path(sys.argv[1]), 0
content = {n: (folder / n).read_bytes() for n in ("old", "new")}
print("ready", flush=True)
while True:
    for one in content.values():
        results.write_atomically(folder / "store" / "toy.zip", one)
"""


def test_a_killed_run_leaves_the_old_or_the_new_result(tmp_path, source):
    rng = random.Random(0)
    large = pd.DataFrame({"value": np.random.default_rng(0).normal(size=50_000)})
    for name, cpu in (("old", 1.0), ("new", 2.0)):
        path = results.write(tmp_path, provenance(cpu_seconds=cpu), {"t": large})
        path.rename(tmp_path / name)
    store = tmp_path / "store"
    store.mkdir()
    shutil.copy(tmp_path / "old", store / "toy.zip")
    for _ in range(12):
        command = [sys.executable, "-c", WRITER, str(tmp_path)]
        environment = {**os.environ, "PYTHONPATH": str(source)}
        with subprocess.Popen(command, stdout=subprocess.PIPE, env=environment) as process:
            assert process.stdout is not None
            assert process.stdout.readline() == b"ready\n"
            time.sleep(rng.uniform(0, 0.1))
            process.kill()
        found, tables = results.read(store / "toy.zip")
        assert found.cpu_seconds in (1.0, 2.0)
        assert_frame_equal(tables["t"], large, check_exact=True)
    left = list(store.glob(".*.tmp"))
    for stray in left:
        os.utime(stray, (0, 0))
    results.write(store, provenance(), {"t": large})
    assert [path.name for path in store.iterdir()] == ["toy.zip"]


def test_only_abandoned_temporaries_are_cleaned(tmp_path):
    names = (".toy.zip.a.tmp", ".toy.zip.b.tmp", ".other.tmp", "mine.tmp")
    fresh, old, *foreign = (tmp_path / name for name in names)
    for path in (fresh, old, *foreign):
        path.touch()
    for path in (old, *foreign):
        os.utime(path, (0, 0))
    results.write(tmp_path, provenance(), TABLES)
    assert fresh.exists()
    assert all(path.exists() for path in foreign)  # a folder may be shared with other programs
    assert not old.exists()


def test_a_temporary_that_cannot_be_removed_is_left(tmp_path, monkeypatch):
    stray = tmp_path / ".toy.zip.a.tmp"
    stray.touch()
    os.utime(stray, (0, 0))

    def held(*_: object, **__: object) -> None:
        raise PermissionError(13, "in use by another process")

    with monkeypatch.context() as patch:
        patch.setattr(Path, "unlink", held)
        results.write(tmp_path, provenance(), TABLES)
    assert stray.exists()
    assert (tmp_path / "toy.zip").exists()


def test_a_failed_write_leaves_nothing_behind(tmp_path, monkeypatch):
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        results.write(tmp_path, provenance(), TABLES)
    assert not list(tmp_path.iterdir())


# --- Where results lie ------------------------------------------------------------------------


def test_the_environment_variable_decides(tmp_path, monkeypatch):
    monkeypatch.setenv("CALIBRATION_LAB_RESULTS", str(tmp_path))
    assert results.results_folder() == tmp_path


def test_a_checkout_keeps_its_results_in_its_build_folder(tmp_path, monkeypatch):
    monkeypatch.delenv("CALIBRATION_LAB_RESULTS", raising=False)
    monkeypatch.setattr(results, "checkout", lambda: tmp_path)
    assert results.results_folder() == tmp_path / "_build" / "results"


@pytest.mark.parametrize("data", ["/data", "relative", ""])
def test_elsewhere_they_lie_in_the_users_data_folder(monkeypatch, data):
    monkeypatch.delenv("CALIBRATION_LAB_RESULTS", raising=False)
    monkeypatch.setenv("XDG_DATA_HOME", data)
    monkeypatch.setattr(results, "checkout", lambda: None)
    home = Path("/data") if data == "/data" else Path.home() / ".local" / "share"
    assert results.results_folder() == home / "calibration-lab" / "results"
