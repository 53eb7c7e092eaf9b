"""Sharpness-aware minimization: gradients at the point of highest risk nearby."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.checks import check_count, checked
from jaxnet.core.trees import global_norm
from jaxnet.core.types import Array
from jaxnet.optim.composition.transformation import as_transformation
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import Number, cast, transformation, widened


@factory
@checked({"rho": "[0, inf)", "adaptive": RANGES["adaptive"]})
def sam(
    inner: optax.GradientTransformation,
    *,
    rho: Number = 0.05,
    sync_period: int = 2,
    adaptive: bool = False,
) -> optax.GradientTransformationExtraArgs:
    """SAM: the inner optimizer's step at ``w`` with the gradient at ``v = w + rho g / |g|``.

    ``w <- w + u(v)``, where ``u`` is the inner optimizer's update for the gradient at ``v``. The
    norm runs over all leaves together. The point of ascent is where the risk, taken as linear, is
    highest within ``rho``; flat minima suffer least there. Each step needs a second gradient:
    ``update(gradients, state, params, grad_fn=grad_fn)``, where ``grad_fn(params)`` returns the
    gradient of the same mini-batch. The state is the inner optimizer's.

    Equal to ``optax.contrib.sam`` with ``optax.chain(optax.contrib.normalize(), optax.sgd(rho))``
    for the ascent and ``opaque_mode=True``, whose ``grad_fn`` is also given the number of the
    ascent. optax's default mode ascends and descends in turns, one ``update`` each, and shows the
    points of ascent as parameters; its descents are the same. At a gradient of 0 optax 0.2.8
    divides 0 by 0 (https://github.com/google-deepmind/optax/pull/1743); here nothing ascends.
    PyTorch and Keras have none.

    Args:
        inner: the optimizer that descends.
        rho: how far to ascend, 0 or more.
        sync_period: gradients a step, 1 or more: one less is the number of ascents, each by
            ``rho`` along the gradient where the one before has led.
        adaptive: whether to ascend by ``rho w^2 g / |w g|``, in units of each weight: ASAM, which
            scaling a layer up and the next one down leaves as it is. optax has none.

    Raises:
        ValueError: if a number is out of its range, or if ``update`` is not given the parameters
            or ``grad_fn``.
        TypeError: if ``sync_period`` is not an integer.

    Numerics: it ascends by ``rho`` though the squares of the gradient over- or underflow.

    Source: Foret et al. 2021, algorithm 1; Kwon et al. 2021, equation 8, for ``adaptive``.

    >>> from jaxnet.optim import sgd
    >>> optimizer = sam(sgd(1.0), rho=2.5)
    >>> w = jnp.array([3.0, 4.0])
    >>> grad_fn = jax.grad(lambda w: jnp.sum(w**2) / 2)
    >>> optimizer.update(grad_fn(w), optimizer.init(w), w, grad_fn=grad_fn)[0].tolist()
    [-4.5, -6.0]
    """
    ascents = check_count("sync_period", sync_period) - 1
    inner = as_transformation("inner", inner)

    def update(
        updates: Any, state: Any, params: Any, *, grad_fn: Callable[[Any], Any], **extra: Any
    ) -> tuple[Any, Any]:
        top = params
        for _ in range(ascents):
            top = _ascend(rho, adaptive, top, updates)
            updates = grad_fn(top)
        return inner.update(updates, state, params, grad_fn=grad_fn, **extra)

    return transformation(inner.init, update, needs_params=True, needs=("grad_fn",))


def _ascend(rho: Number, adaptive: bool, params: Any, gradients: Any) -> Any:
    """Return ``w + rho g / |g|``, or ``w + rho w^2 g / |w g|``; ``w`` where the norm is 0."""
    w, g = jax.tree.map(widened, (params, gradients))
    steep = jax.tree.map(jnp.multiply, w, g) if adaptive else g
    norm = global_norm(steep)
    scale = jnp.where(norm > 0, cast(rho, norm.dtype) / jnp.where(norm > 0, norm, 1), 0)

    def climb(param: Array, w: Array, steep: Array) -> Array:
        step = scale.astype(w.dtype) * (w * steep if adaptive else steep)
        return (w + step).astype(param.dtype)

    return jax.tree.map(climb, params, w, steep)
