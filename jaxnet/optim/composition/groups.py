"""Different transformations for different leaves of the parameters."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import optax

from jaxnet.core.checks import checked, require
from jaxnet.core.representation import represent
from jaxnet.optim.composition.scaling import set_to_zero
from jaxnet.optim.composition.transformation import as_transformation
from jaxnet.optim.composition.visibility import (
    merged,
    visible,
    visible_arguments,
    visible_if_alike,
)
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.mask import Mask, mask_tree, spread
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import check_structure

Labels: TypeAlias = Any
"""A tree of labels, or a prefix of one, or a function of the parameters that returns one."""


class MaskedState(NamedTuple):
    """State of `masked`: that of the transformation, with ``MaskedNode`` for the other leaves."""

    inner_state: Any

    __repr__ = represent


class PerGroupState(NamedTuple):
    """State of `per_group`: label -> state of its transformation, a `MaskedState`."""

    inner_states: Any

    __repr__ = represent


@factory
@checked(RANGES)
def masked(
    inner: optax.GradientTransformation, mask: Mask, *, mask_compatible_extra_args: bool = False
) -> optax.GradientTransformationExtraArgs:
    """Apply a transformation to some leaves, ``u_i = T(g)_i``; others pass through, ``u_i = g_i``.

    Around an optimizer that means that the others get their gradients as updates, which ascends:
    to keep them where they are, use `per_group` or `freeze`. The state holds nothing for the
    others. Equal to ``optax.masked``.

    Args:
        inner: the transformation; extra arguments of ``update`` are passed on. The functions of the
            parameters among them that `jaxnet.training.fit` gives (``value_fn``, ``grad_fn``, ...)
            become functions of the leaves that are meant, the others standing still, and ``grad``
            is cut down to these: SAM, line searches and second-order methods work within.
            ``optax.masked`` passes whole trees and functions, which they cannot use.
        mask: the selected leaves: a tree of booleans, or a prefix of one, or a function of the
            parameters (in ``update`` of the gradients), such as `jaxnet.penalties.weights_only`.
        mask_compatible_extra_args: whether all extra arguments that have the structure of the
            parameters are restricted, too.

    Raises:
        TypeError: if ``inner`` is not a transformation, or the flag not a boolean; ``init`` and
            ``update`` raise it for a mask of another structure than the parameters, or that holds
            anything but booleans, ``update`` for gradients of another structure than the
            parameters.

    >>> import jax.numpy as jnp
    >>> from jaxnet.optim import clip
    >>> transformation = masked(clip(1.0), {"weights": True, "bias": False})
    >>> params = {"weights": jnp.array([3.0]), "bias": jnp.array([3.0])}
    >>> transformation.update(params, transformation.init(params))[0]
    {'bias': Array([3.], dtype=float32), 'weights': Array([1.], dtype=float32)}
    """
    inner = as_transformation("inner", inner)

    def init(params: Any) -> MaskedState:
        return MaskedState(inner.init(visible(mask_tree(mask, params), params)))

    def update(
        updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, MaskedState]:
        check_structure(updates, params)
        keep = mask_tree(mask, updates)
        extra_args = visible_arguments(keep, params, extra_args)
        if mask_compatible_extra_args:
            extra_args = {name: visible_if_alike(keep, v) for name, v in extra_args.items()}
        seen = None if params is None else visible(keep, params)
        changed, inner_state = inner.update(
            visible(keep, updates), state.inner_state, seen, **extra_args
        )
        return merged(keep, changed, updates), MaskedState(inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


@factory
def freeze(mask: Mask) -> optax.GradientTransformationExtraArgs:
    """Freeze some leaves, ``u_i = 0``; the others pass through, ``u_i = g_i``.

    It belongs at the end of a chain: an optimizer after it would still move the leaves by momentum
    or weight decay. Equal to ``optax.transforms.freeze``.

    Args:
        mask: which leaves stay, as for `masked`.

    Raises:
        TypeError: ``init`` and ``update`` raise it for a mask of another structure than the
            parameters, or that holds anything but booleans.

    >>> import jax.numpy as jnp
    >>> updates = {"weights": jnp.array([3.0]), "bias": jnp.array([3.0])}
    >>> transformation = freeze({"weights": False, "bias": True})
    >>> transformation.update(updates, transformation.init(updates))[0]
    {'bias': Array([0.], dtype=float32), 'weights': Array([3.], dtype=float32)}
    """
    return masked(set_to_zero(), mask)


@factory
@checked(RANGES)
def per_group(
    transforms: Mapping[Any, optax.GradientTransformation],
    labels: Labels,
    *,
    mask_compatible_extra_args: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """Apply to each leaf the transformation that its label ``k`` names, ``u_i = T_k(g)_i``.

    Each group has its own optimizer, learning rate, weight decay and state; a norm in a group is
    that of the group. To its functions of the parameters, such as the risk along a line, the other
    groups have their values before the step, whichever comes first: each of two line searches
    lowers the risk by itself, both steps together may not. Equal to ``optax.partition``, also
    called ``optax.multi_transform``, and to the parameter groups of ``torch.optim``.

    Args:
        transforms: label -> transformation. One whose label no leaf has does nothing.
        labels: a tree of labels, or a prefix of one, or a function of the parameters (in
            ``update`` of the gradients) that returns one.
        mask_compatible_extra_args: whether extra arguments that have the structure of the
            parameters are restricted to each group, too.

    Raises:
        TypeError: if an entry is not a transformation, or the flag not a boolean; ``init`` and
            ``update`` raise it for labels of another structure than the parameters.
        ValueError: ``init`` and ``update`` raise it for a label that has no transformation,
            ``update`` for a state of other labels.

    >>> import jax.numpy as jnp
    >>> from jaxnet.optim import set_to_zero, sgd
    >>> optimizer = per_group(
    ...     {"fast": sgd(1.0), "slow": sgd(0.5), "frozen": set_to_zero()},
    ...     {"hidden": "slow", "output": "fast", "embedding": "frozen"},
    ... )
    >>> params = {"hidden": jnp.ones(1), "output": jnp.ones(1), "embedding": jnp.ones(1)}
    >>> updates, _ = optimizer.update(params, optimizer.init(params))
    >>> {name: leaf.tolist() for name, leaf in updates.items()}
    {'embedding': [0.0], 'hidden': [-0.5], 'output': [-1.0]}
    """
    each = {
        label: as_transformation(f"transforms[{label!r}]", transformation)
        for label, transformation in transforms.items()
    }

    def groups(tree: Any) -> dict[Hashable, optax.GradientTransformationExtraArgs]:
        names = _labels_of(tree, labels, each)
        return {
            label: masked(
                transformation,
                jax.tree.map(lambda name, label=label: name == label, names),
                mask_compatible_extra_args=mask_compatible_extra_args,
            )
            for label, transformation in each.items()
        }

    def init(params: Any) -> PerGroupState:
        return PerGroupState({label: group.init(params) for label, group in groups(params).items()})

    def update(
        updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, PerGroupState]:
        states, known = {}, _listed(transforms)
        good = set(state.inner_states) == set(transforms)
        require(good, "state", f"to have the labels {known}", _listed(state.inner_states))
        for label, group in groups(updates).items():
            part = state.inner_states[label]
            updates, states[label] = group.update(updates, part, params, **extra_args)
        return updates, PerGroupState(states)

    return optax.GradientTransformationExtraArgs(init, update)


def _listed(labels: Iterable[Hashable]) -> str:
    return ", ".join(sorted(map(repr, labels)))


def _labels_of(tree: Any, labels: Labels, known: Mapping[Hashable, Any]) -> Any:
    """Return the label of each leaf, checked to have a transformation."""
    names = spread("labels", labels, tree, "labels")
    expected = f"to be one of the transforms {_listed(known)}"
    for path, name in jax.tree_util.tree_leaves_with_path(names):
        require(name in known, f"labels{jax.tree_util.keystr(path)}", expected, repr(name))
    return names
