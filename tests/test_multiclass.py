from __future__ import annotations

import numpy as np
import pytest

from calibration_lab.calibration import brier_score, expected_calibration_error
from calibration_lab.calibration.multiclass import (
    class_wise_calibration_error,
    multiclass_brier_score,
    top_label,
    top_label_calibration_error,
    top_label_reliability_curve,
    top_label_smooth_calibration_error,
)

EVERY = [
    top_label,
    top_label_calibration_error,
    top_label_smooth_calibration_error,
    top_label_reliability_curve,
    class_wise_calibration_error,
    multiclass_brier_score,
]
every = pytest.mark.parametrize("metric", EVERY, ids=lambda metric: metric.__name__)

FORECAST = np.array([[0.7, 0.2, 0.1], [0.3, 0.6, 0.1], [0.1, 0.1, 0.8]])


@every
@pytest.mark.parametrize(
    ("probabilities", "label", "match"),
    [
        ([0.5, 0.5], [0, 1], r"probabilities must have shape \(n, k\) with k >= 2"),
        ([[1.0], [1.0]], [0, 0], r"probabilities must have shape \(n, k\) with k >= 2"),
        (np.zeros((0, 3)), [], r"probabilities must have shape \(n, k\) with k >= 2"),
        ([[0.5, np.nan]], [0], r"probabilities must lie in \[0, 1\] without nan"),
        ([[1.5, -0.5]], [0], r"probabilities must lie in \[0, 1\] without nan"),
        ([[0.5, 0.4]], [0], "each row of probabilities must sum to 1"),
        ([[0.5, 0.5]], [0, 1], "label must have one entry for each of 1 rows"),
        ([[0.5, 0.5]], [2], r"label must hold integers in 0 \.\. 1"),
        ([[0.5, 0.5]], [-1], r"label must hold integers in 0 \.\. 1"),
        ([[0.5, 0.5]], [0.5], r"label must hold integers in 0 \.\. 1"),
        ([[0.5, 0.5]], [np.nan], r"label must hold integers in 0 \.\. 1"),
    ],
)
def test_malformed_input_is_refused(metric, probabilities, label, match):
    with pytest.raises(ValueError, match=match):
        metric(probabilities, label)


def test_by_hand():
    label = [0, 0, 2]
    assert top_label(FORECAST, label).confidence.tolist() == [0.7, 0.6, 0.8]
    assert top_label(FORECAST, label).correct.tolist() == [1, 0, 1]
    assert top_label_calibration_error(FORECAST, label) == pytest.approx((0.3 + 0.6 + 0.2) / 3)
    assert class_wise_calibration_error(FORECAST, label, bins=1) == pytest.approx(
        (abs(1.1 - 2) + abs(0.9 - 0) + abs(1.0 - 1)) / 3 / 3
    )
    assert multiclass_brier_score(FORECAST, label) == pytest.approx(
        (0.09 + 0.04 + 0.01 + 0.49 + 0.36 + 0.01 + 0.01 + 0.01 + 0.04) / 3
    )
    assert multiclass_brier_score(FORECAST, label, weight=[1, 0, 0]) == pytest.approx(0.14)
    assert top_label_reliability_curve(FORECAST, label, bins=2).count.tolist() == [0, 3]


def test_top_label_is_not_the_binary_error():
    generator = np.random.default_rng(0)
    p = generator.random(2000)
    y = (generator.random(2000) < p**2).astype(int)
    both = np.column_stack([1 - p, p])
    folded = expected_calibration_error(np.maximum(p, 1 - p), (p > 0.5) == y)
    assert top_label_calibration_error(both, y) == pytest.approx(folded, abs=1e-12)
    assert abs(folded - expected_calibration_error(p, y)) > 0.05
    # class-wise for two classes is the mean of the two mirror images
    assert class_wise_calibration_error(both, y) == pytest.approx(
        expected_calibration_error(p, y), abs=1e-12
    )
    assert multiclass_brier_score(both, y) == pytest.approx(2 * brier_score(p, y), abs=1e-12)


def test_labels_that_never_occur_change_nothing():
    generator = np.random.default_rng(1)
    probabilities = generator.dirichlet(np.ones(5), 50)
    label = generator.integers(0, 2, 50)  # five classes, of which the test set holds two
    one_by_one = [
        expected_calibration_error(probabilities[:, k], label == k, bins=15) for k in range(5)
    ]
    assert class_wise_calibration_error(probabilities, label, bins=15) == pytest.approx(
        np.mean(one_by_one)
    )
    assert class_wise_calibration_error(probabilities, label, norm=2) == pytest.approx(
        np.sqrt(
            np.mean(
                [
                    expected_calibration_error(probabilities[:, k], label == k, norm=2) ** 2
                    for k in range(5)
                ]
            )
        )
    )
    assert 0 < top_label_calibration_error(probabilities, label) < 1
    assert 0 < multiclass_brier_score(probabilities, label) < 2


def test_the_rows_and_the_order_of_the_classes():
    generator = np.random.default_rng(2)
    probabilities = generator.dirichlet(np.ones(4), 60)
    label = generator.integers(0, 4, 60)
    rows, columns = generator.permutation(60), generator.permutation(4)
    renamed = np.argsort(columns)[label]
    for metric in EVERY:
        if metric in (top_label, top_label_reliability_curve):
            continue
        value = metric(probabilities, label)
        assert metric(probabilities[rows], label[rows]) == pytest.approx(value, abs=1e-12)
        assert metric(probabilities[:, columns], renamed) == pytest.approx(value, abs=1e-12)


def test_perfect_and_saturated_forecasts():
    certain = np.eye(3)[[0, 1, 2, 1]]
    label = [0, 1, 2, 1]
    assert top_label_calibration_error(certain, label) == 0
    assert top_label_smooth_calibration_error(certain, label) == 0
    assert class_wise_calibration_error(certain, label) == 0
    assert multiclass_brier_score(certain, label) == 0
    wrong = [1, 2, 0, 0]
    assert top_label_calibration_error(certain, wrong) == 1
    assert top_label_smooth_calibration_error(certain, wrong) == pytest.approx(1)
    assert multiclass_brier_score(certain, wrong) == 2


def test_a_float32_softmax_sums_to_one_well_enough():
    generator = np.random.default_rng(3)
    logits = generator.normal(size=(200, 1000)).astype(np.float32) * 5
    exponential = np.exp(logits - logits.max(axis=1, keepdims=True))
    probabilities = exponential / exponential.sum(axis=1, keepdims=True)
    label = generator.integers(0, 1000, 200)
    assert top_label_calibration_error(probabilities, label) == pytest.approx(
        top_label_calibration_error(probabilities.astype(np.float64), label), abs=1e-6
    )
    # and its decimals meet the edges: .3 in float32 is above .3
    third = np.array([[0.3, 0.3, 0.4]], dtype=np.float32)
    curve = top_label_reliability_curve(third, [0])
    assert curve.count.tolist() == [0, 0, 0, 1, 0, 0, 0, 0, 0, 0]
