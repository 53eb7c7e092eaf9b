"""Checks that need eight devices: `test_parallel.py` runs them in a process that has as many."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.training import FitResult, Recipe, early_stopping, fit, grid, sweep
from jaxnet.training.distributed.mesh import make_mesh
from jaxnet.training.fit import _MemoryRun
from jaxnet.training.host_loop import CAPACITY
from jaxnet.training.loop.state import init_state
from jaxnet.training.program import LoopConfig, without_rates
from jaxnet.training.recipe import check_recipe
from tests.training.toys import blobs

NETWORK = jaxnet.mlp((3, 16, 3), activation="tanh", batch_norm="before", drop_rate=0.2)

# Batch norm takes the mean away, so that the gradient of the bias before it is 0 but for rounding:
# plain momentum leaves it at 0, Adam would make steps of it.
OPTIMIZER = jaxnet.optim.momentum(0.05)


SETTINGS: dict[str, Any] = {
    "optimizer": OPTIMIZER,
    "epochs": 6,
    "batch_size": 8,
    "penalty": jaxnet.penalties.get_penalty("l2", strength=1e-2),
    "constraint": lambda params: jax.tree.map(lambda leaf: jnp.clip(leaf, -2, 2), params),
    "rules": (early_stopping(patience=50),),
    "instruments": {"mean": lambda params, statistics, train: jnp.mean(train.inputs)},
}
"""All that a run can have that looks at a whole mini-batch, or at all examples."""


def run(n: int, devices: int | None, *, seed: int = 0, **more: Any) -> FitResult:
    """Train on the first few devices."""
    chosen = None if devices is None else jax.devices()[:devices]
    data = {"validation": blobs(61, seed=1), "key": jax.random.key(seed)}
    return fit(NETWORK, blobs(n), devices=chosen, **SETTINGS | data | more)


def results(result: FitResult) -> Any:
    return result.params, result.statistics, result.state._replace(key=()), result.history


def distance(a: FitResult, b: FitResult) -> float:
    """Return the largest difference of two runs' parameters, statistics, states and curves."""
    pairs = zip(jax.tree.leaves(results(a)), jax.tree.leaves(results(b)), strict=True)
    return max(float(np.max(np.abs(np.subtract(x, y, dtype=float)))) for x, y in pairs)


@pytest.mark.parametrize(
    ("n", "devices", "engine", "short_batch", "dtype", "tolerance"),
    [
        # 102 steps; a short batch of 5 examples, a short chunk of 5 in evaluation
        (133, 8, "autodiff", "equal", "float32", 1e-5),
        # a short batch of 4, which the devices divide
        (132, 4, "by_hand", "mean", "float64", 1e-13),
    ],
    ids=["8-autodiff-float32", "4-by_hand-float64"],
)
def test_many_devices_equal_one(
    n: int, devices: int, engine: str, short_batch: Any, dtype: str, tolerance: float
) -> None:
    assert jax.device_count() == 8
    more = {"gradient": engine, "short_batch": short_batch}
    with jax.enable_x64(dtype == "float64"):
        one, many = run(n, None, **more), run(n, devices, **more)
        assert distance(one, many) < tolerance
        assert distance(one, run(n, None, seed=1, **more)) > 0.1
        assert many.params[0].weights.dtype == dtype


def test_a_step_sums_over_the_devices_once(optimized: None) -> None:
    """All gradients, the loss and the metric in one sum, and nothing else goes between devices."""
    network = jaxnet.mlp((3, 16, 3), activation="tanh", drop_rate=0.2)
    recipe = check_recipe(Recipe(network, OPTIMIZER, metrics="accuracy"))
    mesh = make_mesh(jax.devices(), 8)
    loop = LoopConfig(CAPACITY, 8, instruments=(), mesh=mesh)
    state = init_state(network, OPTIMIZER, (3,), key=jax.random.key(0))
    examples = jax.tree.map(jnp.asarray, blobs(128)), None
    text = _MemoryRun(without_rates(recipe), loop, examples).lowered(state).compile().as_text()
    kinds = r" (all-reduce|all-gather|all-to-all|collective-permute|reduce-scatter)\("
    assert re.findall(kinds, text) == ["all-reduce"]
    (sums,) = re.findall(r"= \((.*)\) all-reduce\(", text)
    assert sums.count("f32[") == len(jax.tree.leaves(state.params)) + 2


def test_a_run_goes_on_with_other_devices_from_plain_arrays() -> None:
    whole, first = run(133, 8), run(133, 8, epochs=3)
    assert all(len(leaf.devices()) == 1 for leaf in jax.tree.leaves((first.params, first.state)))
    assert digest(run(133, 8, epochs=3, state=first.state).params) == digest(whole.params)
    assert digest(run(133, 8, report_every=1).params) == digest(whole.params)
    later = run(133, None, epochs=3, state=first.state)
    assert distance(later._replace(history=whole.history), whole) < 1e-5


def test_results_of_different_devices_can_be_computed_with_together() -> None:
    key, data = jax.random.key(0), blobs(61, seed=1)
    first, last = (
        fit(NETWORK, blobs(133), validation=data, key=key, devices=devices, **SETTINGS)
        for devices in (jax.devices()[:2], jax.devices()[6:])
    )
    assert digest((first.params, first.state)) == digest((last.params, last.state))
    between = jax.tree.map(lambda a, b: (a + b) / 2, first.params, last.params)
    assert digest(between) == digest(first.params)
    own = jax.device_put(first.params, jax.devices()[3])  # a plain array goes where others are
    assert digest(jax.tree.map(jnp.maximum, own, last.params)) == digest(first.params)
    bits = jax.random.bits(last.state.key, (3,)) ^ jax.device_put(jnp.uint32(1), jax.devices()[5])
    assert bits.shape == (3,)


def test_members_of_a_sweep_have_the_same_bits_on_three_devices_as_on_one() -> None:
    def build(learning_rate: Any) -> Recipe:
        return Recipe(jaxnet.mlp((3, 3)), jaxnet.optim.adam(learning_rate))

    def swept(devices: Any) -> Any:
        settings = grid(learning_rate=[0.001, 0.003, 0.01, 0.03, 0.1, 0.3, 1.0])
        runs: dict[str, Any] = {"epochs": 2, "batch_size": 8, "width": 1, "keep": "state"}
        return sweep(
            build, blobs(), key=jax.random.key(3), settings=settings, devices=devices, **runs
        )

    one, three = swept(jax.devices()[:1]), swept(jax.devices()[3:6])  # 7 members: 3, 2 and 2
    assert (one.devices, three.devices, three.width) == (1, 3, 1)
    assert digest((one.state, one.history)) == digest((three.state, three.history))
