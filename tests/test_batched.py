"""The batched networks: each model follows the trajectory it would follow alone."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from calibration_lab import batched

SHAPES = {"hidden": (5, 16), "hidden.bias": (16,), "out": (16, 3), "out.bias": (3,)}


def networks(seeds):
    parameters = batched.Parameters(SHAPES, len(seeds))
    parameters.initialise(seeds)
    return parameters


def losses(parameters, inputs, target):
    hidden = batched.linear(inputs, parameters["hidden"], parameters["hidden.bias"]).relu()
    logits = batched.linear(hidden, parameters["out"], parameters["out.bias"])
    picked = logits.log_softmax(-1).gather(-1, target[..., None])[..., 0]
    return -picked.mean(1)


def train(seeds, steps=60, optimiser=batched.Adam, clip=None, **options):
    parameters = networks(seeds)
    step = optimiser(parameters, **{"learning_rate": 0.01, **options})
    for k in range(steps):
        inputs = batched.draw(seeds, f"inputs {k}", "normal", (32, 5))
        target = (inputs[..., :3] + inputs[..., 2:]).argmax(-1)
        batched.train_step(losses(parameters, inputs, target), step, clip=clip)
    return parameters


def train_alone(seed, steps=60, make=torch.optim.Adam, clip=None):
    """The same model as an ordinary module with an ordinary optimiser."""
    start = networks([seed]).network(0)
    module = torch.nn.Sequential(torch.nn.Linear(5, 16), torch.nn.ReLU(), torch.nn.Linear(16, 3))
    with torch.no_grad():
        for layer, name in ((module[0], "hidden"), (module[2], "out")):
            layer.weight.copy_(start[name].T)
            layer.bias.copy_(start[f"{name}.bias"])
    optimiser = make(module.parameters(), lr=0.01)
    for k in range(steps):
        inputs = batched.draw([seed], f"inputs {k}", "normal", (32, 5))[0]
        target = (inputs[..., :3] + inputs[..., 2:]).argmax(-1)
        optimiser.zero_grad()
        torch.nn.functional.cross_entropy(module(inputs), target).backward()
        if clip is not None:
            torch.nn.utils.clip_grad_norm_(module.parameters(), clip)
        optimiser.step()
    return {"hidden": module[0].weight.T, "out": module[2].weight.T, "out.bias": module[2].bias}


@pytest.mark.parametrize(
    ("ours", "theirs"), [(batched.Adam, torch.optim.Adam), (batched.SGD, torch.optim.SGD)]
)
@pytest.mark.parametrize("clip", [None, 0.1])
def test_each_model_follows_the_trajectory_of_a_module_trained_alone(ours, theirs, clip):
    seeds = [3, 11, 4]
    together = train(seeds, optimiser=ours, clip=clip)
    for k, seed in enumerate(seeds):
        for name, expected in train_alone(seed, make=theirs, clip=clip).items():
            torch.testing.assert_close(together[name].data[k], expected.data, rtol=1e-3, atol=1e-5)


@settings(max_examples=12, deadline=None)
@given(st.permutations(list(range(9))), st.integers(1, 9))
def test_results_are_bit_identical_whatever_the_grouping_and_order(order, group):
    reference = train(range(9), steps=12).flat
    for start in range(0, 9, group):
        seeds = order[start : start + group]
        assert torch.equal(train(seeds, steps=12).flat, reference[seeds])


def test_learning_rates_may_differ_between_models():
    rates = torch.tensor([0.01, 0.0])
    for optimiser in (batched.Adam, batched.SGD):
        both = train([1, 2], steps=5, optimiser=optimiser, learning_rate=rates)
        assert not torch.equal(both.flat[0], networks([1, 2]).flat[0])
        assert torch.equal(both.flat[1], networks([1, 2]).flat[1])
        alone = train([1], steps=5, optimiser=optimiser)
        torch.testing.assert_close(both.flat[0], alone.flat[0], rtol=1e-5, atol=1e-6)


def test_take_copies_and_leaves_the_source_alone():
    source = networks([0, 1])
    copies = source.take([1, 1, 0])
    assert torch.equal(copies.flat, source.flat[[1, 1, 0]])
    copies.flat.add_(1)
    assert torch.equal(source.flat, networks([0, 1]).flat)


def test_initial_parameters_have_the_range_of_a_linear_layer():
    wide = batched.Parameters({"weight": (100, 50), "bias": (50,)}, 2)
    wide.initialise([0, 1])
    assert wide["weight"].abs().max() <= 0.1
    assert wide["weight"].data.std().item() == pytest.approx(0.1 / 3**0.5, rel=0.02)
    assert (wide["bias"] == 0).all()
    assert not torch.equal(wide["weight"][0], wide["weight"][1])


def test_streams_are_independent_and_repeatable():
    draws = [
        batched.random_stream(seed, purpose).standard_normal(4000)
        for seed in (0, 1, 1000)
        for purpose in ("a", "b")
    ]
    correlation = np.corrcoef(draws) - np.eye(6)
    assert np.abs(correlation).max() < 0.07  # 4.4 standard errors of 1/sqrt(4000)
    again = batched.random_stream(0, "a").standard_normal(4000)
    assert np.array_equal(draws[0], again)


def test_categorical_draws_have_the_right_frequencies_and_stay_in_range():
    p = torch.tensor([[0.1, 0.0, 0.6, 0.3]])
    uniform = torch.from_numpy(batched.random_stream(0, "x").random((1, 200_000), np.float32))
    drawn = batched.sample_categorical(p.log(), uniform)
    share = torch.bincount(drawn[0], minlength=4) / drawn.numel()
    torch.testing.assert_close(share, p[0], rtol=0, atol=0.004)
    assert share[1] == 0
    almost_one = torch.tensor([[1 - 2**-24]])
    assert batched.sample_categorical(torch.tensor([[0.5, 0.4999]]).log(), almost_one).item() == 1


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda: batched.random_stream(-1, "x"),
            "seed must be a whole number of 0 or more, got -1",
        ),
        (lambda: batched.random_stream(1.5, "x"), "seed must be a whole number"),
        (lambda: batched.random_stream(True, "x"), "seed must be a whole number"),
        (lambda: batched.draw([0], "x", "cauchy", (2,)), "kind must be 'normal' or 'uniform'"),
        (lambda: batched.Parameters({"w": (2, 2)}, 0), "models must be 1 or more, got 0"),
        (lambda: batched.Parameters({}, 1), "shapes must name at least one parameter"),
        (lambda: networks([0, 1]).initialise([0]), "one seed per network"),
        (
            lambda: losses(networks([0]), torch.zeros(1, 20, 5), torch.zeros(1, 20).long()),
            "inputs must hold a multiple of 16 examples per model.*got 20",
        ),
        (
            lambda: batched.linear(torch.zeros(1, 16, 5), torch.zeros(1, 5, 7), torch.zeros(1, 7)),
            "weight must hold a multiple of 16 numbers per model.*got 35",
        ),
        (
            lambda: batched.clip_gradient(networks([0]), float("nan")),
            "norm must be positive, got nan",
        ),
        (
            lambda: batched.train_step(torch.zeros(3), batched.SGD(networks([0]), 0.1)),
            r"losses must have shape \(1,\), one per network, got \(3,\)",
        ),
    ],
)
def test_bad_input_is_named(call, message):
    with pytest.raises(ValueError, match=message):
        call()
