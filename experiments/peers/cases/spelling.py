"""Optimizers of optax, PyTorch and Keras, made from our names of their hyperparameters."""

import functools
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from experiments.peers.case import Case, Known

Make = Callable[..., Any]
"""``(optax, rate, **options)``, ``(torch, params, rate, **options)`` or ``(keras, rate, ...)``."""

OURS_ONLY = ("eps_in_sqrt", "variant")
"""Hyperparameters that PyTorch and Keras do not let choose."""


def in_optax(name: str, **extra: Any) -> Make:
    """Return optax's optimizer, chained after weight decay if it has none of its own."""

    def make(optax: Any, rate: Any, **options: Any) -> Any:
        factory = getattr(optax if hasattr(optax, name) else optax.contrib, name)
        options |= extra
        if "weight_decay" in inspect.signature(factory).parameters:
            return factory(rate, **options)
        decay = optax.add_decayed_weights(options.pop("weight_decay", 0.0))
        return optax.chain(decay, factory(rate, **options))

    return make


def in_torch(name: str, **extra: Any) -> Make:
    """Return PyTorch's optimizer."""

    def make(torch: Any, params: list[Any], rate: float, **options: Any) -> Any:
        known = _renamed(options, {"decay": "alpha"})
        if "b1" in known:
            known["betas"] = known.pop("b1"), known.pop("b2")
        return getattr(torch.optim, name)(params, rate, **known, **extra)

    return make


def in_keras(name: str, **extra: Any) -> Make:
    """Return Keras's optimizer."""

    def make(keras: Any, rate: float, **options: Any) -> Any:
        known = _renamed(
            options, {"b1": "beta_1", "b2": "beta_2", "eps": "epsilon", "decay": "rho"}
        )
        return getattr(keras.optimizers, name)(rate, **known, **extra)

    return make


def _renamed(options: Mapping[str, Any], names: Mapping[str, str]) -> dict[str, Any]:
    return {names.get(name, name): x for name, x in options.items() if name not in OURS_ONLY}


def _rprop_in_optax(optax: Any, rate: Any, **options: Any) -> Any:
    """Return optax's Rprop, which has no schedule: the first rate is the first step size."""
    options.pop("variant", None)
    return optax.rprop(rate(0), **options)


def _rprop_in_torch(torch: Any, params: list[Any], rate: float, **options: Any) -> Any:
    pairs = {"etas": ("eta_minus", "eta_plus"), "step_sizes": ("min_step_size", "max_step_size")}
    known = {
        name: (options[low], options[high]) for name, (low, high) in pairs.items() if low in options
    }
    return torch.optim.Rprop(params, rate, **known)


def _nadam_in_torch(**extra: Any) -> Make:
    """Return PyTorch's NAdam with its product of decays in float64 instead of float32."""

    def make(torch: Any, params: list[Any], rate: float, **options: Any) -> Any:
        optimizer = in_torch("NAdam", **extra)(torch, params, rate, **options)
        for w in params:
            optimizer.state[w] = {
                "step": torch.tensor(0.0),
                "mu_product": torch.ones((), dtype=torch.float64),
                "exp_avg": torch.zeros_like(w),
                "exp_avg_sq": torch.zeros_like(w),
            }
        return optimizer

    return make


def _of_this_step(rate: Any) -> Any:
    """Return the schedule for which optax weights a step by its own rate."""
    return (lambda count: rate(count - 1)) if callable(rate) else rate


def _schedule_free_sgd_in_optax(optax: Any, rate: Any, **options: Any) -> Any:
    inner = in_optax("sgd")(optax, rate, weight_decay=options.pop("weight_decay", 0.0))
    return optax.contrib.schedule_free(inner, _of_this_step(rate), **options)


def _schedule_free_adamw_in_optax(optax: Any, rate: Any, **options: Any) -> Any:
    adamw = {"b2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
    adamw = {name: options.pop(name, default) for name, default in adamw.items()}
    inner = optax.adamw(rate, b1=0.0, **adamw)
    return optax.contrib.schedule_free(inner, _of_this_step(rate), **options)


def _schedule_free_adamw_in_keras(keras: Any, rate: float, **options: Any) -> Any:
    assert options.pop("weight_lr_power", 0.0) == 0.0, "Keras has no other"
    return in_keras("ScheduleFreeAdamW")(keras, rate, **options)


_SAME = ("adagrad", "adadelta", "rmsprop", "sign_sgd", "lion", "adam", "adamw", "nadam", "nadamw")
_SAME += ("amsgrad", "adamax", "adamaxw", "radam", "adabelief", "yogi", "adan", "lamb", "lars")
_SAME += ("prodigy", "sgd")

SPELLED: dict[str, dict[str, Make]] = {
    "optax": {
        **{name: in_optax(name) for name in _SAME},
        "momentum": in_optax("sgd"),
        "nesterov": in_optax("sgd", nesterov=True),
        "rprop": _rprop_in_optax,
        "schedule_free_sgd": _schedule_free_sgd_in_optax,
        "schedule_free_adamw": _schedule_free_adamw_in_optax,
    },
    "torch": {
        "sgd": in_torch("SGD"),
        "momentum": in_torch("SGD"),
        "nesterov": in_torch("SGD", nesterov=True),
        "rprop": _rprop_in_torch,
        "adagrad": in_torch("Adagrad"),
        "adadelta": in_torch("Adadelta"),
        "rmsprop": in_torch("RMSprop"),
        "adam": in_torch("Adam"),
        "adamw": in_torch("AdamW"),
        "nadam": _nadam_in_torch(),
        "nadamw": _nadam_in_torch(decoupled_weight_decay=True),
        "amsgrad": in_torch("Adam", amsgrad=True),
        "adamax": in_torch("Adamax"),
        "radam": in_torch("RAdam"),
    },
    "keras": {
        "sgd": in_keras("SGD"),
        "momentum": in_keras("SGD"),
        "nesterov": in_keras("SGD", nesterov=True),
        "adagrad": in_keras("Adagrad"),
        "adadelta": in_keras("Adadelta"),
        "rmsprop": in_keras("RMSprop"),
        "lion": in_keras("Lion"),
        "adam": in_keras("Adam"),
        "adamw": in_keras("AdamW"),
        "nadam": in_keras("Nadam"),
        "nadamw": in_keras("Nadam"),
        "amsgrad": in_keras("Adam", amsgrad=True),
        "adamax": in_keras("Adamax"),
        "adamaxw": in_keras("Adamax"),
        "lamb": in_keras("Lamb"),
        "schedule_free_adamw": _schedule_free_adamw_in_keras,
    },
}
"""Library -> our name of an optimizer -> that of the library."""


def case(
    name: str,
    optimizer: str,
    options: Mapping[str, Any],
    libraries: str = "optax torch keras",
    *,
    rate: float = 0.01,
    known: Mapping[str, Known] | None = None,
) -> Case:
    """Return a case with those of the libraries that have the optimizer."""
    makers = {
        library: functools.partial(SPELLED[library][optimizer], **options)
        for library in libraries.split()
        if optimizer in SPELLED[library]
    }
    return Case(name, optimizer, options, rate=rate, known=known or {}, **makers)


def cases(
    optimizer: str,
    settings: Mapping[str, Mapping[str, Any]],
    libraries: str = "optax torch keras",
    *,
    rate: float = 0.01,
    known: Mapping[str, Known] | None = None,
) -> list[Case]:
    """Return a case for each name and its options."""
    return [
        case(name, optimizer, options, libraries, rate=rate, known=known)
        for name, options in settings.items()
    ]
