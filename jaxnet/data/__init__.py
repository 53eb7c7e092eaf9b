"""Data: labelled examples, data sets and splits."""

from jaxnet.core.random import random_order
from jaxnet.data import augmentation, cleaning, preparation, synthetic
from jaxnet.data.class_balance import balance, class_weights
from jaxnet.data.examples import Examples
from jaxnet.data.mini_batches import mini_batches
from jaxnet.data.sources import (
    DATASETS,
    Dataset,
    Prepared,
    PreparedSplit,
    PreparedTable,
    data_directory,
    load_dataset,
    load_prepared,
    open_prepared,
    read_idx,
    read_table,
    table_dataset,
)
from jaxnet.data.split import Folds, k_folds, split
from jaxnet.data.streams import Chunks, Stream, stream
from jaxnet.data.table import Table, make_table

__all__ = [
    "DATASETS",
    "Chunks",
    "Dataset",
    "Examples",
    "Folds",
    "Prepared",
    "PreparedSplit",
    "PreparedTable",
    "Stream",
    "Table",
    "augmentation",
    "balance",
    "class_weights",
    "cleaning",
    "data_directory",
    "k_folds",
    "load_dataset",
    "load_prepared",
    "make_table",
    "mini_batches",
    "open_prepared",
    "preparation",
    "random_order",
    "read_idx",
    "read_table",
    "split",
    "stream",
    "synthetic",
    "table_dataset",
]

__dir__ = __all__.copy  # dir() shows these names alone
