"""Nesterov's momentum in both of its forms."""

from collections.abc import Callable
from typing import Any, Literal, get_args

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_choice
from jaxnet.core.types import Array
from jaxnet.optim.first_order.momentum import CONVENTIONS, Like, heavy_ball
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate, rate_at
from jaxnet.optim.update_rule.rule import Mask, Number, cast, transformation

Form = Literal["rewritten", "look_ahead"]


@factory
def nesterov(
    learning_rate: LearningRate,
    *,
    momentum: Number = 0.9,
    form: Form = "rewritten",
    weight_decay: LearningRate = 0.0,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation | optax.GradientTransformationExtraArgs:
    """Nesterov's momentum: ``m <- b m + g(w - eta b m), w <- w - eta m``.

    The gradient is that at the point to which the trace alone would lead. Two forms of it:

    - rewritten: the parameters are those look-ahead points themselves, so that the gradient at the
      parameters is the one needed: ``w <- w - eta (b m + g)`` with the new trace. It is
      `jaxnet.optim.momentum` with ``nesterov=True``, and what optax, PyTorch and Keras have.
    - look_ahead: the parameters are ``w``. ``update`` is called with
      ``grad_fn=params -> gradient``, which it evaluates once, at the look-ahead point; the
      gradient that it is given first is ignored, and so is what a chain has made of it. The
      look-ahead points are the parameters of the rewritten form: at a constant rate, and under a
      schedule if the rate is in the trace (keras). Where it is not, the point ``w - eta b m``
      already uses the next rate, the rewritten form the last.

    How the conventions of ``like`` differ: as those of `jaxnet.optim.momentum`. The slide has the
    look-ahead point ``w - b m``, without ``eta``: a step as long as the gradients, by mistake.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        momentum: ``b`` in [0, 1).
        form: which parameters are kept, "rewritten" or "look_ahead".
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule. The look-ahead
            form decays by the look-ahead point.
        mask: which leaves are decayed, a tree of booleans or a function of the parameters that
            returns one; by default all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range; ``update`` of the
            look-ahead form raises it if the parameters or ``grad_fn`` are missing.

    Source: lecture 004, "Nesterov"; Nesterov 1983; Sutskever et al. 2013, section 2; Bengio et al.
    2013, "Advances in optimizing recurrent networks", section 3.5, for the rewritten form.

    >>> optimizer = nesterov(0.25, momentum=0.5, form="look_ahead")
    >>> w = jnp.array([8.0])
    >>> state = optimizer.init(w)
    >>> for _ in range(2):
    ...     updates, state = optimizer.update(w, state, w, grad_fn=lambda w: w)
    ...     w = w + updates
    >>> w.tolist()
    [3.75]
    """
    check_choice("form", form, dict.fromkeys(get_args(Form)))
    optimizer = heavy_ball(
        learning_rate,
        momentum=momentum,
        nesterov=form == "rewritten",
        dampening=0.0,
        weight_decay=weight_decay,
        mask=mask,
        like=like,
    )
    if form == "rewritten":
        return optimizer
    rate_in_trace = CONVENTIONS[like].rate_in_trace

    def update(
        updates: Any, state: Any, params: Any, *, grad_fn: Callable[[Any], Any], **extra: Any
    ) -> tuple[Any, Any]:
        del updates, extra
        rate = 1.0 if rate_in_trace else rate_at(learning_rate, state.count)
        point = _look_ahead(params, state.trace, rate, momentum)
        return optimizer.update(grad_fn(point), state, point)

    return transformation(
        optimizer.init, update, like="trace", needs_params=True, needs=("grad_fn",)
    )


def _look_ahead(params: Any, trace: Any, rate: Number, momentum: Number) -> Any:
    """Return ``w - eta b m``, leaf by leaf, in the dtypes of the parameters."""

    def look(w: Array, m: Array) -> Array:
        eta, b = cast(rate, m.dtype), cast(momentum, m.dtype)
        return (jnp.asarray(w, m.dtype) - eta * (b * m)).astype(jnp.asarray(w).dtype)

    return jax.tree.map(look, params, trace)
