"""Norms and dead units by layer: by hand, by autodiff, by training of dead units."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.data import Examples
from jaxnet.functions.activations import Activation, VectorActivation
from jaxnet.inspection import (
    activation_norms,
    dead_fraction,
    dead_units,
    flat_fractions,
    gradient_norms,
    tape,
)
from jaxnet.layers import Dense, activation, batch_norm, dense, rescale, serial
from tests.inspection.instruments.regressions import Here, classifier, measured, risk_by_loop


def length(tree: Any) -> float:
    """Return the Euclidean norm of all numbers of a tree."""
    leaves = [np.asarray(leaf, np.float64) for leaf in jax.tree.leaves(tree)]
    return float(np.sqrt(sum(np.sum(leaf**2) for leaf in leaves)))


NETWORK = (serial(dense(4), activation("relu")), batch_norm(), dense(3))


def test_gradient_norms_add_up_to_the_whole_gradient(dtype: np.dtype) -> None:
    here = classifier(*NETWORK)
    found = gradient_norms(*here)
    assert list(found) == ["z1", "y1'", "z2"]
    gradient = jax.jit(jax.grad(risk_by_loop(here)))(here.params)
    total = sum(float(norms.l2) ** 2 for norms in found.values())
    assert total == pytest.approx(length(gradient) ** 2, rel=1e-5)
    assert float(found["z1"].l2) == pytest.approx(length(gradient[0][0]), rel=1e-5)
    assert float(found["z1"].rms) == pytest.approx(float(found["z1"].l2) / 4, rel=1e-6)  # 16


def test_gradient_norms_are_those_of_the_tape() -> None:
    here = classifier()
    record = tape(here.objective.network, here.params, here.statistics, *here.examples)
    found = measured(gradient_norms, here)
    for entry in record.entries:
        symbol = entry.symbols[0]
        expected = length(entry.dparams)
        assert (symbol in found) == (expected > 0)
        if symbol in found:
            assert float(found[symbol].l2) == pytest.approx(expected, rel=1e-5)


def test_activation_norms_do_not_depend_on_the_chunks() -> None:
    here = classifier(*NETWORK, n=1003)  # one chunk of 1,000, and three examples
    record = tape(here.objective.network, here.params, here.statistics, *here.examples)
    found = activation_norms(*here)
    assert list(found) == ["z1", "y1", "y1'", "z2"]
    for entry in record.entries:
        y = np.asarray(entry.y, float)
        norms = found[entry.symbols[0]]
        assert float(norms.l2) == pytest.approx(np.sqrt(np.mean((y**2).sum(axis=1))), rel=1e-5)
        assert float(norms.rms) == pytest.approx(np.sqrt(np.mean(y**2)), rel=1e-5)


@pytest.mark.parametrize("unit", [1e-30, 1e-22, 1.0, 1e21, 1e30])
def test_norms_beyond_the_range_of_squares(unit: float) -> None:
    network, n = serial(dense(4), dense(3)), 1003
    objective = jaxnet.training.make_objective(network, lambda y, t: jnp.sum(y * t, axis=1))
    first = np.full((4, 3), unit, np.float32), np.zeros(4, np.float32)
    second = np.ones((3, 4), np.float32), np.zeros(3, np.float32)
    params = Dense(*map(jnp.asarray, first)), Dense(*map(jnp.asarray, second))
    x = np.random.default_rng(2).normal(size=(n, 3)).astype(np.float32)
    examples = Examples(jnp.asarray(x), jnp.asarray(np.full((n, 3), unit, np.float32)))
    here = Here(objective, params, ((), ()), examples)
    z1 = (x.astype(float) @ np.ones((3, 4))) * unit
    found = measured(activation_norms, here)["z1"]
    expected = np.sqrt(np.mean((z1**2).sum(axis=1)))
    assert float(found.l2) / unit == pytest.approx(expected / unit, rel=1e-5)
    assert float(found.rms) / unit == pytest.approx(expected / unit / 2, rel=1e-5)
    # dL/db_1 = unit (3, 3, 3, 3), dL/dW_1 = 3 unit mean(x) in each row
    gradient = measured(gradient_norms, here)["z1"]
    mean = x.astype(float).mean(axis=0)
    expected = 3 * np.sqrt(4 + 4 * mean @ mean)
    assert float(gradient.l2) / unit == pytest.approx(expected, rel=1e-5)


def with_a_dead_unit(kind: str = "relu") -> Here:
    """Return 3-4-3 whose units are off at all, some, none of the examples, and at z = 0."""
    here = classifier(rescale(1.0), dense(4), activation(kind), dense(3), n=1003)
    weights = np.zeros((4, 3))
    weights[1, 0] = 1.0
    first = Dense(jnp.array(weights.tolist()), jnp.array([-1.0, 0.0, 1.0, 0.0]))
    return here._replace(params=((), first, (), here.params[3]))


def test_dead_units_by_hand(dtype: np.dtype) -> None:
    here = with_a_dead_unit()
    off = float(np.mean(np.asarray(here.examples.inputs)[:, 0] <= 0))
    assert 0 < off < 1
    (symbol, fractions), *others = flat_fractions(*here).items()
    assert (symbol, others) == ("y1", [])
    np.testing.assert_allclose(fractions, [1.0, off, 0.0, 1.0], rtol=1e-6)
    assert dead_units(*here)["y1"].tolist() == [True, False, False, True]
    assert float(dead_fraction(*here)) == 0.5


def test_no_gradient_reaches_a_dead_unit(dtype: np.dtype) -> None:
    here = with_a_dead_unit()
    gradient = jax.jit(jax.grad(risk_by_loop(here)))(here.params)[1]
    silent = np.all(np.asarray(gradient.weights) == 0, axis=1) & (np.asarray(gradient.bias) == 0)
    assert silent.tolist() == measured(dead_units, here)["y1"].tolist()


_SLOPES = {
    "tanh": lambda z: 1 - np.tanh(z) ** 2,
    "sigmoid": lambda z: np.exp(-z) / (1 + np.exp(-z)) ** 2,
    "leaky_relu": lambda z: np.where(z > 0, 1.0, 0.01),
}


@pytest.mark.parametrize(
    ("kind", "slope", "expected"),
    [
        # the units see z = -1, x, 1, 0 before the factor of 6
        ("tanh", 0.01, [1.0, None, 1.0, 0.0]),
        ("sigmoid", 0.01, [1.0, None, 1.0, 0.0]),
        ("leaky_relu", 0.0, [0.0, 0.0, 0.0, 0.0]),
        ("leaky_relu", 0.01, [1.0, None, 0.0, 1.0]),
        ("step", 0.0, [1.0, 1.0, 1.0, 1.0]),
    ],
)
def test_saturation(dtype: np.dtype, kind: str, slope: float, expected: list[float | None]) -> None:
    here = with_a_dead_unit(kind)
    first = jax.tree.map(lambda leaf: 6 * np.asarray(leaf), here.params[1])
    here = here._replace(params=((), first, (), here.params[3]))
    limit = jnp.asarray(slope, dtype)
    found = np.asarray(jax.jit(functools.partial(flat_fractions, *here))(slope=limit)["y1"])
    x = 6 * np.asarray(here.examples.inputs, np.float64)[:, 0]
    for value, known in zip(found, expected, strict=True):
        if known is None:  # rounding may move one example across the limit
            flat = np.mean(np.abs(_SLOPES[kind](x)) <= slope)
            assert 0 < flat < 1
            assert abs(value - flat) <= 1 / len(x)
        else:
            assert value == known


def test_a_softmax_is_left_out() -> None:
    here = classifier(dense(3), activation("softmax"), loss="categorical_cross_entropy")
    assert flat_fractions(*here) == {}
    assert float(dead_fraction(*here)) == 0.0


def coupled(function: Callable[..., jax.Array]) -> Activation:
    """Return a vector activation, marked as one."""
    return VectorActivation(function, lambda z, y, dy: jax.vjp(function, z)[1](dy)[0])


def test_activations_marked_as_coupled_are_left_out() -> None:
    flipped = coupled(lambda z: z * jax.nn.sigmoid(jnp.flip(z, -1)))
    here = classifier(dense(5), activation(flipped), dense(3))
    assert flat_fractions(*here) == {}
    assert float(dead_fraction(*here)) == 0.0


def softmax(z: jax.Array) -> jax.Array:
    """Return the rectified input, under the name of a vector function."""
    return jnp.maximum(z, 0)


ENTRYWISE = {
    "named otherwise": softmax,
    "square root": lambda z: jnp.sqrt(z),
    "logarithm": lambda z: jnp.log(z),
    "shrink": lambda z: jnp.where(jnp.abs(z) > 0.5, z, jnp.zeros_like(z)),
    "step": lambda z: jnp.sign(z),
    "of its rank": lambda z: jax.vmap(jnp.tanh)(z),
}


@pytest.mark.parametrize("function", ENTRYWISE.values(), ids=ENTRYWISE)
@pytest.mark.parametrize("width", [1, 5])
def test_functions_of_one_number_have_slopes_whatever_their_name(function: Any, width: int) -> None:
    here = classifier(dense(width), activation(function), dense(3))
    (fractions,) = measured(flat_fractions, here).values()
    first = jax.tree.map(np.asarray, here.params[0])
    z = np.asarray(here.examples.inputs) @ first.weights.T + first.bias
    slopes = jax.jit(jax.vmap(jax.vmap(jax.grad(lambda v: function(v[None])[0]))))(z)
    np.testing.assert_allclose(fractions, np.mean(np.asarray(slopes) == 0, axis=0), rtol=1e-6)


def test_activations_with_traced_settings() -> None:
    here = classifier(dense(5), activation("relu"), dense(3))

    @jax.jit
    def found(slope: jax.Array) -> Any:
        layers = (
            activation("leaky_relu", negative_slope=slope),
            activation(coupled(lambda z: z - slope * jnp.sum(z, axis=-1, keepdims=True))),
        )
        fractions = []
        for layer in layers:
            objective = jaxnet.training.make_objective(serial(dense(5), layer, dense(3)))
            fractions.append(flat_fractions(objective, *here[1:]))
        return fractions

    for slope in (0.0, 0.5):
        leaky, vector = found(jnp.float32(slope))
        assert list(leaky) == ["y1"]
        assert vector == {}
        assert np.any(leaky["y1"]) == (slope == 0)


def test_instruments_of_units_are_compiled_into_a_program(dtype: np.dtype) -> None:
    objective, *rest = with_a_dead_unit()
    assert float(jax.jit(functools.partial(dead_fraction, objective))(*rest)) == 0.5
    norms = jax.jit(functools.partial(gradient_norms, objective))(*rest)
    assert float(norms["z1"].l2) == pytest.approx(
        float(gradient_norms(objective, *rest)["z1"].l2), rel=1e-5
    )


def test_mistakes() -> None:
    here = classifier()
    with pytest.raises(ValueError, match="expected slope finite and in"):
        flat_fractions(*here, slope=-0.1)
    short = Examples(here.examples.inputs, here.examples.targets[:-1])
    for instrument in (gradient_norms, activation_norms, dead_units, dead_fraction):
        with pytest.raises(ValueError, match="to pair each of one or more inputs with a target"):
            instrument(*here._replace(examples=short))


def test_pixels_of_one_byte_pass(dtype: np.dtype) -> None:
    network = jaxnet.mlp((3, 2), input_scale=1 / 255)
    params, statistics = network.init(jax.random.key(0), (3,))
    objective = jaxnet.training.make_objective(network, "softmax_cross_entropy")
    examples = Examples(np.full((4, 3), 255, np.uint8), np.zeros(4, np.int32))
    found = activation_norms(objective, params, statistics, examples)
    assert float(found["y0"].rms) == pytest.approx(1.0)


def test_nan_is_not_hidden_by_infinity() -> None:
    inputs = np.ones((1200, 2), np.result_type(float, np.float32))
    network = serial(activation("relu"), rescale(1.0))
    x = inputs.copy()
    x[0, 0], x[-1, 0] = np.inf, np.nan
    norms = jax.jit(
        lambda x: activation_norms(
            jaxnet.training.make_objective(network, "squared_error"),
            ((), ()),
            ((), ()),
            Examples(x, x),
        )
    )(x)
    assert all(np.isnan(norm.l2) for norm in norms.values())
