"""Mini-batches of one epoch: every example once, by key, from memory-mapped files too."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.data import Examples, mini_batches, random_order


def examples(n: int = 23) -> Examples:
    return Examples(np.arange(n, dtype=np.float32)[:, None], np.arange(n))


def targets(batches: Any) -> list[list[int]]:
    return [batch.targets.tolist() for batch in batches]


@pytest.mark.parametrize("keep_last", [True, False])
def test_every_example_is_in_one_of_them(keep_last: bool) -> None:
    key = jax.random.key(0)
    found = targets(mini_batches(examples(), batch_size=5, key=key, keep_last=keep_last))
    assert [len(batch) for batch in found] == [5, 5, 5, 5] + [3] * keep_last
    flat = [target for batch in found for target in batch]
    assert flat == random_order(key, 23)[: len(flat)].tolist()
    assert flat != sorted(flat)
    again = mini_batches(examples(), batch_size=5, key=key, keep_last=keep_last)
    assert targets(again) == found


def test_arrays_stay_where_they_are(tmp_path: Path) -> None:
    on_device = Examples(jnp.ones((4, 2)), jnp.arange(4))
    assert all(isinstance(b.inputs, jax.Array) for b in mini_batches(on_device, batch_size=3))
    mapped = np.memmap(tmp_path / "x", np.float32, "w+", shape=(23, 1))
    mapped[:] = examples().inputs
    given = Examples(mapped, np.arange(23))
    for batch in mini_batches(given, batch_size=4, key=jax.random.key(1)):
        np.testing.assert_array_equal(batch.inputs[:, 0], batch.targets)


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        ({"batch_size": 0}, "expected batch_size >= 1, got 0"),
        ({"key": 1}, "expected key to be one PRNG key"),
        ({"keep_last": "no"}, "expected keep_last to be a boolean"),
        ({"examples": (1, 2)}, "expected examples to be Examples"),
        (
            {"examples": Examples(np.zeros((4, 1)), np.zeros(5))},
            "of one length, got lengths [4, 5]",
        ),
        ({"examples": Examples(np.zeros((0, 1)), np.zeros(0))}, "to be one or more"),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_mistakes_are_refused_at_the_call(options: dict[str, Any], expected: str) -> None:
    given: Any = {"examples": examples(), "batch_size": 5, **options}
    with pytest.raises((ValueError, TypeError)) as caught:
        mini_batches(given.pop("examples"), **given)
    assert expected in str(caught.value)
