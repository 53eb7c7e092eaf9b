"""Perceptrons and the chain, trained."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet.data import Examples, random_order, synthetic
from jaxnet.networks import Chain, chain, chain_backward, perceptron_pass
from jaxnet.training import Recipe, fit, grid, init_state, sweep

X, Y = np.array([[10.0], [2.0], [3.5], [1.0]]), np.array([10.1, 1.9, 3.4, 1.1])
CYCLE = (-7.9, 27.5, -297.5, 1.1)
"""Weights after each of the lecture's points at rate 1, worked by hand, to a tenth."""
BEST = float(X[:, 0] @ Y / (X[:, 0] @ X[:, 0]))
SMALL = 0.5 / float(np.max(X**2))
"""Rate at which the largest input halves the distance; above 2 / max x^2 = 0.02 it grows."""
UNITS = (2, 8)
CORNERS = Examples(
    np.array([[-1.0, -1.0], [-1.0, 1.0], [1.0, -1.0], [1.0, 1.0]], np.float32),
    np.array([0, 1, 1, 0], np.int32),
)


def farthest() -> float:
    """Bound how far the small rate may end from the best weight, whatever the order.

    A pass shrinks the distance by ``prod_n (1 - rate x_n^2)``, and each sample moves it by
    ``rate |y_n - best x_n| x_n`` at most.
    """
    moves = SMALL * np.abs(Y - BEST * X[:, 0]) * X[:, 0]
    return float(moves.sum() / (1 - np.prod(1 - SMALL * X[:, 0] ** 2)))


def one_line(key: Any, rate: float, passes: int = 30) -> np.ndarray:
    """Return the weight after each sample, shape (passes, 4); the order is drawn by the key."""
    w, rows = jnp.zeros(1), []
    x, y = jnp.asarray(X, w.dtype), jnp.asarray(Y, w.dtype)
    for index in range(passes):
        order = np.arange(4) if key is None else random_order(jax.random.fold_in(key, index), 4)
        path = _pass(w, x[order], y[order], learning_rate=rate)
        w = path[-1]
        rows.append(path[:, 0])
    return np.array(rows)


_pass = jax.jit(perceptron_pass, static_argnames="activation")


def two_inputs(key: Any, rate: float = 0.05) -> float:
    """Return how far two weights end from those that made 100 targets."""
    x = jax.random.normal(key, (100, 2))
    true, w = jnp.array([2.0, -1.0]), jnp.zeros(2)
    for _ in range(10):
        w = _pass(w, x, x @ true, learning_rate=rate)[-1]
    return float(jnp.abs(w - true).max())


def separate(key: Any, flipped: int = 0) -> float:
    """Return the mistakes of the step perceptron over Novikoff's bound ``(R / g)^2``.

    It stops after a pass without any, or above the bound, as it does if some labels are flipped.
    """
    true = jnp.array([0.6, 0.8, -0.3])  # the last weight is the bias, of an input of 1
    x = jnp.concatenate([jax.random.uniform(key, (400, 2), minval=-1.0), jnp.ones((400, 1))], 1)
    distance = x @ true / jnp.linalg.norm(true)
    x, distance = (each[np.abs(distance) > 0.1][:200] for each in (x, distance))
    bound = float(jnp.max(jnp.sum(x**2, axis=1)) / jnp.min(jnp.abs(distance)) ** 2)
    labels = ((distance > 0) ^ (jnp.arange(len(x)) < flipped)).astype(int)
    w, mistakes, new = jnp.zeros(3), 0, 1
    while new and mistakes <= bound:
        path = _pass(w, x, labels, activation="step")
        new = np.sum(np.any(np.diff(np.r_[w[None], path], axis=0) != 0, axis=1))
        w, mistakes = path[-1], mistakes + int(new)
    return mistakes / bound


def exclusive_or(key: Any, seeds: int, epochs: int, layers: int, activation: str = "tanh") -> Any:
    """Train networks of one or two layers on points around the corners."""

    def build(units: Any) -> Recipe:
        wide = jaxnet.mlp((2, max(UNITS), 1), activation=activation, active_units=units)
        network = jaxnet.mlp((2, 1)) if layers == 1 else wide
        loss = "sigmoid_binary_cross_entropy"
        return Recipe(network, jaxnet.optim.adam(0.02), loss=loss)

    return sweep(
        build,
        synthetic.xor(key, 200, noise=0.2),
        key=key,
        settings=grid(units=list(UNITS)),
        validation=CORNERS,
        seeds=seeds,
        epochs=epochs,
        batch_size=50,
        width="all",
    )


CHAINED, SGD = chain(), jaxnet.optim.sgd(0.5)
POINTS = Examples(np.linspace(-2, 2, 9)[:, None], 1 / (1 + np.exp(-np.linspace(-6, 6, 9)[:, None])))


def train_chain(key: Any, gradient: Any = chain_backward) -> float:
    """Return how far 50 steps by the written out gradient end from those of `fit`."""
    state = init_state(CHAINED, SGD, (1,), key=key)
    by_hand = _descend(_numbers(state.params), gradient)
    options = {"optimizer": SGD, "loss": "half_squared_error", "epochs": 50, "batch_size": 9}
    result = fit(CHAINED, POINTS, key=key, state=state, progress=False, **options)
    ends = zip(by_hand, _numbers(result.params), strict=True)
    return max(float(jnp.abs(one - other)) for one, other in ends)


@functools.partial(jax.jit, static_argnums=1)
def _descend(w: Chain, gradient: Any) -> Chain:
    x, v = (jnp.asarray(field[:, 0], w.w1.dtype) for field in POINTS)

    def step(w: Chain, _: Any) -> tuple[Chain, None]:
        slopes = jax.vmap(gradient, in_axes=(None, 0, 0))(w, x, v)
        return jax.tree.map(lambda w, dw: w - 0.5 * jnp.mean(dw), w, slopes), None

    return jax.lax.scan(step, w, length=50)[0]


def _numbers(params: Any) -> Chain:
    first, _, second, _, third, _ = params
    return Chain(*(array.ravel()[0] for array in (*first, second.weights, third.weights)))
