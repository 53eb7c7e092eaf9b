"""The layer that makes a row of each example."""

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.layers import activation, dense, flatten, serial
from tests.law import passed


def test_an_image_becomes_a_row_and_its_gradient_an_image(dtype: np.dtype) -> None:
    x = jnp.arange(12, dtype=dtype).reshape(2, 2, 3)
    dy = 10 * jnp.arange(12, dtype=dtype).reshape(2, 6)
    y, (_, dx) = passed(flatten(), (), (), x, dy)
    np.testing.assert_array_equal(y, np.arange(12).reshape(2, 6))
    np.testing.assert_array_equal(dx, 10 * np.arange(12).reshape(2, 2, 3))


def test_the_network_of_the_lecture_has_its_shapes() -> None:
    # lecture 002, torch.nn.Sequential: Flatten, Linear(28 * 28, 100), Tanh, Linear(100, 10)
    network = serial(flatten(), dense(100), activation("tanh"), dense(10))
    params, _ = network.init(jax.random.key(0), (28, 28))
    shapes = [leaf.shape for leaf in jax.tree.leaves(params)]
    assert shapes == [(100, 784), (100,), (10, 100), (10,)]
    assert network.out_shape((28, 28)) == (10,)
