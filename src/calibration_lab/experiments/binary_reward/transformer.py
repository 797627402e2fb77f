"""Binary reward against the Brier term, for a model that writes steps before it answers.

The confirmation of the headline run with another policy and another task.  Two hidden digits were
each seen twice, through a channel whose reliability the question tells; a tiny transformer writes
the two digits, their sum and how sure it is of the sum, token by token.  The answer's exact
probability is known by convolution.  The base imitates traces whose confidence is that exact
probability; policy gradient then rewards being right, with or without a Brier term.

The evaluation enumerates all 25 pairs of steps, 6 answers and 11 confidences: nothing is sampled.

Shapes in comments: S seeds, A arms, M = S·A models, P prompts, n traces per prompt, K answers (the
junk answer included), C confidence levels, G pairs of steps.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
import torch
from torch import Tensor

from calibration_lab import batched, scores
from calibration_lab.batched import transformer
from calibration_lab.experiments.binary_reward import measures

__all__ = ["ARMS", "Arm", "Config", "Questions", "bayes", "enumerate_traces", "run"]


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    arms: tuple[str, ...] = ("binary", "brier-1", "coin-flip")
    modulus: int = 5  # digits and sums; 25 pairs of steps are few enough to enumerate
    reliability: tuple[float, ...] = (0.1, 0.6, 0.97)  # hardly knowable, doubtful, nearly sure
    looks: int = 2  # observations of each digit; what they agree on has to be weighed
    levels: int = 11  # confidence can be stated as 0, .1, ..., 1
    width: int = 32  # of the transformer; 64 costs four times as much
    heads: int = 2  # of each layer; 4 give no better base and cost a third more
    layers: int = 2  # a step needs one look back at the prompt and one at the other steps
    junk: float = 0.03  # share of junk answers imitated: what is never tried cannot be reinforced
    imitation_steps: int = 400  # leaves calibration errors of .06 (stated) and .02 (own)
    imitation_batch: int = 64  # traces per step
    imitation_rate: float = 8e-3  # Adam, cosine to zero
    steps: int = 400  # policy-gradient steps; binary sharpens on, the coin drifts ever further
    prompts: int = 16  # questions per step
    samples: int = 8  # traces per question, the group of the leave-one-out baseline
    rate: float = 3e-4  # Adam; at 1e-3 the coin-flip control fails
    evaluation: int = 512  # questions of each seed's own evaluation set
    low_evidence: float = 0.5  # a digit seen less reliably makes a question low-evidence

    def __post_init__(self) -> None:
        unknown = sorted(set(self.arms) - set(ARMS))
        if unknown or not self.arms:
            raise ValueError(f"arms must name some of {', '.join(ARMS)}, got {unknown or 'none'}")
        for name in ("modulus", "levels", "samples"):
            if not getattr(self, name) >= 2:
                raise ValueError(f"{name} must be 2 or more, got {getattr(self, name)}")
        for name in ("imitation_batch", "prompts", "evaluation"):
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        if not self.reliability or not all(0 <= r <= 1 for r in self.reliability):
            raise ValueError(f"reliability must hold probabilities, got {self.reliability}")

    # The vocabulary, in order: digits, junk, confidence levels, observations.

    @property
    def grammar(self) -> tuple[slice, ...]:
        """Tokens of a trace: a digit, a digit, an answer (a digit or junk), a confidence level."""
        digit, answer = slice(0, self.modulus), slice(0, self.modulus + 1)
        return digit, digit, answer, slice(answer.stop, answer.stop + self.levels)

    @property
    def architecture(self) -> transformer.Architecture:
        """Sizes of the transformer; it reads a prompt and all of a trace but the confidence."""
        vocabulary = self.grammar[-1].stop + self.modulus * len(self.reliability)
        length = 2 * self.looks + len(self.grammar) - 1
        return transformer.Architecture(vocabulary, length, self.width, self.heads, self.layers)


@dataclass(frozen=True)
class Arm:
    """One reward: ``correct − weight · (confidence − correct)²``; a coin instead of correct."""

    weight: float = 0.0
    coin: bool = False

    def table(self, levels: int) -> np.ndarray:
        """Reward for [correct (or heads), confidence level], shape (2, C)."""
        return scores.reward_table(scores.brier(), self.weight, np.linspace(0, 1, levels))


ARMS = {"binary": Arm(), "brier-1": Arm(1.0), "coin-flip": Arm(coin=True)}


# --- The world: sums of digits that were seen through noise -----------------------------------


@dataclass(frozen=True)
class Questions:
    """Questions, what is seen of them, and the truth.

    Attributes
    ----------
    tokens : torch.Tensor of shape (S, P, 2 · looks), int64
        The observations of the first digit, then of the second; an observation is one token, which
        tells the digit that was seen and how reliable the channel is.
    digits : torch.Tensor of shape (S, P, 2), int64
        The hidden digits; the right answer is their sum.
    label : torch.Tensor of shape (S, P), int64
        The right answer.
    probability : torch.Tensor of shape (S, P, K), float64
        Probability that each answer is right given what is seen; junk (the last) has 0.
    low_evidence : torch.Tensor of shape (S, P), bool
        Questions of which a digit is hardly knowable.
    """

    tokens: Tensor
    digits: Tensor
    label: Tensor
    probability: Tensor
    low_evidence: Tensor

    def part(self, start: int, stop: int) -> Questions:
        """Questions ``start`` to ``stop - 1`` of every seed."""
        return Questions(*(each[:, start:stop] for each in vars(self).values()))


def bayes(seen: Tensor, reliability: Tensor, modulus: int) -> Tensor:
    """Exact probability of each sum of two digits, modulo ``modulus``.

    An observation shows the digit with probability r, else any digit, itself included:
    P(seen | digit) = r·[seen = digit] + (1 − r)/modulus.  A digit's posterior is the normalised
    product over its observations; the sum's is the convolution of both.

    From ``seen`` (..., 2, looks) and ``reliability`` (..., 2), float64; returns (..., modulus).

    Examples
    --------
    >>> bayes(torch.tensor([[1, 1], [4, 4]]), torch.tensor([1.0, 1.0]), 5)  # 1 + 4 = 0
    tensor([1., 0., 0., 0., 0.])
    """
    hit = seen[..., None] == torch.arange(modulus)  # (..., 2, looks, modulus)
    r = reliability[..., None, None]
    likelihood = (r * hit + (1 - r) / modulus).prod(-2)  # (..., 2, modulus)
    first, second = (likelihood / likelihood.sum(-1, keepdim=True)).unbind(-2)
    return torch.stack([first[..., [d]] * second.roll(d, -1) for d in range(modulus)]).sum(0)


def ask(config: Config, seeds: Sequence[int], purpose: str, n: int) -> Questions:
    """``n`` questions per seed, each seed from its own random streams."""
    size, looks = config.modulus, config.looks

    def uniform(what: str, *shape: int) -> Tensor:
        return batched.draw(seeds, f"{purpose}: {what}", "uniform", (n, *shape))

    channel = (uniform("reliability", 2) * len(config.reliability)).long()  # (S, P, 2)
    reliability = torch.tensor(config.reliability, dtype=torch.float64)[channel]
    digits = (uniform("digits", 2) * size).long()
    noise = (uniform("noise", 2, looks) * size).long()
    shown = uniform("shown", 2, looks) < reliability[..., None]
    seen = torch.where(shown, digits[..., None], noise)  # (S, P, 2, looks)
    observation = config.grammar[-1].stop + size * channel[..., None] + seen
    probability = bayes(seen, reliability, size)
    return Questions(
        observation.flatten(2),
        digits,
        digits.sum(-1) % size,
        torch.cat([probability, torch.zeros_like(probability[..., :1])], -1),
        reliability.amin(-1) < config.low_evidence,
    )


def batches(
    config: Config, seeds: Sequence[int], purpose: str, steps: int, n: int, uniforms: int
) -> Iterator[tuple[Questions, Tensor]]:
    """For each of ``steps``: ``n`` fresh questions, and uniform numbers (S, n, uniforms).

    Random numbers are drawn for many steps at once, because starting a stream costs more than
    reading from it.
    """
    chunk = 50  # steps
    for start in range(0, steps, chunk):
        asked = ask(config, seeds, f"{purpose} {start}", chunk * n)
        shape = (chunk * n, uniforms)
        uniform = batched.draw(seeds, f"{purpose} {start}: tokens", "uniform", shape)
        for first in range(0, n * min(chunk, steps - start), n):
            yield asked.part(first, first + n), uniform[:, first : first + n]


# --- The training: imitation, then policy gradient --------------------------------------------


def pretrain(config: Config, seeds: Sequence[int]) -> batched.Parameters:
    """A calibrated base model per seed, by imitation of calibrated traces.

    An imitated trace holds the hidden digits, which are a draw from their posterior; their sum, or
    junk for a share ``config.junk``; and the answer's exact probability, rounded to a level.
    """
    base = batched.Parameters(config.architecture.shapes(), len(seeds))
    base.initialise(seeds, "transformer")
    optimiser = batched.Adam(base, config.imitation_rate)
    data = batches(config, seeds, "imitation", config.imitation_steps, config.imitation_batch, 1)
    for step, (asked, uniform) in enumerate(data):
        junk = uniform < config.junk  # (S, P, 1)
        answer = torch.where(junk, config.modulus, asked.label[..., None])
        level = (asked.probability.gather(-1, answer) * (config.levels - 1)).round().long()
        trace = torch.cat([asked.digits, answer, level], -1)  # (S, P, 4)
        model = transformer.Transformer(config.architecture, base)
        likelihood = transformer.log_likelihood(model, asked.tokens, trace, config.grammar).sum(-1)
        cosine = 0.5 * (1 + math.cos(math.pi * step / config.imitation_steps))
        batched.train_step(-likelihood.mean(1), optimiser, scale=cosine)
    return base


def reinforce(
    config: Config, base: batched.Parameters, seeds: Sequence[int], arms: Sequence[Arm]
) -> batched.Parameters:
    """Train one copy of each seed's base on every arm's reward, all at once.

    Arms of one seed see the same questions and the same uniform numbers, so they are paired.
    Returns the M = S·A models, seed by seed, arms in the order given.
    """
    count, n, places = len(arms), config.samples, len(config.grammar)
    trained = base.take([s for s in range(len(seeds)) for _ in arms])
    optimiser = batched.Adam(trained, config.rate)
    tables = np.stack([arm.table(config.levels) for arm in arms])
    table = torch.tensor(tables, dtype=torch.float32).repeat(len(seeds), 1, 1).flatten(1)
    coin = torch.tensor([arm.coin for arm in arms]).repeat(len(seeds))[:, None, None]
    data = batches(config, seeds, "training", config.steps, config.prompts, (places + 1) * n)
    for asked, uniforms in data:
        uniform = uniforms.unflatten(-1, (places + 1, n)).repeat_interleave(count, 0)
        model = transformer.Transformer(config.architecture, trained)
        text = asked.tokens.repeat_interleave(count, 0)
        traces, log_trace = transformer.sample(model, text, config.grammar, uniform[:, :, :places])
        _, _, answer, level = traces.unbind(2)  # each (M, P, n)
        label = asked.label.repeat_interleave(count, 0)[..., None]
        correct = torch.where(coin, uniform[:, :, places] < 0.5, answer == label).long()
        cell = correct * config.levels + level
        reward = table.gather(1, cell.flatten(1)).view_as(cell)
        # the mean of the other traces of the same question is the baseline
        advantage = (reward - reward.mean(-1, keepdim=True)) * (n / (n - 1))
        batched.train_step(-(advantage * log_trace).mean((1, 2)), optimiser)
    return trained


# --- What the trained model does, exactly -----------------------------------------------------


def enumerate_traces(config: Config, parameters: batched.Parameters, tokens: Tensor) -> np.ndarray:
    """π(steps, answer, confidence | prompt) of one model, for prompts (P, 2 · looks).

    Shape (P, G, K, C), in double precision; the probabilities of a prompt sum to 1.
    """
    model = transformer.Transformer(config.architecture, parameters)
    with torch.no_grad():  # 64 prompts at a time fit the processor's cache
        found = [
            transformer.enumerate_continuations(model, some[None], config.grammar)[0].exp()
            for some in tokens.split(64)
        ]
    return torch.cat(found).flatten(1, 2).numpy()


def channels(traces: np.ndarray, probability: np.ndarray) -> dict[str, measures.Channel]:
    """Confidence as stated, as the policy's own probability of its answer, and as the token's.

    The token's is the answer's probability after the steps that were written: what a sampler sees.
    """
    written = traces.sum(-1)  # (P, G, K)
    token = written / written.sum(-1, keepdims=True)
    right = np.broadcast_to(probability[:, None], written.shape)
    weight = written / len(written)
    found = measures.channels(traces.sum(1), probability)
    return {**found, "token": measures.Channel(token.ravel(), right.ravel(), weight.ravel())}


def steps(config: Config, traces: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """How the written steps are used: rates under the policy's own traces (P, G, K, C)."""
    written = traces.sum(-1)  # (P, G, K)
    step = written.sum(-1)
    first, second = np.divmod(np.arange(config.modulus**2), config.modulus)
    total = (first + second) % config.modulus
    return {
        "consistent": float(written[:, range(len(total)), total].sum(1).mean()),  # answer = sum
        "own": float((step * step).sum(1).mean()),  # probability of writing the same steps again
        "accuracy": float((step * probability[:, total]).sum(1).mean()),  # of the steps' sum
    }


def examine(config: Config, traces: np.ndarray, asked: measures.Policy) -> measures.Rows:
    """Rows of every table for one model; ``asked.joint`` is π(answer, confidence | prompt)."""
    hard, every = asked.low_evidence, channels(traces, asked.probability)
    low = channels(traces[hard], asked.probability[hard]) if hard.any() else {}
    answers = measures.answers(asked, ARMS["binary"].table(config.levels))
    kept = ("accuracy", "greedy_accuracy", "best_possible_accuracy", "wrong_on_purpose")
    rows: measures.Rows = {
        "answers": [{name: answers[name] for name in kept}],
        "steps": [dict(steps(config, traces, asked.probability))],
    }
    for name, channel in every.items():
        on_low = measures.confidence(low[name])["over_confidence"] if low else np.nan
        rows.setdefault("confidence", []).append({
            "channel": name, **measures.confidence(channel), "low_evidence_over_confidence": on_low,
        })  # fmt: skip
        rows.setdefault("reliability", []).extend(
            {"channel": name, **row} for row in measures.reliability(channel, config.levels)
        )
    return rows


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
        ``answers`` and ``steps`` (one row per seed and arm), ``confidence`` (also per channel) and
        ``reliability`` (also per confidence bin).  Channels are the confidence as "stated", the
        policy's "own" probability of its answer, all steps taken together, and that of the answer's
        "token" after the steps it wrote.  Arm "base" is the model before reinforcement.
    """
    asked = ask(config, seeds, "evaluation", config.evaluation)
    base = pretrain(config, seeds)
    trained = reinforce(config, base, seeds, [ARMS[name] for name in config.arms])
    rows: measures.Rows = {}
    for parameters, names in ((base, ("base",)), (trained, config.arms)):
        for m in range(parameters.models):
            s, name = m // len(names), names[m % len(names)]
            traces = enumerate_traces(config, parameters.take([m]), asked.tokens[s])
            policy = measures.Policy(
                traces.sum(1),
                asked.probability[s].numpy(),
                asked.label[s].numpy(),
                asked.low_evidence[s].numpy(),
            )
            for kind, more in examine(config, traces, policy).items():
                rows.setdefault(kind, []).extend({"seed": seeds[s], "arm": name, **r} for r in more)
    return {kind: pd.DataFrame(found) for kind, found in rows.items()}
