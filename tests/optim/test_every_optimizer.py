"""Properties of every optimizer besides its formula: traced numbers, sweeps, dtypes, errors."""

import inspect
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet.optim import OPTIMIZERS
from tests.comparison import assert_trees_close
from tests.optim.settings import SETTINGS
from tests.trajectories import first_update, follow, gradients, start

every = pytest.mark.parametrize("name", sorted(OPTIMIZERS))

MOVES_WITHOUT_GRADIENT = {"yogi": "its first moment starts at 1e-6"}
"""Optimizers that move weights whose gradient has always been 0, and why."""


def _make(name: str, rate: Any, **numbers: Any) -> optax.GradientTransformation:
    return OPTIMIZERS[name](rate, **{**SETTINGS[name].options, **numbers})


def _update(optimizer: optax.GradientTransformation, tree: Any, state: Any) -> tuple[Any, Any]:
    """Return the updates where gradients and parameters are one tree, and the new state."""
    return jax.jit(lambda tree, state: optimizer.update(tree, state, tree))(tree, state)


def _numbers(name: str) -> dict[str, float]:
    """Return the hyperparameters that are numbers by default, with their defaults."""
    parameters = inspect.signature(OPTIMIZERS[name]).parameters.values()
    named = [p for p in parameters if p.name != "learning_rate"]
    return {p.name: p.default for p in named if isinstance(p.default, float)}


@every
def test_numbers_may_be_traced_and_swept_without_tracing_again(
    name: str, float64: np.dtype
) -> None:
    """One program serves all rates and hyperparameters; under vmap, too; equal to constants."""
    params, rows = start(float64), gradients(10, float64)
    traces = []

    def path(rate: Any, numbers: Any) -> Any:
        traces.append(rate)
        return follow(_make(name, rate, **numbers), params, rows)

    numbers = _numbers(name)
    compiled, rates = jax.jit(path), jnp.array([0.001, 0.01], float64)
    traced = [compiled(rate, numbers) for rate in rates]
    assert len(traces) == 1
    together = jax.jit(jax.vmap(path, in_axes=(0, None)))(rates, numbers)
    fixed = jax.jit(lambda: follow(_make(name, 0.01), params, rows))()
    for i, alone in enumerate(traced):
        assert_trees_close(jax.tree.map(lambda leaf, i=i: np.asarray(leaf)[i], together), alone)
    assert_trees_close(traced[1], fixed)
    assert not np.allclose(traced[0]["bias"], traced[1]["bias"], rtol=0, atol=1e-12)


@every
def test_scanned_steps_equal_compiled_and_plain_ones(name: str, float64: np.dtype) -> None:
    """In float32, too, plain steps are compiled ones: see the battery."""
    params, rows = start(float64), gradients(3, float64)
    optimizer = _make(name, 0.01)
    scanned = jax.jit(lambda p, g: follow(optimizer, p, g))(params, rows)
    step = jax.jit(optimizer.update)
    w, state = params, optimizer.init(params)
    for t in range(3):
        row = jax.tree.map(lambda leaf, t=t: jnp.asarray(np.asarray(leaf)[t]), rows)
        plain, _ = optimizer.update(row, state, w)
        updates, state = step(row, state, w)
        assert_trees_close(plain, updates)
        w = optax.apply_updates(w, updates)
        assert_trees_close(jax.tree.map(lambda leaf, t=t: np.asarray(leaf)[t], scanned), w)


@every
def test_reverse_mode_goes_through_the_steps(name: str, float64: np.dtype) -> None:
    """Also where the gradient of a weight is 0 in all steps, as of a pixel that is never lit."""
    params, rows = start(float64), gradients(3, float64)
    rows = rows | {"bias": jnp.zeros_like(rows["bias"])}

    def shift(rate: Any) -> Any:
        return sum(leaf[-1].sum() for leaf in follow(_make(name, rate), params, rows).values())

    slope = jax.jit(jax.grad(shift))(0.01)
    ends = jax.jit(jax.vmap(shift))(jnp.array([0.01 - 1e-6, 0.01 + 1e-6]))
    assert float(slope) == pytest.approx(float(ends[1] - ends[0]) / 2e-6, 1e-5, abs=1e-9)


@every
def test_a_schedule_is_given_the_number_of_finished_steps(name: str) -> None:
    seen = []

    def schedule(count: jax.Array) -> jax.Array:
        seen.append((int(count), count.dtype))
        return jnp.array(0.01)

    optimizer = _make(name, schedule)
    w = jnp.ones((2, 2))
    state = optimizer.init(w)
    for _ in range(3):
        _, state = optimizer.update(jnp.ones((2, 2)), state, w)
    assert list(dict.fromkeys(seen)) == [(i, np.dtype("int32")) for i in range(3)]


@every
def test_gradients_of_zero_move_nothing(name: str) -> None:
    params = start(jnp.float32)
    rows = jax.tree.map(lambda leaf: jnp.zeros((5, *leaf.shape), leaf.dtype), params)
    still = {"weight_decay": 0.0} if "weight_decay" in _parameters(name) else {}
    path = jax.jit(lambda: follow(_make(name, 0.1, **still), params, rows))()
    for leaf, first in params.items():
        assert np.isfinite(path[leaf]).all()
        if name not in MOVES_WITHOUT_GRADIENT:
            np.testing.assert_array_equal(path[leaf], np.repeat(first[None], 5, axis=0))


def _parameters(name: str) -> Any:
    return inspect.signature(OPTIMIZERS[name]).parameters


@every
def test_each_leaf_keeps_its_dtype(name: str, float64: np.dtype) -> None:
    dtypes = {"half": jnp.bfloat16, "single": jnp.float32, "double": float64}
    params = {key: jnp.ones((2, 2), dtype) for key, dtype in dtypes.items()}
    optimizer = _make(name, 0.1)
    state = optimizer.init(params)
    updates, new = _update(optimizer, params, state)
    assert {key: leaf.dtype for key, leaf in updates.items()} == dtypes
    assert jax.tree.map(_kind, new) == jax.tree.map(_kind, state)


def _kind(leaf: Any) -> tuple[Any, Any]:
    return leaf.shape, leaf.dtype


@every
def test_takes_trees_with_nothing_in_them(name: str) -> None:
    """No leaves, None as equinox's partition leaves it, and what `optax.masked` hides."""
    for params in ({}, {"a": None, "b": jnp.ones(2)}, (optax.MaskedNode(), jnp.ones(2))):
        optimizer = _make(name, 0.1)
        updates, _ = optimizer.update(params, optimizer.init(params), params)
        assert jax.tree.structure(updates) == jax.tree.structure(params)


@pytest.mark.usefixtures("no_type_checks")  # NumPy's scalars are no floats to them
@every
@pytest.mark.parametrize("rate", [-0.1, math.nan, np.float32(-1)])
def test_learning_rate_out_of_range(name: str, rate: float) -> None:
    message = rf"expected learning_rate finite and in [\[(]0, inf\), got {rate}\.$"
    with pytest.raises(ValueError, match=message):
        _make(name, rate)


@every
def test_learning_rate_not_a_scalar(name: str) -> None:
    message = r"expected learning_rate to be a scalar, got shape \(3,\)\. Sweep over"
    with pytest.raises(ValueError, match=message):
        _make(name, jnp.ones(3))


@pytest.mark.usefixtures("no_type_checks")
@every
@pytest.mark.parametrize("rate", ["0.1", None, True, [0.1]], ids=repr)
def test_learning_rate_of_another_type(name: str, rate: Any) -> None:
    with pytest.raises(TypeError, match=r"expected learning_rate to be a number, got "):
        _make(name, rate)


@every
def test_numbers_out_of_range(name: str) -> None:
    """No hyperparameter may be NaN, infinite or, all being sizes or decays, negative."""
    for number in _numbers(name):
        for value in (math.nan, math.inf, -1.0):
            with pytest.raises(ValueError, match=rf"expected {number} finite and in "):
                _make(name, 0.1, **{number: value})


@pytest.mark.usefixtures("no_type_checks")
@every
def test_an_unknown_convention(name: str) -> None:
    if "like" in _parameters(name):
        with pytest.raises(ValueError, match=r"expected like to be one of .*, got 'tensorflow'\."):
            _make(name, 0.1, like="tensorflow")


@every
def test_parameters_that_are_integers(name: str) -> None:
    message = r"expected parameters\['steps'\] to be floating-point, got int32\. "
    with pytest.raises(TypeError, match=message):
        _make(name, 0.1).init({"steps": jnp.ones(2, jnp.int32), "w": jnp.ones(2)})


@every
def test_gradients_of_another_tree(name: str) -> None:
    optimizer = _make(name, 0.1)
    params = {"w": jnp.ones(2)}
    state = optimizer.init(params)
    with pytest.raises(TypeError, match="expected gradients to have the tree structure"):
        optimizer.update({"w": jnp.ones(2), "b": jnp.ones(1)}, state, params)
    with pytest.raises(ValueError, match=r"expected gradients\['w'\] to have shape \(2,\), got"):
        optimizer.update({"w": jnp.ones(3)}, state, params)


@every
def test_missing_parameters_where_weight_decay_needs_them(name: str) -> None:
    if "weight_decay" in _parameters(name):
        optimizer = _make(name, 0.1, weight_decay=0.01)
        with pytest.raises(ValueError, match=r"expected params to be given.* got None\. Call"):
            optimizer.update(jnp.ones(2), optimizer.init(jnp.ones(2)))


@every
def test_infinite_gradients_are_not_hidden(name: str) -> None:
    """The policy without a wrapper: a NaN goes through, so that training can see it diverge."""
    optimizer = _make(name, 0.1)
    g = jnp.array([jnp.nan, 1.0])
    updates, _ = _update(optimizer, g, optimizer.init(g))
    assert np.isnan(updates[0])


def test_every_optimizer_is_in_the_matrix() -> None:
    from experiments.peers.cases import CASES

    assert {case.optimizer for case in CASES} == set(OPTIMIZERS)


def test_the_first_float32_step_has_the_size_of_the_rate() -> None:
    """Adam's is ``eta g / (|g| + eps)``, though ``1 - b2`` cancels in float32."""
    rng = np.random.default_rng(0)
    g = (10.0 ** rng.uniform(-3, 3, 1000) * rng.choice([-1, 1], 1000)).astype(np.float32)
    for b2 in (0.99, 0.999, 0.9999):
        updates, _ = first_update(jaxnet.optim.adam(1e-3, b2=b2), jnp.asarray(g))
        exact = -1e-3 * g.astype(np.float64) / (np.abs(g.astype(np.float64)) + 1e-8)
        np.testing.assert_allclose(updates, exact, rtol=6e-7)
