"""Model files: a trained network with its arrays and metadata.

The arrays have the paths that they have in the trees, such as ``params/1/weights`` in
``(out, in)``; the format is that of `jaxnet.core.array_file`.
"""

import contextlib
import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.array_file import FileKind, pack, storable, unpack
from jaxnet.core.checks import (
    check_choice,
    check_finite,
    check_like,
    check_names,
    require,
    require_type,
)
from jaxnet.core.errors import InvalidValueError, invalid_value
from jaxnet.core.files import check_path, write_atomically
from jaxnet.core.types import Layer, Params, Shape, Statistics
from jaxnet.core.version import VERSION
from jaxnet.data.preparation import Fitted, from_json, to_json
from jaxnet.networks.arguments import arguments_of, network_of
from jaxnet.networks.heads import head_of
from jaxnet.networks.model import HEADS_WITHOUT_SETTINGS, Model, resolve_head
from jaxnet.networks.model_metadata import check_class_names, check_input_shape, check_mapping

MODEL_FILE = FileKind(
    name="jaxnet",
    version=1,
    noun="a model file",
    remedy="The file is truncated, altered or of another kind; fetch or save it again.",
)


def save_model(
    path: str | Path,
    network: Layer,
    params: Params,
    statistics: Statistics,
    *,
    in_shape: Shape | None = None,
    class_names: Sequence[str] | np.ndarray = (),
    head: str | None = None,
    inputs: Fitted | None = None,
    outputs: Fitted | None = None,
    preprocessing: Mapping[str, Any] | None = None,
    training: Mapping[str, Any] | None = None,
) -> Path:
    """Save a trained network to a file, atomically; an old one is replaced.

    A network that `mlp` made of names and numbers is saved as its arguments. Of other networks only
    the arrays are saved, with the reason, and loading requires the network.

    Args:
        path: the file; ``.safetensors`` is the usual suffix. Symbolic links are followed.
        network: the network.
        params: its parameters, finite.
        statistics: its statistics, finite.
        in_shape: shape of one input; may be left out for a network by `mlp`.
        class_names: name of each label: one per output, two for a single output; no two are
            equal.
        head: what the outputs mean, ``"binary"``, ``"multiclass"`` or ``"regression"``; by default
            the network's own head, see `Model`.
        inputs: preparation of raw rows, as ``dataset.table.inputs`` of a table; `Model.predict`
            applies it.
        outputs: preparation of the targets of a regression, as ``dataset.table.outputs``;
            `Model.predict` inverts it.
        preprocessing: conversion of raw data to inputs, of JSON types.
        training: data set, epochs, accuracy, ..., of JSON types.

    Returns:
        The path.

    Raises:
        ValueError: for arrays that are not the network's or not finite, or two of one name;
            another number of class names than of outputs, values of other types than JSON's, or
            a file that cannot be written.
        TypeError: for arrays of another dtype than the network's or one that files do not support,
            or arguments of a wrong type.
        ImportError: if safetensors is not installed.

    >>> import tempfile
    >>> from jaxnet.networks import mlp
    >>> network = mlp((2, 3, 2), activation="tanh")
    >>> path = Path(tempfile.mkdtemp()) / "model.safetensors"
    >>> params, statistics = network.init(jax.random.key(0), (2,))
    >>> path = save_model(path, network, params, statistics, class_names=("no", "yes"))
    >>> model = load_model(path)
    >>> (
    ...     model.class_names,
    ...     model.in_shape,
    ...     bool((model.params[0].weights == params[0].weights).all()),
    ... )
    (('no', 'yes'), (2,), True)
    """
    path = check_path("path", path)
    arguments, reason = arguments_of(network, params)
    in_shape = check_input_shape(_input_shape(arguments, in_shape))
    named = _names(params, statistics)
    arrays = {name: storable(name, array) for name, array in named.items()}
    made = network if arguments is None else _rebuilt(arguments, arrays)
    _check_arrays(shapes_of("in_shape", made, in_shape), arrays, "Go back to a state before.")
    names = check_class_names(class_names, network.out_shape(in_shape))
    _check_head(head, network)
    text = _json(
        {
            "jaxnet_version": VERSION,
            "mlp": arguments,
            "why_not_mlp": reason,
            "in_shape": list(in_shape),
            "class_names": names,
            "head": head,
            "inputs": None if inputs is None else to_json(inputs),
            "outputs": None if outputs is None else to_json(outputs),
            "preprocessing": check_mapping("preprocessing", preprocessing),
            "training": check_mapping("training", training),
        }
    )
    content = pack(MODEL_FILE, text, arrays)
    remedy = "Make room, or choose another place."
    return write_atomically(path, lambda file: file.write_bytes(content), remedy=remedy)


def load_model(path: str | Path, *, network: Layer | None = None) -> Model:
    """Read a trained network that `save_model` wrote, bit for bit.

    No code in the file is run, and the checksum is verified first.

    Args:
        path: the file.
        network: network of the arrays; by default the one that the file describes.

    Returns:
        The model; ``model.predict(rows)`` gives its answers, and
        ``jaxnet.training.predict(model.network, model.params, model.statistics, x)`` its outputs.

    Raises:
        FileNotFoundError: if there is no such file.
        ValueError: for a file that is truncated, altered, of another kind or a later version, one
            that does not describe its network if none is given or describes none that can be, or
            arrays that do not fit it or are not finite.
        TypeError: for arrays of another dtype than the network's, or one that JAX has switched
            off.
        ImportError: if safetensors is not installed.
    """
    path = check_path("path", path)
    described, arrays = unpack(MODEL_FILE, path)
    remedy = 'Call jax.config.update("jax_enable_x64", True) first.'
    for name in sorted({array.dtype.name for array in arrays.values()}):
        on = jax.dtypes.canonicalize_dtype(name) == name
        require_type(on, "arrays", "of a dtype that JAX has on", name, remedy)
    remedy = "Pass the network that was saved: load_model(path, network=...)."
    actual = f"one of which it holds the arrays alone, because {described.get('why_not_mlp')}"
    known = network is not None or described.get("mlp", ...) is not None
    require(known, str(path), "to describe its network", actual, remedy)
    with _naming(path):
        network = network or _rebuilt(described["mlp"], arrays)
        in_shape = check_input_shape(described["in_shape"])
        preprocessing = check_mapping("preprocessing", described["preprocessing"])
        training = check_mapping("training", described["training"])
        version = described["jaxnet_version"]
        require_type(isinstance(version, str), "jaxnet_version", "to be a string", repr(version))
    template = shapes_of("in_shape", network, in_shape)
    _check_arrays(template, arrays, MODEL_FILE.remedy, f" of '{path}'")
    with _naming(path):
        out_shape = network.out_shape(in_shape)
        names = check_class_names(described["class_names"], out_shape)
        inputs, outputs = (
            None if (given := described.get(name)) is None else from_json(given)
            for name in ("inputs", "outputs")
        )
        _check_head(described.get("head"), network)
    trees = _filled(template, arrays)
    metadata = in_shape, names, preprocessing, training, version
    model = Model(network, *trees, *metadata, inputs, outputs)
    return model._replace(head=resolve_head(model, described.get("head")))


def _check_head(head: str | None, network: Layer) -> None:
    if head is not None:
        check_choice("head", head, HEADS_WITHOUT_SETTINGS)
        own = head_of(network)
        good, actual = own is None or own.name == head, repr(head)
        require(good, "head", f"to be the network's own, {own and own.name!r}", actual)


@contextlib.contextmanager
def _naming(path: Path) -> Iterator[None]:
    """Convert errors from untrusted file content to errors that name the file."""
    try:
        yield
    except Exception as error:  # invalid arguments of a network may raise any error
        missing = f"a description without {error}"
        actual = missing if isinstance(error, KeyError) else str(error).rstrip(".")
        remedy = MODEL_FILE.remedy
        raise invalid_value(str(path), "to describe a model", actual, remedy) from error


class _Trees(NamedTuple):
    """Saved trees, or their shapes and dtypes; field names prefix the arrays' names."""

    params: Any
    statistics: Any


def _names(params: Any, statistics: Any) -> dict[str, Any]:
    """Map paths such as ``params/0/weights`` to the leaves of both trees."""
    named: dict[str, Any] = {}
    for path, leaf in jax.tree_util.tree_leaves_with_path(_Trees(params, statistics)):
        name = jax.tree_util.keystr(path, simple=True, separator="/")
        actual, remedy = f"two called {name!r}", "Avoid / in keys."
        require(name not in named, "arrays", "to have names that differ", actual, remedy)
        named[name] = leaf
    return named


def _filled(template: _Trees, arrays: Mapping[str, np.ndarray]) -> _Trees:
    values = [jnp.asarray(arrays[name]) for name in _names(*template)]
    return jax.tree.unflatten(jax.tree.structure(template), values)


def _input_shape(arguments: Mapping[str, Any] | None, in_shape: Shape | None) -> Shape:
    remedy = "Only networks made by mlp have a default."
    known = in_shape is not None or arguments is not None
    require(known, "in_shape", "to be given", None, remedy)
    return in_shape if in_shape is not None else tuple((arguments or {})["widths"][:1])


def _rebuilt(arguments: Mapping[str, Any], arrays: Mapping[str, np.ndarray]) -> Layer:
    none = np.zeros(arguments["widths"][:1])  # missing arrays are reported later, by name
    mean = arrays.get("statistics/0/mean", none)
    return network_of(arguments, mean=mean, std=arrays.get("statistics/0/std", none))


def shapes_of(argument: str, network: Layer, in_shape: Shape) -> _Trees:
    """Return shapes and dtypes of a network's parameters and statistics.

    Args:
        argument: of which the shape of one input is.
        network: the network.
        in_shape: shape of one input.

    Raises:
        ValueError: if the network does not take such inputs.
    """
    try:
        return _Trees(*jax.eval_shape(lambda key: network.init(key, in_shape), jax.random.key(0)))
    except InvalidValueError as error:
        remedy, actual = f"The network's error: {error}", f"inputs of shape {in_shape}"
        raise invalid_value(argument, "to fit the network", actual, remedy) from error


def _check_arrays(
    template: _Trees, arrays: Mapping[str, np.ndarray], remedy: str, of: str = ""
) -> None:
    expected, together = _names(*template), "Arrays and network must belong together."
    check_names("arrays", expected, arrays, together)
    for name, like in expected.items():
        check_like(name, arrays[name], like, together)
    for name, array in arrays.items():
        check_finite(name + of, array, remedy)


def _json(description: Mapping[str, Any]) -> str:
    try:
        return json.dumps(description, allow_nan=False, sort_keys=True)
    except (TypeError, ValueError) as error:
        raise invalid_value("preprocessing and training", "to be JSON", error) from error
