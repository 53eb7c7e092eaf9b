"""The one-line rule, the modes of gradient descent on digits, and their gradients' errors."""

import time
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.harness.figures import BLUE, GREEN, GREY, ORANGE
from jaxnet.core.types import Array, Key
from jaxnet.data import Dataset, random_order
from jaxnet.training import StepState, autodiff, init_state, make_objective, make_step

X, V = (10.0, 2.0, 3.5, 1.0), (10.1, 1.9, 3.4, 1.1)
"""Samples of lecture 003's perceptron ``y = w x``."""
SIZES = (1, 4, 16, 64, 256, 1024)


class Mode(NamedTuple):
    """Examples a step, learning rate, how an epoch is arranged, and how it is drawn."""

    size: int
    rate: float
    arrange: Callable[[Key, Array, int], Array]
    by_class: bool
    look: tuple[str, str]


def in_order(key: Key, order: Array, size: int) -> Array:
    """Return mini-batches of the examples in one order, shape ``(steps, size)``."""
    del key
    return order[: len(order) // size * size].reshape(-1, size)


def reshuffled(key: Key, order: Array, size: int) -> Array:
    """Return mini-batches of the examples in a new order."""
    return in_order(key, order[random_order(key, len(order))], size)


def fixed(key: Key, order: Array, size: int) -> Array:
    """Return the same mini-batches in a new order."""
    batches = in_order(key, order, size)
    return batches[random_order(key, len(batches))]


MODES = {
    "full batch": Mode(1438, 0.5, in_order, False, (GREY, "-")),
    "mini-batches, examples reshuffled": Mode(32, 0.2, reshuffled, False, (BLUE, "-")),
    "mini-batches, fixed, their order shuffled": Mode(32, 0.2, fixed, False, (BLUE, "--")),
    "samples, reshuffled": Mode(1, 0.03, reshuffled, False, (ORANGE, "-")),
    "samples, always in one random order": Mode(1, 0.03, in_order, False, (ORANGE, "--")),
    "samples, sorted by class": Mode(1, 0.03, in_order, True, (GREEN, ":")),
}


WALKS = {
    "rate 1, in order": (1.0, False),
    "rate 1, shuffled": (1.0, True),
    "rate 0.005, shuffled": (0.005, True),
}


def walk(rate: float, shuffle: bool, key: Key, passes: int = 100) -> np.ndarray:
    """Return the weight of the one-line rule from 1.1 on, after each of 4 samples a pass."""
    x, v = jnp.array(X)[:, None], jnp.array(V)

    def one(w: Array, number: Array) -> tuple[Array, Array]:
        order = random_order(jax.random.fold_in(key, number), len(X)) if shuffle else jnp.arange(4)
        path = jaxnet.networks.perceptron_pass(w, x[order], v[order], learning_rate=rate)
        return path[-1], path[:, 0]

    _, paths = jax.lax.scan(one, jnp.array([1.1]), jnp.arange(passes))
    return np.concatenate([[1.1], np.asarray(paths).ravel()])


def train(dataset: Dataset, mode: Mode, keys: Key, epochs: int) -> tuple[np.ndarray, float]:
    """Return the share misread, shape ``(seeds, epochs)``, and seconds an epoch of all seeds."""
    examples = dataset.train.map(jnp.asarray)
    network = jaxnet.mlp((64, 30, 10), input_scale=dataset.input_scale)
    optimizer = jaxnet.optim.sgd(mode.rate)
    step = make_step(make_objective(network), autodiff, optimizer)
    order = jnp.argsort(examples.targets) if mode.by_class else jnp.arange(len(examples.targets))

    def epoch(state: Any, key: Key) -> Any:
        def body(state: StepState, batch: Array) -> Any:
            return step(state, examples.take(batch), key, mode.size)[0], None

        state, _ = jax.lax.scan(body, state, mode.arrange(key, order, mode.size))
        outputs, _ = network.apply(state.params, state.statistics, jnp.asarray(dataset.test.inputs))
        return state, jnp.mean(
            jaxnet.metrics.error_rate(outputs, jnp.asarray(dataset.test.targets))
        )

    def whole(key: Key) -> Array:
        start = init_state(network, optimizer, (64,), key=key)
        state = StepState(start.params, start.statistics, start.opt_state)
        return jax.lax.scan(epoch, state, jax.random.split(start.key, epochs))[1]

    program = jax.jit(jax.vmap(whole)).lower(keys).compile()
    errors, seconds = np.asarray(program(keys), np.float64), []
    for _ in range(3):
        begun = time.perf_counter()
        jax.block_until_ready(program(keys))
        seconds.append((time.perf_counter() - begun) / epochs)
    return errors, float(np.median(seconds))


def gradient_errors(dataset: Dataset, key: Key) -> np.ndarray:
    """Return the error of the mean gradient of 1, 4, ... samples over that of one sample.

    Drawn with replacement from all training examples, whose mean gradient is the true one.
    """
    network = jaxnet.mlp((64, 30, 10), input_scale=dataset.input_scale)
    inputs, labels = map(jnp.asarray, dataset.train)

    def risk(params: Any, x: Array, v: Array) -> Array:
        return jaxnet.losses.softmax_cross_entropy(
            network.apply(params, ((),) * 4, x[None])[0], v[None]
        )[0]

    @jax.jit
    def measure(key: Key) -> Array:
        params, _ = network.init(key, (64,))
        each = jax.vmap(jax.grad(risk), (None, 0, 0))(params, inputs, labels)
        flat = jnp.concatenate([leaf.reshape(len(inputs), -1) for leaf in jax.tree.leaves(each)], 1)
        away = flat - flat.mean(axis=0)

        def error(size: int) -> Array:
            drawn = jax.random.randint(jax.random.fold_in(key, size), (100, size), 0, len(away))
            means = jax.lax.map(lambda rows: away[rows].mean(axis=0), drawn)
            return jnp.sqrt(jnp.mean(jnp.sum(means**2, axis=1)))

        return jnp.stack([error(size) for size in SIZES])

    errors = np.asarray(measure(key))
    return errors / errors[0]


INCREMENT = 1e-6
"""Learning rate so small that adjustments add up: 1,438 of them are far below 2 / lambda_max."""


class Adjustment(NamedTuple):
    """What a pass of sample steps does beside one full-batch step, at the same learning rate.

    Attributes:
        outputs: size of the change of all training outputs, over that of the full-batch step.
        loss: drop of the training loss, over that of the full-batch step.
        apart: distance of the outputs from those of a full-batch step at as many times the rate as
            there are samples, over the size of the change.
        samples: steps of the pass.
    """

    outputs: float
    loss: float
    apart: float
    samples: int


def adjust(dataset: Dataset, key: Key, rate: float = INCREMENT) -> Adjustment:
    """Take one step for each sample, and one for all; in float64, for the changes are small."""
    with jax.enable_x64(True):
        network = jaxnet.mlp((64, 30, 10), input_scale=dataset.input_scale)
        inputs, labels = (
            jnp.asarray(dataset.train.inputs, float),
            jnp.asarray(dataset.train.targets),
        )
        params, statistics = network.init(key, (64,))
        start = jax.tree.map(lambda leaf: leaf.astype(float), params)

        def respond(params: Any, x: Array) -> Array:
            return network.apply(params, statistics, x)[0]

        def risk(params: Any, x: Array, v: Array) -> Array:
            return jnp.mean(jaxnet.losses.softmax_cross_entropy(respond(params, x), v))

        def step(params: Any, x: Array, v: Array, rate: float) -> Any:
            return jax.tree.map(lambda w, g: w - rate * g, params, jax.grad(risk)(params, x, v))

        def one(params: Any, sample: tuple[Array, Array]) -> tuple[Any, None]:
            return step(params, *sample, rate), None

        n = len(labels)
        passed, _ = jax.lax.scan(one, start, (inputs[:, None], labels[:, None]))
        ends = (start, passed, *(step(start, inputs, labels, many * rate) for many in (1, n)))
        outputs = [np.asarray(respond(params, inputs)) for params in ends]
        losses = [float(risk(params, inputs, labels)) for params in ends]
    moved = [np.linalg.norm(each - outputs[0]) for each in outputs]
    drop = (losses[0] - losses[1]) / (losses[0] - losses[2])
    apart = np.linalg.norm(outputs[1] - outputs[3]) / moved[1]
    return Adjustment(float(moved[1] / moved[2]), drop, float(apart), n)
