"""Sources of data sets: embedded ones, original files, and tables of the user's own."""

from jaxnet.data.sources.dataset import Dataset, PreparedTable
from jaxnet.data.sources.idx import read_idx
from jaxnet.data.sources.load import DATASETS, data_directory, load_dataset
from jaxnet.data.sources.table_dataset import table_dataset
from jaxnet.data.sources.table_files import read_table

__all__ = [
    "DATASETS",
    "Dataset",
    "PreparedTable",
    "data_directory",
    "load_dataset",
    "read_idx",
    "read_table",
    "table_dataset",
]
