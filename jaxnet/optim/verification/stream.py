"""Stream of gradients for every optimizer, and learning rates.

One tree has a leaf per scenario: shapes from a scalar to three dimensions, gradients of zero,
single zeros, flipping signs, tiny and huge ones. Gradients do not depend on the parameters, so that
rounding errors do not grow.
"""

import numpy as np

STEPS = 100
"""Number of gradients of a stream."""

Tree = dict[str, np.ndarray]
"""Name -> array."""

SHAPES = {
    "scalar": (),
    "matrix": (4, 3),
    "wide": (2, 6),
    "cube": (2, 3, 2),
    "zeros": (3,),
    "sizes": (8,),
}
"""Leaf -> shape. Each costs compile time in every program, so none repeats another."""

_SIZES = np.repeat([1e-6, 1e4], 4)
"""Scale of the gradients in the leaf of that name."""


def parameters() -> Tree:
    """Draw parameters of sizes from 2 to 4, too far from 0 for the steps to cross it.

    Those with huge gradients are as huge, so that sums of steps do not cancel.
    """
    rng = np.random.default_rng(1)
    params = {
        name: np.asarray(rng.choice([-1.0, 1.0], shape) * rng.uniform(2, 4, shape))
        for name, shape in SHAPES.items()
    }
    params["sizes"] *= np.where(_SIZES > 1, 1e4, 1.0)
    return params


def gradients() -> Tree:
    """Draw the gradients of each leaf, `STEPS` rows with entries of sizes from 0.01 to 1.

    The wide leaf is sparse, the cube flips its signs at every step.
    """
    rng = np.random.default_rng(0)
    rows = {}
    for name, shape in SHAPES.items():
        sizes = 10.0 ** rng.uniform(-2, 0, size=shape)
        rows[name] = sizes * rng.normal(size=(STEPS, *shape))
    rows["zeros"] *= 0.0
    rows["wide"] *= rng.random(rows["wide"].shape) < 0.2
    rows["cube"] = np.abs(rows["cube"]) * np.where(np.arange(STEPS) % 2, -1.0, 1.0).reshape(
        -1, 1, 1, 1
    )
    rows["sizes"] *= _SIZES
    # exact in float32, so that both precisions have the same gradients
    return {name: row.astype(np.float32).astype(np.float64) for name, row in rows.items()}


def rates(first: float) -> dict[str, np.ndarray]:
    """Return the learning rates per step: constant, and rising and falling."""
    steps = np.arange(STEPS)
    return {
        "constant": np.full(STEPS, first),
        "scheduled": first * np.minimum(1.0, (steps + 1) / 10) / (1 + 0.05 * steps),
    }
