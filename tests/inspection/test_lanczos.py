"""Lanczos's method: what it says of its own error is true, and what a spectrum says of itself."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.inspection.curvature import Spectrum
from jaxnet.inspection.lanczos import combined, lanczos, ritz

SIZE = 30


@pytest.mark.parametrize("steps", [1, 4, 12])
def test_errors_are_the_residuals_and_bound_the_distance_to_an_eigenvalue(steps: int) -> None:
    with jax.enable_x64(True):
        random = np.random.default_rng(3)
        matrix = random.normal(size=(SIZE, SIZE))
        matrix = jnp.asarray(matrix + matrix.T)
        eigenvalues = np.linalg.eigvalsh(matrix)
        like = jnp.zeros(SIZE, jnp.float64)
        krylov = lanczos(lambda v: matrix @ v, like, steps=steps, key=jax.random.key(1))
        found = ritz(krylov)
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
