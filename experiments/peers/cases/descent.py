"""Gradient descent, momentum, and optimizers by signs of gradients."""

from experiments.peers.case import Known
from experiments.peers.cases.spelling import case, cases

_DECAY = {"weight_decay": 0.1}
_MOMENTUM = {"momentum": 0.9}
_NESTEROV = {"momentum": 0.9, "nesterov": True}

MOMENTUM = [
    *cases("sgd", {"sgd": {}, "sgd, weight decay": _DECAY}),
    *cases(
        "momentum",
        {"momentum": _MOMENTUM, "momentum .5": {"momentum": 0.5}, "momentum, nesterov": _NESTEROV},
    ),
    case("momentum of sgd", "sgd", _NESTEROV),
    case("nesterov", "nesterov", _MOMENTUM),
    case("momentum, weight decay", "momentum", _MOMENTUM | _DECAY),
    case("nesterov, weight decay", "nesterov", _MOMENTUM | _DECAY),
    *cases(
        "momentum",
        {
            "momentum, dampening": _MOMENTUM | {"dampening": 0.5},
            "momentum, dampening and weight decay": _MOMENTUM | {"dampening": 0.9} | _DECAY,
        },
        "torch",
    ),
]

_LATE = Known(
    ("0.2.8",),
    "It emits the update of the step before, at first 0.",
    "https://github.com/google-deepmind/optax/pull/1725",
)


def _improved_minus(minus: float, plus: float, low: float, high: float) -> dict[str, float | str]:
    limits = {"min_step_size": low, "max_step_size": high}
    return {"eta_minus": minus, "eta_plus": plus, **limits, "variant": "improved_minus"}


RPROP = [
    *cases(
        "rprop",
        {
            "rprop": _improved_minus(0.5, 1.2, 1e-6, 50.0),
            "rprop, narrow range": _improved_minus(0.3, 1.5, 5e-3, 0.02),
            "rprop, defaults": {},
        },
        known={"optax": _LATE},
    ),
    *cases("rprop", {f"rprop, {name}": {"variant": name} for name in ("minus", "plus")}, ""),
]

SIGN = [
    case("sign_sgd", "sign_sgd", {}),
    *cases(
        "lion",
        {
            "lion": {"b1": 0.9, "b2": 0.99, "weight_decay": 0.0},
            "lion, weight decay": {"b1": 0.95, "b2": 0.98, "weight_decay": 0.1},
            "lion, defaults": {},
        },
    ),
]

CASES = [*MOMENTUM, *RPROP, *SIGN]
