"""Asymmetric losses on images: a small convolutional network on handwritten digits.

The published claim was made with convolutional networks.  Here one looks at eight by eight pixels:
a 3 x 3 convolution, pooling, a 2 x 2 convolution, the mean over places, and a linear read-out.  A
convolution is a linear layer over patches, so the batched layers serve.

The unit is a split of the one data set.  Two questions are asked, one with half the images
positive and one with a tenth, under a fixed budget of SGD steps and, under Adam, free to stop.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from numpy.typing import NDArray
from scipy.special import expit
from sklearn.datasets import load_digits
from torch import Tensor

from calibration_lab import batched, calibration
from calibration_lab.experiments.asymmetric_loss import real_data, training
from calibration_lab.experiments.asymmetric_loss.training import Arm, Schedule, each

__all__ = ["QUESTIONS", "Config", "Convolution", "run"]

Rows = list[dict[str, object]]
SIDE = 8  # pixels
QUESTIONS = {"five or more": (5, 6, 7, 8, 9), "an eight": (8,)}


@dataclass(frozen=True)
class Config:
    """Constants of the published run, chosen on splits below 1000."""

    ratio: float = 10.0
    quarter: int = 448  # at most so many test images; as many to validate, twice as many to train
    channels: tuple[int, int] = (16, 32)
    batch: int = 64
    sgd_rate: float = 0.1
    sgd_looks: tuple[int, ...] = (20, 40, 60, 80, 100, 130, 160, 200, 250, 300)
    step: int = 100  # of the fixed budget
    adam_rate: float = 3e-3
    adam_looks: tuple[int, ...] = (50, 100, 150, 200, 250, 300, 350, 400, 500, 600)

    def __post_init__(self) -> None:
        for name in ("quarter", "batch"):
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        if any(channels < 16 or channels % 16 for channels in self.channels):
            raise ValueError(f"channels must be multiples of 16, got {self.channels}")
        if self.step not in self.sgd_looks:
            raise ValueError(f"step must be one of sgd_looks, got {self.step}")


def patches(side: int, size: int) -> Tensor:
    """Places (patches, size²) of the pixels of every patch in an image of side², row by row.

    Examples
    --------
    >>> patches(3, 2).tolist()
    [[0, 1, 3, 4], [1, 2, 4, 5], [3, 4, 6, 7], [4, 5, 7, 8]]
    """
    corner = torch.arange(side - size + 1)
    inside = torch.arange(size)
    first = (corner[:, None] * side + corner).flatten()
    return first[:, None] + (inside[:, None] * side + inside).flatten()


@dataclass(frozen=True)
class Convolution:
    """Two convolutions with rectified units for images of 8 x 8 pixels; see the module's text."""

    channels: tuple[int, int]

    def shapes(self, inputs: int, classes: int) -> dict[str, tuple[int, ...]]:
        """See `training.Network.shapes`."""
        if inputs != SIDE**2:
            raise ValueError(f"inputs must be {SIDE**2} pixels, got {inputs}")
        first, second = self.channels
        return {
            "convolution.1": (9, first), "convolution.1.bias": (first,),
            "convolution.2": (4 * first, second), "convolution.2.bias": (second,),
            "output": (second, classes), "output.bias": (classes,),
        }  # fmt: skip

    def __call__(self, parameters: batched.Parameters, inputs: Tensor) -> tuple[Tensor, Tensor]:
        """Mean of the last feature maps (M, B, channels), and outputs (M, B, classes)."""
        hidden = self._convolve(parameters, "convolution.1", inputs[..., None], SIDE, 3)  # 6 x 6
        pooled = hidden.unflatten(2, (3, 2, 3, 2)).amax((3, 5)).flatten(2, 3)  # 3 x 3
        maps = self._convolve(parameters, "convolution.2", pooled, 3, 2)  # 2 x 2
        features = maps.mean(2)
        return features, batched.linear(features, parameters["output"], parameters["output.bias"])

    @staticmethod
    def _convolve(
        parameters: batched.Parameters, name: str, maps: Tensor, side: int, size: int
    ) -> Tensor:
        """Feature maps (M, B, places, channels) of maps with side² places."""
        seen = maps[:, :, patches(side, size)].flatten(3)  # (M, B, patches, size² · channels)
        rows = seen.flatten(1, 2)
        out = batched.linear(rows, parameters[name], parameters[f"{name}.bias"]).relu()
        return out.unflatten(1, seen.shape[1:3])


def digits(question: str) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int64]]:
    """Pixels (1797, 64), whether the answer is yes, and the digit."""
    pixels, digit = load_digits(return_X_y=True)
    return pixels, np.isin(digit, QUESTIONS[question]).astype(np.int64), digit.astype(np.int64)


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train both losses on every split, for both questions, under both optimisers.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        One split of the images each.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``steps``: per split (also called seed), question, optimiser, loss and step the AUROC.
        ``images``: every measure, where SGD's budget ends ("fixed budget") and where Adam stopped
        ("free to stop").
    """
    network = Convolution(config.channels)
    tables: dict[str, Rows] = {"steps": [], "images": []}
    schedules = {
        "sgd": Schedule(config.batch, config.sgd_rate, config.sgd_looks),
        "adam": Schedule(config.batch, config.adam_rate, config.adam_looks),
    }
    for question in QUESTIONS:
        parts = real_data.split(digits(question), seeds, config.quarter)
        train, validation, test = parts
        for optimiser, schedule in schedules.items():
            arms = [Arm(ratio, optimiser=optimiser) for ratio in (1.0, config.ratio)]
            found = training.train(network, arms, seeds, train, schedule)
            for model, place, arm in each(found[schedule.looks[-1]], arms):
                unit = {
                    "seed": seeds[place], "split": seeds[place], "question": question,
                    "loss": "plain" if arm.ratio == 1 else "weighted",
                }  # fmt: skip
                for step, networks in found.items():
                    _, out = training.answers(network, networks, model, test.features[place])
                    auroc = calibration.auroc(expit(out[:, 1] - out[:, 0]), test.labels[place])
                    tables["steps"].append(
                        {**unit, "optimiser": optimiser, "step": step, "auroc": auroc}
                    )
                own = validation.features[place], validation.labels[place]
                step, budget = config.step, "fixed budget"
                if optimiser == "adam":
                    step, budget = real_data.stop(network, found, model, arm, own), "free to stop"
                judged = real_data.judged(
                    network, found[step], model, arm, parts, place, config.ratio
                )
                tables["images"].append({**unit, "budget": budget, "step": step, **judged})
    return {name: pd.DataFrame(rows) for name, rows in tables.items()}
