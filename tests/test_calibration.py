"""Binary calibration, decompositions, ranking: raises, hand arithmetic, golden, truth, traps."""

from __future__ import annotations

import itertools
import math

import numpy as np
import pytest
from scipy.stats import binomtest

from calibration_lab.calibration import (
    area_under_risk_coverage,
    auroc,
    binned_brier_decomposition,
    brier_decomposition,
    brier_score,
    calibration_floor,
    corp_decomposition,
    debiased_squared_calibration_error,
    expected_calibration_error,
    log_score,
    reliability_curve,
    risk_coverage,
    smooth_calibration_error,
)

BINNED = [
    expected_calibration_error,
    debiased_squared_calibration_error,
    reliability_curve,
    binned_brier_decomposition,
]
EVERY = [
    *BINNED,
    brier_score,
    log_score,
    brier_decomposition,
    corp_decomposition,
    smooth_calibration_error,
    auroc,
    risk_coverage,
    area_under_risk_coverage,
]
WEIGHTED = [metric for metric in EVERY if metric is not debiased_squared_calibration_error]

every = pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.__name__)
binned = pytest.mark.parametrize("metric", BINNED, ids=lambda metric: metric.__name__)
weighted = pytest.mark.parametrize("metric", WEIGHTED, ids=lambda metric: metric.__name__)

# --- raises ---------------------------------------------------------------------------------------


@every
@pytest.mark.parametrize("bad", [np.nan, np.inf, -1e-9, 1 + 1e-9, 1.0000001, 2.0, -3.0])
def test_values_outside_the_unit_interval_are_refused(metric, bad):
    with pytest.raises(ValueError, match=r"probability must lie in \[0, 1\] without nan; got"):
        metric([0.5, bad, 0.25], [1, 0, 1])
    with pytest.raises(ValueError, match=r"outcome must lie in \[0, 1\] without nan; got"):
        metric([0.5, 0.5, 0.25], [1, bad, 1])


@every
@pytest.mark.parametrize(
    ("probability", "outcome", "match"),
    [
        ([], [], r"probability must be a non-empty vector; got shape \(0,\)"),
        (0.5, 1, r"probability must be a non-empty vector; got shape \(\)"),
        ([[0.5, 0.5]], [1, 0], r"probability must be a non-empty vector; got shape \(1, 2\)"),
        ([0.5, 0.5], [[1, 0]], r"outcome must be a non-empty vector; got shape \(1, 2\)"),
        ([0.5, 0.5], [1], r"outcome must be as long as probability \(2\); got 1"),
        (["a", "b"], [1, 0], "probability must be numeric"),
        ([0.5, None], [1, 0], "probability must be numeric"),
    ],
)
def test_malformed_rows_are_refused(metric, probability, outcome, match):
    with pytest.raises(ValueError, match=match):
        metric(probability, outcome)


@weighted
@pytest.mark.parametrize(
    ("weight", "match"),
    [
        ([1.0], "weight must be as long as the forecasts"),
        ([1.0, -1.0], "weight must be finite, at least 0 and not all 0"),
        ([1.0, np.nan], "weight must be finite, at least 0 and not all 0"),
        ([1.0, np.inf], "weight must be finite, at least 0 and not all 0"),
        ([0.0, 0.0], "weight must be finite, at least 0 and not all 0"),
    ],
)
def test_bad_weights_are_refused(metric, weight, match):
    with pytest.raises(ValueError, match=match):
        metric([0.5, 0.5], [1, 0], weight=weight)


@binned
@pytest.mark.parametrize("bins", [0, -1, 2.0, "10", True, None])
def test_bad_bins_are_refused(metric, bins):
    with pytest.raises(ValueError, match="bins must be an integer of at least 1"):
        metric([0.5, 0.5], [1, 0], bins=bins)


@binned
def test_unknown_binning_is_refused(metric):
    with pytest.raises(ValueError, match="binning must be 'equal-width' or 'equal-mass'"):
        metric([0.5, 0.5], [1, 0], binning="quantile")


def test_other_bad_arguments_are_refused():
    with pytest.raises(ValueError, match="norm must be 1 or 2"):
        expected_calibration_error([0.5], [1], norm=3)
    for level in (0.0, 1.0, 95, np.nan):
        with pytest.raises(ValueError, match=r"level must lie in \(0, 1\)"):
            reliability_curve([0.5], [1], level=level)
        with pytest.raises(ValueError, match=r"level must lie in \(0, 1\)"):
            calibration_floor([0.5], level=level)
    with pytest.raises(ValueError, match="repetitions must be at least 2"):
        calibration_floor([0.5], repetitions=1)
    with pytest.raises(TypeError, match="bin_count"):
        calibration_floor([0.5], bin_count=10)
    with pytest.raises(ValueError, match=r"probability must lie in \[0, 1\]"):
        calibration_floor([0.5, np.nan])
    for bandwidth in (0.0, -1.0, np.nan, np.inf):
        with pytest.raises(ValueError, match="bandwidth must be positive and finite"):
            smooth_calibration_error([0.5], [1], bandwidth=bandwidth)
    with pytest.raises(ValueError, match="clip must lie in"):
        log_score([0.5], [1], clip=0.5)
    with pytest.raises(ValueError, match=r"outcome must be 0 or 1 for a debiased error; got 0\.5"):
        debiased_squared_calibration_error([0.5, 0.5], [0.5, 1])


# --- hand arithmetic ------------------------------------------------------------------------------

FORECAST = [0.1, 0.4, 0.4, 0.9]
OUTCOME = [0, 1, 0, 1]


def test_scores_by_hand():
    assert brier_score(FORECAST, OUTCOME) == pytest.approx((0.01 + 0.36 + 0.16 + 0.01) / 4)
    assert log_score(FORECAST, OUTCOME) == pytest.approx(
        -(2 * math.log(0.9) + math.log(0.4) + math.log(0.6)) / 4
    )
    assert brier_score([0.2, 0.6], [0, 1], weight=[3, 1]) == pytest.approx((3 * 0.04 + 0.16) / 4)


def test_soft_outcomes_are_expectations():
    assert brier_score([0.3], [0.3]) == pytest.approx(0.3 * 0.7)
    assert brier_score([0.2], [0.9]) == pytest.approx(0.9 * 0.64 + 0.1 * 0.04)
    assert log_score([0.25], [0.25]) == pytest.approx(
        -0.25 * math.log(0.25) - 0.75 * math.log(0.75)
    )
    assert expected_calibration_error([0.3, 0.7], [0.4, 0.5]) == pytest.approx((0.1 + 0.2) / 2)
    assert expected_calibration_error([0.3, 0.7], [0.3, 0.7]) == 0


def test_murphy_by_hand():
    parts = brier_decomposition(FORECAST, OUTCOME)
    assert parts.reliability == pytest.approx((0.01 + 2 * 0.01 + 0.01) / 4)
    assert parts.resolution == pytest.approx((0.25 + 2 * 0 + 0.25) / 4)
    assert parts.uncertainty == pytest.approx(0.25)


def test_corp_by_hand():
    # isotonic: 0 | 1/2 1/2 | 1, so S_c = (0 + 1/4 + 1/4 + 0) / 4
    parts = corp_decomposition(FORECAST, OUTCOME)
    assert parts.miscalibration == pytest.approx(brier_score(FORECAST, OUTCOME) - 0.125)
    assert parts.discrimination == pytest.approx(0.25 - 0.125)
    assert parts.uncertainty == pytest.approx(0.25)


def test_ece_by_hand():
    # two bins: [0, .5] sums .9 forecast against 1 outcome; (.5, 1] .9 against 1
    assert expected_calibration_error(FORECAST, OUTCOME, bins=2) == pytest.approx((0.1 + 0.1) / 4)
    # root of (3/4) (.1/3)^2 + (1/4) .1^2
    assert expected_calibration_error(FORECAST, OUTCOME, bins=2, norm=2) == pytest.approx(
        math.sqrt(0.75 * (0.1 / 3) ** 2 + 0.25 * 0.1**2)
    )
    # equal mass, ties whole: middles of mass 1/8, 1/2, 7/8, so bins {.1} and {.4, .4, .9}
    assert expected_calibration_error(
        FORECAST, OUTCOME, bins=2, binning="equal-mass"
    ) == pytest.approx((0.1 + abs(1.7 - 2)) / 4)
    assert expected_calibration_error([0.2, 0.4], [0, 1], bins=1, weight=[3, 1]) == pytest.approx(
        abs(0.6 + 0.4 - 1) / 4, abs=1e-15
    )


def test_debiased_error_by_hand():
    # bin (.5, 1]: p = .8, y = 2/3, n = 3; bin [0, .5] has one row and contributes nothing
    value = debiased_squared_calibration_error([0.3, 0.8, 0.8, 0.8], [1, 1, 1, 0], bins=2)
    assert value == pytest.approx(3 / 4 * ((0.8 - 2 / 3) ** 2 - (2 / 3) * (1 / 3) / 2))
    # a single row everywhere: nothing can be debiased
    assert debiased_squared_calibration_error([0.1, 0.9], [1, 0]) == 0.0


def test_auroc_by_hand():
    # pairs (positive .4 .9) x (negative .1 .4): 1, 1/2, 1, 1
    assert auroc(FORECAST, OUTCOME) == pytest.approx(3.5 / 4)
    assert auroc([0.2, 0.8], [0.5, 0.5]) == pytest.approx(0.5)
    # positive mass .25 at .2 and .75 at .8; negative the reverse
    assert auroc([0.2, 0.8], [0.25, 0.75]) == pytest.approx(0.75**2 + 2 * 0.25 * 0.75 / 2)


def test_risk_coverage_by_hand():
    curve = risk_coverage(FORECAST, OUTCOME)
    assert curve.threshold.tolist() == [0.9, 0.4, 0.1]
    assert curve.coverage.tolist() == [0.25, 0.75, 1.0]
    assert curve.risk == pytest.approx([0, 1 / 3, 1 / 2])
    # the tie in either order: (0 + 0 + 1/3 + 1/2) / 4 and (0 + 1/2 + 1/3 + 1/2) / 4
    assert area_under_risk_coverage(FORECAST, OUTCOME) == pytest.approx(
        (0 + 1 / 4 + 1 / 3 + 1 / 2) / 4
    )
    # as a distribution: half right at once, then wrong: integral of (x - 1/2) / x over [1/2, 1]
    assert area_under_risk_coverage([0.9, 0.1], [1, 0], weight=[1, 1]) == pytest.approx(
        0.5 - 0.5 * math.log(2)
    )


def test_reliability_curve_by_hand():
    curve = reliability_curve([0.05, 0.15, 0.2, 0.9], [0, 0, 1, 1], bins=5)
    assert curve.edges.tolist() == [0.0, 0.2, 0.4, 0.6, 0.8, 1.0]
    assert curve.count.tolist() == [3, 0, 0, 0, 1]
    assert curve.confidence == pytest.approx([0.4 / 3, np.nan, np.nan, np.nan, 0.9], nan_ok=True)
    assert curve.frequency == pytest.approx([1 / 3, np.nan, np.nan, np.nan, 1.0], nan_ok=True)
    assert curve.low[1:4].tolist() == [0, 0, 0]
    assert curve.high[1:4].tolist() == [1, 1, 1]
    assert curve.low[4] == pytest.approx(0.025)  # one success in one: alpha / 2
    assert curve.high[4] == 1


def test_equal_mass_curve_by_hand():
    curve = reliability_curve([0.1, 0.2, 0.6, 0.8], [0, 1, 0, 1], bins=2, binning="equal-mass")
    assert curve.count.tolist() == [2, 2]
    assert curve.edges == pytest.approx([0, 0.4, 1])
    assert curve.confidence == pytest.approx([0.15, 0.7])


# --- golden values --------------------------------------------------------------------------------


def test_corp_golden():
    # R 4.2, library(reliabilitydiag); y <- c(0, 0, 0, 1, 1, 1); z <- c(.4, .3, .2, .1, .5, .9)
    # summary(reliabilitydiag(pred = z, y = y), score = "brier")
    #   mean_score 0.227, miscalibration 0.102, discrimination 0.125, uncertainty 0.25
    # as recorded, with more digits, in model-diagnostics' test_decompose
    y, z = [0, 0, 0, 1, 1, 1], [0.4, 0.3, 0.2, 0.1, 0.5, 0.9]
    assert corp_decomposition(z, y) == pytest.approx((0.1016667, 0.125, 0.25), abs=1e-7)
    assert brier_score(z, y) == pytest.approx(0.2266667, abs=1e-7)


def test_ece_golden():
    # netcal 1.3, scikit-learn's bins and Guo et al.'s code agree on .475; a phantom bin {1.0} in
    # torchmetrics (#3510) and relplot makes it .525
    assert expected_calibration_error([0.95, 1.0], [1, 0]) == pytest.approx(0.475)


def test_scikit_learn_documentation_golden():
    # the examples of brier_score_loss, roc_auc_score and log_loss, scikit-learn 1.9
    assert brier_score([0.1, 0.9, 0.8, 0.3], [0, 1, 1, 0]) == pytest.approx(0.0375)
    assert auroc([0.1, 0.4, 0.35, 0.8], [0, 0, 1, 1]) == pytest.approx(0.75)
    assert log_score([0.9, 0.1, 0.2, 0.65], [1, 0, 0, 1]) == pytest.approx(0.21616, abs=5e-6)


def test_clopper_pearson_golden():
    # R: binom.test(7, 20)$conf.int -> 0.1539092 0.5921885
    curve = reliability_curve([0.5] * 20, [1] * 7 + [0] * 13, bins=1)
    assert (curve.low[0], curve.high[0]) == pytest.approx((0.1539092, 0.5921885), abs=5e-8)


# --- closed form and Monte Carlo truth ------------------------------------------------------------


def test_ece_finds_a_known_miscalibration():
    generator = np.random.default_rng(0)
    p = generator.random(400_000)
    y = generator.random(p.size) < p**2  # E|p - p^2| = 1/6; its bin means miss that by O(bins^-2)
    assert expected_calibration_error(p, y, bins=50) == pytest.approx(1 / 6, abs=0.002)
    assert expected_calibration_error(p, y, bins=50, norm=2) == pytest.approx(
        math.sqrt(1 / 30), abs=0.002
    )
    assert brier_score(p, y) == pytest.approx(1 / 3 - 2 / 4 + 1 / 3, abs=0.003)
    assert brier_score(p, p**2) == pytest.approx(brier_score(p, y), abs=0.003)


def test_the_debiased_error_is_unbiased_and_the_plain_one_is_not():
    generator = np.random.default_rng(1)
    p = np.repeat([0.25, 0.75], 10)
    runs = generator.random((4000, p.size)) < np.repeat([0.4, 0.6], 10)  # truth .15^2 in both bins
    debiased = np.array([debiased_squared_calibration_error(p, y, bins=2) for y in runs])
    plain = np.array([expected_calibration_error(p, y, bins=2, norm=2) ** 2 for y in runs])
    standard_error = debiased.std() / math.sqrt(len(runs))
    assert debiased.mean() == pytest.approx(0.15**2, abs=4 * standard_error)
    assert plain.mean() == pytest.approx(0.15**2 + 0.4 * 0.6 / 10, abs=4 * standard_error)
    assert debiased.min() < 0  # returned as it is


def test_the_floor_is_the_mean_absolute_binomial_error():
    n = 100
    exact = math.comb(n, n // 2) / 2**n / 2  # E|X / n - 1/2| for X ~ Binomial(n, 1/2)
    floor = calibration_floor([0.5] * n, repetitions=20_000, seed=3)
    assert floor.mean == pytest.approx(exact, abs=0.001)
    # |X - 50| exceeds 10 with probability .0352 and 11 with .0210: the upper 2.5 % begin at 11
    assert floor.high == pytest.approx(0.11)
    assert floor.low == 0
    assert floor.level == 0.95


def test_the_floor_follows_metric_weight_options_and_seed():
    p = np.linspace(0.05, 0.95, 40)
    floor = calibration_floor(p, brier_score, repetitions=4000, seed=1)
    assert floor.mean == pytest.approx((p * (1 - p)).mean(), abs=0.002)
    weight = np.where(p < 0.2, 1.0, 0.0)
    light = calibration_floor(p, brier_score, weight=weight, repetitions=4000, seed=1)
    assert light.mean == pytest.approx((p * (1 - p))[p < 0.2].mean(), abs=0.005)
    assert calibration_floor(p, seed=5) == calibration_floor(p, seed=5)
    assert calibration_floor(p, seed=5) != calibration_floor(p, seed=6)
    coarse = calibration_floor(p, bins=2, repetitions=200)
    assert coarse.mean < calibration_floor(p, bins=20, repetitions=200).mean
    # certainty leaves nothing to chance
    assert calibration_floor([0.0, 1.0, 1.0])[:3] == (0, 0, 0)


def test_a_calibrated_forecaster_lies_inside_its_floor_as_often_as_promised():
    generator = np.random.default_rng(7)
    p = generator.beta(2, 2, 200)
    floor = calibration_floor(p, repetitions=4000, seed=0)
    fresh = [expected_calibration_error(p, generator.random(200) < p) for _ in range(2000)]
    inside = np.mean([floor.low <= value <= floor.high for value in fresh])
    assert inside == pytest.approx(0.95, abs=0.02)


def test_intervals_are_the_exact_binomial_ones():
    generator = np.random.default_rng(2)
    p = generator.random(200)
    y = (generator.random(200) < p).astype(int)
    for level in (0.5, 0.9, 0.99):
        curve = reliability_curve(p, y, bins=7, level=level)
        for count, rate, low, high in zip(
            curve.count, curve.frequency, curve.low, curve.high, strict=True
        ):
            exact = binomtest(round(rate * count), int(count)).proportion_ci(level)
            assert (low, high) == pytest.approx((exact.low, exact.high), abs=1e-9)


def test_intervals_are_undefined_without_a_binomial_count():
    for curve in (
        reliability_curve([0.2, 0.8], [0.3, 1.0], bins=2),
        reliability_curve([0.2, 0.8], [0, 1], bins=2, weight=[1, 1]),
    ):
        assert np.isnan(curve.low).all()
        assert np.isnan(curve.high).all()


def _pairwise_auroc(p, y):
    pairs = [(a, b) for a, i in zip(p, y, strict=True) for b, j in zip(p, y, strict=True) if i > j]
    return sum((a > b) + (a == b) / 2 for a, b in pairs) / len(pairs)


@pytest.mark.parametrize("seed", range(5))
def test_auroc_counts_pairs(seed):
    generator = np.random.default_rng(seed)
    p = generator.integers(0, 6, 30) / 5
    y = generator.integers(0, 2, 30)
    assert auroc(p, y) == pytest.approx(_pairwise_auroc(p, y), abs=1e-14)


@pytest.mark.parametrize("seed", range(5))
def test_area_is_the_mean_over_every_breaking_of_ties(seed):
    generator = np.random.default_rng(seed)
    p, y = generator.integers(0, 3, 6) / 2, generator.integers(0, 2, 6)
    areas = [
        np.mean(np.cumsum(1 - y[list(order)]) / np.arange(1, 7))
        for order in itertools.permutations(range(6))
        if (np.diff(p[list(order)]) <= 0).all()
    ]
    assert area_under_risk_coverage(p, y) == pytest.approx(np.mean(areas), abs=1e-13)


def test_the_weighted_area_is_the_limit_of_endless_repetition():
    generator = np.random.default_rng(4)
    p, y = generator.integers(0, 5, 12) / 4, generator.integers(0, 2, 12)
    limit = area_under_risk_coverage(p, y, weight=np.ones(12))
    errors = [
        abs(area_under_risk_coverage(np.repeat(p, k), np.repeat(y, k)) - limit)
        for k in (1, 100, 10_000)
    ]
    assert errors[0] > errors[1] > errors[2]
    assert errors[2] < 1e-4


def _smooth_by_quadrature(p, y, bandwidth, points=2000):
    t = (np.arange(points) + 0.5) / points
    density = np.zeros(points)
    for image in range(-2, 3):  # reflections of every forecast at 0 and 1
        for centre in (p + 2 * image, -p + 2 * image):
            kernel = np.exp(-(((t[:, None] - centre) / bandwidth) ** 2) / 2)
            density += (kernel * (p - y)).mean(axis=1) / (bandwidth * math.sqrt(2 * math.pi))
    return np.abs(density).mean()


def _data(name, n=100):
    generator = np.random.default_rng(5)
    p = {
        "smooth": generator.beta(2, 2, n),
        "saturated": np.where(generator.random(n) < 0.5, 1.0, generator.random(n)),
        "tenths": generator.integers(0, 11, n) / 10,
        "low": generator.beta(0.2, 3, n),
    }[name]
    return p, (generator.random(n) < p**2).astype(float)


@pytest.mark.parametrize("name", ["smooth", "saturated", "tenths", "low"])
def test_smooth_error_is_the_reflected_kernel_integral(name):
    p, y = _data(name)
    for bandwidth in (0.02, 0.05, 0.5):
        assert smooth_calibration_error(p, y, bandwidth=bandwidth) == pytest.approx(
            _smooth_by_quadrature(p, y, bandwidth), abs=2e-6
        )
    value = smooth_calibration_error(p, y)
    assert value == pytest.approx(_smooth_by_quadrature(p, y, bandwidth=value), abs=2e-6)


def test_smooth_error_in_closed_form():
    # one sign everywhere: the kernel integrates to 1, so smECE is |mean residual| at any bandwidth
    assert smooth_calibration_error([0.9] * 4, [1, 0, 0, 0]) == pytest.approx(0.65, abs=1e-12)
    assert smooth_calibration_error([0.9] * 4, [1, 0, 0, 0], bandwidth=0.1) == pytest.approx(0.65)
    assert smooth_calibration_error([0.0, 1.0], [1, 0], bandwidth=100.0) == pytest.approx(0)


@pytest.mark.parametrize("p", [1.0, 0.9999, 0.9995, 0.998])
def test_saturated_forecasts_keep_their_whole_weight(p):
    # half confidently wrong, half calibrated at 1/2; reflecting the grid without its end points, as
    # relplot does, gives .333 at p = 1, .355 at .9999 and .428 at .9995
    value = smooth_calibration_error([p, p, 0.5, 0.5], [0, 0, 0, 1])
    assert value == pytest.approx(p / 2, abs=1e-3)
    mirrored = smooth_calibration_error([1 - p, 1 - p, 0.5, 0.5], [1, 1, 0, 1])
    assert mirrored == pytest.approx(value, abs=1e-12)


# --- the traps ------------------------------------------------------------------------------------


def test_forecasts_of_exactly_zero_and_one_are_in_the_end_bins():
    curve = reliability_curve([0.0, 0.05, 0.95, 1.0], [0, 0, 1, 1])
    assert curve.count.tolist() == [2, 0, 0, 0, 0, 0, 0, 0, 0, 2]
    # (a, b] without the closed first bin would drop the first row and give .05
    assert expected_calibration_error([0.0, 0.1], [1, 0]) == pytest.approx(abs(0.1 - 1) / 2)
    assert expected_calibration_error([0.0, 1.0], [0, 1]) == 0
    assert expected_calibration_error([0.0, 1.0], [1, 0]) == 1


@pytest.mark.parametrize("dtype", [np.float64, np.float32])
@pytest.mark.parametrize("digits", [10, 100, 1000])
@pytest.mark.parametrize("bins", [1, 2, 3, 5, 7, 10, 15, 20, 25, 30, 49, 50, 100])
def test_decimals_on_the_edges_go_to_the_right_closed_bin(dtype, digits, bins):
    k = np.arange(digits + 1)
    decimal = (k / digits).astype(dtype)
    exact = np.maximum(-(-k * bins // digits), 1) - 1  # ceil in integers
    curve = reliability_curve(decimal, np.zeros(k.size), bins=bins)
    assert curve.count.tolist() == np.bincount(exact, minlength=bins).tolist()
    # one pass over residuals and full bin sums place every row alike
    y = (k % 3 == 0).astype(float)
    whole = expected_calibration_error(decimal, y, bins=bins)
    gap = np.bincount(exact, weights=decimal.astype(float) - y, minlength=bins)
    assert whole == pytest.approx(np.abs(gap).sum() / k.size, abs=1e-15)


def test_neighbours_of_an_edge_fall_on_their_own_side():
    for bins in (3, 7, 10, 15, 49, 100):
        edges = np.arange(1, bins) / bins
        for p, wanted in [
            (np.nextafter(edges, 0), np.arange(bins - 1)),
            (edges, np.arange(bins - 1)),
            (np.nextafter(edges, 1), np.arange(1, bins)),
        ]:
            curve = reliability_curve(p, np.zeros(p.size), bins=bins)
            assert curve.count.tolist() == np.bincount(wanted, minlength=bins).tolist()


def test_ties_are_pooled_in_every_order_of_the_rows():
    p = np.array([0.2, 0.2, 0.2, 0.6, 0.6, 0.6])
    y = np.array([1, 0, 0, 1, 1, 0])
    for order in itertools.permutations(range(6)):
        rows = list(order)
        # pooled: means 1/3 and 2/3, already rising
        assert corp_decomposition(p[rows], y[rows]).miscalibration == pytest.approx(
            ((0.2 - 1 / 3) ** 2 + (0.6 - 2 / 3) ** 2) / 2
        )
        assert expected_calibration_error(
            p[rows], y[rows], bins=4, binning="equal-mass"
        ) == pytest.approx((abs(0.6 - 1) + abs(1.8 - 2)) / 6)


def test_equal_mass_bins_are_equal_without_ties_and_whole_with_them():
    distinct = (np.arange(60) + 0.5) / 60
    for bins in (1, 2, 3, 4, 5, 6, 10, 12, 15, 20, 30, 60):
        count = reliability_curve(distinct, np.zeros(60), bins=bins, binning="equal-mass").count
        assert (count == 60 // bins).all()
    heavy = np.r_[np.full(50, 0.3), np.arange(10) / 100]
    curve = reliability_curve(heavy, np.zeros(60), bins=6, binning="equal-mass")
    assert curve.count.max() == 50
    assert (np.diff(curve.edges) >= 0).all()


def test_empty_bins_are_kept_and_carry_no_weight():
    curve = reliability_curve([0.55, 0.55], [1, 0], bins=20)
    assert curve.count.sum() == 2
    assert len(curve.count) == len(curve.frequency) == len(curve.low) == 20
    assert len(curve.edges) == 21
    assert np.isnan(curve.frequency).sum() == 19
    assert expected_calibration_error([0.55, 0.55], [1, 0], bins=20) == pytest.approx(0.05)
    crowded = reliability_curve([0.5, 0.5], [0, 1], bins=5, binning="equal-mass")
    assert sorted(crowded.count) == [0, 0, 0, 0, 2]


@pytest.mark.parametrize("label", [0, 1])
def test_single_class_data(label):
    p, y = [0.2, 0.2, 0.9], [label] * 3
    assert math.isnan(auroc(p, y))
    assert brier_decomposition(p, y).uncertainty == 0
    assert brier_decomposition(p, y).resolution == pytest.approx(0, abs=1e-30)
    assert corp_decomposition(p, y).discrimination == pytest.approx(0, abs=1e-30)
    assert expected_calibration_error(p, y) == pytest.approx(abs(1.3 - 3 * label) / 3)
    assert area_under_risk_coverage(p, y) == 1 - label
    assert 0 <= smooth_calibration_error(p, y) <= 1


@pytest.mark.parametrize("metric", WEIGHTED, ids=lambda metric: metric.__name__)
def test_one_row_is_enough(metric):
    metric([0.25], [1])
    metric([1.0], [0], weight=[2.0])


def test_the_log_score_of_impossible_events_is_infinite_unless_clipped():
    assert log_score([0.0, 0.5], [1, 0]) == math.inf
    assert log_score([1.0, 0.5], [0.999, 0]) == math.inf
    assert log_score([0.0, 1.0], [0, 1]) == 0
    assert log_score([0.0], [1], clip=1e-6) == pytest.approx(-math.log(1e-6))
    # a row that does not count cannot make it infinite, nor nan
    assert log_score([0.0, 0.5], [1, 0], weight=[0, 1]) == pytest.approx(math.log(2))


def test_float32_forecasts_are_accumulated_in_float64():
    n = 2_000_000
    generator = np.random.default_rng(0)
    p = generator.random(n).astype(np.float32)
    y = (generator.random(n) < p).astype(np.float32)
    exact = p.astype(np.float64)
    for metric in (brier_score, smooth_calibration_error):
        assert metric(p, y) == pytest.approx(metric(exact, y), rel=1e-12)
    # rounded edges may move only rows within a float32 rounding error of one
    assert expected_calibration_error(p, y) == pytest.approx(
        expected_calibration_error(exact, y), rel=1e-6
    )
    naive = float(np.cumsum(p)[-1]) / n  # what float32 accumulation makes of the mean forecast
    assert reliability_curve(p, y, bins=1).confidence[0] == pytest.approx(exact.mean(), rel=1e-13)
    assert abs(naive - exact.mean()) > 1e-8


@pytest.mark.parametrize("dtype", [bool, np.int8, np.int64, np.uint8, np.float16, np.float32])
@pytest.mark.parametrize("metric", WEIGHTED, ids=lambda metric: metric.__name__)
def test_outcomes_of_any_numeric_type(metric, dtype):
    p = np.array([0.25, 0.5, 0.75, 1.0])
    y = np.array([0, 1, 1, 0])
    assert repr(metric(p, y.astype(dtype))) == repr(metric(p, y.astype(float)))


def test_murphy_over_bins_needs_its_remainder():
    generator = np.random.default_rng(3)
    p = generator.random(300)
    y = generator.random(300) < p
    for binning in ("equal-width", "equal-mass"):
        parts = binned_brier_decomposition(p, y, binning=binning)
        three = parts.reliability - parts.resolution + parts.uncertainty
        assert abs(parts.within_bin) > 1e-5
        assert three + parts.within_bin == pytest.approx(brier_score(p, y), abs=1e-14)
        # the remainder is variance inside bins minus twice the covariance
        curve = reliability_curve(p, y, binning=binning)
        slot = np.clip(np.searchsorted(curve.edges, p, side="left") - 1, 0, 9)
        inside_p, inside_y = p - curve.confidence[slot], y - curve.frequency[slot]
        assert parts.within_bin == pytest.approx(
            (inside_p**2).mean() - 2 * (inside_p * inside_y).mean(), abs=1e-14
        )


def test_known_probabilities_and_base_rate_parroting():
    # ECE alone cannot tell a parrot of the base rate from a forecaster who knows
    truth = np.array([0.1, 0.1, 0.9, 0.9])
    parrot = np.full(4, 0.5)
    assert expected_calibration_error(truth, truth) == 0
    assert expected_calibration_error(parrot, truth) == 0
    assert brier_score(truth, truth) < brier_score(parrot, truth)
    assert auroc(truth, truth) > auroc(parrot, truth) == 0.5


def test_inputs_are_left_as_they_were():
    p, y, w = np.array([0.2, 0.8]), np.array([0.0, 1.0]), np.array([1.0, 2.0])
    copies = p.copy(), y.copy(), w.copy()
    for metric in WEIGHTED:
        metric(p, y, weight=w)
    for before, after in zip(copies, (p, y, w), strict=True):
        np.testing.assert_array_equal(before, after)
