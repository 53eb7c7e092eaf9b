"""Gradients in their tails: right to 4 units in the last place, in every dtype and both ways.

The exact values are of decimals of 60 digits; left out are results below the dtype's smallest
normal number, which many processors round to 0.
"""

import decimal
import functools
import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.types import Array
from jaxnet.functions.activations import get_activation
from jaxnet.functions.losses import get_loss
from jaxnet.networks.heads import bounded_sigmoid

# Measured at worst: 3.0 of the entrywise ones, 3.6 of cross-entropy of labels.
ULPS = 4
# Of 10 undecided classes, products of two probabilities that have 2.5 each: at worst 5.4.
ULPS_OF_PRODUCTS = 6
DTYPES = ["float16", "bfloat16", "float32", "float64"]
over_dtypes = pytest.mark.parametrize("name", DTYPES)

decimals = decimal.Context(prec=60, Emin=-(10**6), Emax=10**6)


def exp(z: Decimal) -> Decimal:
    return decimals.exp(z)


def logistic(z: Decimal) -> Decimal:
    return decimals.divide(1, decimals.add(1, exp(-z)))


def slope(z: Decimal) -> Decimal:
    return decimals.multiply(logistic(z), logistic(-z))


def log_cosh(e: Array) -> Array:
    return get_loss("log_cosh").function(e[:, None], jnp.zeros_like(e))


def log_cosh_backward(e: Array, y: Array, dy: Array) -> Array:
    return dy * get_loss("log_cosh").backward(e[:, None], jnp.zeros_like(e))[:, 0]


def binary(label: int) -> tuple[Callable[..., Array], Callable[..., Array]]:
    loss = get_loss("sigmoid_binary_cross_entropy")

    def backward(z: Array, y: Array, dy: Array) -> Array:
        return dy * loss.backward(z[:, None], jnp.full(z.shape, label))[:, 0]

    return lambda z: loss.function(z[:, None], jnp.full(z.shape, label)), backward


SELU_LEFT, SELU_RIGHT = Decimal("1.7580993408473768"), Decimal("1.0507009873554805")

# name -> function and backward rule, the exact derivative and, if it may cross 0, the larger of
# the terms that make it up, in whose units the error is then
ENTRYWISE: dict[str, tuple[Any, Callable[[Decimal], Any], float]] = {
    "sigmoid": (get_activation("sigmoid"), slope, 1),
    "bounded_sigmoid": (bounded_sigmoid(0, 1), slope, 1),
    "tanh": (get_activation("tanh"), lambda z: 4 * slope(2 * z), 0.5),
    "softplus": (get_activation("softplus"), logistic, 1),
    "silu": (get_activation("silu"), lambda z: (logistic(z), z * slope(z)), 1),
    "elu": (get_activation("elu"), lambda z: exp(min(z, Decimal(0))), 1),
    "selu": (
        get_activation("selu"),
        lambda z: SELU_RIGHT if z > 0 else SELU_LEFT * exp(z),
        1,
    ),
    "log_cosh": ((log_cosh, log_cosh_backward), lambda e: 2 * logistic(2 * e) - 1, 1),
    "binary_of_0": (binary(0), logistic, 1),
    "binary_of_1": (binary(1), lambda z: -logistic(-z), 1),
}


@functools.cache
def points(name: str, share: float) -> np.ndarray:
    """Return numbers over the range in which ``e^-|z|`` is normal, more of them near 0."""
    reach = -0.99 * share * math.log(float(jnp.finfo(name).tiny))
    random = np.random.default_rng(0).normal(size=100) * 3 * share
    z = np.concatenate([np.linspace(-reach, reach, 151), random[abs(random) < reach]])
    return z.astype(jnp.dtype(name))


@jax.jit
def three_ways(inputs: dict[str, Array]) -> dict[str, tuple[Array, Array, Array]]:
    """Return the derivatives by hand, by vjp and by jvp, of all functions in one program."""

    def derivatives(name: str, z: Array) -> tuple[Array, Array, Array]:
        function, backward = ENTRYWISE[name][0][:2]
        y, pullback = jax.vjp(function, z)
        ones = jnp.ones_like(z)
        return backward(z, y, ones), pullback(ones)[0], jax.jvp(function, (z,), (ones,))[1]

    return {name: derivatives(name, z) for name, z in inputs.items()}


def assert_right(
    name: str,
    what: str,
    values: Any,
    expected: np.ndarray,
    magnitude: np.ndarray | None = None,
    *,
    ulps: float = ULPS,
) -> None:
    """Assert that values are within some units of what is exact, wherever that is normal."""
    limits, magnitude = jnp.finfo(name), abs(expected) if magnitude is None else magnitude
    normal = abs(expected) >= float(limits.tiny)
    assert normal.mean() > 0.1
    exact, unit = expected[normal], np.exp2(np.floor(np.log2(magnitude[normal])))
    errors = abs(np.asarray(values).astype(np.float64)[normal] - exact) / unit / float(limits.eps)
    worst = int(np.argmax(errors))
    assert errors[worst] <= ulps, f"{what}: {errors[worst]} units off {exact[worst]}"


@over_dtypes
def test_entrywise_derivatives_keep_their_tails(name: str) -> None:
    grids = {function: points(name, share) for function, (*_, share) in ENTRYWISE.items()}
    with jax.enable_x64(True):
        found = three_ways({function: jnp.asarray(z) for function, z in grids.items()})
    for function, (_, derivative, _) in ENTRYWISE.items():
        terms = [derivative(Decimal(float(z))) for z in grids[function]]
        pairs = [term if isinstance(term, tuple) else (term, Decimal(0)) for term in terms]
        expected = np.array([float(sum(pair)) for pair in pairs])
        magnitude = np.array([float(max(map(abs, pair))) for pair in pairs])
        for values in found[function]:
            assert_right(name, function, values, expected, magnitude)


@over_dtypes
@pytest.mark.usefixtures("optimized")  # XLA makes one exponential of two that are multiplied
def test_gelu_keeps_its_tails(name: str) -> None:
    # where the distribution function, a 1 / |z| of the density, is normal
    reach = {"float16": 3.7, "bfloat16": 12.8, "float32": 12.8, "float64": 37.4}[name]
    z = np.linspace(-reach, reach, 401).astype(jnp.dtype(name))
    pair = get_activation("gelu")

    @jax.jit
    def slopes(z: Any) -> Any:
        y, pullback = jax.vjp(pair.function, z)
        return pair.backward(z, y, jnp.ones_like(y)), pullback(jnp.ones_like(y))[0]

    with jax.enable_x64(True):
        found = slopes(jnp.asarray(z))
    density = [exp(-(Decimal(float(t)) ** 2) / 2) / Decimal(2 * math.pi).sqrt() for t in z]
    below = np.array([math.erfc(-float(t) / math.sqrt(2)) / 2 for t in z])
    beside = np.array([float(Decimal(float(t)) * d) for t, d in zip(z, density, strict=True)])
    for values in found:
        assert_right(name, "gelu", values, below + beside, np.maximum(below, abs(beside)))


CLASSES = 10


@functools.cache
def scores(name: str) -> np.ndarray:
    """Return rows of scores: confident, undecided, tied, wide apart; -inf where there are fewer."""
    rng, reach = np.random.default_rng(0), -0.99 * math.log(float(jnp.finfo(name).tiny))
    rows = [*np.stack([np.linspace(-reach, reach, 41), np.zeros(41)], axis=-1)]
    rows += [row * s for k in (3, CLASSES) for s in (0.5, 4, reach / 3) for row in normal(rng, k)]
    rows += [*(np.eye(5)[[0, 2, 4]] * 18 + 1000 / 3)]  # whose differences are rounded
    rows += [*np.array([[1.0, 1.0, -7.0], [2.0, 2.0, 2.0], [-30.0, 0.0, 0.0]])]
    padded = [np.pad(row, (0, CLASSES - len(row)), constant_values=-np.inf) for row in rows]
    return np.array(padded).astype(jnp.dtype(name))


def normal(rng: np.random.Generator, classes: int) -> np.ndarray:
    return rng.normal(size=(6, classes))


@functools.cache
def probabilities(name: str) -> list[list[Decimal]]:
    """Return the exact softmax of each row."""

    def of(row: np.ndarray) -> list[Decimal]:
        z = as_decimals(row)
        e = [exp(decimals.subtract(score, max(z))) for score in z]
        return [decimals.divide(each, total(e)) for each in e]

    return [of(row) for row in scores(name)]


def as_decimals(row: np.ndarray) -> list[Decimal]:
    return [Decimal(float(value)) for value in row]


def total(values: list[Decimal]) -> Decimal:
    return functools.reduce(decimals.add, values)


def difference_terms(y: list[Decimal], v: list[Decimal]) -> list[tuple[float, float]]:
    """Return the two terms of each ``y_k sum(v) - v_k``, of which neither cancels."""
    return [
        (float(p * others(v, k)), float(-q * others(y, k)))
        for k, (p, q) in enumerate(zip(y, v, strict=True))
    ]


def others(values: list[Decimal], k: int) -> Decimal:
    return total(values[:k] + values[k + 1 :])


def targets(name: str) -> dict[str, np.ndarray]:
    """Return labels, of the largest score and of others, and distributions near them."""
    z = scores(name)
    classes = np.isfinite(z.astype(float)).sum(axis=-1)
    labels = np.where(np.arange(len(z)) % 3 == 0, np.arange(len(z)) % classes, z.argmax(axis=-1))
    one_hot, among = np.eye(CLASSES)[labels], np.isfinite(z.astype(float)) / classes[:, None]
    rows = {s: ((1 - s) * one_hot + s * among).astype(z.dtype) for s in (0.0, 0.3, 1e-4)}
    return {"labels": labels.astype(np.int32)} | {f"smoothed by {s}": v for s, v in rows.items()}


@functools.partial(jax.jit, static_argnums=0)
def gradients(name: str, z: Array, v: dict[str, Array]) -> dict[str, tuple[Array, Array, Array]]:
    """Return the gradients of a loss by hand, by vjp and by jvp."""
    loss = get_loss(name)

    def one(v: Array) -> tuple[Array, Array, Array]:
        losses, pullback = jax.vjp(lambda z: loss.function(z, v), z)
        forward = jax.vmap(jax.jacfwd(loss.function))(z, v)
        return loss.backward(z, v), pullback(jnp.ones_like(losses))[0], forward

    return {kind: one(v) for kind, v in v.items()}


@over_dtypes
@pytest.mark.parametrize("loss", ["softmax_cross_entropy", "softmax_kl_divergence"])
def test_cross_entropy_keeps_its_tails(loss: str, name: str) -> None:
    y, kinds = probabilities(name), targets(name)
    with jax.enable_x64(True):
        found = gradients(loss, jnp.asarray(scores(name)), jax.tree.map(jnp.asarray, kinds))
    for kind, v in kinds.items():
        rows = np.eye(CLASSES)[v] if v.ndim == 1 else v
        terms = [difference_terms(p, as_decimals(row)) for p, row in zip(y, rows, strict=True)]
        first, second = np.moveaxis(np.array(terms), -1, 0)
        for values in found[kind]:
            larger = np.maximum(abs(first), abs(second))
            ulps = ULPS if v.ndim == 1 else ULPS_OF_PRODUCTS
            assert_right(name, kind, values, first + second, larger, ulps=ulps)


@functools.partial(jax.jit, static_argnums=0)
def jacobians(name: str, z: Array) -> tuple[Array, Array, Array]:
    """Return the Jacobian of each row by hand, by vjp and by jvp."""
    function, backward = get_activation(name)
    units = jnp.eye(CLASSES, dtype=z.dtype)

    def by_hand(row: Array) -> Array:
        return jax.vmap(lambda unit: backward(row, function(row), unit))(units)

    return (
        jax.vmap(by_hand)(z),
        jax.vmap(jax.jacrev(function))(z),
        jax.vmap(jax.jacfwd(function))(z),
    )


@over_dtypes
@pytest.mark.parametrize("function", ["softmax", "log_softmax"])
def test_softmax_keeps_its_tails(function: str, name: str) -> None:
    some = slice(0, None, 2)
    exact = []
    for y in probabilities(name)[some]:
        slopes = [[others(y, i) if i == k else -p for k, p in enumerate(y)] for i in range(CLASSES)]
        if function == "softmax":
            slopes = [[decimals.multiply(y[i], s) for s in row] for i, row in enumerate(slopes)]
        exact.append([[float(s) for s in row] for row in slopes])
    with jax.enable_x64(True):
        found = jacobians(function, jnp.asarray(scores(name)[some]))
    for values in found:
        assert_right(name, function, values, np.array(exact), ulps=ULPS_OF_PRODUCTS)


@over_dtypes
def test_second_derivatives_of_cross_entropy_keep_their_tails(name: str) -> None:
    labels, some = targets(name)["labels"], slice(0, None, 2)
    exact = [
        [
            [float(others(y, i) * y[i]) if i == k else float(-p * y[i]) for k, p in enumerate(y)]
            for i in range(CLASSES)
        ]
        for y in probabilities(name)[some]
    ]
    loss = get_loss("softmax_cross_entropy").function
    with jax.enable_x64(True):
        z = jnp.asarray(scores(name)[some])
        found = jax.jit(jax.vmap(jax.hessian(loss)))(z, jnp.asarray(labels[some]))
    assert_right(name, "labels", found, np.array(exact), ulps=ULPS_OF_PRODUCTS)


@over_dtypes
def test_values_keep_their_tails(name: str) -> None:
    y, labels = probabilities(name), targets(name)["labels"]
    logarithms = np.array([[float(log(p, others(row, k))) for k, p in enumerate(row)] for row in y])
    with jax.enable_x64(True):
        z = jnp.asarray(scores(name))
        losses = get_loss("softmax_cross_entropy").function(z, jnp.asarray(labels))
        found = get_activation("log_softmax").function(z)
    finite = np.isfinite(logarithms)
    assert_right(name, "log_softmax", np.asarray(found)[finite], logarithms[finite])
    assert_right(name, "loss", losses, -logarithms[np.arange(len(labels)), labels])


def log(p: Decimal, rest: Decimal) -> Decimal:
    """Return ``log p = log(1 - rest)``, which 60 digits of ``p`` do not hold for a small rest."""
    if rest < Decimal("1e-30"):
        return -rest
    return decimals.ln(p) if p else Decimal("-inf")
