"""An epoch sees every example once, in the order and with the weight that it should."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.random import random_order
from jaxnet.data import Examples
from jaxnet.layers import batch_norm, dense, dropout, serial
from jaxnet.training.loop.epoch import NEVER, _draw_order, make_epoch
from jaxnet.training.loop.gradient import autodiff
from jaxnet.training.loop.objective import make_objective
from jaxnet.training.loop.state import TrainState, init_state
from jaxnet.training.loop.step import StepState, make_step
from tests.comparison import Tolerance, assert_trees_close
from tests.training.toys import blobs, minus, network, tally


def tally_after(n: int, *, epochs: int = 1, **settings: Any) -> np.ndarray:
    """Train the tallying network and return how much each example counted."""
    layer, examples = tally(n)
    result = jaxnet.training.fit(
        layer,
        examples,
        key=jax.random.key(3),
        optimizer=jaxnet.optim.sgd(1.0),
        epochs=epochs,
        loss=minus,
        metrics=(),
        **settings,
    )
    return np.asarray(result.state.params)


@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
@pytest.mark.parametrize("batch_size", [1, 3, 5, 10], ids=["sample", "short", "even", "full"])
def test_every_example_weighs_the_same(batch_size: int, shuffle: bool) -> None:
    counts = tally_after(10, epochs=2, batch_size=batch_size, shuffle=shuffle)
    np.testing.assert_allclose(counts, np.full(10, 2 / batch_size), rtol=1e-6)


@pytest.mark.parametrize("subset", [None, np.array([7, 2, 2, 5])], ids=["all", "subset"])
def test_a_single_mini_batch_is_not_shuffled(subset: np.ndarray | None) -> None:
    seen: list[Any] = []

    def keep(key: jax.Array, batch: Examples) -> Examples:
        jax.debug.callback(lambda *given: seen.extend(given), batch.inputs[:, 0], batch.weights)
        return batch

    net, size = network(), 10 if subset is None else len(subset)
    step = make_step(make_objective(net, given, []), autodiff, jaxnet.optim.sgd(0.1))
    epoch = make_epoch(
        step, batch_size=size, shuffle=True, short_batch="equal", augment=keep, subset=subset
    )
    state = init_state(net, jaxnet.optim.sgd(0.1), (3,), key=jax.random.key(0))
    rows = jnp.tile(jnp.arange(10.0)[:, None], 3)
    jax.block_until_ready(jax.jit(epoch)(state, Examples(rows, rows, jnp.arange(10.0))))
    np.testing.assert_array_equal(seen[0], np.arange(10) if subset is None else subset)
    assert seen[1].mean() == pytest.approx(1)


def test_a_short_batch_can_be_given_its_own_mean() -> None:
    counts = tally_after(10, batch_size=4, shuffle=False, short_batch="mean")
    np.testing.assert_allclose(counts, [1 / 4] * 8 + [1 / 2] * 2, rtol=1e-6)


def test_a_short_batch_can_be_dropped() -> None:
    counts = tally_after(10, batch_size=4, shuffle=False, short_batch="drop")
    np.testing.assert_allclose(counts, [1 / 4] * 8 + [0] * 2, rtol=1e-6)


def test_what_is_dropped_changes_with_every_epoch() -> None:
    counts = tally_after(10, epochs=40, batch_size=4, short_batch="drop")
    assert counts.sum() == pytest.approx(40 * 8 / 4)
    assert (counts > 0).all()


def test_fixed_batches_come_in_a_new_order_and_stay_the_same() -> None:
    drawn = [np.asarray(_draw_order(jax.random.key(seed), 10, 3, "batches")) for seed in range(20)]
    for order in drawn:
        batches = order[:9].reshape(3, 3)
        np.testing.assert_array_equal(batches, batches[:, :1] + np.arange(3))
        assert sorted(batches[:, 0].tolist()) == [0, 3, 6]
        assert order[9] == 9
    assert len({tuple(order) for order in drawn}) == 6  # all orders of three
    counts = tally_after(10, epochs=40, batch_size=4, shuffle="batches", short_batch="drop")
    np.testing.assert_allclose(counts, [10] * 8 + [0] * 2, rtol=1e-6)


@pytest.mark.parametrize("shuffle", [True, False], ids=["shuffled", "in order"])
def test_every_example_of_every_epoch_has_a_mask_of_its_own(shuffle: bool) -> None:
    # with rate 1 a unit's weight becomes the number of masks that kept it: five examples, the
    # last of them in a short mini-batch, in two epochs
    units, masks = 4000, 10
    layers = [dense(units, initializer="zeros", bias_initializer=None), dropout(0.5)]
    result = jaxnet.training.fit(
        serial(*layers),
        Examples(np.ones((5, 1), np.float32), np.zeros(5, np.int32)),
        key=jax.random.key(6),
        optimizer=jaxnet.optim.sgd(1.0),
        epochs=2,
        batch_size=2,
        shuffle=shuffle,
        loss=lambda outputs, targets: -jnp.sum(outputs, axis=-1),
        metrics=(),
    )
    kept = np.asarray(result.state.params[0].weights)
    # binomial: a mask that is used twice adds 1/2 to the variance, four standard errors are .22
    variance = masks / 4
    assert abs(np.var(kept) - variance) < 4 * variance * np.sqrt(2 / units)
    assert abs(np.mean(kept) - masks / 2) < 4 * np.sqrt(variance / units)


def start(optimizer: Any) -> TrainState:
    return init_state(network(), optimizer, (3,), key=jax.random.key(0))


def test_a_run_draws_from_another_key_than_its_parameters() -> None:
    state = start(jaxnet.optim.sgd(0.1))
    for key in (state.key, jax.random.key(0)):
        again, _ = network().init(key, (3,))
        assert not np.allclose(again[0].weights, state.params[0].weights)


@pytest.mark.parametrize("gradient", ["autodiff", "by_hand"])
def test_statistics_move_with_every_step(gradient: str, float64: np.dtype) -> None:
    examples = blobs()
    result = jaxnet.training.fit(
        serial(batch_norm(momentum=0.5), dense(3)),
        examples,
        key=jax.random.key(0),
        optimizer=jaxnet.optim.sgd(0.1),
        epochs=2,
        batch_size=37,
        gradient=gradient,
    )
    mean, variance = result.state.statistics[0]
    # two steps, each half the way from 0 and 1 to the moments of all examples
    np.testing.assert_allclose(mean, 0.75 * examples.inputs.mean(axis=0), rtol=1e-12)
    np.testing.assert_allclose(variance, 0.25 + 0.75 * examples.inputs.var(axis=0), rtol=1e-12)


def given(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    """Return the targets as losses."""
    return targets[:, 0] + 0 * outputs[:, 0]


@functools.cache
def epoch_of_given_losses() -> Any:
    step = make_step(make_objective(network(), given, []), autodiff, jaxnet.optim.sgd(0.1))
    return jax.jit(make_epoch(step, batch_size=4, shuffle=False, short_batch="equal"))


@pytest.mark.parametrize(
    ("losses", "first_bad", "last"),
    [
        ([1, 2, 3, 4, 5, 6, 7, 8, 9, 11], NEVER, 10.0),  # the mean of the short mini-batch
        ([1, 2, 3, 5, np.inf, 0, 0, 0, np.nan, 1], 1, 2.75),
        ([np.nan, 2, 3, 4, 5, 6, 7, 10, np.inf, 1], 0, 7.0),
        ([np.inf] * 10, 0, np.nan),
    ],
)
def test_the_first_loss_that_is_not_finite_and_the_last_that_is(
    losses: list[float], first_bad: int, last: float
) -> None:
    targets = jnp.asarray(losses, jnp.result_type(float))[:, None]
    _, record = epoch_of_given_losses()(
        start(jaxnet.optim.sgd(0.1)), Examples(np.ones((10, 3), targets.dtype), targets)
    )
    assert int(record.diverged_at) == first_bad
    np.testing.assert_allclose(record.last_loss, last, rtol=1e-6)


@pytest.mark.parametrize(
    ("dtype", "batch_size"),
    [("float64", 1), ("float64", 8), ("float64", 37), ("float32", 8)],
    ids=["sample", "mini-batch", "full batch", "mini-batch, float32"],
    indirect=["dtype"],
)
def test_scan_equals_a_python_loop_of_steps(dtype: np.dtype, batch_size: int) -> None:
    optimizer, examples = jaxnet.optim.adam(0.01), jax.tree.map(jnp.asarray, blobs())
    objective = make_objective(network(), "softmax_cross_entropy", ["accuracy"])
    step = make_step(objective, autodiff, optimizer)
    epoch = make_epoch(step, batch_size=batch_size, shuffle=True, short_batch="equal")
    state = start(optimizer)
    scanned, record = jax.jit(epoch)(state, examples)

    order_key, step_key = jax.random.split(jax.random.fold_in(state.key, 0))
    order, total = np.asarray(random_order(order_key, 37)), 0.0
    compiled = jax.jit(step, static_argnums=3)
    looped = StepState(state.params, state.statistics, state.opt_state)
    for index, first in enumerate(range(0, 37, batch_size)):
        batch = blobs().take(order[first : first + batch_size])
        key = jax.random.fold_in(step_key, index)
        looped, sums = compiled(looped, batch, key, batch_size)
        total += float(sums["loss"])
    # rounding differs between a loop and a scan: 1.2e-7 measured after 600 float32 steps
    tolerance = Tolerance(1e-5, 1e-6) if dtype == np.float32 else Tolerance(1e-12, 1e-14)
    assert_trees_close(scanned.params, looped.params, tolerance=tolerance)
    assert float(record.train["loss"]) == pytest.approx(total / 37, rel=1e-5)
    assert int(scanned.epoch) == 1


def test_full_batch_is_one_step_of_gradient_descent(dtype: np.dtype) -> None:
    examples = jax.tree.map(jnp.asarray, blobs())
    optimizer = jaxnet.optim.sgd(0.1)
    before = start(optimizer)

    def risk(params: Any) -> jax.Array:
        outputs, _ = network().apply(params, before.statistics, examples.inputs)
        return jaxnet.losses.softmax_cross_entropy(outputs, examples.targets).mean()

    @jax.jit
    def descended(params: Any) -> Any:
        return jax.tree.map(lambda w, g: w - 0.1 * g, params, jax.grad(risk)(params))

    expected = descended(before.params)
    after = jaxnet.training.fit(
        network(), examples, key=jax.random.key(0), optimizer=optimizer, epochs=1, batch_size=37
    ).state
    assert after.params[0].weights.dtype == dtype
    assert_trees_close(after.params, expected)
