"""The temperature-zero experiment with small constants: judges, measures, run, figures."""

from dataclasses import replace
from itertools import product

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy.special import expit, softmax

from calibration_lab import agreement, batched
from calibration_lab.experiments.temperature_zero import (
    confidence,
    experiment,
    figures,
    judges,
    reliability,
    transposition,
)
from calibration_lab.experiments.temperature_zero.columns import COLUMNS
from calibration_lab.experiments.temperature_zero.statements import QUANTITIES, STATEMENTS
from calibration_lab.results import Result, provenance
from calibration_lab.statements import judge

SMALL = experiment.Config(items=128, swept_items=256, tested=128, validation=128, noise_tables=1)


@pytest.fixture(scope="module")
def tables():
    return experiment.run(SMALL, [0, 1])


def test_true_odds_are_bayes_rule():
    """The normal densities written out, on evidence recovered from the odds."""
    items = judges.make_items(3, "x", 200, evidence=2.0, phrasings=1)
    seen = items.odds / 2.0
    yes, no = (np.exp(-((seen - centre) ** 2) / 2) for centre in (1.0, -1.0))
    np.testing.assert_allclose(expit(items.odds), yes / (yes + no), rtol=1e-6)


def test_labels_come_true_as_often_as_their_odds_say():
    items = judges.make_items(5, "x", 60_000, evidence=2.0, phrasings=1)
    for low, high in ((-9, -2), (-2, 0), (0, 2), (2, 9)):
        here = (items.odds > low) & (items.odds <= high)
        assert items.label[here].mean() == pytest.approx(expit(items.odds[here]).mean(), abs=0.01)


def test_judges_bend_the_odds_as_declared():
    items = judges.make_items(0, "x", 500, evidence=2.0, phrasings=3)
    np.testing.assert_array_equal(judges.Judge().odds(items), items.odds)
    np.testing.assert_array_equal(judges.Judge(misled=1.0).odds(items), -items.odds)
    backwards = judges.Judge(misled=0.6).odds(items) != items.odds
    assert backwards.mean() == pytest.approx(0.6, abs=0.07)
    many = judges.Judge(sharpness=2, phrasing=0.5, offset=1.0).odds(items, judges.ALL)
    assert many.shape == (500, 3)
    expected = 2 * (items.odds + 0.5 * items.phrasing[:, 2]) + 1
    np.testing.assert_allclose(many[:, 2], expected)
    assert (judges.probability(judges.JUDGES["constant"].odds(items), 2.0) == 1).all()


def test_temperature_goes_from_the_mode_to_a_coin():
    odds = np.array([-1.0, 0.2, 3.0])
    np.testing.assert_array_equal(judges.probability(odds, 0.0), [0, 1, 1])
    np.testing.assert_allclose(judges.probability(odds, 1e-3), [0, 1, 1], atol=1e-9)
    np.testing.assert_allclose(judges.probability(odds, 1e9), 0.5)


# --- reliability ---------------------------------------------------------------------------------


def test_the_true_reliability_is_the_correlation_of_two_draws():
    """All pairs of answers of all items, weighted by their probability."""
    p = np.random.default_rng(0).uniform(size=30)
    weight = {
        (a, b): (np.where(a, p, 1 - p) * np.where(b, p, 1 - p)).mean()
        for a, b in product((0, 1), repeat=2)
    }
    mean = weight[1, 0] + weight[1, 1]
    correlation = (weight[1, 1] - mean**2) / (mean - mean**2)
    assert reliability.true_reliability(p) == pytest.approx(correlation)
    draws = (np.random.default_rng(1).random((30, 4000)) < p[:, None]).astype(float)
    assert agreement.icc(np.tile(draws, (20, 1))) == pytest.approx(correlation, abs=0.01)


@given(
    st.lists(st.integers(0, 100), min_size=8, max_size=8),
    st.lists(st.integers(0, 1), min_size=8, max_size=8),
)
def test_no_judge_is_more_valid_than_the_root_of_its_reliability(percent, right):
    p, label = np.array(percent) / 100, np.array(right, dtype=float)
    one, correlation = reliability.true_reliability(p), reliability.validity(p, label)
    if np.isfinite(correlation):
        assert abs(correlation) <= np.sqrt(one) + 1e-9
    assert reliability.true_reliability(1 - p) == pytest.approx(one, nan_ok=True, abs=1e-9)


@pytest.mark.parametrize("repetitions", [3, 4, 5])
def test_majority_accuracy_by_enumeration(repetitions):
    for p in (0.0, 0.2, 0.5, 0.9, 1.0):
        expected = 0.0
        for draws in product((0, 1), repeat=repetitions):
            share = np.mean(draws)
            credit = 0.5 if share == 0.5 else float(share > 0.5)
            expected += credit * p ** sum(draws) * (1 - p) ** (repetitions - sum(draws))
        found = reliability.majority_accuracy(np.array([p]), repetitions)[0]
        assert found == pytest.approx(expected, abs=1e-12)


def test_wording_varies_with_temperature_and_leaves_the_answer():
    answers = np.random.default_rng(0).integers(0, 2, (200, 50)).astype(float)
    uniform = np.random.default_rng(1).random((200, 50))
    for temperature, expected in ((0.0, [1, 0, 0]), (1.0, softmax(SMALL.wordings))):
        raw = experiment.worded(SMALL, answers, uniform, temperature)
        np.testing.assert_array_equal(raw % 2, answers)
        shares = np.bincount((raw // 2).ravel(), minlength=3) / raw.size
        np.testing.assert_allclose(shares, expected, atol=0.02)


def test_temperature_zero_is_consistent_and_no_better_informed(tables):
    table = tables["repetition"].set_index(["seed", "judge", "temperature", "setting"])
    zero = table.xs((0.0, "free"), level=("temperature", "setting"))
    judged = zero.drop(index=["constant", "coin"], level="judge")
    assert (judged["omega"] == 1).all()
    assert (judged["total_raw"] == 1).all()
    assert (judged["accuracy_spread"] == 0).all()
    for name in ("constant", "coin"):
        assert zero.xs(name, level="judge")["omega"].isna().all()
    careful, reverse = (
        zero.xs(name, level="judge")["accuracy"] for name in ("careful", "reversed")
    )
    np.testing.assert_allclose(careful + reverse, 1.0)


# --- confidence ----------------------------------------------------------------------------------


def test_sources_give_the_share_that_they_declare():
    items = judges.make_items(0, "x", 400, evidence=2.0, phrasings=4)
    uniform = np.random.default_rng(0).random((400, 2000))
    judge_ = judges.Judge(sharpness=2.0, phrasing=1.0)
    own = confidence.Source(1.0, 0).share(judge_, items, uniform)
    np.testing.assert_allclose(own, expit(judge_.odds(items)))
    many = confidence.Source(1.0, 2000).share(judge_, items, uniform)
    np.testing.assert_allclose(many, own, atol=0.05)
    all_phrasings = confidence.Source(1.0, 500, phrasings=True).share(judge_, items, uniform)
    np.testing.assert_allclose(
        all_phrasings, expit(judge_.odds(items, judges.ALL)).mean(1), atol=0.05
    )
    zero = confidence.Source(0.0, 10).share(judge_, items, uniform)
    assert set(np.unique(zero)) <= {0.0, 1.0}


def test_agreement_is_calibrated_where_temperature_undoes_sharpness():
    items = judges.make_items(0, "x", 4000, evidence=2.0, phrasings=1)
    uniform = np.random.default_rng(0).random((4000, 200))
    for sharpness in (0.5, 1.0, 2.0):
        share = confidence.Source(sharpness, 200).share(
            judges.Judge(sharpness=sharpness), items, uniform
        )
        measured = confidence.measure(*confidence.answer(share, items)[:2])
        assert measured["ece"] < 0.01


def test_agreement_at_zero_is_off_by_the_error_rate():
    items = judges.make_items(0, "x", 500, evidence=2.0, phrasings=1)
    share = confidence.Source(0.0, 5).share(judges.Judge(), items, np.zeros((500, 5)))
    found, right, correct = confidence.answer(share, items)
    measured = confidence.measure(found, right)
    assert measured["ece"] == pytest.approx(1 - measured["accuracy"])
    assert measured["auroc"] == 0.5
    assert correct.mean() == pytest.approx(measured["accuracy"], abs=0.06)


# --- the transposed layout -----------------------------------------------------------------------


def test_codes_are_draws_from_the_softmax():
    one = transposition.codes(0, "x", (3, 40_000), 4, taste=1.0, mood=0.0, temperature=0.5)
    odds = batched.draw([0], "x: taste", "normal", (3, 1, 4))[0, :, 0].numpy()
    shares = np.stack([(one == code).mean(axis=1) for code in (1, 2, 3, 4)], axis=1)
    np.testing.assert_allclose(shares, softmax(odds / 0.5, axis=1), atol=0.01)
    frozen = transposition.codes(0, "x", (3, 50), 4, taste=1.0, mood=0.0, temperature=0.0)
    assert (frozen == frozen[:, :1]).all()


def test_shuffling_keeps_each_questions_answers():
    answers = transposition.codes(0, "x", (5, 60), 5, 1.0, 1.0, 1.0)
    alone = transposition.shuffled(0, "x", answers)
    np.testing.assert_array_equal(np.sort(alone, axis=1), np.sort(answers, axis=1))
    assert (alone != answers).any()
    assert agreement.pairwise_agreement(alone) == agreement.pairwise_agreement(answers)


# --- the run -------------------------------------------------------------------------------------


def test_seeds_alone_equal_seeds_together(tables):
    alone = experiment.run(SMALL, [1])
    for name, table in tables.items():
        ours = table[table["seed"] == 1].reset_index(drop=True)
        pd.testing.assert_frame_equal(ours, alone[name], check_exact=True)


def test_every_statement_control_and_quantity_can_be_computed(tables):
    for statement in STATEMENTS:
        judgement = judge(statement, tables)
        assert judgement.verdict == "inconclusive"  # two seeds are never enough
        assert np.isfinite(judgement.effect)
    for value, unit, _ in QUANTITIES.values():
        assert len(value.values(tables, "seed")) == 2
        assert unit == ""


def test_every_column_is_explained_and_none_besides(tables):
    found = {column for table in tables.values() for column in table}
    assert found - {"seed", "accuracy", "confidence", "ece", "brier", "auroc"} == set(COLUMNS)


def test_omega_follows_spearman_brown_in_the_small(tables):
    sweep = tables["sweep"]
    careful = sweep[(sweep["judge"] == "careful") & (sweep["repetitions"] >= 10)]
    np.testing.assert_allclose(careful["omega"], careful["predicted"], atol=0.05)


@pytest.mark.parametrize("name", figures.FIGURES)
def test_figures_draw_with_an_alternative_made_from_the_data(tables, name):
    about = provenance(
        "temperature-zero", SMALL, (0, 1), key="temperature-zero", source="0" * 64,
        cpu_seconds=1.0, wall_seconds=1.0,
    )  # fmt: skip
    drawing = figures.FIGURES[name](Result("temperature-zero", tables, about, "here", True))
    assert "<svg" in drawing.svg()
    assert len(drawing.alt) > 80
    assert any(ch.isdigit() for ch in drawing.alt)


@pytest.mark.parametrize(
    ("field", "value", "message"),
    [
        ("judges", ("nobody",), r"judges must name some of careful, .*got \['nobody'\]"),
        ("swept", (), "swept must name some of .*got none"),
        ("confident", ("careful",), r"confident must name some of honest.*got \['careful'\]"),
        ("temperatures", (-1.0,), "temperatures must hold numbers of 0 or more"),
        ("consistency", (), "consistency must hold numbers of 0 or more"),
        ("items", 8, "items must be 16 or more, got 8"),
        ("swept_items", 50, r"swept_items must be more than repetitions \(100\), got 50"),
        ("items", 100, r"items must be more than repetitions \(100\), got 100"),
        ("repetitions", 2, "repetitions must be 3 or more, got 2"),
        ("phrasings", 1, "phrasings must be 2 or more, got 1"),
        ("sweep", (2,), "sweep must hold numbers of 3 or more"),
        ("sweep", (3, 200), r"sweep must not exceed repetitions \(100\), got 200"),
        ("questions", (), "questions must hold numbers of 3 or more"),
        ("noise_tables", 0, "noise_tables must be 1 or more, got 0"),
        ("evidence", 0.0, "evidence must be a positive number, got 0.0"),
        ("mood", float("nan"), "mood must be a positive number, got nan"),
    ],
)
def test_bad_fields_are_named(field, value, message):
    with pytest.raises(ValueError, match=message):
        replace(SMALL, **{field: value})
