"""Gradient engines: the gradient of a mini-batch's risk, by autodiff or by hand."""

from collections.abc import Callable
from typing import NamedTuple, TypeAlias

import jax
import jax.numpy as jnp

from jaxnet.core.checks import check_choice, check_function
from jaxnet.core.masks import spread
from jaxnet.core.representation import represent
from jaxnet.core.types import Array, Key, Number, Params, Statistics
from jaxnet.data.examples import Examples
from jaxnet.training.loop.objective import Objective
from jaxnet.training.loop.sums import Sums, batch_risk, batch_sums


class BatchGradient(NamedTuple):
    """The result of an engine for a mini-batch.

    Attributes:
        dparams: gradient of the risk with respect to the parameters.
        sums: loss and metrics, summed over the mini-batch, without the penalty.
        statistics: the network's, updated.
    """

    dparams: Params
    sums: Sums
    statistics: Statistics

    __repr__ = represent


GradientFunction: TypeAlias = Callable[[Params, Statistics, Examples, Key, Number], BatchGradient]
"""``(params, statistics, batch, key, divisor) -> BatchGradient``. The risk is the batch's summed
losses over ``divisor``, plus the penalty."""

GradientEngine: TypeAlias = Callable[[Objective], GradientFunction]
"""How gradients are computed: ``objective -> GradientFunction``."""


def autodiff(objective: Objective) -> GradientFunction:
    """Differentiate ``network.apply``, loss and penalty by `jax.grad`."""
    network = objective.network

    def gradient(
        params: Params, statistics: Statistics, batch: Examples, key: Key, divisor: Number
    ) -> BatchGradient:
        def risk(params: Params) -> tuple[Array, tuple[Sums, Statistics]]:
            outputs, updated = network.apply(
                params, statistics, batch.inputs, key=key, training=True
            )
            sums = batch_sums(objective, outputs, batch)
            return batch_risk(objective, sums, params, divisor), (sums, updated)

        dparams, (sums, updated) = jax.grad(risk, has_aux=True)(params)
        return BatchGradient(dparams, sums, updated)

    return gradient


def by_hand(objective: Objective) -> GradientFunction:
    """Backpropagate by the hand-derived rules of loss, network and penalty (lecture 001).

    The loss's rule gives the message to the last layer, `serial`'s ``backward`` hands it on to
    the first: what `autodiff` computes, written out.
    """
    network, loss, _, penalty = objective

    def gradient(
        params: Params, statistics: Statistics, batch: Examples, key: Key, divisor: Number
    ) -> BatchGradient:
        outputs, residual, updated = network.forward(
            params, statistics, batch.inputs, key=key, training=True
        )
        dy = loss.backward(outputs, batch.targets) / divisor
        if batch.weights is not None:
            dy = spread(batch.weights.astype(dy.dtype), dy.ndim) * dy
        dparams, _ = network.backward(params, residual, dy)
        if penalty is not None:
            dparams = jax.tree.map(jnp.add, dparams, penalty.backward(params))
        return BatchGradient(dparams, batch_sums(objective, outputs, batch), updated)

    return gradient


ENGINES: dict[str, GradientEngine] = {"autodiff": autodiff, "by_hand": by_hand}
"""Name -> engine."""


def get_engine(engine: str | GradientEngine) -> GradientEngine:
    """Return the engine of a name in `ENGINES`, or an engine as it is."""
    if not callable(engine):
        return check_choice("gradient", engine, ENGINES)
    check_function("gradient", engine, takes="objective")
    return engine
