"""The command line: what it prints, what it refuses, and its exit status."""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import typing
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from calibration_lab import results
from calibration_lab.__main__ import main
from calibration_lab.experiments import EXPERIMENTS, Experiment
from calibration_lab.experiments.settings import changed_config

PACKAGE = "toy_for_the_command_line"

EXPERIMENT = """
from dataclasses import dataclass
import numpy as np
import pandas as pd

@dataclass(frozen=True)
class Config:
    shift: float = 1.0
    flips: int = 50
    fail: bool = False

    def __post_init__(self):
        if self.flips < 1:
            raise ValueError(f"flips must be >= 1, got {self.flips}")

def run(config, seeds):
    if config.fail:
        raise RuntimeError("as asked")
    rng = [np.random.default_rng(seed) for seed in seeds]
    value = [config.shift + one.normal(size=config.flips).mean() for one in rng]
    return {"outcomes": pd.DataFrame({"seed": list(seeds), "value": value})}
"""

STATEMENTS = """
from calibration_lab.statements import AtLeast, Control, Exact, Measured, Statement

value = Measured("value")
STATEMENTS = (
    Statement(
        key="toy/high",
        text="The value is at least one half.",
        truth="by construction",
        test=AtLeast(value - 0.0, 0.5),
        units=8,
        controls=(
            Control(key="toy/high/control", text="It is no larger than three.",
                    truth="empirical", test=AtLeast(3.0 - value, 0.0), units=8),
        ),
    ),
    Statement(
        key="toy/identity",
        text="The value is the value.",
        truth="theorem check",
        test=Exact(value - value, 1e-12),
        units=8,
    ),
)
"""


@pytest.fixture(autouse=True)
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A registry of one headline experiment and one confirmation that fails."""
    folder = tmp_path / "source" / PACKAGE
    folder.mkdir(parents=True)
    for name, text in (
        ("__init__", ""),
        ("experiment", EXPERIMENT),
        ("exhibit", EXPERIMENT.replace("fail: bool = False", "fail: bool = True")),
        ("statements", STATEMENTS),
    ):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setenv("CALIBRATION_LAB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    monkeypatch.setattr(results, "RECORD", tmp_path / "record")
    for name in list(EXPERIMENTS):
        monkeypatch.delitem(EXPERIMENTS, name)
    seeds = range(1000, 1010)
    toy = Experiment("toy", "headline", seeds, 4, f"{PACKAGE}.experiment")
    exhibit = Experiment("toy/exhibit", "confirmation", seeds, 4, f"{PACKAGE}.exhibit")
    for experiment in (toy, exhibit):
        monkeypatch.setitem(EXPERIMENTS, experiment.name, experiment)
    importlib.invalidate_caches()
    yield
    for name in [name for name in sys.modules if name.split(".")[0] == PACKAGE]:
        del sys.modules[name]


def rows(capsys: pytest.CaptureFixture[str]) -> typing.Any:
    return json.loads(capsys.readouterr().out)


# --- What it does -----------------------------------------------------------------------------


def test_list_tells_tier_seeds_state_and_cost(capsys):
    assert main(["list"]) == 0
    first, second, third = capsys.readouterr().out.splitlines()
    assert first.split() == ["experiment", "tier", "seeds", "state", "CPU", "seconds"]
    assert second.split() == ["toy", "headline", "1000-1009", "(10)", "none"]
    assert third.split()[:2] == ["toy/exhibit", "confirmation"]
    main(["run", "toy", "--jobs", "1"])
    capsys.readouterr()
    assert main(["list", "--json"]) == 0
    listed = {row["experiment"]: row for row in rows(capsys)}
    assert listed["toy"]["state"] == "current"
    assert listed["toy"]["cpu_seconds"] >= 0
    assert listed["toy/exhibit"]["state"] == "none"
    assert listed["toy/exhibit"]["cpu_seconds"] is None


def test_all_means_the_headline_experiments(capsys, tmp_path):
    assert main(["run", "all", "--jobs", "1"]) == 0
    out, err = capsys.readouterr()
    assert out.startswith("toy: computed on this machine on ")
    assert "[3 of 3] toy, seeds 1008 to 1009: done" in err
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["toy.zip"]
    assert main(["run", "all", "--jobs", "1", "--confirmations"]) == 1
    assert "toy/exhibit failed" in capsys.readouterr().err


def test_run_writes_where_it_is_told_and_prints_json(capsys, tmp_path):
    command = ["run", "toy", "--jobs", "1", "--json", "--out", str(tmp_path / "out")]
    assert main([*command, "--seeds", "3", "--first-seed", "7", "--set", "flips=9"]) == 0
    (row,) = rows(capsys)
    assert row["seeds"] == [7, 8, 9]
    assert row["config"] == {"shift": 1.0, "flips": 9, "fail": False}
    assert Path(row["path"]).parent == tmp_path / "out"
    assert Path(row["path"]).exists()
    assert not (tmp_path / "results").exists()


def test_published_seeds_spelled_out_are_still_the_published_run(capsys):
    options = ["--seeds", "10", "--first-seed", "1000", "--set", "flips=50"]
    assert main(["run", "toy", "--jobs", "1", "--json", *options]) == 0
    assert rows(capsys)[0]["key"] == "toy"


def test_fresh_runs_what_is_current(capsys):
    main(["run", "toy", "--jobs", "1"])
    capsys.readouterr()
    main(["run", "toy", "--jobs", "1"])
    assert "done" not in capsys.readouterr().err
    main(["run", "toy", "--jobs", "1", "--fresh"])
    assert "done" in capsys.readouterr().err


def test_report_prints_every_statement_with_its_verdict(capsys):
    main(["run", "toy", "--jobs", "1"])
    capsys.readouterr()
    assert main(["report", "toy"]) == 0
    out = capsys.readouterr().out
    for expected in (
        "toy: computed on this machine on",
        "toy/high: SUPPORTED",
        "The value is at least one half.",
        "control toy/high/control: supported",
        "Holm: supported",
        "toy/identity: SUPPORTED",
        "2 statements: 2 supported, 0 refuted, 0 inconclusive",
    ):
        assert expected in out


def test_report_as_json(capsys):
    main(["run", "toy", "--jobs", "1"])
    capsys.readouterr()
    assert main(["report", "toy", "--json"]) == 0
    high, identity = rows(capsys)
    assert high["key"] == "toy/high"
    assert high["text"] == "The value is at least one half."
    assert high["unit"] == "seed"
    assert high["seeds"] == 10
    assert high["verdict"] == "supported"
    assert high["threshold"] == 0.5
    low, upper = high["interval"]
    assert low < high["effect"] < upper
    assert "at least" in high["kind"]
    assert [control["key"] for control in high["controls"]] == ["toy/high/control"]
    assert high["holm"]["verdict"] == "supported"
    assert high["holm"]["p_value"] >= high["p_value"]
    assert high["current"] is True
    assert identity["interval"] is None
    assert identity["holm"] == {"p_value": None, "verdict": "supported"}


def test_report_of_other_seeds_and_fields(capsys):
    options = ["--seeds", "8", "--first-seed", "100000", "--set", "shift=0"]
    assert main(["report", "toy", *options]) == 1
    main(["run", "toy", "--jobs", "1", *options])
    capsys.readouterr()
    assert main(["report", "toy", "--json", *options]) == 0
    assert rows(capsys)[0]["verdict"] == "refuted"


def test_report_without_a_result_names_the_command(capsys):
    assert main(["report", "toy"]) == 1
    err = capsys.readouterr().err
    assert err == "calibration-lab: no result of toy; run: python -m calibration_lab run toy\n"


def test_report_of_everything_tells_what_is_missing(capsys):
    main(["run", "toy", "--jobs", "1"])
    capsys.readouterr()
    assert main(["report", "--json"]) == 0
    out, err = capsys.readouterr()
    assert len(json.loads(out)) == 2
    assert "no result of toy/exhibit" in err


def test_record_ships_the_current_result_and_its_declarations(capsys, tmp_path):
    assert main(["record", "toy", "--jobs", "1"]) == 0
    assert sorted(path.name for path in (tmp_path / "record").iterdir()) == [
        "declarations.json",
        "toy.zip",
    ]
    assert main(["report", "toy", "--out", str(tmp_path / "empty")]) == 0
    assert "source changed since: no" in capsys.readouterr().out


def test_a_damaged_result_is_told_in_one_line(capsys, tmp_path):
    main(["run", "toy", "--jobs", "1"])
    path = tmp_path / "results" / "toy.zip"
    path.write_bytes(b"not a zip")
    capsys.readouterr()
    assert main(["list"]) == 0
    out, err = capsys.readouterr()
    assert "unreadable" in out
    assert err.startswith(f"calibration-lab: warning: {path} is damaged")
    assert err.count("\n") == 1
    assert main(["run", "toy", "--jobs", "1"]) == 0


# --- Verification -----------------------------------------------------------------------------


def shift_record(by: float) -> None:
    """Make the shipped record one of another world, as if the code no longer gave it."""
    about, tables = results.read(results.RECORD / "toy.zip")
    tables["outcomes"]["value"] += by
    results.write(results.RECORD, about, tables)


def test_what_reproduces_is_verified_on_published_and_unseen_seeds(capsys):
    main(["record", "toy", "--jobs", "1"])
    capsys.readouterr()
    assert main(["verify", "toy", "--jobs", "1"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "published seeds: 2 statements: 2 same",
        "verification seeds: 2 statements: 2 same",
    ]
    folder = results.results_folder().with_name("verify")
    seeds = sorted(results.read(path)[0].seeds for path in folder.glob("*.zip"))
    assert seeds == [tuple(range(1000, 1010)), tuple(range(100000, 100010))]


@pytest.mark.parametrize(
    ("by", "outcomes"),
    [
        (-1.0, {"toy/high": "reversed", "toy/identity": "same"}),  # the record says: refuted
        (2.0, {"toy/high": "decided now", "toy/identity": "same"}),  # its control fails
        (0.1, {"toy/high": "moved", "toy/identity": "same"}),
        (0.001, {"toy/high": "same", "toy/identity": "same"}),
    ],
)
def test_a_record_that_is_not_what_the_code_gives_fails(capsys, by, outcomes):
    main(["record", "toy", "--jobs", "1"])
    shift_record(by)
    capsys.readouterr()
    failed = any(outcome != "same" for outcome in outcomes.values())
    assert main(["verify", "toy", "--jobs", "1", "--json"]) == failed
    published = {one["recorded"]["key"]: one["outcome"] for one in rows(capsys)[:2]}
    assert published == outcomes
    assert main(["verify", "toy", "--jobs", "1"]) == failed
    if failed:
        assert (
            f"toy/high, published seeds: {outcomes['toy/high'].upper()}" in capsys.readouterr().out
        )


def test_nothing_can_be_verified_without_a_record(capsys):
    assert main(["verify", "toy"]) == 1
    assert "toy has no shipped record to compare with" in capsys.readouterr().err


# --- What it refuses --------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (["run", "coffee"], "no experiment is called 'coffee'; there are toy, toy/exhibit"),
        (["report", "coffee"], "no experiment is called 'coffee'; there are toy, toy/exhibit"),
        (["record", "coffee"], "no experiment is called 'coffee'; there are toy, toy/exhibit"),
        (["run", "toy", "--set", "flips"], "toy: --set must be FIELD=VALUE, got 'flips'"),
        (["run", "toy", "--set", "flip=1"], "no field 'flip'; fields are shift, flips, fail"),
        (["run", "toy", "--set", "flips=many"], "flips must be int, got 'many'"),
        (["run", "toy", "--set", "flips=1.5"], "flips must be int, got '1.5'"),
        (["run", "toy", "--set", "shift=far"], "shift must be float, got 'far'"),
        (["run", "toy", "--set", "fail=1"], "fail must be bool, got '1'"),
        (["run", "toy", "--set", "flips=0"], "flips must be >= 1, got 0"),
        (["run", "toy", "--seeds", "0"], "must be an integer >= 1, got '0'"),
        (["run", "toy", "--seeds", "x"], "must be an integer >= 1, got 'x'"),
        (["run", "toy", "--first-seed", "-1"], "must be an integer >= 0, got '-1'"),
        (["run", "toy", "--jobs", "0"], "must be an integer >= 1, got '0'"),
        (["run"], "required: NAME"),
        (["fly"], "invalid choice: 'fly'"),
        ([], "required: COMMAND"),
        (["list", "--loud"], "unrecognized arguments: --loud"),
    ],
)
def test_bad_usage_is_one_line_and_status_2(capsys, arguments, expected):
    assert main(arguments) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("calibration-lab: error: ")
    assert err.count("\n") == 1
    assert expected in err


@pytest.mark.parametrize("command", ["run", "list", "report"])
@pytest.mark.parametrize("inside", ["", "folder"])
def test_a_file_in_place_of_the_folder_is_told_before_anything_runs(
    capsys, monkeypatch, tmp_path, command, inside
):
    monkeypatch.setattr("calibration_lab.experiments.running.run_all", None)
    (tmp_path / "file").touch()
    names = [] if command == "list" else ["toy"]
    assert main([command, *names, "--out", str(tmp_path / "file" / inside)]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.count("\n") == 1
    assert f"{tmp_path / 'file'} is a file" in err


def test_a_recording_in_progress_is_told_in_one_line(capsys, tmp_path):
    main(["run", "toy", "--jobs", "1"])
    (tmp_path / "record").mkdir()
    (tmp_path / "record" / ".recording").touch()
    capsys.readouterr()
    assert main(["record", "toy"]) == 1
    err = capsys.readouterr().err
    assert err.startswith("calibration-lab: another recording is in progress")
    assert err.count("\n") == 1


def test_a_failing_experiment_shows_its_traceback_and_status_1(capsys):
    assert main(["run", "toy", "--jobs", "1", "--set", "fail=True"]) == 1
    err = capsys.readouterr().err
    assert "toy failed" in err
    assert "RuntimeError: as asked" in err


# --- Fields from text -------------------------------------------------------------------------


@dataclass(frozen=True)
class Fields:
    rule: typing.Literal["brier", "log"] = "brier"
    weights: tuple[float, ...] = (0.5,)
    pair: tuple[int, str] = (1, "a")
    clip: float | None = 0.01
    flag: bool = True
    name: str = ""


@pytest.mark.parametrize(
    ("text", "field", "value"),
    [
        ("rule=log", "rule", "log"),
        ("weights=1, 2.5", "weights", (1.0, 2.5)),
        ("weights=(3,)", "weights", (3.0,)),
        ("weights=", "weights", ()),
        ("pair=2,b", "pair", (2, "b")),
        ("clip=none", "clip", None),
        ("clip=.1", "clip", 0.1),
        ("flag=False", "flag", False),
        ("name=a=b", "name", "a=b"),
    ],
)
def test_fields_are_read_by_their_type(text, field, value):
    assert getattr(changed_config(Fields, [text]), field) == value


@pytest.mark.parametrize(
    "text", ["rule=linear", "weights=a", "pair=1", "pair=1,b,c", "clip=x", "flag=yes"]
)
def test_text_of_another_type_is_refused(text):
    field = text.partition("=")[0]
    with pytest.raises(ValueError, match=f"^{field} must be "):
        changed_config(Fields, [text])


# --- As a program -----------------------------------------------------------------------------


@pytest.fixture
def program(source: Path) -> Callable[..., subprocess.CompletedProcess[str]]:
    """Run Python with some arguments, as a process of its own."""
    environment = {**os.environ, "PYTHONPATH": str(source)}

    def run(*arguments: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, *arguments]
        return subprocess.run(command, capture_output=True, text=True, env=environment, check=False)

    return run


def test_help_imports_nothing_heavy(program):
    script = (
        "import sys; from calibration_lab.__main__ import main; main(['list', '--help']);"
        "print({'torch', 'pandas', 'numpy'} & set(sys.modules))"
    )
    done = program("-c", script)
    assert done.returncode == 0
    assert done.stdout.splitlines()[-1] == "set()"


def test_listing_does_not_import_the_experiments(program):
    script = (
        "import sys; from calibration_lab.__main__ import main; main(['list']);"
        "print('torch' in sys.modules)"
    )
    done = program("-c", script)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1] == "False"


def test_exit_status_reaches_the_shell(program):
    done = program("-m", "calibration_lab", "run", "coffee")
    assert done.returncode == 2
    assert done.stderr.startswith("calibration-lab: error: no experiment is called 'coffee'")
