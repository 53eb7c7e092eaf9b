"""Gradients whose squares over- or underflow: steps that do not depend on their scale do not."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import (
    adaptive_grad_clip,
    clip_by_global_norm,
    clip_by_norm,
    lamb,
    lars,
    muon,
    sam,
    sgd,
)
from tests.optim.first_order.test_muon import SIMPLE
from tests.trajectories import gradients, start

SMALL, LARGE = [1e-30, 1e-25, 1e-19], [1e19, 1e20, 1e30]
EVERYWHERE = {
    "lars": lars(0.1),
    "lars, nesterov": lars(0.1, nesterov=True, momentum=0.5),
    "units": adaptive_grad_clip(1e-35),
    "rows": adaptive_grad_clip(1e-35, axis=-1),
    "all": clip_by_global_norm(1e-35),
    "each": clip_by_norm(1e-35),
    **{
        f"muon, {name}": muon(
            0.1, eps=1e-37, preconditioning=name, adam_learning_rate=0.0, ns_coeffs=SIMPLE
        )
        for name in ("frobenius", "spectral")
    },
    "muon, adaptive": muon(0.1, eps=1e-37, adam_learning_rate=0.0, like="keras"),
    "muon, clamped": muon(0.1, eps=1e-37, adam_learning_rate=0.0, like="torch"),
}
FROM_ABOVE = {
    "torch": clip_by_global_norm(0.1, like="torch"),
    "keras": clip_by_global_norm(0.1, like="keras"),
    "each, torch": clip_by_norm(0.1, like="torch"),
    "muon": muon(0.1, adam_learning_rate=0.0),
    "muon, aol": muon(0.1, preconditioning="aol", adam_learning_rate=0.0, ns_coeffs=SIMPLE),
    "muon, schatten": muon(0.1, preconditioning="schatten", adam_learning_rate=0.0),
}
"""Name -> what has a bound, a floor or an eps of its own, beside which gradients are large."""

CASES = [(name, SMALL + LARGE) for name in EVERYWHERE] + [(name, LARGE) for name in FROM_ABOVE]


def updates_of(optimizer: Any, params: Any, rows: Any) -> Any:
    """Return the updates of each row of gradients, at parameters that stay."""

    def step(state: Any, g: Any) -> Any:
        updates, state = optimizer.update(g, state, params)
        return state, updates

    return jax.lax.scan(step, optimizer.init(params), rows)[1]


@pytest.mark.parametrize(("name", "scales"), CASES, ids=[name for name, _ in CASES])
def test_the_step_does_not_depend_on_the_scale_of_the_gradients(
    name: str, scales: list[float]
) -> None:
    optimizer, params = (EVERYWHERE | FROM_ABOVE)[name], start(np.float32)
    call = jax.jit(lambda rows: updates_of(optimizer, params, rows))
    rows = gradients(2, np.float32)
    expected = call(rows)
    for scale in scales:
        found = call(jax.tree.map(lambda g, s=scale: np.float32(s) * np.asarray(g), rows))
        for leaf, update in expected.items():
            assert np.any(update) or (leaf == "bias" and name.startswith("muon"))
            largest = float(np.max(np.abs(update)))
            np.testing.assert_allclose(found[leaf], update, rtol=1e-4, atol=1e-5 * largest)


WITNESSES = {
    "lars": (lars(0.1, weight_decay=0.1), optax.lars(0.1, weight_decay=0.1)),
    "lamb": (lamb(0.1), optax.lamb(0.1)),
    "units": (adaptive_grad_clip(0.1), optax.adaptive_grad_clip(0.1)),
    "all": (clip_by_global_norm(0.1), optax.clip_by_global_norm(0.1)),
}


@pytest.mark.parametrize("name", WITNESSES)
def test_it_is_what_optax_computes_in_float64(name: str, optimized: None) -> None:
    """Of LAMB in float32 the second moment overflows above, as in optax."""
    ours, peer = WITNESSES[name]
    theirs = jax.jit(lambda rows: updates_of(peer, start(np.float64), rows))
    mine = jax.jit(lambda rows: updates_of(ours, start(np.float32), rows))
    for scale in [*SMALL, 1e-10, 1.0, 1e10, *(LARGE if name != "lamb" else [])]:
        with jax.enable_x64(True), jax.numpy_dtype_promotion("standard"):
            rows = jax.tree.map(lambda g, s=scale: s * np.asarray(g), gradients(2, np.float64))
            with jax.numpy_rank_promotion("allow"):
                expected = theirs(rows)
        rows = jax.tree.map(lambda g: np.asarray(g).astype(np.float32), rows)
        found = mine(rows)
        for leaf, update in expected.items():
            largest = float(np.max(np.abs(update)))
            np.testing.assert_allclose(found[leaf], update, rtol=1e-4, atol=1e-5 * largest)


@pytest.mark.parametrize("adaptive", [False, True])
@pytest.mark.parametrize("scale", [*SMALL, *LARGE])
@pytest.mark.parametrize("kind", ["float32", "bfloat16"])
def test_sam_ascends_as_far_at_every_scale(kind: str, scale: float, adaptive: bool) -> None:
    w, g = np.array([1.0, 2.0]), np.array([3.0, 2.0])
    steep = w * g if adaptive else g
    expected = w + 0.5 * (w * steep if adaptive else steep) / np.sqrt(steep @ steep)
    seen = []

    def grad_fn(top: Any) -> Any:
        seen.append(top)
        return top

    optimizer = sam(sgd(1.0), rho=0.5, adaptive=adaptive)
    params = jnp.array(w, kind)
    gradient = jnp.asarray(scale * g, kind)
    optimizer.update(gradient, optimizer.init(params), params, grad_fn=grad_fn)
    tolerance = 1e-6 if kind == "float32" else 1e-2
    np.testing.assert_allclose(seen[0].astype(float), expected, rtol=tolerance)


CLIPS = {
    "all": clip_by_global_norm,
    "all, torch": lambda c: clip_by_global_norm(c, like="torch"),
    "all, keras": lambda c: clip_by_global_norm(c, like="keras"),
    "each": clip_by_norm,
    "units": adaptive_grad_clip,
    "rows": lambda c: adaptive_grad_clip(c, axis=-1),
}


@pytest.mark.parametrize("kind", ["float32", "bfloat16", "float16"])
@pytest.mark.parametrize("name", CLIPS)
def test_clips_and_their_derivatives_at_a_gradient_of_0(name: str, kind: str) -> None:
    """Also for a bound of 0, traced: no 0 / 0."""
    w = {"w": jnp.asarray(np.ones((2, 3), kind)), "b": jnp.asarray(np.zeros((), kind))}

    def total(g: Any, bound: Any) -> Any:
        updates, _ = CLIPS[name](bound).update(g, optax.EmptyState(), w)
        return sum(jnp.sum(leaf).astype(np.float32) for leaf in jax.tree.leaves(updates))

    both = jax.jit(jax.value_and_grad(total))
    for g in (jax.tree.map(np.zeros_like, w), w):
        for bound in (0.0, 1.0, 100.0):
            value, slopes = both(g, np.float32(bound))
            if bound == 0 or not np.any(g["w"]):
                assert value == 0
            for leaf in jax.tree.leaves(slopes):
                leaf = np.asarray(leaf).astype(float)
                assert np.isfinite(leaf).all()
                if not np.any(g["w"]) and bound > 0:
                    np.testing.assert_array_equal(leaf, 1.0)


@pytest.mark.parametrize(
    "optimizer",
    [
        lars(0.1),
        lars(0.1, weight_decay=0.1),
        muon(0.1),
        muon(0.1, like="torch"),
        muon(0.1, preconditioning="aol"),
        muon(0.1, preconditioning="schatten"),
    ],
)
@pytest.mark.parametrize("w", [0.0, 1.0])
def test_steps_can_be_differentiated_at_a_gradient_of_0(optimizer: Any, w: float) -> None:
    def total(g: Any, w: Any) -> Any:
        return jnp.sum(optimizer.update(g, optimizer.init(w), w)[0])

    slopes = jax.jit(jax.grad(total, (0, 1)))(jnp.zeros((2, 3)), jnp.full((2, 3), w))
    assert all(np.isfinite(leaf).all() for leaf in slopes)


def test_narrow_gradients_beyond_their_own_squares(optimized: None) -> None:
    """In float16 numbers end at 65504, in bfloat16 where those of float32 do."""
    cases = [("float16", 1e4), ("float16", 2e-5), ("bfloat16", 1e25), ("bfloat16", 1e-25)]
    for kind, scale in cases:
        g, w = jnp.array([[3.0, 4.0]], kind), jnp.array([[0.6, 0.8]], kind)
        large = jnp.asarray(jnp.array([[3.0, 4.0]]) * scale, kind)
        for optimizer in (lars(1.0, trust_coefficient=1.0), muon(1.0, eps=1e-37)):
            call = jax.jit(lambda x, o=optimizer, w=w: updates_of(o, w, x[None]))
            one, other = (np.asarray(call(x)).astype(float) for x in (g, large))
            np.testing.assert_allclose(one, other, rtol=2e-2, atol=1e-2)
        short: Any = clip_by_global_norm(scale / 10).update(large, optax.EmptyState())[0]
        expected = np.array([[0.06, 0.08]]) * scale
        np.testing.assert_allclose(short.astype(float), expected, rtol=2e-2)
