"""How long does it take to prepare a data set for tensorflow-datasets, without TensorFlow?

Writes TO/jaxnet_NAME/1.0.0 from the original files, in their order, byte for byte: one record an
example, in array_record files that tensorflow-datasets reads at random, and reads all of it back.
A run that is killed leaves no such folder; the next one starts again. A folder that is there
already is compared with the files.
"""

import contextlib
import dataclasses
import hashlib
import importlib
import io
import os
import shutil
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Any

import filelock
import numpy as np
import tyro

from experiments.harness.command import run_command
from experiments.harness.progress import progress
from experiments.harness.record import Claim, at_most, conclude, prepare_folder
from jaxnet.core.checks import require
from jaxnet.core.errors import invalid_value, missing_package
from jaxnet.data import Dataset, Examples, data_directory, load_dataset, load_prepared

VERSION, SPLITS = "1.0.0", ("train", "test")
SLOWEST = {"mnist": 15.0}
"""Name -> the most seconds that preparing may take."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    name: Annotated[str, tyro.conf.Positional] = "digits"
    """Name of a data set, as for learning_curves --dataset."""
    data_dir: Path | None = None
    """Folder that holds the folder of its files; by default $JAXNET_DATA, else the cache."""
    to: Path | None = None
    """Folder that takes the prepared set; by default the folder tfds in --data-dir."""
    out: Path = Path("out/prepare_data")
    """Folder for result.json."""


SMOKE = Config(to=Path("out/prepare_data"))


def main(config: Config) -> list[Claim]:
    """Prepare the data set unless it is there, read it back, and write the record."""
    tfds = _package()
    prepare_folder(config.out)
    dataset = load_dataset(config.name, data_dir=config.data_dir)
    to = config.to or data_directory(config.data_dir) / "tfds"
    folder = to / f"jaxnet_{dataset.name}" / VERSION
    start = time.perf_counter()
    with _alone(folder) as staging:
        found = folder.exists()
        if not found:
            check_equal(write(tfds, dataset, staging), dataset)
            folder.parent.mkdir(exist_ok=True)
            os.replace(staging / folder.parent.name / VERSION, folder)
        else:
            check_equal(folder, dataset)
    seconds = time.perf_counter() - start
    results = {
        "folder": folder,
        "found": found,
        "seconds": seconds,
        "examples": sum(len(part.targets) for part in (dataset.train, dataset.test)),
        "bytes": sum(path.stat().st_size for path in folder.iterdir()),
        "sha256": digest(dataset),
    }
    print(
        f"{'found' if found else 'prepared'} {folder} in {seconds:.1f} s, equal to the files:",
        f"{results['examples']:,} examples, {results['bytes']:,} bytes",
        f"SHA-256 of their inputs and targets {results['sha256']}",
        f"read it by jaxnet.data.load_prepared({str(folder)!r})",
        sep="\n",
    )
    claims = []
    if not found and dataset.name in SLOWEST:
        statement = f"seconds to prepare {dataset.name}"
        claims.append(at_most(statement, "the aim", seconds, SLOWEST[dataset.name]))
    return conclude(config, seeds=[], results=results, claims=claims)


@contextlib.contextmanager
def _alone(folder: Path) -> Iterator[Path]:
    """Yield an empty folder to write in, for one process at a time; remove it at the end."""
    name = f".{folder.parent.name}"
    prepare_folder(folder.parents[1], option="--to")
    staging = folder.parents[1] / f"{name}.incomplete"
    try:
        with filelock.FileLock(staging.with_name(f"{name}.lock"), blocking=False):
            shutil.rmtree(staging, ignore_errors=True)  # of a run that was killed
            try:
                yield staging
            finally:
                shutil.rmtree(staging, ignore_errors=True)
    except filelock.Timeout as error:
        expected = "to be prepared by one process at a time"
        raise invalid_value(str(folder), expected, "another one at work") from error


def write(tfds: Any, dataset: Dataset, data_dir: Path) -> Path:
    """Write a data set as array_record files below a folder, and return theirs."""
    image = {"shape": dataset.image_shape, "dtype": dataset.train.inputs.dtype}

    class Builder(tfds.core.GeneratorBasedBuilder, skip_registration=True):  # pyright: ignore
        name = f"jaxnet_{dataset.name}"
        VERSION = tfds.core.Version(VERSION)

        def _info(self) -> Any:
            features = {
                "image": tfds.features.Tensor(**image, encoding="bytes"),
                "label": tfds.features.ClassLabel(names=list(dataset.class_names)),
            }
            return tfds.core.DatasetInfo(
                builder=self,
                description=f"{dataset.name}, in the order of its files.",
                features=tfds.features.FeaturesDict(features),
                supervised_keys=("image", "label"),
                metadata=tfds.core.MetadataDict(pixel_max=dataset.pixel_max),
                disable_shuffling=True,
            )

        def _split_generators(self, dl_manager: Any) -> dict[str, Any]:
            del dl_manager
            return {split: self._generate_examples(split) for split in SPLITS}

        def _generate_examples(self, split: str) -> Iterator[tuple[int, dict[str, Any]]]:
            examples: Examples = getattr(dataset, split)
            images = examples.inputs.reshape(-1, *dataset.image_shape)
            rows = zip(images, examples.targets.tolist(), strict=True)
            for number, (pixels, label) in enumerate(progress(split, rows, total=len(images))):
                yield number, {"image": pixels, "label": label}

    tfds.disable_progress_bar()
    builder = Builder(data_dir=data_dir, file_format="array_record")
    try:
        with contextlib.redirect_stdout(io.StringIO()):  # it says what main says
            builder.download_and_prepare()
    except RuntimeError as error:  # of array_record, such as a full disk
        remedy = "Make room, or choose another by --to DIR."
        raise invalid_value("folder", "to be writable", f"'{data_dir}': {error}", remedy) from error
    return Path(builder.data_dir)


def _package() -> Any:
    try:
        importlib.import_module("array_record.python.array_record_module")
        return importlib.import_module("tensorflow_datasets")
    except ImportError as error:
        remedy = "Install both by: pip install -e '.[tfds]'."
        raise missing_package("tensorflow_datasets, array_record", error, remedy) from error


def check_equal(folder: Path, dataset: Dataset) -> None:
    """Raise a ValueError unless a prepared folder holds the examples of a data set, in order."""
    prepared = load_prepared(folder)
    for split in SPLITS:
        read, original = getattr(prepared, split), getattr(dataset, split)
        same = all(map(np.array_equal, read, original))
        expected = f"to hold the {split} examples of {dataset.name}"
        require(same, str(folder), expected, "others", "Remove the folder, and prepare it again.")


def digest(dataset: Dataset) -> str:
    """Return the SHA-256 of inputs and targets, those to train with first."""
    sha = hashlib.sha256()
    for split in SPLITS:
        for field in getattr(dataset, split):
            sha.update(np.ascontiguousarray(field).data)
    return sha.hexdigest()


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
