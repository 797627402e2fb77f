"""A million forecasts against the peers: ratios measured in one run, never seconds.

Run with ``pytest --benchmark-only tests/benchmarks``; ordinary runs skip it. The contenders take
turns on one thread, and each is judged by the least processor time of its turns, so that a busy
machine does not decide.
"""

from __future__ import annotations

import time

import numpy as np
import pytest

from calibration_lab.calibration import expected_calibration_error, smooth_calibration_error

ROWS = 1_000_000
BINS = 15


@pytest.fixture(scope="module", autouse=True)
def one_thread():
    torch = pytest.importorskip("torch")
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def million():
    generator = np.random.default_rng(0)
    p = generator.beta(2, 2, ROWS)
    return p, (generator.random(ROWS) < p).astype(np.float64)


def _scikit_learn_ece(p, y, bins):
    calibration = pytest.importorskip("sklearn.calibration")
    frequency, confidence = calibration.calibration_curve(y, p, n_bins=bins)
    # it returns no counts: the binning has to be done again
    edges = np.linspace(0, 1, bins + 1)
    count = np.bincount(np.searchsorted(edges[1:-1], p), minlength=bins)
    return float((np.abs(frequency - confidence) * count[count > 0]).sum() / p.size)


def _torchmetrics_ece(p, y, bins):
    torch = pytest.importorskip("torch")
    functional = pytest.importorskip("torchmetrics.functional.classification")
    return float(
        functional.binary_calibration_error(
            torch.from_numpy(p), torch.from_numpy(y).long(), n_bins=bins
        )
    )


def _relplot_ece(p, y, bins):
    return float(pytest.importorskip("relplot").metrics.binnedECE(p, y, nbins=bins))


PEERS = {
    "scikit-learn": _scikit_learn_ece,
    "torchmetrics": _torchmetrics_ece,
    "relplot": _relplot_ece,
}


def _is_right(ece):
    """Whether a peer is right at p = 1 and on decimals."""
    tenths = np.arange(11) / 10
    for p, y in [(np.array([0.95, 1.0]), np.array([1.0, 0.0])), (tenths, (tenths > 0.65) * 1.0)]:
        wanted = expected_calibration_error(p, y, bins=10)
        try:
            if abs(ece(p, y, 10) - wanted) > 1e-6:
                return False
        except (ValueError, IndexError):
            return False
    return True


def _fastest(contenders, turns):
    best = dict.fromkeys(contenders, np.inf)
    for _ in range(turns):
        for name, run in contenders.items():
            start = time.process_time()
            run()
            best[name] = min(best[name], time.process_time() - start)
    return best


def _report(benchmark, best):
    ratios = {name: round(best[name] / best["ours"], 2) for name in best if name != "ours"}
    benchmark.extra_info["times as long as ours"] = ratios
    print("\ntimes as long as ours:", ratios)
    return ratios


def test_binned_error(benchmark, million):
    p, y = million
    contenders = {"ours": lambda: expected_calibration_error(p, y, bins=BINS)}
    contenders |= {name: (lambda ece=ece: ece(p, y, BINS)) for name, ece in PEERS.items()}
    ratios = _report(benchmark, _fastest(contenders, turns=7))
    benchmark(contenders["ours"])
    right = [name for name, ece in PEERS.items() if _is_right(ece)]
    assert right, "no peer is right: the comparison would be empty"
    for name in right:
        assert ratios[name] > 1, name
    assert ratios["relplot"] > 1 / 2


def test_smooth_error(benchmark, million):
    relplot = pytest.importorskip("relplot")
    p, y = million
    contenders = {
        "ours": lambda: smooth_calibration_error(p, y),
        "relplot": lambda: relplot.smECE(p, y),
    }
    ratios = _report(benchmark, _fastest(contenders, turns=5))
    benchmark(contenders["ours"])
    assert ratios["relplot"] > 5
