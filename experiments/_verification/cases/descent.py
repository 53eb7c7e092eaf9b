"""Gradient descent and momentum."""

from experiments._verification.case import Case

CASES = [
    Case(
        "sgd",
        "sgd",
        {},
        optax=lambda optax, rate: optax.sgd(rate),
        torch=lambda torch, params, rate: torch.optim.SGD(params, rate),
        keras=lambda keras, rate: keras.optimizers.SGD(rate),
    ),
    *[
        Case(
            name,
            "momentum",
            {"momentum": b, "nesterov": nesterov},
            optax=lambda optax, rate, b=b, n=nesterov: optax.sgd(rate, b, n),
            torch=lambda torch, params, rate, b=b, n=nesterov: torch.optim.SGD(
                params, rate, momentum=b, nesterov=n
            ),
            keras=lambda keras, rate, b=b, n=nesterov: keras.optimizers.SGD(
                rate, momentum=b, nesterov=n
            ),
        )
        for name, b, nesterov in [
            ("momentum", 0.9, False),
            ("momentum .5", 0.5, False),
            ("nesterov", 0.9, True),
        ]
    ],
]
