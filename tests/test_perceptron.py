"""Batched multilayer perceptrons against torch's own, and the order of examples."""

import pytest
import torch

from calibration_lab import batched
from calibration_lab.batched import perceptron


def test_each_model_computes_what_the_same_torch_module_computes():
    parameters = batched.Parameters(perceptron.shapes(5, [16, 32], 3 + 13), models=3)
    parameters.initialise([0, 1, 2])
    inputs = batched.draw([0, 1, 2], "inputs", "normal", (16, 5))
    features, outputs = perceptron.forward(parameters, inputs)
    for model in range(3):
        own = parameters.network(model)
        layers = []
        for layer in (1, 2, 3):
            weight, bias = own[f"layer.{layer}"], own[f"layer.{layer}.bias"]
            one = torch.nn.Linear(*weight.shape)
            one.weight.data, one.bias.data = weight.T.clone(), bias
            layers += [one, torch.nn.ReLU()]
        hidden = torch.nn.Sequential(*layers[:4])
        torch.testing.assert_close(features[model], hidden(inputs[model]))
        torch.testing.assert_close(outputs[model], layers[4](hidden(inputs[model])))


def test_a_model_without_hidden_layers_is_linear():
    parameters = batched.Parameters(perceptron.shapes(8, [], 2), models=1)
    parameters.initialise([3])
    inputs = batched.draw([3], "inputs", "normal", (16, 8))
    features, outputs = perceptron.forward(parameters, inputs)
    assert torch.equal(features, inputs)
    torch.testing.assert_close(outputs[0], inputs[0] @ parameters["layer.1"][0])


def test_an_epoch_shows_every_row_once_and_no_two_epochs_are_alike():
    batches = list(perceptron.minibatches([4], "order", rows=12, batch=4, steps=6))
    first, second = torch.cat(batches[:3], 1)[0], torch.cat(batches[3:], 1)[0]
    assert sorted(first.tolist()) == sorted(second.tolist()) == list(range(12))
    assert first.tolist() != second.tolist()


def test_the_order_of_a_seed_does_not_depend_on_its_company():
    alone = list(perceptron.minibatches([7], "order", 50, 16, 9))
    together = list(perceptron.minibatches([1, 7, 3], "order", 50, 16, 9))
    assert all(torch.equal(a[0], b[1]) for a, b in zip(alone, together, strict=True))


@pytest.mark.parametrize("batch", [0, 51])
def test_a_batch_outside_the_rows_is_refused(batch):
    with pytest.raises(ValueError, match="batch must lie between 1 and the number of rows 50"):
        next(perceptron.minibatches([0], "order", 50, batch, 1))


def test_a_layer_without_width_is_refused():
    with pytest.raises(ValueError, match="must be 1 or more"):
        perceptron.shapes(3, [0], 2)
