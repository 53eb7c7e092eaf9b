"""Lanczos's method: error bounds, and properties of a spectrum."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.inspection.instruments.curvature import Spectrum
from jaxnet.inspection.instruments.lanczos import combined, lanczos, ritz

SIZE = 30


@pytest.mark.parametrize("steps", [1, 4, 12])
def test_errors_are_the_residuals_and_bound_the_distance_to_an_eigenvalue(steps: int) -> None:
    with jax.enable_x64(True):
        random = np.random.default_rng(3)
        matrix = random.normal(size=(SIZE, SIZE))
        matrix = jnp.asarray(matrix + matrix.T)
        eigenvalues = np.linalg.eigvalsh(matrix)
        like = jnp.zeros(SIZE, jnp.float64)

        @jax.jit
        def decomposed(key: jax.Array) -> Any:
            krylov = lanczos(lambda v: matrix @ v, like, steps=steps, key=key)
            return krylov, ritz(krylov)

        krylov, found = decomposed(jax.random.key(1))
        vectors = np.stack([combined(krylov.basis, column) for column in found.coordinates.T])
        residuals = np.linalg.norm(vectors @ matrix - found.values[:, None] * vectors, axis=1)
        np.testing.assert_allclose(found.errors, residuals, rtol=1e-9, atol=1e-12)
        distances = np.abs(eigenvalues[:, None] - np.asarray(found.values)).min(axis=0)
        assert (distances <= found.errors + 1e-12).all()
        assert (np.asarray(found.errors) > 1e-6).any(), "all converged: nothing is tested"
        np.testing.assert_allclose(found.weights.sum(), 1.0, rtol=1e-12)


@pytest.mark.parametrize(
    ("values", "condition", "rate"),
    [
        ([-4.0, 1.0, 2.0], 4.0, 1.0),
        ([0.5, 2.0], 4.0, 1.0),
        ([-2.0, -0.5], 4.0, np.inf),
        ([0.0, 1.0], np.inf, 2.0),
    ],
    ids=["indefinite", "positive", "negative", "singular"],
)
def test_a_spectrum_by_hand(values: list[float], condition: float, rate: float) -> None:
    none = jnp.zeros(len(values))
    spectrum = Spectrum(jnp.array(values), none, none, ())
    assert float(spectrum.condition_number) == condition
    assert float(spectrum.largest_stable_rate) == rate
    assert (float(spectrum.smallest), float(spectrum.largest)) == (values[0], values[-1])


@functools.partial(jax.jit, static_argnums=2)
def decomposed(matrix: jax.Array, key: jax.Array, steps: int) -> Any:
    """Return the Ritz values of a matrix after so many steps."""
    like = jnp.zeros(SIZE, jnp.float32)
    krylov = lanczos(
        lambda v: jnp.matmul(matrix, v, precision="highest"), like, steps=steps, key=key
    )
    return ritz(krylov)


@pytest.mark.parametrize("exponent", [-30, -22, -10, 10, 20, 30, 36])
def test_a_spectrum_does_not_depend_on_the_unit_of_the_matrix(exponent: int) -> None:
    random = np.random.default_rng(5)
    matrix = random.normal(size=(SIZE, SIZE))
    matrix = np.asarray(matrix + matrix.T, np.float32)

    def found(unit: float, steps: int) -> Any:
        found = decomposed(matrix * np.float32(unit), jax.random.key(1), steps)
        return jax.tree.map(lambda leaf: np.asarray(leaf, float), found)

    unit = 10.0**exponent
    scaled, plain = found(unit, 6), found(1.0, 6)
    assert plain.errors.min() > 1e-3
    np.testing.assert_allclose(scaled.values / unit, plain.values, rtol=1e-4)
    np.testing.assert_allclose(scaled.errors / unit, plain.errors, rtol=1e-3)
    exact = np.linalg.eigvalsh(matrix.astype(float))
    np.testing.assert_allclose(found(unit, SIZE).values / unit, exact, atol=1e-5 * exact[-1])


def test_overflow_is_not_exact() -> None:
    ones = jnp.ones((2, 2), jnp.float32)

    def product(v: jax.Array) -> jax.Array:
        return 3e38 * jnp.matmul(ones, v, precision="highest")  # its eigenvalues: 0 and 6e38

    @jax.jit
    @jax.vmap
    def found(key: jax.Array) -> Any:
        krylov = lanczos(product, jnp.zeros(2), steps=1, key=key)
        return krylov.basis[0], ritz(krylov).errors[0]

    starts, errors = map(np.asarray, found(jax.random.split(jax.random.key(0), 100)))
    parts = np.abs(starts.sum(axis=1)) / np.sqrt(2)  # along (1, 1): the image is 6e38 times that
    overflow = 6e38 * parts > 3.4e38
    assert np.isfinite(errors[~overflow]).all()
    assert ((errors[overflow] > 0) | np.isnan(errors[overflow])).all()
    assert (overflow & np.isfinite(errors)).any(), "no image overflows alone: nothing is tested"
