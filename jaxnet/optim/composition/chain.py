"""Composition of transformations."""

from typing import Any

import optax

from jaxnet.core.checks import require
from jaxnet.optim.composition.transformation import as_transformation
from jaxnet.optim.update_rule.factory import factory


@factory
def chain(*transforms: optax.GradientTransformation) -> optax.GradientTransformationExtraArgs:
    """Apply transformations in the order given: each takes the updates of the one before.

    ``u_0 = g``, ``u_i = T_i(u_{i-1})``, ``w <- w + u_n``. Transformations before an optimizer
    change its gradients, those after it its steps. The parameters, and extra arguments of
    ``update`` such as ``value``, go to each of them.

    Equal to ``optax.chain``; without transformations it is the identity, where optax fails.

    Args:
        transforms: ours or any other optax transformations.

    Raises:
        TypeError: if one of them is not a transformation, as a factory that was not called.
        ValueError: ``update`` raises it for the state of another number of transformations.

    >>> import jax.numpy as jnp
    >>> from jaxnet.optim import clip, sgd
    >>> optimizer = chain(clip(1.0), sgd(0.5))
    >>> updates, _ = optimizer.update(jnp.array([3.0, -0.5]), optimizer.init(jnp.zeros(2)))
    >>> updates.tolist()
    [-0.5, 0.25]
    """
    checked = [
        as_transformation(f"transforms[{i}]", transformation)
        for i, transformation in enumerate(transforms)
    ]

    def init(params: Any) -> tuple[Any, ...]:
        return tuple(transformation.init(params) for transformation in checked)

    def update(updates: Any, state: Any, params: Any = None, **extra_args: Any) -> tuple[Any, Any]:
        expected = f"to have {len(checked)} parts, one a transformation"
        require(len(state) == len(checked), "state", expected, len(state))
        parts = []
        for transformation, part in zip(checked, state, strict=True):
            updates, part = transformation.update(updates, part, params, **extra_args)
            parts.append(part)
        return updates, tuple(parts)

    return optax.GradientTransformationExtraArgs(init, update)
