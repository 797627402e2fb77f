"""The same numbers from independent libraries, on the inputs where those are right.

Forecasts meet neither a bin edge nor 0 or 1 where the peer places those wrongly; tolerances say
which rounding they allow for.
"""

from __future__ import annotations

import numpy as np
import pytest

from calibration_lab import calibration as c
from calibration_lab.calibration.multiclass import (
    class_wise_calibration_error,
    multiclass_brier_score,
    top_label_calibration_error,
)


@pytest.fixture(params=range(4))
def generator(request):
    return np.random.default_rng(request.param)


@pytest.fixture
def continuous(generator):
    p = generator.beta(0.8, 0.8, 500).clip(1e-6, 1 - 1e-6)
    return p, (generator.random(500) < p**1.5).astype(int)


@pytest.fixture
def tied(generator):
    p = generator.integers(1, 20, 500) / 20
    return p, (generator.random(500) < p**1.5).astype(int), generator.integers(0, 4, 500)


def test_scikit_learn_scores(tied):
    metrics = pytest.importorskip("sklearn.metrics")
    p, y, weight = tied
    for w in (None, weight):
        assert c.brier_score(p, y, weight=w) == pytest.approx(
            metrics.brier_score_loss(y, p, sample_weight=w), abs=1e-13
        )
        assert c.log_score(p, y, weight=w) == pytest.approx(
            metrics.log_loss(y, p, sample_weight=w), abs=1e-12
        )
        assert c.auroc(p, y, weight=w) == pytest.approx(
            metrics.roc_auc_score(y, p, sample_weight=w), abs=1e-12
        )


def test_scikit_learn_reliability_curve(continuous):
    calibration = pytest.importorskip("sklearn.calibration")
    p, y = continuous
    curve = c.reliability_curve(p, y, bins=12)
    frequency, confidence = calibration.calibration_curve(y, p, n_bins=12)
    used = curve.count > 0  # scikit-learn leaves empty bins out
    assert curve.frequency[used] == pytest.approx(frequency, abs=1e-13)
    assert curve.confidence[used] == pytest.approx(confidence, abs=1e-13)


def test_scikit_learn_isotonic_regression(tied):
    isotonic = pytest.importorskip("sklearn.isotonic")
    p, y, weight = tied
    weight = weight + 1
    fitted = isotonic.IsotonicRegression().fit(p, y, sample_weight=weight).predict(p)
    corp = c.corp_decomposition(p, y, weight=weight)
    recalibrated = c.brier_score(np.clip(fitted, 0, 1), y, weight=weight)
    score = c.brier_score(p, y, weight=weight)
    assert corp.miscalibration == pytest.approx(score - recalibrated, abs=1e-12)
    assert corp.discrimination == pytest.approx(corp.uncertainty - recalibrated, abs=1e-12)


@pytest.mark.parametrize("bins", [5, 15, 100])
def test_torchmetrics_binned_errors(continuous, bins):
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.classification")
    p, y = continuous
    given = torch.tensor(p), torch.tensor(y)
    for norm, name in ((1, "l1"), (2, "l2")):
        peer = functional.binary_calibration_error(*given, n_bins=bins, norm=name)
        # its counts are float32
        assert c.expected_calibration_error(p, y, bins=bins, norm=norm) == pytest.approx(
            float(peer), rel=2e-6
        )
    assert c.auroc(p, y) == pytest.approx(float(functional.binary_auroc(*given)), abs=1e-6)


def _classes(generator, n=400, k=5):
    probabilities = generator.dirichlet(np.full(k, 0.6), n)
    label = (generator.random(n)[:, None] > probabilities.cumsum(axis=1)).sum(axis=1)
    return probabilities, np.minimum(label, k - 1)


def test_torchmetrics_top_label_error(generator):
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.classification")
    probabilities, label = _classes(generator)
    peer = functional.multiclass_calibration_error(
        torch.tensor(probabilities), torch.tensor(label), num_classes=5, n_bins=15
    )
    # it casts the forecasts to float32
    assert top_label_calibration_error(probabilities, label, bins=15) == pytest.approx(
        float(peer), rel=1e-5
    )


def test_torchmetrics_class_wise_error_by_class(generator):
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.classification")
    probabilities, label = _classes(generator)
    peer = [
        float(
            functional.binary_calibration_error(
                torch.tensor(probabilities[:, k]), torch.tensor((label == k).astype(int)), n_bins=15
            )
        )
        for k in range(5)
    ]
    assert class_wise_calibration_error(probabilities, label, bins=15) == pytest.approx(
        np.mean(peer), rel=2e-6
    )


def test_scikit_learn_multiclass_brier(generator):
    metrics = pytest.importorskip("sklearn.metrics")
    probabilities, label = _classes(generator)
    peer = metrics.brier_score_loss(label, probabilities, labels=range(5), scale_by_half=False)
    assert multiclass_brier_score(probabilities, label) == pytest.approx(peer, abs=1e-12)


def test_relplot_binned_error(continuous):
    relplot = pytest.importorskip("relplot")
    p, y = continuous
    # its edges are multiples of a float bin width; 16 of them are exact
    assert c.expected_calibration_error(p, y, bins=16) == pytest.approx(
        relplot.metrics.binnedECE(p, y, nbins=16), abs=1e-12
    )


def test_relplot_smooth_error_away_from_the_ends(generator):
    relplot = pytest.importorskip("relplot")
    p = generator.beta(6, 6, 800)  # it halves the weight of forecasts near 0 and 1
    y = (generator.random(800) < np.clip(p - 0.12, 0, 1)).astype(int)
    # it searches the bandwidth to within 1e-3
    assert c.smooth_calibration_error(p, y) == pytest.approx(relplot.smECE(p, y), abs=2e-3)
    for bandwidth in (0.03, 0.1):
        assert c.smooth_calibration_error(p, y, bandwidth=bandwidth) == pytest.approx(
            relplot.smECE_sigma(p, y, bandwidth), rel=5e-3
        )


@pytest.mark.parametrize("weighted", [False, True])
def test_model_diagnostics_decomposition(tied, weighted):
    scoring = pytest.importorskip("model_diagnostics.scoring")
    p, y, weight = tied
    w = weight + 1 if weighted else None
    frame = scoring.decompose(y, p, weights=w, scoring_function=scoring.SquaredError())
    peer = [float(frame[name][0]) for name in ("miscalibration", "discrimination", "uncertainty")]
    assert tuple(c.corp_decomposition(p, y, weight=w)) == pytest.approx(peer, abs=1e-12)
    assert c.brier_score(p, y, weight=w) == pytest.approx(float(frame["score"][0]), abs=1e-13)
    assert c.log_score(p, y, weight=w) == pytest.approx(
        scoring.LogLoss()(y, p, weights=w), abs=1e-12
    )
