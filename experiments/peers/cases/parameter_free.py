"""Optimizers without a learning rate, or without its schedule: Prodigy, schedule-free."""

from typing import Any

from experiments.peers.case import Case, Known

_NEXT_RATE = Known(
    ("0.2.8",),
    "it weighs each step by the learning rate of the next",
    "https://github.com/google-deepmind/optax/pull/1744",
)


def _of_this_step(rate: Any) -> Any:
    """Return the schedule for which optax weights a step by its own rate."""
    return (lambda count: rate(count - 1)) if callable(rate) else rate


def _optax_sgd(optax: Any, rate: Any, **options: Any) -> Any:
    decay = options.pop("weight_decay", 0.0)
    inner = optax.chain(optax.add_decayed_weights(decay), optax.sgd(rate))
    return optax.contrib.schedule_free(inner, _of_this_step(rate), **options)


def _optax_adamw(optax: Any, rate: Any, **options: Any) -> Any:
    names = {"b2": 0.999, "eps": 1e-8, "weight_decay": 0.0}
    b2, eps, decay = (options.pop(name, default) for name, default in names.items())
    inner = optax.adamw(rate, b1=0.0, b2=b2, eps=eps, weight_decay=decay)
    return optax.contrib.schedule_free(inner, _of_this_step(rate), **options)


def _keras_adamw(keras: Any, rate: float, **options: Any) -> Any:
    names = {"b1": "beta_1", "b2": "beta_2", "eps": "epsilon"}
    assert options.pop("weight_lr_power", 0.0) == 0.0, "Keras has no other"
    known = {names.get(name, name): value for name, value in options.items()}
    return keras.optimizers.ScheduleFreeAdamW(rate, **known)


_PRODIGY: dict[str, dict[str, Any]] = {
    "prodigy, defaults": {},
    "prodigy, safeguarded warm-up, weight decay": {
        "safeguard_warmup": True,
        "weight_decay": 1e-4,
        "estim_lr0": 1e-3,
    },
    "prodigy, estimate": {
        "betas": (0.8, 0.99),
        "beta3": 0.9,
        "eps": 1e-3,
        "estim_lr0": 1e-2,
        "estim_lr_coef": 2.0,
    },
}

CASES = [
    *[
        Case(
            name,
            "prodigy",
            options,
            optax=lambda optax, rate, o=options: optax.contrib.prodigy(rate, **o),
            rate=0.1 if "estimate" in name else 1.0,  # otherwise weights cross 0 repeatedly
        )
        for name, options in _PRODIGY.items()
    ],
    *[
        Case(
            name,
            "schedule_free_sgd",
            options,
            optax=lambda optax, rate, o=options: _optax_sgd(optax, rate, **o),
        )
        for name, options in {
            "schedule-free sgd": {},
            "schedule-free sgd, weight decay": {
                "weight_decay": 0.1,
                "b1": 0.6,
                "weight_lr_power": 1.0,
            },
        }.items()
    ],
    *[
        Case(
            name,
            "schedule_free_adamw",
            options,
            optax=lambda optax, rate, o=options: _optax_adamw(optax, rate, **o),
            keras=lambda keras, rate, o=options: _keras_adamw(keras, rate, **o),
        )
        for name, options in {
            "schedule-free adamw, defaults": {},
            "schedule-free adamw": {
                "b1": 0.6,
                "b2": 0.99,
                "eps": 1e-3,
                "weight_decay": 0.1,
                "weight_lr_power": 0.0,
            },
        }.items()
    ],
    Case(
        "schedule-free adamw, warm-up",
        "schedule_free_adamw",
        {"warmup_steps": 20, "weight_decay": 0.1, "weight_lr_power": 0.0},
        keras=lambda keras, rate: _keras_adamw(keras, rate, warmup_steps=20, weight_decay=0.1),
    ),
    Case(
        "schedule-free sgd, as optax counts",
        "schedule_free_sgd",
        {},
        optax=lambda optax, rate: optax.contrib.schedule_free_sgd(rate),
        known={"optax": _NEXT_RATE},
    ),
    Case(
        "schedule-free adamw, as optax counts, defaults",
        "schedule_free_adamw",
        {},
        optax=lambda optax, rate: optax.contrib.schedule_free_adamw(rate),
        known={"optax": _NEXT_RATE},
    ),
]
