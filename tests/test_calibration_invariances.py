"""One registry of every metric, and what must not change any of them.

Each test draws its data once and holds it against the whole registry: drawing costs more than the
metrics do. A failure names the metric.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration_lab import calibration as c


@dataclass(frozen=True)
class Metric:
    """A metric as ``value(p, y, **weight)``, and the exceptions it claims, each with a reason."""

    value: Callable[..., Any]
    perfect: float | None = 0.0  # its value when every forecast is its outcome; None: not constant
    signed: bool = False  # may be negative
    unbounded: bool = False  # may exceed 1
    weighted: bool = True  # takes a weight
    soft: bool = True  # takes known probabilities as outcomes
    duplication: bool = True  # repeating all rows changes nothing
    flip: bool = True  # p -> 1 - p, y -> 1 - y changes nothing


def _ece(**options):
    return lambda p, y, **weight: c.expected_calibration_error(p, y, **options, **weight)


def _part(function, field, **options):
    return lambda p, y, **weight: getattr(function(p, y, **options, **weight), field)


# With 7 bins and forecasts in 1024ths no forecast but 0 and 1 meets an edge, so that the mirror
# image of a right-closed bin is the same bin.
METRICS: dict[str, Metric] = {
    "brier": Metric(c.brier_score),
    "log": Metric(c.log_score, unbounded=True),
    "log, clipped": Metric(
        lambda p, y, **weight: c.log_score(p, y, clip=0.01, **weight), None, unbounded=True
    ),
    "murphy reliability": Metric(_part(c.brier_decomposition, "reliability")),
    "murphy resolution": Metric(_part(c.brier_decomposition, "resolution"), None),
    "murphy uncertainty": Metric(_part(c.brier_decomposition, "uncertainty"), None),
    "binned murphy reliability": Metric(_part(c.binned_brier_decomposition, "reliability", bins=7)),
    "binned murphy remainder": Metric(
        _part(c.binned_brier_decomposition, "within_bin", bins=7), signed=True
    ),
    "corp miscalibration": Metric(_part(c.corp_decomposition, "miscalibration")),
    "corp discrimination": Metric(_part(c.corp_decomposition, "discrimination"), None),
    "corp uncertainty": Metric(_part(c.corp_decomposition, "uncertainty"), None),
    "ece, equal width": Metric(_ece(bins=7)),
    "ece, equal width, squared": Metric(_ece(bins=7, norm=2)),
    # flip: a tie group whose middle is exactly a quantile belongs to the upper bin both ways
    "ece, equal mass": Metric(_ece(bins=3, binning="equal-mass"), flip=False),
    "ece, equal mass, squared": Metric(_ece(bins=3, binning="equal-mass", norm=2), flip=False),
    # debiasing removes sampling noise: it may overshoot, needs labels, and repeats are not new rows
    "ece, debiased": Metric(
        lambda p, y: c.debiased_squared_calibration_error(p, y, bins=7),
        signed=True,
        weighted=False,
        soft=False,
        duplication=False,
    ),
    "smooth": Metric(c.smooth_calibration_error),
    "smooth, fixed bandwidth": Metric(
        lambda p, y, **weight: c.smooth_calibration_error(p, y, bandwidth=0.1, **weight)
    ),
    "auroc": Metric(c.auroc, None),
    # being unsure of wrong answers is not being unsure of right ones: no flip
    "risk coverage": Metric(
        lambda p, y, **weight: c.risk_coverage(p, y, **weight).risk, None, flip=False
    ),
    # without a weight, n rows have n coverages: repetition is more data
    "area under risk coverage": Metric(
        c.area_under_risk_coverage, None, weighted=False, duplication=False, flip=False
    ),
    "area under risk coverage of a distribution": Metric(
        lambda p, y, weight=None: c.area_under_risk_coverage(
            p, y, weight=np.ones(len(p)) if weight is None else weight
        ),
        None,
        flip=False,
    ),
    # flip: the curve itself is mirrored
    "reliability curve": Metric(
        lambda p, y, **weight: c.reliability_curve(p, y, bins=7, **weight).frequency,
        None,
        flip=False,
    ),
}


def over(keep: Callable[[Metric], bool] = lambda metric: True) -> list[tuple[str, Metric]]:
    return [(name, metric) for name, metric in METRICS.items() if keep(metric)]


check = settings(max_examples=60, deadline=None, derandomize=True)


@st.composite
def rows(draw, soft=False):
    """Return forecasts in 1024ths with many ties and certainties, and outcomes."""
    n = draw(st.integers(1, 25))
    pool = [*draw(st.lists(st.integers(0, 1024), min_size=1, max_size=6)), 0, 512, 1024]
    forecast = draw(st.lists(st.sampled_from(pool), min_size=n, max_size=n))
    levels = st.sampled_from([0, 1, 2, 3, 4] if soft else [0, 4])
    outcome = draw(st.lists(levels, min_size=n, max_size=n))
    return np.array(forecast) / 1024, np.array(outcome) / 4


def same(name, left, right):
    np.testing.assert_allclose(left, right, rtol=1e-7, atol=1e-9, err_msg=name)


@check
@given(data=rows(), random=st.randoms(use_true_random=False))
def test_the_order_of_the_rows(data, random):
    p, y = data
    order = list(range(p.size))
    random.shuffle(order)
    for name, metric in over():
        same(name, metric.value(p[order], y[order]), metric.value(p, y))


@check
@given(data=rows(), times=st.integers(2, 4))
def test_repeating_every_row(data, times):
    p, y = data
    for name, metric in over(lambda metric: metric.duplication):
        same(name, metric.value(np.tile(p, times), np.tile(y, times)), metric.value(p, y))


@check
@given(data=rows(), seed=st.integers(0, 2**32 - 1))
def test_a_whole_weight_is_that_many_rows(data, seed):
    p, y = data
    times = np.random.default_rng(seed).integers(0, 4, p.size)
    times[0] += 1  # not all zero
    for name, metric in over(lambda metric: metric.weighted):
        repeated = metric.value(np.repeat(p, times), np.repeat(y, times))
        same(name, metric.value(p, y, weight=times), repeated)


@check
@given(data=rows(soft=True), factor=st.sampled_from([2.0**-30, 0.5, 4.0, 2.0**40]))
def test_the_scale_of_the_weights(data, factor):
    p, y = data
    weight = 1.0 + np.arange(p.size) % 3
    for name, metric in over(lambda metric: metric.weighted):
        same(name, metric.value(p, y, weight=factor * weight), metric.value(p, y, weight=weight))


@check
@given(data=rows(soft=True))
def test_a_soft_outcome_is_a_row_split_in_two(data):
    p, q = data
    for name, metric in over(lambda metric: metric.weighted and metric.soft):
        split = metric.value(
            np.concatenate([p, p]),
            np.concatenate([np.ones(p.size), np.zeros(p.size)]),
            weight=np.concatenate([q, 1 - q]),
        )
        same(name, metric.value(p, q), split)


@check
@given(data=rows())
def test_calling_the_other_outcome_one(data):
    p, y = data
    for name, metric in over(lambda metric: metric.flip):
        same(name, metric.value(1 - p, 1 - y), metric.value(p, y))


@check
@given(data=rows())
def test_the_range(data):
    for name, metric in over():
        value = np.asarray(metric.value(*data))
        value = value[~np.isnan(value)]  # one class only, or an empty bin
        assert metric.signed or (value >= 0).all(), name
        assert metric.unbounded or (value <= 1).all(), name


@check
@given(data=rows())
def test_perfect_forecasts(data):
    _, y = data
    for name, metric in over(lambda metric: metric.perfect is not None):
        assert metric.value(y, y) == pytest.approx(metric.perfect, abs=1e-15), name


@check
@given(data=rows(), shift=st.integers(0, 24))
def test_which_of_several_tied_rows_was_right(data, shift):
    _, y = data
    p = np.full(y.size, 0.375)
    for name, metric in over():
        same(name, metric.value(p, np.roll(y, shift)), metric.value(p, y))


@check
@given(data=rows())
def test_the_precision_in_which_exact_forecasts_came(data):
    p, y = data  # 1024ths are exact in float16
    for name, metric in over():
        for dtype in (np.float16, np.float32):
            same(name, metric.value(p.astype(dtype), y.astype(dtype)), metric.value(p, y))


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("bad", [np.nan, -1e-12, 1.0000001])
def test_values_outside_the_domain(name, bad):
    with pytest.raises(ValueError, match="probability must lie in"):
        METRICS[name].value(np.array([0.5, bad]), np.array([0, 1]))
    with pytest.raises(ValueError, match="outcome must lie in"):
        METRICS[name].value(np.array([0.5, 0.5]), np.array([0, bad]))


@check
@given(data=rows(soft=True))
def test_decompositions_add_up_to_the_brier_score(data):
    p, y = data
    brier = c.brier_score(p, y)
    murphy, corp = c.brier_decomposition(p, y), c.corp_decomposition(p, y)
    binned = c.binned_brier_decomposition(p, y, bins=7)
    same("murphy", murphy.reliability - murphy.resolution + murphy.uncertainty, brier)
    same("corp", corp.miscalibration - corp.discrimination + corp.uncertainty, brier)
    same(
        "binned murphy",
        binned.reliability - binned.resolution + binned.uncertainty + binned.within_bin,
        brier,
    )
    # pooling isotonically can only hide miscalibration that groups of equal forecasts show
    assert corp.miscalibration <= murphy.reliability + 1e-12


@check
@given(data=rows())
def test_a_rising_map_of_the_confidences_leaves_the_ranking_alone(data):
    p, y = data
    same("auroc", c.auroc(p**2, y), c.auroc(p, y))
    same("area", c.area_under_risk_coverage(p**2, y), c.area_under_risk_coverage(p, y))
    same(
        "corp",
        c.corp_decomposition(p**2, y).discrimination,
        c.corp_decomposition(p, y).discrimination,
    )


@check
@given(data=rows(), bandwidths=st.tuples(st.floats(0.01, 1), st.floats(0.01, 1)))
def test_a_wider_kernel_never_sees_more(data, bandwidths):
    narrow, wide = sorted(bandwidths)
    sharp = c.smooth_calibration_error(*data, bandwidth=narrow)
    assert c.smooth_calibration_error(*data, bandwidth=wide) <= sharp + 1e-6


@check
@given(data=rows(), step=st.floats(-1e-6, 1e-6))
def test_the_smooth_error_is_continuous_in_the_forecasts(data, step):
    p, y = data
    moved = np.clip(p + step, 0, 1)
    assert abs(c.smooth_calibration_error(moved, y) - c.smooth_calibration_error(p, y)) < 1e-3
