"""Newton's method on a quadratic, and second-order methods on a small least squares problem."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxnet
from experiments.harness.progress import progress
from experiments.harness.record import growing
from jaxnet import optim
from jaxnet.core.types import Array, Key

CURVATURES = np.geomspace(1e-3, 1.0, 10)
"""Of the quadratic: its condition number is 1,000."""
GRADIENT, ADAM, LBFGS = "gradient descent", "Adam", "L-BFGS"
NEWTON, LEVENBERG = "Newton", "Levenberg-Marquardt"
RACERS: dict[str, tuple[Callable[[Any], Any], tuple[float, ...]]] = {
    GRADIENT: (optim.sgd, (0.03, 0.1, 0.2, 0.3, 0.5)),
    ADAM: (optim.adam, (0.003, 0.01, 0.03, 0.1, 0.3)),
    NEWTON: (lambda rate: optim.newton(rate, linesearch=optim.backtracking()), (1.0,)),
    LEVENBERG: (optim.levenberg_marquardt, (1.0,)),
    LBFGS: (optim.lbfgs, (1.0,)),
}
"""Name -> optimizer by rate, and its rates, of which the best counts."""
NETWORK = jaxnet.mlp((1, 6, 1), activation="tanh")
POINTS = 40
TARGET = 1e-3
"""Part of the variance of the targets that is left."""


def newton_step(optimizer: Any = None) -> float:
    """Return the gap after one step on a quadratic over that before; Newton's by default."""
    curvatures = jnp.asarray(CURVATURES)

    def risk(w: Array) -> Array:
        return jnp.sum(curvatures * (w - 1) ** 2) / 2

    chosen, w = optim.newton() if optimizer is None else optimizer, jnp.zeros(len(CURVATURES))
    value, slope = jax.value_and_grad(risk)(w)
    extra = optax.with_extra_args_support(chosen)
    change, _ = extra.update(slope, extra.init(w), w, value=value, value_fn=risk)
    return float(risk(jnp.add(w, jnp.asarray(change))) / value)


def curve() -> tuple[Array, Array]:
    """Return points of a sine, and its values shifted and scaled to mean 0 and variance 1."""
    x = jnp.linspace(-1, 1, POINTS)
    y = jnp.sin(4 * x)
    return x[:, None], (y - y.mean()) / y.std()


def run_race(key: Key, *, seeds: int, iterations: int) -> dict[str, np.ndarray]:
    """Return the risk before each iteration, full batch, shape (rates, seeds, iterations).

    Newton's method and Levenberg-Marquardt have a tenth of the iterations.
    """
    x, targets = curve()
    starts, statistics = jax.vmap(lambda key: NETWORK.init(key, (1,)))(jax.random.split(key, seeds))

    def outputs(params: Any) -> Array:
        return NETWORK.apply(params, jax.tree.map(lambda leaf: leaf[0], statistics), x)[0]

    def loss(y: Array) -> Array:
        return jnp.mean(jaxnet.losses.squared_error(y, targets))

    def risk(params: Any) -> Array:
        return loss(outputs(params))

    def descend(make: Any, steps: int, rate: Array, params: Any) -> Array:
        optimizer = optax.with_extra_args_support(make(rate))

        def step(carry: Any, _: None) -> tuple[Any, Array]:
            params, state = carry
            value, slope = jax.value_and_grad(risk)(params)
            extra = {"value": value, "value_fn": risk, "outputs_fn": outputs, "loss_fn": loss}
            change, state = optimizer.update(slope, state, params, **extra)
            return (jax.tree.map(jnp.add, params, change), state), value

        return jax.lax.scan(step, (params, optimizer.init(params)), length=steps)[1]

    found, ends = {}, growing("race", {})
    for name, (make, rates) in progress("optimizers", RACERS.items()):
        steps = iterations // 10 if name in (NEWTON, LEVENBERG) else iterations
        each = functools.partial(descend, make, steps)
        every = jax.jit(jax.vmap(jax.vmap(each, (None, 0)), (0, None)))
        found[name] = np.asarray(every(jnp.array(rates), starts), float)
        ends[name] = reached(found[name], iterations)
    return found


def iterations_of(risks: np.ndarray, most: int) -> np.ndarray:
    """Return iterations to the target, ``most`` where a run does not reach it.

    Args:
        risks: shape (rates, seeds, iterations).
        most: iterations of the longest race.
    """
    below = risks <= TARGET
    return np.where(below.any(axis=-1), below.argmax(axis=-1), most)


def best_rate(risks: np.ndarray, most: int) -> int:
    """Return the place of the rate whose iterations have the smallest geometric mean over seeds."""
    return int(np.mean(np.log(iterations_of(risks, most)), axis=1).argmin())


def reached(risks: np.ndarray, most: int) -> np.ndarray:
    """Return iterations to the target with the best rate, by seed."""
    return iterations_of(risks, most)[best_rate(risks, most)]
