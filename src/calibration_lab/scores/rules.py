"""The scoring rules themselves: one object each, for numpy arrays and torch tensors.

Apart from `scores`, which asks what a rule rewards, because these definitions are looked up more
often than that theory is read. Import them from `scores`, which re-exports everything here.

References
----------
Savage (1971), Elicitation of personal probabilities and expectations, JASA 66, section 4.
Gneiting & Raftery (2007), Strictly proper scoring rules, JASA 102, doi:10.1198/016214506000001437.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

import numpy as np

PartialLoss = Callable[[Any], Any]  # confidence -> loss for one fixed outcome, numpy or torch


def _is_tensor(value: object) -> bool:
    torch = sys.modules.get("torch")  # a tensor can only exist once torch has been imported
    return torch is not None and isinstance(value, torch.Tensor)


def check_pair(confidence: Any, outcome: Any) -> tuple[Any, Any, Any]:
    """Return (namespace, confidence, outcome) as float arrays of one kind, checked to be in [0, 1].

    The comparisons are written so that nan fails them.
    """
    if _is_tensor(confidence) or _is_tensor(outcome):
        import torch

        floating = [x for x in (confidence, outcome) if _is_tensor(x) and x.is_floating_point()]
        dtype = floating[0].dtype if floating else torch.get_default_dtype()
        device = (confidence if _is_tensor(confidence) else outcome).device
        confidence = torch.as_tensor(confidence, dtype=dtype, device=device)
        outcome = torch.as_tensor(outcome, dtype=dtype, device=device)
        namespace: Any = torch
    else:
        namespace = np
        confidence = np.asarray(confidence, dtype=np.float64)
        outcome = np.asarray(outcome, dtype=np.float64)
    for name, value in (("confidence", confidence), ("outcome", outcome)):
        inside = (value >= 0) & (value <= 1)
        if not bool(inside.all()):
            worst = float(value[~inside].reshape(-1)[0])
            raise ValueError(f"{name} must lie in [0, 1]; got {worst}")
    return namespace, confidence, outcome


@dataclass(frozen=True)
class ScoringRule:
    """A loss for stated confidence, in the rule's own units; smaller is better.

    Parameters
    ----------
    name : str
        The name under which results are filed.
    if_right, if_wrong : callable
        S(c, 1) and S(c, 0) as functions of the confidence c. Both must be finite at c = 1/2.
    proper : bool
        Whether honesty minimises the expected loss; `properness_gap` checks it numerically.

    Notes
    -----
    Two rules are equal if they have the same name and the same functions.
    """

    name: str
    if_right: PartialLoss
    if_wrong: PartialLoss
    proper: bool = True

    def loss(self, confidence: Any, outcome: Any) -> Any:
        """Return the loss of each stated confidence, elementwise.

        S(c, q) = q S(c, 1) + (1 - q) S(c, 0), where an outcome of probability zero costs nothing
        even if its loss is infinite.

        Parameters
        ----------
        confidence : array or tensor
            Stated confidence c in [0, 1], any shape.
        outcome : array or tensor
            1 if right, 0 if wrong, or the known probability of being right; broadcastable.

        Returns
        -------
        array or tensor
            Losses of the broadcast shape; may be infinite for the unclipped log score.

        Raises
        ------
        ValueError
            If a confidence or an outcome leaves [0, 1] or is nan.

        Examples
        --------
        >>> brier().loss([0.9, 1.0], [0, 1])
        array([0.81, 0.  ])
        >>> log().loss(0.0, 1)
        np.float64(inf)
        """
        xp, confidence, outcome = check_pair(confidence, outcome)
        # The branch that cannot happen is evaluated at 1/2: there it is finite, so that neither
        # 0 * inf in the value nor 0 * inf in a torch gradient becomes nan.
        right = self.if_right(xp.where(outcome > 0, confidence, 0.5))
        wrong = self.if_wrong(xp.where(outcome < 1, confidence, 0.5))
        return outcome * right + (1 - outcome) * wrong


def _brier_right(confidence: Any) -> Any:
    return (1 - confidence) ** 2


def _brier_wrong(confidence: Any) -> Any:
    return confidence**2


def brier() -> ScoringRule:
    """Return the Brier score, S(c, y) = (c - y)**2, in [0, 1]; strictly proper.

    Source: Brier (1950), Monthly Weather Review 78, eq. (2), for one of two classes (half his sum).

    Examples
    --------
    >>> brier().loss(0.7, 1)
    np.float64(0.09000000000000002)
    """
    return ScoringRule("brier", _brier_right, _brier_wrong)


def _minus_log(confidence: Any, clip: float | None, of_right: bool) -> Any:
    stated = confidence if of_right else 1 - confidence
    if _is_tensor(stated):
        return -(stated if clip is None else stated.clip(clip, 1 - clip)).log()
    with np.errstate(divide="ignore"):  # log(0) is the definition here, not an accident
        return -np.log(stated if clip is None else np.clip(stated, clip, 1 - clip))


def log(clip: float | None = None) -> ScoringRule:
    """Return the log score, S(c, y) = -ln(probability stated for what happened), in nats.

    Range [0, inf]; strictly proper. Certainty that proves wrong costs infinity. With ``clip`` = e,
    c is first moved into [e, 1 - e]: bounded by -ln(e), proper, but flat beyond the clip.

    Parameters
    ----------
    clip : float, optional
        In (0, 1/2). None (the default) is the definition, without clipping.

    Raises
    ------
    ValueError
        If ``clip`` is outside (0, 1/2) or nan.

    Source: Good (1952), Rational decisions, JRSS B 14.

    Examples
    --------
    >>> log(clip=0.01).loss(0.0, 1).round(4)
    np.float64(4.6052)
    """
    if clip is not None and not 0 < clip < 0.5:
        raise ValueError(f"clip must lie in (0, 1/2), or be None for no clipping; got {clip}")
    name = "log" if clip is None else f"log(clip={clip:g})"
    return ScoringRule(
        name,
        partial(_minus_log, clip=clip, of_right=True),
        partial(_minus_log, clip=clip, of_right=False),
    )


def _spherical_right(confidence: Any) -> Any:
    return 1 - confidence / (confidence**2 + (1 - confidence) ** 2) ** 0.5


def _spherical_wrong(confidence: Any) -> Any:
    return _spherical_right(1 - confidence)


def spherical() -> ScoringRule:
    """Return the spherical score, S(c, 1) = 1 - c / sqrt(c**2 + (1 - c)**2), in [0, 1].

    Strictly proper; S(c, 0) = S(1 - c, 1).

    Source: Gneiting & Raftery (2007), example 2 with alpha = 2, as a loss.

    Examples
    --------
    >>> spherical().loss([0.0, 1.0], 1)
    array([1., 0.])
    """
    return ScoringRule("spherical", _spherical_right, _spherical_wrong)


def _linear_right(confidence: Any) -> Any:
    return 1 - confidence


def _linear_wrong(confidence: Any) -> Any:
    return confidence


def linear() -> ScoringRule:
    """Return the linear score, S(c, y) = abs(c - y), in [0, 1]; **improper**.

    The best report is 1 if p > 1/2 and 0 if p < 1/2: it rewards exaggeration.

    Examples
    --------
    >>> linear().loss([0.7, 1.0], 0.7)  # a certain report beats the honest 0.7
    array([0.42, 0.3 ])
    """
    return ScoringRule("linear", _linear_right, _linear_wrong, proper=False)


def _nothing(confidence: Any) -> Any:
    return confidence * 0


def penalise_only_wrong() -> ScoringRule:
    """Return the rule that charges c**2 for a wrong answer, nothing for a right one; **improper**.

    The best report is always 0: confidence is only ever a liability.

    Examples
    --------
    >>> penalise_only_wrong().loss([0.9, 0.9], [0, 1])
    array([0.81, 0.  ])
    """
    return ScoringRule("penalise_only_wrong", _nothing, _brier_wrong, proper=False)


def _savage_loss(confidence: Any, convex: PartialLoss, slope: PartialLoss, outcome: int) -> Any:
    return -convex(confidence) - slope(confidence) * (outcome - confidence)


def savage(name: str, convex: PartialLoss, slope: PartialLoss) -> ScoringRule:
    """Return the proper rule of a convex function G, S(c, y) = -G(c) - G'(c) (y - c).

    Every proper rule is of this form, and its least expected loss is -G(p).

    Parameters
    ----------
    name : str
        Name of the rule.
    convex, slope : callable
        G and its derivative (or a subgradient), both on [0, 1], for numpy or torch.

    Source: Savage (1971), section 4; Gneiting & Raftery (2007), theorem 1.

    Examples
    --------
    >>> rule = savage("brier", lambda p: p * (p - 1), lambda p: 2 * p - 1)
    >>> rule.loss(0.5, [0, 1])
    array([0.25, 0.25])
    """
    return ScoringRule(
        name,
        partial(_savage_loss, convex=convex, slope=slope, outcome=1),
        partial(_savage_loss, convex=convex, slope=slope, outcome=0),
    )


RULES: dict[str, ScoringRule] = {
    rule.name: rule for rule in (brier(), log(), spherical(), linear(), penalise_only_wrong())
}
