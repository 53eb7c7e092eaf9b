"""Parameters and operations of a fully-connected network, by formula and counted."""

import itertools
from typing import Any

import jax
import jax.numpy as jnp

import jaxnet
from jaxnet.networks import count_neurons, count_parameters

INPUTS, OUTPUTS = 784, 10
WIDTHS, LAYERS = (25, 50, 100, 200), (1, 2, 3, 4, 6, 8)


def formula(widths: tuple[int, ...]) -> int:
    """Return ``(N + 1) W_1 + sum_l (W_l + 1) W_(l+1)``, of all widths with inputs and outputs.

    The number of parameters, and with the biases folded in, as on the slides, the number of
    multiply-adds of a forward pass for each example.

    >>> formula((784, 100, 100, 10))
    89610
    """
    return sum((n + 1) * m for n, m in itertools.pairwise(widths))


def counted(widths: tuple[int, ...]) -> tuple[int, int, int]:
    """Count the parameters, the operations of a forward pass, and the neurons of a network.

    Operations are those that XLA counts for one example, with linear activations: a multiplication
    and an addition for each weight, and an addition for each bias.
    """
    network = jaxnet.mlp(widths, activation="linear")
    params, statistics = jax.eval_shape(
        lambda key: network.init(key, widths[:1]), jax.random.key(0)
    )

    def forward(params: object, x: jax.Array) -> jax.Array:
        return network.apply(params, statistics, x)[0]

    cost: Any = jax.jit(forward).lower(params, jnp.ones((1, widths[0]))).cost_analysis()
    return count_parameters(params), round(cost["flops"]), count_neurons(network)


def shapes() -> list[tuple[int, ...]]:
    """Return the widths of all networks that are counted, the lecture's among them."""
    return [(INPUTS, *[w] * layers, OUTPUTS) for w in WIDTHS for layers in LAYERS]
