"""Sums over chunks: each example counts once, however they divide."""

from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.training.loop.batched_sum import batched_map, batched_sum


@pytest.mark.parametrize("chunk", [1, 3, 5, 6, 100])
def test_each_example_counts_once(dtype: np.dtype, chunk: int) -> None:
    values = jnp.asarray(2.0 ** np.arange(6), dtype)
    keys = jax.random.split(jax.random.key(0), 6)

    def sums(part):
        numbers, own = part
        return {"sum": numbers.sum(), "keys": jax.vmap(jax.random.bits)(own).sum()}

    found = jax.jit(lambda examples: batched_sum(sums, examples, chunk=chunk))((values, keys))
    assert float(found["sum"]) == 63.0
    assert int(found["keys"]) == int(jax.vmap(jax.random.bits)(keys).sum())


@pytest.mark.parametrize("over", [batched_sum, batched_map])
def test_what_fits_into_a_chunk_is_traced_once(over: Callable[..., jax.Array]) -> None:
    sizes: list[int] = []

    def double(part: jax.Array) -> jax.Array:
        sizes.append(len(part))
        return 2 * part

    np.testing.assert_array_equal(over(double, jnp.arange(4.0), chunk=4), 2 * np.arange(4))
    assert sizes == [4]
