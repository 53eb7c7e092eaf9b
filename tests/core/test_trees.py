"""Arithmetic on trees of parameters."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import all_finite, count_parameters, digest, global_norm, normal_like, select


@pytest.mark.parametrize(
    ("tree", "parameters"),
    [((), 0), (np.float32(3), 1), ({"w": np.zeros((2, 3)), "b": (np.zeros(2), ())}, 8)],
    ids=["empty", "scalar", "nested"],
)
def test_count_parameters(tree: Any, parameters: int) -> None:
    assert count_parameters(tree) == parameters


@pytest.mark.parametrize(("widths", "parameters"), [((784, 100, 100, 10), 89_610), ((3, 4, 2), 26)])
def test_count_parameters_of_the_lectures(widths: tuple[int, ...], parameters: int) -> None:
    params, _ = jaxnet.mlp(widths).init(jax.random.key(0), widths[:1])
    assert count_parameters(params) == parameters


def test_digest_is_one_of_the_content() -> None:
    tree = {"w": np.arange(6, dtype=np.float32).reshape(2, 3), "b": np.zeros(2, np.float32)}
    assert len(digest(tree)) == 64
    assert digest(tree) == digest(dict(reversed(tree.items())))
    assert digest(tree) == digest(jax.tree.map(jnp.asarray, tree))
    transposed = tree | {"w": np.asfortranarray(tree["w"])}  # other strides, same numbers
    assert digest(tree) == digest(transposed)


def test_digest_sees_each_change() -> None:
    w = np.arange(6, dtype=np.float32)
    one_bit = w.copy()
    one_bit.view(np.uint32)[3] ^= 1
    negative_zero = w * np.array([-1, 1, 1, 1, 1, 1], np.float32)
    others = [
        {"w": one_bit},
        {"w": negative_zero},
        {"w": w.view(np.int32)},
        {"w": w.reshape(2, 3)},
        {"w": w[::-1]},
        {"v": w},
        {"w": w[:3], "x": w[3:]},
        [w],
    ]
    digests = {digest(tree) for tree in [{"w": w}, *others]}
    assert len(digests) == 1 + len(others)


@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_all_finite_sees_one_bad_number_in_any_leaf(bad: float, dtype: np.dtype) -> None:
    tree = {"w": np.ones((2, 3), dtype), "b": np.ones(2, dtype), "n": np.arange(3)}
    assert bool(all_finite(tree))
    tree["b"][1] = bad
    assert not bool(jax.jit(all_finite)(tree))


def test_all_finite_of_nothing() -> None:
    assert bool(all_finite(()))


def test_select_takes_one_tree_whole(dtype: np.dtype) -> None:
    yes = {"w": jnp.ones((2, 3), dtype), "n": jnp.array(1)}
    no = {"w": jnp.full((2, 3), jnp.nan, dtype), "n": jnp.array(0)}
    for condition, expected in ((True, yes), (False, no)):
        chosen = jax.jit(select)(jnp.array(condition), yes, no)
        jax.tree.map(np.testing.assert_array_equal, chosen, expected)
        assert chosen["w"].dtype == dtype


def test_normal_trees_have_the_moments_and_no_common_leaves(dtype: np.dtype) -> None:
    like = {"w": jnp.zeros((100, 50), dtype), "v": jnp.zeros((100, 50), dtype), "b": jnp.float32(0)}
    drawn = normal_like(jax.random.key(0), like)
    assert jax.tree.map(jnp.result_type, drawn) == jax.tree.map(jnp.result_type, like)
    for leaf in (drawn["w"], drawn["v"]):
        # five standard errors of 5,000 numbers
        assert abs(float(leaf.mean())) < 5 / 5000**0.5
        assert abs(float(leaf.std()) - 1) < 5 / 10_000**0.5
    assert abs(np.corrcoef(drawn["w"].ravel(), drawn["v"].ravel())[0, 1]) < 5 / 5000**0.5


@pytest.mark.parametrize("transform", [lambda f: f, jax.jit, jax.vmap], ids=["op", "jit", "vmap"])
@pytest.mark.parametrize("exponent", [-37, -30, -22, -19, -16, -12, 0, 15, 19, 20, 30, 37])
def test_the_norm_is_right_at_every_scale(exponent: int, transform: Any) -> None:
    random = np.random.default_rng(exponent + 40)
    parts = [random.normal(size=(1, 3, 4)), random.normal(size=(1, 5)), np.zeros((1, 0))]
    tree = [jnp.asarray(part * 10.0**exponent, jnp.float32) for part in parts]
    exact = np.linalg.norm(np.concatenate([np.ravel(leaf).astype(float) for leaf in tree]))
    found = np.asarray(transform(global_norm)(tree), float)
    np.testing.assert_allclose(found, exact, rtol=1e-6)


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ([], 0.0),
        ([0.0, -0.0], 0.0),
        ([1e-30, np.nan], np.nan),
        ([1e30, -np.inf], np.inf),
        ([3e38, 1.0], 3e38),
        ([1e30, 1e-30], 1e30),
    ],
)
def test_the_norm_of_special_numbers(values: list[float], expected: float) -> None:
    found = float(global_norm({"w": jnp.array(values, jnp.float32)}))
    np.testing.assert_allclose(found, expected, rtol=1e-6)


def test_the_norm_of_narrow_leaves_is_taken_in_float32() -> None:
    ones = [jnp.ones(1000, jnp.bfloat16), jnp.full(3000, 300.0, jnp.float16)]
    found = global_norm(ones)
    assert found.dtype == np.float32
    assert float(found) == pytest.approx(np.sqrt(1000 + 3000 * 9e4), rel=1e-6)
    assert global_norm([jnp.array([3, 4]), 0]).item() == 5.0


@pytest.mark.parametrize("size", [1e-30, 1.0, 1e30])
def test_the_gradient_of_a_norm_is_the_direction_at_any_size(size: float) -> None:
    gradient = jax.grad(global_norm)(jnp.array([3 * size, 4 * size], jnp.result_type(float)))
    np.testing.assert_allclose(gradient, [0.6, 0.8], rtol=1e-6)
