"""The embedded tables: iris, wine and breast_cancer to classify, diabetes for regression.

Source: Fisher 1936, "The use of multiple measurements in taxonomic problems"; Aeberhard and Forina
1992, "Wine"; Street, Wolberg and Mangasarian 1993, "Nuclear feature extraction for breast tumor
diagnosis"; Efron, Hastie, Johnstone and Tibshirani 2004, "Least angle regression" (diabetes).
"""

import gzip
from pathlib import Path

import jax

from jaxnet.data.sources.dataset import Dataset
from jaxnet.data.sources.table_dataset import table_dataset
from jaxnet.data.sources.table_files import parse_csv
from jaxnet.data.table import make_table

FOLDER = Path(__file__).parent / "embedded"

TARGETS = {
    "iris": "species",
    "wine": "cultivar",
    "breast_cancer": "diagnosis",
    "diabetes": "progression",
}
"""Name -> column to predict."""


def load_embedded_table(name: str) -> Dataset:
    """Load an embedded table with a fixed split: four fifths training, one fifth test.

    Args:
        name: one of `TARGETS`.

    >>> load_embedded_table("iris").class_names
    ('setosa', 'versicolor', 'virginica')
    """
    content = gzip.decompress((FOLDER / f"{name}.csv.gz").read_bytes()).decode()
    table = make_table({each: read() for each, read in parse_csv(name, content).items()})
    return table_dataset(table, TARGETS[name], key=jax.random.key(0))._replace(name=name)
