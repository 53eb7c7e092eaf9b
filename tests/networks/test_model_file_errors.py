"""Errors of model files, on reading and on writing."""

import json
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from safetensors.numpy import save_file

from jaxnet.core.array_file import checksum
from jaxnet.core.errors import InputError, MissingPackageError
from jaxnet.core.trees import digest
from jaxnet.networks import load_model, mlp, save_model
from jaxnet.networks.model_file import MODEL_FILE
from tests.full_disk import full_disk
from tests.networks.models import assert_same, trained, written


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


def edited(
    content: bytes, change: Callable[[dict[str, Any]], None], *, sign: bool = False
) -> bytes:
    """Return a file with another header; signed if its checksum is to be right for that."""
    size = int.from_bytes(content[:8], "little")
    header = json.loads(content[8 : 8 + size])
    change(header)
    if sign:
        arrays = {
            name: np.frombuffer(
                content[8 + size :][slice(*entry["data_offsets"])], np.float32
            ).reshape(entry["shape"])
            for name, entry in header.items()
            if name != "__metadata__"
        }
        text = header["__metadata__"]["description"]
        header["__metadata__"]["sha256"] = checksum(MODEL_FILE, text, arrays)
    raw = json.dumps(header).encode()
    raw += b" " * (-len(raw) % 8)
    return len(raw).to_bytes(8, "little") + raw + content[8 + size :]


def metadata(**entries: str) -> Callable[[dict[str, Any]], None]:
    return lambda header: header["__metadata__"].update(entries)


def described(**entries: Any) -> Callable[[dict[str, Any]], None]:
    def change(header: dict[str, Any]) -> None:
        description = json.loads(header["__metadata__"]["description"])
        description["mlp"] |= entries
        header["__metadata__"]["description"] = json.dumps(description)

    return change


def flipped(content: bytes) -> bytes:
    return content[:-1] + bytes([content[-1] ^ 1])


def renamed(header: dict[str, Any]) -> None:
    header["params/9/bias"] = header.pop("params/0/bias")


WHOLE = "to be a whole safetensors file"
SHA = "to have the SHA-256 that it states"

BROKEN: dict[str, tuple[Callable[[bytes], bytes], str]] = {
    "empty": (lambda content: b"", WHOLE),
    "cut in the header": (lambda content: content[:40], WHOLE),
    "cut by a byte": (lambda content: content[:-1], WHOLE),
    "longer by a byte": (lambda content: content + b"x", WHOLE),
    "a picture": (lambda content: b"\x89PNG\r\n\x1a\n" + bytes(90), WHOLE),
    "a bit of an array": (flipped, SHA),
    "a name": (lambda content: edited(content, renamed), SHA),
    "the description": (lambda content: edited(content, described(activation="tanh")), SHA),
    "no checksum": (
        lambda content: edited(content, lambda h: h["__metadata__"].pop("sha256")),
        SHA,
    ),
    "no metadata": (
        lambda content: edited(content, lambda h: h.pop("__metadata__")),
        "to be a model file of jaxnet, got safetensors with format None",
    ),
    "of another library": (
        lambda content: edited(content, metadata(format="pt")),
        "to be a model file of jaxnet, got safetensors with format 'pt'",
    ),
    "of a later version": (
        lambda content: edited(content, metadata(format_version="2")),
        "of format version 1, got '2'. Load it with the jaxnet that wrote it, or a later one",
    ),
    "an unknown argument": (
        lambda content: edited(content, described(gating=True), sign=True),
        "options of mlp to be among",
    ),
    "an unknown activation": (
        lambda content: edited(content, described(activation="x"), sign=True),
        "expected activation to be one of",
    ),
    "another width": (
        lambda content: edited(content, described(widths=[3, 5, 6, 2]), sign=True),
        "params/2/weights of shape (6, 5), got (4, 5)",
    ),
    "a layer more": (
        lambda content: edited(
            content, described(widths=[3, 5, 4, 2, 2], drop_rate=[0, 0, 0]), sign=True
        ),
        "arrays without params/6/bias, params/6/weights",
    ),
    "standardization without moments": (
        lambda content: edited(content, described(standardize_like=True), sign=True),
        "arrays without params/1/bias",
    ),
    "another dtype": (
        lambda content: edited(content, described(dtype="float16"), sign=True),
        "params/0/weights of dtype float16, got float32. Cast it, or make the network with",
    ),
}


@pytest.mark.parametrize(("damage", "reason"), BROKEN.values(), ids=BROKEN.keys())
def test_a_file_that_is_not_right_is_refused_with_the_reason(
    damage: Callable[[bytes], bytes], reason: str, path: Path
) -> None:
    written(path)
    path.write_bytes(damage(path.read_bytes()))
    with pytest.raises(InputError) as refused:
        load_model(path)
    assert reason in str(refused.value)


def test_an_edit_that_changes_nothing_is_accepted(path: Path) -> None:
    saved = written(path)
    path.write_bytes(edited(path.read_bytes(), lambda header: None, sign=True))
    assert_same(load_model(path), *saved)


def test_a_plain_safetensors_file_is_refused(path: Path) -> None:
    save_file({"weights": np.ones(3)}, path)
    with pytest.raises(ValueError, match="to be a model file of jaxnet"):
        load_model(path)


def test_a_missing_file_and_a_folder_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="expected file to exist, got nothing"):
        load_model(tmp_path / "model.safetensors")
    with pytest.raises(ValueError, match="to be readable, got Is a directory"):
        load_model(tmp_path)


def test_a_pipe_is_not_waited_for(path: Path) -> None:
    os.mkfifo(path)
    with pytest.raises(ValueError, match=r"^expected .* to be a regular file, got .*, a pipe"):
        load_model(path)


def test_float64_needs_64_bits_switched_on(path: Path) -> None:
    with jax.enable_x64(True):
        written(path)
    with pytest.raises(TypeError, match="of a dtype that JAX has on, got float64"):
        load_model(path)


def test_arrays_and_a_given_network_must_belong_together(path: Path) -> None:
    written(path)
    with pytest.raises(ValueError, match=r"params/2/weights of shape \(7, 5\), got \(4, 5\)"):
        load_model(path, network=mlp((3, 5, 7, 2)))
    with pytest.raises(ValueError, match="in_shape to fit the network, got inputs of shape"):
        load_model(path, network=mlp((4, 5, 4, 2)))


def unsaved(**changes: Any) -> dict[str, Any]:
    network = mlp((3, 2))
    params, statistics = trained(network)
    return {"network": network, "params": params, "statistics": statistics, **changes}


def dense(**changes: Any) -> Any:
    (only,) = trained(mlp((3, 2)))[0]
    return (only._replace(**changes),)


REFUSED: dict[str, tuple[Callable[[], dict[str, Any]], str]] = {
    "shape": (lambda: unsaved(params=dense(bias=jnp.ones(3))), "params/0/bias of shape (2,), got"),
    "missing": (lambda: unsaved(params=dense(bias=None)), "got arrays without params/0/bias"),
    "dtype": (
        lambda: unsaved(params=dense(bias=jnp.ones(2, jnp.bfloat16))),
        "params/0/bias of dtype float32, got bfloat16",
    ),
    "a float": (lambda: unsaved(params=dense(bias=1.0)), "params/0/bias of one of the dtypes"),
    "a key": (
        lambda: unsaved(statistics=((jax.random.key(0),),)),
        "statistics/0/0 of one of the dtypes",
    ),
    "8 bits": (
        lambda: unsaved(params=dense(bias=jnp.ones(2, jnp.float8_e4m3fn))),
        "params/0/bias of one of the dtypes bfloat16,",
    ),
    "NaN": (
        lambda: unsaved(params=dense(bias=jnp.array([1.0, jnp.nan]))),
        "params/0/bias to be finite everywhere, got 1 NaN",
    ),
    "names": (
        lambda: unsaved(class_names=["a", "b", "c"]),
        "class_names to be 2, for outputs of shape (2,), got 3",
    ),
    "equal names": (
        lambda: unsaved(class_names=["a", "a"]),
        "class_names to differ, got ['a', 'a'",
    ),
    "a name and a number": (
        lambda: unsaved(class_names=["a", 1]),
        "class_names to be a sequence of strings, got ['a', 1]",
    ),
    "a name": (
        lambda: unsaved(class_names="ab"),
        "class_names to be a sequence of strings, got 'a",
    ),
    "no names": (lambda: unsaved(class_names=None), "to be a sequence of strings, got None"),
    "numbers": (lambda: unsaved(class_names=[0, 1]), "to be a sequence of strings, got [0, 1]"),
    "a size": (lambda: unsaved(in_shape=3), "in_shape to be a sequence of sizes, got 3"),
    "a size of text": (lambda: unsaved(in_shape=("3",)), "in_shape to be an integer, got '3'"),
    "a size of 0": (lambda: unsaved(in_shape=(0,)), "in_shape >= 1, got 0"),
    "a word": (lambda: unsaved(preprocessing="abc"), "preprocessing to be a mapping, got 'abc'"),
    "a list": (lambda: unsaved(training=[1]), "training to be a mapping, got [1]"),
    "two of one name": (
        lambda: unsaved(statistics={"a/b": jnp.ones(2), "a": {"b": jnp.zeros(2)}}),
        "arrays to have names that differ, got two called 'statistics/a/b'",
    ),
    "no JSON": (
        lambda: unsaved(training={"accuracy": np.float32(1)}),
        "to be JSON, got Object of type float32",
    ),
    "NaN in JSON": (
        lambda: unsaved(training={"loss": float("nan")}),
        "to be JSON, got Out of range float values",
    ),
}


@pytest.mark.parametrize(("make", "reason"), REFUSED.values(), ids=REFUSED.keys())
@pytest.mark.usefixtures("no_type_checks")
def test_arrays_that_cannot_be_loaded_are_not_saved(
    make: Callable[[], dict[str, Any]], reason: str, path: Path
) -> None:
    path.write_text("old")
    with pytest.raises(InputError) as refused:
        save_model(path, **make())
    assert reason in str(refused.value)
    assert path.read_text() == "old"


NOWHERE = {"": "to be a path, got ''", "a\0b": "to be a path, got 'a", ".": "Is a directory"}


@pytest.mark.parametrize(("place", "reason"), NOWHERE.items(), ids=repr)
def test_a_path_that_can_be_no_file_is_refused(
    place: str, reason: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(InputError) as refused:
        save_model(place, **unsaved())
    assert reason in str(refused.value)
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fills_up_leaves_the_old_file(path: Path) -> None:
    _, params, _ = written(path)
    large = mlp((300, 300))
    arrays = large.init(jax.random.key(0), (300,))
    message = r"to be writable, got '.*': File too large\. Make room"
    with full_disk(100_000), pytest.raises(ValueError, match=message):  # it fails on the way
        save_model(path, large, *arrays)
    assert digest(load_model(path).params) == digest(params)
    assert [file.name for file in path.parent.iterdir()] == [path.name]


def test_missing_place(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="No such file or directory"):
        written(tmp_path / "nowhere" / "model.safetensors")


def test_missing_safetensors(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "safetensors", None)
    monkeypatch.setitem(sys.modules, "safetensors.numpy", None)
    with pytest.raises(MissingPackageError, match="pip install safetensors"):
        written(path)
