"""Optimizers that scale by norms of layers: LAMB and LARS.

Each step moves a leaf by a part of its norm. Rates are so small that few weights cross 0, where a
unit in the last place of the weight does not measure the step.
"""

from typing import Any

from experiments.peers.cases.spelling import case, cases


def _no_vectors(params: Any) -> dict[str, bool]:
    return {name: leaf.ndim != 1 for name, leaf in params.items()}


_QUICK = {"b1": 0.8, "b2": 0.99, "eps": 1e-3, "weight_decay": 0.1}
_ROOT_AND_MASK = {"eps": 1e-6, "eps_root": 1e-4, "weight_decay": 0.1, "mask": _no_vectors}

CASES = [
    case("lamb", "lamb", _QUICK, rate=1e-3),
    case("lamb, defaults", "lamb", {}, rate=1e-4),
    case("lamb, root and mask", "lamb", _ROOT_AND_MASK, "optax", rate=1e-3),
    *cases(
        "lars",
        {
            "lars, defaults": {},
            "lars, weight decay": {"weight_decay": 0.1, "eps": 1e-3, "trust_coefficient": 0.1},
            "lars, nesterov": {"momentum": 0.8, "nesterov": True, "trust_coefficient": 0.02},
            "lars, masks": {
                "weight_decay": 0.1,
                "weight_decay_mask": _no_vectors,
                "trust_ratio_mask": _no_vectors,
                "trust_coefficient": 0.1,
            },
        },
    ),
]
