"""Alterations by which optimizers come to differ from all conventions, each with its remedy.

Some alter any optimizer from outside, others are variants of Adam's step.
"""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.types import Array
from jaxnet.optim.composition import chain, clip_by_global_norm, scale
from jaxnet.optim.update_rule.adaptive import Coupling, from_step
from jaxnet.optim.update_rule.moments import bias_correction
from jaxnet.optim.update_rule.rule import Number, StepContext

Make = Callable[..., optax.GradientTransformation]
"""``(factory, rate, **settings) -> optimizer``."""


class Alteration(NamedTuple):
    """What may be other than in every convention.

    Attributes:
        text: what the altered optimizer does.
        remedy: what would make it equal.
        make: ``(factory, rate, **settings) -> optimizer``.
        start: its own hyperparameters, and where their search starts.
        of: optimizers that are altered; by default those that come nearest.
        needs: arguments that the optimizer must have.
    """

    text: str
    remedy: str
    make: Make
    start: tuple[tuple[str, float], ...] = ()
    of: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def _changed(
    inner: optax.GradientTransformation,
    before: Callable[[Any, Any, Any], Any] = lambda g, w, t: g,  # noqa: ARG005
    after: Callable[[Any, Any, Any], Any] = lambda u, w, t: u,  # noqa: ARG005
) -> optax.GradientTransformation:
    """Return a transformation whose gradients or updates are changed.

    Args:
        inner: the transformation.
        before: ``(gradient, parameter, finished steps) -> gradient``, of each leaf.
        after: ``(update, parameter, finished steps) -> update``, of each leaf.
    """

    def init(params: Any) -> Any:
        return jnp.int32(0), inner.init(params)

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        count, inner_state = state
        updates = jax.tree.map(lambda g, w: before(g, w, count), updates, params)
        updates, inner_state = inner.update(updates, inner_state, params)
        updates = jax.tree.map(lambda u, w: after(u, w, count), updates, params)
        return updates, (count + 1, inner_state)

    return optax.GradientTransformation(init, update)


def _negated(factory: Make, rate: Any, **settings: Any) -> Any:
    return chain(factory(rate, **settings), scale(-1.0))


def _rate_first(factory: Make, rate: Any, **settings: Any) -> Any:
    return _changed(factory(1.0, **settings), before=lambda g, _, t: rate(t) * g)


def _coupled(factory: Make, rate: Any, *, weight_decay: Any, **settings: Any) -> Any:
    inner = factory(rate, weight_decay=0.0, **settings)
    return _changed(inner, before=lambda g, w, _: g + weight_decay * w)


def _decoupled(factory: Make, rate: Any, *, weight_decay: Any, **settings: Any) -> Any:
    inner = factory(rate, weight_decay=0.0, **settings)
    return _changed(inner, after=lambda u, w, t: u - rate(t) * weight_decay * w)


def _unscaled(factory: Make, rate: Any, *, weight_decay: Any, **settings: Any) -> Any:
    inner = factory(rate, weight_decay=0.0, **settings)
    return _changed(inner, after=lambda u, w, _: u - weight_decay * w)


def _sparing(factory: Make, rate: Any, **settings: Any) -> Any:
    return factory(rate, mask=functools.partial(jax.tree.map, lambda w: w.ndim > 1), **settings)


def _clipped(factory: Make, rate: Any, *, max_norm: Any, **settings: Any) -> Any:
    return chain(clip_by_global_norm(max_norm), factory(rate, **settings))


def _ahead(factory: Make, rate: Any, **settings: Any) -> Any:
    """Return the optimizer whose count of steps starts at 1, with the rate of the right step."""
    inner = factory(lambda count: rate(count - 1), **settings)

    def init(params: Any) -> Any:
        state: Any = inner.init(params)
        return state._replace(count=state.count + 1) if hasattr(state, "count") else state

    return optax.GradientTransformation(init, inner.update)


def _late(factory: Make, rate: Any, **settings: Any) -> Any:
    inner = factory(rate, **settings)

    def init(params: Any) -> Any:
        return jax.tree.map(jnp.zeros_like, params), inner.init(params)

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        previous, inner_state = state
        updates, inner_state = inner.update(updates, inner_state, params)
        return previous, (updates, inner_state)

    return optax.GradientTransformation(init, update)


class _Step(NamedTuple):
    """Choices of Adam's step: ``m / divisor``."""

    ahead: tuple[int, int] = (0, 0)  # steps by which the corrections of m and nu are ahead
    corrected: tuple[bool, bool] = (True, True)
    damped: tuple[bool, bool] = (True, True)  # by 1 - b
    stale: bool = False  # the divisor is of the step before
    divisor: Callable[[Array, Array, Number], Array] = lambda nu, share, eps: (
        jnp.sqrt(nu / share) + eps
    )


def _altered_step(coupling: Coupling, choice: _Step) -> Make:
    def make(factory: Make, rate: Any, *, weight_decay: Any, **numbers: Any) -> Any:
        del factory

        def step(
            at: StepContext, g: Array, mu: Array, nu: Array, *, b1: Any, b2: Any, eps: Any
        ) -> Any:
            damping = [1 - b if on else 1.0 for b, on in zip((b1, b2), choice.damped, strict=True)]
            mu, old = b1 * mu + damping[0] * g, nu
            nu = b2 * nu + damping[1] * g * g
            shares = [
                bias_correction(b, at.t + ahead, g) if on else jnp.ones_like(g)
                for b, ahead, on in zip((b1, b2), choice.ahead, choice.corrected, strict=True)
            ]
            divisor = choice.divisor(old if choice.stale else nu, shares[1], eps)
            return mu / shares[0] / divisor, mu, nu

        return from_step(step, rate, numbers=numbers, weight_decay=weight_decay, coupling=coupling)

    return make


def _root_inside(nu: Array, share: Array, eps: Number) -> Array:
    return jnp.sqrt(nu / share + eps)


def _root_inside_uncorrected(nu: Array, share: Array, eps: Number) -> Array:
    return jnp.sqrt((nu + eps) / share)


def _before_correction(nu: Array, share: Array, eps: Number) -> Array:
    return (jnp.sqrt(nu) + eps) / jnp.sqrt(share)


def _rootless(nu: Array, share: Array, eps: Number) -> Array:
    return nu / share + eps


def _at_least_eps(nu: Array, share: Array, eps: Number) -> Array:
    return jnp.maximum(jnp.sqrt(nu / share), eps)


_STEPS: dict[str, tuple[str, str, _Step]] = {
    "eps_in_root": (
        "epsilon is inside the root, sqrt(nu_hat + eps)",
        "Add epsilon to the root: sqrt(nu_hat) + eps.",
        _Step(divisor=_root_inside),
    ),
    "eps_in_root_before_correction": (
        "epsilon is inside the root and before the bias correction, sqrt((nu + eps) / (1 - b2^t))",
        "Correct first, and add epsilon to the root: sqrt(nu / (1 - b2^t)) + eps.",
        _Step(divisor=_root_inside_uncorrected),
    ),
    "eps_before_correction": (
        "epsilon is added to the root before the bias correction, (sqrt(nu) + eps) / sqrt(1 - b2^t)"
        ", as in Keras",
        "Correct first: sqrt(nu / (1 - b2^t)) + eps; or compare with like='keras'.",
        _Step(divisor=_before_correction),
    ),
    "eps_is_a_minimum": (
        "epsilon is the least divisor, max(sqrt(nu_hat), eps)",
        "Add epsilon to the root: sqrt(nu_hat) + eps.",
        _Step(divisor=_at_least_eps),
    ),
    "no_root": (
        "the divisor is the second moment, without a root",
        "Divide by sqrt(nu_hat) + eps.",
        _Step(divisor=_rootless),
    ),
    "only_mu_corrected": (
        "only the first moment is corrected for its start at 0",
        "Divide the second moment by 1 - b2^t.",
        _Step(corrected=(True, False)),
    ),
    "only_nu_corrected": (
        "only the second moment is corrected for its start at 0",
        "Divide the first moment by 1 - b1^t.",
        _Step(corrected=(False, True)),
    ),
    "mu_correction_ahead": (
        "the first moment is corrected by 1 - b1^(t+1), with steps t counted from 1",
        "Divide it by 1 - b1^t.",
        _Step(ahead=(1, 0)),
    ),
    "nu_correction_ahead": (
        "the second moment is corrected by 1 - b2^(t+1), with steps t counted from 1",
        "Divide it by 1 - b2^t.",
        _Step(ahead=(0, 1)),
    ),
    "mu_not_damped": (
        "gradients enter the first moment whole, without 1 - b1",
        "Take mu = b1 mu + (1 - b1) g.",
        _Step(corrected=(False, True), damped=(False, True)),
    ),
    "nu_not_damped": (
        "squared gradients enter the second moment whole, without 1 - b2",
        "Take nu = b2 nu + (1 - b2) g^2.",
        _Step(corrected=(True, False), damped=(True, False)),
    ),
    "stale_nu": (
        "the divisor is that of the step before: the second moment is updated too late",
        "Update the second moment before it divides.",
        _Step(stale=True, corrected=(True, False)),
    ),
}

_ADAM = (("b1", 0.9), ("b2", 0.999), ("eps", 1e-8), ("weight_decay", 0.0))

_COUPLINGS: list[tuple[str, str, Coupling]] = [
    ("", "adam", "coupled"),
    (", decoupled", "adamw", "decoupled"),
]

ALTERATIONS: dict[str, Alteration] = {
    "negated": Alteration(
        "the updates have the other sign: it ascends",
        "Return minus the learning rate times the step.",
        _negated,
    ),
    "rate_first": Alteration(
        "the learning rate scales the gradients, before the moments: inside the trace",
        "Scale the finished step by the learning rate.",
        _rate_first,
    ),
    "decay_not_scaled": Alteration(
        "weight decay is not scaled by the learning rate, w - lambda w",
        "Multiply it by the learning rate: w - eta lambda w.",
        _unscaled,
        needs=("weight_decay",),
    ),
    "decay_coupled": Alteration(
        "weight decay is coupled, a part of the gradient: g + lambda w, an L2 penalty",
        "Decouple it: subtract eta lambda w from the weights.",
        _coupled,
        needs=("weight_decay",),
    ),
    "decay_decoupled": Alteration(
        "weight decay is decoupled, w - eta lambda w, beside the step",
        "Couple it: add lambda w to the gradient.",
        _decoupled,
        needs=("weight_decay",),
    ),
    "decay_spares_vectors": Alteration(
        "arrays of fewer than two dimensions are not decayed",
        "Decay all arrays, or compare with mask=, which leaves these out as well.",
        _sparing,
        needs=("weight_decay", "mask"),
    ),
    "clipped": Alteration(
        "gradients are clipped by their global norm",
        "Leave the clipping out, or chain it: chain(clip_by_global_norm(max_norm), ...).",
        _clipped,
        start=(("max_norm", 1.0),),
    ),
    "count_ahead": Alteration(
        "steps are counted from 2: bias corrections are a step ahead",
        "Count from 1: increment the count once, before the correction.",
        _ahead,
    ),
    "late": Alteration(
        "each update is that of the step before, the first is 0",
        "Return the update of the present gradient.",
        _late,
    ),
    **{
        f"{name}{suffix}": Alteration(
            text, remedy, _altered_step(coupling, choice), start=_ADAM, of=(optimizer,)
        )
        for name, (text, remedy, choice) in _STEPS.items()
        for suffix, optimizer, coupling in _COUPLINGS
    },
}
"""Name -> alteration."""
