"""Adam and its relatives."""

from collections.abc import Callable, Mapping
from typing import Any

from experiments.peers.case import Case, Known

_TORCH = {
    name: name for name in ("eps", "weight_decay", "decoupled_weight_decay", "momentum_decay")
}
_KERAS = {"b1": "beta_1", "b2": "beta_2", "eps": "epsilon", "weight_decay": "weight_decay"}


def _in_torch(options: Mapping[str, Any]) -> dict[str, Any]:
    spelled = {_TORCH[name]: value for name, value in options.items() if name in _TORCH}
    return spelled | ({"betas": (options["b1"], options["b2"])} if "b1" in options else {})


def _in_keras(options: Mapping[str, Any]) -> dict[str, Any]:
    return {_KERAS[name]: value for name, value in options.items() if name in _KERAS}


def _case(
    name: str,
    optimizer: str,
    options: Mapping[str, Any],
    *,
    optax: str = "",
    torch: str = "",
    keras: str = "",
    extra: Mapping[str, Any] | None = None,
) -> Case:
    """Return a case from the names of the libraries' classes; empty for none.

    ``extra`` are options of PyTorch and Keras for this optimizer.
    """
    more = extra or {}
    return Case(
        name,
        optimizer,
        options,
        optax=(lambda lib, rate: getattr(lib, optax)(rate, **options)) if optax else None,
        torch=(
            lambda lib, params, rate: getattr(lib.optim, torch)(
                params, rate, **_in_torch(options), **more
            )
        )
        if torch
        else None,
        keras=(lambda lib, rate: getattr(lib.optimizers, keras)(rate, **_in_keras(options), **more))
        if keras
        else None,
    )


def _coupled(name: str, decay: float, options: Mapping[str, Any]) -> Callable[..., Any]:
    """Return optax's spelling of an optimizer with an L2 penalty."""
    return lambda lib, rate: lib.chain(
        lib.add_decayed_weights(decay), getattr(lib, name)(rate, **options)
    )


def _nadam_in_float64(
    options: Mapping[str, Any], **more: Any
) -> Callable[[Any, list[Any], float], Any]:
    """Return PyTorch's NAdam with its product of decays in float64 instead of float32."""

    def make(torch: Any, params: list[Any], rate: float) -> Any:
        optimizer = torch.optim.NAdam(params, rate, **_in_torch(options), **more)
        for w in params:
            optimizer.state[w] = {
                "step": torch.tensor(0.0),
                "mu_product": torch.ones((), dtype=torch.float64),
                "exp_avg": torch.zeros_like(w),
                "exp_avg_sq": torch.zeros_like(w),
            }
        return optimizer

    return make


_PLAIN = {"b1": 0.9, "b2": 0.999, "eps": 1e-8}
_QUICK = {"b1": 0.8, "b2": 0.99, "eps": 1e-3}
_DECAY = {"weight_decay": 0.1}
_OPTAX_DECAY = {"weight_decay": 1e-4}  # PyTorch and Keras have none by default

_ADAM = [
    *[
        _case(name, "adam", options, optax="adam", torch="Adam", keras="Adam")
        for name, options in {
            "adam": _PLAIN,
            "adam, large eps": _QUICK,
            "adam without momentum": _PLAIN | {"b1": 0.0},
            "adam, defaults": {},
        }.items()
    ],
    _case("adam, eps inside the root", "adam", _QUICK | {"eps_root": 1e-2}, optax="adam"),
    _case("adam, nesterov", "adam", _QUICK | {"nesterov": True}, optax="adam"),
    _case("adam without bias correction", "adam", _QUICK | {"bias_correction": False}),
    _case("adam, L2", "adam", _QUICK | _DECAY, torch="Adam", keras="Adam")._replace(
        optax=_coupled("adam", 0.1, _QUICK)
    ),
    _case(
        "adam, decoupled decay",
        "adam",
        _QUICK | _DECAY | {"decoupled_weight_decay": True},
        torch="Adam",
    ),
    *[
        _case(name, "adamw", options, optax="adamw", torch="AdamW", keras="AdamW")
        for name, options in {"adamw": _QUICK | _DECAY, "adamw, defaults": {}}.items()
    ],
    _case("adamw, nesterov", "adamw", _QUICK | _DECAY | {"nesterov": True}, optax="adamw"),
]

_NADAM = [
    *[
        _case(name, "nadam", options, optax="nadam", keras="Nadam")._replace(
            torch=_nadam_in_float64(options)
        )
        for name, options in {"nadam": _QUICK, "nadam, defaults": {}}.items()
    ],
    _case("nadam, eps inside the root", "nadam", _QUICK | {"eps_root": 1e-2}, optax="nadam"),
    _case("nadam, L2", "nadam", _QUICK | _DECAY, keras="Nadam")._replace(
        optax=_coupled("nadam", 0.1, _QUICK), torch=_nadam_in_float64(_QUICK | _DECAY)
    ),
    Case(
        "nadam, momentum decay",
        "nadam",
        _QUICK | {"momentum_decay": 0.1},
        torch=_nadam_in_float64(_QUICK | {"momentum_decay": 0.1}),
    ),
    _case("nadamw", "nadamw", _QUICK | _DECAY, optax="nadamw", keras="Nadam")._replace(
        torch=_nadam_in_float64(_QUICK | _DECAY, decoupled_weight_decay=True)
    ),
    Case(
        "nadamw, defaults",
        "nadamw",
        _OPTAX_DECAY,
        optax=lambda lib, rate: lib.nadamw(rate),
        torch=_nadam_in_float64(_OPTAX_DECAY, decoupled_weight_decay=True),
        keras=lambda lib, rate: lib.optimizers.Nadam(rate, weight_decay=1e-4),
    ),
]

_MAXIMA = [
    *[
        _case(
            name,
            "amsgrad",
            options,
            optax="amsgrad",
            torch="Adam",
            keras="Adam",
            extra={"amsgrad": True},
        )
        for name, options in {"amsgrad": _QUICK, "amsgrad, defaults": {}}.items()
    ],
    _case(
        "amsgrad without bias correction",
        "amsgrad",
        _QUICK | {"bias_correction_mu": False, "bias_correction_nu": False, "eps_root": 1e-2},
        optax="amsgrad",
    ),
    _case(
        "amsgrad, L2",
        "amsgrad",
        _QUICK | _DECAY,
        torch="Adam",
        keras="AdamW",
        extra={"amsgrad": True},
    )._replace(optax=_coupled("amsgrad", 0.1, _QUICK)),
    *[
        _case(name, "adamax", options, optax="adamax", torch="Adamax", keras="Adamax")
        for name, options in {"adamax": _QUICK, "adamax, defaults": {}}.items()
    ],
    _case("adamax, L2", "adamax", _QUICK | _DECAY, torch="Adamax", keras="Adamax")._replace(
        optax=_coupled("adamax", 0.1, _QUICK)
    ),
    _case("adamaxw", "adamaxw", _QUICK | _DECAY, optax="adamaxw", keras="Adamax"),
    Case(
        "adamaxw, defaults",
        "adamaxw",
        _OPTAX_DECAY,
        optax=lambda lib, rate: lib.adamaxw(rate),
        keras=lambda lib, rate: lib.optimizers.Adamax(rate, weight_decay=1e-4),
    ),
]

_RADAM = [
    *[
        _case(name, "radam", options, optax="radam", torch="RAdam")
        for name, options in {"radam": _QUICK, "radam, defaults": {}}.items()
    ],
    _case(
        "radam, nesterov",
        "radam",
        _QUICK | {"eps_root": 1e-2, "threshold": 7.5, "nesterov": True},
        optax="radam",
    ),
    _case("radam, L2", "radam", _QUICK | _DECAY, torch="RAdam")._replace(
        optax=_coupled("radam", 0.1, _QUICK)
    ),
    _case(
        "radam, decoupled decay",
        "radam",
        _QUICK | _DECAY | {"decoupled_weight_decay": True},
        torch="RAdam",
    ),
]

_BELIEF = [
    *[
        _case(name, "adabelief", options, optax="adabelief")
        for name, options in {
            "adabelief": _QUICK | {"eps_root": 1e-4},
            "adabelief, nesterov": _QUICK | {"eps_root": 1e-4, "nesterov": True},
            "adabelief, defaults": {},
        }.items()
    ],
    _case("yogi", "yogi", _QUICK, optax="yogi"),
    _case("yogi, defaults", "yogi", {}, optax="yogi"),
    Case(
        "yogi, starts and eps inside the root",
        "yogi",
        _QUICK | {"eps_root": 1e-2, "initial_accumulator_value": 0.1},
        optax=lambda lib, rate: lib.chain(
            lib.scale_by_yogi(**_QUICK, eps_root=1e-2, initial_accumulator_value=0.1),
            lib.scale_by_learning_rate(rate),
        ),
    ),
]

_LOOK_AHEAD = Known(
    ("0.2.8",),
    "It weighs differences of gradients by 1 - b2; its documentation and the paper by b2.",
    "https://github.com/google-deepmind/optax/pull/1715",
)

_ADAN_OPTIONS = {"b1": 0.9, "b2": 0.8, "b3": 0.95, "eps": 1e-3, "eps_root": 1e-4}

_ADAN = [
    _case("adan, b2 .5", "adan", _ADAN_OPTIONS | _DECAY | {"b2": 0.5}, optax="adan"),
    *[
        _case(name, "adan", options, optax="adan")._replace(known={"optax": _LOOK_AHEAD})
        for name, options in {"adan": _ADAN_OPTIONS | _DECAY, "adan, defaults": {}}.items()
    ],
]

CASES = [*_ADAM, *_NADAM, *_MAXIMA, *_RADAM, *_BELIEF, *_ADAN]
