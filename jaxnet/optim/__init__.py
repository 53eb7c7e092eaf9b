"""Optimizers, each an `optax.GradientTransformation` implemented here.

They work in loops of flax and optax, and optax's work in `jaxnet.training.fit`.
"""

from collections.abc import Callable
from typing import TYPE_CHECKING

import optax

from jaxnet.core.lazy_names import lazy_names
from jaxnet.optim.composition import (
    AccumulateState,
    AddDecayedWeightsState,
    ApplyIfFiniteState,
    AverageParametersState,
    MaskedState,
    PerGroupState,
    ScaleByScheduleState,
    ZeroNansState,
    accumulate,
    adaptive_grad_clip,
    add_decayed_weights,
    apply_if_finite,
    average_parameters,
    averaged_params,
    chain,
    clip,
    clip_by_global_norm,
    clip_by_norm,
    freeze,
    global_norm,
    has_updated,
    masked,
    per_group,
    scale,
    scale_by_learning_rate,
    scale_by_schedule,
    set_to_zero,
    zero_nans,
)
from jaxnet.optim.composition.lookahead import LookaheadState, lookahead
from jaxnet.optim.composition.plateau import ReduceOnPlateauState, reduce_on_plateau
from jaxnet.optim.composition.sam import sam
from jaxnet.optim.composition.schedule_free import (
    ScheduleFreeState,
    schedule_free,
    schedule_free_adamw,
    schedule_free_eval_params,
    schedule_free_sgd,
)
from jaxnet.optim.first_order.adabelief import adabelief
from jaxnet.optim.first_order.adadelta import AdadeltaState, adadelta
from jaxnet.optim.first_order.adagrad import AdagradState, adagrad
from jaxnet.optim.first_order.adam import adam, adamw
from jaxnet.optim.first_order.adamax import adamax, adamaxw
from jaxnet.optim.first_order.adan import AdanState, adan
from jaxnet.optim.first_order.amsgrad import AmsgradState, amsgrad
from jaxnet.optim.first_order.lamb import lamb
from jaxnet.optim.first_order.lars import LarsState, lars
from jaxnet.optim.first_order.momentum import MomentumState, momentum
from jaxnet.optim.first_order.muon import MuonState, muon
from jaxnet.optim.first_order.nadam import NadamState, nadam, nadamw
from jaxnet.optim.first_order.nesterov import nesterov
from jaxnet.optim.first_order.prodigy import ProdigyState, prodigy
from jaxnet.optim.first_order.radam import radam
from jaxnet.optim.first_order.rmsprop import RMSPropState, rmsprop
from jaxnet.optim.first_order.rprop import RpropState, rprop
from jaxnet.optim.first_order.sgd import SGDState, sgd
from jaxnet.optim.first_order.sign import LionState, SignSGDState, lion, sign_sgd
from jaxnet.optim.first_order.yogi import yogi
from jaxnet.optim.optimizers import OPTIMIZERS
from jaxnet.optim.second_order import (
    SECOND_ORDER,
    ConjugateGradientState,
    GaussNewtonState,
    LBFGSState,
    LevenbergMarquardtState,
    LineSearchState,
    NewtonCGState,
    NewtonState,
    backtracking,
    conjugate_gradient,
    gauss_newton,
    lbfgs,
    levenberg_marquardt,
    newton,
    newton_cg,
    newton_raphson,
    strong_wolfe,
)
from jaxnet.optim.update_rule.adaptive import AdamState
from jaxnet.optim.update_rule.learning_rate import LearningRate

if TYPE_CHECKING:
    from jaxnet.optim import verification
    from jaxnet.optim.verification import (
        Comparison,
        Identification,
        StepTime,
        compare,
        identify,
        time_step,
    )

WRAPPERS: dict[str, Callable[..., optax.GradientTransformationExtraArgs]] = {
    "lookahead": lookahead,
    "sam": sam,
    "schedule_free": schedule_free,
}
"""Name -> ``(inner, ...) -> optax.GradientTransformationExtraArgs``, of another optimizer."""

__all__ = [
    "OPTIMIZERS",
    "SECOND_ORDER",
    "WRAPPERS",
    "AccumulateState",
    "AdadeltaState",
    "AdagradState",
    "AdamState",
    "AdanState",
    "AddDecayedWeightsState",
    "AmsgradState",
    "ApplyIfFiniteState",
    "AverageParametersState",
    "Comparison",
    "ConjugateGradientState",
    "GaussNewtonState",
    "Identification",
    "LBFGSState",
    "LarsState",
    "LearningRate",
    "LevenbergMarquardtState",
    "LineSearchState",
    "LionState",
    "LookaheadState",
    "MaskedState",
    "MomentumState",
    "MuonState",
    "NadamState",
    "NewtonCGState",
    "NewtonState",
    "PerGroupState",
    "ProdigyState",
    "RMSPropState",
    "ReduceOnPlateauState",
    "RpropState",
    "SGDState",
    "ScaleByScheduleState",
    "ScheduleFreeState",
    "SignSGDState",
    "StepTime",
    "ZeroNansState",
    "accumulate",
    "adabelief",
    "adadelta",
    "adagrad",
    "adam",
    "adamax",
    "adamaxw",
    "adamw",
    "adan",
    "adaptive_grad_clip",
    "add_decayed_weights",
    "amsgrad",
    "apply_if_finite",
    "average_parameters",
    "averaged_params",
    "backtracking",
    "chain",
    "clip",
    "clip_by_global_norm",
    "clip_by_norm",
    "compare",
    "conjugate_gradient",
    "freeze",
    "gauss_newton",
    "global_norm",
    "has_updated",
    "identify",
    "lamb",
    "lars",
    "lbfgs",
    "levenberg_marquardt",
    "lion",
    "lookahead",
    "masked",
    "momentum",
    "muon",
    "nadam",
    "nadamw",
    "nesterov",
    "newton",
    "newton_cg",
    "newton_raphson",
    "per_group",
    "prodigy",
    "radam",
    "reduce_on_plateau",
    "rmsprop",
    "rprop",
    "sam",
    "scale",
    "scale_by_learning_rate",
    "scale_by_schedule",
    "schedule_free",
    "schedule_free_adamw",
    "schedule_free_eval_params",
    "schedule_free_sgd",
    "set_to_zero",
    "sgd",
    "sign_sgd",
    "strong_wolfe",
    "time_step",
    "verification",
    "yogi",
    "zero_nans",
]

__dir__ = __all__.copy  # dir() shows these names alone

_OF_VERIFICATION = (
    "Comparison",
    "Identification",
    "StepTime",
    "compare",
    "identify",
    "time_step",
    "verification",
)
__getattr__ = lazy_names(__name__, dict.fromkeys(_OF_VERIFICATION, "jaxnet.optim.verification"))
