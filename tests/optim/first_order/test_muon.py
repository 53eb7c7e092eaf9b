"""Muon: the iteration against singular values, steps by hand, which leaves, scales, errors."""

from math import sqrt
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from optax.contrib import MuonDimensionNumbers

from jaxnet.optim import adam, muon
from jaxnet.optim.update_rule.orthogonal import COEFFICIENTS, DION, STANDARD, newton_schulz
from tests.comparison import assert_trees_close
from tests.trajectories import follow, gradients, start

SIMPLE = (2.0, -1.5, 0.5)
"""Coefficients for which the polynomial is easy to work by hand."""


def _update(optimizer: Any, g: Any, w: Any = None) -> Any:
    w = jax.tree.map(lambda leaf: np.ones(leaf.shape, leaf.dtype), g) if w is None else w
    return jax.jit(lambda g, w: optimizer.update(g, optimizer.init(w), w)[0])(g, w)


def _scale(s: np.ndarray, preconditioning: str) -> float:
    return {
        "frobenius": sqrt(np.sum(s**2)),
        "spectral": float(np.max(s)),
        "schatten": float(np.sum(s**4)) ** 0.25,
    }[preconditioning]


@pytest.mark.parametrize("preconditioning", ["frobenius", "spectral", "schatten"])
@pytest.mark.parametrize("shape", [(3, 5), (5, 3), (2, 4, 3)], ids=str)
def test_the_iteration_is_a_polynomial_of_the_singular_values(
    preconditioning: str, shape: tuple[int, ...], float64: np.dtype
) -> None:
    x = np.random.default_rng(0).normal(size=shape).astype(float64)
    found = jax.jit(lambda x: newton_schulz(x, DION, preconditioning=preconditioning, eps=1e-300))(
        x
    )
    for matrix, orthogonal in zip(
        x.reshape(-1, *shape[-2:]), np.reshape(found, (-1, *shape[-2:])), strict=True
    ):
        u, s, v = np.linalg.svd(matrix, full_matrices=False)
        s = s / _scale(s, preconditioning)
        for a, b, c in DION:
            s = a * s + b * s**3 + c * s**5
        np.testing.assert_allclose(orthogonal, u @ np.diag(s) @ v, rtol=0, atol=1e-13)


def _end(s: np.ndarray, coefficients: Any) -> np.ndarray:
    for a, b, c in coefficients:
        s = a * s + b * s**3 + c * s**5
    return s


@pytest.mark.parametrize(
    ("coefficients", "least", "low", "high"),
    [(5 * [STANDARD], 0.002, 0.68, 1.21), (DION, 0.005, 0.97, 1.12)],
    ids=COEFFICIENTS,
)
def test_coefficients_bring_singular_values_near_one(
    coefficients: Any, least: float, low: float, high: float
) -> None:
    """As the docstring of each says."""
    ends = _end(np.linspace(least, 1, 100_000), coefficients)
    assert low < np.min(ends)
    assert np.max(ends) < high


def test_precision_lost_in_float32(float64: np.dtype) -> None:
    """As the docstring of Muon says, of a matrix of full rank and of one almost of rank one."""
    rng = np.random.default_rng(0)
    x = rng.normal(size=(10, 100))
    thin = np.outer(x[:, 0], rng.normal(size=100)) + 1e-3 * x
    for matrix, bound in ((x, 2e-6), (thin, 1e-4)):
        single = matrix.astype(np.float32)
        rough, exact = (
            np.asarray(jax.jit(lambda m: newton_schulz(m, 5 * [STANDARD]))(m), float64)
            for m in (single, single.astype(float64))
        )
        assert np.linalg.norm(rough - exact) < bound * np.linalg.norm(exact)


@pytest.mark.parametrize("preconditioning", ["frobenius", "spectral", "aol", "schatten"])
def test_a_matrix_of_zeros_stays_zero(preconditioning: Any) -> None:
    updates = _update(muon(0.1, preconditioning=preconditioning), jnp.zeros((2, 3)))
    np.testing.assert_array_equal(updates, jnp.zeros((2, 3)))


@pytest.mark.parametrize("preconditioning", ["spectral", "schatten"])
def test_preconditionings_equal_those_of_optax(preconditioning: Any, float64: np.dtype) -> None:
    w, rows = start(float64)["weights"], gradients(5, float64)["weights"]
    axes = MuonDimensionNumbers(reduction_axis=1, output_axis=0)
    optimizers = (
        muon(0.1, preconditioning=preconditioning),
        optax.contrib.muon(
            0.1, preconditioning=preconditioning, muon_weight_dimension_numbers=axes
        ),
    )
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        ours, theirs = jax.jit(lambda: tuple(follow(one, w, rows) for one in optimizers))()
    np.testing.assert_allclose(ours, theirs, rtol=0, atol=1e-13)


@pytest.mark.parametrize("like", ["optax", "torch", "keras"])
def test_a_step_by_hand(like: Any) -> None:
    """(3, 4) / 5 = (.6, .8), of which 2 s - 1.5 s^3 + .5 s^5 is (.91488, .99584)."""
    optimizer = muon(0.1, ns_coeffs=SIMPLE, ns_steps=1, weight_decay=0.5, eps=1e-30, like=like)
    g, w = np.diag(np.array([3.0, 4.0], np.float32)), np.full((2, 2), 2.0, np.float32)
    updates = _update(optimizer, g, w)
    scale = 0.2 * sqrt(2) if like == "keras" else 1
    expected = -0.1 * (scale * np.diag([0.91488, 0.99584]) + 0.5 * 2)
    np.testing.assert_allclose(updates, expected, rtol=1e-6)


@pytest.mark.parametrize(
    ("like", "nesterov", "parts"),
    [
        ("optax", False, [0.25 / 0.75, 0.5 / 0.75]),
        ("optax", True, [0.125 / 0.875, 0.25 / 0.875 + 0.5 / 0.75]),
        ("torch", False, [0.25, 0.5]),
        ("torch", True, [0.125, 0.75]),
        ("keras", False, [0.5, 1.0]),
        ("keras", True, [0.25, 1.5]),
    ],
)
def test_parts_of_the_second_momentum_by_hand(
    like: Any, nesterov: bool, parts: list[float]
) -> None:
    """With a decay of .5, and each gradient a column of its own: their parts are the diagonal."""
    optimizer = muon(
        1.0, beta=0.5, nesterov=nesterov, ns_coeffs=(1.0, 0.0, 0.0), weight_decay=0.0, like=like
    )
    step: Any = jax.jit(optimizer.update)
    w, updates = jnp.ones((2, 2)), np.array(0.0)
    state: Any = optimizer.init(w)
    for row in ([1.0, 0.0], [0.0, 1.0]):
        updates, state = step(np.diag(np.array(row, np.float32)), state, w)
    expected = np.diag(parts) / np.linalg.norm(parts)
    scale = 0.2 * sqrt(2) if like == "keras" else 1
    np.testing.assert_allclose(updates, -scale * expected, rtol=1e-5, atol=1e-7)


def test_scales_by_hand() -> None:
    """(out, in): sqrt(2) for twice as many outputs, 1 for twice as many inputs."""
    tall = np.random.default_rng(0).normal(size=(4, 2)).astype(np.float32)
    wide = np.asarray(_update(muon(0.1), tall.T))
    same = _update(muon(0.1, consistent_rms=0.2), tall)
    np.testing.assert_allclose(_update(muon(0.1), tall), sqrt(2) * wide.T, rtol=1e-5)
    np.testing.assert_allclose(same, 0.2 * sqrt(4) * wide.T, rtol=1e-5)


def test_adaptive_steps_are_as_long_as_the_dual_norm() -> None:
    """With a polynomial that is the identity: <m, m> / 5^2 = 1 longer by |m| = 5."""
    options: Any = {"ns_coeffs": (1.0, 0.0, 0.0), "beta": 0.0, "eps": 1e-30}
    g = np.diag(np.array([3.0, 4.0], np.float32))
    plain, adaptive = (_update(muon(1.0, adaptive=x, **options), g) for x in (False, True))
    np.testing.assert_allclose(plain, -g / 5, rtol=1e-6)
    np.testing.assert_allclose(adaptive, -g, rtol=1e-6)


@pytest.mark.parametrize("like", ["torch", "keras"])
def test_leaves_that_are_no_matrices_go_by_adam(like: Any, float64: np.dtype) -> None:
    params, rows = start(float64), gradients(5, float64)
    params, rows = ({"b": t["bias"], "w": t["weights"]} for t in (params, rows))
    optimizer = muon(0.1, adam_weight_decay=0.0, adam_learning_rate=0.02, like=like)
    peer = adam(0.02, eps=1e-7, like=like)
    ours, plain = jax.jit(
        lambda: (follow(optimizer, params, rows), follow(peer, params["b"], rows["b"]))
    )()
    assert_trees_close(ours["b"], plain)
    state: Any = optimizer.init(params)
    assert isinstance(state.nu["w"], optax.MaskedNode)


def test_dimension_numbers_select_matrices() -> None:
    """A convolution's kernel, (out, in, rows, columns), is one matrix; None is a leaf for Adam."""
    g = np.random.default_rng(0).normal(size=(4, 2, 3, 3)).astype(np.float32)
    kernel = MuonDimensionNumbers(reduction_axis=(1, 2, 3), output_axis=0)
    axes = {"conv": kernel, "last": None}
    tree = {"conv": g, "last": g[..., 0, 0]}
    updates = _update(muon(0.1, nesterov=False, muon_weight_dimension_numbers=axes), tree)
    flat = _update(muon(0.1), g.reshape(4, 18))
    conv = np.reshape(updates["conv"], (4, 18))
    np.testing.assert_allclose(conv, flat, rtol=1e-5, atol=1e-7)
    by_adam = _update(adam(0.1), tree["last"])
    np.testing.assert_allclose(updates["last"], by_adam, rtol=1e-5)
    none = muon(0.1, nesterov=False, muon_weight_dimension_numbers=lambda _: None)
    whole = _update(none, tree)
    np.testing.assert_allclose(whole["conv"], _update(adam(0.1), g), rtol=1e-5)


def test_weight_decay_mask_and_rates_of_zero() -> None:
    tree = {"a": jnp.ones((2, 2)), "b": jnp.ones((2, 2))}
    mask = {"a": True, "b": False}
    zero = jax.tree.map(jnp.zeros_like, tree)
    updates = _update(muon(0.5, weight_decay=0.25, weight_decay_mask=mask), zero, tree)
    np.testing.assert_array_equal(updates["a"], -0.125 * tree["a"])
    np.testing.assert_array_equal(updates["b"], zero["b"])


@pytest.mark.parametrize("axes", [(1, 1), (2, 0), ((0, 1), 1)], ids=str)
def test_missing_axes(axes: Any) -> None:
    numbers = MuonDimensionNumbers(*axes)
    optimizer = muon(0.1, muon_weight_dimension_numbers=numbers)
    message = (
        r"^expected muon_weight_dimension_numbers to name axes of shape \(2, 3\), each once, "
        r"or to be None for no matrix, got MuonDimensionNumbers\(.*\)\.$"
    )
    w = jnp.ones((2, 3))
    with pytest.raises(ValueError, match=message):
        optimizer.update(w, optimizer.init(w), w)


@pytest.mark.usefixtures("no_type_checks")
def test_coefficients_out_of_range() -> None:
    message = (
        r"^expected ns_coeffs to be \(a, b, c\), or a triple for each iteration, "
        r"got shape \(2,\)\.$"
    )
    pair: Any = (1.0, 2.0)
    with pytest.raises(ValueError, match=message):
        muon(0.1, ns_coeffs=pair)
    with pytest.raises(ValueError, match=r"^expected ns_coeffs to be one of dion, standard, got"):
        muon(0.1, ns_coeffs="jordan")
    with pytest.raises(ValueError, match=r"^expected consistent_rms finite and in \(0, inf"):
        muon(0.1, consistent_rms=-1.0)
