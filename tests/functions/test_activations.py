"""Activations against jax.nn and PyTorch, by hand, and by their properties."""

import functools
import math
import re
from collections.abc import Callable
from typing import Any

import hypothesis
import hypothesis.strategies as st
import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.functions.activations import (
    ACTIVATIONS,
    DERIVATIVES,
    elu,
    entrywise,
    get_activation,
    leaky_relu,
)
from tests.comparison import Tolerance, assert_trees_close
from tests.peers import need, peers

PEERS: dict[str, Callable[[Any], Any]] = {
    "linear": jax.nn.identity,
    "step": lambda z: np.heaviside(z, np.ones((), z.dtype)),
    "sign": np.sign,
    "sigmoid": jax.nn.sigmoid,
    "tanh": jax.nn.tanh,
    "relu": jax.nn.relu,
    "leaky_relu": jax.nn.leaky_relu,
    "elu": jax.nn.elu,
    "selu": jax.nn.selu,
    "softplus": lambda z: np.logaddexp(z, np.zeros((), z.dtype)),
    "silu": jax.nn.silu,
    "gelu": lambda z: jax.nn.gelu(z, approximate=False),
    "gelu_tanh": lambda z: jax.nn.gelu(z, approximate=True),
    "softmax": jax.nn.softmax,
    "log_softmax": jax.nn.log_softmax,
}

# By hand, at z = (-log 3, 0, log 3): e^z = (1/3, 1, 3).
LOG3 = math.log(3)
PHI = (1 + math.erf(LOG3 / math.sqrt(2))) / 2  # the normal distribution function at log 3
PEAK = math.exp(-(LOG3**2) / 2) / math.sqrt(2 * math.pi)  # and the density
TANH_U = math.tanh(math.sqrt(2 / math.pi) * (LOG3 + 0.044715 * LOG3**3))
SLOPE_U = math.sqrt(2 / math.pi) * (1 + 3 * 0.044715 * LOG3**2)
SELU_LEFT, SELU_RIGHT = 1.7580993408473766, 1.0507009873554805  # scale * alpha, scale
BY_HAND = {
    "linear": [-LOG3, 0.0, LOG3],
    "step": [0.0, 1.0, 1.0],
    "sign": [-1.0, 0.0, 1.0],
    "sigmoid": [1 / 4, 1 / 2, 3 / 4],  # 1 / (1 + 3), 1 / 2, 3 / 4
    "tanh": [-0.8, 0.0, 0.8],  # (9 - 1) / (9 + 1)
    "relu": [0.0, 0.0, LOG3],
    "leaky_relu": [-0.01 * LOG3, 0.0, LOG3],
    "elu": [-2 / 3, 0.0, LOG3],  # 1/3 - 1
    "selu": [-2 / 3 * SELU_LEFT, 0.0, LOG3 * SELU_RIGHT],
    "softplus": [math.log(4 / 3), math.log(2), math.log(4)],
    "silu": [-LOG3 / 4, 0.0, LOG3 * 3 / 4],
    "gelu": [-LOG3 * (1 - PHI), 0.0, LOG3 * PHI],
    "gelu_tanh": [-LOG3 / 2 * (1 - TANH_U), 0.0, LOG3 / 2 * (1 + TANH_U)],
    "softmax": [1 / 13, 3 / 13, 9 / 13],  # 1/3 + 1 + 3 = 13/3
    "log_softmax": [math.log(1 / 13), math.log(3 / 13), math.log(9 / 13)],
}
# The same with dy = (1, 2, 4): f'(-log 3), 2 f'(0), 4 f'(log 3).
GELU_BEND = LOG3 / 2 * (1 - TANH_U**2) * SLOPE_U
BACKWARD_BY_HAND = {
    "linear": [1.0, 2.0, 4.0],
    "step": [0.0, 0.0, 0.0],
    "sign": [0.0, 0.0, 0.0],
    "sigmoid": [3 / 16, 2 / 4, 4 * 3 / 16],
    "tanh": [0.36, 2.0, 4 * 0.36],
    "relu": [0.0, 0.0, 4.0],
    "leaky_relu": [0.01, 2 * 0.01, 4.0],
    "elu": [1 / 3, 2.0, 4.0],  # e^z to the left
    "selu": [SELU_LEFT / 3, 2 * SELU_LEFT, 4 * SELU_RIGHT],
    "softplus": [1 / 4, 2 / 2, 4 * 3 / 4],  # the sigmoid
    "silu": [1 / 4 - LOG3 * 3 / 16, 2 / 2, 4 * (3 / 4 + LOG3 * 3 / 16)],  # s + z s (1 - s)
    "gelu": [1 - PHI - LOG3 * PEAK, 2 / 2, 4 * (PHI + LOG3 * PEAK)],
    "gelu_tanh": [(1 - TANH_U) / 2 - GELU_BEND, 2 / 2, 4 * ((1 + TANH_U) / 2 + GELU_BEND)],
    "softmax": [-30 / 169, -51 / 169, 81 / 169],  # <y, dy> = 43/13; y (dy - 43/13)
    "log_softmax": [6 / 13, 5 / 13, -11 / 13],  # dy - 7 (1, 3, 9) / 13
}

names = pytest.mark.parametrize("name", sorted(ACTIVATIONS))


@functools.partial(jax.jit, static_argnums=0)
def both(pair: Any, z: jax.Array, dy: jax.Array) -> tuple[jax.Array, jax.Array]:
    """Return an activation and its rule as one program."""
    y = pair.function(z)
    return y, pair.backward(z, y, dy)


def _inputs(dtype: np.dtype) -> jax.Array:
    """Draw numbers from about -12 to 12, and one 0: where kinks are."""
    z = 4 * np.random.default_rng(0).normal(size=(5, 7))
    z[0, 0] = 0.0
    return jnp.asarray(z, dtype)


@names
def test_function_equals_its_peer(name: str, dtype: np.dtype) -> None:
    z = _inputs(dtype)
    with jax.numpy_dtype_promotion("standard"):
        peer = PEERS[name]
        expected = np.asarray(jax.jit(peer)(z) if peer.__module__.startswith("jax") else peer(z))
    assert_trees_close(ACTIVATIONS[name](z), expected)


@peers
@names
def test_function_and_backward_equal_torch(name: str, dtype: np.dtype) -> None:
    torch = need("torch")
    functional = torch.nn.functional
    others = {
        "linear": torch.clone,
        "step": lambda z: (z >= 0).to(z.dtype) + 0 * z,
        "sign": torch.sign,
        "gelu_tanh": lambda z: functional.gelu(z, approximate="tanh"),
        "softmax": lambda z: functional.softmax(z, -1),
        "log_softmax": lambda z: functional.log_softmax(z, -1),
    }
    z, dy = _inputs(dtype), _inputs(dtype)[::-1]
    peer_z = torch.tensor(np.asarray(z), requires_grad=True)
    peer_y = (others[name] if name in others else getattr(functional, name))(peer_z)
    peer_y.backward(torch.tensor(np.asarray(dy)))
    pair = get_activation(name)
    y = pair.function(z)
    assert_trees_close(y, peer_y.detach().numpy())
    assert_trees_close(pair.backward(z, y, dy), peer_z.grad.numpy())


@names
def test_values_worked_by_hand(name: str, dtype: np.dtype) -> None:
    z = jnp.array([-LOG3, 0.0, LOG3], dtype)
    y, dz = both(get_activation(name), z, jnp.array([1.0, 2.0, 4.0], dtype))
    assert_trees_close(y, np.array(BY_HAND[name], dtype))
    assert_trees_close(dz, np.array(BACKWARD_BY_HAND[name], dtype))


@pytest.mark.parametrize("name", sorted(DERIVATIVES))
def test_derivative_equals_central_differences(name: str, float64: np.dtype) -> None:
    z = np.concatenate([np.linspace(-8, -0.1, 80), np.linspace(0.1, 8, 80)])
    f, h = jax.jit(ACTIVATIONS[name]), 1e-5
    slope = np.asarray(f(z + h) - f(z - h)) / (2 * h)
    # rounding: 8 eps / h = 2e-10; truncation: h^2 |f'''| / 6 = 2e-11
    derivative = jax.jit(DERIVATIVES[name])(z, f(z))
    np.testing.assert_allclose(derivative, slope, rtol=0, atol=1e-9)
    assert z.dtype == float64


@pytest.mark.parametrize(
    ("name", "at_zero"),
    [
        ("step", 0.0),
        ("sign", 0.0),
        ("relu", 0.0),
        ("leaky_relu", 0.01),
        ("elu", 1.0),
        ("selu", SELU_LEFT),
    ],
)
def test_kinks_have_the_derivative_from_the_left(
    name: str, at_zero: float, dtype: np.dtype
) -> None:
    zeros = jnp.array([0.0, -0.0], dtype)
    expected = np.full(2, at_zero, dtype)
    slopes = jax.jit(lambda z: DERIVATIVES[name](z, ACTIVATIONS[name](z)))(zeros)
    by_autodiff = jax.jit(jax.grad(lambda z: ACTIVATIONS[name](z).sum()))(zeros)
    assert_trees_close((slopes, by_autodiff), (expected, expected))


@functools.partial(jax.jit, static_argnums=0)
def gates(name: str, z: jax.Array) -> jax.Array:
    return ACTIVATIONS[name](z)


@hypothesis.given(st.lists(st.floats(-1e6, 1e6), min_size=4, max_size=4))
@hypothesis.settings(max_examples=30)
def test_gates_share_their_input_between_z_and_minus_z(numbers: list[float]) -> None:
    with jax.enable_x64(True):
        z = np.array(numbers)
        for name in ("relu", "softplus", "silu", "gelu", "gelu_tanh"):
            f = np.asarray(gates(name, np.stack([z, -z])))
            np.testing.assert_allclose(f[0] - f[1], z, rtol=1e-14, atol=1e-14, err_msg=name)


@pytest.mark.parametrize("name", sorted(set(ACTIVATIONS) - {"silu", "gelu", "gelu_tanh"}))
def test_all_but_the_gates_of_z_never_fall(name: str, dtype: np.dtype) -> None:
    z, f = np.linspace(-20, 20, 401, dtype=dtype), jax.jit(ACTIVATIONS[name])
    if name in DERIVATIVES:
        y = f(z)
    else:  # a score's own probability, beside a score of 0
        y = np.asarray(f(np.stack([z, np.zeros_like(z)], axis=-1)))[:, 0]
    assert (np.diff(np.asarray(y)) >= -2 * np.finfo(dtype).eps).all()  # but for rounding


def test_selu_keeps_mean_0_and_variance_1(float64: np.dtype) -> None:
    z = np.linspace(-12, 12, 240_001)
    density = np.exp(-z * z / 2) / math.sqrt(2 * math.pi)
    y, dz = np.asarray(jax.jit(ACTIVATIONS["selu"])(z)), float(z[1] - z[0])
    assert float((y * density).sum() * dz) == pytest.approx(0, abs=1e-8)
    assert float((y * y * density).sum() * dz) == pytest.approx(1, abs=1e-8)


def test_gelu_tanh_approximates_gelu(float64: np.dtype) -> None:
    z = jnp.linspace(-10, 10, 20_001)
    assert 4e-4 < float(abs(ACTIVATIONS["gelu_tanh"](z) - ACTIVATIONS["gelu"](z)).max()) < 5e-4


def test_softmax_is_a_distribution(dtype: np.dtype) -> None:
    y = ACTIVATIONS["softmax"](_inputs(dtype))
    assert (np.asarray(y) > 0).all()
    assert_trees_close(y.sum(axis=-1), np.ones(5, dtype))
    assert_trees_close(jnp.exp(ACTIVATIONS["log_softmax"](_inputs(dtype))), y)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_softmax_does_not_see_a_common_shift(name: str, dtype: np.dtype) -> None:
    z = jnp.round(_inputs(dtype))  # whole numbers, which the shift leaves exact
    assert_trees_close(ACTIVATIONS[name](z + 4096), ACTIVATIONS[name](z))


def test_softmax_of_the_lectures_scores(dtype: np.dtype) -> None:
    y = ACTIVATIONS["softmax"](jnp.array([3.2, 5.1, -1.7], dtype))
    np.testing.assert_allclose(y, [0.13, 0.87, 0.00], atol=5e-3)


@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_jacobians_of_the_vector_functions(name: str, dtype: np.dtype) -> None:
    z = jnp.array([3.2, 5.1, -1.7, 0.4], dtype)
    pair = get_activation(name)
    exponentials = np.exp(np.asarray(z))
    s = exponentials / exponentials.sum()
    jacobian = (
        np.diag(s) - np.outer(s, s) if name == "softmax" else np.eye(4) - np.outer([1] * 4, s)
    )
    jacobian = jacobian.astype(dtype)
    assert_trees_close(jax.jit(jax.jacobian(pair.function))(z), jacobian)
    # row i of the Jacobian is J^T e_i
    rows = jax.jit(jax.vmap(lambda row: pair.backward(z, pair.function(z), row)))
    assert_trees_close(rows(np.eye(4, dtype=dtype)), jacobian)


# elu at -log 3: alpha (1/3 - 1) and alpha / 3
@pytest.mark.parametrize(
    ("name", "options", "value", "slopes"),
    [
        ("elu", {"alpha": 0.5}, -1 / 3, [1 / 6, 1 / 2]),
        ("elu", {"alpha": 0}, 0.0, [0.0, 0.0]),
        ("leaky_relu", {"negative_slope": 0.25}, -LOG3 / 4, [0.25, 0.25]),
        ("leaky_relu", {"negative_slope": -1.0}, LOG3, [-1.0, -1.0]),
        ("leaky_relu", {"negative_slope": np.float64(0.25)}, -LOG3 / 4, [0.25, 0.25]),
    ],
)
def test_options_are_bound_into_function_and_rule(
    name: str, options: dict[str, Any], value: float, slopes: list[float], dtype: np.dtype
) -> None:
    pair = get_activation(name, **options)
    z, dy = jnp.array([-LOG3, 0.0, LOG3], dtype), jnp.ones(3, dtype)
    y, dz = both(pair, z, dy)
    assert_trees_close(y, np.array([value, 0.0, LOG3], dtype))
    assert_trees_close(dz, np.array([*slopes, 1.0], dtype))
    by_autodiff = jax.jit(lambda z, dy: jax.vjp(pair.function, z)[1](dy)[0])(z, dy)
    assert_trees_close(by_autodiff, np.array([*slopes, 1.0], dtype))


@pytest.mark.parametrize(("name", "option"), [("elu", "alpha"), ("leaky_relu", "negative_slope")])
def test_options_may_be_swept_over(name: str, option: str, dtype: np.dtype) -> None:
    z = _inputs(dtype)

    def both(value: Any) -> Any:
        pair = get_activation(name, **{option: value})
        y = pair.function(z)
        return y, pair.backward(z, y, z)

    swept = jax.jit(jax.vmap(both))(jnp.array([0.1, 0.7], dtype))
    one_by_one = [jax.jit(functools.partial(both, value))() for value in (0.1, 0.7)]
    assert_trees_close(swept, jax.tree.map(lambda *rows: np.stack(rows), *one_by_one))


def test_entrywise_makes_the_rule_of_a_derivative(dtype: np.dtype) -> None:
    cube = entrywise(lambda z: z**3, lambda z, y: 3 * z**2)
    z, dy = jnp.array([2.0, -1.0], dtype), jnp.array([1.0, 10.0], dtype)
    dz = cube.backward(z, cube.function(z), dy)
    assert_trees_close(dz, np.array([12.0, 30.0], dtype), tolerance=Tolerance(0.0, 0.0))


def test_unknown_name_lists_the_known_ones() -> None:
    message = (
        r"expected name to be one of elu, gelu, gelu_tanh, leaky_relu, linear, "
        r"log_softmax, relu, selu, sigmoid, sign, silu, softmax, softplus, step, tanh, "
        r"got 'tanhh'\. Did you mean 'tanh'\?"
    )
    with pytest.raises(ValueError, match=message):
        get_activation("tanhh")


def test_unknown_option_lists_the_known_ones() -> None:
    for name, options, wrong in [
        ("elu", {"alfa": 1.0}, r"elu to have only alpha, got alfa"),
        ("elu", {"alpha": 1.0, "a": 1, "b": 2}, r"elu to have only alpha, got a, b"),
        ("relu", {"slope": 1.0}, r"relu to have no options, got slope"),
        ("softmax", {"axis": 0}, r"softmax to have no options, got axis"),
    ]:
        with pytest.raises(TypeError, match=f"expected {wrong}"):
            get_activation(name, **options)


@pytest.mark.usefixtures("no_type_checks")
def test_options_out_of_range() -> None:
    z = jnp.ones(1)
    below = r"expected alpha finite and in \[0, inf\), got -0.5\."
    endless = r"expected negative_slope finite and in \(-inf, inf\), got nan\."
    text = r"expected alpha to be a number, got 'big' of type str\."
    for call in (lambda: elu(z, alpha=-0.5), lambda: get_activation("elu", alpha=-0.5)):
        with pytest.raises(ValueError, match=below):
            call()
    for call in (
        lambda: leaky_relu(z, negative_slope=math.nan),
        lambda: get_activation("leaky_relu", negative_slope=math.nan),
    ):
        with pytest.raises(ValueError, match=endless):
            call()
    with pytest.raises(TypeError, match=text):
        get_activation("elu", alpha="big")


@pytest.mark.usefixtures("no_type_checks")
def test_integers_would_turn_options_into_0() -> None:
    z = np.array([-2, 3], np.int32)
    for name in sorted(set(ACTIVATIONS) - {"linear", "step", "sign"}):
        message = "expected z to be floating-point, got int32. z.astype(jnp.float32) converts."
        with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
            ACTIVATIONS[name](jnp.asarray(z))
    for name in ("linear", "step", "sign"):
        np.testing.assert_array_equal(ACTIVATIONS[name](jnp.asarray(z)), PEERS[name](z * 1.0))


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("name", ["softmax", "log_softmax"])
def test_a_score_alone(name: str) -> None:
    message = r"^expected z to have an axis of classes, got shape \(\)\."
    with pytest.raises(ValueError, match=message):
        ACTIVATIONS[name](jnp.array(1.0))


def test_tables_are_complete() -> None:
    assert set(ACTIVATIONS) == set(PEERS) == set(BY_HAND) == set(BACKWARD_BY_HAND)
    assert set(ACTIVATIONS) - set(DERIVATIVES) == {"softmax", "log_softmax"}
    for name, function in ACTIVATIONS.items():
        assert getattr(jaxnet.activations, name) is function
        assert get_activation(name).function is function
    for name, derivative in DERIVATIVES.items():
        assert getattr(jaxnet.activations, f"{name}_derivative") is derivative


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_entrywise_activations_have_a_diagonal_jacobian(name: str) -> None:
    z = jnp.array([-1.5, 0.25, 2.0])
    jacobian = np.asarray(jax.jit(jax.jacobian(get_activation(name).function))(z))
    diagonal = np.array_equal(jacobian, np.diag(np.diag(jacobian)))
    assert diagonal == get_activation(name).entrywise
