"""The error rates that the book promises, measured where the truth is known.

Expected values come from larger runs of the same tables (their sizes stand beside them); a
tolerance of four Monte Carlo standard errors of the small run separates noise from a defect.
"""

from __future__ import annotations

import math

import pytest

from calibration_lab.statements.operating_characteristics import (
    coverage_table,
    law_coverage_table,
    verdict_table,
)

pytestmark = pytest.mark.slow


def near(share, worlds):
    spread = math.sqrt(max(share * (1 - share), 0.01) / worlds)
    return pytest.approx(share, abs=4 * spread)


# (n = 16, n = 32), from coverage_table(20_000)
COVERAGE = {
    "normal": (0.948, 0.951),
    "exponential": (0.938, 0.949),
    "lognormal": (0.915, 0.928),
    "half of units collapse": (0.983, 0.980),
    "a quarter of units collapse": (0.986, 0.983),
    "a tenth of units collapse": (0.811, 0.951),
    "a tenth, no bounds declared": (0.811, 0.951),
}

# (n = 16, n = 32), from law_coverage_table(1000)
LAW_COVERAGE = {
    "median of exponential": (0.968, 0.965),
    "rank correlation": (0.982, 0.968),
    "zero crossing": (0.929, 0.929),
}

# largest share of an undeserved verdict at the boundary, from verdict_table(3000)
BOUNDARY = {
    ("at least 1", "normal"): 0.029,
    ("at least 1", "exponential"): 0.043,
    ("at least 1", "a quarter of units collapse"): 0.017,
    ("equivalent within 1", "normal"): 0.029,
    ("equivalent within 1", "exponential"): 0.043,
    ("control at its margin", "normal"): 0.034,
    ("all of two, both at threshold", "normal"): 0.029,
}


@pytest.fixture(scope="module")
def coverage():
    return coverage_table(worlds=600)


@pytest.fixture(scope="module")
def verdicts():
    return verdict_table(worlds=200)


def test_means_cover_as_stated(coverage):
    for row in coverage.itertuples():
        expected = COVERAGE[row.world][0 if row.n == 16 else 1]
        assert row.coverage == near(expected, 600), row


def test_bootstrap_t_beats_student_where_the_seeds_are_skewed(coverage):
    skewed = coverage[coverage.world.isin(["exponential", "lognormal"])]
    assert (skewed.coverage > skewed.student + 0.005).all()


def test_what_did_not_happen_is_missed(coverage):
    # 0.9 ** 16 = 0.185 of the samples hold no collapse, and every one of them misses the mean.
    row = coverage[(coverage.world == "a tenth of units collapse") & (coverage.n == 16)].iloc[0]
    assert row.mean_above == near(0.9**16, 600)


def test_declared_bounds_shorten_the_interval_of_rare_events(coverage):
    width = coverage.set_index(["world", "n"]).width
    for n in (16, 32):
        bounded, free = (
            width[f"a tenth{end}", n] for end in (" of units collapse", ", no bounds declared")
        )
        assert bounded < 0.7 * free


def test_laws_cover_as_stated():
    for row in law_coverage_table(worlds=50).itertuples():
        expected = LAW_COVERAGE[row.statistic][0 if row.n == 16 else 1]
        assert row.coverage == near(expected, 50), row
        assert row.coverage >= row.percentile


def test_verdicts_err_at_the_boundary_as_stated(verdicts):
    for row in verdicts[verdicts.boundary].itertuples():
        largest = BOUNDARY[row.rule, row.world]
        spread = math.sqrt(largest * (1 - largest) / 200)
        assert max(row.supported, row.refuted) <= largest + 4 * spread, row


def test_a_control_at_its_margin_never_refutes_its_parent(verdicts):
    assert (verdicts[verdicts.rule == "control at its margin"].refuted == 0).all()


def test_the_smallest_detectable_effect_is_detected_as_promised(verdicts):
    power = verdicts[(verdicts.rule == "at least 1, power") & (verdicts.world == "normal")]
    for row in power.itertuples():
        assert row.supported == near(0.79, 200), row  # 0.782 and 0.796 of 3000 worlds


def test_equivalence_is_attainable(verdicts):
    power = verdicts[verdicts.rule == "equivalent within 1, power"]
    assert (power.supported > 0.8).all()
    assert (power.refuted == 0).all()
