"""Successive halving: who goes on does so as if nothing had happened, and few do."""

import functools
from typing import Any

import jax
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet.training import (
    HalvingResult,
    Recipe,
    early_stopping,
    grid,
    init_state,
    successive_halving,
    sweep,
)
from jaxnet.training.loop.state import with_keys, without_keys
from jaxnet.training.sweeps.halving import plan_rungs
from tests.comparison import Tolerance, assert_trees_close
from tests.training.toys import blobs, network

KEY = jax.random.key(2)
SETTINGS = grid(learning_rate=[1e-4, 1e-3, 0.01, 0.03, 0.1, 0.3, 1.0, 1e38])
RUNS: dict[str, Any] = {"key": KEY, "epochs": 10, "batch_size": 8, "seeds": 2}


def build(learning_rate: Any, patience: Any = 3) -> Recipe:
    rules = [early_stopping(patience=patience)]  # of the better settings, some end before
    net = jaxnet.mlp((3, 5, 3), activation="tanh", drop_rate=0.1)
    return Recipe(net, jaxnet.optim.adam(learning_rate), rules=rules)


@functools.cache
def halved(width: Any) -> HalvingResult:
    given: Any = {
        "settings": SETTINGS,
        "min_epochs": 2,
        "reduction": 2,
        "width": width,
    }
    return successive_halving(build, blobs(), blobs(seed=1), **given, **RUNS)


@pytest.mark.slow
@pytest.mark.parametrize("width", [1, "all"])
def test_survivors_are_what_uninterrupted_runs_are(width: Any) -> None:
    result = halved(width)
    last = result.rungs[-1]
    settings = SETTINGS.take(last.indices)
    whole = sweep(build, blobs(), settings=settings, validation=blobs(seed=1), **RUNS)
    np.testing.assert_array_equal(last.sweep.done, whole.done)
    np.testing.assert_array_equal(last.sweep.epoch, whole.epoch)
    np.testing.assert_array_equal(last.sweep.ended_by, whole.ended_by)
    assert_trees_close(last.sweep.params, whole.params, tolerance=Tolerance(1e-5, 1e-6))
    for ours, theirs in zip(
        jax.tree.leaves(last.sweep.history), jax.tree.leaves(whole.history), strict=True
    ):
        np.testing.assert_allclose(ours, theirs, rtol=1e-5, atol=1e-6)
    for name, values in last.sweep.metrics.items():
        np.testing.assert_allclose(values, whole.metrics[name], rtol=1e-5, atol=1e-6)
    assert result.best == whole.best()


@pytest.mark.parametrize(
    ("settings", "epochs", "min_epochs", "reduction", "plan"),
    [
        (10, 20, 1, 3, [(10, 1), (3, 3), (1, 20)]),
        (7, 9, 2, 2, [(7, 2), (3, 4), (1, 9)]),
        (100, 5, 3, 3, [(100, 3), (33, 5)]),  # the last epoch comes before one is left
        (2, 10, 2, 3, [(2, 2), (1, 10)]),
        (1, 10, 2, 3, [(1, 10)]),
        (5, 4, 4, 2, [(5, 4)]),
    ],
)
def test_a_rung_is_rounded_down_and_never_empty(
    settings: int, epochs: int, min_epochs: int, reduction: int, plan: list[tuple[int, int]]
) -> None:
    given = {"epochs": epochs, "min_epochs": min_epochs, "reduction": reduction}
    assert plan_rungs(settings, **given) == plan


@pytest.mark.slow
def test_the_best_go_on_and_the_cost_is_what_the_plan_says() -> None:
    plan = plan_rungs(8, epochs=10, min_epochs=2, reduction=2)
    assert plan == [(8, 2), (4, 4), (2, 8), (1, 10)]
    patient = functools.partial(build, patience=10)
    given: Any = {"settings": SETTINGS, "min_epochs": 2, "reduction": 2, "width": 1}
    result = successive_halving(patient, blobs(), blobs(seed=1), **given, **RUNS)
    assert [(len(rung.indices), rung.epochs) for rung in result.rungs] == plan
    for lower, upper in zip(result.rungs[:-1], result.rungs[1:], strict=True):
        order = lower.sweep.ranking()
        assert upper.indices.tolist() == lower.indices[order[: len(upper.indices)]].tolist()
        assert lower.sweep.params is None
    # 8 settings for 2 epochs, 4 for 2 more, 2 for 4 more, 1 for 2 more; the one that diverges
    # ends in its first epoch
    diverged = 2
    assert result.epochs_trained == 2 * (8 * 2 + 4 * 2 + 2 * 4 + 1 * 2) - diverged
    assert result.epochs_of_all == 2 * 8 * 10


@pytest.mark.slow
def test_a_setting_that_diverges_never_goes_on() -> None:
    rates = grid(learning_rate=[0.01, 1e38, 2e38, 3e38])
    given: Any = {"settings": rates, "min_epochs": 1, "reduction": 2}
    result = successive_halving(build, blobs(), blobs(seed=1), **given, **RUNS)
    assert [rung.indices.tolist() for rung in result.rungs] == [[0, 1, 2, 3], [0]]
    assert [rung.epochs for rung in result.rungs] == [1, 10]  # alone, it goes to the end at once
    assert result.best == {"learning_rate": 0.01}
    given["settings"] = grid(learning_rate=[1e38, 2e38])
    with pytest.raises(ValueError, match="to hold one of which no run diverges, got 2 that do"):
        successive_halving(build, blobs(), blobs(seed=1), **given, **RUNS)


def test_a_state_s_keys_survive_as_integers() -> None:
    noisy = optax.chain(optax.add_noise(0.1, 0.5, jax.random.key(3)), optax.sgd(0.1))
    state = init_state(network(), noisy, (3,), key=jax.random.key(0))
    plain = without_keys(state)
    assert all(isinstance(np.asarray(leaf), np.ndarray) for leaf in jax.tree.leaves(plain))
    restored = with_keys(plain, state, key=state.key)
    assert jax.tree.map(lambda leaf: leaf.dtype, restored) == jax.tree.map(
        lambda leaf: leaf.dtype, state
    )
    assert (jax.random.key_data(restored.key) == jax.random.key_data(state.key)).all()


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"min_epochs": 11}, "expected min_epochs at most epochs=10, got 11"),
        ({"reduction": 1}, "expected reduction >= 2, got 1"),
        ({"metric": "loss"}, "expected metric to be one of"),
        ({"keep": "params"}, "expected keep not to be given"),
        ({"seeds": 0}, "expected seeds >= 1, got 0"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_input(changed: dict[str, Any], message: str) -> None:
    given: Any = RUNS | {"settings": SETTINGS} | changed
    with pytest.raises(ValueError) as caught:
        successive_halving(build, blobs(), blobs(seed=1), **given)
    assert message in str(caught.value)
