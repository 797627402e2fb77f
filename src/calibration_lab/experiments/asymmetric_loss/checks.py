"""Checks of the asymmetric-loss experiment that need no luck: a linear world, and the algebra."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import torch
from scipy.special import expit

from calibration_lab import batched, calibration
from calibration_lab.experiments.asymmetric_loss import world
from calibration_lab.experiments.asymmetric_loss.looking import Data
from calibration_lab.experiments.asymmetric_loss.training import (
    Arm,
    Perceptron,
    Schedule,
    each,
)

if TYPE_CHECKING:
    from calibration_lab.experiments.asymmetric_loss.experiment import Config

__all__ = ["algebra", "gradient_deviation", "linear"]

Rows = list[dict[str, object]]


def linear(config: Config, seeds: Sequence[int]) -> Rows:
    """Both losses on a linear world, a linear model and much data: nothing is left to differ."""
    data = Data.draw(
        Perceptron(()), seeds, "linear", config.inputs,
        train=config.linear_train, validation=config.validation, test=config.test,
    )  # fmt: skip
    arms = [
        Arm(ratio, prior, optimiser="adam")
        for prior in config.pair
        for ratio in (1.0, config.ratio)
    ]
    steps = config.linear_steps
    schedule = Schedule(config.linear_batch, config.linear_rate, (steps,))
    rows: Rows = []
    networks = data.trained(arms, schedule)[steps]
    for model, place, arm in each(networks, arms):
        truth = data.test.probability(place, arm.prior)
        rows.append({
            "seed": seeds[place], "prior": arm.prior, "ratio": arm.ratio,
            "auroc": data.auroc(networks, model, arm), "best": calibration.auroc(truth, truth),
        })  # fmt: skip
    return rows


def gradient_deviation(ratio: float, label: np.ndarray) -> float:
    """Largest relative deviation of an example's gradient from the factor times the plain one.

    Gradients are those of the loss with respect to the two outputs, by differentiation, where every
    case gets the best constant answer.
    """
    share = float(label.mean())
    heavy, light = world.weights(ratio, share)
    target, gradients = torch.tensor(label), []
    for r, weight in ((1.0, (1.0, 1.0)), (ratio, (light, heavy))):
        best = math.log(r * share / (1 - share))
        out = torch.tensor([0.0, best], dtype=torch.float64).repeat(len(label), 1)
        out.requires_grad_()
        loss = -out.log_softmax(-1).gather(1, target[:, None])[:, 0]
        weighted = loss * torch.tensor(weight, dtype=torch.float64)[target]
        gradients.append(torch.autograd.grad(weighted.sum(), out)[0])
    ratio_of = gradients[1] / (world.gradient_factor(ratio, share) * gradients[0])
    return float((ratio_of - 1).abs().max())


def algebra(data: Data, networks: batched.Parameters, arms: Sequence[Arm]) -> Rows:
    """On trained networks: do the ways of choosing disagree, and is the factor exact?

    ``weighted_disagreement`` is the share of test cases on which a weighted network's answer at 1/2
    and its implied probability at 1 / (1 + r) differ; ``plain_disagreement`` the same for a plain
    network's adjusted answer at 1/2 and its probability at 1 / (1 + r); without the adjustment it
    is ``unadjusted_disagreement``.
    """
    rows: Rows = []
    for model, place, arm in each(networks, arms):
        if arm.ratio == 1 or arm.scaled_as is not None:
            continue
        plain = place * len(arms) + arms.index(replace(arm, ratio=1.0))
        answer = expit(data.seen(networks, model, "test").log_odds)
        stated = expit(data.seen(networks, plain, "test").log_odds)
        threshold = world.best_threshold(arm.ratio)
        weighted = (answer > 0.5) != (world.implied(answer, arm.ratio) > threshold)
        adjusted = (world.adjust(stated, arm.ratio) > 0.5) != (stated > threshold)
        rows.append({
            "seed": data.seeds[place], "prior": arm.prior, "ratio": arm.ratio,
            "weighted_disagreement": float(weighted.mean()),
            "plain_disagreement": float(adjusted.mean()),
            "unadjusted_disagreement": float(((stated > 0.5) != (stated > threshold)).mean()),
            "gradient_deviation": gradient_deviation(
                arm.ratio, data.train.label(place, arm.prior)
            ),
        })  # fmt: skip
    return rows
