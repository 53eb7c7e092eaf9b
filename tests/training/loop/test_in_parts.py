"""Gradients of large mini-batches, summed over parts: equal to those at once."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Layer
from jaxnet.data import Examples
from jaxnet.layers import activation, batch_norm, dense, dropout, gaussian_noise, layer, serial
from jaxnet.training import Recipe, make_train
from jaxnet.training.distributed.mesh import make_mesh
from jaxnet.training.loop.gradient import ENGINES, GradientEngine
from jaxnet.training.loop.in_parts import in_parts, is_separable
from jaxnet.training.loop.objective import make_objective
from jaxnet.training.program import recipe_step
from jaxnet.training.recipe import check_recipe, recipe_objective
from tests.comparison import assert_trees_close

PART = 10
"""Examples a part in these tests."""

MANY = 2 * PART + 7
"""Examples of two parts, the first larger than the second."""

KEY = jax.random.key(0)


@pytest.fixture(autouse=True)
def small_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("jaxnet.training.loop.in_parts.PART", PART)


def examples(number: int = MANY, **fields: Any) -> Examples:
    generator = np.random.default_rng(0)
    inputs = jnp.asarray(generator.standard_normal((number, 3)), float)
    return Examples(inputs, jnp.asarray(generator.integers(0, 2, number), jnp.int32), **fields)


def gradient(engine: GradientEngine, net: Layer, batch: Examples, **options: Any) -> Any:
    """Return the gradient of the mean risk at random parameters."""
    whole = engine(make_objective(net, **options))
    params, statistics = net.init(KEY, (3,))

    @jax.jit
    def at(params: Any, batch: Examples) -> Any:
        return whole(params, statistics, batch, KEY, len(batch.inputs))

    return at(params, batch)


@pytest.mark.parametrize("name", ENGINES)
def test_a_sum_over_parts_equals_the_gradient_at_once(name: str, dtype: np.dtype) -> None:
    engine, net = ENGINES[name], jaxnet.mlp((3, 5, 2), activation="tanh")
    batch = examples(weights=jnp.linspace(0, 2, MANY, dtype=dtype))
    penalty = jaxnet.penalties.get_penalty("l2", strength=0.1)
    parts = gradient(in_parts(engine), net, batch, penalty=penalty)
    whole = gradient(engine, net, batch, penalty=penalty)
    assert_trees_close(parts, whole)
    without = gradient(engine, net, batch)
    assert abs(without.dparams[0].weights - whole.dparams[0].weights).max() > 1e-3


def test_narrow_parameters_lose_nothing_by_the_sum() -> None:
    """A sum of 1,000 parts in bfloat16 would be wrong by a tenth."""
    narrow, batch = jaxnet.mlp((3, 2), dtype="bfloat16"), examples(1000 * PART)
    narrow_batch = batch._replace(inputs=batch.inputs.astype("bfloat16"))
    rest: Any = {"metrics": (), "penalty": jaxnet.penalties.get_penalty("l2", strength=0.1)}
    found = gradient(in_parts(ENGINES["by_hand"]), narrow, narrow_batch, **rest)
    exact = gradient(ENGINES["autodiff"], jaxnet.mlp((3, 2)), batch, **rest)
    bias, wanted = found.dparams[0].bias, exact.dparams[0].bias
    assert bias.dtype == jnp.bfloat16
    np.testing.assert_allclose(bias.astype(float), wanted, rtol=0.02)


def coupled(params: Any, x: jax.Array) -> jax.Array:
    return x - x.mean(axis=0)


APART = {
    "batch normalization": {"net": serial(dense(2), batch_norm(momentum=0.9))},
    "dropout": {"net": serial(dropout(0.5), dense(2))},
    "noise": {"net": serial(gaussian_noise(0.5), dense(2))},
    "a layer of one's own": {"net": serial(layer(lambda key, shape: (), coupled), dense(2))},
    "a softmax": {"net": serial(dense(2), activation("softmax")), "loss": "squared_error"},
    "a loss of one's own": {"net": dense(2), "loss": lambda y, v: (y - y.mean(0)).sum(1) * v},
}


@pytest.mark.parametrize("case", APART)
def test_what_is_not_separable_is_computed_at_once(case: str) -> None:
    options: Any = dict(APART[case])
    net = options.pop("net")
    objective = make_objective(net, metrics=(), **options)
    assert not is_separable(objective)
    found = ENGINES["autodiff"](objective)
    assert in_parts(lambda _: found)(objective) is found


def test_less_than_two_parts_are_computed_at_once() -> None:
    few = examples(2 * PART - 1)
    for engine in ENGINES.values():
        found = [gradient(each, dense(2), few) for each in (engine, in_parts(engine))]
        jax.tree.map(np.testing.assert_array_equal, *found)


def test_on_other_devices_than_a_cpu_a_batch_is_computed_at_once() -> None:
    objective = make_objective(dense(2))
    engine = in_parts(ENGINES["by_hand"])(objective)
    trees = objective.network.init(KEY, (3,))
    traced = jax.jit(lambda batch: engine(*trees, batch, KEY, MANY)).trace(examples())
    loops = {
        platform: traced.lower(lowering_platforms=(platform,)).as_text().count("stablehlo.while")
        for platform in ("cpu", "cuda")
    }
    assert loops == {"cpu": 1, "cuda": 0}


def test_own_engines_and_batches_divided_among_devices_are_left_alone(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def divide(engine: GradientEngine) -> GradientEngine:
        divided.append(engine)
        return engine

    monkeypatch.setattr("jaxnet.training.program.in_parts", divide)
    mesh, own = make_mesh(jax.devices(), 1), lambda objective: ENGINES["autodiff"](objective)
    divided: list[GradientEngine] = []
    for gradient, devices in (("by_hand", mesh), (own, None), ("by_hand", None)):
        recipe = check_recipe(Recipe(dense(2), jaxnet.optim.sgd(0.1), gradient=gradient))
        recipe_step(recipe, recipe_objective(recipe), devices)
    assert divided == [ENGINES["by_hand"]]


def test_a_full_batch_is_trained_on_in_the_memory_of_parts() -> None:
    """At once, the hidden units of all examples are kept for the backward pass."""
    net, number = jaxnet.mlp((3, 200, 2)), 100 * PART
    hidden = 4 * 200 * number

    def memory(net: Layer) -> int:
        recipe = Recipe(net, jaxnet.optim.sgd(0.1))
        train = make_train(lambda: recipe, examples(number), epochs=1, batch_size=number)
        analysis: Any = jax.jit(train).lower(KEY, {}).compile().memory_analysis()
        return analysis.temp_size_in_bytes

    assert memory(net) < hidden < memory(serial(net, dropout(0.1)))
