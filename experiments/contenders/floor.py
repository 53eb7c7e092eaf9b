"""Lower bounds: the matrix products alone, as large ones or in the workload's shapes."""

import itertools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp

from experiments.contenders.workload import Workload

SIZE = 768


def matrix_products(workload: Workload) -> Callable[[], float]:
    """Multiply large square matrices until the operations of the workload's epoch are done.

    The time of training if it were matrix products only, at the speed of large ones.
    """
    products = max(1, round(workload.flops() / (2 * SIZE**3)))
    matrix = jnp.full((SIZE, SIZE), 1 / SIZE, jnp.float32)

    @jax.jit
    def multiply(matrix: jax.Array) -> jax.Array:
        return jax.lax.fori_loop(0, products, lambda _, product: product @ matrix, matrix)

    def epoch() -> float:
        jax.block_until_ready(multiply(matrix))
        return 0.0  # it learns nothing

    return epoch


def same_shapes(workload: Workload) -> Callable[[], float]:
    """Multiply matrices in the shapes of the workload's steps and of its evaluation."""
    function, arguments = products(workload)
    program = jax.jit(function)

    def epoch() -> float:
        jax.block_until_ready(program(*arguments))
        return 0.0  # it learns nothing

    return epoch


def products(workload: Workload) -> tuple[Callable[..., jax.Array], tuple[Any, ...]]:
    """Return a function that computes the products of an epoch, and its arguments.

    Each product takes the one before it, so that none can be left out; all are 0, so that none
    overflows.
    """
    size, inputs = workload.batch_size, workload.widths[0]
    steps = max(1, round(len(workload.train.targets) / size))
    weights = [jnp.zeros(pair, jnp.float32) for pair in itertools.pairwise(workload.widths)]
    batch, test = (jnp.zeros((n, inputs), jnp.float32) for n in (size, len(workload.test.targets)))

    def forward(weights: list[jax.Array], x: jax.Array) -> list[jax.Array]:
        return list(itertools.accumulate(weights, jnp.matmul, initial=x))

    def multiply(weights: list[jax.Array], batch: jax.Array, test: jax.Array) -> jax.Array:
        def step(_: Any, weights: list[jax.Array]) -> list[jax.Array]:
            *inputs, dz = forward(weights, batch)
            gradients = []
            for place in reversed(range(len(weights))):
                gradients.append(inputs[place].T @ dz)
                dz = dz @ weights[place].T if place else dz
            return gradients[::-1]

        return forward(jax.lax.fori_loop(0, steps, step, weights), test)[-1]

    return multiply, (weights, batch, test)
