"""Data: labelled examples, data sets and splits."""

from jaxnet.core.random import random_order
from jaxnet.data import cleaning, preparation, synthetic
from jaxnet.data.examples import Examples
from jaxnet.data.idx import read_idx
from jaxnet.data.sources import DATASETS, Dataset, data_directory, load_dataset
from jaxnet.data.split import Folds, k_folds, split

__all__ = [
    "DATASETS",
    "Dataset",
    "Examples",
    "Folds",
    "cleaning",
    "data_directory",
    "k_folds",
    "load_dataset",
    "preparation",
    "random_order",
    "read_idx",
    "split",
    "synthetic",
]
