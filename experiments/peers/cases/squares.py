"""Optimizers that divide by sums or averages of squared gradients."""

from experiments.peers.cases.spelling import case, cases

ADAGRAD = [
    *cases(
        "adagrad",
        {
            "adagrad": {"initial_accumulator_value": 0.1, "eps": 1e-7},
            "adagrad from 0": {"initial_accumulator_value": 0.0, "eps": 1e-10},
            "adagrad, weight decay": {
                "initial_accumulator_value": 0.1,
                "eps": 1e-3,
                "weight_decay": 0.1,
            },
        },
    ),
    case(
        "adagrad, decaying rate",
        "adagrad",
        {"initial_accumulator_value": 0.0, "eps": 1e-10, "lr_decay": 0.1},
        "torch",
    ),
]

ADADELTA = cases(
    "adadelta",
    {
        "adadelta": {"rho": 0.9, "eps": 1e-6},
        "adadelta, weight decay": {"rho": 0.8, "eps": 1e-4, "weight_decay": 0.01},
    },
    rate=1.0,
)

_PLAIN = {"decay": 0.9, "eps": 1e-8}
_LARGE_EPS = {"decay": 0.9, "eps": 1e-3}
_CENTERED = {"centered": True}
_MOMENTUM = {"momentum": 0.9}

RMSPROP = [
    *cases(
        "rmsprop",
        {
            "rmsprop": _PLAIN,
            "rmsprop, large eps": {"decay": 0.99, "eps": 1e-3},
            "rmsprop, centred": _PLAIN | _CENTERED,
            "rmsprop, momentum": _PLAIN | _MOMENTUM,
            "rmsprop, centred, momentum": {"decay": 0.95, "eps": 1e-6} | _CENTERED | _MOMENTUM,
            "rmsprop, weight decay": {"decay": 0.95, "eps": 1e-6, "weight_decay": 0.1},
        },
    ),
    *cases(
        "rmsprop",
        {
            "rmsprop, nesterov": _PLAIN | _MOMENTUM | {"nesterov": True},
            "rmsprop, initial scale": _PLAIN | {"initial_scale": 1.0},
            "rmsprop, corrected": _PLAIN | {"bias_correction": True},
        },
        "optax",
    ),
    case(
        "rmsprop, eps outside the root",
        "rmsprop",
        _LARGE_EPS | {"eps_in_sqrt": False},
        "optax torch",
    ),
    case(
        "rmsprop, eps inside the root", "rmsprop", _LARGE_EPS | {"eps_in_sqrt": True}, "optax keras"
    ),
]

DEFAULTS = [
    case(f"{name}, defaults", name, {}, rate=rate)
    for name, rate in [("adagrad", 0.01), ("adadelta", 1.0), ("rmsprop", 0.01)]
]

CASES = [*ADAGRAD, *ADADELTA, *RMSPROP, *DEFAULTS]
