"""Gradient descent, momentum, and optimizers by signs of gradients."""

from typing import Any

from experiments.peers.case import Case, Known


def _sgd_of_optax(optax: Any, rate: Any, weight_decay: float = 0.0, **options: Any) -> Any:
    """Return optax's SGD, chained with weight decay."""
    return optax.chain(optax.add_decayed_weights(weight_decay), optax.sgd(rate, **options))


SGD = [
    Case(
        name,
        "sgd",
        options,
        optax=lambda optax, rate, o=options: _sgd_of_optax(optax, rate, **o),
        torch=lambda torch, params, rate, o=options: torch.optim.SGD(params, rate, **o),
        keras=lambda keras, rate, o=options: keras.optimizers.SGD(rate, **o),
    )
    for name, options in [("sgd", {}), ("sgd, weight decay", {"weight_decay": 0.1})]
]

MOMENTUM = [
    Case(
        name,
        optimizer,
        {"momentum": b} | options,
        optax=lambda optax, rate, b=b, n=nesterov, o=decay: _sgd_of_optax(
            optax, rate, momentum=b, nesterov=n, **o
        ),
        torch=lambda torch, params, rate, b=b, n=nesterov, o=decay: torch.optim.SGD(
            params, rate, momentum=b, nesterov=n, **o
        ),
        keras=lambda keras, rate, b=b, n=nesterov, o=decay: keras.optimizers.SGD(
            rate, momentum=b, nesterov=n, **o
        ),
    )
    for name, optimizer, b, nesterov, decay, options in [
        ("momentum", "momentum", 0.9, False, {}, {}),
        ("momentum .5", "momentum", 0.5, False, {}, {}),
        ("momentum, nesterov", "momentum", 0.9, True, {}, {"nesterov": True}),
        ("momentum of sgd", "sgd", 0.9, True, {}, {"nesterov": True}),
        ("nesterov", "nesterov", 0.9, True, {}, {}),
        *[
            (name, optimizer, 0.9, nesterov, {"weight_decay": 0.1}, {"weight_decay": 0.1})
            for name, optimizer, nesterov in [
                ("momentum, weight decay", "momentum", False),
                ("nesterov, weight decay", "nesterov", True),
            ]
        ],
    ]
]

DAMPENING = [
    Case(
        name,
        "momentum",
        options,
        torch=lambda torch, params, rate, o=options: torch.optim.SGD(params, rate, **o),
    )
    for name, options in [
        ("momentum, dampening", {"momentum": 0.9, "dampening": 0.5}),
        (
            "momentum, dampening and weight decay",
            {"momentum": 0.9, "dampening": 0.9, "weight_decay": 0.1},
        ),
    ]
]

_LATE = Known(
    ("0.2.8",),
    "It emits the update of the step before, at first 0.",
    "https://github.com/google-deepmind/optax/pull/1725",
)


# optax's has no schedule: the first rate is the first step size
RPROP = [
    Case(
        name,
        "rprop",
        {
            "eta_minus": minus,
            "eta_plus": plus,
            "min_step_size": low,
            "max_step_size": high,
            "variant": "improved_minus",
        },
        optax=lambda optax, rate, o=(minus, plus, low, high): optax.rprop(rate(0), *o),
        torch=lambda torch, params, rate, o=(minus, plus, low, high): torch.optim.Rprop(
            params, rate, etas=o[:2], step_sizes=o[2:]
        ),
        known={"optax": _LATE},
    )
    for name, minus, plus, low, high in [
        ("rprop", 0.5, 1.2, 1e-6, 50.0),
        ("rprop, narrow range", 0.3, 1.5, 5e-3, 0.02),
    ]
]

RPROP_VARIANTS = [
    Case(
        "rprop, defaults",
        "rprop",
        {},
        optax=lambda optax, rate: optax.rprop(rate(0)),
        torch=lambda torch, params, rate: torch.optim.Rprop(params, rate),
        known={"optax": _LATE},
    ),
    Case("rprop, minus", "rprop", {"variant": "minus"}),
    Case("rprop, plus", "rprop", {"variant": "plus"}),
]

SIGN = [
    Case("sign_sgd", "sign_sgd", {}, optax=lambda optax, rate: optax.sign_sgd(rate)),
    *[
        Case(
            name,
            "lion",
            {"b1": b1, "b2": b2, "weight_decay": decay},
            optax=lambda optax, rate, o=(b1, b2, decay): optax.lion(
                rate, *o[:2], weight_decay=o[2]
            ),
            keras=lambda keras, rate, o=(b1, b2, decay): keras.optimizers.Lion(rate, *o),
        )
        for name, b1, b2, decay in [
            ("lion", 0.9, 0.99, 0.0),
            ("lion, weight decay", 0.95, 0.98, 0.1),
        ]
    ],
    Case(
        "lion, defaults",
        "lion",
        {},
        optax=lambda optax, rate: optax.lion(rate),
        keras=lambda keras, rate: keras.optimizers.Lion(rate),
    ),
]

CASES = [*SGD, *MOMENTUM, *DAMPENING, *RPROP, *RPROP_VARIANTS, *SIGN]
