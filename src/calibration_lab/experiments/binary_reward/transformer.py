"""Binary reward against the Brier term, for a model that writes steps before it answers.

The confirmation of the headline run with another policy and another task.  Two hidden digits were
each seen twice, through a channel whose reliability the question tells; a tiny transformer writes
the two digits, their sum and how sure it is of the sum, token by token.  The answer's exact
probability is known by convolution.  The base imitates traces whose confidence is that exact
probability; policy gradient then rewards being right, with or without a Brier term.

Nothing is sampled in the evaluation: all 25 pairs of steps, 6 answers and 11 confidences are
enumerated, so the policy's own probability of an answer is its exact share of all traces.

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
from calibration_lab.experiments.binary_reward import measures
from calibration_lab.transformer import Architecture, Transformer

__all__ = ["ARMS", "Arm", "Config", "Questions", "bayes", "enumerate_traces", "run"]


@dataclass(frozen=True)
class Config:
    """Every constant of the published run; ``Config()`` is what the book reports.

    Chosen on seeds below 1000; the published seeds were not looked at before the statements stood.
    """

    arms: tuple[str, ...] = ("binary", "brier-1", "brier-2", "coin-flip")
    modulus: int = 5  # digits and sums; 25 pairs of steps are few enough to enumerate
    reliability: tuple[float, ...] = (0.1, 0.6, 0.97)  # hardly knowable, doubtful, nearly sure
    looks: int = 2  # observations of each digit; what they agree on has to be weighed
    levels: int = 11  # confidence can be stated as 0, .1, ..., 1
    width: int = 32  # of the transformer; 64 costs four times as much
    heads: int = 2  # of each layer; 4 give the same base and cost a third more
    layers: int = 2  # a step needs one look back at the prompt and one at the other steps
    junk: float = 0.03  # share of junk answers imitated: what is never tried cannot be reinforced
    imitation_steps: int = 400  # the dearest part of the run
    imitation_batch: int = 64  # traces per step
    imitation_rate: float = 8e-3  # Adam, cosine to zero
    steps: int = 250  # policy-gradient steps
    prompts: int = 16  # questions per step
    samples: int = 8  # traces per question, the group of the leave-one-out baseline
    rate: float = 3e-4  # Adam; at 1e-3 the coin-flip control drifts as far as the real arms
    evaluation: int = 768  # questions of each seed's own evaluation set
    low_evidence: float = 0.5  # a digit seen less reliably makes a question low-evidence

    def __post_init__(self) -> None:
        unknown = sorted(set(self.arms) - set(ARMS))
        if unknown or not self.arms:
            raise ValueError(f"arms must name some of {', '.join(ARMS)}, got {unknown or 'none'}")
        for name in ("imitation_batch", "prompts", "evaluation"):
            if getattr(self, name) < 16 or getattr(self, name) % 16:
                raise ValueError(f"{name} must be a multiple of 16, got {getattr(self, name)}")
        if not all(0 <= r <= 1 for r in self.reliability) or not self.reliability:
            raise ValueError(f"reliability must be probabilities, got {self.reliability}")

    # The vocabulary, in order: digits, junk, confidence levels, observations.

    @property
    def spoken(self) -> tuple[slice, ...]:
        """Tokens that can be written in each place: a digit, a digit, an answer, a confidence."""
        digit, level = (
            slice(0, self.modulus),
            slice(self.modulus + 1, self.modulus + 1 + self.levels),
        )
        return digit, digit, slice(0, self.modulus + 1), level

    @property
    def architecture(self) -> Architecture:
        """Sizes of the transformer; it reads a prompt and all of a trace but the confidence."""
        vocabulary = self.spoken[-1].stop + self.modulus * len(self.reliability)
        length = 2 * self.looks + len(self.spoken) - 1
        return Architecture(vocabulary, length, self.width, self.heads, self.layers)


@dataclass(frozen=True)
class Arm:
    """One reward: ``correct − weight · (confidence − correct)²``; a coin instead of correct."""

    weight: float = 0.0
    coin: bool = False

    def table(self, levels: int) -> np.ndarray:
        """Reward for [correct, confidence level], shape (2, C); a coin counts as its mean."""
        table = scores.reward_table(scores.brier(), self.weight, np.linspace(0, 1, levels))
        return np.full_like(table, 0.5) if self.coin else table


ARMS = {
    "binary": Arm(),
    "brier-1": Arm(1.0),
    "brier-2": Arm(2.0),  # beyond the scale condition: being wrong on purpose pays
    "coin-flip": Arm(coin=True),
}


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

    An observation shows the digit with probability r and else a uniform digit, itself included:
    P(seen | digit) = r·[seen = digit] + (1 − r)/modulus.  The posterior of a digit is the product
    over its observations, normalised; that of the sum is the convolution of both.

    Parameters
    ----------
    seen : torch.Tensor of shape (..., 2, looks), int64
    reliability : torch.Tensor of shape (..., 2), float64
        In [0, 1].
    modulus : int

    Returns
    -------
    torch.Tensor of shape (..., modulus), float64

    Examples
    --------
    >>> bayes(torch.tensor([[1, 1], [4, 4]]), torch.tensor([1.0, 1.0]), 5)  # 1 + 4 = 0
    tensor([1., 0., 0., 0., 0.])
    """
    hit = seen[..., None] == torch.arange(modulus)  # (..., 2, looks, modulus)
    r = reliability[..., None, None]
    likelihood = (r * hit + (1 - r) / modulus).prod(-2)  # (..., 2, modulus)
    first, second = (likelihood / likelihood.sum(-1, keepdim=True)).unbind(-2)
    return sum(
        (first[..., [d]] * second.roll(d, -1) for d in range(modulus)), torch.zeros_like(first)
    )


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
    observation = config.spoken[-1].stop + size * channel[..., None] + seen
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
        uniform = batched.draw(
            seeds, f"{purpose} {start}: tokens", "uniform", (chunk * n, uniforms)
        )
        for step in range(min(chunk, steps - start)):
            here = (step * n, (step + 1) * n)
            yield asked.part(*here), uniform[:, slice(*here)]


# --- The training: imitation, then policy gradient --------------------------------------------


def pretrain(config: Config, seeds: Sequence[int]) -> batched.Parameters:
    """A calibrated base model per seed, by imitation of calibrated traces.

    An imitated trace holds the hidden digits, which are a draw from their posterior; their sum, or
    junk for a share ``config.junk``; and the answer's exact probability, rounded to a level.
    """
    sizes = config.architecture
    base = batched.Parameters(sizes.shapes(), len(seeds))
    base.initialise(seeds, "transformer")
    optimiser = batched.Adam(base, config.imitation_rate)
    data = batches(config, seeds, "imitation", config.imitation_steps, config.imitation_batch, 1)
    for step, (asked, uniform) in enumerate(data):
        junk = uniform < config.junk  # (S, P, 1)
        answer = torch.where(junk, config.modulus, asked.label[..., None])
        level = (asked.probability.gather(-1, answer) * (config.levels - 1)).round().long()
        trace = torch.cat([asked.digits, answer, level], -1)  # (S, P, 4), each place from 0
        logits, _ = Transformer(sizes, base).read(torch.cat([asked.tokens, trace[..., :3]], -1))
        likelihood = sum(
            logits[:, :, place - 4, spoken].log_softmax(-1).gather(-1, trace[..., [place]])
            for place, spoken in enumerate(config.spoken)
        )
        cosine = 0.5 * (1 + math.cos(math.pi * step / config.imitation_steps))
        batched.train_step(-torch.as_tensor(likelihood).mean((1, 2)), optimiser, scale=cosine)
    return base


def reinforce(
    config: Config, base: batched.Parameters, seeds: Sequence[int], arms: Sequence[Arm]
) -> batched.Parameters:
    """Train one copy of each seed's base on every arm's reward, all at once.

    Arms of one seed see the same questions and the same uniform numbers, so they are paired.
    Returns the M = S·A models, seed by seed, arms in the order given.
    """
    count, n, places = len(arms), config.samples, len(config.spoken)
    trained = base.take([s for s in range(len(seeds)) for _ in arms])
    optimiser = batched.Adam(trained, config.rate, betas=(0.9, 0.99))
    tables = np.stack([Arm(arm.weight).table(config.levels) for arm in arms])
    table = torch.tensor(tables, dtype=torch.float32).repeat(len(seeds), 1, 1).flatten(1)
    coin = torch.tensor([arm.coin for arm in arms]).repeat(len(seeds))[:, None, None]
    data = batches(config, seeds, "training", config.steps, config.prompts, (places + 1) * n)
    for asked, uniforms in data:
        uniform = uniforms.unflatten(-1, (places + 1, n)).repeat_interleave(count, 0)
        model = Transformer(config.architecture, trained)
        logits, context = model.read(asked.tokens.repeat_interleave(count, 0))
        logits = logits[:, :, -1:].expand(-1, -1, n, -1)  # (M, P, n, V)
        chosen, log_trace = [], torch.zeros(())
        for place, spoken in enumerate(config.spoken):
            log_token = logits[..., spoken].log_softmax(-1)
            with torch.no_grad():
                token = batched.sample_categorical(log_token, uniform[:, :, place, :, None])
            log_trace = log_trace + log_token.gather(-1, token)[..., 0]  # (M, P, n)
            chosen.append(token[..., 0])
            if place + 1 < places:
                logits, context = model.extend(context, chosen[-1] + spoken.start)
        label = asked.label.repeat_interleave(count, 0)[..., None]
        correct = torch.where(coin, uniform[:, :, places] < 0.5, chosen[2] == label).long()
        cell = correct * config.levels + chosen[3]
        reward = table.gather(1, cell.flatten(1)).view_as(cell)
        # the mean of the other traces of the same question is the baseline
        advantage = (reward - reward.mean(-1, keepdim=True)) * (n / (n - 1))
        batched.train_step(-(advantage * log_trace).mean((1, 2)), optimiser)
    return trained


# --- What the trained model does, exactly -----------------------------------------------------


def enumerate_traces(config: Config, parameters: batched.Parameters, tokens: Tensor) -> np.ndarray:
    """π(steps, answer, confidence | prompt) of one model, by enumeration of every trace.

    Parameters
    ----------
    config : Config
    parameters : batched.Parameters
        One model.
    tokens : torch.Tensor of shape (P, 2 · looks), int64
        Prompts; P a multiple of 16.

    Returns
    -------
    array of shape (P, G, K, C), float64
        Pairs of steps in the order (0, 0), (0, 1), ...; the probabilities of a prompt sum to 1.
    """
    model, found = Transformer(config.architecture, parameters), []
    with torch.no_grad():
        for some in tokens.split(64):  # small enough for the processor's cache
            logits, context = model.read(some[None])
            logits, log_trace = logits[:, :, -1:], torch.zeros(1, len(some), 1)
            for place, spoken in enumerate(config.spoken):
                log_token = logits[..., spoken].log_softmax(-1).double()  # (1, P, traces, values)
                log_trace = (log_trace[..., None] + log_token).flatten(2)
                if place + 1 < len(config.spoken):
                    values = torch.arange(spoken.start, spoken.stop)
                    token = values.repeat(log_trace.shape[2] // len(values))
                    context = context.branch(len(values))
                    logits, context = model.extend(context, token.expand(log_trace.shape))
            found.append(log_trace[0].exp())
    shape = (config.modulus**2, config.modulus + 1, config.levels)
    return torch.cat(found).unflatten(1, shape).numpy()


def steps(config: Config, traces: np.ndarray, probability: np.ndarray) -> dict[str, float]:
    """How the written steps are used: rates under the policy's own traces (P, G, K, C)."""
    written = traces.sum(-1)  # (P, G, K)
    step = written.sum(-1)
    pair = np.arange(config.modulus**2)
    total = (pair // config.modulus + pair % config.modulus) % config.modulus
    return {
        "consistent": float(written[:, pair, total].sum(1).mean()),  # the answer is the steps' sum
        "own": float((step * step).sum(1).mean()),  # probability of writing the same steps again
        "accuracy": float((step * probability[:, total]).sum(1).mean()),  # of the steps' sum
    }


def examine(config: Config, arm: Arm, traces: np.ndarray, asked: measures.Policy) -> measures.Rows:
    """Rows of every table for one model; ``asked.joint`` is π(answer, confidence | prompt)."""
    table, probability = arm.table(config.levels), asked.probability
    written = traces.sum(-1)  # (P, G, K)
    after_steps = written / written.sum(-1, keepdims=True)
    right = np.broadcast_to(probability[:, None], written.shape)
    token = measures.Channel(after_steps.ravel(), right.ravel(), written.ravel() / len(written))
    hard = asked.low_evidence
    low = measures.channels(asked.joint[hard], probability[hard])["stated"]
    channels = {**measures.channels(asked.joint, probability), "token": token}
    return {
        "answers": [measures.answers(asked, table)],
        "confidence": [{"channel": c, **measures.confidence(v)} for c, v in channels.items()],
        "low_evidence": [dict(measures.confidence(low))],
        "reliability": [
            {"channel": c, **row}
            for c, channel in channels.items()
            for row in measures.reliability(channel, config.levels)
        ],
        "sandbagging": list(measures.sandbagging(asked, table)),
        "steps": [dict(steps(config, traces, probability))],
    }


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
        ``answers``, ``low_evidence`` (stated confidence on questions of low evidence) and ``steps``
        (one row per seed and arm), ``confidence`` (also per channel), ``reliability`` (also per
        confidence bin) and ``sandbagging`` (also per best answer's probability).  Channels are the
        confidence as "stated", the policy's "own" probability of its answer, all steps taken
        together, and the probability of the answer's "token" after the steps that were written.
        Arm "base" is the model before reinforcement.
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
            found = examine(config, ARMS.get(name, ARMS["binary"]), traces, policy)
            for kind, more in found.items():
                rows.setdefault(kind, []).extend({"seed": seeds[s], "arm": name, **r} for r in more)
    return {kind: pd.DataFrame(found) for kind, found in rows.items()}
