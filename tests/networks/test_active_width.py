"""A wide network with few active units is the narrow network: at the start, and trained."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Layer
from jaxnet.functions.initializers import INITIALIZERS
from jaxnet.training import Recipe, fit, grid, init_state, sweep
from tests.comparison import Tolerance, assert_trees_close
from tests.training.toys import blobs

ACTIVE = (3, 2)


def first(leaf: Any, like: Any) -> Any:
    """Return the first entries of an array, as many along each axis as another has."""
    return leaf[tuple(slice(n) for n in like.shape)]


def without_masks(network: Layer, tree: Any) -> tuple[Any, ...]:
    """Return the entries of a wide network's tree that the narrow one has, too."""
    kinds = [part.description.kind for part in network.description.parts]
    return tuple(t for kind, t in zip(kinds, tree, strict=True) if kind != "active_units")


@pytest.mark.slow
@pytest.mark.parametrize(
    ("optimizer", "batch_norm", "dtype"),
    # LAMB goes by the norms of whole layers; Adam would make steps of the rounding errors that are
    # the gradient of a bias before batch normalization
    [
        (jaxnet.optim.momentum(0.1), "before", "float32"),
        (jaxnet.optim.lamb(0.05), None, "float64"),
    ],
    ids=["momentum-batch-norm", "lamb"],
    indirect=["dtype"],
)
def test_training_it_is_training_the_narrow_one(
    optimizer: Any, batch_norm: Any, dtype: np.dtype
) -> None:
    options: Any = {"activation": "sigmoid", "batch_norm": batch_norm}
    wide = jaxnet.mlp((3, 6, 5, 3), active_units=ACTIVE, **options)
    narrow = jaxnet.mlp((3, *ACTIVE, 3), **options)
    runs: Any = {"optimizer": optimizer, "epochs": 4, "batch_size": 8, "key": jax.random.key(1)}
    runs["penalty"] = jaxnet.penalties.get_penalty("l2", strength=0.01)
    start = init_state(wide, optimizer, (3,), key=jax.random.key(1))
    like = init_state(narrow, optimizer, (3,), key=jax.random.key(1))
    state = like._replace(
        params=jax.tree.map(first, without_masks(wide, start.params), like.params),
        statistics=jax.tree.map(first, without_masks(wide, start.statistics), like.statistics),
    )
    state = state._replace(opt_state=optimizer.init(state.params))
    trained = fit(wide, blobs(), validation=blobs(seed=1), state=start, **runs)
    expected = fit(narrow, blobs(), validation=blobs(seed=1), state=state, **runs)
    part = jax.tree.map(first, without_masks(wide, trained.params), expected.params)
    tolerance = Tolerance(2e-5, 2e-6)
    assert_trees_close(part, expected.params, tolerance=tolerance)
    losses = trained.history.validation["loss"]
    np.testing.assert_allclose(losses, expected.history.validation["loss"], rtol=2e-5)
    # what is off stays as it began
    first_layer, second_layer, _ = (p for p in trained.params if hasattr(p, "weights"))
    assert not first_layer.weights[3:].any()
    assert not second_layer.weights[:, 3:].any()
    assert not second_layer.weights[2:].any()
    assert first_layer.weights.dtype == dtype


SCALED = [name for name in INITIALIZERS if name.startswith(("he_", "xavier_", "lecun_"))]


@pytest.mark.parametrize("name", SCALED)
def test_initial_weights_have_the_variance_of_the_narrow_one(name: str) -> None:
    def hidden(active: Any) -> Any:
        network = jaxnet.mlp((300, 400, 500, 10), active_units=active, initializer=name)
        return network.init(jax.random.key(0), (300,))[0][3].weights

    weights = np.asarray(jax.jit(hidden)((jnp.int32(200), jnp.int32(100))))
    fan = {"he": 2 / 200, "xavier": 2 / 300, "lecun": 1 / 200}[name.split("_")[0]]
    # 20,000 draws, whose variance has a standard error of at most sqrt(2 / 20,000)
    assert abs((weights[:100, :200] ** 2).mean() / fan - 1) < 5 * np.sqrt(2 / 20_000)
    assert not weights[100:].any()
    assert not weights[:, 200:].any()


def test_a_number_of_units_may_be_an_array() -> None:
    made = [jaxnet.mlp((4, 6, 2), active_units=units) for units in (3, jnp.int32(3))]
    drawn = [jax.jit(each.init, static_argnums=1)(jax.random.key(0), (4,)) for each in made]
    assert_trees_close(*drawn)


def test_all_units_active_is_the_network_itself() -> None:
    everything = jaxnet.mlp((3, 6, 5, 3), active_units=(6, 5))
    params = everything.init(jax.random.key(0), (3,))[0]
    # the layers' keys are not the same: without masks, there are fewer layers
    assert [p.weights.shape for p in params if p] == [(6, 3), (5, 6), (3, 5)]
    x = jnp.asarray(blobs().inputs)
    plain = jaxnet.mlp((3, 6, 5, 3))
    y, _ = plain.apply(without_masks(everything, params), ((),) * 5, x)
    np.testing.assert_allclose(everything.apply(params, ((),) * 7, x)[0], y, rtol=1e-5, atol=1e-6)


def test_widths_are_swept_in_one_program() -> None:
    def build(units: Any) -> Recipe:
        network = jaxnet.mlp((3, 8, 3), active_units=units, activation="tanh")
        return Recipe(network, jaxnet.optim.adam(0.05))

    runs: Any = {"key": jax.random.key(0), "epochs": 2, "batch_size": 8}
    result = sweep(build, blobs(), settings=grid(units=[1, 4, 8]), width="all", **runs)
    used = (result.params[0].weights[:, 0] != 0).any(axis=-1).sum(axis=-1)
    assert used.tolist() == [1, 4, 8]


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"active_units": 9}, "expected active_units at most the width 6, got 9"),
        ({"active_units": (1, 2, 3)}, "expected active_units to hold 2"),
        (
            {"active_units": 2, "initializer": "orthogonal"},
            "expected initializer to scale with the active width",
        ),
        ({"active_units": 2, "activation": "softmax"}, "expected activation to go unit by"),
        ({"active_units": 2, "initializer": "hee"}, "Did you mean 'he'?"),
        ({"input_noise": -1.0}, "expected stddev"),
    ],
    ids=["too-many", "three", "orthogonal", "softmax", "unknown", "noise"],
)
def test_bad_input(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError) as caught:
        jaxnet.mlp((3, 6, 10, 3), **options)
    assert message in str(caught.value)


def test_initializers_that_are_the_same_for_all_widths_may_be_bound() -> None:
    small = functools.partial(jaxnet.initializers.normal, std=0.01)
    network = jaxnet.mlp((3, 6, 3), active_units=2, initializer=small)
    weights = network.init(jax.random.key(0), (3,))[0][0].weights
    assert weights[:2].all()
    assert not weights[2:].any()
