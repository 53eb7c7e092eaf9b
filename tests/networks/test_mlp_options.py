"""The options of `jaxnet.mlp`: resulting layers, and errors."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Layer
from tests.comparison import assert_trees_close


def kinds(network: Layer) -> list[str]:
    """Return what a network is made of, activations by their names."""
    descriptions = [part.description for part in network.description.parts]
    return [str(d.settings.get("function", d.kind)) for d in descriptions]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({}, "dense relu dense relu dense"),
        ({"batch_norm": "before"}, "dense batch_norm relu dense batch_norm relu dense"),
        ({"batch_norm": "after"}, "dense relu batch_norm dense relu batch_norm dense"),
        ({"drop_rate": 0.5}, "dense relu dropout dense relu dropout dense"),
        ({"drop_rate": (0.0, 0.5)}, "dense relu dense relu dropout dense"),
        ({"input_drop_rate": 0.2}, "dropout dense relu dense relu dense"),
        (
            {"batch_norm": "after", "drop_rate": 0.5, "input_drop_rate": 0.2, "input_scale": 0.1},
            "rescale dropout dense relu batch_norm dropout dense relu batch_norm dropout dense",
        ),
        (
            {"input_noise": 0.1, "input_scale": 0.1, "input_drop_rate": 0.2},
            "rescale gaussian_noise dropout dense relu dense relu dense",
        ),
        (
            {"active_units": (3, 2), "batch_norm": "after", "drop_rate": 0.5},
            "dense relu batch_norm active_units dropout dense relu batch_norm active_units dropout "
            "dense",
        ),
        ({"standardize_like": np.eye(5)}, "standardize dense relu dense relu dense"),
        ({"activation": "gelu"}, "dense gelu dense gelu dense"),
        ({"head": "multiclass"}, "dense relu dense relu dense serial"),
    ],
)
def test_layers_stand_in_order(options: dict[str, Any], expected: str) -> None:
    assert kinds(jaxnet.mlp((5, 7, 4, 3), **options)) == expected.split()


def test_a_bounded_head_bounds_the_outputs() -> None:
    head = jaxnet.networks.get_head("bounded_regression", low=-2.0, high=5.0)
    network = jaxnet.mlp((3, 4, 1), activation="linear", head=head)
    params, statistics = network.init(jax.random.key(0), (3,))
    x = 1e4 * jax.random.normal(jax.random.key(1), (50, 3))
    y, _ = network.apply(params, statistics, x)
    assert float(y.min()) == pytest.approx(-2, abs=1e-5)
    assert float(y.max()) == pytest.approx(5, abs=1e-5)


def test_standardized_inputs_come_out_the_same_in_any_unit(dtype: np.dtype) -> None:
    rng = np.random.default_rng(0)
    metres = rng.normal(1.7, 0.1, size=(50, 3))

    def outputs(factor: float) -> jax.Array:
        inputs = factor * metres
        network = jaxnet.mlp((3, 4, 2), standardize_like=inputs)
        params, statistics = network.init(jax.random.key(0), (3,))
        return network.apply(params, statistics, jnp.asarray(inputs, dtype))[0]

    # the inputs lose log10(1.7 / 0.1) digits when their mean is taken off
    bound = 1e-5 if dtype == np.float32 else 1e-13
    np.testing.assert_allclose(outputs(1.0), outputs(100.0), rtol=10 * bound, atol=bound)


def test_a_drop_rate_can_be_swept_over() -> None:
    def kept(rate: jax.Array) -> jax.Array:
        network = jaxnet.mlp((3, 200, 1), drop_rate=rate)
        params, statistics = network.init(jax.random.key(0), (3,))
        _, residual, _ = network.forward(
            params, statistics, jnp.ones((5, 3)), key=jax.random.key(1), training=True
        )
        return residual[2].mask.mean()

    shares = jax.jit(jax.vmap(kept))(jnp.array([0.0, 0.2, 0.9]))
    np.testing.assert_allclose(shares, [1.0, 0.8, 0.1], atol=0.05)


def test_evaluation_is_the_network_without_dropout(dtype: np.dtype) -> None:
    plain, dropped = (jaxnet.mlp((3, 4, 2), drop_rate=rate) for rate in (0.0, 0.5))
    params, statistics = plain.init(jax.random.key(0), (3,))
    x = jnp.ones((2, 3), dtype)
    expected, _ = plain.apply(params, statistics, x)
    with_dropout = (*params[:2], (), params[2])
    actual, _ = dropped.apply(with_dropout, ((), (), (), ()), x)
    assert_trees_close(actual, expected)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (
            {"batch_norm": "between"},
            r"expected batch_norm to be one of after, before, got 'between'",
        ),
        ({"batch_norm_convention": "mine"}, "like to be one of flax, keras, lecture, torch"),
        (
            {"drop_rate": (0.5, 0.5, 0.5)},
            r"expected drop_rate to hold 2, one a hidden layer, got \(0.5, 0.5, 0.5\)\.",
        ),
        ({"drop_rate": 1.0}, r"expected drop_rate finite and in \[0, 1\), got 1.0"),
        ({"input_drop_rate": -0.1}, r"drop_rate finite and in \[0, 1\), got -0.1"),
        (
            {"input_scale": 0.1, "standardize_like": np.eye(5)},
            r"expected input_scale without standardize_like, which undoes any scale, got both\.",
        ),
        ({"head": "binery"}, r"to be one of .*binary.*, got 'binery'\. Did you mean 'binary'\?"),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_errors(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        jaxnet.mlp((5, 7, 4, 3), **options)
