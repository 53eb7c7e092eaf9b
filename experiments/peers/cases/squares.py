"""Optimizers that divide by sums or averages of squared gradients."""

from typing import Any

from experiments.peers.case import Case


def _decayed(optax: Any, weight_decay: float, optimizer: Any) -> Any:
    """Return an optimizer of optax, chained after weight decay."""
    return optax.chain(optax.add_decayed_weights(weight_decay), optimizer)


ADAGRAD = [
    Case(
        name,
        "adagrad",
        {"initial_accumulator_value": start, "eps": eps, "weight_decay": decay},
        optax=lambda optax, rate, o=(start, eps), d=decay: _decayed(
            optax, d, optax.adagrad(rate, *o)
        ),
        torch=lambda torch, params, rate, o=(start, eps), d=decay: torch.optim.Adagrad(
            params, rate, initial_accumulator_value=o[0], eps=o[1], weight_decay=d
        ),
        keras=lambda keras, rate, o=(start, eps), d=decay: keras.optimizers.Adagrad(
            rate, *o, weight_decay=d
        ),
    )
    for name, start, eps, decay in [
        ("adagrad", 0.1, 1e-7, 0.0),
        ("adagrad from 0", 0.0, 1e-10, 0.0),
        ("adagrad, weight decay", 0.1, 1e-3, 0.1),
    ]
]

ADAGRAD_OF_TORCH = Case(
    "adagrad, decaying rate",
    "adagrad",
    {"initial_accumulator_value": 0.0, "eps": 1e-10, "lr_decay": 0.1},
    torch=lambda torch, params, rate: torch.optim.Adagrad(params, rate, lr_decay=0.1),
)

ADADELTA = [
    Case(
        name,
        "adadelta",
        {"rho": rho, "eps": eps, "weight_decay": decay},
        optax=lambda optax, rate, o=(rho, eps, decay): optax.adadelta(rate, *o),
        torch=lambda torch, params, rate, o=(rho, eps, decay): torch.optim.Adadelta(
            params, rate, *o[:2], weight_decay=o[2]
        ),
        keras=lambda keras, rate, o=(rho, eps, decay): keras.optimizers.Adadelta(rate, *o),
        rate=1.0,
    )
    for name, rho, eps, decay in [
        ("adadelta", 0.9, 1e-6, 0.0),
        ("adadelta, weight decay", 0.8, 1e-4, 0.01),
    ]
]

RMSPROP = [
    Case(
        name,
        "rmsprop",
        {
            "decay": b,
            "eps": eps,
            "momentum": momentum,
            "centered": centered,
            "weight_decay": decay,
        },
        optax=lambda optax, rate, o=(b, eps), m=momentum, c=centered, d=decay: _decayed(
            optax, d, optax.rmsprop(rate, *o, momentum=m, centered=c)
        ),
        torch=lambda torch, params, rate, o=(b, eps), m=momentum, c=centered, d=decay: (
            torch.optim.RMSprop(params, rate, *o, momentum=m or 0, centered=c, weight_decay=d)
        ),
        keras=lambda keras, rate, o=(b, eps), m=momentum, c=centered, d=decay: (
            keras.optimizers.RMSprop(
                rate, o[0], momentum=m or 0.0, epsilon=o[1], centered=c, weight_decay=d
            )
        ),
    )
    for name, b, eps, momentum, centered, decay in [
        ("rmsprop", 0.9, 1e-8, None, False, 0.0),
        ("rmsprop, large eps", 0.99, 1e-3, None, False, 0.0),
        ("rmsprop, centred", 0.9, 1e-8, None, True, 0.0),
        ("rmsprop, momentum", 0.9, 1e-8, 0.9, False, 0.0),
        ("rmsprop, centred, momentum", 0.95, 1e-6, 0.9, True, 0.0),
        ("rmsprop, weight decay", 0.95, 1e-6, None, False, 0.1),
    ]
]

RMSPROP_OF_OPTAX = [
    Case(
        name,
        "rmsprop",
        {"decay": 0.9, "eps": 1e-8} | options,
        optax=lambda optax, rate, o=options: optax.rmsprop(rate, **o),
    )
    for name, options in [
        ("rmsprop, nesterov", {"momentum": 0.9, "nesterov": True}),
        ("rmsprop, initial scale", {"initial_scale": 1.0}),
        ("rmsprop, corrected", {"bias_correction": True}),
    ]
]

RMSPROP_EPS = [
    Case(
        "rmsprop, eps outside the root",
        "rmsprop",
        {"decay": 0.9, "eps": 1e-3, "eps_in_sqrt": False},
        optax=lambda optax, rate: optax.rmsprop(rate, eps=1e-3, eps_in_sqrt=False),
        torch=lambda torch, params, rate: torch.optim.RMSprop(params, rate, 0.9, 1e-3),
    ),
    Case(
        "rmsprop, eps inside the root",
        "rmsprop",
        {"decay": 0.9, "eps": 1e-3, "eps_in_sqrt": True},
        optax=lambda optax, rate: optax.rmsprop(rate, eps=1e-3),
        keras=lambda keras, rate: keras.optimizers.RMSprop(rate, epsilon=1e-3),
    ),
]

DEFAULTS = [
    Case(
        f"{name}, defaults",
        name,
        {},
        optax=lambda optax, rate, name=name: getattr(optax, name)(rate),
        torch=lambda torch, params, rate, peer=peer: getattr(torch.optim, peer)(params, rate),
        keras=lambda keras, rate, peer=peer: getattr(keras.optimizers, peer)(rate),
        rate=rate,
    )
    for name, peer, rate in [
        ("adagrad", "Adagrad", 0.01),
        ("adadelta", "Adadelta", 1.0),
        ("rmsprop", "RMSprop", 0.01),
    ]
]

CASES = [
    *ADAGRAD,
    ADAGRAD_OF_TORCH,
    *ADADELTA,
    *RMSPROP,
    *RMSPROP_OF_OPTAX,
    *RMSPROP_EPS,
    *DEFAULTS,
]
