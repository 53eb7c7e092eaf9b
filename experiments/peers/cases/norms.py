"""Optimizers that scale by norms of layers: LAMB and LARS.

Each step moves a leaf by a part of its norm. Rates are so small that few weights cross 0, where a
unit in the last place of the weight does not measure the step.
"""

from typing import Any

from experiments.peers.case import Case


def _no_vectors(params: Any) -> dict[str, bool]:
    return {name: leaf.ndim != 1 for name, leaf in params.items()}


def _keras_lamb(keras: Any, rate: float, **options: Any) -> Any:
    spelling = {"b1": "beta_1", "b2": "beta_2", "eps": "epsilon", "weight_decay": "weight_decay"}
    return keras.optimizers.Lamb(rate, **{spelling[name]: x for name, x in options.items()})


_LAMB = {
    "lamb": {"b1": 0.8, "b2": 0.99, "eps": 1e-3, "weight_decay": 0.1},
    "lamb, defaults": {},
}

_RATES = {"lamb": 1e-3, "lamb, defaults": 1e-4}

_ROOT_AND_MASK = {"eps": 1e-6, "eps_root": 1e-4, "weight_decay": 0.1, "mask": _no_vectors}

_LARS = {
    "lars, defaults": {},
    "lars, weight decay": {"weight_decay": 0.1, "eps": 1e-3, "trust_coefficient": 0.1},
    "lars, nesterov": {"momentum": 0.8, "nesterov": True, "trust_coefficient": 0.02},
    "lars, masks": {
        "weight_decay": 0.1,
        "weight_decay_mask": _no_vectors,
        "trust_ratio_mask": _no_vectors,
        "trust_coefficient": 0.1,
    },
}

CASES = [
    *[
        Case(
            name,
            "lamb",
            options,
            optax=lambda optax, rate, o=options: optax.lamb(rate, **o),
            keras=lambda keras, rate, o=options: _keras_lamb(keras, rate, **o),
            rate=_RATES[name],
        )
        for name, options in _LAMB.items()
    ],
    Case(
        "lamb, root and mask",
        "lamb",
        _ROOT_AND_MASK,
        optax=lambda optax, rate: optax.lamb(rate, **_ROOT_AND_MASK),
        rate=0.001,
    ),
    *[
        Case(
            name,
            "lars",
            options,
            optax=lambda optax, rate, o=options: optax.lars(rate, **o),
            rate=0.01,
        )
        for name, options in _LARS.items()
    ],
]
