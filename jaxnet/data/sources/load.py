"""Data sets by name, and the directory of their files."""

import os
from collections.abc import Callable
from pathlib import Path

from jaxnet.core.checks import check_choice
from jaxnet.data.sources.dataset import Dataset
from jaxnet.data.sources.digits import load_digits, load_digits_by_writer
from jaxnet.data.sources.mnist import RELATIVES, load_mnist, load_relative

_DIGIT_NAMES = tuple("0123456789")


def _digits(data_dir: Path) -> Dataset:
    del data_dir
    caveat = "by writers of the training images"
    return Dataset("digits", *load_digits(), _DIGIT_NAMES, (8, 8), 16, caveat)


def _digits_by_writer(data_dir: Path) -> Dataset:
    del data_dir
    return Dataset("digits_by_writer", *load_digits_by_writer(), _DIGIT_NAMES, (8, 8), 16)


def _mnist(data_dir: Path) -> Dataset:
    return Dataset("mnist", *load_mnist(data_dir / "mnist"), _DIGIT_NAMES, (28, 28), 255)


def _relative(name: str) -> Callable[[Path], Dataset]:
    def load(data_dir: Path) -> Dataset:
        archives = RELATIVES[name]
        parts = load_relative(data_dir / name, archives)
        return Dataset(name, *parts, archives.class_names, (28, 28), 255)

    return load


DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "digits": _digits,
    "digits_by_writer": _digits_by_writer,
    "mnist": _mnist,
    **{name: _relative(name) for name in RELATIVES},
}
"""Name -> loader ``data_dir -> Dataset``."""


def load_dataset(name: str, *, data_dir: str | Path | None = None) -> Dataset:
    """Load a data set by name.

    Args:
        name: one of `DATASETS`. ``"digits"``, split at random, and ``"digits_by_writer"``, tested
            on other writers than trained on, see `jaxnet.data.sources.digits`, are embedded;
            ``"mnist"``, split by writer, too, ``"fashion_mnist"`` and ``"kmnist"`` are four files
            each.
        data_dir: where the files are, see `data_directory`.

    Raises:
        ValueError: for an unknown name, or damaged or foreign files.
        FileNotFoundError: if files are missing; the message names their place.

    >>> digits = load_dataset("digits")
    >>> digits.train.inputs.shape, digits.test.inputs.shape
    ((1438, 64), (359, 64))
    """
    return check_choice("name", name, DATASETS)(data_directory(data_dir))


def data_directory(data_dir: str | Path | None = None) -> Path:
    """Return the data directory: ``data_dir``, else ``$JAXNET_DATA``, else the user's cache.

    The user's cache is ``$XDG_CACHE_HOME/jaxnet``, or ``~/.cache/jaxnet``.
    """
    if data_dir is not None:
        return Path(data_dir).expanduser()
    if os.environ.get("JAXNET_DATA"):
        return Path(os.environ["JAXNET_DATA"]).expanduser()
    cache = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(cache).expanduser() / "jaxnet"
