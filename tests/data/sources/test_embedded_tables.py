"""The embedded tables: the numbers of scikit-learn, the checksums of their page, a fixed split."""

import gzip
import hashlib
import re
from typing import Any

import jax
import numpy as np
import pytest
from sklearn import datasets

from jaxnet.core.trees import digest
from jaxnet.data import load_dataset
from jaxnet.data.sources.embedded_tables import FOLDER, TARGETS
from jaxnet.data.sources.table_files import parse_csv
from jaxnet.data.table import make_table

SIZES = {
    "iris": (120, 30, 4),
    "wine": (142, 36, 13),
    "breast_cancer": (455, 114, 30),
    "diabetes": (354, 88, 10),
}
"""Name -> training rows, test rows, and features before preparation."""


@pytest.mark.parametrize("name", TARGETS)
def test_the_numbers_are_those_of_scikit_learn(name: str) -> None:
    options = {"scaled": False} if name == "diabetes" else {}
    original: Any = getattr(datasets, f"load_{name}")(**options)
    content = gzip.decompress((FOLDER / f"{name}.csv.gz").read_bytes()).decode()
    table = make_table({each: read() for each, read in parse_csv(name, content).items()})
    *inputs, target = table.columns
    assert (inputs, target) == (list(original.feature_names), TARGETS[name])
    columns = np.column_stack([table.columns[column] for column in inputs])
    np.testing.assert_array_equal(columns, original.data)
    targets = original.target
    if name != "diabetes":
        targets = original.target_names[targets]
    np.testing.assert_array_equal(table.columns[target], targets)


def test_the_page_has_the_checksum_of_every_file() -> None:
    page = (FOLDER / "README.md").read_text()
    stated = dict(re.findall(r"^\| `(\S+)` .* `(\w{64})` \|$", page, re.MULTILINE))
    found = {
        path.name: hashlib.sha256(gzip.decompress(path.read_bytes())).hexdigest()
        for path in FOLDER.glob("*.gz")
    }
    assert stated == found


@pytest.mark.parametrize("name", TARGETS)
def test_the_split_is_fixed_and_fifths(name: str) -> None:
    made, (train, test, features) = load_dataset(name), SIZES[name]
    assert made.name == name
    assert (len(made.train.inputs), len(made.test.inputs)) == (train, test)
    assert made.table is not None
    assert len(made.table.inputs.preparation.specification.parts) == features
    with jax.enable_x64(True):
        again = load_dataset(name)
    assert digest((made.train, made.test)) == digest((again.train, again.test))
    shares = np.bincount(made.test.targets) if made.class_names else np.zeros(0, int)
    if made.class_names:
        whole = shares + np.bincount(made.train.targets)
        assert (np.abs(shares - whole / 5) <= 1).all()


def test_names_of_classes_and_a_regression() -> None:
    assert load_dataset("breast_cancer").class_names == ("benign", "malignant")
    diabetes = load_dataset("diabetes")
    assert (diabetes.class_names, diabetes.image_shape) == ((), ())
    assert diabetes.train.targets.shape == (354, 1)
    assert diabetes.table is not None
    assert diabetes.table.outputs is not None
    progression = diabetes.table.outputs.invert(diabetes.test.targets)[:5, 0]
    np.testing.assert_allclose(progression, [310, 69, 68, 245, 137], rtol=1e-5)  # pinned
