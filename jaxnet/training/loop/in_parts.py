"""Gradient of a large mini-batch as a sum over parts of it."""

from typing import Any

import jax

from jaxnet.core.precision import at_least_float32
from jaxnet.core.types import Key, Layer, Number, Params, Statistics
from jaxnet.data.examples import Examples, count
from jaxnet.functions.losses import LOSSES
from jaxnet.functions.metrics.metric import without_options
from jaxnet.training.loop.batched_sum import batched_sum
from jaxnet.training.loop.gradient import BatchGradient, GradientEngine, GradientFunction
from jaxnet.training.loop.objective import Objective

PART = 5000
"""Examples a part on a CPU: few enough for the cache.

For 784-100-100-10 and all 60,000 examples in bytes, the gradient takes 136 ms in parts of 5,000,
158 in parts of 1,000 and 224 in one; for 784-1024-1024-10 and 20,000 examples .70 s in place of
.88; on two cores.
"""

SEPARABLE = (
    *("serial", "residual", "shared", "dense", "maxout", "powers"),
    *("flatten", "rescale", "standardize", "active_units"),
)
"""Kinds of layers whose outputs for an example depend neither on other examples nor on a key."""


def in_parts(engine: GradientEngine) -> GradientEngine:
    """Return an engine that sums the gradient of a large mini-batch over its parts.

    ``dR = sum_B dR_B``, in float32 at least: the engine's own but for the order of the sums.

    At once are computed mini-batches of fewer than two parts, networks with batch normalization,
    dropout or user-defined layers, user-defined losses, and all on devices other than a CPU.

    Args:
        engine: `autodiff` or `by_hand`.
    """

    def divided(objective: Objective) -> GradientFunction:
        whole = engine(objective)
        if not is_separable(objective):
            return whole
        without_penalty = engine(objective._replace(penalty=None))

        def gradient(
            params: Params, statistics: Statistics, batch: Examples, key: Key, divisor: Number
        ) -> BatchGradient:
            def at_once(batch: Examples) -> BatchGradient:
                return whole(params, statistics, batch, key, divisor)

            def part_sums(part: Examples) -> Any:
                here = without_penalty(params, statistics, part, key, divisor)
                added = here.dparams, here.sums
                return jax.tree.map(lambda a: a.astype(at_least_float32(a.dtype)), added)

            def by_part(batch: Examples) -> BatchGradient:
                dparams, sums = batched_sum(part_sums, batch, chunk=PART)
                if objective.penalty is not None:  # all that the gradient of no examples has
                    alone = at_once(batch.take(slice(0))).dparams
                    dparams = jax.tree.map(lambda dw, p: dw + p.astype(dw.dtype), dparams, alone)
                dparams = jax.tree.map(lambda dw, w: dw.astype(w.dtype), dparams, params)
                return BatchGradient(dparams, sums, statistics)

            if count(batch) < 2 * PART:
                return at_once(batch)
            return jax.lax.platform_dependent(batch, cpu=by_part, default=at_once)

        return gradient

    return divided


def is_separable(objective: Objective) -> bool:
    """Return whether the gradient of a batch is the sum of those of its parts, for any key.

    >>> from jaxnet.networks import mlp
    >>> from jaxnet.training.loop.objective import make_objective
    >>> [is_separable(make_objective(mlp((2, 3, 2), drop_rate=rate))) for rate in (0.0, 0.5)]
    [True, False]
    """

    def separable(layer: Layer) -> bool:
        known = layer.description.kind in SEPARABLE or layer.description.entrywise
        return known and all(map(separable, layer.description.parts))

    library = without_options(objective.loss.function) in LOSSES.values()
    return library and separable(objective.network)
