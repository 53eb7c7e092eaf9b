"""The moments of batch normalization over all examples: by hand, by NumPy, by PyTorch."""

from typing import Any, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Layer
from jaxnet.data import Examples
from jaxnet.interchange import torch_module
from jaxnet.layers import (
    MovingMoments,
    activation,
    batch_norm,
    dense,
    dropout,
    gaussian_noise,
    parallel,
    rescale,
    residual,
    serial,
    shared,
)
from jaxnet.layers.batch_norm import ConventionName
from jaxnet.training import evaluate, fit, recompute_statistics
from tests.cases import random_like
from tests.comparison import Tolerance, assert_trees_close
from tests.peers import need, peers

conventions = pytest.mark.parametrize("convention", get_args(ConventionName))
ROUNDING = {"float32": Tolerance(1e-5, 1e-6), "float64": Tolerance(1e-12, 1e-14)}


def examples_of(x: Any) -> Examples:
    return Examples(x, np.zeros(len(x), np.int32))


def made(network: Layer, in_shape: tuple[int, ...] = (3,)) -> tuple[Any, Any]:
    """Return parameters, none of which is 0, and statistics that no examples have."""
    params, statistics = network.init(jax.random.key(0), in_shape)
    statistics = jax.tree.map(lambda leaf: jnp.abs(random_like(leaf)) + 3, statistics)
    return random_like(params, seed=1), statistics


# Of x = (1, 2, 6) the mean is 3, the variance (4 + 1 + 9) / 3 = 14/3, over n - 1 it is 7. In
# mini-batches of 2 and 1, the means are 3/2 and 6, the variances 1/4 and 0: within 1/6, between
# 2/3 (3/2)^2 + 1/3 3^2 = 9/2, together 14/3.
@pytest.mark.parametrize("batch_size", [1, 2, 3, 100])
@conventions
def test_worked_by_hand(convention: ConventionName, batch_size: int, dtype: np.dtype) -> None:
    layer = batch_norm(like=convention, momentum=0.0)
    params, statistics = made(layer, (1,))
    x = np.array([[1.0], [2.0], [6.0]])
    found = recompute_statistics(layer, params, statistics, examples_of(x), batch_size=batch_size)
    variance = 7.0 if convention == "torch" else 14 / 3
    expected = MovingMoments(jnp.array([3.0], dtype), jnp.array([variance], dtype))
    assert_trees_close(found, expected)


def test_of_one_example_the_variance_is_zero() -> None:
    for convention in get_args(ConventionName):
        layer = batch_norm(like=convention)
        found = recompute_statistics(layer, *made(layer), examples_of(np.ones((1, 3))))
        assert_trees_close(found, MovingMoments(jnp.ones(3), jnp.zeros(3)))


def _network(convention: ConventionName, momentum: float | None = None) -> Layer:
    """Return a network whose batch normalization stands in every combinator."""

    def norm() -> Layer:
        return batch_norm(like=convention, momentum=momentum)

    return serial(
        dense(4),
        norm(),
        residual(serial(activation("tanh"), dense(4), norm())),
        parallel(serial(norm(), activation("relu")), dense(3)),
        shared(dense(7), serial(norm(), activation("tanh")), uses=[0, 1]),
    )


@pytest.mark.parametrize("convention", ["lecture", "flax", "keras"])
def test_each_layer_has_the_moments_of_one_mini_batch_of_all(
    convention: ConventionName, dtype: np.dtype
) -> None:
    network, exact = _network(convention), _network(convention, momentum=0.0)  # nothing of the old
    params, statistics = made(network)
    x = 5 + 3 * np.random.default_rng(0).normal(size=(37, 3))
    applied = jax.jit(lambda x: exact.apply(params, statistics, x, training=True))
    _, expected = applied(jnp.asarray(x))
    for batch_size in (10, 36):  # by hand, above: of one and of all
        found = recompute_statistics(
            network, params, statistics, examples_of(x), batch_size=batch_size
        )
        assert_trees_close(found, expected, tolerance=ROUNDING[dtype.name])


@conventions
def test_what_is_recomputed_stays_when_it_is_again(
    convention: ConventionName, float64: np.dtype
) -> None:
    """PyTorch's moments, whose variance is over n - 1, are no mini-batch's but in the first."""
    network = _network(convention)
    params, statistics = made(network)
    examples = examples_of(5 + 3 * np.random.default_rng(0).normal(size=(37, 3)))
    once = recompute_statistics(network, params, statistics, examples, batch_size=10)
    again = recompute_statistics(network, params, once, examples, batch_size=37)
    assert jax.tree.leaves(once)[0].dtype == float64
    assert_trees_close(again, once)


def test_dropout_and_noise_are_off_as_in_evaluation() -> None:
    noisy = serial(dense(4), gaussian_noise(2.0), dropout(0.5), batch_norm(), dropout(0.5))
    params, statistics = made(noisy)
    x = np.random.default_rng(0).normal(size=(20, 3))
    found = recompute_statistics(noisy, params, statistics, examples_of(x))
    z, _ = noisy.apply(params, statistics, jnp.asarray(x))  # standardized by the old moments
    again, _ = noisy.apply(params, found, jnp.asarray(x))
    assert not np.allclose(z.mean(0), params[3].offset, atol=0.1)
    np.testing.assert_allclose(again.mean(0), params[3].offset, atol=1e-5)
    np.testing.assert_allclose(again.std(0), np.abs(params[3].scale), rtol=1e-4)


def test_extremes() -> None:
    constant = np.full((7, 3), [0.1, 1e20, -1e30], np.float32)
    layer = batch_norm(like="torch")
    found = recompute_statistics(layer, *made(layer), examples_of(constant), batch_size=2)
    np.testing.assert_array_equal(found.mean, constant[0])
    np.testing.assert_array_equal(found.variance, np.zeros(3))
    # far from 0: the squares have no digit of the variance left
    far = np.array([[4096.0], [4097.0], [4098.0], [4099.0], [4100.0]])
    found = recompute_statistics(batch_norm(), *made(layer, (1,)), examples_of(far), batch_size=2)
    np.testing.assert_allclose(found.variance, 2.0, rtol=1e-6)


def test_bytes_half_precision_and_other_statistics() -> None:
    pixels = np.random.default_rng(0).integers(0, 256, (30, 3)).astype(np.uint8)
    network = serial(rescale(1 / 255, dtype="bfloat16"), batch_norm(dtype="bfloat16"))
    params, statistics = network.init(jax.random.key(0), (3,))
    found = recompute_statistics(network, params, statistics, examples_of(pixels), batch_size=7)
    assert {leaf.dtype for leaf in jax.tree.leaves(found)} == {np.dtype("float32")}
    np.testing.assert_allclose(found[1].mean, pixels.mean(0) / 255, rtol=1e-2)
    scaled = jaxnet.mlp((3, 4, 2), standardize_like=pixels, drop_rate=0.5)
    params, statistics = scaled.init(jax.random.key(0), (3,))
    same = recompute_statistics(scaled, params, statistics, examples_of(pixels))
    jax.tree.map(np.testing.assert_array_equal, same, statistics)


def test_what_training_leaves_behind_is_put_right() -> None:
    digits = jaxnet.data.load_dataset("digits").train.take(slice(0, 300))
    network = jaxnet.mlp((64, 20, 10), input_scale=1 / 16, batch_norm="before")
    run = {"epochs": 3, "batch_size": 50, "optimizer": jaxnet.optim.adam(1e-2)}
    result = fit(network, digits, key=jax.random.key(0), **run)
    found = recompute_statistics(network, result.params, result.statistics, digits)
    assert jax.tree.structure(found) == jax.tree.structure(result.statistics)
    before, after = (
        evaluate(network, result.params, statistics, digits)["loss"]
        for statistics in (result.statistics, found)
    )
    assert after < before / 2  # 18 steps, each with a weight of .01, have moved them by a sixth


@peers
def test_equals_pytorchs_update_bn_on_one_mini_batch(dtype: np.dtype) -> None:
    torch = need("torch")
    layers = [dense(5), batch_norm(like="torch"), activation("tanh"), dense(4)]
    network = serial(*layers, batch_norm(like="torch"))
    params, statistics = made(network)
    x = np.random.default_rng(0).normal(size=(400, 3)).astype(dtype)
    module = torch_module(network, params, statistics)

    def theirs(parts: list[Any], place: int) -> MovingMoments:
        torch.optim.swa_utils.update_bn([torch.from_numpy(part) for part in parts], module)
        moments = module[place].running_mean, module[place].running_var
        return MovingMoments(*(jnp.asarray(moment.numpy()) for moment in moments))

    found = recompute_statistics(network, params, statistics, examples_of(x), batch_size=130)
    assert_trees_close(found[1], theirs([x], 1), tolerance=ROUNDING[dtype.name])
    # the one before standardizes by a variance over n in theirs, over n - 1 in evaluation
    assert_trees_close(found[4], theirs([x], 4), tolerance=Tolerance(1 / 400, 0.0))
    # over several mini-batches, theirs have the mean of the variances within them
    assert not np.allclose(theirs([x[:390], x[390:]], 1).variance, found[1].variance, rtol=1e-2)


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (examples_of(np.zeros((0, 3))), "expected examples to pair each of one or more inputs"),
        (examples_of(np.full((2, 3), np.nan)), "expected examples.inputs to be finite"),
        (examples_of(np.zeros((2, 4))), r"expected x of shape \(batch, 3\)"),
    ],
)
def test_bad_examples(examples: Examples, message: str) -> None:
    layer = batch_norm()
    with pytest.raises(ValueError, match=message):
        recompute_statistics(layer, *made(layer), examples)
    with pytest.raises(ValueError, match="expected batch_size >= 1, got 0"):
        recompute_statistics(layer, *made(layer), examples, batch_size=0)
