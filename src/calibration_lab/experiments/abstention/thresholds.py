"""Thresholds set afterwards on one frozen policy: is the direction only a threshold?

Two numbers can be read off a policy at every request: its log-odds of answering, and its confidence
in its best answer.  It answers, giving that best answer, where the chosen number exceeds a
threshold; two axes ask both to exceed theirs.  Thresholds are the best on labelled validation
requests and are judged on the evaluation set.
"""

from __future__ import annotations

import numpy as np

from calibration_lab.experiments.abstention.measures import mean, plug_in
from calibration_lab.experiments.abstention.objectives import TRUE
from calibration_lab.experiments.abstention.truth import Bools, Floats, Policy, Truth

__all__ = ["AXES", "thresholds"]

AXES = ("sampled", "none", "answering", "confidence", "token", "one", "two", "plug-in")
GRID = 64  # thresholds tried on each axis, at quantiles of the validation requests


def axis(policy: Policy, name: str) -> Floats:
    """The number that is compared with a threshold, (P,)."""
    if name == "token":  # probability of the likeliest answer: both others in one number
        return policy.each.max(1)
    return policy.log_odds if name == "answering" else policy.given.max(1)


def realised(policy: Policy, truth: Truth) -> Floats:
    """True utility of giving the best answer, on labelled requests (P,)."""
    correct = policy.given.argmax(1) == truth.label
    return np.where(correct, 1.0, -TRUE.wrong) - TRUE.harm * truth.unsafe


def candidates(values: Floats) -> Floats:
    """Thresholds to try; below the first everything is answered, above the last nothing."""
    inner = np.quantile(values, np.linspace(0, 1, GRID))
    return np.concatenate([[-np.inf], inner, [np.inf]])


def best_of_two(first: Floats, second: Floats, utility: Floats) -> tuple[float, float, float]:
    """Thresholds on two axes with the largest total utility of what exceeds both, and that total.

    Everything is summed into a grid of cells once, then cumulated from the upper corner.
    """
    cuts = candidates(first), candidates(second)
    place = [np.searchsorted(c, v, side="left") for c, v in zip(cuts, (first, second), strict=True)]
    cells = np.zeros((len(cuts[0]) + 1, len(cuts[1]) + 1))
    np.add.at(cells, tuple(place), utility)
    # what exceeds cut i lies in cells i + 1 and above
    above = cells[::-1, ::-1].cumsum(0).cumsum(1)[::-1, ::-1][1:, 1:]
    i, j = np.unravel_index(above.argmax(), above.shape)
    return float(cuts[0][i]), float(cuts[1][j]), float(above[i, j])


def outcome(policy: Policy, truth: Truth, speaks: Floats) -> dict[str, float]:
    """Exact regret and errors of giving the best answer with these probabilities (P,)."""
    given = truth.probability[np.arange(len(speaks)), policy.given.argmax(1)]
    worth = given - TRUE.wrong * (1 - given) - TRUE.harm * truth.harm
    best = np.maximum(truth.utility, 0)
    return {
        "regret": float((best - speaks * worth).mean()),
        "under": mean(speaks, ~truth.answer),
        "over": mean(1 - speaks, truth.answer),
        "tilt": float((truth.answer - speaks).mean()),
    }


def thresholds(
    validation: tuple[Policy, Truth], test: tuple[Policy, Truth], refusal: float
) -> list[dict[str, object]]:
    """Regret of one frozen policy with each way of setting thresholds on it.

    "sampled" follows the policy's own probability of answering; "none" answers where that exceeds
    one half; "answering", "confidence" and "token" set one threshold; "one" takes whichever of the
    first two is better on validation, "two" sets both; "plug-in" needs no labels but takes the
    policy's probabilities at their word, as those of the base allow.
    """
    (seen, labelled), (policy, truth) = validation, test
    utility = realised(seen, labelled)
    flat = np.zeros(len(utility))
    rules: dict[str, Floats | Bools] = {
        "sampled": policy.answering, "none": policy.log_odds > 0
    }  # fmt: skip
    won: dict[str, float] = {}
    for name in ("answering", "confidence", "token"):
        cut, _, won[name] = best_of_two(axis(seen, name), flat, utility)
        rules[name] = axis(policy, name) > cut
    rules["one"] = rules[max(("answering", "confidence"), key=won.__getitem__)]
    cut, second, _ = best_of_two(axis(seen, "answering"), axis(seen, "confidence"), utility)
    rules["two"] = (axis(policy, "answering") > cut) & (axis(policy, "confidence") > second)
    known, harm = plug_in(policy, refusal)
    best = known.max(1)
    rules["plug-in"] = best - TRUE.wrong * (1 - best) > TRUE.harm * harm
    return [{"axes": name, **outcome(policy, truth, rules[name].astype(float))} for name in AXES]
