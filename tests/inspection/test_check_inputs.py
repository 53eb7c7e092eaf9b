"""Inputs of instruments are checked, with errors that name them."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.errors import InputError
from jaxnet.data import Examples
from jaxnet.inspection import (
    activation_norms,
    check_gradients,
    features,
    flat_fractions,
    gradient_noise,
    gradient_norms,
    hessian_spectrum,
    hessian_vector_product,
    loss_line,
    map_batch_gradients,
    map_gradients,
    measured_variance,
    random_direction,
    tape,
)
from jaxnet.layers import activation, batch_norm, dense, serial
from tests.inspection.instruments.regressions import Here, classifier

pytestmark = pytest.mark.usefixtures("no_type_checks")

KEY = jax.random.key(0)
Call = Callable[..., Any]

instruments: Any = jaxnet.inspection
"""Called with what their annotations forbid."""


def of_network(instrument: Call) -> Call:
    """Return an instrument that takes a network and a batch in the form of the others."""

    def call(objective: Any, params: Any, statistics: Any, examples: Any, **more: Any) -> Any:
        network = getattr(objective, "network", None)
        return instrument(network, params, statistics, *examples, **more)

    return call


BATCHES = {"batch_size": 2, "draws": 2, "key": KEY}

INSTRUMENTS: dict[str, Call] = {
    "gradient_noise": gradient_noise,
    "map_gradients": lambda *here, **more: map_gradients(jnp.shape, *here, **more),
    "measured_variance": lambda *here, **more: measured_variance(*here, **BATCHES | more),
    "map_batch_gradients": lambda *here, **more: map_batch_gradients(
        lambda g: g, *here, **BATCHES | more
    ),
    "gradient_norms": gradient_norms,
    "hessian_spectrum": lambda *here, **more: hessian_spectrum(*here, **{"key": KEY} | more),
    "hessian_vector_product": lambda *here, **more: instruments.hessian_vector_product(
        *here, here[1], **more
    ),
    "loss_line": lambda *here, **more: instruments.loss_line(*here, here[1], **more),
    "loss_plane": lambda *here, **more: instruments.loss_plane(*here, (here[1], here[1]), **more),
}
"""Those that take a key and ``training``; they call themselves by these names."""

PLAIN: dict[str, Call] = {"activation_norms": activation_norms, "flat_fractions": flat_fractions}

OF_NETWORKS: dict[str, Call] = {
    "tape": of_network(tape),
    "features": of_network(lambda n, p, s, x, targets, **more: features(n, p, s, x, **more)),
    "check_gradients": of_network(check_gradients),
}

ALL = INSTRUMENTS | PLAIN | OF_NETWORKS


def here() -> Here:
    return classifier(dense(4), batch_norm(), activation("tanh"), dense(3))


def broadcast(params: Any) -> Any:
    """Return parameters that a layer adds without complaint: one bias for all units."""
    first, *others = params
    return (first._replace(bias=first.bias[:1]), *others)


@pytest.mark.parametrize("name", INSTRUMENTS | PLAIN)
def test_a_network_is_no_objective(name: str) -> None:
    known = here()
    with pytest.raises(InputError, match=r"^expected objective to be an Objective, got a L"):
        ALL[name](known.objective.network, *known[1:])


@pytest.mark.parametrize("name", INSTRUMENTS | PLAIN)
def test_a_pair_of_arrays_is_no_examples(name: str) -> None:
    known = here()
    with pytest.raises(InputError, match=r"^expected examples to be Examples, got a tuple"):
        ALL[name](*known[:3], tuple(known.examples))


@pytest.mark.parametrize("name", ALL)
@pytest.mark.parametrize(
    "change",
    [
        lambda params: (),
        lambda params: tuple(map(tuple, params)),
        lambda params: params[:3],
        broadcast,
        lambda params: jax.tree.map(lambda w: jnp.zeros(w.shape, jnp.int32), params),
    ],
    ids=["empty", "look-alike", "short", "broadcast", "integers"],
)
def test_parameters_of_another_network(name: str, change: Call) -> None:
    known = here()
    with pytest.raises(InputError, match=r"^expected params"):
        ALL[name](*known._replace(params=change(known.params)))


@pytest.mark.parametrize("name", ALL)
def test_statistics_of_another_network(name: str) -> None:
    known = here()
    with pytest.raises(InputError, match=r"^expected statistics to be a tree like"):
        ALL[name](*known._replace(statistics=((), (), (), ())))


@pytest.mark.parametrize("name", INSTRUMENTS | OF_NETWORKS)
@pytest.mark.parametrize("key", [0, jax.random.split(KEY, 2)], ids=["number", "two"])
def test_keys_that_are_none(name: str, key: Any) -> None:
    with pytest.raises(InputError, match=r"^expected key to be one PRNG key, got"):
        ALL[name](*here(), key=key)


@pytest.mark.parametrize("name", INSTRUMENTS | OF_NETWORKS)
def test_a_text_is_no_flag(name: str) -> None:
    with pytest.raises(InputError, match=r"^expected training to be a boolean, got 'no'"):
        ALL[name](*here(), training="no")


@pytest.mark.parametrize("name", OF_NETWORKS)
@pytest.mark.parametrize(
    ("inputs", "expected"),
    [
        ([[1.0, 2.0, 3.0]], "x to be an array, got a list"),
        (np.zeros((), np.float32), "x to have a first dimension of examples"),
    ],
    ids=["list", "scalar"],
)
def test_inputs_that_are_no_batch(name: str, inputs: Any, expected: str) -> None:
    known = here()
    with pytest.raises(InputError, match=f"^expected {expected}"):
        ALL[name](*known._replace(examples=Examples(inputs, known.examples.targets)))


def test_an_empty_batch_has_features_and_no_risk() -> None:
    known = here()
    empty = known._replace(examples=known.examples.take(slice(0, 0)))
    assert ALL["features"](*empty)["z1"].shape == (0, 4)
    for name in ("tape", "check_gradients"):
        with pytest.raises(InputError, match=r"^expected x to hold examples, got shape"):
            ALL[name](*empty)


@pytest.mark.parametrize("name", OF_NETWORKS)
def test_an_objective_is_no_network(name: str) -> None:
    known = here()
    with pytest.raises(InputError, match=r"^expected network to be a Layer, got a"):
        ALL[name](known._replace(objective=known), *known[1:])


@pytest.mark.parametrize("name", ["tape", "check_gradients"])
@pytest.mark.parametrize("targets", [np.full(37, 3), np.zeros(36, int), [0] * 37])
def test_targets_that_do_not_fit(name: str, targets: Any) -> None:
    known = here()
    with pytest.raises(InputError, match="targets"):
        ALL[name](*known._replace(examples=Examples(known.examples.inputs, targets)))


@pytest.mark.parametrize("name", ["tape", "check_gradients"])
def test_a_loss_that_averages(name: str) -> None:
    with pytest.raises(InputError, match="expected loss to give one value an example"):
        ALL[name](*here(), loss=lambda outputs, targets: jnp.mean(outputs))


def test_a_network_without_parameters() -> None:
    network = activation("tanh")
    objective = jaxnet.training.make_objective(network, "squared_error")
    examples = Examples(np.ones((4, 3), np.float32), np.zeros((4, 3), np.float32))
    bare = Here(objective, (), (), examples)
    with pytest.raises(InputError, match="expected params to hold parameters"):
        hessian_spectrum(*bare, key=KEY)
    assert [float(part) for part in gradient_noise(*bare)] == [0.0, 0.0]
    assert float(measured_variance(*bare, **BATCHES).value) == 0.0
    assert gradient_norms(*bare) == {}
    assert list(activation_norms(*bare)) == ["y0"]
    assert hessian_vector_product(*bare, ()) == ()
    assert len(set(loss_line(*bare, ()).risks.tolist())) == 1
    assert random_direction(KEY, ()) == ()
    assert [
        row.leaf for row in check_gradients(network, (), (), *examples, loss="absolute_error").rows
    ] == ["x"]
    pixels = Examples(np.ones((4, 3), np.uint8), examples.targets)
    empty = jaxnet.layers.rescale(1 / 255)
    with pytest.raises(InputError, match="expected params to hold parameters"):
        check_gradients(empty, (), (), *pixels, loss="squared_error")


def test_instruments_take_numpy_arrays_and_lists_of_positions() -> None:
    known = here()
    plain = known._replace(
        params=jax.tree.map(np.asarray, known.params),
        statistics=jax.tree.map(np.asarray, known.statistics),
        examples=jax.tree.map(lambda field: np.asarray(field, order="F"), known.examples),
    )
    wide = jax.tree.map(lambda w: np.asarray(w, np.float64), known.params)
    assert float(gradient_noise(*plain).variance) == float(gradient_noise(*known).variance)
    product = hessian_vector_product(*plain, wide)
    expected = hessian_vector_product(*known, known.params)
    assert jax.tree.all(jax.tree.map(np.array_equal, product, expected))
    line = instruments.loss_line(*plain, wide, positions=[0, 1])
    assert line.positions.dtype == np.float32
    assert line.risks.tolist()[0] == pytest.approx(line.risks.tolist()[1])
    assert check_gradients(plain.objective.network, *plain[1:3], *plain.examples).agrees


def test_a_network_whose_parameters_numpy_makes_has_features() -> None:
    layer = dense(3)
    params, _ = layer.init(jax.random.key(0), (4,))

    def init(key: Any, in_shape: Any) -> Any:
        return jax.tree.map(np.asarray, layer.init(key, in_shape)[0]), ()

    x = jnp.ones((2, 4), jnp.result_type(float))
    made_by_numpy = jaxnet.inspection.features(layer._replace(init=init), params, (), x)
    np.testing.assert_array_equal(made_by_numpy["z1"], layer.apply(params, (), x)[0])


def test_nothing_is_kept_of_a_network_that_is_traced() -> None:
    def total(slope: Any) -> Any:
        network = serial(dense(5), activation("leaky_relu", negative_slope=slope))
        params, statistics = network.init(jax.random.key(0), (4,))
        x = jnp.ones((2, 4), jnp.result_type(float))
        return jaxnet.inspection.features(network, params, statistics, x)["y1"].sum()

    with jax.checking_leaks():
        assert jnp.isfinite(jax.jit(total)(0.1))
