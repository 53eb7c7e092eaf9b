"""Adam and its family."""

from experiments._verification.case import Case

CASES = [
    Case(
        name,
        "adam",
        {"b1": b1, "b2": b2, "eps": eps},
        optax=lambda optax, rate, o=(b1, b2, eps): optax.adam(rate, *o),
        torch=lambda torch, params, rate, o=(b1, b2, eps): torch.optim.Adam(
            params, rate, betas=o[:2], eps=o[2]
        ),
        keras=lambda keras, rate, o=(b1, b2, eps): keras.optimizers.Adam(rate, *o),
    )
    for name, b1, b2, eps in [
        ("adam", 0.9, 0.999, 1e-8),
        ("adam, large eps", 0.8, 0.99, 1e-3),
        ("adam without momentum", 0.0, 0.999, 1e-8),
    ]
]
