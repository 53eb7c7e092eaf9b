"""Synthetic data: the law of each process, balanced labels, keys, refusals."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.data import synthetic
from jaxnet.data.examples import Examples

CLASSES: dict[str, tuple[Callable[..., Examples], int]] = {
    "two_moons": (synthetic.two_moons, 2),
    "two_circles": (synthetic.two_circles, 2),
    "spirals": (synthetic.spirals, 2),
    "xor": (synthetic.xor, 2),
    "blobs": (synthetic.blobs, 3),
}
REGRESSIONS: dict[str, Callable[..., Examples]] = {
    "projectile": synthetic.projectile,
    "polynomial": synthetic.polynomial,
}
ALL = REGRESSIONS | {name: draw for name, (draw, _) in CLASSES.items()}
every = pytest.mark.parametrize("draw", ALL.values(), ids=ALL.keys())


@every
def test_a_key_gives_the_same_examples_compiled_or_not(draw: Any) -> None:
    key, n = jax.random.key(3), 50
    plain, compiled = draw(key, n), jax.jit(draw, static_argnums=1)(key, n)
    np.testing.assert_allclose(plain.inputs, compiled.inputs, rtol=1e-5, atol=1e-5)
    np.testing.assert_allclose(plain.targets, compiled.targets, rtol=1e-5, atol=1e-5)


@every
def test_another_key_gives_others_in_both_precisions(draw: Any, dtype: np.dtype) -> None:
    compiled = jax.jit(draw, static_argnums=1)
    one, other = (compiled(jax.random.key(seed), 50).inputs for seed in (3, 4))
    assert one.dtype == dtype
    assert not np.array_equal(one, other)


@pytest.mark.parametrize(("draw", "classes"), CLASSES.values(), ids=CLASSES.keys())
def test_labels_are_balanced_and_shuffled(draw: Any, classes: int) -> None:
    label = np.asarray(draw(jax.random.key(0), 1200).targets)
    assert label.dtype == np.int32
    assert np.bincount(label).tolist() == [1200 // classes] * classes
    first = np.bincount(label[:300], minlength=classes) / 300
    np.testing.assert_allclose(first, 1 / classes, atol=0.1)


def test_a_thrown_body_flies_as_newton_says(float64: np.dtype) -> None:
    x, d = synthetic.projectile(jax.random.key(0), 1000)
    v, h = np.asarray(x).T
    fall = np.sqrt(2 * h / 9.81)
    np.testing.assert_allclose(np.asarray(d)[:, 0], v * fall, rtol=1e-12)
    assert 1 <= v.min() < 2
    assert 29 < v.max() < 30
    assert 0.5 <= h.min() < 1
    assert 19 < h.max() < 20
    _, noisy = synthetic.projectile(jax.random.key(0), 1000, noise=2.0)
    assert 1.8 < np.std(np.asarray(noisy - d)) < 2.2


def test_the_noise_of_the_polynomial_machine_is_bounded(float64: np.dtype) -> None:
    x, v = synthetic.polynomial(jax.random.key(0), 2000, coefficients=(1.0, -2.0, 0.5), noise=0.25)
    error = np.asarray(v - (1 - 2 * x + 0.5 * x**2))
    assert -0.25 <= error.min() < -0.24
    assert 0.24 < error.max() <= 0.25


def nearest(train: Examples, test: Examples) -> float:
    """Return the accuracy of the nearest neighbour."""
    gaps = np.asarray(test.inputs)[:, None] - np.asarray(train.inputs)[None]
    nearest = np.argmin((gaps**2).sum(axis=-1), axis=1)
    return float(np.mean(np.asarray(train.targets)[nearest] == np.asarray(test.targets)))


def linear(train: Examples, test: Examples) -> float:
    """Return the accuracy of the line with the least squares."""
    rows = [np.c_[np.ones(len(e.inputs)), np.asarray(e.inputs)] for e in (train, test)]
    w, *_ = np.linalg.lstsq(rows[0], 2.0 * np.asarray(train.targets) - 1, rcond=None)
    return float(np.mean((rows[1] @ w > 0) == np.asarray(test.targets)))


@pytest.mark.parametrize("name", ["two_circles", "spirals", "xor"])
def test_no_line_separates_what_neighbours_do(name: str) -> None:
    draw = ALL[name]
    train, test = draw(jax.random.key(0), 600), draw(jax.random.key(1), 600)
    assert nearest(train, test) > 0.95
    assert linear(train, test) < 0.72


def test_moons_and_circles_have_the_radii_of_scikit_learn() -> None:
    datasets = pytest.importorskip("sklearn.datasets")
    for ours, theirs in (
        (synthetic.two_moons, datasets.make_moons),
        (synthetic.two_circles, lambda n, **k: datasets.make_circles(n, factor=0.5, **k)),
    ):
        x, label = ours(jax.random.key(0), 2000, noise=0.0)
        other, classes = theirs(2000, random_state=0)
        for each in (0, 1):
            mine, his = np.asarray(x)[np.asarray(label) == each], other[classes == each]
            np.testing.assert_allclose(mine.min(axis=0), his.min(axis=0), atol=0.02)
            np.testing.assert_allclose(mine.max(axis=0), his.max(axis=0), atol=0.02)


@pytest.mark.parametrize("condition", [1.0, 1e4])
def test_blobs_have_the_condition_number_and_the_distance(
    condition: float, float64: np.dtype
) -> None:
    x, label = synthetic.blobs(
        jax.random.key(0), 30_000, features=3, condition=condition, separation=50.0
    )
    for each in range(3):
        cloud = np.asarray(x)[np.asarray(label) == each]
        assert np.linalg.cond(np.cov(cloud.T)) == pytest.approx(condition, rel=0.15)
        assert np.linalg.norm(cloud.mean(axis=0)) == pytest.approx(50, rel=0.01)


def test_a_student_that_is_the_teacher_makes_no_error(dtype: np.dtype) -> None:
    network = jaxnet.mlp((4, 5, 3))
    key = jax.random.key(0)
    x, y = synthetic.teacher(key, 20, network, (4,))
    params, statistics = network.init(jax.random.split(key, 3)[1], (4,))
    np.testing.assert_array_equal(y, network.apply(params, statistics, x)[0])
    _, label = synthetic.teacher(key, 20, network, (4,), labels=True)
    np.testing.assert_array_equal(label, np.argmax(np.asarray(y), axis=1))


def test_keys_and_noise_may_be_swept() -> None:
    keys = jax.random.split(jax.random.key(0), 3)
    x, _ = jax.vmap(lambda key, noise: synthetic.xor(key, 8, noise=noise))(keys, jnp.arange(3.0))
    assert np.all(np.abs(x[0]) == 1)
    assert x.shape == (3, 8, 2)


@pytest.mark.parametrize(
    ("draw", "options", "expected"),
    [
        (synthetic.xor, {"n": 0}, "expected n >= 1, got 0"),
        (synthetic.xor, {"key": 3}, "expected key to be one PRNG key"),
        (synthetic.xor, {"noise": -1.0}, "expected noise finite and in [0, inf), got -1.0"),
        (synthetic.two_circles, {"factor": 1.0}, "expected factor finite and in (0, 1)"),
        (synthetic.spirals, {"turns": 0.0}, "expected turns finite and in (0, inf)"),
        (synthetic.spirals, {"classes": 1}, "expected classes >= 2, got 1"),
        (synthetic.blobs, {"condition": 0.5}, "expected condition finite and in [1, inf)"),
        (synthetic.blobs, {"features": 0}, "expected features >= 1, got 0"),
        (synthetic.projectile, {"heights": (-1.0, 2.0)}, "expected heights finite and in [0, inf)"),
        (
            synthetic.projectile,
            {"velocities": (9.0, 1.0)},
            "velocities to be the least and the lar",
        ),
        (synthetic.polynomial, {"inputs": (0.0, np.nan)}, "expected inputs finite"),
        (synthetic.polynomial, {"coefficients": ()}, "expected coefficients to be one or more"),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_refusals(draw: Any, options: dict[str, Any], expected: str) -> None:
    given = {"key": jax.random.key(0), "n": 10, **options}
    with pytest.raises((ValueError, TypeError)) as caught:
        draw(**given)
    assert expected in str(caught.value)
