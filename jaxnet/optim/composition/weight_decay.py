"""Weight decay as a transformation, coupled or decoupled by its place in a chain."""

from typing import Any, NamedTuple

import optax

from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.mask import Mask
from jaxnet.optim.update_rule.rule import StepContext, from_rule


class AddDecayedWeightsState(NamedTuple):
    """State of `add_decayed_weights`: ``count`` (int32), the number of finished steps."""

    count: Array

    __repr__ = represent


@factory
def add_decayed_weights(
    weight_decay: LearningRate = 0.0, mask: Mask = None
) -> optax.GradientTransformationExtraArgs:
    """Add a multiple of the weights to the updates, ``u = g + lambda w``.

    What that means depends on its place:

    - before an optimizer it is an L2 penalty, ``lambda / 2 ||w||^2`` added to the risk: the decay
      is coupled to the gradient's moments. Adam divides it by ``sqrt(nu_hat)`` like the gradient,
      so that weights with large gradients decay less. PyTorch's ``weight_decay`` does this, but
      for AdamW.
    - between the direction and the learning rate, as in
      ``chain(optax.scale_by_adam(), add_decayed_weights(0.01), scale_by_learning_rate(0.001))``,
      it is decoupled: all weights shrink by the factor ``1 - eta lambda``. That is AdamW.
    - after an optimizer that holds its learning rate the sign is wrong: the updates are
      subtracted gradients already, and the weights would grow.

    For plain gradient descent the first two are one and the same. Equal to
    ``optax.add_decayed_weights``. `jaxnet.penalties.l2` of strength ``s`` is ``lambda = 2 s``.

    Args:
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule of the step count.
        mask: which leaves decay: a tree of booleans, or a prefix of one, or a function of the
            parameters, such as `jaxnet.penalties.weights_only`, which leaves out biases and
            scales by their names; by default all.

    Raises:
        ValueError: if the weight decay, given as a number, is out of range; ``update`` raises it
            where the parameters are left out.
        TypeError: ``update`` raises it for a mask of another structure than the parameters, or
            that holds anything but booleans.

    Source: Loshchilov and Hutter 2019, sections 2 and 3; lecture 004, "L2 regularization".

    >>> import jax.numpy as jnp
    >>> import jaxnet
    >>> decay = add_decayed_weights(0.5, mask=jaxnet.penalties.weights_only)
    >>> params = {"weights": jnp.array([2.0]), "bias": jnp.array([2.0])}
    >>> gradients = {"weights": jnp.array([3.0]), "bias": jnp.array([3.0])}
    >>> updates, _ = decay.update(gradients, decay.init(params), params)
    >>> {name: leaf.tolist() for name, leaf in updates.items()}
    {'bias': [3.0], 'weights': [4.0]}
    """
    transformation = from_rule(
        _rule,
        0.0,
        state=AddDecayedWeightsState,
        weight_decay=weight_decay,
        mask=mask,
        needs_params=True,
    )
    return optax.with_extra_args_support(transformation)


def _rule(at: StepContext, g: Array, w: Any) -> tuple[Array]:
    return (g + at.decay * w,)
