"""What may be given to `predict`: nothing, lists, numbers of any kind; and what is refused."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.data import Examples
from jaxnet.training import evaluate, predict
from tests.cases import LAYERS, NETWORKS, LayerCase, over
from tests.law import draw

NETWORK = jaxnet.mlp((3, 4, 2), input_scale=0.5, batch_norm="before", drop_rate=0.5)
ROWS = [[1.0, 2.0, 3.0], [0.0, -1.0, 4.0]]


def outputs(inputs: Any, **options: Any) -> jax.Array:
    params, statistics = NETWORK.init(jax.random.key(0), (3,))
    return predict(NETWORK, params, statistics, inputs, **options)


@over([*LAYERS, *NETWORKS])
def test_of_no_inputs_come_outputs_of_none(case: LayerCase) -> None:
    params, statistics, x = draw(case)
    y = predict(case.layer, params, statistics, np.asarray(x)[:0])
    assert y.shape == (0, *case.layer.out_shape(case.in_shape))
    assert y.dtype == jax.eval_shape(lambda x: predict(case.layer, params, statistics, x), x).dtype


@pytest.mark.parametrize("batch_size", [1, 1000])
def test_none_of_either_kind_of_array(batch_size: int) -> None:
    for none in (np.zeros((0, 3), np.uint8), jnp.zeros((0, 3))):
        assert outputs(none, batch_size=batch_size).shape == (0, 2)


def test_numbers_of_any_kind_are_taken() -> None:
    expected = outputs(jnp.asarray(ROWS, jnp.float32))
    whole = np.array(ROWS, np.int64)
    given = (ROWS, whole.tolist(), tuple(map(tuple, ROWS)), np.array(ROWS), whole)
    for inputs in (*given, whole.astype(np.int8), jnp.asarray(whole), np.asfortranarray(whole)):
        np.testing.assert_array_equal(outputs(inputs), expected)
    np.testing.assert_array_equal(outputs(np.array(ROWS)[::-1]), expected[::-1])


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(
    ("inputs", "error", "message"),
    [
        (np.zeros(3), ValueError, r"expected x of shape \(batch, 3\), got \(3,\)"),
        (np.zeros((0, 5)), ValueError, r"expected x of shape \(batch, 3\), got \(0, 5\)"),
        (
            [[1.0], [1.0, 2.0]],
            ValueError,
            r"expected inputs to be an array, rows of one length, got",
        ),
        (3.0, ValueError, "expected inputs to hold examples, got one number"),
        (
            np.array([["a", "b", "c"]]),
            TypeError,
            "expected inputs to hold numbers, got <U",
        ),
        (Examples(np.zeros((2, 3)), [0, 1]), TypeError, "got Examples. Pass their inputs"),
    ],
    ids=["row", "width", "ragged", "number", "text", "examples"],
)
def test_what_is_no_batch_is_refused(inputs: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=message):
        outputs(inputs)


def test_nothing_cannot_be_evaluated() -> None:
    params, statistics = NETWORK.init(jax.random.key(0), (3,))
    none = Examples(np.zeros((0, 3)), np.zeros(0, np.int32))
    with pytest.raises(ValueError, match="expected examples to pair each of one or more"):
        evaluate(NETWORK, params, statistics, none)
