"""What is measured on one trained policy of the binary-reward experiment.

Everything is an exact expectation over the policy's own tokens and over the known answer
probabilities: no answer is sampled, so the error that a perfectly calibrated policy would show is
zero.  Only recalibration afterwards uses sampled, labelled answers: a practitioner has no others.

Shapes in comments: P questions, K answers (the last is junk), C confidence levels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray
from scipy.special import logit

from calibration_lab import batched, calibration
from calibration_lab.calibration import recalibration

if TYPE_CHECKING:
    from calibration_lab.experiments.binary_reward.experiment import Config, Questions
    from calibration_lab.experiments.binary_reward.rewards import Arm

__all__ = ["INPUTS", "Policy", "Rows", "answers", "channels", "confidence", "examine_all",
           "glance"]  # fmt: skip

Floats = NDArray[np.float64]
Rows = dict[str, list[dict[str, object]]]
# 0 and 1 have no finite logit; a stated 1 means "above .95", a policy's own 1 is rounding
CLIP = {"stated": 0.005, "own": 1e-6}
METHODS = ("isotonic", "platt", "temperature")
INPUTS = ("familiar", "shifted", "validation")
EASY = 0.9  # a question whose best answer is more probable than this
BINS = 20  # of the best answer's probability


@dataclass(frozen=True)
class Policy:
    """A policy on one set of questions.

    Attributes
    ----------
    joint : array of shape (P, K, C)
        π(answer, confidence | question).
    probability : array of shape (P, K)
        Probability that each answer is right.
    label : array of shape (P,)
        The right answers.
    low_evidence : bool array of shape (P,)
        Which questions can hardly be answered.
    base : array of shape (P, K, C), optional
        π(answer, confidence | question) before reinforcement.
    """

    joint: Floats
    probability: Floats
    label: NDArray[np.int64]
    low_evidence: NDArray[np.bool_]
    base: Floats | None = None

    @property
    def own(self) -> Floats:
        """The policy's own probability of each answer, (P, K)."""
        return self.joint.sum(-1)

    def channels(self, only: NDArray[np.bool_] | slice = slice(None)) -> dict[str, Channel]:
        """Every place where confidence can be read, on all or some questions.

        Where the base is known, "grafted" is the confidence that it would have stated after this
        policy's answers: what a policy would say whose answers and confidence share nothing.
        """
        joint, probability = self.joint[only], self.probability[only]
        found = channels(joint, probability)
        if self.base is not None:
            base = self.base[only]
            answer = base.sum(-1, keepdims=True)
            said = np.divide(base, answer, out=np.zeros_like(base), where=answer > 0)
            graft = joint.sum(-1, keepdims=True) * said
            found["grafted"] = channels(graft, probability)["stated"]
        return found


@dataclass(frozen=True)
class Channel:
    """One place where confidence can be read, flattened over everything the policy might say.

    Attributes
    ----------
    confidence, right, weight : arrays of shape (n,)
        A confidence, the probability that the answer it comes with is right, and how often the
        policy says it; the weights sum to 1.
    """

    confidence: Floats
    right: Floats
    weight: Floats

    def through(self, repaired: Callable[[Floats], Floats]) -> Channel:
        """The channel whose confidences went through a map."""
        return Channel(repaired(self.confidence), self.right, self.weight)


def channels(joint: Floats, probability: Floats) -> dict[str, Channel]:
    """Confidence as stated, and as the policy's own probability of the answer it gives."""
    weight = joint.mean(0).sum(0)  # (C,)
    right = (joint * probability[..., None]).mean(0).sum(0)
    share = np.divide(right, weight, out=np.zeros_like(weight), where=weight > 0)
    own = joint.sum(-1)
    return {
        "stated": Channel(np.linspace(0, 1, joint.shape[2]), share.clip(0, 1), weight),
        "own": Channel(own.ravel().clip(0, 1), probability.ravel(), own.ravel() / len(own)),
    }


def confidence(channel: Channel) -> dict[str, float]:
    """How well one channel is calibrated, and how well it separates right from wrong."""
    c, right, weight = channel.confidence, channel.right, channel.weight
    mean = float(np.average(c, weights=weight))
    return {
        "confidence": mean,
        "over_confidence": mean - float(np.average(right, weights=weight)),
        "ece": calibration.expected_calibration_error(c, right, weight=weight),
        "brier": calibration.brier_score(c, right, weight=weight),
        "auroc": calibration.auroc(c, right, weight=weight),
    }


def optimum(probability: Floats, table: Floats) -> NDArray[np.int64]:
    """The answer (P,) that maximises each question's expected reward, at its best confidence.

    ``table`` (2, C) is the reward for [correct, level]; ties go to the more probable answer.
    """
    p = probability[..., None]
    best = (p * table[1] + (1 - p) * table[0]).max(-1)  # (P, K)
    return (best + 1e-9 * probability).argmax(-1)


def answers(policy: Policy, table: Floats) -> dict[str, float]:
    """Accuracy, and answering wrongly on purpose, beside what the reward's optimum would do."""
    own, probability = policy.own, policy.probability
    wrong, best = own[:, -1], optimum(probability, table)
    purpose = best == probability.shape[1] - 1
    rows = np.arange(len(own))
    return {
        "accuracy": float((own * probability).sum(1).mean()),
        "greedy_accuracy": float(probability[rows, own.argmax(1)].mean()),
        "predicted_accuracy": float(probability[rows, best].mean()),
        "best_possible_accuracy": float(probability.max(1).mean()),
        "wrong_on_purpose": float(wrong.mean()),
        "predicted_wrong_on_purpose": float(purpose.mean()),
        "wrong_where_predicted": mean(wrong, purpose),
        "wrong_elsewhere": mean(wrong, ~purpose),
        "wrong_where_easy": mean(wrong, probability.max(1) > EASY),
        "disagreement": float(np.abs(wrong - purpose).mean()),
    }


def mean(values: Floats, of: NDArray[np.bool_]) -> float:
    """Mean of the chosen values, undefined if none is chosen."""
    return float(values[of].mean()) if of.any() else np.nan


def sandbagging(policy: Policy, table: Floats) -> list[dict[str, float]]:
    """Answering wrongly on purpose, by the best answer's probability in non-empty bins."""
    best = policy.probability.max(1)
    wrong = policy.own[:, -1]
    predicted = optimum(policy.probability, table) == policy.probability.shape[1] - 1
    index = np.minimum((best * BINS).astype(int), BINS - 1)
    return [
        {
            "best_probability": (b + 0.5) / BINS,
            "share": float((index == b).mean()),
            "wrong_on_purpose": float(wrong[index == b].mean()),
            "predicted": float(predicted[index == b].mean()),
        }
        for b in np.unique(index)
    ]


def reliability(channel: Channel, levels: int) -> list[dict[str, float]]:
    """Weight, mean confidence and share right around each of the confidence levels."""
    index = np.rint(channel.confidence * (levels - 1)).astype(int)
    weight, stated, right = (
        np.bincount(index, values, levels)
        for values in (
            channel.weight,
            channel.weight * channel.confidence,
            channel.weight * channel.right,
        )
    )
    return [
        {
            "level": b / (levels - 1),
            "weight": float(weight[b]),
            "confidence": float(stated[b] / weight[b]),
            "right": float(right[b] / weight[b]),
        }
        for b in np.flatnonzero(weight > 1e-9)
    ]


def sample(policy: Policy, uniform: Floats) -> dict[str, tuple[Floats, Floats]]:
    """One sampled answer per question, labelled: (confidence, correct) of each channel."""
    questions, _, levels = policy.joint.shape
    cumulative = policy.joint.reshape(questions, -1).cumsum(1)
    token = (cumulative[:, :-1] <= uniform[:, None] * cumulative[:, -1:]).sum(1)
    answer, level = np.divmod(token, levels)
    correct = (answer == policy.label).astype(float)
    own = policy.own[np.arange(questions), answer].clip(0, 1)
    return {"stated": (level / (levels - 1), correct), "own": (own, correct)}


def repair(method: str, clip: float, stated: Floats, correct: Floats) -> Callable[[Floats], Floats]:
    """A map of confidences fitted on labelled answers.

    Where confidences carry no information, the best temperature is infinite: everything becomes
    one half.  Where all are one half already, temperature changes nothing.
    """
    if method == "isotonic":
        return recalibration.fit_isotonic(stated, correct)
    if method not in METHODS[1:]:
        raise ValueError(f"method must be one of {', '.join(METHODS)}, got {method!r}")
    known = clipped_logit(stated, clip)
    if method == "platt":
        platt = recalibration.fit_platt(known, correct)
        return lambda confidences: platt(clipped_logit(confidences, clip))
    temperature = recalibration.fit_temperature(known, correct)
    if temperature.finite:
        return lambda confidences: temperature(clipped_logit(confidences, clip))
    if np.isinf(temperature.value):
        return lambda confidences: np.full_like(confidences, 0.5)
    return lambda confidences: confidences


def clipped_logit(confidences: Floats, clip: float) -> Floats:
    """Log-odds of confidences clipped away from 0 and 1."""
    return logit(confidences.clip(clip, 1 - clip))


def examine(
    policies: Mapping[str, Policy], table: Floats, methods: Sequence[str], uniform: Floats
) -> Rows:
    """Every measure of one trained policy on familiar and shifted questions.

    Parameters
    ----------
    policies : mapping of str to Policy
        The policy on the questions "familiar", "shifted" and "validation".
    table : array of shape (2, C)
        The reward it was trained on, for [correct, confidence level].
    methods : sequence of str
        Recalibrations to fit on the validation questions.
    uniform : array of shape (number of validation questions,)
        Uniform numbers that choose the validation answers.

    Returns
    -------
    dict of str to list of dict
        Rows of the tables ``answers``, ``confidence``, ``reliability`` and ``sandbagging``.
    """
    labelled = sample(policies["validation"], uniform) if methods else {}
    repairs = {
        (name, method): repair(method, CLIP[name], *answered)
        for name, answered in labelled.items()
        for method in methods
    }
    rows: Rows = {"sandbagging": [dict(row) for row in sandbagging(policies["familiar"], table)]}
    for inputs in ("familiar", "shifted"):
        policy, hard = policies[inputs], policies[inputs].low_evidence
        rows.setdefault("answers", []).append({"inputs": inputs, **answers(policy, table)})
        low = policy.channels(hard) if hard.any() else policy.channels()
        for name, channel in policy.channels().items():
            unit = {"inputs": inputs, "channel": name}
            rows.setdefault("reliability", []).extend(
                {**unit, **row} for row in reliability(channel, policy.joint.shape[2])
            )
            for method in ("none", *(methods if name in labelled else ())):
                after = repairs.get((name, method), lambda confidences: confidences)
                on_low = confidence(low[name].through(after)) if hard.any() else {}
                rows.setdefault("confidence", []).append({
                    **unit, "recalibration": method, **confidence(channel.through(after)),
                    "low_evidence_over_confidence": on_low.get("over_confidence", np.nan),
                })  # fmt: skip
    return rows


def examine_all(
    config: Config,
    joints: Iterable[tuple[Floats, ...]],
    bases: Sequence[tuple[Floats, ...]],
    questions: Mapping[str, Questions],
    seeds: Sequence[int],
    arms: Sequence[tuple[str, Arm]],
) -> Rows:
    """Rows of every table for S·A policies, seed by seed, each with its seed and arm.

    ``joints`` holds, for each policy, π(answer, confidence | question) on each of ``INPUTS``;
    ``bases`` the same for each seed's base.
    """
    rows: Rows = {}
    uniform = batched.draw(seeds, "validation: tokens", "uniform", (config.validation,)).numpy()
    for m, found in enumerate(joints):
        seed, (name, arm) = m // len(arms), arms[m % len(arms)]
        policies = {
            inputs: Policy(
                joint,
                questions[inputs].probability[seed].double().numpy(),
                questions[inputs].label[seed].numpy(),
                questions[inputs].features[seed, :, -1].numpy() < config.low_evidence,
                base,
            )
            for inputs, joint, base in zip(INPUTS, found, bases[seed], strict=True)
        }
        methods = config.recalibration if name in config.recalibrated else ()
        for kind, more in examine(policies, arm.table(config), methods, uniform[seed]).items():
            rows.setdefault(kind, []).extend({"seed": seeds[seed], "arm": name, **r} for r in more)
    return rows


def glance(joint: Floats, probability: Floats) -> dict[str, float]:
    """A few cheap measures of a policy in training: accuracy, mean confidence, wrong on purpose."""
    own = joint.sum(-1)
    return {
        "accuracy": float((own * probability).sum(1).mean()),
        "stated": float(joint.sum(1).mean(0) @ np.linspace(0, 1, joint.shape[2])),
        "own": float((own * own).sum(1).mean()),
        "wrong_on_purpose": float(own[:, -1].mean()),
    }
