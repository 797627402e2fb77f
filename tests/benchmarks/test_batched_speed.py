"""All seeds at once against a loop over seeds: ratios of CPU time measured in one run.

Run with ``pytest --benchmark-only tests/benchmarks -s``; ordinary runs skip it.
"""

from __future__ import annotations

import torch

from calibration_lab.experiments.binary_reward import speed


def test_seeds_at_once_against_a_loop(benchmark):
    torch.set_num_threads(1)
    run = benchmark.pedantic(speed.run, args=(speed.Config(), range(3)), rounds=1)
    ratio = run["times"].groupby("models")["ratio"].median()
    benchmark.extra_info["loop / batched, CPU time"] = ratio.round(2).to_dict()
    print("\nthe loop takes so many times the CPU time:", ratio.round(2).to_dict())
    assert ratio[32] > 2
