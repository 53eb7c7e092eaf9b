"""Small folders as tensorflow-datasets prepares them, without TensorFlow."""

import io
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from tests.peers import need

IMAGES = np.random.default_rng(0).integers(0, 256, (60, 4, 5, 1), dtype=np.uint8)
LABELS = [n % 3 for n in range(len(IMAGES))]


def prepare(root: Path, name: str = "tiny", **options: Any) -> Path:
    """Write splits train, of `IMAGES`, and test, of the same in reverse; return their folder.

    Args:
        root: folder to write in.
        name: of the data set.
        options: as of tensorflow-datasets' DatasetInfo; features say how images are stored.
    """
    tfds = need("tensorflow_datasets")
    features = {"image": png(), "label": label()} | options.pop("features", {})

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # pyright: ignore
        VERSION = tfds.core.Version("3.0.1")

        def _info(self) -> Any:
            kind = tfds.features.FeaturesDict(features)
            return tfds.core.DatasetInfo(builder=self, features=kind, **options)

        def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
            return {"train": self._generate_examples(1), "test": self._generate_examples(-1)}

        def _generate_examples(self, step: int) -> Iterator[tuple[int, dict[str, Any]]]:
            for number, (image, n) in enumerate(zip(IMAGES[::step], LABELS[::step], strict=True)):
                yield number, {"image": encoded(features["image"], image), "label": n}

    Builder.name = name
    tfds.disable_progress_bar()
    builder = Builder(data_dir=root, file_format="array_record")
    builder.download_and_prepare()
    return Path(builder.data_dir)


def png() -> Any:
    """Return the feature of an image as a PNG file, as tensorflow-datasets' own sets have it."""
    return need("tensorflow_datasets").features.Image(shape=IMAGES.shape[1:])


def tensor(encoding: str) -> Any:
    """Return the feature of an image as an array."""
    features = need("tensorflow_datasets").features
    return features.Tensor(shape=IMAGES.shape[1:], dtype=np.uint8, encoding=encoding)


def label() -> Any:
    """Return the feature of a label."""
    return need("tensorflow_datasets").features.ClassLabel(names=["a", "b", "c"])


def encoded(feature: Any, image: np.ndarray) -> Any:
    """Return an image in the form that a builder takes; an array takes TensorFlow to encode."""
    if type(feature).__name__ != "Image":
        return image
    file = io.BytesIO()
    Image.fromarray(image[..., 0]).save(file, "png")
    return file.getvalue()


def records(folder: Path, split: str = "test") -> Path:
    """Return the only file of records of a split."""
    (path,) = folder.glob(f"*-{split}.array_record-*")
    return path


@pytest.fixture(scope="session")
def tiny(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a prepared folder, not to be changed."""
    return prepare(tmp_path_factory.mktemp("tiny"))
