from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from calibration_lab.uncertainty import (
    cluster_mean_interval,
    estimate_mean,
    estimate_statistic,
    holm,
    mean_interval,
    p_value,
    share_interval,
    smallest_detectable_effect,
    split_mean_interval,
    statistic_interval,
)
from calibration_lab.uncertainty.confidence_limits import Interval

SAMPLE = np.random.default_rng(7).exponential(size=32)

# One sample per kind of evidence, so that properties are checked on every branch.
KINDS = {
    "bootstrap-t": (SAMPLE, {}),
    "clipped to bounds": (SAMPLE / SAMPLE.max(), {"bounds": (0, 1)}),
    "Student's t": (SAMPLE[:6], {}),
    "Student's t, bounds": (np.array([0.0, 0.25, 0.25]), {"bounds": (0, 1)}),
    "one mode, bounds": (np.r_[SAMPLE[:28] / 100, [0.9, 0.95]], {"bounds": (0, 1)}),
    "one mode, no bounds": (np.r_[np.zeros(28), [0.9, 0.95]], {}),
    "share": (np.r_[np.zeros(25), np.ones(7)], {"bounds": (0, 1)}),
    "constant": (np.full(16, 0.3), {"bounds": (0, 1)}),
    "clusters": (SAMPLE, {"cluster": np.repeat(np.arange(10), [1, 2, 3, 4, 5, 5, 4, 3, 2, 3])}),
    "splits": (SAMPLE, {"test_fraction": 0.25}),
    "constant splits": (np.full(16, 0.3), {"test_fraction": 0.25, "bounds": (0, 1)}),
}


def median_of(sample):
    return lambda drawn: float(np.median(sample[drawn]))


# --- raises


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: mean_interval([[1.0]]), "one number per unit"),
        (lambda: mean_interval([1.0, math.nan]), "finite"),
        (lambda: mean_interval([1.0, math.inf]), "finite"),
        (lambda: mean_interval([0.5, 1.5], bounds=(0, 1)), "declared bounds"),
        (lambda: mean_interval([0.5, 0.6], bounds=(1, 0)), "lowest, highest"),
        (lambda: mean_interval([0.5, 0.6], level=95), "level"),
        (lambda: mean_interval([0.5, 0.6], level=math.nan), "level"),
        (lambda: cluster_mean_interval([0.5, 0.6], [1]), "cluster"),
        (lambda: split_mean_interval([0.5, 0.6], test_fraction=1.0), "test_fraction"),
        (lambda: split_mean_interval([0.5, 0.6], test_fraction=math.nan), "test_fraction"),
        (lambda: share_interval(3, 2), "successes"),
        (lambda: share_interval(0, 0), "successes"),
        (lambda: share_interval(2.5, 10), "successes"),
        (lambda: share_interval(math.nan, 10), "successes"),
        (lambda: mean_interval([0.5, 0.6], resamples=0), "resamples"),
        (lambda: statistic_interval([1, 2], np.mean, resamples=0), "resamples"),
        (lambda: statistic_interval([1, 2], np.mean, cluster=[1]), "cluster"),
        (lambda: statistic_interval([1, 2], np.mean, bounds=(0, 1)), "statistic must lie in"),
        (lambda: statistic_interval([0, 4], np.mean, bounds=(1, 3)), "of a resample must lie in"),
        (lambda: statistic_interval([0, 1], np.mean, bounds=(1, 0)), "lowest, highest"),
        (lambda: estimate_mean([0.5, 0.6], cluster=[1, 2], test_fraction=0.5), "cluster and"),
        (lambda: p_value([0.5, 0.6], math.nan), "threshold"),
        (lambda: p_value([0.5] * 9, math.nan), "threshold"),
        (lambda: smallest_detectable_effect([0.5, 0.6], power=2), "power"),
        (lambda: smallest_detectable_effect([0.5, 0.6], power=math.nan), "power"),
        (lambda: holm([0.5, 1.5]), "p_values"),
    ],
)
def test_raises(call, match):
    with pytest.raises(ValueError, match=match):
        call()


@pytest.mark.parametrize(
    ("found", "why"),
    [
        (mean_interval([]), "fewer than two units"),
        (mean_interval([0.5]), "fewer than two units"),
        (mean_interval([0.5] * 32), "constant"),
        (split_mean_interval([0.5], test_fraction=0.2), "one split"),
        (split_mean_interval([0.5] * 9, test_fraction=0.2), "constant"),
        (cluster_mean_interval([0.1, 0.9, 0.9, 0.1], [0, 0, 1, 1]), "constant"),
        (statistic_interval([1], lambda drawn: 0.0), "fewer than two units"),
        (statistic_interval([1, 2], lambda drawn: math.nan), "no finite value"),
        (statistic_interval([1, 2, 3], lambda drawn: 0.5, resamples=99), "constant"),
    ],
)
def test_undefined_intervals_say_why(found, why):
    assert not found.defined
    assert found.method.startswith("undefined")
    assert why in found.method


# --- values by hand


def test_student_by_hand():
    # mean 2.5, s^2 = 5/3, t(0.975; 3) = 3.182446
    arm = 3.182446305284263 * math.sqrt(5 / 3 / 4)
    found = mean_interval([1, 2, 3, 4])
    assert found == Interval(
        2.5, pytest.approx(2.5 - arm), pytest.approx(2.5 + arm), 0.95, "Student's t"
    )


def test_constant_by_hand():
    # None of 32 units differs: the rate r with (1 - r)^32 = 0.025 is the largest not excluded.
    rate = 1 - 0.025 ** (1 / 32)
    found = mean_interval([0.25] * 32, bounds=(-1, 1))
    assert found.low == pytest.approx(0.25 - rate * 1.25)
    assert found.high == pytest.approx(0.25 + rate * 0.75)


def test_constant_at_a_bound_is_the_share_none_of_n():
    found, share = mean_interval([1.0] * 20, bounds=(0, 1)), share_interval(20, 20)
    assert (found.low, found.high) == pytest.approx((share.low, share.high))


def test_rounding_noise_is_a_constant():
    noise = 0.3 + 1e-16 * np.arange(16)
    assert not mean_interval(noise).defined
    assert mean_interval(noise - 0.3, bounds=(-1, 1)).high > 0.2


def test_split_by_hand():
    # Nadeau & Bengio 2003: variance (1/n + test/train) s^2 = (1/4 + 1/3) * 5/3
    arm = 3.182446305284263 * math.sqrt((1 / 4 + 1 / 3) * 5 / 3)
    found = split_mean_interval([1, 2, 3, 4], test_fraction=0.25)
    assert (found.low, found.high) == pytest.approx((2.5 - arm, 2.5 + arm))


def test_splits_never_get_narrower_than_the_data_allow():
    many = split_mean_interval(np.tile([0.0, 1.0], 5000), test_fraction=0.2)
    assert many.high - many.estimate == pytest.approx(1.96 * math.sqrt(0.25) * 0.5, rel=0.001)


def test_a_mode_with_two_units_elsewhere_by_hand():
    # 2 of 30 at most this often: the upper Clopper-Pearson limit, times the way to the bound
    values = np.r_[np.zeros(28), [0.9, 0.95]]
    found = mean_interval(values, bounds=(-1, 1))
    assert found.high == pytest.approx(stats.binomtest(2, 30).proportion_ci().high)
    assert "high end by Clopper-Pearson" in found.method


def test_an_end_without_finite_t_values_is_students():
    values = np.r_[np.zeros(28), [0.9, 0.95]]
    found = mean_interval(values)
    error = values.std(ddof=1) / math.sqrt(30)
    assert found.high == pytest.approx(values.mean() + stats.t.ppf(0.975, 29) * error)
    assert found.method == "bootstrap-t; high end by Student's t"


def test_smallest_detectable_effect_by_hand():
    error = math.sqrt(5 / 3 / 4)
    reach = (stats.t.ppf(0.975, 3) + stats.t.ppf(0.8, 3)) * error
    assert smallest_detectable_effect([1, 2, 3, 4]) == pytest.approx(reach)


# --- golden


def test_clopper_pearson_golden():
    # R 4.3: binom.test(3, 20)$conf.int   0.03207094 0.37892683
    found = share_interval(3, 20)
    assert (found.low, found.high) == pytest.approx((0.03207094, 0.37892683), abs=1e-8)


def test_holm_golden():
    # R 4.3: p.adjust(c(0.01, 0.02, 0.03, 0.04), "holm")   0.04 0.06 0.06 0.06
    assert holm([0.01, 0.02, 0.03, 0.04]) == pytest.approx([0.04, 0.06, 0.06, 0.06])
    adjusted = holm([0.04, math.nan, 0.01])
    assert adjusted[[0, 2]] == pytest.approx([0.04, 0.02])
    assert math.isnan(adjusted[1])


# --- against independent implementations


def test_bootstrap_t_agrees_with_a_loop():
    rng = np.random.default_rng(99)  # another stream than the function's
    n, mean = len(SAMPLE), SAMPLE.mean()
    t = []
    for _ in range(9999):
        drawn = rng.choice(SAMPLE, n)
        t.append((drawn.mean() - mean) / (drawn.std(ddof=1) / math.sqrt(n)))
    error = SAMPLE.std(ddof=1) / math.sqrt(n)
    low, high = mean - np.quantile(t, [0.975, 0.025]) * error
    found = mean_interval(SAMPLE)
    # The standard error of such a resampled quantile is about 0.03 standard errors of the mean.
    assert found.low == pytest.approx(low, abs=0.12 * error)
    assert found.high == pytest.approx(high, abs=0.12 * error)


def test_bootstrap_t_leans_with_the_skew():
    found = mean_interval(SAMPLE)
    assert found.high - found.estimate > 1.2 * (found.estimate - found.low)


@pytest.mark.parametrize(("successes", "n"), [(0, 5), (1, 16), (7, 16), (16, 16)])
@pytest.mark.parametrize("level", [0.9, 0.95, 0.99])
def test_share_agrees_with_scipy(successes, n, level):
    peer = stats.binomtest(successes, n).proportion_ci(level)
    found = share_interval(successes, n, level=level)
    assert (found.low, found.high) == pytest.approx((peer.low, peer.high), abs=1e-9)


def test_student_p_agrees_with_scipy():
    values = [0.3, 1.0, -0.2, 0.8, 0.4]
    assert p_value(values, 0.1) == pytest.approx(stats.ttest_1samp(values, 0.1).pvalue)


def test_share_p_agrees_with_binomial_tails():
    values = np.r_[np.zeros(25), np.ones(7)]
    tail = min(stats.binom.cdf(7, 32, 0.5), stats.binom.sf(6, 32, 0.5))
    assert p_value(values, 0.5, bounds=(0, 1)) == pytest.approx(2 * tail)


def test_expanded_percentile_is_a_percentile_at_wider_tails():
    n, resamples = 16, 1999
    sample = SAMPLE[:n]
    rng = np.random.default_rng(0)
    draws = [np.median(sample[rng.integers(n, size=n)]) for _ in range(resamples)]
    # Hesterberg 2015, section 5.3: alpha' / 2 = Phi(-sqrt(n / (n - 1)) t)
    tail = stats.norm.cdf(-math.sqrt(n / (n - 1)) * stats.t.ppf(0.975, n - 1))
    rank = int(tail * (resamples + 1))
    found = statistic_interval(np.arange(n), median_of(sample))
    assert found.low == np.sort(draws)[rank - 1]
    assert found.high == np.sort(draws)[-rank]


def test_clusters_agree_with_a_delete_one_jackknife():
    values, options = KINDS["clusters"]
    found = estimate_mean(values, **options)
    left_out = [values[options["cluster"] != c].mean() for c in range(10)]
    jackknife = math.sqrt(9 / 10 * np.sum((left_out - np.mean(left_out)) ** 2))
    assert found.standard_error == pytest.approx(jackknife, rel=0.15)


# --- properties


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("level", [0.8, 0.95, 1 - 0.05 / 3])
def test_interval_and_p_value_agree(kind, level):
    values, options = KINDS[kind]
    estimate = estimate_mean(values, **options)
    found = estimate.interval(level)
    width = found.high - found.low
    assert width > 0
    for threshold in np.linspace(found.low - width / 2, found.high + width / 2, 201):
        if min(abs(threshold - found.low), abs(threshold - found.high)) < 1e-6 * width:
            continue
        inside = found.low <= threshold <= found.high
        assert (estimate.p_value(threshold) > 1 - level) == inside, threshold


def test_law_interval_and_p_value_agree():
    estimate = estimate_statistic(np.arange(32), median_of(SAMPLE))
    found = estimate.interval()
    for threshold in np.linspace(found.low - 0.2, found.high + 0.2, 101):
        inside = found.low <= threshold <= found.high
        assert (estimate.p_value(threshold) > 0.05) == inside, threshold


@pytest.mark.parametrize("kind", KINDS)
def test_levels_nest_and_hold_the_estimate(kind):
    values, options = KINDS[kind]
    estimate = estimate_mean(values, **options)
    inner, outer = estimate.interval(0.8), estimate.interval(0.99)
    assert outer.low <= inner.low <= estimate.estimate <= inner.high <= outer.high
    assert estimate.estimate == pytest.approx(np.mean(values))
    assert estimate.p_value(estimate.estimate) == 1.0


@pytest.mark.parametrize("kind", [k for k in KINDS if k not in ("bootstrap-t", "clusters")])
def test_row_order_is_irrelevant_without_resampling_noise(kind):
    values, options = KINDS[kind]
    if "cluster" in options:
        return
    a = estimate_mean(values, **options).interval()
    b = estimate_mean(values[::-1], **options).interval()
    width = a.high - a.low
    assert (a.low, a.high) == pytest.approx((b.low, b.high), abs=0.05 * width)


@settings(max_examples=30, deadline=None)
@given(st.integers(8, 40), st.integers(0, 10**6), st.floats(0.1, 100), st.floats(-50, 50))
def test_mean_interval_follows_a_change_of_units(n, seed, scale, shift):
    x = np.random.default_rng(seed).normal(size=n)
    plain = mean_interval(x, resamples=499)
    moved = mean_interval(scale * x + shift, resamples=499)
    assert moved.low == pytest.approx(scale * plain.low + shift, abs=1e-6 * scale)
    assert moved.high == pytest.approx(scale * plain.high + shift, abs=1e-6 * scale)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.sampled_from([0.0, 0.25, 0.5, 1.0]), min_size=2, max_size=40))
def test_bounded_values_never_leave_bounds_nor_get_zero_width(values):
    found = mean_interval(values, bounds=(0, 1), resamples=499)
    assert 0 <= found.low <= found.estimate <= found.high <= 1
    assert found.high > found.low


def test_flipping_signs_flips_the_interval():
    found, flipped = mean_interval(SAMPLE), mean_interval(-SAMPLE)
    assert (flipped.low, flipped.high) == pytest.approx((-found.high, -found.low))


def test_same_seed_same_interval_and_other_seed_close():
    assert mean_interval(SAMPLE) == mean_interval(SAMPLE)
    other = mean_interval(SAMPLE, seed=1)
    assert other != mean_interval(SAMPLE)
    assert other.low == pytest.approx(mean_interval(SAMPLE).low, abs=0.03)


def test_blocks_of_resamples_agree_with_one_block(monkeypatch):
    from calibration_lab.uncertainty import resampling

    whole = mean_interval(SAMPLE)
    monkeypatch.setattr(resampling, "CACHED_ENTRIES", 1000)
    blocks = mean_interval(SAMPLE)  # the same stream, drawn in pieces
    assert (blocks.low, blocks.high) == pytest.approx((whole.low, whole.high))


def test_clusters_of_one_row_are_units():
    plain, found = mean_interval(SAMPLE), cluster_mean_interval(SAMPLE, np.arange(32))
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


def test_copies_within_a_cluster_add_no_evidence():
    plain = mean_interval(SAMPLE)
    found = cluster_mean_interval(np.repeat(SAMPLE, 5), np.repeat(np.arange(32), 5))
    assert (found.low, found.high) == pytest.approx((plain.low, plain.high))


def test_cluster_draws_stay_together_in_laws():
    seen = []

    def statistic(drawn):
        seen.append(tuple(drawn))
        return float(np.mean(drawn))

    statistic_interval([0, 1, 2, 3], statistic, cluster=[0, 0, 1, 1], resamples=20)
    assert set(seen) == {(0, 1, 2, 3), (0, 1, 0, 1), (2, 3, 0, 1), (2, 3, 2, 3)}


def test_undefined_resamples_count_at_both_ends():
    def statistic(drawn):
        return math.nan if len(set(drawn)) < 10 else float(np.mean(drawn))  # often, at n = 16

    found = statistic_interval(np.arange(16), statistic)
    assert (found.low, found.high) == (-math.inf, math.inf)
    assert "undefined in" in found.method
    bounded = statistic_interval(np.arange(16), statistic, bounds=(0, 15))
    assert (bounded.low, bounded.high) == (0, 15)


def test_a_statistic_no_resample_changes_is_widened_to_its_bounds():
    found = statistic_interval(np.arange(16), lambda drawn: 1.0, bounds=(-1, 1), resamples=99)
    assert found.high == 1
    assert found.low < 0.7


@pytest.mark.parametrize("kind", KINDS)
def test_smallest_detectable_effect_is_positive_and_grows_with_power(kind):
    values, options = KINDS[kind]
    estimate = estimate_mean(values, **options)
    effects = [estimate.smallest_detectable_effect(power=power) for power in (0.5, 0.8, 0.95)]
    assert effects[0] > 0
    assert effects == sorted(effects)


def test_constant_at_its_lower_bound_can_still_miss_something():
    assert smallest_detectable_effect([0.0] * 16, bounds=(0, 1)) > 0.2


def test_holm_is_monotone_and_never_below_raw():
    raw = np.random.default_rng(0).random(20) ** 3
    adjusted = holm(raw)
    assert (adjusted >= raw).all()
    assert (np.diff(adjusted[np.argsort(raw)]) >= 0).all()


def test_speed(benchmark):
    mean_interval(SAMPLE)  # resampling weights are drawn once
    benchmark(mean_interval, SAMPLE)
