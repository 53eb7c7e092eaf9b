"""Peers: libraries for tests that the README's two commands do not install."""

import os
from typing import Any

import pytest

PEERS = ("torch", "keras", "equinox", "onnx", "onnxruntime", "tensorflow_datasets", "sphinx")

peers = pytest.mark.peers
"""Marks a test that says more where a peer is installed; ``pytest -m peers`` runs these alone."""


def marks(*libraries: str) -> list[pytest.MarkDecorator]:
    """Return the marks of a test row that is held against these libraries."""
    return [peers] if set(libraries) & set(PEERS) else []


def need(package: str) -> Any:
    """Return the library, or skip the test and say why."""
    os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads it when it is imported
    return pytest.importorskip(package, exc_type=ModuleNotFoundError)
