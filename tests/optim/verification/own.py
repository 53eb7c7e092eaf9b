"""Optimizers as a researcher may write them, right and altered."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

Rule = Callable[..., Any]
"""``(rate, t, g, w, m, v) -> (update, m, v)`` for one leaf, with steps t from 1."""


def own(rule: Rule, *, start: float = 0.0) -> Callable[..., optax.GradientTransformation]:
    """Return ``rate -> optimizer`` of a rule with two slots, the second from ``start``."""

    def make(learning_rate: Any) -> optax.GradientTransformation:
        def init(params: Any) -> Any:
            slots = [
                jax.tree.map(lambda w, at=at: jnp.full_like(w, at), params) for at in (0, start)
            ]
            return jnp.int32(0), *slots

        def update(updates: Any, state: Any, params: Any = None) -> Any:
            count, *slots = state
            rate = learning_rate(count) if callable(learning_rate) else learning_rate
            leaves, structure = jax.tree.flatten(updates)
            flat = map(structure.flatten_up_to, (params, *slots))
            rows = [
                rule(rate, (count + 1).astype(g.dtype), g, *more)
                for g, *more in zip(leaves, *flat, strict=True)
            ]
            updates, *slots = map(structure.unflatten, zip(*rows, strict=True))
            return updates, (count + 1, *slots)

        return optax.GradientTransformation(init, update)

    return make


def adam_like(
    step: Callable[..., Any], *, b1: float = 0.9, b2: float = 0.999
) -> Callable[..., optax.GradientTransformation]:
    """Return ``rate -> optimizer`` by ``step(rate, t, w, m, v) -> update``, m and v as in Adam."""

    def rule(rate: Any, t: Any, g: Any, w: Any, m: Any, v: Any) -> Any:
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g**2
        return step(rate, t, w, m, v), m, v

    return own(rule)


def adam(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
    """Return Adam's update."""
    del w
    return -rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999**t)) + 1e-8)


def momentum_in_trace(rate: Any, t: Any, g: Any, w: Any, m: Any, v: Any) -> Any:
    """Return the update of momentum with the rate inside the trace."""
    del t, w
    m = 0.9 * m + rate * g
    return -m, m, v


def rmsprop_outside(rate: Any, t: Any, g: Any, w: Any, m: Any, v: Any) -> Any:
    """Return RMSprop's update with epsilon outside the root."""
    del t, w
    v = 0.9 * v + 0.1 * g**2
    return -rate * g / (jnp.sqrt(v) + 1e-8), m, v


def lion_swapped(rate: Any, t: Any, g: Any, w: Any, m: Any, v: Any) -> Any:
    """Return Lion's update with its two decays exchanged."""
    del t, w
    return -rate * jnp.sign(0.99 * m + 0.01 * g), 0.9 * m + 0.1 * g, v


def adagrad(rate: Any, t: Any, g: Any, w: Any, m: Any, v: Any) -> Any:
    """Return Adagrad's update with epsilon inside the root."""
    del t, w
    v = v + g**2
    return -rate * g / jnp.sqrt(v + 1e-7), m, v


def coupled(rate: Any, t: Any, g: Any, w: Any, m: Any, v: Any) -> Any:
    """Return Adam's update with weight decay in the gradient."""
    g = g + 0.1 * w
    m, v = 0.9 * m + 0.1 * g, 0.999 * v + 0.001 * g**2
    return adam(rate, t, w, m, v), m, v


def _unscaled_decay(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
    return adam(rate, t, w, m, v) - 1e-4 * w


def _eps_in_root(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
    del w
    return -rate * (m / (1 - 0.9**t)) / jnp.sqrt(v / (1 - 0.999**t) + 1e-8)


def _uncorrected(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
    del t, w
    return -rate * m / (jnp.sqrt(v) + 1e-8)


def _one_step_ahead(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
    del w
    return -rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / (1 - 0.999 ** (t + 1))) + 1e-8)


def _half_corrected(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
    del w
    return -rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v) + 1e-8)


def _uncorrected_eps_in_root(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
    del t, w
    return -rate * m / jnp.sqrt(v + 1e-8)


def _half_corrected_unscaled_decay(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
    return _half_corrected(rate, t, w, m, v) - 1e-4 * w


def _dampened_nesterov(rate: Any, t: Any, g: Any, w: Any, m: Any, v: Any) -> Any:
    del w
    m = 0.9 * m + jnp.where(t == 1, 1.0, 0.7) * g
    return -rate * (g + 0.9 * m), m, v


def _clipped_eps_in_root(learning_rate: Any) -> optax.GradientTransformation:
    return optax.chain(optax.clip_by_global_norm(0.5), adam_like(_eps_in_root)(learning_rate))


def _ascending(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
    return -adam(rate, t, w, m, v)


ALTERED: dict[str, tuple[Any, str, tuple[str, ...]]] = {
    "adam, eps in the root": (
        adam_like(_eps_in_root),
        "adam(learning_rate, like='optax')",
        ("Epsilon is inside the root, sqrt(nu_hat + eps).", "Add epsilon to the root"),
    ),
    "adam without bias correction": (
        adam_like(_uncorrected),
        "adam(learning_rate, b2=0.999, like='lecture')",
        ("The lecture corrects neither moment", "b2 is 0.999, by default 0.99."),
    ),
    "adam, second correction a step ahead": (
        adam_like(_one_step_ahead),
        "adam(learning_rate, like='optax')",
        ("corrected by 1 - b2^(t+1)", "Divide it by 1 - b2^t."),
    ),
    "adam, first moment corrected only": (
        adam_like(_half_corrected),
        "adam(learning_rate, like='optax')",
        ("Only the first moment is corrected", "Divide the second moment"),
    ),
    "momentum, rate inside the trace": (
        own(momentum_in_trace),
        "momentum(learning_rate, like='keras')",
        ("It follows keras", "Keras sums up steps"),
    ),
    "rmsprop, eps outside the root": (
        own(rmsprop_outside),
        "rmsprop(learning_rate, like='lecture')",
        ("It follows lecture", "outside the root"),
    ),
    "adamw, decay without the rate": (
        adam_like(_unscaled_decay),
        "adamw(learning_rate, like='optax')",
        ("not scaled by the learning rate", "Multiply it by the learning rate"),
    ),
    "lion, decays exchanged": (
        own(lion_swapped),
        "lion(learning_rate, b1=0.99, b2=0.9, like='keras')",
        ("b1 is 0.99, by default 0.9.", "b2 is 0.9, by default 0.99."),
    ),
    "adagrad from 0": (
        own(adagrad),
        "adagrad(learning_rate, initial_accumulator_value=0, like='optax')",
        ("initial_accumulator_value is 0, by default 0.1.",),
    ),
    "adamw, L2 instead": (
        own(coupled),
        "adam(learning_rate, weight_decay=0.1, like='optax')",
        ("L2 penalty in the gradient, adamw's is decoupled",),
    ),
    "adam, clipped": (
        lambda learning_rate: optax.chain(
            optax.clip_by_global_norm(0.5), optax.adam(learning_rate)
        ),
        "",
        ("Gradients are clipped by their global norm", "max_norm is 0.5"),
    ),
    "sgd, entries clipped": (
        lambda learning_rate: optax.chain(optax.clip(0.3), optax.sgd(learning_rate)),
        "sgd(learning_rate, max_delta=0.3, like='optax')",
        ("Entries of gradients are clipped to", "max_delta is 0.3"),
    ),
    "adam, ascending": (
        adam_like(_ascending),
        "adam(learning_rate, like='optax')",
        ("it ascends", "Return minus"),
    ),
    "adam, eps in the root and uncorrected": (
        adam_like(_uncorrected_eps_in_root),
        "adam(learning_rate, b2=0.999, eps=1e-200, eps_root=1e-08, like='lecture')",
        ("The lecture corrects neither moment", "eps is left out", "eps_root is 1e-08"),
    ),
    "adamw, first moment corrected only, decay without the rate": (
        adam_like(_half_corrected_unscaled_decay),
        "adamw(learning_rate, like='optax')",
        ("Only the first moment is corrected", "Weight decay is not scaled", "1 - b2^t. Multiply"),
    ),
    "momentum, dampened, Nesterov's": (
        own(_dampened_nesterov),
        "momentum(learning_rate, dampening=0.3, like='optax')",
        ("The step is g + b m", "enter the trace times 1 - dampening", "Take m = b m + g."),
    ),
    "adam, clipped, eps in the root": (
        _clipped_eps_in_root,
        "",
        ("Gradients are clipped by their global norm", "Epsilon is inside the root"),
    ),
}
"""Name -> ``rate -> optimizer``, the nearest call, where there is only one, and texts."""
