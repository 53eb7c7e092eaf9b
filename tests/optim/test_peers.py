"""Our optimizers against optax's, PyTorch's and the rules written again in NumPy."""

import functools
from typing import Any

import jax
import numpy as np
import optax
import pytest

from tests.cases import OPTIMIZERS, OptimizerCase, over
from tests.comparison import assert_within_ulps
from tests.trajectories import RULES, follow, follow_numpy, gradients, moved, rate_of, start

STEPS = 60
EXACT = 1e-12  # of parameters of order 1, in float64
RATE = 0.01


def _inverse_time(finished: Any) -> Any:
    return 0.05 / (1.0 + 0.1 * finished.astype("float64"))


RATES = {"constant": RATE, "schedule": _inverse_time}
rates = pytest.mark.parametrize("rate", sorted(RATES))


@functools.cache
def _ours(name: str, rate: str) -> dict[str, np.ndarray]:
    """Return our float64 path, computed once for all peers."""
    case = next(case for case in OPTIMIZERS if case.name == name)
    optimizer = case.ours(RATES[rate], **case.options)
    path = jax.jit(lambda p, g: follow(optimizer, p, g))(
        start("float64"), gradients(STEPS, "float64")
    )
    return jax.tree.map(np.asarray, path)


def _assert_paths_equal(actual: Any, expected: Any) -> None:
    assert set(actual) == set(expected)
    for name in expected:
        assert actual[name].shape == expected[name].shape
        assert np.abs(actual[name] - expected[name]).max() <= EXACT, name


@rates
@over(OPTIMIZERS)
def test_path_equals_optax(case: OptimizerCase, rate: str, float64: np.dtype) -> None:
    peer = case.peer(RATES[rate], **case.options)
    with jax.numpy_dtype_promotion("standard"):
        path = jax.jit(lambda p, g: follow(peer, p, g))(start(float64), gradients(STEPS, float64))
    _assert_paths_equal(_ours(case.name, rate), jax.tree.map(np.asarray, path))


@rates
@over(OPTIMIZERS)
def test_path_equals_numpy(case: OptimizerCase, rate: str, float64: np.dtype) -> None:
    params, rows = start(float64), gradients(STEPS, float64)
    path = {
        name: follow_numpy(case, RATES[rate], np.asarray(params[name]), np.asarray(rows[name]))
        for name in params
    }
    _assert_paths_equal(_ours(case.name, rate), path)


@rates
@over(OPTIMIZERS)
def test_path_equals_pytorch(case: OptimizerCase, rate: str, float64: np.dtype) -> None:
    torch = pytest.importorskip("torch")
    params, rows = start(float64), gradients(STEPS, float64)
    path = {}
    for name in params:
        w = torch.tensor(np.array(params[name]), requires_grad=True)
        optimizer = _torch_optimizer(torch, case, [w])
        path[name] = []
        for finished, row in enumerate(np.array(rows[name])):
            w.grad = torch.tensor(row)
            optimizer.param_groups[0]["lr"] = rate_of(RATES[rate], finished)
            optimizer.step()
            path[name].append(w.detach().numpy().copy())
    _assert_paths_equal(_ours(case.name, rate), jax.tree.map(np.stack, path, is_leaf=_is_list))


def _is_list(node: Any) -> bool:
    return isinstance(node, list)


def _torch_optimizer(torch: Any, case: OptimizerCase, params: list[Any]) -> Any:
    if case.rule == "adam":
        betas = (case.options["b1"], case.options["b2"])
        return torch.optim.Adam(params, lr=RATE, betas=betas, eps=case.options["eps"])
    return torch.optim.SGD(params, lr=RATE, **case.options)


@over(OPTIMIZERS)
def test_each_float32_step_is_that_of_optax_and_of_the_exact_rule(case: OptimizerCase) -> None:
    """From an equal state, each step is within 4 units in the last place of the parameters."""
    ours, peer = case.ours(RATE, **case.options), case.peer(RATE, **case.options)
    ours_step, peer_step = jax.jit(ours.update), jax.jit(peer.update)
    params, rows = start("float32"), gradients(20, "float32")
    state, peer_state = ours.init(params), peer.init(params)
    for t in range(1, 21):
        gradient = jax.tree.map(lambda row, t=t: row[t - 1], rows)
        peer_state = _with_moments(peer_state, state)
        exact = _exact_step(case, t, params, gradient, state)
        updates, state = ours_step(gradient, state, params)
        with jax.numpy_dtype_promotion("standard"):
            peer_updates, _ = peer_step(gradient, peer_state, params)
        old, params = params, moved(params, updates)
        theirs = moved(old, peer_updates)
        for name in params:
            size = np.maximum(np.abs(old[name]), np.abs(params[name]))
            assert_within_ulps(params[name], theirs[name], 4, magnitude=size)
            assert_within_ulps(params[name], exact[name], 4, magnitude=size)


def _with_moments(peer_state: Any, state: Any) -> Any:
    """Return optax's state with the count and the moments of ours."""
    for name, value in state._asdict().items():
        if optax.tree_utils.tree_get(peer_state, name) is not None:
            peer_state = optax.tree_utils.tree_set(peer_state, **{name: value})
    return peer_state


def _exact_step(case: OptimizerCase, t: int, params: Any, gradient: Any, state: Any) -> Any:
    """Return the parameters after one step in float64 from a float32 state."""
    zeros = jax.tree.map(np.zeros_like, params)
    first = getattr(state, "trace", getattr(state, "mu", zeros))
    second = getattr(state, "nu", zeros)

    def step(w: Any, g: Any, m: Any, v: Any) -> np.ndarray:
        w, g, m, v = (np.asarray(a, np.float64) for a in (w, g, m, v))
        return w - RATE * RULES[case.rule](t, g, m, v, **case.options)[0]

    return jax.tree.map(step, params, gradient, first, second)
