"""The objective: what a run reports by default, and which data it refuses."""

import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.data import Examples
from jaxnet.layers import activation, dense, serial
from jaxnet.training import (
    FitResult,
    Recipe,
    evaluate,
    fit,
    grid,
    make_objective,
    make_train,
    sweep,
)
from jaxnet.training.fit import _program
from tests.training.toys import blobs, network

OPTIMIZER = jaxnet.optim.sgd(0.1)


def run(net: jaxnet.layers.Layer, train: Examples, **options: Any) -> FitResult:
    settings: dict[str, Any] = {"optimizer": OPTIMIZER, "epochs": 2, "batch_size": 8}
    return fit(net, train, key=jax.random.key(0), **(settings | options))


def values(*shape: int) -> np.ndarray:
    return np.random.default_rng(0).normal(size=shape).astype(np.result_type(float, np.float32))


@pytest.mark.parametrize(
    ("loss", "expected"),
    [
        ("softmax_cross_entropy", ["accuracy"]),
        (jaxnet.losses.get_loss("softmax_cross_entropy", label_smoothing=0.1), ["accuracy"]),
        ("sigmoid_binary_cross_entropy", ["binary_accuracy"]),
        ("squared_error", []),
        (lambda outputs, targets: outputs[:, 0], []),
    ],
)
def test_the_default_metrics_suit_the_loss(loss: Any, expected: list[str]) -> None:
    objective = make_objective(network(), loss)
    assert [name for name, _ in objective.metrics] == expected


@pytest.mark.parametrize("engine", ["autodiff", "by_hand"])
@pytest.mark.parametrize("name", ["binary", "multiclass", "regression", "bounded_regression"])
def test_every_head_trains(name: str, engine: str) -> None:
    settings = {"low": -3.0, "high": 3.0} if name == "bounded_regression" else {}
    head = jaxnet.networks.get_head(name, **settings)
    outputs = 3 if name == "multiclass" else 1
    targets = {
        "binary": (blobs().targets == 0).astype(np.int32),
        "multiclass": blobs().targets,
    }.get(name, np.tanh(blobs().inputs[:, 0]))
    net = jaxnet.mlp((3, 8, outputs), activation="tanh", head=head)
    result = run(
        net,
        blobs()._replace(targets=targets),
        gradient=engine,
        epochs=40,
    )
    losses = result.history.train["loss"]
    assert losses[-1] < 0.7 * losses[0]
    assert set(result.history.train) == {"loss", *head.metrics}
    assert make_objective(net) == make_objective(net, head.loss, head.metrics)


def binary_net() -> jaxnet.layers.Layer:
    return jaxnet.mlp((3, 4, 1), head="binary")


@pytest.mark.parametrize(
    ("net", "options", "message"),
    [
        (
            binary_net(),
            {"loss": "softmax_cross_entropy"},
            "loss to suit the head 'binary' of the network, got softmax_cross_entropy. Leave it "
            "out for sigmoid_binary_cross_entropy, or make",
        ),
        (binary_net(), {"loss": jaxnet.losses.binary_cross_entropy}, "got binary_cross_entropy."),
        (
            jaxnet.mlp((3, 1), head="regression"),
            {"loss": jaxnet.losses.get_loss("softmax_cross_entropy", label_smoothing=0.1)},
            "to suit the head 'regression'",
        ),
        (
            jaxnet.mlp((3, 3), head="multiclass"),
            {"loss": "sigmoid_binary_cross_entropy"},
            "to suit the head 'multiclass'",
        ),
        (
            jaxnet.mlp((3, 1)),
            {},
            "loss to suit one output, got softmax_cross_entropy. Make the network with head",
        ),
        (
            binary_net(),
            {},
            "targets of train to be 0 or 1 for the binary head, got 2 at index (1,). Number",
        ),
    ],
)
def test_a_loss_that_contradicts_is_refused(net: Any, options: Any, message: str) -> None:
    train = Examples(values(4, 3), np.array([0, 2, 1, 0]))
    with pytest.raises(ValueError, match=re.escape(message)):
        run(net, train, batch_size=2, **options)


def test_sweep_and_evaluate_take_the_loss_of_the_head() -> None:
    net, train = binary_net(), blobs(classes=2)

    def build(learning_rate: Any) -> Recipe:
        return Recipe(net, jaxnet.optim.sgd(learning_rate))

    settings, key = grid(learning_rate=[0.1]), jax.random.key(0)
    result = sweep(build, train, key=key, settings=settings, epochs=1, batch_size=8, seeds=1)
    assert "train_binary_accuracy" in result.metrics
    trees = net.init(key, (3,))
    found = evaluate(net, *trees, train)
    assert found == evaluate(net, *trees, train, loss="sigmoid_binary_cross_entropy")
    trained = make_train(build, train, epochs=1, batch_size=8)(key, {"learning_rate": 0.1})
    assert set(trained.history.epoch.train) == {"loss", "binary_accuracy"}


def test_metrics_refuse_in_fit_what_they_refuse_outside() -> None:
    train = Examples(values(9, 3), values(9, 2))
    with pytest.raises(ValueError, match="expected "):
        run(serial(dense(2)), train, loss="squared_error", metrics="accuracy")
    train = Examples(values(9, 3), values(9, 1))
    with pytest.raises(ValueError, match="expected targets "):
        run(serial(dense(1)), train, loss="squared_error", metrics="binary_accuracy")


@pytest.mark.parametrize("loss", ["categorical_cross_entropy", "binary_cross_entropy"])
def test_a_loss_of_probabilities_refuses_logits(loss: str) -> None:
    classes = 3 if loss.startswith("cat") else 1
    targets = blobs().targets % max(classes, 2)
    train = Examples(10 * blobs().inputs, targets)
    with pytest.raises(ValueError, match=r"expected outputs .*\[0, 1\]"):
        run(serial(dense(classes)), train, loss=loss)
    end = activation("softmax" if classes == 3 else "sigmoid")
    result = run(serial(dense(classes), end), train, loss=loss)
    assert np.isfinite(result.history.train["loss"]).all()


def test_half_precision_is_summed_in_float32() -> None:
    rng = np.random.default_rng(0)
    inputs = rng.normal(size=(3000, 2)).astype(np.float32)
    train = Examples(inputs, (inputs[:, 0] > 0).astype(np.int32))
    still = jaxnet.optim.sgd(0.0)
    means = {}
    for kind in (jnp.bfloat16, jnp.float32):
        net = jaxnet.mlp((2, 2), input_scale=1.0, dtype=kind)
        result = run(net, train, optimizer=still, epochs=1, batch_size=10, validation=train)
        means[kind] = result.history
    for part in ("train", "validation"):
        half, full = (getattr(means[kind], part) for kind in (jnp.bfloat16, jnp.float32))
        np.testing.assert_allclose(half["loss"], full["loss"], rtol=2e-2)
        np.testing.assert_allclose(half["accuracy"], full["accuracy"], atol=1e-2)


def test_the_same_options_compile_once() -> None:
    net = network()
    _program.cache_clear()
    for _ in range(2):
        loss = jaxnet.losses.get_loss("softmax_cross_entropy", label_smoothing=0.1)
        penalty = jaxnet.penalties.get_penalty("l2", strength=0.01)
        run(net, blobs(), loss=loss, penalty=penalty)
    assert _program.cache_info().misses == 1


def test_mnists_size_takes_6000_steps_in_10_epochs() -> None:
    # lecture 001: 60,000 images in batches of 100 are 600 steps an epoch
    images = Examples(np.zeros((60_000, 1), np.float32), np.zeros(60_000, np.int32))
    counting = jaxnet.optim.adam(1e-3)
    state = run(serial(dense(2)), images, optimizer=counting, epochs=10, batch_size=100).state
    counts = [leaf for leaf in jax.tree.leaves(state.opt_state) if leaf.dtype == jnp.int32]
    assert [int(count) for count in counts] == [6000]
