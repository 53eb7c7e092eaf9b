"""Transformations that change gradients or steps, and wrappers around optimizers.

Each is an `optax.GradientTransformationExtraArgs` spelled as in optax, so that ours and optax's
combine freely: ours within ``optax.chain``, optax's within our `chain`. Every wrapper passes extra
arguments of ``update``, such as ``value``, on to the wrapped optimizer.
"""

from jaxnet.optim.composition.accumulation import AccumulateState, accumulate, has_updated
from jaxnet.optim.composition.averaging import (
    AverageParametersState,
    average_parameters,
    averaged_params,
)
from jaxnet.optim.composition.chain import chain
from jaxnet.optim.composition.clipping import (
    adaptive_grad_clip,
    clip,
    clip_by_global_norm,
    clip_by_norm,
    global_norm,
)
from jaxnet.optim.composition.finiteness import (
    ApplyIfFiniteState,
    ZeroNansState,
    apply_if_finite,
    zero_nans,
)
from jaxnet.optim.composition.groups import MaskedState, PerGroupState, freeze, masked, per_group
from jaxnet.optim.composition.scaling import (
    ScaleByScheduleState,
    scale,
    scale_by_learning_rate,
    scale_by_schedule,
    set_to_zero,
)
from jaxnet.optim.composition.weight_decay import AddDecayedWeightsState, add_decayed_weights

__all__ = [
    "AccumulateState",
    "AddDecayedWeightsState",
    "ApplyIfFiniteState",
    "AverageParametersState",
    "MaskedState",
    "PerGroupState",
    "ScaleByScheduleState",
    "ZeroNansState",
    "accumulate",
    "adaptive_grad_clip",
    "add_decayed_weights",
    "apply_if_finite",
    "average_parameters",
    "averaged_params",
    "chain",
    "clip",
    "clip_by_global_norm",
    "clip_by_norm",
    "freeze",
    "global_norm",
    "has_updated",
    "masked",
    "per_group",
    "scale",
    "scale_by_learning_rate",
    "scale_by_schedule",
    "set_to_zero",
    "zero_nans",
]

__dir__ = __all__.copy  # dir() shows these names alone
