"""Examples with nulls."""

import numpy as np

from jaxnet.core.types import AnyArray
from jaxnet.data.cleaning.findings import Finding
from jaxnet.data.table import Table, null_rows


def find_nulls(inputs: AnyArray | Table) -> list[Finding]:
    """Find rows with NaN, or with nulls in a table.

    `jaxnet.data.preparation.impute` fills them in instead.

    Args:
        inputs: shape ``(n, ...)``, or a table.

    >>> find_nulls(np.array([[1.0, np.nan], [2.0, 3.0]]))
    [Finding(row=0, kind='null', reason='feature 1', group=())]
    """
    if isinstance(inputs, Table):
        null = {repr(name): null_rows(column) for name, column in inputs.columns.items()}
    else:
        rows = np.asarray(inputs).reshape(len(inputs), -1)
        null = {f"feature {i}": np.isnan(column) for i, column in enumerate(rows.T)}
    found = np.flatnonzero(np.any(list(null.values()), axis=0))
    return [
        Finding(int(row), "null", ", ".join(n for n, where in null.items() if where[row]))
        for row in found
    ]
