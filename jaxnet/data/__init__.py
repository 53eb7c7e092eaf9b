"""Data: labelled examples, data sets and splits."""

from jaxnet.core.random import random_order
from jaxnet.data import augmentation, cleaning, preparation, synthetic
from jaxnet.data.examples import Examples
from jaxnet.data.mini_batches import mini_batches
from jaxnet.data.sources import (
    DATASETS,
    Dataset,
    PreparedTable,
    data_directory,
    load_dataset,
    read_idx,
    read_table,
    table_dataset,
)
from jaxnet.data.split import Folds, k_folds, split
from jaxnet.data.table import Table, make_table

__all__ = [
    "DATASETS",
    "Dataset",
    "Examples",
    "Folds",
    "PreparedTable",
    "Table",
    "augmentation",
    "cleaning",
    "data_directory",
    "k_folds",
    "load_dataset",
    "make_table",
    "mini_batches",
    "preparation",
    "random_order",
    "read_idx",
    "read_table",
    "split",
    "synthetic",
    "table_dataset",
]
