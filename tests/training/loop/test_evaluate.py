"""Evaluation weighs every example alike, however they divide into chunks."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.data import Examples
from jaxnet.training import evaluate, init_state, predict
from tests.training.toys import blobs, network


@pytest.mark.parametrize(
    ("dtype", "n"),
    [*(("float32", n) for n in (1, 999, 1000, 1001, 2500)), ("float64", 2500)],
    indirect=["dtype"],
)
def test_means_over_all_examples(dtype: np.dtype, n: int) -> None:
    examples = jax.tree.map(jnp.asarray, blobs(n))
    state = init_state(network(), jaxnet.optim.sgd(0.1), (3,), key=jax.random.key(0))

    @jax.jit
    def each(params: Any) -> tuple[jax.Array, jax.Array]:
        outputs, _ = network().apply(params, state.statistics, examples.inputs)
        losses = jaxnet.losses.softmax_cross_entropy(outputs, examples.targets)
        return losses, jaxnet.metrics.accuracy(outputs, examples.targets)

    losses, hits = map(np.asarray, each(state.params))
    means = evaluate(network(), state.params, state.statistics, examples)
    rtol = 1e-5 if dtype == np.float32 else 1e-12
    assert means["loss"] == pytest.approx(float(losses.mean()), rel=rtol)
    assert means["accuracy"] == pytest.approx(float(hits.mean()), rel=rtol)


def test_metrics_of_one_s_own() -> None:
    state = init_state(network(), jaxnet.optim.sgd(0.1), (3,), key=jax.random.key(0))

    def largest(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        del targets
        return outputs.max(axis=-1)

    means = evaluate(network(), state.params, state.statistics, blobs(), metrics={"top": largest})
    outputs = predict(network(), state.params, state.statistics, jnp.asarray(blobs().inputs))
    assert set(means) == {"loss", "top"}
    assert means["top"] == pytest.approx(float(outputs.max(axis=-1).mean()), rel=1e-6)


def test_predict_in_batches_equals_predict_at_once() -> None:
    state = init_state(network(), jaxnet.optim.sgd(0.1), (3,), key=jax.random.key(0))
    inputs = jnp.asarray(blobs().inputs)
    whole = predict(network(), state.params, state.statistics, inputs)
    parts = predict(network(), state.params, state.statistics, inputs, batch_size=10)
    np.testing.assert_allclose(parts, whole, rtol=1e-6)


def test_predict_can_be_compiled_into_something_larger() -> None:
    state = init_state(network(), jaxnet.optim.sgd(0.1), (3,), key=jax.random.key(0))
    inputs = jnp.asarray(blobs().inputs)

    def outputs(params: Any) -> jax.Array:
        return predict(network(), params, state.statistics, inputs)

    np.testing.assert_allclose(jax.jit(outputs)(state.params), outputs(state.params), rtol=1e-5)


def test_labels_out_of_range_are_refused() -> None:
    state = init_state(network(), jaxnet.optim.sgd(0.1), (3,), key=jax.random.key(0))
    counted_from_1 = blobs()._replace(targets=blobs().targets + 1)
    with pytest.raises(ValueError, match=r"labels to be in \[0, 3\), got 3 at index"):
        evaluate(network(), state.params, state.statistics, counted_from_1)


def test_integers_that_the_device_would_wrap_are_refused() -> None:
    trees = network().init(jax.random.key(0), (3,))
    examples = Examples(np.full((9, 3), 2**40 + 1), np.zeros(9, int))
    message = "inputs to fit int32, as the device has it, got 10995"
    with pytest.raises(ValueError, match=message):
        evaluate(network(), *trees, examples)
    with pytest.raises(ValueError, match=message):
        predict(network(), *trees, examples.inputs)


def test_numbers_of_another_byte_order_or_length() -> None:
    trees = network().init(jax.random.key(0), (3,))
    plain = np.asarray(blobs().inputs)
    expected = predict(network(), *trees, plain)
    for kind in (">f4", ">f8", np.longdouble):
        inputs = plain.astype(kind)
        np.testing.assert_array_equal(predict(network(), *trees, inputs), expected)
        found = evaluate(network(), *trees, Examples(inputs, np.zeros(len(plain), ">i8")))
        assert np.isfinite(found["loss"])
