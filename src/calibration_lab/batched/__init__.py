"""Many small networks trained as one.

Every parameter carries a leading *model axis*: one entry per (seed, arm).  A layer is then one
batched matrix product, and one optimiser step moves all models at once.  Model ``k`` follows the
trajectory it would follow alone: no operation mixes models, every model draws from its own random
streams, and on one machine the results are bit-identical however the models are grouped.

Bit-identity needs care.  Matrix products round differently when a matrix starts elsewhere in a
line of memory, and the last few numbers of an array are computed by other instructions than the
rest, so the place of a model in the batch could show in its last digit.  Hence each model's
parameters start on a multiple of 64 numbers, and :func:`linear` wants a multiple of 16 examples and
of 16 weights per model (hidden widths of 16, 32, 64 ... give that).  ``torch.sigmoid`` still
depends on the place; use ``log_softmax`` over two classes.

Shapes in comments: M models, B examples per model, I inputs, O outputs.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import torch
from torch import Tensor

__all__ = [
    "SGD",
    "Adam",
    "Parameters",
    "clip_gradient",
    "draw",
    "linear",
    "random_stream",
    "sample_categorical",
    "train_step",
]

_ALIGNMENT = 64  # numbers; a whole count of vector registers on any current processor
_LINE = 16  # float32 numbers in one 64-byte line of memory


def random_stream(seed: int, purpose: str) -> np.random.Generator:
    """The random stream of one (seed, purpose), independent of every other one.

    Streams are never shared, so a result does not depend on which models are trained together,
    in what order, or what ran before.

    Parameters
    ----------
    seed : int
        The seed of the unit, 0 or more.
    purpose : str
        What the numbers are for, such as ``"training prompts"``.

    Returns
    -------
    numpy.random.Generator

    Raises
    ------
    ValueError
        If ``seed`` is negative or not a whole number.

    Examples
    --------
    >>> a, b = random_stream(7, "prompts"), random_stream(7, "prompts")
    >>> bool(a.random() == b.random())
    True
    >>> bool(random_stream(7, "prompts").random() == random_stream(7, "answers").random())
    False
    """
    if isinstance(seed, bool) or not isinstance(seed, (int, np.integer)) or seed < 0:
        raise ValueError(f"seed must be a whole number of 0 or more, got {seed!r}")
    return np.random.default_rng([int(seed), *purpose.encode()])


def draw(seeds: Sequence[int], purpose: str, kind: str, shape: tuple[int, ...]) -> Tensor:
    """Random numbers for several seeds, each from its own stream.

    Parameters
    ----------
    seeds : sequence of int
        One entry per unit.
    purpose : str
        The purpose of the streams, see :func:`random_stream`.
    kind : {"normal", "uniform"}
        Standard normal, or uniform on [0, 1).
    shape : tuple of int
        Shape of the numbers of one seed.

    Returns
    -------
    torch.Tensor of shape (len(seeds), *shape), float32

    Raises
    ------
    ValueError
        If ``kind`` is unknown.

    Examples
    --------
    >>> alone, together = draw([3], "x", "normal", (2,)), draw([1, 3], "x", "normal", (2,))
    >>> torch.equal(alone[0], together[1])
    True
    """
    if kind not in ("normal", "uniform"):
        raise ValueError(f"kind must be 'normal' or 'uniform', got {kind!r}")
    numbers = np.empty((len(seeds), *shape), dtype=np.float32)
    for row, seed in zip(numbers, seeds, strict=True):
        stream = random_stream(seed, purpose)
        (stream.standard_normal if kind == "normal" else stream.random)(out=row, dtype=np.float32)
    return torch.from_numpy(numbers).clone()  # torch starts its memory on a line, numpy need not


class Parameters:
    """The parameters of several networks of one architecture, and their gradients.

    Parameters
    ----------
    shapes : mapping of str to tuple of int
        Shape of each parameter in one network; weights are ``(inputs, outputs)``.
    models : int
        Number of networks, 1 or more.

    Attributes
    ----------
    flat, gradient : torch.Tensor of shape (models, size), float32
        Every parameter of a network in one row, and where its gradient is accumulated.
        ``parameters[name]`` is a view of ``flat`` of shape ``(models, *shapes[name])``.

    Raises
    ------
    ValueError
        If ``models`` is less than 1 or ``shapes`` is empty.

    Examples
    --------
    >>> networks = Parameters({"weight": (3, 2), "bias": (2,)}, models=4)
    >>> networks["weight"].shape
    torch.Size([4, 3, 2])
    """

    def __init__(self, shapes: Mapping[str, tuple[int, ...]], models: int) -> None:
        if models < 1:
            raise ValueError(f"models must be 1 or more, got {models}")
        if not shapes:
            raise ValueError("shapes must name at least one parameter, got none")
        self.shapes = dict(shapes)
        self.models = models
        padded = [-(-math.prod(s) // _ALIGNMENT) * _ALIGNMENT for s in shapes.values()]
        starts = [0, *np.cumsum(padded).tolist()]
        self.flat = torch.zeros(models, starts[-1])
        self.gradient = torch.zeros(models, starts[-1])
        self._views: dict[str, Tensor] = {}
        self._gradients: dict[str, Tensor] = {}
        for (name, shape), start in zip(self.shapes.items(), starts, strict=False):
            part = slice(start, start + math.prod(shape))
            self._views[name] = self.flat[:, part].view(models, *shape).requires_grad_()
            self._gradients[name] = self.gradient[:, part].view(models, *shape)

    def __getitem__(self, name: str) -> Tensor:
        return self._views[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._views)

    def take(self, models: Sequence[int]) -> Parameters:
        """Copies of the named networks, in that order; a network may be taken several times.

        Examples
        --------
        >>> base = Parameters({"weight": (2, 2)}, models=2)
        >>> base.take([0, 0, 0, 1, 1, 1]).models  # three arms start from each of two networks
        6
        """
        copies = Parameters(self.shapes, len(models))
        copies.flat.copy_(self.flat[list(models)])
        return copies

    def initialise(self, seeds: Sequence[int], purpose: str = "initial parameters") -> None:
        """Draw initial parameters: uniform on ±1/√inputs for weights, zero for biases.

        The range is that of ``torch.nn.Linear``.  A parameter of one axis is a bias; of several,
        a weight whose next-to-last axis counts its inputs.  Network ``k`` draws from the stream of
        ``seeds[k]``, so networks of equal seeds start equal.

        Raises
        ------
        ValueError
            If there is not one seed per network.
        """
        if len(seeds) != self.models:
            raise ValueError(
                f"seeds must hold one seed per network ({self.models}), got {len(seeds)}"
            )
        for name, shape in self.shapes.items():
            if len(shape) > 1:
                uniform = draw(seeds, f"{purpose}: {name}", "uniform", shape)
                self._views[name].data.copy_((2 * uniform - 1) / math.sqrt(shape[-2]))

    def differentiate(self, loss: Tensor) -> None:
        """Fill ``gradient`` with the gradient of a scalar ``loss``."""
        found = torch.autograd.grad(
            loss, list(self._views.values()), allow_unused=True, materialize_grads=True
        )
        for target, gradient in zip(self._gradients.values(), found, strict=True):
            target.copy_(gradient)

    def network(self, model: int) -> dict[str, Tensor]:
        """Copies of one network's parameters, by name, as an ordinary module would hold them."""
        return {name: view.data[model].clone() for name, view in self._views.items()}


def linear(inputs: Tensor, weight: Tensor, bias: Tensor) -> Tensor:
    """One fully connected layer of every model.

    Parameters
    ----------
    inputs : torch.Tensor of shape (M, B, I)
    weight : torch.Tensor of shape (M, I, O)
    bias : torch.Tensor of shape (M, O)

    Returns
    -------
    torch.Tensor of shape (M, B, O)

    Raises
    ------
    ValueError
        If B or I · O is not a multiple of 16 (see the module's text).
    """
    examples, weights = inputs.shape[1], weight[0].numel()
    if examples % _LINE:
        raise ValueError(
            f"inputs must hold a multiple of {_LINE} examples per model, "
            f"or results would depend on the grouping of models, got {examples}"
        )
    if weights % _LINE:
        raise ValueError(
            f"weight must hold a multiple of {_LINE} numbers per model, "
            f"or results would depend on the grouping of models, got {weights}"
        )
    return torch.baddbmm(bias.unsqueeze(1), inputs, weight)


def sample_categorical(log_probability: Tensor, uniform: Tensor) -> Tensor:
    """Draws from categorical distributions by inverting the cumulative distribution.

    Parameters
    ----------
    log_probability : torch.Tensor of shape (..., K)
        Log-probabilities; each row's probabilities sum to 1.
    uniform : torch.Tensor of shape (..., n)
        Uniform numbers on [0, 1), ``n`` draws for each row.

    Returns
    -------
    torch.Tensor of shape (..., n), int64
        Categories 0 to K - 1.

    Examples
    --------
    >>> p = torch.tensor([[0.2, 0.3, 0.5]])
    >>> sample_categorical(p.log(), torch.tensor([[0.1, 0.4, 0.9]]))
    tensor([[0, 1, 2]])
    """
    cumulative = log_probability.exp().cumsum(-1)
    # rounding may leave the last entry below 1: the draw is then the last category
    below = cumulative[..., :-1].unsqueeze(-2) <= uniform.unsqueeze(-1)  # (..., n, K - 1)
    return below.sum(-1)


class Adam:
    """Adam for every network at once (Kingma and Ba 2015, algorithm 1).

    Parameters
    ----------
    parameters : Parameters
    learning_rate : float or torch.Tensor of shape (models,)
        Step size; one per network where it is a tensor.
    betas : (float, float)
        Decay of the running mean of the gradient and of its square.
    epsilon : float
        Added to the root of the second moment.
    """

    def __init__(
        self,
        parameters: Parameters,
        learning_rate: float | Tensor,
        betas: tuple[float, float] = (0.9, 0.999),
        epsilon: float = 1e-8,
    ) -> None:
        self.parameters = parameters
        self.learning_rate = learning_rate
        self.betas = betas
        self.epsilon = epsilon
        self.steps = 0
        self.mean = torch.zeros_like(parameters.flat)
        self.square = torch.zeros_like(parameters.flat)
        self._root = torch.zeros_like(parameters.flat)  # kept: fresh memory costs more than sqrt

    def step(self, scale: float = 1.0) -> None:
        """Move every network one step, its learning rate multiplied by ``scale``."""
        self.steps += 1
        first, second = self.betas
        gradient = self.parameters.gradient
        self.mean.lerp_(gradient, 1 - first)
        self.square.mul_(second).addcmul_(gradient, gradient, value=1 - second)
        root = (
            torch.sqrt(self.square, out=self._root)
            .div_(math.sqrt(1 - second**self.steps))
            .add_(self.epsilon)
        )
        size = self.learning_rate * scale / (1 - first**self.steps)
        if isinstance(size, Tensor):
            self.parameters.flat.sub_(torch.div(self.mean, root, out=root).mul_(size.unsqueeze(1)))
        else:
            self.parameters.flat.addcdiv_(self.mean, root, value=-size)


class SGD:
    """Plain gradient descent for every network at once.

    Parameters
    ----------
    parameters : Parameters
    learning_rate : float or torch.Tensor of shape (models,)
        Step size; one per network where it is a tensor.
    """

    def __init__(self, parameters: Parameters, learning_rate: float | Tensor) -> None:
        self.parameters = parameters
        self.learning_rate = learning_rate

    def step(self, scale: float = 1.0) -> None:
        """Move every network one step, its learning rate multiplied by ``scale``."""
        size = self.learning_rate * scale
        if isinstance(size, Tensor):
            size = size.unsqueeze(1)
        self.parameters.flat.sub_(self.parameters.gradient * size)


def clip_gradient(parameters: Parameters, norm: float) -> None:
    """Scale down the gradient of each network whose Euclidean norm exceeds ``norm``.

    Raises
    ------
    ValueError
        If ``norm`` is not positive.
    """
    if not norm > 0:
        raise ValueError(f"norm must be positive, got {norm}")
    length = parameters.gradient.norm(dim=1, keepdim=True)
    parameters.gradient.mul_((norm / length.clamp_min(1e-12)).clamp_max(1.0))


def train_step(
    losses: Tensor, optimiser: Adam | SGD, scale: float = 1.0, clip: float | None = None
) -> None:
    """One step of every network down its own loss.

    The gradient of the sum of the losses is, for each network, the gradient of its own loss,
    because no network's loss depends on another's parameters.

    Parameters
    ----------
    losses : torch.Tensor of shape (models,)
        One loss per network.
    optimiser : Adam or SGD
    scale : float
        Multiplies the learning rate in this step (a schedule).
    clip : float, optional
        Largest norm of a network's gradient.

    Raises
    ------
    ValueError
        If there is not one loss per network.
    """
    parameters = optimiser.parameters
    if losses.shape != (parameters.models,):
        raise ValueError(
            f"losses must have shape ({parameters.models},), one per network, "
            f"got {tuple(losses.shape)}"
        )
    parameters.differentiate(losses.sum())
    if clip is not None:
        clip_gradient(parameters, clip)
    optimiser.step(scale)
