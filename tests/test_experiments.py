"""The registry and the runner, on an experiment small enough to look at."""

from __future__ import annotations

import importlib
import json
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import joblib
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from calibration_lab import experiments, results
from calibration_lab.experiments import EXPERIMENTS, Experiment, recording, running
from calibration_lab.statements import check_declaration

EXPERIMENT = '''
from __future__ import annotations
import os
from dataclasses import dataclass
import numpy as np
import pandas as pd


@dataclass(frozen=True)
class Config:
    """A coin for each arm."""
    shift: float = 1.0  # of the second arm
    flips: int = 50
    names: tuple[str, ...] = ("plain", "shifted")
    fail_at: int = -1

    def __post_init__(self):
        if self.flips < 1:
            raise ValueError(f"flips must be >= 1, got {self.flips}")

def run(config, seeds):
    """Arms outside, seeds inside: the order in which a batched experiment finds its rows."""
    rows = []
    for arm in reversed(config.names):
        for seed in seeds:
            if seed == config.fail_at:
                raise RuntimeError(f"seed {seed} is bad")
            flips = np.random.default_rng([seed, len(arm)]).normal(size=config.flips)
            shift = config.shift * (arm == "shifted")
            rows.append({"seed": seed, "arm": arm, "value": flips.mean() + shift})
    threads = pd.DataFrame({"seed": list(seeds), "threads": os.environ.get("OMP_NUM_THREADS", "")})
    law = pd.DataFrame({"beta": [0.0, 0.5], "predicted": [1.0, 2.0]})
    return {"outcomes": pd.DataFrame(rows), "threads": threads, "law": law}
'''

STATEMENTS = """
from calibration_lab.statements import AtLeast, Control, Equivalent, Measured, Statement

shifted, plain = Measured("value", arm="shifted"), Measured("value", arm="plain")
STATEMENTS = (
    Statement(
        key="toy/shift-shifts",
        text="The shifted arm lies higher.",
        truth="by construction",
        test=AtLeast(shifted - plain, 0.5),
        units=8,
        bounds=(-10, 10),
    ),
    Statement(
        key="toy/plain-is-small",
        text="The plain arm is at least 2.",
        truth="empirical",
        test=AtLeast(plain, 2.0),
        units=8,
    ),
    Statement(
        key="toy/elsewhere",
        text="The shifted arm of the exhibit lies higher.",
        truth="empirical",
        test=AtLeast(shifted - plain, 0.5),
        units=4,
        bounds=(-10, 10),
        exhibit="exhibit",
    ),
)
"""


@pytest.fixture
def toy(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """An experiment `toy` with an exhibit, its own package, store and record."""
    package = f"toy_{tmp_path.name.replace('-', '_')}"
    folder = tmp_path / "source" / package
    folder.mkdir(parents=True)
    for name, text in (
        ("__init__", ""),
        ("experiment", EXPERIMENT),
        ("exhibit", EXPERIMENT),
        ("statements", STATEMENTS),
    ):
        (folder / f"{name}.py").write_text(text)
    monkeypatch.syspath_prepend(str(folder.parent))
    monkeypatch.setenv("CALIBRATION_LAB_RESULTS", str(tmp_path / "results"))
    monkeypatch.setattr(results, "RECORD", tmp_path / "record")
    for name, tier, module in (
        ("toy", "headline", "experiment"),
        ("toy/exhibit", "confirmation", "exhibit"),
    ):
        line = Experiment(name, tier, range(1000, 1010), 4, f"{package}.{module}")
        monkeypatch.setitem(EXPERIMENTS, name, line)
    importlib.invalidate_caches()
    yield package
    for name in [name for name in sys.modules if name.split(".")[0] == package]:
        del sys.modules[name]


def edit(toy: str, old: str, new: str, module: str = "experiment") -> None:
    """Change the source, and start Python anew as far as the toy is concerned."""
    path = Path(sys.path[0]) / toy / f"{module}.py"
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))
    os.utime(path, (1, time.time() + random.random()))
    shutil.rmtree(path.parent / "__pycache__", ignore_errors=True)
    importlib.invalidate_caches()
    for name in [name for name in sys.modules if name.split(".")[0] == toy]:
        del sys.modules[name]


def config(toy: str, **changes: Any) -> Any:
    return experiments.module("toy").Config(**changes)


# --- The registry -----------------------------------------------------------------------------


def test_every_line_of_the_registry_points_to_a_module_with_source(source):
    for name, experiment in EXPERIMENTS.items():
        path = source / Path(*experiment.module.split(".")).with_suffix(".py")
        assert path.is_file(), name
        assert (path.parent / "statements.py").is_file(), name
        assert experiment.name == name


def test_the_module_follows_from_the_name():
    lines = {name: experiment.module for name, experiment in EXPERIMENTS.items()}
    here = "calibration_lab.experiments"
    assert lines["binary-reward"] == f"{here}.binary_reward.experiment"
    assert lines["binary-reward/transformer"] == f"{here}.binary_reward.transformer"
    assert EXPERIMENTS["binary-reward/transformer"].exhibit == "transformer"


def test_published_seeds_are_not_those_of_tuning_or_verification():
    for experiment in EXPERIMENTS.values():
        assert min(experiment.seeds) >= 1000
        assert max(experiment.seeds) < 100_000
        assert experiment.block >= 1


def test_an_unknown_name_is_answered_with_the_known_ones():
    with pytest.raises(ValueError, match=r"'coffee'; there are .*binary-reward"):
        experiments.get("coffee")


@pytest.mark.parametrize("seeds", [[], [1, 1], [-1]])
def test_seeds_must_be_different_and_not_negative(seeds):
    with pytest.raises(ValueError, match="different integers >= 0"):
        experiments.sorted_seeds(seeds)


# --- Running ----------------------------------------------------------------------------------


def test_a_run_is_stored_with_what_it_came_from(toy, tmp_path):
    result = experiments.run("toy", jobs=1)
    assert result.current
    assert result.origin == f"computed on this machine on {result.provenance.date}"
    assert result.provenance.seeds == tuple(range(1000, 1010))
    assert result.provenance.config["names"] == ["plain", "shifted"]
    assert result.provenance.cpu_seconds >= 0
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["toy.zip"]
    assert_frame_equal(experiments.load("toy").tables["outcomes"], result.tables["outcomes"])


def test_rows_are_sorted_by_seed_and_factor(toy):
    frame = experiments.run("toy", jobs=1).tables["outcomes"]
    expected = [(seed, arm) for seed in range(1000, 1010) for arm in ("plain", "shifted")]
    assert list(zip(frame["seed"], frame["arm"], strict=True)) == expected


@pytest.mark.parametrize("block", [1, 3, 10, 100])
def test_results_do_not_depend_on_the_blocks_or_the_order_of_seeds(toy, monkeypatch, block):
    usual = experiments.run("toy", jobs=1)
    line = EXPERIMENTS["toy"]
    shuffled = random.Random(block).sample(list(line.seeds), 10)
    monkeypatch.setitem(
        EXPERIMENTS, "toy", Experiment("toy", "headline", shuffled, block, line.module)
    )
    other = experiments.run("toy", seeds=shuffled, jobs=1, fresh=True)
    assert other.provenance.key == "toy"
    for name, frame in usual.tables.items():
        assert_frame_equal(other.tables[name], frame, check_exact=True)


@pytest.fixture
def stopped_workers() -> Iterator[None]:
    """Worker processes that end with the test: they have its package on their path."""
    yield
    joblib.externals.loky.get_reusable_executor().shutdown(wait=True)


@pytest.mark.usefixtures("stopped_workers")
def test_worker_processes_use_one_thread_and_agree_with_one_process(toy, monkeypatch):
    monkeypatch.setenv("OMP_NUM_THREADS", "2")
    alone = experiments.run("toy", jobs=1)
    shared = running.run_all(["toy", "toy/exhibit"], jobs=2, fresh=True)
    assert list(shared) == ["toy", "toy/exhibit"]
    for result in shared.values():
        assert_frame_equal(result.tables["outcomes"], alone.tables["outcomes"], check_exact=True)
        assert set(result.tables["threads"]["threads"]) == {"1"}
    assert os.environ["OMP_NUM_THREADS"] == "2"
    with joblib.parallel_config(backend="threading"):
        threads = experiments.run("toy", jobs=2, fresh=True)
    assert_frame_equal(threads.tables["outcomes"], alone.tables["outcomes"], check_exact=True)


@pytest.mark.usefixtures("stopped_workers")
def test_a_worker_that_dies_is_said_so(toy):
    edit(toy, "    rows = []\n", "    os._exit(3)\n")
    with pytest.raises(running.ExperimentFailedError, match="a worker process was ended"):
        experiments.run("toy", jobs=2)


def test_what_is_current_is_not_run_again(toy, monkeypatch):
    first = experiments.run("toy", jobs=1)
    monkeypatch.setattr(running, "run_block", None)
    again = experiments.run("toy", jobs=1)
    assert again.provenance == first.provenance
    with pytest.raises(TypeError):
        experiments.run("toy", jobs=1, fresh=True)


def test_an_error_names_the_experiment_and_the_others_are_stored(toy, tmp_path):
    bad = config(toy, fail_at=1005)
    with pytest.raises(
        running.ExperimentFailedError, match=r"toy failed:\n(?s:.*)seed 1005 is bad"
    ):
        running.run_all(["toy", "toy/exhibit"], configs={"toy": bad}, jobs=1)
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["toy--exhibit.zip"]


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ('return {"outcomes"', 'return [] and {"outcomes"', "must return a dict of DataFrames"),
        ('"outcomes": pd.DataFrame(rows)', '"outcomes": rows', "must return a dict of DataFrames"),
        ("for seed in seeds:", "for seed in [7]:", r"given the seeds .* 'outcomes' holds \[7\]"),
        ('"seed": list(seeds)', '"seed": seeds[0], "n": [0, 1]', "'threads' holds"),
        ('return {"outcomes"', 'return {"law": law} or {"outcomes"', "with a 'seed' column, got"),
        ('"beta": [0.0, 0.5]', '"beta": [0.0, float(seeds[0])]', "'law' has no 'seed' column but"),
        ('"law": law}', 'f"law{seeds[0]}": law}', "the same tables for all seeds"),
    ],
)
def test_tables_that_break_the_contract_are_refused(toy, tmp_path, old, new, message):
    edit(toy, old, new)
    with pytest.raises(running.ExperimentFailedError, match=message):
        experiments.run("toy", jobs=1)
    assert not (tmp_path / "results").exists()


def test_a_config_of_another_experiment_is_refused(toy):
    with pytest.raises(ValueError, match="must be a Config of"):
        experiments.run("toy", config=importlib.import_module(f"{toy}.exhibit").Config(), jobs=1)


def test_source_that_changed_after_its_import_is_not_run(toy):
    experiments.run("toy", jobs=1)
    path = Path(sys.path[0]) / toy / "experiment.py"
    path.write_text(path.read_text().replace("size=config.flips", "size=1 + config.flips"))
    with pytest.raises(RuntimeError, match="start Python anew"):
        experiments.run("toy", jobs=1)


def test_source_that_changed_between_its_import_and_its_first_run_is_not_run(toy):
    """Regression: the old code ran, and its result was stamped as current."""
    experiments.module("toy")
    path = Path(sys.path[0]) / toy / "experiment.py"
    path.write_text(path.read_text().replace("size=config.flips", "size=1 + config.flips"))
    with pytest.raises(RuntimeError, match="start Python anew"):
        experiments.run("toy", jobs=1)


def test_a_result_that_cannot_be_stored_does_not_cost_the_others(toy, tmp_path, monkeypatch):
    write = results.write

    def full(folder: Path, about: results.Provenance, tables: Any) -> Path:
        if about.experiment == "toy":
            raise OSError(28, "No space left on device")
        return write(folder, about, tables)

    monkeypatch.setattr(results, "write", full)
    with pytest.raises(running.ExperimentFailedError, match=r"toy failed:\n(?s:.*)No space left"):
        running.run_all(["toy", "toy/exhibit"], jobs=1)
    assert [path.name for path in (tmp_path / "results").iterdir()] == ["toy--exhibit.zip"]


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks a run for each moment")
def test_a_run_killed_at_any_of_50_moments_leaves_a_result_and_restarts_to_the_same(toy, source):
    first = experiments.run("toy", jobs=1)
    script = f"""
import os, random, signal, time
from calibration_lab import experiments as e
e.EXPERIMENTS["toy"] = e.Experiment("toy", "headline", range(1000, 1010), 4, "{toy}.experiment")
def run(): return e.run("toy", jobs=1, fresh=True)
run()
start = time.perf_counter(); run(); whole = time.perf_counter() - start
rng = random.Random(0)
for _ in range(50):
    child = os.fork()
    if child == 0:
        while True:
            run()
    time.sleep(rng.uniform(0, 2 * whole))
    assert os.waitpid(child, os.WNOHANG) == (0, 0), "it ended before it was killed"
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    shown = e.load("toy")
    assert shown.current and len(shown.tables["outcomes"]) == 20
run()
"""
    path = os.pathsep.join([str(source), sys.path[0]])
    done = subprocess.run(
        [sys.executable, "-c", script],
        env={**os.environ, "PYTHONPATH": path},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr
    again = experiments.load("toy")
    assert again.provenance.finished >= first.provenance.finished
    for name, table in first.tables.items():
        assert_frame_equal(again.tables[name], table, check_exact=True)


# --- What is shown ----------------------------------------------------------------------------


def test_comments_leave_a_result_current_and_code_makes_it_stale(toy):
    assert experiments.state("toy") == ("none", None)
    experiments.run("toy", jobs=1)
    assert experiments.current("toy")
    edit(toy, "# of the second arm", "# of the other arm")
    assert experiments.state("toy")[0] == "current"
    edit(toy, "flips.mean()", "flips.mean() * 2")
    assert experiments.state("toy") == ("stale", None)
    assert not experiments.current("toy")
    with pytest.raises(experiments.NoResultError, match=r"stale.*; run: .*run toy$"):
        experiments.load("toy")
    experiments.run("toy", jobs=1)
    assert experiments.current("toy")


def test_changed_fields_and_other_seeds_are_stored_apart(toy, tmp_path):
    published = experiments.run("toy", jobs=1)
    changed = config(toy, shift=2.0)
    other = experiments.run("toy", config=changed, jobs=1)
    few = experiments.run("toy", seeds=[3, 2], jobs=1)
    keys = {published.provenance.key, other.provenance.key, few.provenance.key}
    assert len(keys) == 3
    assert {path.stem for path in (tmp_path / "results").iterdir()} == keys
    assert few.provenance.seeds == (2, 3)
    assert experiments.load("toy").provenance == published.provenance
    assert experiments.load("toy", config=changed).provenance == other.provenance
    same = experiments.load("toy", config=config(toy), seeds=reversed(range(1000, 1010)))
    assert same.provenance == published.provenance


def test_other_published_seeds_make_the_result_stale(toy, monkeypatch):
    experiments.run("toy", jobs=1)
    module = EXPERIMENTS["toy"].module
    monkeypatch.setitem(EXPERIMENTS, "toy", Experiment("toy", "headline", range(9), 4, module))
    assert experiments.state("toy")[0] == "stale"


def test_without_an_own_run_the_record_is_shown_and_says_so(toy, tmp_path):
    result = experiments.run("toy", jobs=1)
    path = experiments.record(result)
    assert path == tmp_path / "record" / "toy.zip"
    shutil.rmtree(tmp_path / "results")
    kind, shown = experiments.state("toy")
    assert kind == "record only"
    assert shown is not None
    assert shown.origin == f"recorded on {result.provenance.date}, source changed since: no"
    assert shown.current
    assert not experiments.current("toy")
    assert experiments.current("toy", shipped=True)
    edit(toy, "flips.mean()", "flips.mean() * 2")
    shown = experiments.load("toy")
    assert shown.origin.endswith("source changed since: yes")
    assert not shown.current
    assert not experiments.current("toy", shipped=True)


def test_a_stale_own_run_gives_way_to_the_record(toy):
    experiments.record(experiments.run("toy", jobs=1))
    edit(toy, "flips.mean()", "flips.mean() * 2")
    kind, shown = experiments.state("toy")
    assert kind == "stale"
    assert shown is not None
    assert shown.origin.startswith("recorded on")


def test_a_damaged_result_is_passed_over_with_a_warning_and_computed_again(toy, tmp_path):
    experiments.run("toy", jobs=1)
    path = tmp_path / "results" / "toy.zip"
    path.write_bytes(path.read_bytes()[:100])
    with pytest.warns(results.UnreadableResultWarning, match=r"toy\.zip is damaged"):
        assert experiments.state("toy") == ("unreadable", None)
    with pytest.warns(results.UnreadableResultWarning):
        assert experiments.run("toy", jobs=1).current
    assert experiments.current("toy")


def test_the_result_of_another_experiment_is_not_taken_for_this_one(toy, tmp_path):
    about = experiments.run("toy/exhibit", jobs=1)
    from dataclasses import replace

    forged = replace(about.provenance, key="toy")
    results.write(tmp_path / "results", forged, about.tables)
    with pytest.warns(results.UnreadableResultWarning, match="result of 'toy/exhibit'"):
        assert experiments.state("toy")[0] == "unreadable"


# --- Judging and recording --------------------------------------------------------------------


def test_statements_are_judged_on_the_tables_of_their_exhibit(toy):
    experiments.run("toy", jobs=1)
    judged = {one.key: one.verdict for one in experiments.judgements("toy")}
    assert judged == {"toy/shift-shifts": "supported", "toy/plain-is-small": "refuted"}
    assert [one.key for one in experiments.statements("toy/exhibit")] == ["toy/elsewhere"]
    with pytest.raises(experiments.NoResultError, match="run toy/exhibit"):
        experiments.judgements("toy/exhibit")


def test_recording_enters_the_declarations_once(toy, tmp_path):
    result = experiments.run("toy", jobs=1)
    experiments.record(result)
    ledger = tmp_path / "record" / "declarations.json"
    first = ledger.read_bytes()
    assert b"toy/shift-shifts" in first
    assert b"toy/elsewhere" not in first  # its own tables are not published
    experiments.record(result)
    assert ledger.read_bytes() == first


def test_a_declaration_changed_in_silence_is_neither_recorded_nor_judged(toy, tmp_path):
    result = experiments.run("toy", jobs=1)
    path = experiments.record(result)
    before = path.read_bytes()
    edit(toy, "AtLeast(plain, 2.0)", "AtLeast(plain, -2.0)", "statements")
    with pytest.raises(ValueError, match="toy/plain-is-small differs from its declaration"):
        experiments.judgements("toy")
    with pytest.raises(ValueError, match="toy/plain-is-small differs from its declaration"):
        experiments.record(result)
    assert path.read_bytes() == before


def test_an_amended_statement_is_recorded_beside_its_first_declaration(toy, tmp_path, monkeypatch):
    experiments.record(experiments.run("toy", jobs=1))
    ledger = tmp_path / "record" / "declarations.json"
    first = json.loads(ledger.read_text())
    amended = 'AtLeast(plain, -2.0),\n        amended="a sign was wrong"'
    edit(toy, "AtLeast(plain, 2.0)", amended, "statements")
    module = EXPERIMENTS["toy"].module
    fresh = Experiment("toy", "headline", range(1100, 1110), 4, module)
    with pytest.raises(ValueError, match="judge it on a fresh block"):
        experiments.judgements("toy")
    monkeypatch.setitem(EXPERIMENTS, "toy", fresh)
    experiments.record(experiments.run("toy", jobs=1))
    second = json.loads(ledger.read_text())
    unchanged = first["toy/shift-shifts"]
    assert second["toy/shift-shifts"] == unchanged | {"seeds": "1000-1009, 1100-1109"}
    (amendment,) = second["toy/plain-is-small"].pop("amendments")
    assert second["toy/plain-is-small"] == first["toy/plain-is-small"]
    assert amendment["seeds"] == "1100-1109"
    said = {
        one.key: check_declaration(one, ledger, fresh.seeds)
        for one in experiments.statements("toy")
    }
    assert said == {
        "toy/shift-shifts": "as declared",
        "toy/plain-is-small": "amended after seeing results: a sign was wrong",
    }
    assert len(experiments.judgements("toy")) == 2


def test_the_ledger_is_written_once_and_before_the_record(toy, monkeypatch):
    written, write = [], results.write_atomically
    monkeypatch.setattr(
        results,
        "write_atomically",
        lambda path, text: (written.append(path.name), write(path, text))[1],
    )
    experiments.record(experiments.run("toy", jobs=1, folder=results.RECORD.parent / "other"))
    assert written == ["toy.zip", "declarations.json", "toy.zip"]  # the run itself, then its record


def test_two_recordings_at_a_time_are_refused(toy, tmp_path):
    result = experiments.run("toy", jobs=1)
    lock = tmp_path / "record" / recording.LOCK
    lock.parent.mkdir()
    lock.touch()
    with pytest.raises(
        recording.RecordingInProgressError, match=r"in progress.*delete .*recording"
    ):
        experiments.record(result)
    assert [path.name for path in lock.parent.iterdir()] == [lock.name]
    lock.unlink()
    experiments.record(result)
    assert not lock.exists()


def test_a_failed_recording_leaves_no_lock(toy, monkeypatch):
    result = experiments.run("toy", jobs=1)
    monkeypatch.setattr(results, "write_atomically", lambda *_: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        experiments.record(result)
    assert not list(results.RECORD.iterdir())


def test_a_control_among_the_statements_is_refused(toy):
    edit(
        toy,
        '    Statement(\n        key="toy/plain',
        '    Control(\n        key="toy/plain',
        "statements",
    )
    with pytest.raises(
        ValueError, match="toy/plain-is-small is a Control; expected in the controls"
    ):
        experiments.statements("toy")


def test_only_the_published_run_becomes_the_record(toy):
    with pytest.raises(ValueError, match="only the current published run"):
        experiments.record(experiments.run("toy", seeds=[1], jobs=1))


def test_blocks_of_different_kinds_of_column_join():
    parts = [
        {"t": pd.DataFrame({"seed": [1], "arm": ["a"], "value": [1]})},
        {"t": pd.DataFrame({"seed": [2], "arm": ["a"], "value": [float("nan")]})},
        {"t": pd.DataFrame({"seed": [0], "arm": ["a"], "value": [1]}).head(0)},
    ]
    frame = running.combine(parts)["t"]
    assert frame["seed"].tolist() == [1, 2]
    assert frame["value"].dtype == "float64"
