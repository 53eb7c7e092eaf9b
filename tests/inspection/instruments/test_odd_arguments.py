"""Invalid arguments of single instruments: errors that name them."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.errors import InputError
from tests.inspection.test_check_inputs import BATCHES, KEY, Call, broadcast, here, instruments

pytestmark = pytest.mark.usefixtures("no_type_checks")


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (
            lambda k: instruments.hessian_vector_product(*k, tuple(map(tuple, k.params))),
            "expected vector to be a tree like the parameters",
        ),
        (
            lambda k: instruments.hessian_vector_product(*k, broadcast(k.params)),
            r"expected vector to be .* got shape \(1,\) .* not \(4,\)",
        ),
        (
            lambda k: instruments.hessian_vector_product(
                *k, jax.tree.map(lambda w: w.astype(jnp.bfloat16), k.params)
            ),
            "expected vector to have the dtypes of the parameters",
        ),
        (
            lambda k: instruments.loss_line(*k, tuple(map(tuple, k.params))),
            "expected end to be a tree like the parameters",
        ),
        (
            lambda k: instruments.loss_plane(*k, (k.params,)),
            "expected directions to be two tr",
        ),
        (
            lambda k: instruments.loss_plane(*k, 3 * (k.params,)),
            "expected directions to be two",
        ),
        (
            lambda k: instruments.loss_plane(*k, None),
            "expected directions to be two trees",
        ),
        (
            lambda k: instruments.loss_line(*k, k.params, positions="all"),
            "expected positions to be an array of numbers, got 'all'",
        ),
        (
            lambda k: instruments.loss_line(*k, k.params, positions=[0.0, np.nan]),
            r"expected positions finite, got nan at index \(1,\)",
        ),
        (
            lambda k: instruments.loss_line(*k, k.params, positions=[[0.0], [1.0, 2.0]]),
            "expected positions to be an array of numbers, got",
        ),
        (
            lambda k: instruments.random_direction(0, k.params),
            "expected key to be one",
        ),
        (
            lambda k: instruments.random_direction(KEY, k.params, filter_normalized="no"),
            "expected filter_normalized to be a boolean",
        ),
        (
            lambda k: instruments.random_direction(KEY, {"w": jnp.arange(3)}),
            r"expected params\['w'\] to be floating-point, got int32",
        ),
        (
            lambda k: instruments.random_direction(KEY, {"w": "text"}),
            r"expected params\['w'\] to be an array, got a str",
        ),
        (
            lambda k: instruments.make_risk(k.objective.network, (), k.examples),
            "expected objec",
        ),
        (
            lambda k: instruments.map_gradients(None, *k),
            "expected function to be a function",
        ),
        (
            lambda k: instruments.map_batch_gradients(None, *k, **BATCHES),
            "expected function to be a function",
        ),
        (
            lambda k: instruments.measured_variance(*k, **BATCHES | {"replace": "no"}),
            "expected replace to be a boolean",
        ),
        (
            lambda k: instruments.flat_fractions(*k, slope=jnp.ones(2)),
            "expected slope to be a s",
        ),
        (
            lambda k: instruments.flat_fractions(*k, slope=jnp.float32(-1)),
            r"expected slope finite and in \[0, inf\), got",
        ),
        (
            lambda k: instruments.predicted_variance(np.ones(2, np.float32), np.array([1, 2, 3])),
            r"expected variance and batch_size to broadcast, got shapes \[\(2,\), \(3,\)\]",
        ),
        (
            lambda k: instruments.predicted_variance([1.0], 3),
            "expected variance to be a",
        ),
        (
            lambda k: instruments.two_batch_noise(jnp.ones(2), jnp.ones(3), small=1, large=2),
            "expected small_square and large_square to broadcast, got",
        ),
        (
            lambda k: instruments.make_risk(k.objective, (), tuple(k.examples)),
            "expected examples to be Examples",
        ),
        (
            lambda k: instruments.computation_graph(None, 1.0),
            "expected function to be a function",
        ),
        (
            lambda k: instruments.computation_graph(lambda x: x, 1.0, 2.0),
            "expected args to be those that the function takes, got too many",
        ),
        (
            lambda k: instruments.computation_graph(lambda x: x, 1.0, names=3),
            "expected names to be one for each argument, all different, got 3",
        ),
        *[
            (
                lambda k, draw=draw: getattr(instruments, draw)(k.objective.network),
                "^expected graph to be a Graph, got a Layer",
            )
            for draw in ("layout", "to_svg", "to_graphviz", "to_mermaid")
        ],
        (
            lambda k: instruments.dead_units(*k._replace(examples=None)),
            "expected examples",
        ),
    ],
)
def test_odd_arguments(call: Call, message: str) -> None:
    with pytest.raises(InputError, match=message):
        call(here())
