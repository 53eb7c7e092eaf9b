"""Sources of data sets: embedded ones, original files, prepared folders, and tables."""

from jaxnet.data.sources.dataset import Dataset, PreparedTable
from jaxnet.data.sources.idx import read_idx
from jaxnet.data.sources.load import DATASETS, data_directory, load_dataset
from jaxnet.data.sources.prepared import Prepared, PreparedSplit, load_prepared, open_prepared
from jaxnet.data.sources.table_dataset import table_dataset
from jaxnet.data.sources.table_files import read_table

__all__ = [
    "DATASETS",
    "Dataset",
    "Prepared",
    "PreparedSplit",
    "PreparedTable",
    "data_directory",
    "load_dataset",
    "load_prepared",
    "open_prepared",
    "read_idx",
    "read_table",
    "table_dataset",
]

__dir__ = __all__.copy  # dir() shows these names alone
