"""Model files with a valid checksum and invalid content."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from jaxnet.networks import load_model
from tests.networks.models import written
from tests.networks.test_model_file_errors import edited, metadata


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "model.safetensors"


SAID: dict[str, tuple[dict[str, Any], str]] = {
    "class names": ({"class_names": [1, 2]}, "class_names to be a sequence of strings, got [1, 2]"),
    "as many as outputs": (
        {"class_names": ["a"]},
        "class_names to be 2, for outputs of shape (2,)",
    ),
    "a class's name": ({"class_names": "ab"}, "class_names to be a sequence of strings, got 'ab'"),
    "in_shape": ({"in_shape": 3}, "in_shape to be a sequence of sizes, got 3"),
    "a size": ({"in_shape": [3.5]}, "in_shape to be an integer, got 3.5"),
    "preprocessing": ({"preprocessing": [1]}, "preprocessing to be a mapping, got [1]"),
    "version": ({"jaxnet_version": 1}, "jaxnet_version to be a string, got 1"),
    "arguments": ({"mlp": [3, 2]}, "list"),
    "widths": ({"mlp": {"widths": "ab"}}, "be interpreted as an integer"),
    "no widths": ({"mlp": {"activation": "relu"}}, "a description without 'widths'"),
}


@pytest.mark.parametrize(("said", "reason"), SAID.values(), ids=SAID.keys())
@pytest.mark.usefixtures("no_type_checks")
def test_invalid_content(said: dict[str, Any], reason: str, path: Path) -> None:
    def change(header: dict[str, Any]) -> None:
        description = json.loads(header["__metadata__"]["description"]) | said
        header["__metadata__"]["description"] = json.dumps(description)

    written(path)
    path.write_bytes(edited(path.read_bytes(), change, sign=True))
    with pytest.raises(ValueError, match=r"expected .* to describe a model") as refused:
        load_model(path)
    assert reason in str(refused.value)
    assert str(path) in str(refused.value)


@pytest.mark.parametrize("name", ["jaxnet_version", "in_shape", "class_names", "training", "mlp"])
def test_missing_entries_are_named(name: str, path: Path) -> None:
    def change(header: dict[str, Any]) -> None:
        description = json.loads(header["__metadata__"]["description"])
        del description[name]
        header["__metadata__"]["description"] = json.dumps(description)

    written(path)
    path.write_bytes(edited(path.read_bytes(), change, sign=True))
    with pytest.raises(ValueError, match=f"to describe a model, got .* without '{name}'"):
        load_model(path)


@pytest.mark.parametrize("text", ["[]", "{", "3"])
def test_a_description_is_an_object_of_json(text: str, path: Path) -> None:
    written(path)
    signed = edited(path.read_bytes(), metadata(description=text), sign=True)
    path.write_bytes(signed)
    with pytest.raises(ValueError, match=r"model\.safetensors to hold a description in JSON, got"):
        load_model(path)


def test_weights_that_are_not_finite_are_not_loaded(path: Path) -> None:
    written(path)
    content = bytearray(path.read_bytes())
    content[-4:] = np.float32("inf").tobytes()
    path.write_bytes(edited(bytes(content), lambda header: None, sign=True))
    with pytest.raises(
        ValueError, match=r"of '.*model\.safetensors' to be finite everywhere, got 1"
    ):
        load_model(path)
