"""Optimizers from a rule for one array of weights, mapped over the tree of parameters."""

import functools
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_floating, check_ranges, require
from jaxnet.core.errors import invalid_type
from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import Array, Number
from jaxnet.optim.update_rule.learning_rate import LearningRate, check_rates, rate_at
from jaxnet.optim.update_rule.mask import Mask, mask_tree
from jaxnet.optim.update_rule.ranges import RANGES


class StepContext(NamedTuple):
    """The step of a rule: its inputs besides gradient, weights and slots.

    Attributes:
        t: the number of this step, from 1, int32.
        rate: ``eta`` of this step, 0-d, in the dtype of the gradient.
        decay: ``lambda``, the weight decay of this leaf; the number 0.0 where it is masked.
        label: the optimizer's label of this leaf; None without ``labels``.
    """

    t: Array
    rate: Array
    decay: Number
    label: Any = None


Rule: TypeAlias = Callable[..., tuple[Any, ...]]
"""``(at, g, w, *slots, **numbers) -> (update, *slots)`` for one leaf: its gradient, its weights
(None if the rule does not need them) and its slots, the arrays of its state."""

SlotInit: TypeAlias = Callable[[Array], Array | None]
"""``w -> slot`` before the first step; None where a variant has no such slot, which the rule then
takes and returns as None."""


def from_rule(
    rule: Rule,
    learning_rate: LearningRate,
    *,
    state: Callable[..., Any],
    starts: Sequence[SlotInit] = (),
    numbers: Mapping[str, Number] | None = None,
    ranges: Mapping[str, str] = RANGES,
    weight_decay: LearningRate = 0.0,
    mask: Mask = None,
    needs_params: bool = False,
    labels: Callable[[Any], Sequence[Any]] | None = None,
) -> optax.GradientTransformation:
    """Return the optimizer that applies one rule to each leaf of the parameters.

    Leaves narrower than float32 are computed and stored in float32; their updates are rounded once,
    at the end.

    Args:
        rule: the mathematics, see `Rule`.
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        state: the NamedTuple of the state: ``count``, then a tree for each slot. The first slot,
            if any, has the shape of the weights.
        starts: a function ``w -> slot`` for each slot; `no_slot` for one that is not needed.
        numbers: hyperparameters that the rule takes by name; arrays among them are converted to
            the dtype of each leaf.
        ranges: their ranges by name.
        weight_decay: ``lambda``, given to the rule as ``at.decay``; a number, array or schedule.
        mask: which leaves are decayed; by default all.
        needs_params: whether the rule needs the weights; with weight decay it always does.
        labels: ``gradients -> a label for each leaf``, passed to the rule as ``at.label``:
            properties of a leaf that its arrays do not determine.

    Raises:
        ValueError: if learning rate or weight decay are out of range; ``update`` raises it if
            required parameters are missing, or a gradient has another shape.
        TypeError: ``init`` raises it for parameters that are not floating-point, and for a mask of
            another structure; ``update`` for gradients of another structure than the parameters.
    """
    check_rates(learning_rate=learning_rate, weight_decay=weight_decay)
    check_ranges(ranges, **(numbers or {}))
    decays = not (isinstance(weight_decay, int | float) and weight_decay == 0)

    def init(params: Any) -> Any:
        check_parameters(params)
        mask_tree(mask, params)  # raises here, not at the first step
        if labels:
            labels(params)
        slots = [jax.tree.map(lambda w, new=new: new(widened(w)), params) for new in starts]
        return state(jnp.zeros((), jnp.int32), *slots)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, Any]:
        if needs_params or decays:
            check_params_given(params)
        check_gradients(updates, state[1] if starts else params)
        leaves, structure = jax.tree.flatten(updates)
        weights = [None] * len(leaves) if params is None else structure.flatten_up_to(params)
        slots = [structure.flatten_up_to(slot) for slot in state[1:]]
        chosen = (mask, params) if decays else (False, updates)
        decayed = jax.tree.leaves(mask_tree(*chosen))
        labelled = labels(updates) if labels else [None] * len(leaves)
        count = increment(state.count)
        at = StepContext(
            count,
            rate_at(learning_rate, state.count),
            rate_at(weight_decay, state.count) if decays else 0.0,
        )
        apply = functools.partial(_apply, rule, numbers or {})
        rows = [
            apply(at._replace(decay=at.decay if is_decayed else 0.0, label=label), g, w, slots)
            for g, w, is_decayed, label, *slots in zip(
                leaves, weights, decayed, labelled, *slots, strict=True
            )
        ]
        columns = zip(*rows, strict=True) if rows else [()] * len(state)
        changes, *slots = [structure.unflatten(column) for column in columns]
        return changes, type(state)(count, *slots)

    return optax.GradientTransformation(init, update)


def transformation(
    init: Callable[[Any], Any],
    update: Callable[..., tuple[Any, Any]],
    *,
    like: str | None = None,
    needs_params: bool = False,
    needs: Sequence[str] = (),
) -> optax.GradientTransformationExtraArgs:
    """Return a transformation whose arguments are checked before each call.

    Args:
        init: ``params -> state``.
        update: ``(updates, state, params, **extra_args) -> (updates, state)``.
        like: the field of the state that has the shapes of the parameters; by default updates are
            compared with the parameters, if they are given.
        needs_params: whether ``update`` needs the parameters.
        needs: the extra arguments that it needs.
    """

    def checked_init(params: Any) -> Any:
        check_parameters(params)
        return init(params)

    def checked_update(updates: Any, state: Any, params: Any = None, **extra_args: Any) -> Any:
        if needs_params:
            check_params_given(params)
        check_gradients(updates, params if like is None else getattr(state, like))
        check_extra(needs, extra_args)
        return update(updates, state, params, **extra_args)

    return optax.GradientTransformationExtraArgs(checked_init, checked_update)


def no_slot(w: Array) -> None:
    """Initialize an unused slot: None in every leaf."""
    del w


def increment(count: Array) -> Array:
    """Return ``count + 1``, which stays at the largest int32 once it is reached.

    >>> int(increment(jnp.int32(4))), int(increment(jnp.int32(2**31 - 1)))
    (5, 2147483647)
    """
    return jnp.minimum(count, jnp.int32(2**31 - 2)) + jnp.int32(1)


def cast(number: Number, dtype: Any) -> Number:
    """Return a hyperparameter for arithmetic in ``dtype``: a Python number, or an array in it.

    A Python number stays one, so that ``1 - b`` is computed in float64 before it is rounded.
    """
    return float(number) if isinstance(number, int | float) else jnp.asarray(number, dtype)


def check_parameters(params: Any) -> None:
    """Check that parameters are floating-point; the TypeError names the first leaf that is not."""
    for path, leaf in jax.tree_util.tree_leaves_with_path(params):
        check_floating(f"parameters{jax.tree_util.keystr(path)}", leaf)


def check_params_given(params: Any) -> None:
    """Raise a ValueError if ``update`` is called without parameters."""
    remedy = "Call optimizer.update(gradients, state, params)."
    require(params is not None, "params", "to be given, the rule needs them", "None", remedy)


def check_extra(needs: Sequence[str], extra: Mapping[str, Any]) -> None:
    """Raise a ValueError that names the first missing extra argument of ``update``."""
    given = ", ".join(f"{name}=..." for name in needs)
    remedy = f"Call optimizer.update(gradients, state, params, {given})."
    for name in needs:
        require(extra.get(name) is not None, name, "to be given to update", "None", remedy)


def check_gradients(gradients: Any, params: Any) -> None:
    """Check dtype, structure and shapes of gradients.

    Args:
        gradients: the updates.
        params: the parameters, or a slot of their shapes; None skips the comparison.
    """
    check_structure(gradients, params)
    leaves = jax.tree_util.tree_leaves_with_path(gradients)
    like = jax.tree.leaves(gradients if params is None else params)
    for (path, g), shape in zip(leaves, map(jnp.shape, like), strict=True):
        name = f"gradients{jax.tree_util.keystr(path)}"
        check_floating(name, g)
        require(jnp.shape(g) == shape, name, f"to have shape {shape}", jnp.shape(g), _OWN)


def check_structure(gradients: Any, tree: Any) -> None:
    """Check that gradients have the structure of a tree.

    Args:
        gradients: the updates.
        tree: any tree with a leaf for each array of the parameters; None skips the comparison.
    """
    structure, expected = jax.tree.structure(gradients), jax.tree.structure(tree)
    if tree is not None and structure != expected:
        text = f"to have the tree structure of the parameters, {expected}"
        raise invalid_type("gradients", text, structure, _OWN)


_OWN = "Pass gradients of the parameters that the state was made for by init."


def _apply(
    rule: Rule,
    numbers: Mapping[str, Number],
    at: StepContext,
    g: Array,
    w: Array | None,
    slots: list[Array | None],
) -> tuple[Any, ...]:
    """Apply a rule to one leaf, in float32 at least; the update has the gradient's dtype."""
    wide = widened(g)
    at = at._replace(rate=at.rate.astype(wide.dtype), decay=cast(at.decay, wide.dtype))
    known = {name: cast(value, wide.dtype) for name, value in numbers.items()}
    w = None if w is None else jnp.asarray(w, wide.dtype)
    change, *slots = rule(at, wide, w, *slots, **known)
    return change.astype(g.dtype), *slots


def widened(array: Array) -> Array:
    """Return an array, in float32 if its dtype is narrower.

    >>> widened(jnp.ones(1, jnp.bfloat16)).dtype.name
    'float32'
    """
    array = jnp.asarray(array)
    return array.astype(at_least_float32(array.dtype))


def widest(tree: Any) -> Any:
    """Return the widest dtype of a tree's leaves, float32 at least.

    >>> widest([jnp.ones(1, jnp.bfloat16), jnp.ones(1, jnp.float32)]).name
    'float32'
    """
    dtypes = [widened(leaf).dtype for leaf in jax.tree.leaves(tree)]
    return max(dtypes, key=lambda dtype: dtype.itemsize, default=jnp.dtype(jnp.float32))
