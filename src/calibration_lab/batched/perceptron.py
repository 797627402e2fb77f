"""Batched multilayer perceptrons, and the order in which they see their examples.

Shapes in comments as in the package: M models, S seeds, B examples per model.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import pairwise

import numpy as np
import torch
from torch import Tensor

from calibration_lab.batched import Parameters, linear, random_stream

__all__ = ["forward", "minibatches", "shapes"]


def shapes(inputs: int, hidden: Sequence[int], outputs: int) -> dict[str, tuple[int, ...]]:
    """Parameter shapes of one perceptron: ``layer.k`` and ``layer.k.bias`` for each layer k.

    Parameters
    ----------
    inputs, outputs : int
        Numbers per example that go in and that come out, 1 or more.
    hidden : sequence of int
        Width of each hidden layer, from the input on; without any the model is linear.

    Raises
    ------
    ValueError
        If a width is less than 1.

    Examples
    --------
    >>> shapes(8, [32], 2)
    {'layer.1': (8, 32), 'layer.1.bias': (32,), 'layer.2': (32, 2), 'layer.2.bias': (2,)}
    """
    widths = [inputs, *hidden, outputs]
    if min(widths) < 1:
        raise ValueError(f"inputs, hidden and outputs must be 1 or more, got {widths}")
    found: dict[str, tuple[int, ...]] = {}
    for layer, (fan_in, fan_out) in enumerate(pairwise(widths), start=1):
        found |= {f"layer.{layer}": (fan_in, fan_out), f"layer.{layer}.bias": (fan_out,)}
    return found


def forward(parameters: Parameters, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Last hidden layer and outputs of every perceptron (rectified linear units).

    Parameters
    ----------
    parameters : Parameters
        Made with :func:`shapes`.
    inputs : torch.Tensor of shape (M, B, inputs)

    Returns
    -------
    features : torch.Tensor of shape (M, B, last hidden width)
        What the last layer reads; the inputs themselves where there is no hidden layer.
    outputs : torch.Tensor of shape (M, B, outputs)
        Before any softmax.
    """
    last = len(parameters.shapes) // 2
    features = inputs
    for layer in range(1, last):
        name = f"layer.{layer}"
        features = linear(features, parameters[name], parameters[f"{name}.bias"]).relu()
    return features, linear(features, parameters[f"layer.{last}"], parameters[f"layer.{last}.bias"])


def minibatches(
    seeds: Sequence[int], purpose: str, rows: int, batch: int, steps: int
) -> Iterator[Tensor]:
    """Which rows each seed's models see in each step: epochs in a fresh order, by seed.

    Rows left over at the end of an epoch, fewer than a batch, are passed over.

    Parameters
    ----------
    seeds : sequence of int
    purpose : str
        Purpose of the random streams, see :func:`calibration_lab.batched.random_stream`.
    rows : int
        Number of training rows of each seed.
    batch : int
        Rows in a batch, 1 to ``rows``.
    steps : int
        Number of batches.

    Yields
    ------
    torch.Tensor of shape (S, batch), int64
        Different rows, 0 to ``rows - 1``.

    Raises
    ------
    ValueError
        If ``batch`` is not between 1 and ``rows``.

    Examples
    --------
    >>> [batch.shape for batch in minibatches([0, 1], "order", rows=100, batch=32, steps=2)]
    [torch.Size([2, 32]), torch.Size([2, 32])]
    """
    if not 1 <= batch <= rows:
        raise ValueError(f"batch must lie between 1 and the number of rows {rows}, got {batch}")
    streams = [random_stream(seed, purpose) for seed in seeds]
    per_epoch = rows // batch
    for step in range(steps):
        if step % per_epoch == 0:
            order = torch.from_numpy(np.stack([stream.permutation(rows) for stream in streams]))
        start = step % per_epoch * batch
        yield order[:, start : start + batch]
