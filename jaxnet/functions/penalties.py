"""Penalties ``(params, strength) -> scalar`` on large weights, added to the risk.

They are sums over the parameters, not divided by the number of examples: add them to the mean
loss. The ``mask`` selects the leaves: by default the weights, not biases.
"""

import functools
import re
from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.checks import (
    as_number,
    check_choice,
    check_floating,
    check_function,
    check_options,
    checked,
    ranges_by_name,
    require_type,
)
from jaxnet.core.errors import invalid_type
from jaxnet.core.memory import cache_by_value
from jaxnet.core.norms import norm, shortened
from jaxnet.core.precision import at_least_float32
from jaxnet.core.representation import represent
from jaxnet.core.types import Array, Params

Mask: TypeAlias = Callable[[Params], Any]
"""``params -> pytree of bools`` of their structure: True for each selected leaf."""

RANGES = ranges_by_name(
    {"[0, inf)": "strength l1_strength l2_strength threshold", "(0, inf)": "limit"}
)

# added to a whole neuron or its factor; b1 is the bias of the lectures' first layer
_NOT_WEIGHTS = re.compile(r"bias|scale|offset|gamma|beta|b\d*")


def weights_only(params: Params) -> Any:
    """Return True for each leaf except biases, scales and offsets, recognized by name.

    A leaf is left out if the last name on its way, a NamedTuple's field or a dictionary's key, is
    bias, scale, offset, gamma, beta, b, or b with a number; of "0.bias" the last part is the
    name. Its rank does not matter, so that a vector without a name counts.

    Args:
        params: a pytree of arrays.

    Returns:
        A pytree of bools, of the same structure.

    >>> weights_only({"weights": jnp.ones((2, 3)), "bias": jnp.ones(2)})
    {'bias': False, 'weights': True}
    """
    return jax.tree_util.tree_map_with_path(
        lambda path, _: _NOT_WEIGHTS.fullmatch(_name(path)) is None, params
    )


def _name(path: tuple[Any, ...]) -> str:
    parts = [getattr(part, "name", getattr(part, "key", None)) for part in path]
    names = [part for part in parts if isinstance(part, str)]
    return names[-1].rpartition(".")[2] if names else ""


def every_leaf(params: Params) -> Any:
    """Return True for each leaf, biases too."""
    return jax.tree.map(lambda _: True, params)


def l2(params: Params, strength: float | Array, *, mask: Mask = weights_only) -> Array:
    """Sum of the squared weights, ``strength * sum w^2``: L2 or Tikhonov, without 1/2.

    By hand: ``dw = 2 strength w``. Plain gradient descent with it is weight decay of
    ``weight_decay = 2 strength``, as PyTorch's SGD has it; under Adam the two differ (AdamW).

    Args:
        params: a pytree of arrays; None counts as nothing.
        strength: ``lambda``, 0 or more; may be traced.
        mask: which leaves count, `weights_only`, `every_leaf` or another function.

    Returns:
        A scalar in the dtype of the leaves that count.

    Raises:
        TypeError: if the mask is not of the parameters' structure, or a leaf that counts not
            floating-point.
        ValueError: if the strength, given as a number, is negative or not finite.

    Source: lecture 004, regularization.

    >>> l2({"weights": jnp.array([[3.0, 4.0]]), "bias": jnp.array([7.0])}, 0.5).tolist()
    12.5
    """
    return _total(lambda w: jnp.sum(w * w), params, strength, mask)


def l2_backward(params: Params, strength: float | Array, *, mask: Mask = weights_only) -> Params:
    """``dw = 2 strength w``, 0 for leaves that do not count."""
    return _gradient(lambda w: 2 * w, params, strength, mask)


def l1(params: Params, strength: float | Array, *, mask: Mask = weights_only) -> Array:
    """Sum of the absolute weights, ``strength * sum |w|``: L1 or lasso, which makes them sparse.

    By hand: ``dw = strength sign(w)``, with the subgradient 0 at ``w = 0``.

    Args:
        params: a pytree of arrays; None counts as nothing.
        strength: ``lambda``, 0 or more; may be traced.
        mask: which leaves count, `weights_only`, `every_leaf` or another function.

    Returns:
        A scalar in the dtype of the leaves that count.

    Raises:
        TypeError: if the mask is not of the parameters' structure, or a leaf that counts not
            floating-point.
        ValueError: if the strength, given as a number, is negative or not finite.

    Source: lecture 004, regularization.

    >>> l1({"weights": jnp.array([[3.0, -4.0]]), "bias": jnp.array([7.0])}, 0.5).tolist()
    3.5
    """
    # w sign(w): the derivative of jnp.abs at 0 is 1, and with it no weight would stay at 0
    return _total(lambda w: jnp.sum(w * jnp.sign(w)), params, strength, mask)


def l1_backward(params: Params, strength: float | Array, *, mask: Mask = weights_only) -> Params:
    """``dw = strength sign(w)``, 0 at ``w = 0`` and for leaves that do not count."""
    return _gradient(jnp.sign, params, strength, mask)


@checked(RANGES)
def elastic_net(
    params: Params,
    l1_strength: float | Array,
    l2_strength: float | Array,
    *,
    mask: Mask = weights_only,
) -> Array:
    """Both penalties, ``l1_strength * sum |w| + l2_strength * sum w^2``.

    By hand: ``dw = l1_strength sign(w) + 2 l2_strength w``.

    Args:
        params: a pytree of arrays; None counts as nothing.
        l1_strength: of `l1`, 0 or more; may be traced.
        l2_strength: of `l2`, 0 or more, without 1/2; may be traced.
        mask: which leaves count, `weights_only`, `every_leaf` or another function.

    Returns:
        A scalar in the dtype of the leaves that count.

    Raises:
        TypeError: if the mask is not of the parameters' structure, or a leaf that counts not
            floating-point.
        ValueError: if a strength, given as a number, is negative or not finite.

    Source: Zou and Hastie 2005, the naive elastic net; lecture 004 for its parts.

    >>> elastic_net({"weights": jnp.array([[3.0, -4.0]])}, 0.5, 1.0).tolist()
    28.5
    """
    return l1(params, l1_strength, mask=mask) + l2(params, l2_strength, mask=mask)


@checked(RANGES)
def elastic_net_backward(
    params: Params,
    l1_strength: float | Array,
    l2_strength: float | Array,
    *,
    mask: Mask = weights_only,
) -> Params:
    """``dw = l1_strength sign(w) + 2 l2_strength w``, 0 for leaves that do not count."""
    parts = l1_backward(params, l1_strength, mask=mask), l2_backward(params, l2_strength, mask=mask)
    return jax.tree.map(jnp.add, *parts)


@checked(RANGES)
def max_norm(params: Params, limit: float | Array, *, mask: Mask = weights_only) -> Params:
    """Project the incoming weights of each neuron to a norm of at most ``limit``.

    Each row ``w`` of weights ``(..., in)`` with ``||w|| > limit`` becomes ``w limit / ||w||``; a
    vector is one row, and so is a scalar. It is not a penalty but a constraint, applied after each
    update.

    Args:
        params: a pytree of arrays; None counts as nothing.
        limit: largest Euclidean norm of a row, above 0; may be traced.
        mask: which leaves are projected, each along its last axis.

    Returns:
        The parameters; rows within the limit are unchanged, bit for bit.

    Raises:
        TypeError: if the mask is not of the parameters' structure, or a leaf that counts not
            floating-point.
        ValueError: if the limit, given as a number, is not above 0.

    Numerics: rows on the limit up to rounding; a row of zeros stays one. Squares that overflow or
    underflow do no harm, see `jaxnet.core.norms.norm`.

    Source: Srivastava et al. 2014, section 5.1.

    >>> max_norm(jnp.array([[3.0, 4.0], [0.5, 0.0]]), 1.25).tolist()
    [[0.75, 1.0], [0.5, 0.0]]
    """
    project = functools.partial(_project, limit)
    return _map_masked(project, lambda w: w, params, mask)


def _project(limit: float | Array, w: Array) -> Array:
    rows = jnp.atleast_1d(w).astype(at_least_float32(w.dtype))
    projected = shortened(rows, norm(rows, axis=-1), jnp.asarray(limit, rows.dtype))
    return projected.astype(w.dtype).reshape(w.shape)


@checked(RANGES)
def soft_threshold(
    params: Params, threshold: float | Array, *, mask: Mask = weights_only
) -> Params:
    """Shrink each weight towards 0 by ``threshold``, to exactly 0 within it.

    ``w <- sign(w) max(|w| - threshold, 0)``, the proximal step of `l1`. As the constraint of a run
    of plain gradient descent, without the penalty, it descends the risk plus ``strength * sum |w|``
    if ``threshold = learning_rate * strength`` (ISTA). The subgradient of `l1` makes weights small,
    but none exactly 0.

    Args:
        params: a pytree of arrays; None counts as nothing.
        threshold: the learning rate times the strength of `l1`, 0 or more; may be traced.
        mask: which leaves are shrunk.

    Returns:
        The parameters; a threshold of 0 leaves them as they are.

    Raises:
        TypeError: if the mask is not of the parameters' structure, or a leaf that counts not
            floating-point.
        ValueError: if the threshold, given as a number, is negative or not finite.

    Source: lecture 004, regularization; Daubechies, Defrise and De Mol 2004.

    >>> soft_threshold(jnp.array([3.0, -0.5, -2.0]), 1.0).tolist()
    [2.0, 0.0, -1.0]
    """

    def shrink(w: Array) -> Array:
        t = jnp.asarray(threshold, w.dtype)
        return jnp.where(w > t, w - t, jnp.where(w < -t, w + t, jnp.zeros_like(w)))

    return _map_masked(shrink, lambda w: w, params, mask)


class Penalty(NamedTuple):
    """A penalty of fixed strength, with its hand-derived gradient.

    Attributes:
        function: ``params -> scalar``.
        backward: ``params -> gradient``, a pytree like them.
    """

    function: Callable[[Params], Array]
    backward: Callable[[Params], Params]

    __repr__ = represent


_PAIRS: dict[str, tuple[Callable[..., Array], Callable[..., Params]]] = {
    "l1": (l1, l1_backward),
    "l2": (l2, l2_backward),
    "elastic_net": (elastic_net, elastic_net_backward),
}

PENALTIES: dict[str, Callable[..., Array]] = {name: pair[0] for name, pair in _PAIRS.items()}
"""Name -> penalty."""


@cache_by_value
def get_penalty(name: str, **options: Any) -> Penalty:
    """Return the penalty called ``name`` with its gradient, at the given strength.

    Args:
        name: a name in `PENALTIES`.
        options: arguments of that penalty after the parameters, such as ``strength=1e-4``.

    Returns:
        For equal arguments the identical object, so that compiled programs are reused.

    Raises:
        ValueError: for an unknown name or option, or a strength left out.

    >>> get_penalty("l2", strength=0.5).function(jnp.array([[3.0, 4.0]])).tolist()
    12.5
    """
    function, backward = check_choice("name", name, _PAIRS)
    check_options(function, options, data=1, complete=True)
    return Penalty(functools.partial(function, **options), functools.partial(backward, **options))


def as_penalty(penalty: Callable[[Params], Array] | Penalty) -> Penalty:
    """Return a penalty with its gradient.

    Args:
        penalty: what `get_penalty` returns, or any differentiable function ``params -> scalar``,
            whose gradient autodiff derives.

    Raises:
        TypeError: if it is neither, as a name is not: its strength would be missing.
    """
    if isinstance(penalty, Penalty):
        return penalty
    if not callable(penalty):
        remedy = "For a name take get_penalty(name, strength=1e-4)."
        raise invalid_type("penalty", "to be a function of the parameters", repr(penalty), remedy)
    check_function("penalty", penalty, takes="params")
    return Penalty(penalty, _autodiff_rule(penalty))


@cache_by_value
def _autodiff_rule(penalty: Callable[[Params], Array]) -> Callable[[Params], Params]:
    """Return the gradient of a function; memoized, so that compiled programs are reused."""
    return jax.grad(lambda params: as_number("penalty", penalty(params)).astype(float))


@checked(RANGES)
def _total(
    measure: Callable[[Array], Array],
    params: Params,
    strength: float | Array,
    mask: Mask,
) -> Array:
    kept = jax.tree.leaves(_map_masked(lambda w: w, lambda _: None, params, mask))
    # leaves of several precisions are added up in the highest
    with jax.numpy_dtype_promotion("standard"):
        dtype = jnp.result_type(*kept) if kept else jnp.result_type(float)
    parts = [measure(leaf).astype(dtype) for leaf in kept]
    return jnp.asarray(strength, dtype) * sum(parts, start=jnp.zeros((), dtype))


@checked(RANGES)
def _gradient(
    slope: Callable[[Array], Array],
    params: Params,
    strength: float | Array,
    mask: Mask,
) -> Params:

    def scaled(w: Array) -> Array:
        return jnp.asarray(strength, w.dtype) * slope(w)

    return _map_masked(scaled, jnp.zeros_like, params, mask)


def _map_masked(
    inside: Callable[[Array], Any],
    outside: Callable[[Array], Any],
    params: Params,
    mask: Mask,
) -> Any:
    keep = mask(params)
    like = jax.tree.structure(keep) == jax.tree.structure(params)
    require_type(like, "mask", "to return one bool for each parameter array", "another tree")

    def apply(path: tuple[Any, ...], meant: Any, w: Array) -> Any:
        if meant:
            check_floating(f"params{jax.tree_util.keystr(path)}", w)
        return (inside if meant else outside)(w)

    return jax.tree_util.tree_map_with_path(apply, keep, params)


__all__ = [
    "PENALTIES",
    "Mask",
    "Penalty",
    "as_penalty",
    "elastic_net",
    "elastic_net_backward",
    "every_leaf",
    "get_penalty",
    "l1",
    "l1_backward",
    "l2",
    "l2_backward",
    "max_norm",
    "soft_threshold",
    "weights_only",
]

__dir__ = __all__.copy  # dir() shows these names alone
