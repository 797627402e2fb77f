"""The results that the book shows: complete, current, judged, and in agreement with the record."""

from __future__ import annotations

import numpy as np
import pytest

from calibration_lab import experiments, results
from calibration_lab.statements import check_declaration, read_ledger

NAMES = list(experiments.EXPERIMENTS)
HEADLINES = [name for name in NAMES if experiments.get(name).tier == "headline"]


def own(name):
    """This machine's published run, as ``make book`` leaves it; the record where it could not."""
    found = experiments.own(name)
    if found is None and experiments.missing(name):
        return experiments.load(name)
    if found is None:
        pytest.fail(f"no current result of {name}: run `make book` first")
    return found


def verdicts(result):
    return {j.key: j.verdict for j in experiments.judgements(result.name, result)}


@pytest.mark.parametrize("name", NAMES)
def test_every_published_seed_is_there_and_no_number_is_missing_unsaid(name):
    result = own(name) if name in HEADLINES else experiments.load(name)
    assert result.provenance.seeds == tuple(experiments.get(name).seeds)
    for title, table in result.tables.items():
        if "seed" in table:
            assert set(table["seed"]) == set(experiments.get(name).seeds), title
        assert not np.isinf(table.select_dtypes("float").to_numpy()).any(), title


@pytest.mark.parametrize("name", NAMES)
def test_published_seeds_are_not_those_of_design_or_verification(name):
    assert all(1000 <= seed < 100_000 for seed in experiments.get(name).seeds)


@pytest.mark.parametrize("name", NAMES)
def test_declarations_are_those_that_were_published(name):
    ledger = read_ledger(results.RECORD / experiments.LEDGER)
    for statement in experiments.statements(name):
        said = check_declaration(statement, ledger, experiments.get(name).seeds)
        assert said != "not yet published", statement.key


@pytest.mark.parametrize("name", HEADLINES)
def test_this_machine_agrees_with_the_shipped_record(name):
    """Same seeds and source: the same numbers up to rounding, and the same verdicts."""
    shipped = experiments.shipped(name)
    if shipped is None or not shipped.current:
        pytest.fail(f"the record of {name} is missing or stale: run it, then record it")
    mine = own(name)
    assert verdicts(mine) == verdicts(shipped)
    for statement, recorded in zip(
        experiments.judgements(name, mine), experiments.judgements(name, shipped), strict=True
    ):
        width = 0.0
        if recorded.interval is not None and recorded.interval.defined:
            width = recorded.interval.high - recorded.interval.low
        assert statement.effect == pytest.approx(recorded.effect, abs=0.5 * width + 1e-9)


@pytest.mark.parametrize("name", [name for name in NAMES if experiments.statements(name)])
def test_every_statement_is_judged_with_as_many_units_as_declared(name):
    result = own(name) if name in HEADLINES else experiments.load(name)
    for statement, judgement in zip(
        experiments.statements(name), experiments.judgements(name, result), strict=True
    ):
        assert judgement.units == statement.units
        assert "too few" not in judgement.reason
