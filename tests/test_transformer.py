"""The batched transformer against an ordinary one, and the exhibit that is built on it."""

from __future__ import annotations

import dataclasses
import itertools
import math

import numpy as np
import pytest
import torch
from pandas.testing import assert_frame_equal
from torch import nn
from torch.nn import functional

from calibration_lab import batched
from calibration_lab.batched.transformer import (
    Architecture,
    Transformer,
    enumerate_continuations,
    log_likelihood,
    sample,
)
from calibration_lab.experiments.binary_reward import transformer as exhibit

SIZES = Architecture(vocabulary=9, length=6, width=16, heads=2, layers=2, expansion=3)
GRAMMAR = (slice(0, 3), slice(2, 6), slice(5, 9))


def models(seeds, sizes=SIZES):
    parameters = batched.Parameters(sizes.shapes(), len(seeds))
    parameters.initialise(seeds)
    with torch.no_grad():  # biases start at 0, where a forgotten one would not be seen
        for name in parameters:
            if name.endswith("bias"):
                shape = sizes.shapes()[name]
                parameters[name].add_(batched.draw(seeds, f"bias {name}", "normal", shape))
    return Transformer(sizes, parameters)


def texts(seeds, n=16, length=6, purpose="texts"):
    return (batched.draw(seeds, purpose, "uniform", (n, length)) * SIZES.vocabulary).long()


# --- An ordinary transformer ------------------------------------------------------------------


class Layer(nn.Module):
    def __init__(self, sizes):
        super().__init__()
        self.heads = sizes.heads
        self.before, self.between = (
            nn.RMSNorm(sizes.width, eps=1e-6, elementwise_affine=False) for _ in range(2)
        )
        self.attend = nn.Linear(sizes.width, 3 * sizes.width)
        self.mix = nn.Linear(sizes.width, sizes.width)
        self.up = nn.Linear(sizes.width, sizes.expansion * sizes.width)
        self.down = nn.Linear(sizes.expansion * sizes.width, sizes.width)

    def forward(self, x):
        q, k, v = (
            part.unflatten(-1, (self.heads, -1)).transpose(1, 2)
            for part in self.attend(self.before(x)).chunk(3, -1)
        )
        found = functional.scaled_dot_product_attention(q, k, v, is_causal=True)
        x = x + self.mix(found.transpose(1, 2).flatten(2))
        return x + self.down(self.up(self.between(x)).relu())


class Ordinary(nn.Module):
    def __init__(self, sizes, start):
        super().__init__()
        self.token = nn.Embedding(sizes.vocabulary, sizes.width)
        self.position = nn.Embedding(sizes.length, sizes.width)
        self.layers = nn.ModuleList(Layer(sizes) for _ in range(sizes.layers))
        self.last = nn.RMSNorm(sizes.width, eps=1e-6, elementwise_affine=False)
        self.head = nn.Linear(sizes.width, sizes.vocabulary)
        with torch.no_grad():
            self.token.weight.copy_(start["embedding"][: sizes.vocabulary])
            self.position.weight.copy_(start["embedding"][sizes.vocabulary :])
            for name, linear in self.linears().items():
                linear.weight.copy_(start[name].T)
                linear.bias.copy_(start[f"{name}.bias"])

    def linears(self):
        return {"head": self.head} | {
            f"{i}.{name}": getattr(layer, name)
            for i, layer in enumerate(self.layers)
            for name in ("attend", "mix", "up", "down")
        }

    def forward(self, tokens):
        x = self.token(tokens) + self.position(torch.arange(tokens.shape[1]))
        for layer in self.layers:
            x = layer(x)
        return self.head(self.last(x))

    def gradient(self):
        found = {"embedding": torch.cat([self.token.weight.grad, self.position.weight.grad])}
        for name, linear in self.linears().items():
            found |= {name: linear.weight.grad.T, f"{name}.bias": linear.bias.grad}
        return found


@pytest.mark.parametrize(
    "sizes", [SIZES, Architecture(9, 6, 32, 4, 1), Architecture(9, 6, 16, 1, 3)]
)
def test_logits_and_gradients_are_those_of_an_ordinary_transformer(sizes):
    seeds = [3, 1, 4]
    model, tokens = models(seeds, sizes), texts(seeds)
    logits, _ = model.read(tokens)
    target = texts(seeds, purpose="targets")
    loss = -logits.log_softmax(-1).gather(-1, target[..., None]).mean((1, 2, 3))
    model.parameters.differentiate(loss.sum())
    starts = [0, *np.cumsum([-(-math.prod(s) // 64) * 64 for s in sizes.shapes().values()])]
    for k in range(len(seeds)):
        ordinary = Ordinary(sizes, model.parameters.network(k))
        expected = ordinary(tokens[k])
        torch.testing.assert_close(logits[k], expected, rtol=1e-4, atol=1e-5)
        functional.cross_entropy(expected.flatten(0, 1), target[k].flatten()).backward()
        for (name, shape), start in zip(sizes.shapes().items(), starts, strict=False):
            found = model.parameters.gradient[k, start : start + math.prod(shape)].view(shape)
            torch.testing.assert_close(
                found, ordinary.gradient()[name], rtol=1e-3, atol=1e-6, msg=lambda m, n=name: n + m
            )


# --- Reading, continuing, branching -----------------------------------------------------------


def test_continuing_a_text_is_reading_it_whole():
    model, tokens = models([0, 1]), texts([0, 1])
    whole, _ = model.read(tokens)
    logits, context = model.read(tokens[..., :3])
    torch.testing.assert_close(logits, whole[:, :, :3])
    for place in range(3, 6):
        logits, context = model.extend(context, tokens[..., [place]])
        torch.testing.assert_close(logits[:, :, 0], whole[:, :, place])
        assert context.length == place + 1


def test_branches_go_their_own_ways():
    seeds = [0, 1]
    model, tokens = models(seeds), texts(seeds, length=2)
    _, context = model.read(tokens)
    first = torch.tensor([1, 7, 4]).expand(2, 16, 3)
    _, context = model.extend(context, first)
    second = torch.tensor([0, 2, 2, 8, 5, 0]).expand(2, 16, 6)
    logits, _ = model.extend(context.branch(2), second)
    for b in range(6):
        path = torch.stack([first[..., b // 2], second[..., b]], -1)
        whole, _ = model.read(torch.cat([tokens, path], -1))
        torch.testing.assert_close(logits[:, :, b], whole[:, :, -1])


def test_gradients_flow_through_continuations():
    seeds = [2, 5]
    one, other, tokens = models(seeds), models(seeds), texts(seeds)
    _, context = one.read(tokens[..., :4])
    _, context = one.extend(context, tokens[..., [4]])
    logits, _ = one.extend(context, tokens[..., [5]])
    one.parameters.differentiate(logits.square().sum())
    other.parameters.differentiate(other.read(tokens)[0][:, :, -1].square().sum())
    torch.testing.assert_close(
        one.parameters.gradient, other.parameters.gradient, rtol=1e-3, atol=1e-3
    )


def test_later_tokens_and_other_texts_change_nothing():
    model, tokens = models([0]), texts([0])
    changed = tokens.clone()
    changed[:, :, 4:] = (changed[:, :, 4:] + 1) % SIZES.vocabulary
    changed[:, 1:] = 0
    assert torch.equal(model.read(tokens)[0][:, 0, :4], model.read(changed)[0][:, 0, :4])


@pytest.mark.parametrize("group", [1, 2, 3, 5])
def test_training_is_bit_identical_whatever_the_grouping(group):
    def train(seeds):
        model = models(seeds)
        optimiser = batched.Adam(model.parameters, 0.01)
        for k in range(6):
            uniform = batched.draw(seeds, f"uniform {k}", "uniform", (16, 3, 4))
            _, log_chosen = sample(model, texts(seeds, 16, 3, f"texts {k}"), GRAMMAR, uniform)
            given = (3 * batched.draw(seeds, f"given {k}", "uniform", (32, 3))).long()
            read = log_likelihood(model, texts(seeds, 32, 2, f"more {k}"), given, GRAMMAR)
            batched.train_step(log_chosen.mean((1, 2)) - read.mean((1, 2)), optimiser)
        return model.parameters.flat

    order = [4, 0, 3, 1, 2]
    together = train(range(5))
    for start in range(0, 5, group):
        seeds = order[start : start + group]
        assert torch.equal(train(seeds), together[seeds])


# --- Continuations under a grammar ------------------------------------------------------------


def test_enumerated_continuations_are_scored_as_if_given():
    model, tokens = models([0, 1]), texts([0, 1], length=3)
    every = enumerate_continuations(model, tokens, GRAMMAR)
    assert every.shape == (2, 16, 3, 4, 4)
    torch.testing.assert_close(
        every.exp().flatten(2).sum(-1), torch.ones(2, 16, dtype=torch.float64)
    )
    for path in itertools.product(range(3), range(4), range(4)):
        given = torch.tensor(path).expand(2, 16, 3)
        found = log_likelihood(model, tokens, given, GRAMMAR)
        assert found.shape == (2, 16, 3)
        torch.testing.assert_close(
            found.sum(-1).double(), every[(..., *path)], rtol=1e-4, atol=1e-5
        )


def test_samples_have_the_enumerated_probabilities():
    model, n = models([7]), 10_000
    tokens = texts([7], length=3)
    uniform = batched.draw([7], "uniform", "uniform", (16, 3, n))
    with torch.no_grad():
        drawn, log_chosen = sample(model, tokens, GRAMMAR, uniform)
        every = enumerate_continuations(model, tokens, GRAMMAR)[0].flatten(1)  # (16, 48)
    cell = (drawn[0] * torch.tensor([16, 4, 1])[:, None]).sum(1)  # (16, n)
    torch.testing.assert_close(log_chosen[0].double(), every.gather(1, cell), rtol=1e-4, atol=1e-5)
    share = torch.stack([(cell == c).double().mean(1) for c in range(48)], 1)
    deviation = (share - every.exp()).abs() / (every.exp() / n).sqrt()
    assert deviation.max() < 4.5  # standard errors, of 768 shares


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: Architecture(0, 5), "vocabulary must be 1 or more, got 0"),
        (lambda: Architecture(5, 5, width=24), "width must be a multiple of heads .4. and of 16"),
        (lambda: Architecture(5, 5, 16, heads=3), "width must be a multiple of heads .3."),
        (
            lambda: Transformer(Architecture(8, 6, 16), models([0]).parameters),
            "parameters must have the shapes of Architecture",
        ),
        (lambda: models([0, 1]).read(texts([0])), "tokens must be of 2 models, got 1"),
        (lambda: models([0]).read(texts([0]) + 1), "tokens must lie in 0 to 8"),
        (lambda: models([0]).read(texts([0], length=7)), "at most 6 tokens can be read, got 7"),
        (
            lambda: models([0]).extend(models([0]).read(texts([0]))[1], texts([0], length=1)),
            "at most 6 tokens can be read, got 7",
        ),
        (lambda: models([0]).read(texts([0]))[1].branch(0), "times must be 1 or more, got 0"),
        (
            lambda: models([0]).extend(
                models([0]).extend(models([0]).read(texts([0], length=2))[1], texts([0], 16, 2))[1],
                texts([0], 16, 3),
            ),
            "tokens must be one for each of 2 continuations, got 3",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()


# --- The exhibit: its world -------------------------------------------------------------------

TINY = exhibit.Config(
    modulus=3, levels=5, width=16, layers=1, imitation_steps=3, imitation_batch=16,
    steps=2, samples=2, evaluation=32,
)  # fmt: skip


@pytest.mark.parametrize("reliability", [(0.1, 0.6), (0.97, 0.3), (0.0, 1.0)])
def test_answer_probabilities_are_the_frequencies_of_a_simulation(reliability):
    rng, n, size = np.random.default_rng(0), 200_000, 3
    digits = rng.integers(size, size=(n, 2))
    truthful = rng.random((n, 2, 2)) < np.array(reliability)[:, None]
    seen = np.where(truthful, digits[..., None], rng.integers(size, size=(n, 2, 2)))
    label = digits.sum(1) % size
    patterns, index, count = np.unique(
        seen.reshape(n, 4), axis=0, return_inverse=True, return_counts=True
    )
    shares = np.stack([np.bincount(index.ravel(), label == a) / count for a in range(size)], 1)
    exact = exhibit.bayes(
        torch.tensor(patterns).view(-1, 2, 2),
        torch.tensor(reliability, dtype=torch.float64).expand(len(patterns), 2),
        size,
    ).numpy()
    assert np.abs(exact.sum(1) - 1).max() < 1e-12
    error = np.sqrt(np.maximum(exact * (1 - exact), 1e-12) / count[:, None])
    assert (np.abs(shares - exact) / error).max() < 4.5  # at most 243 shares


def test_labels_are_draws_from_the_probability_that_the_question_tells():
    config = exhibit.Config()
    asked = exhibit.ask(config, [5], "test", 40_000)
    label = functional.one_hot(asked.label[0], 6).double()
    p = asked.probability[0]
    assert p[:, -1].max() == 0
    level = (p * 10).round().long()
    for b in range(11):
        here = level == b
        error = (p[here] * (1 - p[here])).sum().sqrt().clamp_min(1e-9)
        assert abs((label[here] - p[here]).sum()) < 4 * error + 1e-9
    assert (asked.label == asked.digits.sum(-1) % 5).all()
    first, past = config.grammar[-1].stop, config.architecture.vocabulary
    assert asked.tokens.min() == first
    assert asked.tokens.max() == past - 1
    assert asked.low_evidence.double().mean().item() == pytest.approx(5 / 9, abs=0.015)


def test_a_sure_channel_leaves_no_doubt():
    asked = exhibit.ask(dataclasses.replace(TINY, reliability=(1.0,)), [0], "test", 16)
    assert (asked.probability.gather(-1, asked.label[..., None]) == 1).all()


# --- The exhibit: its run ---------------------------------------------------------------------


@pytest.fixture(scope="module")
def tables():
    return exhibit.run(TINY, [3, 1, 4, 0])


def test_a_run_gives_every_table_with_one_row_per_unit(tables):
    factors = {
        "answers": [],
        "steps": [],
        "confidence": ["channel"],
        "reliability": ["channel", "level"],
    }
    assert set(tables) == set(factors)
    for name, more in factors.items():
        frame, unit = tables[name], ["seed", "arm", *more]
        assert not frame.duplicated(unit).any()
        assert set(frame["seed"]) == {0, 1, 3, 4}
        assert set(frame["arm"]) == {"base", *TINY.arms}
        measured = frame.drop(columns=unit)
        assert ((measured >= -1) & (measured <= 1)).all(axis=None)
    assert set(tables["confidence"]["channel"]) == {"stated", "own", "token"}
    weight = tables["reliability"].groupby(["seed", "arm", "channel"])["weight"].sum()
    assert np.allclose(weight, 1, atol=1e-6)


@pytest.mark.parametrize("groups", [[[0], [1], [3], [4]], [[4, 3, 0], [1]], [[0, 1], [3, 4]]])
def test_a_run_is_bit_identical_whatever_the_grouping_of_seeds(tables, groups):
    parts = [exhibit.run(TINY, group) for group in groups]
    for name, whole in tables.items():
        keys = [c for c in ("seed", "arm", "channel", "level") if c in whole]
        joined = [
            frame.sort_values(keys, ignore_index=True)
            for frame in (whole, *(part[name] for part in parts))
        ]
        for seed in (0, 1, 3, 4):
            expected = joined[0][joined[0]["seed"] == seed].reset_index(drop=True)
            found = [f[f["seed"] == seed] for f in joined[1:] if (f["seed"] == seed).any()]
            assert_frame_equal(found[0].reset_index(drop=True), expected, check_exact=True)


def test_enumerated_traces_are_those_that_are_sampled():
    config, seeds = TINY, [9]
    base = exhibit.pretrain(config, seeds)
    asked = exhibit.ask(config, seeds, "test", 16)
    traces = exhibit.enumerate_traces(config, base, asked.tokens[0])
    assert traces.shape == (16, 9, 4, 5)
    assert np.allclose(traces.sum((1, 2, 3)), 1)
    n, model = 10_000, Transformer(config.architecture, base)
    uniform = batched.draw(seeds, "uniform", "uniform", (16, 4, n))
    with torch.no_grad():
        drawn, _ = sample(model, asked.tokens, config.grammar, uniform)
    first, second, answer, level = (place.numpy() for place in drawn[0].unbind(1))
    stated = traces.sum((1, 2)) @ np.linspace(0, 1, 5)
    assert np.allclose((level / 4).mean(1), stated, atol=4 * 0.5 / math.sqrt(n))
    consistent = exhibit.steps(config, traces, asked.probability[0].numpy())["consistent"]
    assert (answer == (first + second) % 3).mean() == pytest.approx(consistent, abs=0.01)


def test_the_token_channel_is_the_answer_given_the_steps():
    traces = np.zeros((1, 4, 3, 2))  # two digits modulo 2
    traces[0, 0, 0, 1] = 0.5  # wrote 0 + 0, always answers 0
    traces[0, 1, 1, 0] = traces[0, 1, 0, 0] = 0.25  # wrote 0 + 1, answers 1 or 0
    with np.errstate(invalid="ignore"):  # steps that are never written
        found = exhibit.channels(traces, np.array([[0.6, 0.4, 0.0]]))
    said = found["token"].weight > 0
    assert found["token"].confidence[said].tolist() == [1.0, 0.5, 0.5]
    assert found["token"].right[said].tolist() == [0.6, 0.6, 0.4]
    assert found["own"].confidence.tolist() == [0.75, 0.25, 0.0]
    assert found["stated"].weight.tolist() == [0.5, 0.5]


def test_being_right_is_learnt_and_a_coin_teaches_nothing():
    config = dataclasses.replace(
        TINY, reliability=(0.9,), imitation_steps=60, imitation_batch=32, imitation_rate=0.01,
        steps=60, samples=8, rate=2e-3, evaluation=64,
    )  # fmt: skip
    accuracy = exhibit.run(config, [0, 1])["answers"].groupby("arm")["accuracy"].mean()
    assert accuracy["binary"] > accuracy["base"] + 0.1
    assert accuracy["brier-1"] > accuracy["base"] + 0.1
    assert accuracy["coin-flip"] < accuracy["base"] + 0.1


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"arms": ("binary", "gold")}, r"arms must name some of .*coin-flip, got \['gold'\]"),
        ({"arms": ()}, "arms must name some of .*, got none"),
        ({"modulus": 1}, "modulus must be 2 or more, got 1"),
        ({"samples": 1}, "samples must be 2 or more, got 1"),
        ({"prompts": 20}, "prompts must be a multiple of 16, got 20"),
        ({"evaluation": 0}, "evaluation must be a multiple of 16, got 0"),
        ({"reliability": (float("nan"),)}, "reliability must hold probabilities"),
    ],
)
def test_a_bad_setting_is_named(change, message):
    with pytest.raises(ValueError, match=message):
        dataclasses.replace(TINY, **change)
