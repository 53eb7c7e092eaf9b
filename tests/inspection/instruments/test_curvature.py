"""Curvature: against the dense Hessian, in closed form, and by stability of gradient descent."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.flatten_util import ravel_pytree

from jaxnet.core.trees import dot, normal_like
from jaxnet.inspection import (
    Spectrum,
    hessian_spectrum,
    hessian_vector_product,
    largest_stable_rate,
    make_risk,
    sharpness,
)
from jaxnet.inspection.instruments.lanczos import lanczos, ritz
from jaxnet.layers import activation, batch_norm, dense
from tests.comparison import assert_trees_close
from tests.inspection.instruments.regressions import Here, classifier, regression, risk_by_loop

KEY = jax.random.key(11)


def dense_hessian(here: Here, risk=None) -> np.ndarray:
    flat, unravel = ravel_pytree(here.params)
    risk = risk_by_loop(here) if risk is None else risk
    return np.asarray(jax.jit(jax.hessian(lambda w: risk(unravel(w))))(flat), float)


def test_products_with_the_hessian_of_a_network(dtype: np.dtype) -> None:
    here = classifier()
    vector = normal_like(KEY, here.params)
    found, _ = ravel_pytree(hessian_vector_product(*here, vector))
    expected = dense_hessian(here) @ np.asarray(ravel_pytree(vector)[0], float)
    assert_trees_close(found, expected.astype(dtype))


def test_products_with_the_hessian_of_a_regression(dtype: np.dtype) -> None:
    known = regression(dtype)
    found, _ = ravel_pytree(hessian_vector_product(*known.here, known.here.params))
    w = np.asarray(ravel_pytree(known.here.params)[0], float)
    assert_trees_close(found, (known.hessian @ w).astype(dtype))


def test_batch_normalization_bends_with_the_moments_of_the_batch(float64: np.dtype) -> None:
    here = classifier(dense(4), batch_norm(), activation("tanh"), dense(3))
    vector = normal_like(KEY, here.params)
    objective, _, statistics, examples = here
    for training in (False, True):
        risk = make_risk(objective, statistics, examples, training=training)
        found, _ = ravel_pytree(hessian_vector_product(*here, vector, training=training))
        expected = dense_hessian(here, risk) @ np.asarray(ravel_pytree(vector)[0])
        np.testing.assert_allclose(found, expected, atol=1e-12)


@pytest.mark.parametrize("kind", ["tanh", "relu"])
def test_the_whole_spectrum_of_an_indefinite_hessian(float64: np.dtype, kind: str) -> None:
    here = classifier(dense(4), activation(kind), dense(3))
    exact = np.linalg.eigvalsh(dense_hessian(here))
    assert exact[0] < -1e-3 < 1e-3 < exact[-1]
    found = hessian_spectrum(*here, key=KEY, steps=1000)
    assert found.values.shape == exact.shape
    # the softmax does not see a common change of all logits: 0 is there several times
    np.testing.assert_allclose(found.values, exact, atol=1e-12)
    assert float(found.weights.sum()) == pytest.approx(1.0)


def test_a_singular_hessian_has_a_condition_of_the_order_of_the_precision(dtype: np.dtype) -> None:
    here = classifier(dense(3))  # the softmax does not see a common change of all logits
    found = hessian_spectrum(*here, key=KEY, steps=1000)
    assert float(found.condition_number) > 0.05 / np.finfo(dtype).eps


def test_few_steps_find_the_ends(dtype: np.dtype) -> None:
    here = classifier()
    exact = np.linalg.eigvalsh(dense_hessian(here))
    found = hessian_spectrum(*here, key=KEY, steps=12)
    assert float(found.largest) == pytest.approx(exact[-1], rel=1e-3)
    assert float(found.smallest) == pytest.approx(exact[0], abs=0.02 * exact[-1])
    # Ritz values lie inside the spectrum, each within its bound of an eigenvalue
    slack = 1e-5 * exact[-1]
    assert exact[0] - slack <= float(found.smallest) <= float(found.largest) <= exact[-1] + slack
    distances = np.abs(np.asarray(found.values)[:, None] - exact).min(axis=1)
    assert np.all(distances <= np.asarray(found.errors) + slack)
    # and the direction bends as much as it says
    product = hessian_vector_product(*here, found.direction)
    assert float(dot(found.direction, found.direction)) == pytest.approx(1.0, rel=1e-5)
    assert float(dot(found.direction, product)) == pytest.approx(float(found.largest), rel=1e-4)


def test_the_spectrum_of_a_regression_in_closed_form(dtype: np.dtype) -> None:
    known = regression(dtype)
    exact = np.linalg.eigvalsh(known.hessian)
    found = hessian_spectrum(*known.here, key=KEY)
    np.testing.assert_allclose(found.values, exact, rtol=1e-4)
    assert float(found.condition_number) == pytest.approx(exact[-1] / exact[0], rel=1e-3)
    assert float(sharpness(*known.here, key=KEY)) == pytest.approx(exact[-1], rel=1e-5)


def test_beyond_the_edge_of_stability_gradient_descent_diverges(float64: np.dtype) -> None:
    known = regression(float64)
    gradient = jax.grad(risk_by_loop(known.here))
    edge = float(largest_stable_rate(*known.here, key=KEY))

    def size_after(rate: float) -> float:
        def step(params, _):
            return jax.tree.map(lambda w, g: w - rate * g, params, gradient(params)), None

        params, _ = jax.lax.scan(step, known.here.params, None, length=1000)
        return float(dot(gradient(params), gradient(params)))

    assert size_after(0.98 * edge) < size_after(0.0)
    assert size_after(1.02 * edge) > 1e3 * size_after(0.0)


def both(product: Any, like: Any, **options: Any) -> tuple[Any, Any]:
    """Return a Krylov space and the Ritz values in it."""
    krylov = lanczos(product, like, **options)
    return krylov, ritz(krylov)


@jax.jit
def krylov_of_two_leaves(matrix: jax.Array, key: jax.Array) -> tuple[Any, Any]:
    """Return `both` of a symmetric matrix (4, 4), whose vectors are in two leaves."""

    def product(v):
        flat, unravel = ravel_pytree(v)
        return unravel(jnp.matmul(matrix, flat, precision="highest"))

    like = {"a": jnp.zeros((2, 1), matrix.dtype), "b": jnp.zeros(2, matrix.dtype)}
    return both(product, like, steps=10, key=key)


@pytest.mark.parametrize(
    "eigenvalues",
    [[1.0, 1.0, 1.0, 1.0], [0.0, 0.0, 0.0, 0.0], [-3.0, -3.0, 2.0, 2.0], [1e-6, 1.0, 10.0, 1e6]],
    ids=["multiples of the identity", "nothing", "pairs", "far apart"],
)
def test_lanczos_finds_every_eigenvalue(dtype: np.dtype, eigenvalues: list[float]) -> None:
    rotation, _ = np.linalg.qr(np.random.default_rng(0).normal(size=(4, 4)))
    matrix = (rotation @ np.diag(eigenvalues) @ rotation.T).astype(dtype)
    krylov, found = krylov_of_two_leaves(matrix, KEY)
    size = max(1e-9, np.abs(eigenvalues).max())
    tolerance = 50 * np.finfo(dtype).eps
    values = np.asarray(found.values, float)
    np.testing.assert_allclose(values / size, np.array(eigenvalues) / size, atol=tolerance)
    rows = np.concatenate([krylov.basis["a"][..., 0], krylov.basis["b"]], axis=1)
    np.testing.assert_allclose(rows @ rows.T, np.eye(4), atol=tolerance)


def test_converged_directions_do_not_come_back(dtype: np.dtype) -> None:
    # without reorthogonalization copies of 1000 appear after about ten steps
    matrix = jnp.asarray(np.concatenate([np.linspace(0, 1, 59), [1000.0]]), dtype)
    like = jnp.zeros(60, dtype)
    krylov, found = jax.jit(lambda key: both(lambda v: matrix * v, like, steps=40, key=key))(KEY)
    values = np.asarray(found.values)
    assert np.sum(values > 2) == 1
    overlap = np.asarray(krylov.basis, float) @ np.asarray(krylov.basis, float).T
    np.testing.assert_allclose(overlap, np.eye(40), atol=100 * np.finfo(dtype).eps)


def test_weights_sample_the_density_of_eigenvalues(float64: np.dtype) -> None:
    eigenvalues = jnp.asarray(np.repeat([0.0, 1.0, 5.0], [70, 20, 10]))
    keys = jax.random.split(KEY, 200)

    def above(key):
        found = ritz(lanczos(lambda v: eigenvalues * v, jnp.zeros(100), steps=3, key=key))
        return jnp.sum(jnp.where(found.values > 4, found.weights, 0.0))

    shares = np.asarray(jax.jit(jax.vmap(above))(keys))
    assert abs(shares.mean() - 0.1) < 4 * shares.std(ddof=1) / np.sqrt(200)


def test_instruments_of_curvature_are_compiled_into_a_program(dtype: np.dtype) -> None:
    known = regression(dtype)
    objective, *rest = known.here
    found = jax.jit(functools.partial(sharpness, objective, key=KEY))(*rest)
    assert_trees_close(found, sharpness(*known.here, key=KEY))
    assert float(largest_stable_rate(*known.here, key=KEY)) == pytest.approx(2 / float(found))


def test_no_steps_are_a_mistake() -> None:
    with pytest.raises(ValueError, match="expected steps >= 1, got 0"):
        hessian_spectrum(*regression(np.float32).here, key=KEY, steps=0)


def test_the_ends_of_a_spectrum_without_numbers() -> None:
    def spectrum(values: list[float]) -> Spectrum:
        array = jnp.array(values)
        return Spectrum(array, array, array, None)

    assert np.isnan(spectrum([jnp.nan, jnp.nan]).largest_stable_rate)
    assert np.isnan(spectrum([jnp.nan, jnp.nan]).condition_number)
    assert spectrum([-2.0, 0.0]).largest_stable_rate == np.inf
    assert spectrum([0.0, 0.0]).condition_number == np.inf
    assert spectrum([0.0, 3.0]).condition_number == np.inf
    assert spectrum([-1.0, 4.0]).condition_number == 4.0
    assert spectrum([-4.0, 1.0, 2.0]).condition_number == 4.0
