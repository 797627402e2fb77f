from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.special import expit, log_softmax, softmax

from calibration_lab.calibration import brier_score, expected_calibration_error, log_score
from calibration_lab.calibration.recalibration import (
    Temperature,
    fit_isotonic,
    fit_platt,
    fit_temperature,
)


@pytest.mark.parametrize(
    ("logits", "outcome", "match"),
    [
        ([], [], r"logits must have shape \(n,\) or \(n, k\)"),
        ([[1.0]], [0], r"logits must have shape \(n,\) or \(n, k\)"),
        ([1.0, np.nan], [0, 1], "logits must be finite"),
        ([1.0, np.inf], [0, 1], "logits must be finite"),
        ([1.0, 2.0], [0, 2], r"outcome must lie in \[0, 1\]"),
        ([1.0, 2.0], [0, 1, 1], "outcome must be as long as probability"),
        ([[1.0, 2.0]], [2], r"outcome must hold integers in 0 \.\. 1"),
        ([[1.0, 2.0]], [0.5], r"outcome must hold integers in 0 \.\. 1"),
        ([[1.0, 2.0]], [0, 1], "outcome must have one label for each of 1 rows"),
    ],
)
def test_temperature_refuses_malformed_input(logits, outcome, match):
    with pytest.raises(ValueError, match=match):
        fit_temperature(logits, outcome)


@pytest.mark.parametrize("fit", [fit_isotonic, fit_platt])
def test_recalibrators_refuse_malformed_input(fit):
    with pytest.raises(ValueError, match="score must be a non-empty vector of finite numbers"):
        fit([0.1, np.nan], [0, 1])
    with pytest.raises(ValueError, match=r"outcome must lie in \[0, 1\]"):
        fit([0.1, 0.2], [0, 2])
    with pytest.raises(ValueError, match="weight must be finite"):
        fit([0.1, 0.2], [0, 1], weight=[1, np.nan])
    with pytest.raises(ValueError, match="score must be a non-empty vector of finite numbers"):
        fit([0.1, 0.2, 0.9], [0, 1, 1])([])


# --- temperature ----------------------------------------------------------------------------------


def test_temperature_in_closed_form():
    # one logit value z and a success rate r: sigmoid(z / T) = r
    for z, wins, n in [(4.0, 3, 4), (0.1, 9, 10), (-2.0, 1, 5)]:
        fit = fit_temperature([z] * n, [1] * wins + [0] * (n - wins))
        rate = wins / n
        assert fit.value == pytest.approx(z / math.log(rate / (1 - rate)), rel=1e-9)
        assert fit.log_loss == pytest.approx(log_score([rate], [rate]))
        assert fit.finite
        # and from the known probability instead of draws
        assert fit_temperature([z], [rate]).value == pytest.approx(fit.value, rel=1e-9)


def test_binary_logits_are_not_doubled():
    generator = np.random.default_rng(0)
    z = generator.normal(0, 3, 4000)
    y = (generator.random(4000) < expit(z / 2)).astype(int)
    one = fit_temperature(z, y)
    two = fit_temperature(np.column_stack([np.zeros_like(z), z]), y)
    assert one.value == pytest.approx(two.value, rel=1e-9)
    assert one.value == pytest.approx(2, abs=0.2)
    assert one(z) == pytest.approx(two(np.column_stack([np.zeros_like(z), z]))[:, 1])


@pytest.mark.parametrize("true_temperature", [0.2, 1.0, 2.5, 20.0])
def test_the_true_temperature_is_recovered_and_is_a_minimum(true_temperature):
    generator = np.random.default_rng(1)
    logits = generator.normal(0, 3, (20_000, 4)) * true_temperature
    y = (
        generator.random(20_000)[:, None]
        > softmax(logits / true_temperature, axis=1).cumsum(axis=1)
    ).sum(axis=1)
    fit = fit_temperature(logits, y)
    assert fit.value == pytest.approx(true_temperature, rel=0.05)

    def loss(temperature):
        return -log_softmax(logits / temperature, axis=1)[np.arange(20_000), y].mean()

    assert fit.log_loss == pytest.approx(loss(fit.value), abs=1e-12)
    for factor in (0.999, 1.001):
        assert loss(fit.value * factor) > fit.log_loss


@pytest.mark.parametrize("scale", [1e-200, 1e-6, 1.0, 1e6, 1e200])
def test_temperature_scales_with_the_logits(scale):
    z = np.array([3.0, -1.0, 2.0, -4.0, 1.0])
    y = [1, 0, 0, 0, 1]
    plain = fit_temperature(z, y)
    assert fit_temperature(scale * z, y).value == pytest.approx(scale * plain.value, rel=1e-7)
    shifted = fit_temperature(np.column_stack([z + 100, np.full(5, 100.0)]), [0, 1, 1, 1, 0])
    assert shifted.value == pytest.approx(plain.value, rel=1e-7)


@pytest.mark.parametrize(
    ("logits", "label", "status", "value", "loss"),
    [
        ([3.0, -3.0], [1, 0], "separable", 0.0, 0.0),
        ([[5.0, 1.0, 0.0], [0.0, 0.1, 0.0]], [0, 1], "separable", 0.0, 0.0),
        ([[1.0, 1.0, 0.0], [0.0, 0.0, 9.0]], [0, 2], "separable", 0.0, math.log(2) / 2),
        ([3.0, -3.0], [0, 1], "uninformative", math.inf, math.log(2)),
        ([1.0, -1.0, 1.0, -1.0], [1, 1, 0, 0], "uninformative", math.inf, math.log(2)),
        ([[2.0, 2.0, 2.0]], [1], "flat", math.nan, math.log(3)),
        ([0.0, 0.0], [0, 1], "flat", math.nan, math.log(2)),
    ],
)
def test_no_finite_optimum_is_said(logits, label, status, value, loss):
    fit = fit_temperature(logits, label)
    assert fit.status == status
    assert fit.value == pytest.approx(value, nan_ok=True)
    assert fit.log_loss == pytest.approx(loss)
    assert not fit.finite
    with pytest.raises(ValueError, match="no finite optimum"):
        fit(logits)


@pytest.mark.parametrize("seed", range(20))
def test_no_data_set_defeats_the_bracket(seed):
    generator = np.random.default_rng(seed)
    n = int(generator.integers(1, 6))
    logits = generator.choice([-1e3, -1.0, -1e-9, 0.0, 1e-9, 1.0, 1e3], (n, 3))
    fit = fit_temperature(logits, generator.integers(0, 3, n))
    assert fit.status in ("optimum", "separable", "uninformative", "flat")
    assert fit.log_loss >= 0
    if fit.finite:
        assert 0 < fit.value < math.inf


def test_temperature_weights_are_counts():
    z = np.array([3.0, -1.0, 2.0, -4.0])
    y = np.array([1, 0, 0, 0])
    weight = np.array([4, 1, 2, 0])
    repeated = fit_temperature(np.repeat(z, weight), np.repeat(y, weight))
    assert fit_temperature(z, y, weight=weight).value == pytest.approx(repeated.value, rel=1e-9)
    # a row without weight cannot make the data separable, nor keep them from being so
    assert fit_temperature([3.0, 1.0], [1, 0], weight=[1, 0]).status == "separable"


def test_temperature_is_a_value():
    assert Temperature(2.0, "optimum", 0.1) == Temperature(2.0, "optimum", 0.1)
    assert Temperature(2.0, "optimum", 0.1)([[2.0, 0.0]])[0] == pytest.approx(
        [expit(1.0), expit(-1.0)]
    )


# --- Platt and isotonic ---------------------------------------------------------------------------


@pytest.fixture
def distorted():
    generator = np.random.default_rng(2)
    z = generator.normal(0, 1.5, 6000)
    y = (generator.random(6000) < expit(0.5 * z - 1)).astype(int)
    return z, y


def test_platt_recovers_a_logistic_distortion(distorted):
    z, y = distorted
    fit = fit_platt(z, y)
    assert fit([0.0, 2.0]) == pytest.approx(expit([-1.0, 0.0]), abs=0.03)


def test_platt_matches_scikit_learn(distorted):
    calibration = pytest.importorskip("sklearn.calibration")
    frozen = pytest.importorskip("sklearn.frozen")
    linear_model = pytest.importorskip("sklearn.linear_model")
    z, y = distorted
    base = linear_model.LogisticRegression().fit(z[:, None], y)
    peer = calibration.CalibratedClassifierCV(frozen.FrozenEstimator(base), method="sigmoid")
    peer.fit(z[:, None], y)
    score = base.decision_function(z[:, None])
    # it stops its own search at a gradient of about 1e-5
    assert fit_platt(score, y)(score) == pytest.approx(
        peer.predict_proba(z[:, None])[:, 1], abs=1e-4
    )


def test_platt_stays_finite_on_separable_data():
    fit = fit_platt([-1.0, -1.0, 1.0, 1.0], [0, 0, 1, 1])
    # Platt's targets: (2 + 1) / (2 + 2) and 1 / (2 + 2)
    assert fit([-1.0, 1.0]) == pytest.approx([0.25, 0.75], abs=1e-5)


@pytest.mark.parametrize("fit", [fit_isotonic, fit_platt])
def test_recalibration_repairs_fresh_rows(fit, distorted):
    z, y = distorted
    before, half = expit(z), slice(0, 3000)
    repaired = fit(z[half], y[half])(z[3000:])
    assert expected_calibration_error(repaired, y[3000:]) < 0.04
    assert expected_calibration_error(before[3000:], y[3000:]) > 0.15
    assert brier_score(repaired, y[3000:]) < brier_score(before[3000:], y[3000:])
    order = np.argsort(z[3000:])
    assert (np.diff(repaired[order]) >= -1e-12).all()


@pytest.mark.parametrize("fit", [fit_isotonic, fit_platt])
def test_weights_are_counts_and_soft_outcomes_are_splits(fit):
    z = np.array([-2.0, -1.0, 0.0, 0.5, 1.0, 3.0])
    y = np.array([0, 1, 0, 1, 0, 1])
    weight = np.array([1, 3, 2, 1, 1, 4])
    counted = fit(z, y, weight=weight)(z)
    assert counted == pytest.approx(fit(np.repeat(z, weight), np.repeat(y, weight))(z), abs=1e-5)
    q = np.array([0.0, 0.25, 0.25, 0.75, 0.5, 1.0])
    split = fit(np.r_[z, z], np.r_[np.ones(6), np.zeros(6)], weight=np.r_[q, 1 - q])
    assert fit(z, q)(z) == pytest.approx(split(z), abs=1e-5)


def test_isotonic_pools_ties_and_is_constant_outside():
    fit = fit_isotonic([0.2, 0.2, 0.6, 0.6], [0, 1, 1, 1])
    assert fit([0.0, 0.2, 0.6, 1.0]).tolist() == [0.5, 0.5, 1.0, 1.0]
