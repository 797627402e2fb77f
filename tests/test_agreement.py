"""Agreement of repeated answers: golden values, independent implementations, degenerate cases."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from sklearn.decomposition import FactorAnalysis

from calibration_lab import agreement
from calibration_lab.agreement import (
    agreement_interval,
    cronbach_alpha,
    icc,
    mcdonald_omega,
    pairwise_agreement,
    predicted_transposed,
    spearman_brown,
    total_agreement,
    transposed_omega,
)

# Nine tests of 301 children (Holzinger & Swineford 1939), as the R package lavaan ships them.
CHILDREN = pd.read_csv(Path(__file__).parent / "data" / "holzinger-swineford.csv")
SCALES = {"visual": ["x1", "x2", "x3"], "textual": ["x4", "x5", "x6"], "speed": ["x7", "x8", "x9"]}

# Six targets by four judges: Shrout & Fleiss (1979), Psychological Bulletin 86, table 2.
TARGETS = np.array([
    [9, 2, 5, 8], [6, 1, 3, 2], [8, 4, 6, 8], [7, 1, 2, 6], [10, 5, 6, 9], [6, 2, 4, 7],
])  # fmt: skip


def one_factor(n, k, reliability, seed=0, uneven=0.2):
    rng = np.random.default_rng([seed, n, k])
    loading = np.sqrt(reliability) * (1 + uneven * rng.standard_normal(k))
    noise = rng.standard_normal((n, k)) * np.sqrt(1 - reliability)
    return rng.standard_normal((n, 1)) * loading + noise


def draws(n, k, seed=0, a=0.5):
    """Binary judge: independent draws with a probability of each item."""
    rng = np.random.default_rng([seed, n, k])
    return (rng.random((n, k)) < rng.beta(a, a, (n, 1))).astype(float)


# --- golden values -------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scale", "published"),
    [("visual", 0.6261171), ("textual", 0.8827069), ("speed", 0.6884550)],
)
def test_alphas_of_the_holzinger_swineford_scales(scale, published):
    """As `psych::alpha` and `semTools::reliability` print them for these data."""
    assert cronbach_alpha(CHILDREN[SCALES[scale]]) == pytest.approx(published, abs=1e-7)


def test_the_alpha_of_all_nine_tests():
    assert cronbach_alpha(CHILDREN) == pytest.approx(0.7604886, abs=1e-7)  # same source


def test_intraclass_correlations_of_shrout_and_fleiss():
    """Their table 4: ICC(1,1) = .17, ICC(1,4) = .44, and ICC(3,4) = .91, which is alpha."""
    assert icc(TARGETS) == pytest.approx(0.17, abs=0.005)
    assert spearman_brown(icc(TARGETS), 4) == pytest.approx(0.44, abs=0.005)
    assert cronbach_alpha(TARGETS) == pytest.approx(0.91, abs=0.005)


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("metric", ["covariance", "correlation"])
def test_three_columns_have_a_closed_form(scale, metric):
    """Three covariances give three loadings: l1² = s12 s13 / s23, and the fit is exact."""
    x = CHILDREN[SCALES[scale]]
    s = (x.cov() if metric == "covariance" else x.corr()).to_numpy()
    loadings = np.sqrt([s[0, 1] * s[0, 2] / s[1, 2], s[0, 1] * s[1, 2] / s[0, 2],
                        s[0, 2] * s[1, 2] / s[0, 1]])  # fmt: skip
    found = mcdonald_omega(x, metric)
    assert found.value == pytest.approx(loadings.sum() ** 2 / s.sum(), abs=1e-6)
    np.testing.assert_allclose(found.loadings, loadings, rtol=1e-5)
    np.testing.assert_allclose(found.errors, np.diag(s) - loadings**2, rtol=1e-5)


# --- independent implementations -----------------------------------------------------------------


def by_scikit_learn(x, metric):
    """Expectation-maximisation, in the metric's own units."""
    x = np.asarray(x, dtype=float)
    z = x - x.mean(0) if metric == "covariance" else (x - x.mean(0)) / x.std(0, ddof=1)
    fit = FactorAnalysis(1, tol=1e-13, max_iter=200_000, svd_method="lapack").fit(z)
    ratio = len(x) / (len(x) - 1)  # covariances with ddof 1
    explained = fit.components_[0].sum() ** 2 * ratio
    return explained / (explained + fit.noise_variance_.sum() * ratio)


def by_direct_likelihood(x):
    """The normal log-likelihood, written out and maximised over loadings and errors at once."""
    s = np.cov(np.asarray(x, dtype=float), rowvar=False)
    k = len(s)

    def misfit(parameters):
        loadings, errors = parameters[:k], np.exp(parameters[k:])
        sigma = np.outer(loadings, loadings) + np.diag(errors)
        inverse = np.linalg.inv(sigma)
        outer = inverse - inverse @ s @ inverse
        value = np.linalg.slogdet(sigma)[1] + np.trace(s @ inverse)
        return value, np.concatenate([2 * outer @ loadings, np.diag(outer) * errors])

    start = np.concatenate([np.sqrt(np.diag(s) / 2), np.log(np.diag(s) / 2)])
    fit = minimize(misfit, start, jac=True, method="BFGS", options={"gtol": 1e-9, "maxiter": 5000})
    explained = fit.x[:k].sum() ** 2
    return explained / (explained + np.exp(fit.x[k:]).sum())


TABLES = {
    "nine tests": CHILDREN.to_numpy(),
    "even": one_factor(500, 6, 0.3, uneven=0.0),
    "uneven": one_factor(200, 10, 0.5, uneven=0.4),
    "many columns": one_factor(150, 40, 0.1),
    "reliable": one_factor(100, 5, 0.98, uneven=0.0),
    "binary": draws(200, 20),
}


@pytest.mark.parametrize("name", TABLES)
@pytest.mark.parametrize("metric", ["covariance", "correlation"])
def test_omega_equals_that_of_scikit_learn(name, metric):
    found = mcdonald_omega(TABLES[name], metric)
    assert found.state == "estimated"
    assert found.value == pytest.approx(by_scikit_learn(TABLES[name], metric), abs=1e-5)


@pytest.mark.parametrize("name", TABLES)
def test_omega_equals_that_of_a_direct_likelihood(name):
    found = mcdonald_omega(TABLES[name])
    assert found.value == pytest.approx(by_direct_likelihood(TABLES[name]), abs=1e-5)


@pytest.mark.parametrize("name", TABLES)
def test_alpha_and_icc_equal_their_analysis_of_variance(name):
    """Alpha is 1 - MSE / MSB of the two-way layout (Hoyt); ICC(1) is that of the one-way layout."""
    x = TABLES[name]
    n, k = x.shape
    rows, columns, grand = x.mean(1, keepdims=True), x.mean(0, keepdims=True), x.mean()
    msb = k * ((rows - grand) ** 2).sum() / (n - 1)
    mse = ((x - rows - columns + grand) ** 2).sum() / ((n - 1) * (k - 1))
    msw = ((x - rows) ** 2).sum() / (n * (k - 1))
    assert cronbach_alpha(x) == pytest.approx(1 - mse / msb, abs=1e-10)
    assert icc(x) == pytest.approx((msb - msw) / (msb + (k - 1) * msw), abs=1e-10)
    assert spearman_brown(icc(x), k) == pytest.approx(1 - msw / msb, abs=1e-10)


# --- what the numbers mean -----------------------------------------------------------------------


def test_omega_estimates_the_known_reliability_of_the_sum():
    found = mcdonald_omega(one_factor(20_000, 10, 0.05, uneven=0.0)).value
    assert found == pytest.approx(spearman_brown(0.05, 10), abs=0.02)


def test_the_sum_of_a_hundred_unreliable_answers_is_reliable():
    x = one_factor(2000, 100, 0.05, uneven=0.0)
    assert icc(x) == pytest.approx(0.05, abs=0.01)
    assert mcdonald_omega(x).value == pytest.approx(0.84, abs=0.02)


@given(st.floats(-0.009, 1), st.integers(1, 100), st.integers(1, 100))
def test_spearman_brown_composes_and_inverts(r, first, second):
    there = spearman_brown(r, first)
    if first * second <= 100:
        assert spearman_brown(there, second) == pytest.approx(spearman_brown(r, first * second))
    assert spearman_brown(there, 1 / first) == pytest.approx(r, abs=1e-9)


def test_spearman_brown_knows_its_limits():
    assert np.isnan(spearman_brown(-0.5, 3))
    assert np.isnan(spearman_brown(np.nan, 3))
    np.testing.assert_allclose(spearman_brown([0.0, 1.0], 7), [0, 1])
    with pytest.raises(ValueError, match="at most 1"):
        spearman_brown(1.1, 2)
    with pytest.raises(ValueError, match="positive"):
        spearman_brown(0.5, 0)


@settings(max_examples=20)
@given(
    st.integers(0, 100), st.floats(0.1, 10), st.floats(-5, 5), st.permutations(range(4)),
)  # fmt: skip
def test_reliability_does_not_depend_on_unit_zero_or_order(seed, unit, zero, order):
    x = one_factor(60, 4, 0.5, seed=seed)
    y = unit * x[:, order] + zero
    for statistic in (cronbach_alpha, icc, lambda t: mcdonald_omega(t).value):
        expected = statistic(x)
        assert statistic(y) == pytest.approx(expected, abs=1e-6)
        assert statistic(y[::-1]) == pytest.approx(expected, abs=1e-6)


def test_the_correlation_metric_ignores_the_units_of_single_columns():
    x = CHILDREN.to_numpy()
    stretched = x * np.arange(1, 10)
    same = mcdonald_omega(x, "correlation").value
    assert mcdonald_omega(stretched, "correlation").value == pytest.approx(same, abs=1e-6)
    assert mcdonald_omega(stretched).value != pytest.approx(mcdonald_omega(x).value, abs=1e-3)


def test_shuffling_items_within_each_repetition_leaves_no_reliability():
    rng = np.random.default_rng(0)
    x = rng.permuted(one_factor(300, 30, 0.5), axis=0)
    assert abs(icc(x)) < 0.01
    assert mcdonald_omega(x).value < 0.15


# --- degenerate cases ----------------------------------------------------------------------------


@pytest.mark.parametrize("metric", ["covariance", "correlation"])
def test_identical_columns_are_reliable_by_construction(metric):
    x = np.repeat(np.random.default_rng(0).integers(0, 2, (30, 1)), 100, axis=1)
    found = mcdonald_omega(x, metric)
    assert (found.value, found.state) == (1.0, "no error")
    assert (found.errors == 0).all()
    assert cronbach_alpha(x) == pytest.approx(1.0)
    assert icc(x) == 1.0
    assert total_agreement(x).raw == pairwise_agreement(x) == 1.0


@pytest.mark.parametrize("value", [0.0, 1.0, 0.1, 1e9])
def test_a_constant_judge_is_undefined(value):
    x = np.full((20, 5), value)
    assert np.isnan(icc(x))
    assert np.isnan(cronbach_alpha(x))
    found = mcdonald_omega(x)
    assert np.isnan(found.value)
    assert (found.state, found.reason) == ("undefined", "every column is constant")
    assert not agreement_interval(icc, x, resamples=19).defined
    assert not agreement_interval(mcdonald_omega, x, resamples=19).defined


def test_a_sum_that_cancels_is_undefined():
    column = np.random.default_rng(0).standard_normal((30, 1))
    x = column * [1, -1]
    assert np.isnan(cronbach_alpha(x))
    assert mcdonald_omega(x).reason == "the sum of the columns is constant"


def test_a_constant_column_is_left_out_or_undefined():
    x = one_factor(100, 5, 0.5)
    with_constant = np.column_stack([x, np.ones(100)])
    assert mcdonald_omega(with_constant).value == pytest.approx(mcdonald_omega(x).value, abs=1e-9)
    assert "constant" in mcdonald_omega(with_constant, "correlation").reason
    assert mcdonald_omega(np.column_stack([x[:, :1], np.ones(100)])).state == "undefined"


@pytest.mark.parametrize(
    ("table", "reason"),
    [
        (one_factor(50, 2, 0.5), "three varying columns"),
        (one_factor(20, 20, 0.5), "outnumber"),
        (one_factor(20, 100, 0.5), "outnumber"),
        (np.column_stack([one_factor(50, 4, 0.5), one_factor(50, 4, 0.5)[:, 0]]), "determine"),
    ],
)
def test_what_has_no_maximum_likelihood_is_undefined_with_its_reason(table, reason):
    found = mcdonald_omega(table)
    assert np.isnan(found.value)
    assert found.state == "undefined"
    assert reason in found.reason
    assert np.isnan(found.loadings).all()
    assert -1 <= icc(table) <= 1  # which is there instead


def test_a_heywood_case_is_said():
    """s12 s13 / s23 = .8 · .8 / .3 > 1: the first column would need a negative error variance."""
    wanted = np.array([[1, 0.8, 0.8], [0.8, 1, 0.3], [0.8, 0.3, 1]])
    white = np.linalg.qr(np.random.default_rng(0).standard_normal((101, 4)) - 0.0)[0]
    white = white - white.mean(0)
    white = np.linalg.qr(white)[0][:, :3] * 10  # exactly uncorrelated, variance 1
    x = white @ np.linalg.cholesky(wanted).T
    np.testing.assert_allclose(np.cov(x, rowvar=False), wanted, atol=1e-9)
    found = mcdonald_omega(x)
    assert found.state == "boundary"
    assert "Heywood" in found.reason
    assert 0 <= found.value <= 1


@settings(max_examples=60)
@given(st.integers(0, 10_000), st.integers(2, 12), st.integers(2, 8), st.integers(1, 3))
def test_nothing_is_ever_silently_above_one(seed, n, k, values):
    x = np.random.default_rng(seed).integers(0, values, (n, k))
    found = mcdonald_omega(x)
    assert np.isnan(found.value) == (found.state == "undefined")
    assert np.isnan(found.value) or 0 <= found.value <= 1
    assert (found.reason == "") == (found.state == "estimated")
    for statistic in (icc, cronbach_alpha):
        assert np.isnan(statistic(x)) or statistic(x) <= 1


@pytest.mark.parametrize(
    "bad", [np.ones(5), np.ones((1, 5)), np.ones((5, 1)), np.full((3, 3), np.nan)]
)
@pytest.mark.parametrize(
    "function", [icc, cronbach_alpha, mcdonald_omega, pairwise_agreement, transposed_omega]
)
def test_bad_tables_are_refused(function, bad):
    with pytest.raises(ValueError, match=r"ratings must be"):
        function(bad)


def test_an_unknown_metric_is_refused():
    with pytest.raises(ValueError, match="covariance"):
        mcdonald_omega(CHILDREN, "spearman")


# --- agreement rates -----------------------------------------------------------------------------


def test_total_agreement_of_raw_outputs_and_of_answers():
    outputs = [["A", "A"], ["A", " A"], ["A", "B"], ["??", "??"], ["A", "?"]]
    found = total_agreement(outputs, lambda text: text.strip(" ?") or None)
    assert found == agreement.Agreement(raw=2 / 5, parsed=2 / 5, unparsed=3 / 10)


@pytest.mark.parametrize("bad", [[], [["A"]], [["A", "B"], ["A"]]])
def test_outputs_must_be_a_table(bad):
    with pytest.raises(ValueError, match="items by repetitions"):
        total_agreement(bad)


def test_pairwise_agreement_equals_the_enumeration_of_pairs():
    x = np.random.default_rng(0).integers(0, 3, (40, 7))
    pairs = [(x[:, i] == x[:, j]).mean() for i in range(7) for j in range(7) if i != j]
    assert pairwise_agreement(x) == pytest.approx(np.mean(pairs))


# --- intervals -----------------------------------------------------------------------------------


def test_intervals_cover_the_known_reliability():
    """ICC of uniform probabilities is 1/3; 95 % intervals over items should contain it often."""
    held = 0
    for seed in range(60):
        found = agreement_interval(icc, draws(120, 8, seed, a=1.0), resamples=199)
        held += found.low <= 1 / 3 <= found.high
    assert held >= 52


def test_intervals_take_omega_and_clusters():
    x = draws(60, 8)
    found = agreement_interval(mcdonald_omega, x, bounds=(0, 1), resamples=99)
    assert found.estimate == mcdonald_omega(x).value
    assert found.low < found.estimate < found.high
    doubled = agreement_interval(
        icc, np.repeat(x, 2, axis=0), cluster=np.repeat(np.arange(60), 2), resamples=99
    )
    alone = agreement_interval(icc, x, resamples=99)
    assert doubled.high - doubled.low == pytest.approx(alone.high - alone.low, rel=0.05)


# --- the transposed layout -----------------------------------------------------------------------


@pytest.mark.parametrize(("questions", "repetitions"), [(8, 100), (25, 100), (25, 30)])
def test_the_transposed_layout_finds_reliability_in_noise_as_predicted(questions, repetitions):
    rng = np.random.default_rng(0)
    found = [
        transposed_omega(rng.standard_normal((questions, repetitions))).value for _ in range(20)
    ]
    assert np.mean(found) == pytest.approx(predicted_transposed(questions, repetitions), abs=0.02)


@pytest.mark.parametrize(("questions", "package"), [(25, 0.68127), (12, 0.51748), (8, 0.41275)])
def test_the_transposed_layout_beside_the_package_of_the_released_code(questions, package):
    """The package is reliabilipy 0.0.36; its alpha of absolute correlations, on the same noise."""
    noise = np.random.default_rng([0, questions, 100]).integers(1, 6, (questions, 100))
    assert transposed_omega(noise).value == pytest.approx(package, abs=0.015)


def test_without_absolute_values_it_finds_nothing_in_noise():
    rng = np.random.default_rng(0)
    found = [
        transposed_omega(rng.standard_normal((25, 100)), absolute=False).value for _ in range(20)
    ]
    assert np.mean(found) < 0.15


def test_constant_questions_count_as_one():
    noise = np.random.default_rng(0).integers(1, 6, (10, 100))
    plain = transposed_omega(noise)
    more = transposed_omega(np.vstack([noise, np.ones((30, 100))]))
    assert (more.varying, more.constant) == (10, 30)
    assert more.value == pytest.approx((10 * plain.value + 30) / 40)
    assert transposed_omega(np.ones((4, 100))).value == 1.0
    assert predicted_transposed(10, 100, constant=30) > predicted_transposed(10, 100)
    assert predicted_transposed(0, 100, constant=3) == 1.0


def test_one_or_two_varying_questions():
    noise = np.random.default_rng(0).integers(1, 6, (2, 100))
    assert np.isnan(transposed_omega(np.vstack([noise[:1], np.ones(100)])).value)
    r = abs(np.corrcoef(noise)[0, 1])
    assert transposed_omega(noise).value == pytest.approx(2 * r / (1 + r))


def test_the_mean_absolute_correlation_of_noise():
    rng = np.random.default_rng(0)
    r = [np.corrcoef(rng.standard_normal((2, 10)))[0, 1] for _ in range(4000)]
    assert np.abs(r).mean() == pytest.approx(agreement.expected_absolute_correlation(10), abs=0.01)
    with pytest.raises(ValueError, match="3 or more"):
        agreement.expected_absolute_correlation(2)
    with pytest.raises(ValueError, match="one question"):
        predicted_transposed(0, 100)
