"""Networks for the tests of model files."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.trees import digest
from jaxnet.core.types import Layer
from jaxnet.networks import Model, mlp, save_model


def trained(network: Layer) -> tuple[Any, Any]:
    """Return parameters and statistics of which no two are equal."""
    trees = network.init(jax.random.key(0), (3,))
    leaves, structure = jax.tree.flatten(trees)
    rng = np.random.default_rng(0)
    new = [jnp.asarray(rng.uniform(0.5, 1.5, leaf.shape), leaf.dtype) for leaf in leaves]
    return jax.tree.unflatten(structure, new)


def written(path: Path, **options: Any) -> tuple[Layer, Any, Any]:
    network = mlp((3, 5, 4, 2), **options)
    params, statistics = trained(network)
    save_model(path, network, params, statistics)
    return network, params, statistics


def assert_same(model: Model, network: Layer, params: Any, statistics: Any) -> None:
    assert digest((model.params, model.statistics)) == digest((params, statistics))
    kind = jax.tree.leaves(params)[0].dtype
    x = jnp.asarray(np.random.default_rng(1).uniform(0, 9, (7, 3)), kind)
    outputs = [jax.jit(n.apply)(params, statistics, x)[0] for n in (network, model.network)]
    assert digest(outputs[0]) == digest(outputs[1])
