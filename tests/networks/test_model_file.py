"""Model files: bitwise round trips."""

import hashlib
import importlib.metadata
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
import safetensors
from safetensors.numpy import load_file

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.core.types import Layer
from jaxnet.networks import load_model, mlp, save_model
from tests.networks.models import assert_same, trained, written

EXAMPLES = np.array([[1.0, 5.0, 2.0], [3.0, 5.0, 7.0], [2.0, 5.0, 0.5]])

NETWORKS: dict[str, dict[str, Any]] = {
    "plain": {},
    "scaled pixels": {"input_scale": 1 / 255, "activation": "gelu"},
    "standardized": {"standardize_like": EXAMPLES},
    "batch norm": {"batch_norm": "before", "batch_norm_convention": "keras"},
    "standardized, batch norm": {"standardize_like": EXAMPLES, "batch_norm": "after"},
    "dropout": {"drop_rate": (0.5, 0.25), "input_drop_rate": 0.2, "dropout_form": "lecture"},
    "active units": {"active_units": jnp.int32(3), "input_noise": 0.1},
    "array of a rate": {"drop_rate": jnp.float32(0.3)},
    "head": {"head": "multiclass", "initializer": "orthogonal"},
}


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


@pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS.keys())
def test_round_trip_is_bitwise(options: dict[str, Any], path: Path, dtype: np.dtype) -> None:
    saved = written(path, **options)
    model = load_model(path)
    assert {leaf.dtype for leaf in jax.tree.leaves(model.params)} == {dtype}
    assert_same(model, *saved)


@pytest.mark.parametrize("options", NETWORKS.values(), ids=NETWORKS.keys())
def test_bfloat16_comes_back_too(options: dict[str, Any], path: Path) -> None:
    saved = written(path, dtype=jnp.bfloat16, **options)
    model = load_model(path)
    assert {leaf.dtype for leaf in jax.tree.leaves(model.params)} == {jnp.dtype(jnp.bfloat16)}
    assert_same(model, *saved)


def test_float32_stays_float32_where_float64_is_the_default(path: Path) -> None:
    network, params, statistics = written(path, batch_norm="before", input_scale=0.25)
    x = jnp.ones((2, 3), jnp.float32)
    before = network.apply(params, statistics, x)[0]
    with jax.enable_x64(True):
        model = load_model(path)
        after = model.network.apply(model.params, model.statistics, x)[0]
        assert digest((after, model.params)) == digest((before, params))


def test_the_loaded_network_starts_from_the_same_moments(path: Path) -> None:
    written(path, standardize_like=EXAMPLES)
    stated = load_model(path).statistics[0]
    fresh = load_model(path).network.init(jax.random.key(1), (3,))[1][0]
    np.testing.assert_allclose(fresh.mean, stated.mean, rtol=1e-6)
    np.testing.assert_allclose(fresh.std, stated.std, rtol=1e-6)


def test_another_library_finds_the_arrays_by_their_paths(path: Path) -> None:
    _, params, _ = written(path, batch_norm="before")
    arrays = load_file(path)
    assert {name for name in arrays if name.startswith("statistics")} == {
        f"statistics/{place}/{field}" for place in (1, 4) for field in ("mean", "variance")
    }
    np.testing.assert_array_equal(arrays["params/0/weights"], params[0].weights)


@pytest.mark.usefixtures("no_type_checks")
def test_class_names_may_be_an_array_and_a_shape_a_list(path: Path) -> None:
    network = mlp((3, 2))
    names: Any = np.array(["no", "yes"])
    save_model(path, network, *trained(network), in_shape=[3], class_names=names)  # pyright: ignore
    model = load_model(path)
    assert (model.class_names, model.in_shape) == (("no", "yes"), (3,))
    assert {type(name) for name in model.class_names} == {str}


def test_metadata_round_trip(path: Path) -> None:
    network = mlp((3, 2))
    said: dict[str, Any] = {
        "class_names": ("Ä", "b\n"),
        "preprocessing": {"image_shape": [1, 3]},
        "training": {"dataset": "digits", "accuracy": 0.1 + 0.2, "epochs": 3, "note": None},
    }
    save_model(path, network, *trained(network), **said)
    model = load_model(path)
    assert (model.class_names, model.preprocessing, model.training) == tuple(said.values())
    assert model.jaxnet_version == jaxnet.__version__


def test_arrays_in_another_order_of_memory_keep_their_entries(path: Path) -> None:
    network = mlp((3, 2))
    params, statistics = trained(network)
    turned = (params[0]._replace(weights=np.asfortranarray(params[0].weights)),)
    save_model(path, network, turned, statistics)
    assert digest(load_model(path).params) == digest(params)


UNDESCRIBED: dict[str, tuple[Callable[[], Layer], str]] = {
    "other layers": (
        lambda: jaxnet.layers.serial(jaxnet.layers.dense(2), jaxnet.layers.maxout(2, pieces=3)),
        "because mlp did not make it",
    ),
    "a function": (
        lambda: mlp((3, 4, 2), activation=lambda z: z * z),
        "because its activation is not given by name",
    ),
    "an initializer": (
        lambda: mlp((3, 4, 2), initializer=lambda key, shape, dtype: jnp.ones(shape, dtype)),
        "because its initializer is not given by name",
    ),
    "a head": (
        lambda: mlp((3, 4, 2), head=jaxnet.networks.bounded_regression(-2, 5)),
        "because its head is not given by name",
    ),
}


@pytest.mark.parametrize(("make", "reason"), UNDESCRIBED.values(), ids=UNDESCRIBED.keys())
def test_a_network_without_description_is_loaded_by_giving_it(
    make: Callable[[], Layer], reason: str, path: Path
) -> None:
    network = make()
    params, statistics = trained(network)
    save_model(path, network, params, statistics, in_shape=(3,))
    with pytest.raises(ValueError, match=reason):
        load_model(path)
    assert_same(load_model(path, network=network), network, params, statistics)


def test_other_networks_need_in_shape(path: Path) -> None:
    network = jaxnet.layers.serial(jaxnet.layers.dense(2))
    with pytest.raises(ValueError, match=r"expected in_shape to be given, got None\."):
        save_model(path, network, *trained(network))


def test_a_single_output_has_two_classes(path: Path) -> None:
    network = mlp((3, 1), head="binary")
    save_model(path, network, *trained(network), class_names=("no", "yes"))
    assert load_model(path).class_names == ("no", "yes")


def test_the_checksum_is_the_stated_function_of_the_content(path: Path) -> None:
    written(path)
    with safetensors.safe_open(path, framework="np") as file:
        stated = file.metadata()
        arrays = {name: file.get_tensor(name) for name in sorted(file.keys())}
    sha = hashlib.sha256(f"jaxnet 1\n{stated['description']}\n".encode())
    for name, array in arrays.items():
        sha.update(f"{name} {array.dtype.name} {list(array.shape)}\n".encode() + array.tobytes())
    assert stated["sha256"] == sha.hexdigest()


def test_the_version_is_that_of_the_package() -> None:
    assert importlib.metadata.version("jaxnet") == jaxnet.__version__
