"""Kinds of augmentation, and networks that learn with each of them from few examples."""

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from jaxnet import layers
from jaxnet.core.types import Layer
from jaxnet.data import Dataset, Examples
from jaxnet.data import augmentation as augment
from jaxnet.training import Recipe, sweep

ROTATE, SHIFT, ZOOM = 12.0, 1 / 12, 0.1
"""Largest angle in degrees, shift in image widths, logarithm of the factor of the size."""
CUT = 3 / 8
"""Side of the square that cutout removes, in image widths."""
ALPHA = 0.2
"""Of the Beta distribution of mixup's shares."""
DEPTH = (1 / 6, 1 / 3, 1 / 2)
"""Drop rates of the residual branches, which rise linearly as Huang et al. 2016 have it."""


class Draws(NamedTuple):
    """What the networks of all kinds share.

    Attributes:
        seed: of all draws.
        count: number of draws of the examples and of the networks.
        epochs: of each network.
    """

    seed: int
    count: int
    epochs: int


def augmentations(dataset: Dataset) -> dict[str, augment.Augment]:
    """Return all augmentations by name; their targets are probabilities, as those of mixup."""
    shape, classes = dataset.image_shape, len(dataset.class_names)
    moved = augment.affine(rotate=ROTATE, shift=SHIFT * shape[1], zoom=ZOOM)
    kinds = {
        "none": augment.on_images(shape),
        "affine": augment.on_images(shape, moved),
        "cutout": augment.on_images(shape, augment.cutout(round(CUT * shape[1]))),
        "flip": augment.on_images(shape, augment.flip()),
        "mixup": augment.mixup(classes, ALPHA),
    }

    def probable(key: Any, examples: Examples) -> Examples:
        del key
        x, v = examples.inputs.astype(jnp.result_type(float)), examples.targets
        return Examples(x, v if v.ndim == 2 else jax.nn.one_hot(v, classes, dtype=x.dtype))

    return {name: augment.chain(each, probable) for name, each in kinds.items()}


def train_augmented(
    dataset: Dataset, plan: Mapping[str, Sequence[int]], draws: Draws
) -> dict[str, np.ndarray]:
    """Return test error rates by augmentation.

    Args:
        dataset: with the examples.
        plan: augmentation -> numbers of training examples.
        draws: what all networks share.

    Returns:
        Augmentation -> rates, shape ``(numbers, draws)``.
    """
    widths = dataset.train.inputs.shape[1], 100, 100, len(dataset.class_names)
    network = jaxnet.mlp(widths, input_scale=dataset.input_scale)
    each = augmentations(dataset)

    def build(kind: Any) -> tuple[Layer, augment.Augment]:
        return network, lambda key, examples: jax.lax.switch(
            kind, [each[name] for name in plan], key, examples
        )

    return _train(dataset, build, plan, draws)


def train_residual(dataset: Dataset, sizes: Sequence[int], draws: Draws) -> dict[str, np.ndarray]:
    """Return test error rates of a residual network, without and with stochastic depth."""

    def branch(rate: Any) -> Layer:
        dropped = layers.dropout(rate, whole_examples=True)
        return layers.residual(layers.serial(layers.dense(100), layers.activation("relu"), dropped))

    def build(kind: Any) -> tuple[Layer, None]:
        first = layers.rescale(1 / dataset.pixel_max), layers.dense(100), layers.activation("relu")
        branches = [branch(rate * kind) for rate in DEPTH]
        return layers.serial(*first, *branches, layers.dense(len(dataset.class_names))), None

    return _train(dataset, build, dict.fromkeys(("residual", "stochastic depth"), sizes), draws)


def _train(
    dataset: Dataset, build: Any, plan: Mapping[str, Sequence[int]], draws: Draws
) -> dict[str, np.ndarray]:
    """Return test error rates by kind, of ``build(index of the kind) -> (network, augmentation)``.

    All of one draw learn from the same examples and start from the same parameters.
    """
    total = len(dataset.train.targets)
    order_key, key = jax.random.split(jax.random.key(draws.seed))
    keys = jax.random.split(order_key, draws.count)
    orders = jax.vmap(lambda key: jax.random.permutation(key, total))(keys)

    def recipe(kind: Any, size: Any, draw: Any) -> Recipe:
        network, changed = build(kind)
        own = network._replace(
            init=lambda key, shape: network.init(jax.random.fold_in(key, draw), shape)
        )
        subset = orders[draw, jnp.arange(total) % size]
        return Recipe(own, jaxnet.optim.adam(2e-3), augment=changed, subset=subset)

    settings = [
        {"kind": kind, "size": size, "draw": draw}
        for kind, sizes in enumerate(plan.values())
        for size in sizes
        for draw in range(draws.count)
    ]
    found = sweep(
        recipe,
        dataset.train,
        key=key,
        settings=settings,
        validation=dataset.test,
        epochs=draws.epochs,
        batch_size=min(100, total),
        width=1,
        keep="metrics",
    )
    errors = 1 - np.asarray(found.metrics["validation_accuracy"], np.float64)
    rows = iter(errors.reshape(-1, draws.count))
    return {name: np.array([next(rows) for _ in sizes]) for name, sizes in plan.items()}
