"""Different transformations for different leaves of the parameters."""

from collections.abc import Hashable, Iterable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import optax

from jaxnet.core.errors import invalid_value
from jaxnet.optim.composition.scaling import set_to_zero
from jaxnet.optim.composition.transformation import check_transformation
from jaxnet.optim.mask import Mask, mask_tree, spread
from jaxnet.optim.rule import check_structure

Labels: TypeAlias = Any
"""A tree of labels, or a prefix of one, or a function of the parameters that returns one."""


class MaskedState(NamedTuple):
    """State of `masked`: the transformation's own, in which other leaves are ``MaskedNode``."""

    inner_state: Any


class PerGroupState(NamedTuple):
    """State of `per_group`: label -> state of its transformation, a `MaskedState`."""

    inner_states: Any


def masked(
    inner: optax.GradientTransformation, mask: Mask, *, mask_compatible_extra_args: bool = False
) -> optax.GradientTransformationExtraArgs:
    """Apply a transformation to some leaves; the updates of the others pass through unchanged.

    Around an optimizer that means that the others get their gradients as updates, which ascends:
    to keep them where they are, use `per_group` or `freeze`. The state holds nothing for the
    others. Equal to ``optax.masked``.

    Args:
        inner: what is applied; extra arguments of ``update`` are passed on. Functions among them
            want the whole tree, of which it sees a part: what calls them (SAM, line searches,
            second order) must stand around `masked`, not within.
        mask: which leaves are meant: a tree of booleans, or a prefix of one, or a function of the
            parameters (in ``update`` of the gradients), such as `jaxnet.penalties.weights_only`.
        mask_compatible_extra_args: whether extra arguments that have the structure of the
            parameters are masked, too.

    Raises:
        TypeError: if ``inner`` is not a transformation; ``init`` and ``update`` raise it for a
            mask of another structure than the parameters, or that holds anything but booleans,
            ``update`` for gradients of another structure than the parameters.

    >>> import jax.numpy as jnp
    >>> from jaxnet.optim import clip
    >>> transformation = masked(clip(1.0), {"weights": True, "bias": False})
    >>> params = {"weights": jnp.array([3.0]), "bias": jnp.array([3.0])}
    >>> transformation.update(params, transformation.init(params))[0]
    {'bias': Array([3.], dtype=float32), 'weights': Array([1.], dtype=float32)}
    """
    inner = check_transformation("masked", "inner", inner)

    def init(params: Any) -> MaskedState:
        return MaskedState(inner.init(_kept(mask_tree("masked", mask, params), params)))

    def update(
        updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, MaskedState]:
        check_structure("masked", updates, params)
        keep = mask_tree("masked", mask, updates)
        if mask_compatible_extra_args:
            extra_args = {name: _kept_if_alike(keep, value) for name, value in extra_args.items()}
        hidden = None if params is None else _kept(keep, params)
        changed, inner_state = inner.update(
            _kept(keep, updates), state.inner_state, hidden, **extra_args
        )
        merged = jax.tree.map(lambda k, new, old: new if k else old, keep, changed, updates)
        return merged, MaskedState(inner_state)

    return optax.GradientTransformationExtraArgs(init, update)


def freeze(mask: Mask) -> optax.GradientTransformationExtraArgs:
    """Keep some leaves where they are: their updates become 0, the others pass through.

    It stands last in a chain: an optimizer after it would still move the leaves by its momentum
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


def per_group(
    transforms: Mapping[Any, optax.GradientTransformation],
    labels: Labels,
    *,
    mask_compatible_extra_args: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """Apply to each leaf the transformation that its label names.

    Each group has its own optimizer, learning rate, weight decay and state; a norm in a group is
    that of the group. Equal to ``optax.partition``, also called ``optax.multi_transform``, and to
    the parameter groups of ``torch.optim``.

    Args:
        transforms: label -> transformation. One whose label no leaf has does nothing.
        labels: a tree of labels, or a prefix of one, or a function of the parameters (in
            ``update`` of the gradients) that returns one.
        mask_compatible_extra_args: whether extra arguments that have the structure of the
            parameters are cut down to each group, too.

    Raises:
        TypeError: if an entry is not a transformation; ``init`` and ``update`` raise it for labels
            of another structure than the parameters.
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
    checked = {
        label: check_transformation("per_group", f"transforms[{label!r}]", transformation)
        for label, transformation in transforms.items()
    }

    def groups(tree: Any) -> dict[Hashable, optax.GradientTransformationExtraArgs]:
        names = _checked_labels(labels, tree, checked)
        return {
            label: masked(
                transformation,
                jax.tree.map(lambda name, label=label: name == label, names),
                mask_compatible_extra_args=mask_compatible_extra_args,
            )
            for label, transformation in checked.items()
        }

    def init(params: Any) -> PerGroupState:
        return PerGroupState({label: group.init(params) for label, group in groups(params).items()})

    def update(
        updates: Any, state: Any, params: Any = None, **extra_args: Any
    ) -> tuple[Any, PerGroupState]:
        _check_states(state.inner_states, checked)
        states = {}
        for label, group in groups(updates).items():
            part = state.inner_states[label]
            updates, states[label] = group.update(updates, part, params, **extra_args)
        return updates, PerGroupState(states)

    return optax.GradientTransformationExtraArgs(init, update)


def _check_states(states: Mapping[Hashable, Any], known: Mapping[Hashable, Any]) -> None:
    if set(states) != set(known):
        remedy = "Pass the state that init of these transforms has made."
        expected = f"to have the labels {_listed(known)}"
        raise invalid_value("per_group", "state", expected, _listed(states), remedy)


def _listed(labels: Iterable[Hashable]) -> str:
    return ", ".join(sorted(map(repr, labels)))


def _kept(keep: Any, tree: Any) -> Any:
    """Return the tree with a node without leaves in place of each leaf that is not kept."""
    return jax.tree.map(lambda k, leaf: leaf if k else optax.MaskedNode(), keep, tree)


def _kept_if_alike(keep: Any, value: Any) -> Any:
    alike = jax.tree.structure(value) == jax.tree.structure(keep)
    return _kept(keep, value) if alike else value


def _checked_labels(labels: Labels, tree: Any, known: Mapping[Hashable, Any]) -> Any:
    """Return a label for each leaf, once each is known to have a transformation."""
    names = spread("per_group", "labels", labels, tree, "labels")
    for path, name in jax.tree_util.tree_leaves_with_path(names):
        if name not in known:
            place = f"labels{jax.tree_util.keystr(path)}"
            remedy = f"Add transforms[{name!r}], or change the label."
            expected = f"to be one of the transforms {_listed(known)}"
            raise invalid_value("per_group", place, expected, repr(name), remedy)
    return names
