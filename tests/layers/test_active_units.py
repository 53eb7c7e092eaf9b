"""Active units: masks, traced counts, errors."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import active_units


def test_the_count_can_be_swept_over(dtype: np.dtype) -> None:
    x = jnp.arange(1.0, 7.0).reshape(2, 3)
    passed = jax.vmap(lambda count: active_units(count).apply((), (), x)[0])(jnp.arange(1, 4))
    for count, y in enumerate(passed, start=1):
        expected = np.asarray(x) * (np.arange(3) < count)
        np.testing.assert_array_equal(y, expected)
        assert y.dtype == dtype


def test_nan_of_a_unit_that_is_off_does_not_come_through() -> None:
    y, _ = active_units(1).apply((), (), jnp.array([[1.0, jnp.nan]]))
    assert y.tolist() == [[1.0, 0.0]]


@pytest.mark.parametrize(
    ("count", "error", "message"),
    [
        (0, ValueError, "expected count >= 1, got 0"),
        (4, ValueError, "expected count at most the width 3, got 4"),
        (1.5, TypeError, "expected count to be an integer, got 1.5"),
        (jnp.array(1.5), TypeError, "expected count to be an integer, got float32"),
        (jnp.arange(2), ValueError, "expected count to be a scalar, got shape (2,)"),
    ],
    ids=["0", "4", "float", "float-array", "vector"],
)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_counts(count: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error) as caught:
        active_units(count).out_shape((3,))
    assert message in str(caught.value)
