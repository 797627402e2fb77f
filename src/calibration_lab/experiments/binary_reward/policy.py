"""The policy of the binary-reward experiment: two tokens, an answer and a confidence.

Shapes in comments as in ``experiment.py``: M models, P prompts, n answers per prompt.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor

from calibration_lab import batched

if TYPE_CHECKING:
    from calibration_lab.experiments.binary_reward.experiment import Config

__all__ = ["Policy", "shapes"]


def shapes(config: Config, first: int, second: int) -> dict[str, tuple[int, ...]]:
    """Parameters of the policy whose first token has ``first`` values, the other ``second``."""
    inputs, width, token = config.answers + 1, config.width, config.token_width
    return {
        "trunk.1": (inputs, width), "trunk.1.bias": (width,),
        "trunk.2": (width, width), "trunk.2.bias": (width,),
        "first": (width, first), "first.bias": (first,),
        "link": (width, token), "link.bias": (token,),
        "embedding": (first, token),
        "second": (token, second), "second.bias": (second,),
    }  # fmt: skip


class Policy:
    """log π(first token | question) and log π(second token | question, first token)."""

    def __init__(self, parameters: batched.Parameters, features: Tensor) -> None:
        p, self.parameters = parameters, parameters
        trunk = batched.linear(features, p["trunk.1"], p["trunk.1.bias"]).relu_()
        trunk = batched.linear(trunk, p["trunk.2"], p["trunk.2.bias"]).relu_()  # (M, P, width)
        self.first = batched.linear(trunk, p["first"], p["first.bias"]).log_softmax(-1)
        self.link = batched.linear(trunk, p["link"], p["link.bias"])  # (M, P, token)

    def second(self, token: Tensor) -> Tensor:
        """log π(second | question, first token) for tokens (M, P, n) -> (M, P, n, values)."""
        models, prompts, n = token.shape
        one_hot = (token[..., None] == torch.arange(self.first.shape[-1])).to(self.link.dtype)
        embedded = torch.bmm(one_hot.flatten(1, 2), self.parameters["embedding"])
        hidden = (self.link[:, :, None, :] + embedded.view(models, prompts, n, -1)).relu_()
        logits = batched.linear(
            hidden.flatten(1, 2), self.parameters["second"], self.parameters["second.bias"]
        )
        return logits.log_softmax(-1).view(models, prompts, n, -1)

    def joint(self) -> Tensor:
        """π(first, second | question), shape (M, P, values of first, values of second)."""
        models, prompts, values = self.first.shape
        every = torch.arange(values).expand(models, prompts, values)
        return (self.first[..., None] + self.second(every)).exp()
