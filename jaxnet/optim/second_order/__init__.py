"""Second-order methods: optimizers that use curvature or line searches.

Each is an ``optax.GradientTransformationExtraArgs``: it needs more than the gradient, in
extra arguments of ``update`` that `jaxnet.training.fit` supplies.
"""

from collections.abc import Callable

import optax

from jaxnet.optim.second_order.conjugate_gradient import (
    ConjugateGradientState,
    conjugate_gradient,
)
from jaxnet.optim.second_order.gauss_newton import (
    GaussNewtonState,
    LevenbergMarquardtState,
    gauss_newton,
    levenberg_marquardt,
)
from jaxnet.optim.second_order.lbfgs import LBFGSState, lbfgs
from jaxnet.optim.second_order.line_search import (
    LineSearchState,
    backtracking,
    newton_raphson,
    strong_wolfe,
)
from jaxnet.optim.second_order.newton import NewtonCGState, NewtonState, newton, newton_cg

SECOND_ORDER: dict[str, Callable[..., optax.GradientTransformationExtraArgs]] = {
    "newton": newton,
    "newton_cg": newton_cg,
    "gauss_newton": gauss_newton,
    "levenberg_marquardt": levenberg_marquardt,
    "conjugate_gradient": conjugate_gradient,
    "lbfgs": lbfgs,
}
"""Name -> factory ``(learning_rate, **options) -> optax.GradientTransformationExtraArgs``."""

__all__ = [
    "SECOND_ORDER",
    "ConjugateGradientState",
    "GaussNewtonState",
    "LBFGSState",
    "LevenbergMarquardtState",
    "LineSearchState",
    "NewtonCGState",
    "NewtonState",
    "backtracking",
    "conjugate_gradient",
    "gauss_newton",
    "lbfgs",
    "levenberg_marquardt",
    "newton",
    "newton_cg",
    "newton_raphson",
    "strong_wolfe",
]

__dir__ = __all__.copy  # dir() shows these names alone
