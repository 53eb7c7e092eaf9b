"""Small data and networks whose training can be followed by hand."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet.core.types import Layer, layer_from_forward
from jaxnet.data import Examples


def blobs(n: int = 37, *, features: int = 3, classes: int = 3, seed: int = 0) -> Examples:
    """Return points around one centre a class."""
    generator = np.random.default_rng(seed)
    centres = 2 * generator.normal(size=(classes, features))
    labels = generator.integers(0, classes, n)
    points = centres[labels] + generator.normal(size=(n, features))
    return Examples(points.astype(np.result_type(float, np.float32)), labels.astype(np.int32))


@functools.cache  # what is compiled for it serves every test
def network() -> Layer:
    """Return a network for `blobs`."""
    return jaxnet.mlp((3, 5, 3), activation="tanh")


def tally(n: int) -> tuple[Layer, Examples]:
    """Return a network with a weight for each of ``n`` examples, and those examples.

    With the loss `minus` and plain gradient descent at rate 1, the weight of an example ends as
    the sum of the weights with which its gradient entered: it counts how often it was seen.
    """

    def init(key: jax.Array, in_shape: tuple[int, ...]) -> tuple[jax.Array, tuple[()]]:
        del key
        return jnp.zeros(in_shape), ()

    def forward(
        params: jax.Array, statistics: Any, x: jax.Array, *, key: Any, training: bool
    ) -> tuple[jax.Array, jax.Array, Any]:
        del key, training
        return (x @ params)[:, None], x, statistics

    def backward(params: jax.Array, residual: jax.Array, dy: jax.Array) -> Any:
        return dy[:, 0] @ residual, dy * params[None, :]

    layer = layer_from_forward(
        init=init, forward=forward, backward=backward, out_shape=lambda in_shape: (1,)
    )
    return layer, Examples(np.eye(n, dtype=np.float32), np.zeros(n, np.int32))


def minus(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Return ``-y`` an example."""
    del targets
    return -outputs[:, 0]
