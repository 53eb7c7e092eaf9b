"""Adam and its relatives."""

from experiments.peers.case import Known
from experiments.peers.cases.spelling import case, cases

_PLAIN = {"b1": 0.9, "b2": 0.999, "eps": 1e-8}
_QUICK = {"b1": 0.8, "b2": 0.99, "eps": 1e-3}
_ROOT = {"eps_root": 1e-2}
_NESTEROV = {"nesterov": True}
_DECAY = {"weight_decay": 0.1}
_DECOUPLED = _DECAY | {"decoupled_weight_decay": True}
_OPTAX_DECAY = {"weight_decay": 1e-4}  # PyTorch and Keras have none by default

_ADAM = [
    *cases(
        "adam",
        {
            "adam": _PLAIN,
            "adam, large eps": _QUICK,
            "adam without momentum": _PLAIN | {"b1": 0.0},
            "adam, defaults": {},
        },
    ),
    case("adam, eps inside the root", "adam", _QUICK | _ROOT, "optax"),
    case("adam, nesterov", "adam", _QUICK | _NESTEROV, "optax"),
    case("adam without bias correction", "adam", _QUICK | {"bias_correction": False}, ""),
    case("adam, L2", "adam", _QUICK | _DECAY),
    case("adam, decoupled decay", "adam", _QUICK | _DECOUPLED, "torch"),
    *cases("adamw", {"adamw": _QUICK | _DECAY, "adamw, defaults": {}}),
    case("adamw, nesterov", "adamw", _QUICK | _DECAY | _NESTEROV, "optax"),
]

_NADAM = [
    *cases("nadam", {"nadam": _QUICK, "nadam, defaults": {}}),
    case("nadam, eps inside the root", "nadam", _QUICK | _ROOT, "optax"),
    case("nadam, L2", "nadam", _QUICK | _DECAY),
    case("nadam, momentum decay", "nadam", _QUICK | {"momentum_decay": 0.1}, "torch"),
    *cases("nadamw", {"nadamw": _QUICK | _DECAY, "nadamw, defaults": _OPTAX_DECAY}),
]

_UNCORRECTED = {"bias_correction_mu": False, "bias_correction_nu": False}

_MAXIMA = [
    *cases("amsgrad", {"amsgrad": _QUICK, "amsgrad, defaults": {}}),
    case("amsgrad without bias correction", "amsgrad", _QUICK | _UNCORRECTED | _ROOT, "optax"),
    case("amsgrad, L2", "amsgrad", _QUICK | _DECAY),
    *cases("adamax", {"adamax": _QUICK, "adamax, defaults": {}, "adamax, L2": _QUICK | _DECAY}),
    *cases("adamaxw", {"adamaxw": _QUICK | _DECAY, "adamaxw, defaults": _OPTAX_DECAY}),
]

_RADAM = [
    *cases("radam", {"radam": _QUICK, "radam, defaults": {}}),
    case("radam, nesterov", "radam", _QUICK | _ROOT | _NESTEROV | {"threshold": 7.5}, "optax"),
    case("radam, L2", "radam", _QUICK | _DECAY),
    case("radam, decoupled decay", "radam", _QUICK | _DECOUPLED, "torch"),
]

_ABOVE_0 = {"initial_accumulator_value": 0.1}

_BELIEF = [
    *cases(
        "adabelief",
        {
            "adabelief": _QUICK | {"eps_root": 1e-4},
            "adabelief, nesterov": _QUICK | _NESTEROV | {"eps_root": 1e-4},
            "adabelief, defaults": {},
        },
    ),
    *cases("yogi", {"yogi": _QUICK, "yogi, defaults": {}}),
    case("yogi, starts and eps inside the root", "yogi", _QUICK | _ROOT | _ABOVE_0)._replace(
        optax=lambda optax, rate: optax.chain(
            optax.scale_by_yogi(**_QUICK, **_ROOT, **_ABOVE_0), optax.scale_by_learning_rate(rate)
        )
    ),
]

_LOOK_AHEAD = Known(
    ("0.2.8",),
    "It weighs differences of gradients by 1 - b2; its documentation and the paper by b2.",
    "https://github.com/google-deepmind/optax/pull/1715",
)

_ADAN_OPTIONS = {"b1": 0.9, "b2": 0.8, "b3": 0.95, "eps": 1e-3, "eps_root": 1e-4} | _DECAY

_ADAN = [
    case("adan, b2 .5", "adan", _ADAN_OPTIONS | {"b2": 0.5}),
    *cases("adan", {"adan": _ADAN_OPTIONS, "adan, defaults": {}}, known={"optax": _LOOK_AHEAD}),
]

CASES = [*_ADAM, *_NADAM, *_MAXIMA, *_RADAM, *_BELIEF, *_ADAN]
