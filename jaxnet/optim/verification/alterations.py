"""Alterations by which optimizers come to differ from all conventions, each with its remedy.

Some alter any optimizer from outside, others are variants of a step. They are switches of one
optimizer, whose numbers may be traced: one compiled program has all of them, alone and in pairs.
"""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.types import Array
from jaxnet.optim.composition import clip_by_global_norm
from jaxnet.optim.update_rule.adaptive import Coupling, from_step
from jaxnet.optim.update_rule.moments import bias_correction
from jaxnet.optim.update_rule.rule import Number, StepContext

Make = Callable[..., optax.GradientTransformation]
"""``(rate, **settings) -> optimizer``."""

Switches = Mapping[str, Any]
"""Name in `SWITCHES` -> 0, or the number of what is other; may be traced."""


class Alteration(NamedTuple):
    """What may be other than in every convention.

    Attributes:
        text: what the altered optimizer does.
        remedy: what would make it equal.
        switches: what it sets.
        start: its own hyperparameters, and where their search starts.
        of: optimizers whose step it alters, in optax's convention; by default any, from outside.
        needs: arguments that the optimizer must have.
    """

    text: str
    remedy: str
    switches: Mapping[str, int]
    start: tuple[tuple[str, float], ...] = ()
    of: tuple[str, ...] = ()
    needs: tuple[str, ...] = ()


def alter(
    make: Make,
    rate: Callable[[Any], Any],
    on: Switches,
    *,
    max_norm: Any = 1.0,
    max_delta: Any = 1.0,
    **settings: Any,
) -> optax.GradientTransformation:
    """Return an optimizer that is altered from outside.

    Args:
        make: ``(rate, **settings) -> optimizer``.
        rate: its schedule.
        on: what is altered.
        max_norm: of gradients that are clipped by their norm.
        max_delta: of gradients whose entries are clipped.
        settings: hyperparameters of the optimizer.
    """
    ahead, form, decay = on["count_ahead"], on["decay"], settings.get("weight_decay", 0.0)
    if "weight_decay" in settings:
        settings["weight_decay"] = _either(form == 0, decay, 0.0)
    inner = make(lambda count: _either(on["rate_first"], 1.0, rate(count - ahead)), **settings)

    def init(params: Any) -> Any:
        state: Any = inner.init(params)
        if hasattr(state, "count"):
            state = state._replace(count=state.count + ahead)
        return jnp.int32(0), jax.tree.map(jnp.zeros_like, params), state

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        count, previous, inner_state = state
        eta = rate(count)
        clipped, _ = clip_by_global_norm(max_norm).update(updates, optax.EmptyState())

        def before(g: Array, short: Array, w: Array) -> Array:
            low = _either(
                on["clipped"] == 2, jnp.clip(g, -_like(g, max_delta), _like(g, max_delta)), g
            )
            g = (
                _either(on["clipped"] == 1, short, low)
                + _like(g, _either(form == 1, decay, 0.0)) * w
            )
            return g * _like(g, _either(on["rate_first"], eta, 1.0))

        def after(u: Array, w: Array) -> Array:
            share = _either(form == 2, eta * decay, _either(form == 3, decay, 0.0))
            return (u - _like(u, share) * w) * _like(u, _either(on["negated"], -1.0, 1.0))

        spare = lambda w: _either(on["spared"], jnp.zeros_like(w) if w.ndim < 2 else w, w)  # noqa: E731
        params = jax.tree.map(spare, params)
        updates = jax.tree.map(before, updates, clipped, params)
        updates, inner_state = inner.update(updates, inner_state, params)
        updates = jax.tree.map(after, updates, params)
        late = jax.tree.map(functools.partial(_either, on["late"]), previous, updates)
        return late, (count + 1, updates, inner_state)

    return optax.GradientTransformation(init, update)


def _either(on: Any, this: Any, other: Any) -> Any:
    """Return one of two; traced where the switch is."""
    if isinstance(on, int):
        return this if on else other
    return jnp.where(on, this, other)


def _like(g: Array, number: Any) -> Array:
    return jnp.asarray(number, g.dtype)


def _adam(coupling: Coupling, on: Switches, rate: Any, *, weight_decay: Any, **numbers: Any) -> Any:
    """Return Adam whose step is altered."""

    def step(at: StepContext, g: Array, mu: Array, nu: Array, *, b1: Any, b2: Any, eps: Any) -> Any:
        old = nu
        mu = b1 * mu + _like(g, _either(on["mu_whole"], 1.0, 1 - b1)) * g
        nu = b2 * nu + _like(g, _either(on["nu_whole"], 1.0, 1 - b2)) * g * g
        mu_share, nu_share = (
            _either(on[f"{name}_raw"], jnp.ones_like(g), share)
            for name, b in (("mu", b1), ("nu", b2))
            for share in [bias_correction(b, at.t + on[f"{name}_ahead"], g)]
        )
        v = _either(on["stale"], old, nu)
        divisor = jnp.sqrt(v / nu_share) + eps
        for place, other in enumerate(_DIVISORS, 1):
            divisor = _either(on["divisor"] == place, other(v, nu_share, eps), divisor)
        return mu / mu_share / divisor, mu, nu

    return from_step(step, rate, numbers=numbers, weight_decay=weight_decay, coupling=coupling)


def _momentum(
    on: Switches, rate: Any, *, weight_decay: Any, momentum: Any, dampening: Any = 0.0
) -> Any:
    """Return momentum whose step is altered."""

    def step(
        at: StepContext, g: Array, m: Array, unused: Array, *, momentum: Any, dampening: Any
    ) -> Any:
        share = _either(on["dampened"], jnp.where(at.t == 1, 1.0, 1 - dampening), 1.0)
        m = momentum * m + _like(g, share) * g
        return _either(on["nesterov"], g + momentum * m, m), m, unused

    numbers = {"momentum": momentum, "dampening": dampening}
    return from_step(step, rate, numbers=numbers, weight_decay=weight_decay, coupling="coupled")


STEPS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "adam": functools.partial(_adam, "coupled"),
    "adamw": functools.partial(_adam, "decoupled"),
    "momentum": _momentum,
}
"""Optimizer -> ``(switches, rate, **settings) -> optimizer`` in optax's convention, altered."""


def _root_inside(nu: Array, share: Array, eps: Number) -> Array:
    return jnp.sqrt(nu / share + eps)


def _root_inside_uncorrected(nu: Array, share: Array, eps: Number) -> Array:
    return jnp.sqrt((nu + eps) / share)


def _before_correction(nu: Array, share: Array, eps: Number) -> Array:
    return (jnp.sqrt(nu) + eps) / jnp.sqrt(share)


def _at_least_eps(nu: Array, share: Array, eps: Number) -> Array:
    return jnp.maximum(jnp.sqrt(nu / share), eps)


def _rootless(nu: Array, share: Array, eps: Number) -> Array:
    return nu / share + eps


_DIVISORS = (_root_inside, _root_inside_uncorrected, _before_correction, _at_least_eps, _rootless)
"""Divisors of Adam's step, numbered from 1."""

_STEPS: dict[str, tuple[str, str, dict[str, int]]] = {
    "eps_in_root": (
        "epsilon is inside the root, sqrt(nu_hat + eps)",
        "Add epsilon to the root: sqrt(nu_hat) + eps.",
        {"divisor": 1},
    ),
    "eps_in_root_before_correction": (
        "epsilon is inside the root and before the bias correction, sqrt((nu + eps) / (1 - b2^t))",
        "Correct first, and add epsilon to the root: sqrt(nu / (1 - b2^t)) + eps.",
        {"divisor": 2},
    ),
    "eps_before_correction": (
        "epsilon is added to the root before the bias correction, (sqrt(nu) + eps) / sqrt(1 - b2^t)"
        ", as in Keras",
        "Correct first: sqrt(nu / (1 - b2^t)) + eps; or compare with like='keras'.",
        {"divisor": 3},
    ),
    "eps_is_a_minimum": (
        "epsilon is the least divisor, max(sqrt(nu_hat), eps)",
        "Add epsilon to the root: sqrt(nu_hat) + eps.",
        {"divisor": 4},
    ),
    "no_root": (
        "the divisor is the second moment, without a root",
        "Divide by sqrt(nu_hat) + eps.",
        {"divisor": 5},
    ),
    "uncorrected": (
        "neither moment is corrected for its start at 0",
        "Divide the moments by 1 - b1^t and 1 - b2^t.",
        {"mu_raw": 1, "nu_raw": 1},
    ),
    "only_mu_corrected": (
        "only the first moment is corrected for its start at 0",
        "Divide the second moment by 1 - b2^t.",
        {"nu_raw": 1},
    ),
    "only_nu_corrected": (
        "only the second moment is corrected for its start at 0",
        "Divide the first moment by 1 - b1^t.",
        {"mu_raw": 1},
    ),
    "mu_correction_ahead": (
        "the first moment is corrected by 1 - b1^(t+1), with steps t counted from 1",
        "Divide it by 1 - b1^t.",
        {"mu_ahead": 1},
    ),
    "nu_correction_ahead": (
        "the second moment is corrected by 1 - b2^(t+1), with steps t counted from 1",
        "Divide it by 1 - b2^t.",
        {"nu_ahead": 1},
    ),
    "mu_not_damped": (
        "gradients enter the first moment whole, without 1 - b1",
        "Take mu = b1 mu + (1 - b1) g.",
        {"mu_raw": 1, "mu_whole": 1},
    ),
    "nu_not_damped": (
        "squared gradients enter the second moment whole, without 1 - b2",
        "Take nu = b2 nu + (1 - b2) g^2.",
        {"nu_raw": 1, "nu_whole": 1},
    ),
    "stale_nu": (
        "the divisor is that of the step before: the second moment is updated too late",
        "Update the second moment before it divides.",
        {"stale": 1, "nu_raw": 1},
    ),
}

ALTERATIONS: dict[str, Alteration] = {
    "negated": Alteration(
        "the updates have the other sign: it ascends",
        "Return minus the learning rate times the step.",
        {"negated": 1},
    ),
    "rate_first": Alteration(
        "the learning rate scales the gradients, before the moments: inside the trace",
        "Scale the finished step by the learning rate.",
        {"rate_first": 1},
    ),
    "decay_not_scaled": Alteration(
        "weight decay is not scaled by the learning rate, w - lambda w",
        "Multiply it by the learning rate: w - eta lambda w.",
        {"decay": 3},
        needs=("weight_decay",),
    ),
    "decay_coupled": Alteration(
        "weight decay is coupled, a part of the gradient: g + lambda w, an L2 penalty",
        "Decouple it: subtract eta lambda w from the weights.",
        {"decay": 1},
        needs=("weight_decay",),
    ),
    "decay_decoupled": Alteration(
        "weight decay is decoupled, w - eta lambda w, beside the step",
        "Couple it: add lambda w to the gradient.",
        {"decay": 2},
        needs=("weight_decay",),
    ),
    "decay_spares_vectors": Alteration(
        "arrays of fewer than two dimensions are not decayed",
        "Decay all arrays, or compare with mask=, which leaves these out as well.",
        {"spared": 1},
        needs=("weight_decay", "mask"),
    ),
    "clipped": Alteration(
        "gradients are clipped by their global norm",
        "Leave the clipping out, or chain it: chain(clip_by_global_norm(max_norm), ...).",
        {"clipped": 1},
        start=(("max_norm", 1.0),),
    ),
    "clipped_entries": Alteration(
        "entries of gradients are clipped to [-max_delta, max_delta]",
        "Leave the clipping out, or chain it: chain(clip(max_delta), ...).",
        {"clipped": 2},
        start=(("max_delta", 1.0),),
    ),
    "count_ahead": Alteration(
        "steps are counted from 2: bias corrections are a step ahead",
        "Count from 1: increment the count once, before the correction.",
        {"count_ahead": 1},
    ),
    "late": Alteration(
        "each update is that of the step before, the first is 0",
        "Return the update of the present gradient.",
        {"late": 1},
    ),
    "dampened": Alteration(
        "all gradients but the first enter the trace times 1 - dampening",
        "Take m = b m + g.",
        {"dampened": 1},
        start=(("dampening", 0.5),),
        of=("momentum",),
    ),
    "looks_ahead": Alteration(
        "the step is g + b m, Nesterov's form",
        "Step by the trace m, or compare with nesterov=True.",
        {"nesterov": 1},
        of=("momentum",),
    ),
    **{
        name: Alteration(text, remedy, switches, of=("adam", "adamw"))
        for name, (text, remedy, switches) in _STEPS.items()
    },
}
"""Name -> alteration."""

SWITCHES = tuple(dict.fromkeys(each for one in ALTERATIONS.values() for each in one.switches))
"""Names of what alterations set."""


def switches(names: Sequence[str]) -> dict[str, int]:
    """Return what some alterations set.

    >>> {name: on for name, on in switches(["late", "decay_coupled"]).items() if on}
    {'decay': 1, 'late': 1}
    """
    found = dict.fromkeys(SWITCHES, 0)
    for name in names:
        found |= ALTERATIONS[name].switches
    return found


def differ(first: str, second: str) -> bool:
    """Return whether two alterations can be made at once, and are more than one of them.

    >>> differ("late", "decay_coupled"), differ("decay_coupled", "decay_decoupled")
    (True, False)
    """
    one, other = ALTERATIONS[first].switches, ALTERATIONS[second].switches
    return all(one[each] == other[each] for each in one.keys() & other.keys()) and not (
        one.items() <= other.items() or other.items() <= one.items()
    )
