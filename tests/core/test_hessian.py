"""Products with the Hessian: by hand, and against the dense matrix."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.hessian import hessian_product
from tests.comparison import assert_trees_close


def test_products_of_a_cubic_by_hand(dtype: np.dtype) -> None:
    at = {"a": jnp.asarray(3.0), "b": jnp.asarray(2.0)}
    product = hessian_product(lambda v: v["a"] ** 2 * v["b"], at)
    found = jax.jit(product)(
        {"a": jnp.asarray(1.0), "b": jnp.asarray(10.0)}
    )  # H = [[2 b, 2 a], [2 a, 0]]
    assert (float(found["a"]), float(found["b"])) == (64.0, 6.0)


def test_products_are_those_of_the_dense_matrix(dtype: np.dtype) -> None:
    def function(x: jax.Array) -> jax.Array:
        return jnp.sum(jnp.sin(x[:, None] * x[None]))

    x, v = jax.random.normal(jax.random.key(0), (2, 4), dtype)
    expected = np.asarray(jax.jit(jax.hessian(function))(x), float) @ np.asarray(v, float)
    found = jax.jit(lambda x, v: hessian_product(function, x)(v))(x, v)
    assert_trees_close(found, expected.astype(dtype))


def test_the_matrix_is_symmetric(dtype: np.dtype) -> None:
    x, v, w = jax.random.normal(jax.random.key(1), (3, 5), dtype)
    product = jax.jit(hessian_product(lambda x: jnp.prod(jnp.cosh(x)), x))
    along_v, along_w = np.asarray(product(v)), np.asarray(product(w))
    np.testing.assert_allclose(np.asarray(w) @ along_v, np.asarray(v) @ along_w, rtol=1e-4)
