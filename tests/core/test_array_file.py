"""Array files: round trips, checksums and errors.

Damage: see `tests.networks.test_model_file_errors`.
"""

from pathlib import Path

import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.array_file import DTYPES, FileKind, pack, storable, unpack
from jaxnet.core.errors import DamagedFileError, InvalidValueError

KIND = FileKind("test", 1, "a file of tests", "Write it again.")


@pytest.mark.parametrize("shape", [(), (0, 3), (2, 3)], ids=str)
def test_every_dtype_comes_back(shape: tuple[int, ...], tmp_path: Path) -> None:
    path = tmp_path / "file"
    rows = {name: np.ones(shape, jnp.dtype(name)) for name in DTYPES}
    columns = {f"{name}.T": array.T for name, array in rows.items()}
    arrays = {name: storable(name, array) for name, array in (rows | columns).items()}
    path.write_bytes(pack(KIND, '{"a": [1, null]}', arrays))
    description, found = unpack(KIND, path)
    assert description == {"a": [1, None]}
    assert set(found) == set(arrays)
    for name, array in arrays.items():
        assert found[name].dtype == array.dtype
        np.testing.assert_array_equal(found[name], array)


def test_a_description_alone_is_enough(tmp_path: Path) -> None:
    (tmp_path / "file").write_bytes(pack(KIND, "{}", {}))
    assert unpack(KIND, tmp_path / "file") == ({}, {})


def test_one_kind_is_not_taken_for_another(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(pack(KIND, "{}", {}))
    with pytest.raises(DamagedFileError, match=r"to be a toy of jaxnet, got .* 'test'\. Write it"):
        unpack(KIND._replace(name="toy", noun="a toy"), path)
    with pytest.raises(InvalidValueError, match="of format version 2, got '1'") as caught:
        unpack(KIND._replace(version=2), path)
    assert not isinstance(caught.value, DamagedFileError)
