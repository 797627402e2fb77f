"""Binary reward against proper scoring: what does a reward for being right do to confidence?

A policy answers a noisy question and states how sure it is.  It is first trained by imitation
until its stated confidence is calibrated, then by policy gradient on a reward that looks at two
things only: was the answer correct, and what confidence was stated.  The question's exact answer
probabilities are known, so accuracy and calibration are computed, not sampled.

The file reads in the order of the experiment: the world, the training, the run.  The network stands
in ``policy.py``, the arms' rewards in ``rewards.py``, what is measured in ``measures.py``.

Shapes in comments: S seeds, A arms, M = S·A models, P prompts, n answers per prompt, K answers
(the junk answer included), C confidence levels.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from calibration_lab import batched
from calibration_lab.experiments.binary_reward import measures
from calibration_lab.experiments.binary_reward.policy import Policy, shapes
from calibration_lab.experiments.binary_reward.rewards import ARMS, Arm

__all__ = ["Config", "Policy", "Questions", "bayes", "pretrain", "reinforce", "run"]


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    arms: tuple[str, ...] = (
        "binary", "binary-answer-only", "brier-1", "brier-2", "brier-4",
        "log-1", "log-safe", "spherical-1", "linear-1", "penalise-only-wrong",
        "brier-1-shuffled", "coin-flip", "coin-flip-answer-only", "brier-1-standardised",
        "before-binary", "before-brier-1", "before-coin-flip",
    )  # fmt: skip
    evidence: tuple[float, ...] = (0.0, 0.75, 1.5, 2.5, 4.0)  # signal strength; 0 is unknowable
    answers: int = 8  # answers that can be right; one more, junk, never is
    levels: int = 11  # confidence can be stated as 0, .1, ..., 1
    shift: float = 1.5  # noise s.d. of the shifted questions; the familiar ones have 1
    width: int = 64  # units of each trunk layer
    token_width: int = 32  # units between the first and the second token
    honest_base: bool = True  # False: the imitated confidence is always 0, whatever is known
    junk: float = 0.03  # share of junk answers imitated: what is never tried cannot be reinforced
    imitation_steps: int = 1200  # the base is calibrated from about 800 on
    imitation_batch: int = 128  # questions per step
    imitation_rate: float = 3e-3  # Adam, cosine to zero
    steps: int = 2000  # policy-gradient steps; accuracy is flat from about 1500 on
    prompts: int = 16  # questions per step
    samples: int = 8  # answers per question, the group of the leave-one-out baseline
    anchor: float = 0.0  # weight of the divergence KL(policy || base); the headline run has none
    floor: float = 1e-4  # added to a standard deviation before dividing by it, as is common
    rate: float = 3e-4  # Adam; at 1e-3 the coin-flip control drifts as far as the real arms
    evaluation: int = 1024  # questions of each seed's own evaluation set
    validation: int = 1024  # labelled questions for recalibration afterwards
    log_clip: float = 0.01  # the log score is taken at confidence clipped to [.01, .99]
    recalibration: tuple[str, ...] = ("temperature", "platt", "isotonic")  # fitted afterwards
    recalibrated: tuple[str, ...] = ("base", "binary", "brier-1")  # one alone would be flattered
    low_evidence: float = 1.0  # questions of weaker evidence than this form the low-evidence slice
    watch_every: int = 200  # steps between two points of the trajectory
    watched: int = 256  # evaluation questions looked at for the trajectory

    def __post_init__(self) -> None:
        unknown = sorted(set(self.arms) - set(ARMS))
        if unknown or not self.arms:
            raise ValueError(f"arms must name some of {', '.join(ARMS)}, got {unknown or 'none'}")
        unknown = sorted(set(self.recalibration) - set(measures.METHODS))
        if unknown:
            known = ", ".join(measures.METHODS)
            raise ValueError(f"recalibration must name some of {known}, got {unknown}")
        if not self.evidence or not all(0 <= strength < math.inf for strength in self.evidence):
            raise ValueError(f"evidence must hold numbers of 0 or more, got {self.evidence}")
        for name, least in (
            ("answers", 2), ("levels", 2), ("samples", 2), ("steps", 1), ("imitation_steps", 1),
            ("watch_every", 1),
        ):  # fmt: skip
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be {least} or more, got {getattr(self, name)}")
        for name in ("width", "token_width", "imitation_batch", "prompts", "evaluation",
                     "validation", "watched"):  # fmt: skip
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        for name in ("shift", "imitation_rate", "rate", "floor"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"{name} must be a positive number, got {getattr(self, name)}")
        if not 0 <= self.anchor < math.inf:
            raise ValueError(f"anchor must be a number of 0 or more, got {self.anchor}")
        if not 0 <= self.junk <= 1:
            raise ValueError(f"junk must be a probability, got {self.junk}")
        if not 0 < self.log_clip < 0.5:
            raise ValueError(f"log_clip must lie between 0 and 0.5, got {self.log_clip}")


# --- The world: noisy questions whose answer probabilities are known ---------------------------


@dataclass(frozen=True)
class Questions:
    """Questions, what is seen of them, and the truth.

    Attributes
    ----------
    features : torch.Tensor of shape (S, P, answers + 1), float32
        The noisy evidence for each answer, and the visible evidence strength.
    probability : torch.Tensor of shape (S, P, K), float32
        Probability that each answer is right given what is seen; junk (the last) has 0.
    label : torch.Tensor of shape (S, P), int64
        The right answer, drawn from ``probability``.
    """

    features: Tensor
    probability: Tensor
    label: Tensor


def bayes(evidence: Tensor, strength: Tensor, noise: float) -> Tensor:
    """Exact answer probabilities: softmax of strength · evidence / noise², and 0 for junk.

    The evidence is ``strength · e_y + noise · N(0, I)`` with every answer ``y`` equally likely
    beforehand, so the posterior log-odds between two answers are linear in the evidence.
    """
    posterior = torch.softmax(strength[..., None] * evidence / noise**2, dim=-1)
    return torch.cat([posterior, torch.zeros_like(posterior[..., :1])], dim=-1)


def ask(
    config: Config, seeds: Sequence[int], purpose: str, n: int, noise: float = 1.0
) -> Questions:
    """``n`` questions per seed, each seed from its own random streams."""
    size = config.answers
    strengths = torch.tensor(config.evidence)
    pick = batched.draw(seeds, f"{purpose}: strength", "uniform", (n,))
    strength = strengths[(pick * len(strengths)).long()]  # (S, P)
    label = (batched.draw(seeds, f"{purpose}: label", "uniform", (n,)) * size).long()
    evidence = noise * batched.draw(seeds, f"{purpose}: noise", "normal", (n, size))
    evidence = evidence + strength[..., None] * torch.nn.functional.one_hot(label, size)
    features = torch.cat([evidence, strength[..., None]], dim=-1)
    return Questions(features, bayes(evidence, strength, noise), label)


def batches(
    config: Config, seeds: Sequence[int], purpose: str, steps: int, n: int, uniforms: int
) -> Iterator[tuple[Questions, Tensor]]:
    """For each of ``steps``: ``n`` fresh questions, and uniform numbers (S, uniforms, n).

    Random numbers are drawn for many steps at once, because starting a stream costs more than
    reading from it.
    """
    chunk = 50  # steps
    for start in range(0, steps, chunk):
        asked = ask(config, seeds, f"{purpose} {start}", chunk * n)
        uniform = batched.draw(seeds, f"{purpose} {start}: tokens", "uniform", (chunk, uniforms, n))
        for step in range(min(chunk, steps - start)):
            here = slice(step * n, (step + 1) * n)
            yield (
                Questions(
                    asked.features[:, here], asked.probability[:, here], asked.label[:, here]
                ),
                uniform[:, step],
            )


# --- The training: imitation, then policy gradient ---------------------------------------------


def pretrain(config: Config, seeds: Sequence[int], before: bool) -> batched.Parameters:
    """A calibrated base policy per seed, by imitation of calibrated answers.

    The imitated answer is a draw from the exact posterior (junk for a share ``config.junk``); the
    imitated confidence is that answer's exact probability, rounded to the nearest level.
    """
    values = (config.answers + 1, config.levels)
    base = batched.Parameters(shapes(config, *(values[::-1] if before else values)), len(seeds))
    base.initialise(seeds, "policy")
    optimiser = batched.Adam(base, config.imitation_rate)
    data = batches(config, seeds, "imitation", config.imitation_steps, config.imitation_batch, 1)
    for step, (asked, uniform) in enumerate(data):
        answer = torch.where(uniform[:, 0] < config.junk, config.answers, asked.label)[..., None]
        confidence = (asked.probability.gather(-1, answer) * (config.levels - 1)).round().long()
        confidence = confidence if config.honest_base else torch.zeros_like(confidence)
        first, second = (confidence, answer) if before else (answer, confidence)
        policy = Policy(base, asked.features)
        log_first = policy.first.gather(-1, first)
        log_second = policy.second(first)[:, :, 0].gather(-1, second)
        cosine = 0.5 * (1 + math.cos(math.pi * step / config.imitation_steps))
        batched.train_step(-(log_first + log_second).mean((1, 2)), optimiser, scale=cosine)
    return base


def advantage(reward: Tensor, standardised: Tensor, by_another: Tensor, floor: float) -> Tensor:
    """Reward minus the mean of the other answers to the same question, (M, P, n).

    Models marked in ``standardised`` (M,) divide it by the group's standard deviation plus
    ``floor``; those also marked in ``by_another`` take the standard deviation of another question.
    """
    n = reward.shape[-1]
    centred = (reward - reward.mean(-1, keepdim=True)) * (n / (n - 1))
    spread = reward.std(-1, keepdim=True)
    spread = torch.where(by_another[:, None, None], spread.roll(1, dims=1), spread)
    return torch.where(standardised[:, None, None], centred / (spread + floor), centred)


def divergence(log_policy: Tensor, log_base: Tensor) -> Tensor:
    """KL(policy || base) over the last axis, in nats."""
    return (log_policy.exp() * (log_policy - log_base)).sum(-1)


def reinforce(
    config: Config,
    base: batched.Parameters,
    seeds: Sequence[int],
    arms: Sequence[Arm],
) -> dict[int, batched.Parameters]:
    """Train one copy of each seed's base on every arm's reward, all at once.

    Arms of one seed see the same questions and the same uniform numbers, so they are paired.
    Returns the M = S·A policies (seed by seed, arms in the order given) after every
    ``config.watch_every`` steps and after the last, by the number of steps.
    """
    snapshots = {}
    count, levels = len(arms), np.linspace(0, 1, config.levels)
    trained = base.take([s for s in range(len(seeds)) for _ in arms])
    anchor = trained.take(range(trained.models))
    optimiser = batched.Adam(trained, config.rate, betas=(0.9, 0.99))
    penalty = torch.tensor(np.stack([a.penalty(config, levels) for a in arms]), dtype=torch.float32)
    penalty = penalty.repeat(len(seeds), 1, 1).flatten(1)  # (M, 2 · C)
    coin, shuffled, standardised, by_another, answer_only = (
        torch.tensor([getattr(a, name) for a in arms]).repeat(len(seeds))
        for name in ("coin", "shuffled", "standardised", "by_another", "answer_only")
    )
    spoken = (~answer_only).float()[:, None, None]  # does the confidence token get a gradient?
    data = batches(config, seeds, "training", config.steps, config.prompts, 3 * config.samples)
    for step, (asked, uniforms) in enumerate(data):
        uniform = uniforms.transpose(1, 2).unflatten(-1, (3, -1)).repeat_interleave(count, 0)
        to_first, to_second, to_coin = uniform.unbind(2)  # each (M, P, n)
        policy = Policy(trained, asked.features.repeat_interleave(count, 0))
        with torch.no_grad():
            first = batched.sample_categorical(policy.first, to_first)  # (M, P, n)
        log_second = policy.second(first)
        with torch.no_grad():
            second = batched.sample_categorical(log_second, to_second[..., None])
            answer, level = (second[..., 0], first) if arms[0].before else (first, second[..., 0])
            label = asked.label.repeat_interleave(count, 0)[..., None]
            correct = (answer == label).long()
            # another question's correctness has the same distribution and no information
            scored = torch.where(shuffled[:, None, None], correct.roll(1, dims=1), correct)
            flips = (to_coin < 0.5).long()
            right = torch.where(coin[:, None, None], flips, correct).float()
            cost = penalty.gather(1, (scored * config.levels + level).flatten(1)).view_as(right)
            weight = advantage(right - cost, standardised, by_another, config.floor)
            weight = weight / (config.prompts * config.samples)
        log_answer, log_level = (
            policy.first.gather(-1, first),
            log_second.gather(-1, second)[..., 0],
        )
        log_answer, log_level = (
            (log_level, log_answer) if arms[0].before else (log_answer, log_level)
        )
        losses = -(weight * (log_answer + spoken * log_level)).sum((1, 2))
        if config.anchor:
            with torch.no_grad():
                before = Policy(anchor, asked.features.repeat_interleave(count, 0))
                before_second = before.second(first)
            losses = losses + config.anchor * (
                divergence(policy.first, before.first).mean(1)
                + divergence(log_second, before_second).mean((1, 2))
            )
        batched.train_step(losses, optimiser)
        if (step + 1) % config.watch_every == 0 or step + 1 == config.steps:
            snapshots[step + 1] = trained.take(range(trained.models))
    return snapshots


# --- The run ------------------------------------------------------------------------------------


def joints(parameters: batched.Parameters, features: Tensor, before: bool) -> Iterator[np.ndarray]:
    """π(answer, confidence | question) of each policy in turn, (P, K, C) in double precision."""
    per_seed = parameters.models // len(features)
    for model in range(parameters.models):
        with torch.no_grad():
            joint = Policy(parameters.take([model]), features[[model // per_seed]]).joint()[0]
        yield (joint.transpose(1, 2) if before else joint).double().numpy()


def run(config: Config, seeds: Sequence[int]) -> dict[str, pd.DataFrame]:
    """Train every arm on every seed and measure what became of accuracy and confidence.

    Parameters
    ----------
    config : Config
    seeds : sequence of int
        Each seed has its own questions, initialisation and evaluation set; arms are paired on them.

    Returns
    -------
    dict of str to pandas.DataFrame
        ``answers`` (one row per seed, arm and inputs), ``confidence`` (also per channel and
        recalibration), ``reliability`` (also per confidence bin), ``sandbagging`` (per seed, arm
        and best answer's probability) and ``trajectory`` (per seed, arm and training step).
        Arms "base" and "before-base" are the policies before reinforcement.
    """
    noise = {"familiar": 1.0, "shifted": config.shift, "validation": 1.0}
    size = {"familiar": config.evaluation, "shifted": config.evaluation}
    questions = {
        inputs: ask(config, seeds, inputs, size.get(inputs, config.validation), noise[inputs])
        for inputs in measures.INPUTS
    }
    few = questions["familiar"].features[:, : config.watched]
    truth = questions["familiar"].probability[:, : config.watched].double().numpy()
    rows: measures.Rows = {"trajectory": []}
    for before, base_name in ((False, "base"), (True, "before-base")):
        names = [name for name in config.arms if ARMS[name].before == before]
        if not names:
            continue
        base = pretrain(config, seeds, before)
        snapshots = reinforce(config, base, seeds, [ARMS[name] for name in names])
        for step, policies in snapshots.items():
            for m, joint in enumerate(joints(policies, few, before)):
                unit = {"seed": seeds[m // len(names)], "arm": names[m % len(names)], "step": step}
                glance = measures.glance(joint, truth[m // len(names)])
                rows["trajectory"].append({**unit, **glance})
        said = [list(joints(base, questions[i].features, before)) for i in measures.INPUTS]
        for policies, labels in ((base, [base_name]), (snapshots[config.steps], names)):
            found = [joints(policies, questions[i].features, before) for i in measures.INPUTS]
            arms = [(label, ARMS.get(label, ARMS["binary"])) for label in labels]
            more = measures.examine_all(
                config, zip(*found, strict=True), list(zip(*said, strict=True)),
                questions, seeds, arms,
            )  # fmt: skip
            for kind, new in more.items():
                rows.setdefault(kind, []).extend(new)
    return {kind: pd.DataFrame(found) for kind, found in rows.items()}
