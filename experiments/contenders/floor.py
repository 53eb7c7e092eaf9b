"""Lower bound: the same number of floating-point operations in large matrix products."""

from collections.abc import Callable

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
