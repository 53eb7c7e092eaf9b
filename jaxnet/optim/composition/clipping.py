"""Gradient clipping: by entry, by norm, or relative to the weights."""

from collections.abc import Callable
from typing import Any, Literal

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_choice, checked, require
from jaxnet.core.norms import Axis, norm, shortened
from jaxnet.core.trees import global_norm
from jaxnet.core.types import Array
from jaxnet.optim.composition.transformation import without_state
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Number, cast, check_params_given, widened


@factory
@checked(RANGES)
def clip(max_delta: Number) -> optax.GradientTransformationExtraArgs:
    """Clip each entry, ``u = min(max(g, -d), d)``.

    Equal to ``optax.clip``, ``torch.nn.utils.clip_grad_value_`` and Keras's ``clipvalue``. It
    changes the direction of the gradient. An infinity becomes ``d``; NaN stays NaN.

    Args:
        max_delta: ``d``, above 0; may be traced.

    Raises:
        ValueError: if it is a number out of its range.

    >>> clip(1.0).update(jnp.array([3.0, -0.5]), optax.EmptyState())[0].tolist()
    [1.0, -0.5]
    """

    def clipped(g: Array) -> Array:
        bound = jnp.asarray(max_delta, jnp.result_type(g))
        return jnp.clip(g, -bound, bound)

    return without_state(lambda updates, _: jax.tree.map(clipped, updates))


@factory
def clip_by_global_norm(
    max_norm: Number, *, like: Literal["optax", "torch", "keras"] = "optax"
) -> optax.GradientTransformationExtraArgs:
    """Clip the whole gradient to a norm of at most ``c``, ``u = g / max(1, ||g|| / c)``.

    ``||g||`` is the Euclidean norm of all leaves together, so that the direction is kept.

    How the conventions of ``like`` differ:

    - optax: as above. If an entry is infinite, the finite ones become 0 and it NaN.
    - torch: ``clip_grad_norm_`` adds 1e-6 to the norm: it clips from a norm of ``c - 1e-6`` on,
      to a little less than ``c``.
    - keras: ``global_clipnorm`` is optax's, but one infinite entry makes all of them NaN.

    One entry that is NaN makes all NaN, everywhere.

    Args:
        max_norm: ``c``, above 0; may be traced.
        like: whose convention to follow.

    Raises:
        ValueError: if ``max_norm`` is a number out of its range, or ``like`` unknown.

    Numerics: a finite gradient whose squares overflow is clipped, too: its norm is computed again
    from smaller numbers. In optax, PyTorch and Keras that norm is infinite (in float32 from
    entries of 1.8e19 on), and the whole update becomes 0, or NaN in Keras. A gradient within the
    bound is unchanged bit for bit, and the derivative there is the identity, at 0, too.

    Source: Pascanu et al. 2013, algorithm 1.

    >>> clip_by_global_norm(1.0).update(jnp.array([3.0, -4.0]), optax.EmptyState())[0].round(6)
    Array([ 0.6, -0.8], dtype=float32)
    """
    shorten = _shortened(max_norm, like, ("optax", "torch", "keras"))

    def change(updates: Any, _: Any) -> Any:
        size = global_norm(updates)
        if like == "keras":
            size = size + (size - size)  # NaN if it is infinite
        return jax.tree.map(lambda g: shorten(g, size), updates)

    return without_state(change)


@factory
def clip_by_norm(
    max_norm: Number, *, like: Literal["keras", "torch"] = "keras"
) -> optax.GradientTransformationExtraArgs:
    """Clip each leaf of the gradient to norm ``c``, ``u = g / max(1, ||g|| / c)``.

    `clip_by_global_norm` of each leaf by itself, with the same numerics: it keeps the direction
    of each leaf, not of the whole gradient. optax does not have it.

    How the conventions of ``like`` differ:

    - keras: ``clipnorm``, as above.
    - torch: ``clip_grad_norm_`` of one parameter adds 1e-6 to the norm.

    Args:
        max_norm: ``c``, above 0; may be traced.
        like: whose convention to follow.

    Raises:
        ValueError: if ``max_norm`` is a number out of its range, or ``like`` unknown.

    >>> clip_by_norm(1.0).update([jnp.array([3.0, -4.0])], optax.EmptyState())[0][0].round(6)
    Array([ 0.6, -0.8], dtype=float32)
    """
    shorten = _shortened(max_norm, like, ("keras", "torch"))
    return without_state(
        lambda updates, _: jax.tree.map(lambda g: shorten(g, global_norm(g)), updates),
    )


@factory
@checked(RANGES)
def adaptive_grad_clip(
    clipping: Number, eps: Number = 1e-3, axis: Axis = None
) -> optax.GradientTransformationExtraArgs:
    """Clip the gradient of each unit relative to its weights, ``u = g / max(1, ||g|| / c)``.

    ``c = clipping max(||w||, eps)``, with the norms of the weights of one unit, such as those that
    come into one neuron. Equal to ``optax.adaptive_grad_clip``.

    Args:
        clipping: the largest ratio of gradient to weights, above 0; may be traced.
        eps: what counts as the norm of weights that are smaller, above 0; may be traced.
        axis: the axes that make up a unit. The weights ``(out, in)`` of jaxnet's networks need
            ``-1``. None takes optax's, for weights ``(in, out)``: the whole of a scalar or a
            vector, axis 0 of 2 or 3 dimensions, all but the last of 4 or 5.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range; ``update`` raises
            it where the parameters are left out, or with ``axis=None`` for more than 5 dimensions.

    Numerics: as for `clip_by_global_norm`, for the norms of weights, too.

    Source: Brock et al. 2021, "High-performance large-scale image recognition without
    normalization", section 4.1.

    >>> clipped = adaptive_grad_clip(0.5, axis=-1)
    >>> weights, gradients = jnp.array([[3.0, 4.0], [0.0, 2.0]]), jnp.array([[6.0, 8.0], [0.5, 0]])
    >>> clipped.update(gradients, optax.EmptyState(), weights)[0].round(6).tolist()
    [[1.5, 2.0], [0.5, 0.0]]
    """

    def clipped(g: Array, w: Array) -> Array:
        wide = widened(g)
        axes = _unit_axes(jnp.shape(g)) if axis is None else axis if jnp.ndim(g) else None
        size, room = norm(wide, axes), norm(jnp.asarray(w, wide.dtype), axes)
        bound = cast(clipping, wide.dtype) * jnp.maximum(room, cast(eps, wide.dtype))
        return shortened(wide, size, bound).astype(jnp.result_type(g))

    def change(updates: Any, params: Any) -> Any:
        check_params_given(params)
        return jax.tree.map(clipped, updates, params)

    return without_state(change)


_EPS = {"optax": 0.0, "torch": 1e-6, "keras": 0.0}
"""Convention -> number added to a norm before the comparison with the bound."""


@checked(RANGES)
def _shortened(
    max_norm: Number, like: str, known: tuple[str, ...]
) -> Callable[[Array, Array], Array]:
    """Validate the settings and return ``(g, size) -> g / max(1, (size + eps) / max_norm)``."""
    eps = check_choice("like", like, {name: _EPS[name] for name in known})

    def shorten(g: Array, size: Array) -> Array:
        short = shortened(widened(g), size + eps, cast(max_norm, size.dtype))
        return short.astype(jnp.result_type(g))

    return shorten


def _unit_axes(shape: tuple[int, ...]) -> Axis:
    """Return the axes of a unit of weights ``(in, out)`` or a kernel ``(..., in, out)``."""
    if sum(size != 1 for size in shape) <= 1:
        return None
    expected = "to have at most 5 dimensions where axis is None"
    require(len(shape) <= 5, "gradients", expected, len(shape), "Pass the axes of a unit.")
    return 0 if len(shape) <= 3 else tuple(range(len(shape) - 1))
