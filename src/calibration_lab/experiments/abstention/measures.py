"""What is measured on one policy of the abstention experiment.

Everything but the choice of thresholds is an exact expectation over the policy's own actions and
over the known probabilities: no answer is sampled.  *Under* is the share of requests answered of
those that the true utility would have the policy abstain on, *over* the share abstained on of those
that it would have answered, *tilt* the rate of abstention less that of the best decisions.

Shapes in comments: P requests, K answers, L confidence levels.
"""

from __future__ import annotations

import numpy as np
from scipy.stats import rankdata

from calibration_lab import calibration
from calibration_lab.experiments.abstention.objectives import TRUE, Arm, Start, rewards, threshold
from calibration_lab.experiments.abstention.truth import Bools, Floats, Policy, Truth

__all__ = ["Rows", "calibrated", "decisions", "glance", "mean", "optimum", "planes", "plug_in",
           "reliability", "signals", "slices", "value"]  # fmt: skip

Rows = dict[str, list[dict[str, object]]]
BINS = 10


def mean(values: Floats, of: Bools) -> float:
    """Mean of the chosen values, undefined if none is chosen."""
    return float(values[of].mean()) if of.any() else np.nan


def value(truth: Truth, arm: Arm) -> tuple[Floats, float]:
    """Expected reward of every answer at its best confidence (P, K), and of abstaining."""
    gain, cost, abstain = rewards(arm)
    flag = truth.alarm.astype(float) if arm.proxy else truth.harm_if(arm.mix)
    return expected(truth.probability, flag, gain - cost), abstain


def expected(probability: Floats, flag: Floats, table: Floats) -> Floats:
    """Expected reward (P, K) of answers with these probabilities, at the best confidence level."""
    p, f = probability[..., None], flag[:, None, None]
    wrong, right = ((1 - f) * table[c, 0] + f * table[c, 1] for c in (0, 1))
    found: Floats = (p * right + (1 - p) * wrong).max(-1)
    return found


def optimum(truth: Truth, arm: Arm | None, start: Start) -> Floats:
    """Probability of answering (P,) of the policy that is best by its own training.

    A reward's optimum is 0 or 1; held to the base it is a Boltzmann distribution.  Imitation's is
    the share of demonstrations that answer (``arm`` None stands for the base).
    """
    base = (1 - start.refusal) * (1 - truth.harm_if(start.mix))
    if arm is None:
        return base
    if arm.imitation:
        return np.ones_like(base)
    answers, abstain = value(truth, arm)
    if arm.anchor:
        tilted = (truth.probability * np.exp((answers - abstain) / arm.anchor)).sum(1) * base
        found: Floats = tilted / (tilted + 1 - base)
        return found
    return (answers.max(1) > abstain).astype(float)


def disagreement(truth: Truth, arm: Arm) -> float:
    """Share of requests on which the threshold rule and enumeration of all actions differ."""
    answers, abstain = value(truth, arm)
    flag = truth.alarm.astype(float) if arm.proxy else truth.harm_if(arm.mix)
    rule = truth.probability.max(1) > threshold(arm.wrong, arm.harm, arm.abstain, flag)
    return float(((answers.max(1) > abstain) != rule).mean())


def plug_in(base: Policy, refusal: float) -> tuple[Floats, Floats]:
    """Probability of each answer (P, K) and of harm (P,), read off the calibrated base.

    Demonstrations abstain on unsafe requests and on a share ``refusal`` at random.
    """
    abstains = 1 - base.answering
    return base.given, ((abstains - refusal) / (1 - refusal)).clip(0, 1)


def decisions(
    policy: Policy, truth: Truth, arm: Arm | None, start: Start, base: Policy
) -> dict[str, float]:
    """Over- and under-abstention, regret by its causes, and how near the own optimum is.

    Regret is in units of the true utility: ``under_regret`` from answering where it should
    abstain, ``over_regret`` the reverse, ``choice_regret`` from not giving the best answer;
    ``own_regret`` is in units of the arm's own reward, against its own optimum;
    ``greedy_own_regret`` is that of the policy without its randomness, and ``posthoc_own_regret``
    that of the frozen base with the rule for this reward.
    """
    answers, right = policy.answering, truth.answer
    lost = truth.probability.max(1, keepdims=True) - truth.probability
    under_regret = float((answers * np.where(right, 0, -truth.utility)).mean())
    over_regret = float(((1 - answers) * np.where(right, truth.utility, 0)).mean())
    choice = float((1 + TRUE.wrong) * (policy.each * lost).sum(1).mean())
    abstains = 1 - answers
    rightly = float((abstains * ~right).mean())
    predicted = optimum(truth, arm, start)
    found = {
        "under": mean(answers, ~right),
        "over": mean(abstains, right),
        "abstains": float(abstains.mean()),
        "chow_abstains": float((~right).mean()),
        "tilt": float(abstains.mean() - (~right).mean()),
        "recall": mean(abstains, ~right),
        "precision": rightly / float(abstains.mean()) if abstains.any() else np.nan,
        "predicted_under": mean(predicted, ~right),
        "predicted_over": mean(1 - predicted, right),
        "regret": under_regret + over_regret + choice,
        "under_regret": under_regret,
        "over_regret": over_regret,
        "choice_regret": choice,
        "signed_regret": over_regret - under_regret,
        "best_utility": float(np.maximum(truth.utility, 0).mean()),
        "accuracy_given": float((policy.each * truth.probability).sum() / policy.each.sum()),
    }
    if arm is None or arm.brier or arm.imitation or arm.anchor:
        return found
    found["threshold_disagreement"] = disagreement(truth, arm)
    own, abstain = value(truth, arm)
    best = np.maximum(own.max(1), abstain)
    achieved = (policy.each * own).sum(1) + (1 - answers) * abstain
    found["own_regret"] = float((best - achieved).mean())
    row = np.arange(len(own))
    likeliest = np.where(policy.log_odds > 0, own[row, policy.given.argmax(1)], abstain)
    found["greedy_own_regret"] = float((best - likeliest).mean())
    if arm.mix == start.mix:
        known, harm = plug_in(base, start.refusal)
        flag = truth.alarm.astype(float) if arm.proxy else harm
        gain, cost, _ = rewards(arm)
        seen = expected(known, flag, gain - cost)
        speaks = seen.max(1) > abstain
        said = own[row, seen.argmax(1)]
        found["posthoc_own_regret"] = float((best - np.where(speaks, said, abstain)).mean())
        found["posthoc_under"] = mean(speaks.astype(float), ~right)
        found["posthoc_over"] = mean(1.0 - speaks, right)
    return found


def slices(policy: Policy, truth: Truth, predicted: Floats) -> list[dict[str, object]]:
    """Rate of abstention by kind of request, beside the best and the own optimum's."""
    abstains, best = 1 - policy.answering, (~truth.answer).astype(float)
    return [
        {
            "slice": name,
            "abstains": mean(abstains, of),
            "predicted": mean(1 - predicted, of),
            "chow": mean(best, of),
            "tilt": mean(abstains - best, of),
            "excess": mean(abstains - (1 - predicted), of),
        }
        for name, of in truth.slices.items()
    ]


def planes(policy: Policy, truth: Truth, predicted: Floats) -> list[dict[str, object]]:
    """Under- and over-abstention where only knowledge, or only safety, is in question."""
    right = truth.answer
    return [
        {
            "plane": name,
            "under": mean(policy.answering, of & ~right),
            "over": mean(1 - policy.answering, of & right),
            "tilt": mean(right - policy.answering, of),
            "predicted_under": mean(predicted, of & ~right),
            "predicted_over": mean(1 - predicted, of & right),
        }
        for name, of in truth.planes.items()
    ]


def scores(forecast: Floats, outcome: Floats, weight: Floats | None = None) -> dict[str, float]:
    """How well forecasts are calibrated, and how well they separate."""
    outcome = outcome.clip(0, 1)
    average = float(np.average(forecast, weights=weight))
    return {
        "confidence": average,
        "over_confidence": average - float(np.average(outcome, weights=weight)),
        "ece": calibration.expected_calibration_error(forecast, outcome, weight=weight),
        "brier": calibration.brier_score(forecast, outcome, weight=weight),
        "auroc": calibration.auroc(forecast, outcome, weight=weight),
    }


def calibrated(policy: Policy, truth: Truth) -> list[dict[str, object]]:
    """Calibration of each channel, that of answering also on each plane.

    "answering" is the probability of answering as a forecast that answering is the best decision,
    "worth" as a forecast that the answer will be right and harmless; "answers" is the probability
    of an answer, among answers, as a forecast that it is right; "stated" is confidence in words.
    """
    everywhere = {"all": np.ones(len(truth.harm), bool)}
    found: list[dict[str, object]] = []
    right = (policy.given * truth.probability).sum(1) * (1 - truth.harm)
    for plane, of in (everywhere | truth.planes).items():
        answering = policy.answering[of]
        decided = scores(answering, truth.answer[of].astype(float))
        found += [
            {"plane": plane, "channel": "answering", **decided},
            {"plane": plane, "channel": "worth", **scores(answering, right[of])},
        ]
    each = policy.each / len(policy.each)
    given = scores(policy.given.ravel().clip(0, 1), truth.probability.ravel(), each.ravel())
    found.append({"plane": "all", "channel": "answers", **given})
    if policy.levels > 1:
        weight = policy.joint.mean(0).sum(0)
        hit = (policy.joint * truth.probability[..., None]).mean(0).sum(0)
        stated = scores(np.linspace(0, 1, policy.levels), hit / weight.clip(1e-300), weight)
        found.append({"plane": "all", "channel": "stated", **stated})
    return found


def reliability(policy: Policy, truth: Truth) -> list[dict[str, object]]:
    """Share that should be answered, in equal bins of the probability of answering."""
    index = np.minimum((policy.answering * BINS).astype(int), BINS - 1)
    return [
        {
            "bin": (b + 0.5) / BINS,
            "weight": float((index == b).mean()),
            "confidence": float(policy.answering[index == b].mean()),
            "right": float(truth.answer[index == b].mean()),
        }
        for b in np.unique(index)
    ]


def signals(policy: Policy, truth: Truth) -> dict[str, float]:
    """Whether the policy can still tell requests apart, whatever it does with that.

    AUROC of its own confidence and of its log-odds of answering for answerable requests, and of
    its log-odds of abstaining for harm.
    """

    def ranked(score: Floats, outcome: Floats) -> float:
        return calibration.auroc(rankdata(score) / len(score), outcome)

    answerable = (truth.strength > 0).astype(float)
    return {
        "answerability_auroc": ranked(policy.given.max(1), answerable),
        "answering_answerability_auroc": ranked(policy.log_odds, answerable),
        "harm_auroc": ranked(-policy.log_odds, truth.harm.clip(0, 1)),
    }


def glance(policy: Policy, truth: Truth) -> dict[str, float]:
    """A few cheap measures of a policy in training."""
    abstains = 1 - policy.answering
    return {
        "abstains": float(abstains.mean()),
        "under": mean(policy.answering, ~truth.answer),
        "over": mean(abstains, truth.answer),
        "accuracy_given": float((policy.each * truth.probability).sum() / policy.each.sum()),
    }
