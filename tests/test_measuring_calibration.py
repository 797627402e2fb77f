"""The primer's experiment, at a size for tests, its theorems, and the code of its chapter."""

from __future__ import annotations

import dataclasses
import itertools
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal
from scipy.special import expit

from calibration_lab import calibration, results, scores
from calibration_lab.experiments.measuring_calibration import experiment, real_data
from calibration_lab.experiments.measuring_calibration.figures import FIGURES
from calibration_lab.experiments.measuring_calibration.statements import (
    CANCER_TEST,
    DIGITS_TEST,
    QUANTITIES,
    STATEMENTS,
    slope,
)
from calibration_lab.statements import Control, judge

CHAPTER = Path(__file__).parents[1] / "book" / "0-measuring-calibration.md"
SMALL = dataclasses.replace(
    experiment.Config(), rows=2000, sets=2, floor_sets=2, floor_repetitions=20, steps=40
)
SEEDS = (7, 8)


@pytest.fixture(scope="module")
def tables() -> dict[str, pd.DataFrame]:
    return experiment.run(SMALL, SEEDS)


def result_of(tables: dict[str, pd.DataFrame]) -> results.Result:
    about = results.provenance(
        "measuring-calibration", SMALL, SEEDS, key="x", source="", cpu_seconds=0, wall_seconds=0
    )
    return results.Result("measuring-calibration", tables, about, "a test", False)


# --- The world and its forecasters --------------------------------------------------------------


def test_events_happen_as_often_as_their_probability_says():
    events = experiment.draw_events(experiment.Config(), 3, "test", 200_000)
    gap = events.happened.mean() - events.probability.mean()
    assert abs(gap) < 4 * 0.5 / np.sqrt(200_000)
    assert calibration.expected_calibration_error(events.probability, events.happened) < 0.006


def test_the_coarse_forecaster_states_the_probability_given_what_it_sees():
    config = experiment.Config()
    visible = np.array([-3.0, -0.4, 0.0, 2.0])
    subtle = config.subtle * np.random.default_rng(0).standard_normal(400_000)
    sampled = expit(visible[:, None] + subtle).mean(1)
    assert np.abs(experiment.coarse(config, visible) - sampled).max() < 0.002


def test_edge_seeking_errors_cancel_in_ten_bins_and_not_in_twenty():
    probability = (np.arange(10_000) + 0.5) / 10_000
    stated = experiment.edge_seeking(probability)
    errors = [calibration.expected_calibration_error(stated, probability, bins=n) for n in (10, 20)]
    assert errors == pytest.approx([0, 0.025 - 0.002], abs=1e-9)  # 1/40 less the offset


def test_sharpening_keeps_the_order():
    events = experiment.draw_events(SMALL, 1, "test", 500)
    sharp = experiment.forecast(SMALL, "overconfident", events)
    assert (np.argsort(sharp) == np.argsort(events.probability)).all()


def test_config_refuses_what_cannot_run():
    with pytest.raises(ValueError, match="multiples of 16"):
        experiment.Config(train=100)
    with pytest.raises(ValueError, match="one of sizes"):
        experiment.Config(floor_rows=123)


# --- The theorems of the chapter, by enumeration ------------------------------------------------


def every_outcome(probability: np.ndarray):
    """All outcomes of independent events, each with its probability."""
    for outcome in itertools.product([0.0, 1.0], repeat=len(probability)):
        y = np.array(outcome)
        yield y, float(np.prod(np.where(y == 1, probability, 1 - probability)))


def test_the_expected_brier_score_is_excess_plus_variance():
    for p, c in itertools.product(np.linspace(0, 1, 11), repeat=2):
        expected = scores.expected_loss(scores.brier(), c, p)
        assert expected == pytest.approx((c - p) ** 2 + p * (1 - p), abs=1e-15)


def test_the_bias_of_the_plug_in_error():
    stated = np.array([0.1, 0.15, 0.4, 0.45, 0.49, 0.9])
    q = np.array([0.3, 0.1, 0.4, 0.6, 0.2, 0.7])
    plug_in = {"bins": 5, "norm": 2}
    found = sum(
        chance * calibration.expected_calibration_error(stated, y, **plug_in) ** 2
        for y, chance in every_outcome(q)
    )
    truth = calibration.expected_calibration_error(stated, q, **plug_in) ** 2
    variance = sum((q * (1 - q))[rows].mean() for rows in ([0, 1], [2], [3, 4], [5]))
    assert found == pytest.approx(truth + variance / 6)


def test_the_debiased_error_is_unbiased_for_equal_forecasts():
    stated = np.repeat([0.3, 0.8], [3, 4])
    q = np.repeat([0.45, 0.6], [3, 4])
    found = sum(
        chance * calibration.debiased_squared_calibration_error(stated, y)
        for y, chance in every_outcome(q)
    )
    assert found == pytest.approx((3 * 0.15**2 + 4 * 0.2**2) / 7)


def test_the_reports_that_rules_ask_for():
    elicited = pd.DataFrame(experiment.elicited(SMALL, 5)["elicited"]).set_index("rule")
    assert elicited.loc["linear", "farthest_from_ends"] == 0
    assert elicited.loc["penalise_only_wrong", "highest_report"] == 0
    assert (elicited.loc[["brier", "log", "spherical"], "from_truth"] <= 0.001).all()


# --- The run ------------------------------------------------------------------------------------


def test_every_table_has_the_seeds(tables):
    assert all(set(frame["seed"]) == set(SEEDS) for frame in tables.values())
    assert set(tables["repaired"]["repair"]) == set(real_data.REPAIRS)


def test_results_do_not_depend_on_the_grouping_of_seeds(tables):
    alone = experiment.run(SMALL, SEEDS[1:])
    for name, frame in tables.items():
        mine = frame[frame["seed"] == SEEDS[1]].reset_index(drop=True)
        factors = [c for c in mine.columns if mine[c].dtype.kind != "f"]
        order = {"by": factors, "ignore_index": True}
        other = alone[name].sort_values(**order)
        assert_frame_equal(mine.sort_values(**order), other, check_exact=True)


def test_splits_are_disjoint_and_of_the_declared_size():
    features = np.arange(60.0).reshape(30, 2)
    one = real_data.split(features, np.arange(30.0), 1, 10, 12, 8)
    labels = np.concatenate([part[1] for part in one])
    assert sorted(labels) == list(range(30))
    assert np.allclose(one.train[0].mean(0), 0)
    config = experiment.Config()
    used = config.train + config.calibrate + config.test
    assert config.test / used == DIGITS_TEST
    rows = len(real_data.load_breast_cancer().target)
    trained, repaired = (int(share * rows) for share in config.cancer_parts)
    assert (rows - trained - repaired) / rows == CANCER_TEST


def test_repairs_without_a_finite_temperature():
    label = np.array([0.0, 0.0, 1.0, 1.0])
    apart, wrong = np.array([-2.0, -1.0, 1.0, 2.0]), np.array([2.0, 1.0, -1.0, -2.0])
    assert np.allclose(real_data.repairs(apart, label, 1)["temperature"](apart), expit(apart))
    assert np.allclose(real_data.repairs(wrong, label, 1)["temperature"](wrong), 0.5)


def test_a_slope_counts_each_unit_as_often_as_it_is_drawn():
    frame = pd.DataFrame(
        [
            {"seed": seed, "forecaster": "calibrated", "n": n, "ece": seed * n**power}
            for seed, power in ((1, -0.5), (2, -1.0))
            for n in (100, 200, 400)
        ]
    )
    one = slope({"sample_size": frame}, np.array([1, 1]), forecaster="calibrated")
    both = slope({"sample_size": frame}, np.array([1, 1, 2]), forecaster="calibrated")
    assert one == pytest.approx(-0.5)
    mean = [(2 * n**-0.5 + 2 / n) / 3 for n in (100, 200, 400)]
    assert both == pytest.approx(np.polyfit(np.log([100, 200, 400]), np.log(mean), 1)[0])


@pytest.mark.parametrize("statement", STATEMENTS, ids=lambda one: one.key.split("/")[1])
def test_every_statement_and_control_can_be_judged(tables, statement):
    judged = judge(statement, tables, resamples=50)
    assert judged.units == len(SEEDS)
    assert len(judged.controls) >= len(statement.controls)
    assert all(isinstance(one, Control) for one in statement.controls)


def test_every_quantity_can_be_computed(tables):
    for key, declared in QUANTITIES.items():
        value = declared[0] if isinstance(declared, tuple) else declared
        assert len(value.values(tables, "seed")) == len(SEEDS), key


@pytest.mark.parametrize("name", FIGURES)
def test_figures_draw_with_an_alternative_made_from_the_data(tables, name):
    drawing = FIGURES[name](result_of(tables))
    assert drawing.svg().startswith("<?xml")
    assert re.search(r"\d\.\d", drawing.alt)
    assert "nan" not in drawing.alt
    assert len(drawing.caption) > 20


# --- The chapter --------------------------------------------------------------------------------


def test_the_chapter_quotes_only_what_is_declared():
    text = CHAPTER.read_text("utf-8")
    known = {*QUANTITIES, *(one.key for one in STATEMENTS)}
    quoted = re.findall(r"\{measured\}`([^:`]+)", text)
    shown = re.findall(r"```\{statement\} (\S+)|:statement: (\S+)", text)
    assert not ({*quoted, *(a or b for a, b in shown)} - known)
    figures = re.findall(r"\{experiment-figure\} measuring-calibration/(\S+)", text)
    assert sorted(figures) == sorted(FIGURES)


def test_splits_of_real_data_are_quoted_without_an_interval():
    """Seeds are no independent units there: an interval over them would be too narrow."""
    text = CHAPTER.read_text("utf-8")
    quoted = re.findall(r"\{measured\}`(measuring-calibration/repaired/[^`]+)`", text)
    assert quoted
    assert all(one.endswith(":estimate") for one in quoted)
