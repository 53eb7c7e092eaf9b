"""Optimizers, schedules, losses and rules of a run, by name."""

from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from experiments import learning_curves
from experiments.harness import named
from experiments.harness.networks import build_network
from jaxnet.training.loop.rules import Watched
from tests.experiments.test_commands import recorded

STEPS = 300
DIGITS = jaxnet.data.load_dataset("digits")


@pytest.mark.parametrize("name", jaxnet.schedules.SCHEDULES)
def test_a_schedule_reaches_the_rate_and_never_exceeds_it(name: str) -> None:
    schedule = named.build_schedule(name, 0.5, STEPS)
    rates = np.asarray(schedule(jnp.arange(STEPS)), float)
    np.testing.assert_allclose(rates.max(), 0.5, rtol=1e-6)
    assert rates.min() >= 0
    if name not in ("constant", "warmup_constant"):
        assert rates[-1] < 0.5 * rates.max()


def test_options_of_a_schedule_take_the_place_of_those_of_the_run() -> None:
    slide = named.build_schedule("inverse_time_decay", 1.0, STEPS, {"transition_steps": 1})
    np.testing.assert_allclose(slide(jnp.arange(3)), [1, 1 / 2, 1 / 3], rtol=1e-6)


@pytest.mark.parametrize("name", named._ENCODINGS)
def test_a_loss_of_classes_has_the_gradient_that_autodiff_finds(name: str) -> None:
    loss = named.build_loss(name, DIGITS)
    logits = jax.random.normal(jax.random.key(0), (6, 10))
    labels = jnp.arange(6)
    found = jax.grad(lambda outputs: jnp.sum(loss.function(outputs, labels)))(logits)
    assert loss.function(logits, labels).shape == (6,)
    np.testing.assert_allclose(loss.backward(logits, labels), found, rtol=1e-5, atol=1e-6)


def test_the_hinge_loss_of_classes_takes_one_sign_a_class() -> None:
    logits = jnp.array([[2.0, -2.0, -2.0]])
    loss = named.build_loss("hinge", DIGITS)
    assert float(loss.function(logits, jnp.array([0]))[0]) == 0
    assert float(loss.function(logits, jnp.array([1]))[0]) == 6


def run(tmp_path: Path, *options: str) -> dict[str, Any]:
    given = ("--smoke", "--widths", "64", "10", *options)
    return recorded("learning_curves", tmp_path, *given)["results"]


@pytest.mark.slow
def test_a_run_ends_by_its_patience_and_keeps_its_best_network(tmp_path: Path) -> None:
    options = ("--validation-fraction", "0.2", "--patience", "1", "--learning-rate", "0.1")
    results = run(tmp_path, *options, "--epochs", "40")
    losses = np.asarray(results["history"]["held_out"]["loss"])
    assert results["ended_by"] == "no better loss for 1 epochs"
    assert results["epochs"] == len(losses) == results["epoch_of_parameters"] + 1
    assert losses.argmin() + 1 == results["epoch_of_parameters"]


def test_without_held_out_examples_rules_watch_the_training_loss(tmp_path: Path) -> None:
    results = run(tmp_path, "--patience", "1", "--learning-rate", "0.3", "--epochs", "40")
    losses = np.asarray(results["history"]["train"]["loss"])
    assert losses.argmin() + 1 == results["epoch_of_parameters"] == len(losses) - 1


CHANGES: tuple[dict[str, Any], ...] = (
    {},
    {"shuffle": "no"},
    {"shuffle": "batches"},
    {"standardize": True},
    {"loss": "squared_error"},
    {"l1": 1e-3},
    {"l2": 1e-3},
    {"schedule": "linear"},
    {"optimizer_options": ("b1=0.5",)},
)


@pytest.mark.slow
def test_every_option_of_the_lectures_changes_the_run() -> None:
    digests = set()
    for changes in CHANGES:
        config = learning_curves.Config(widths=(64, 10), epochs=1, **changes)
        loss = named.build_loss(config.loss or "softmax_cross_entropy", DIGITS)
        network = build_network(DIGITS, config)
        parts = DIGITS.train, DIGITS.test
        result = learning_curves.train_network(config, network, *parts, None, {"loss": loss})
        digests.add(jaxnet.networks.digest(result.params))
    assert len(digests) == len(CHANGES)


def test_a_plateau_divides_the_rate_by_ten() -> None:
    (rule,) = learning_curves.build_rules(learning_curves.Config(plateau=1))
    state = rule.init({}, {})
    for _ in range(2):
        state = rule.update(state, Watched({"loss": jnp.ones(())}, {}, {}, {}))
    assert rule.scale is not None
    np.testing.assert_allclose(rule.scale(state), 0.1, rtol=1e-6)
