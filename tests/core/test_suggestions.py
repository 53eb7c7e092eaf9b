"""Suggestions for unknown names: case, letters in another order, names of other libraries."""

import pytest

import jaxnet
from jaxnet.core.suggestions import ALIASES, did_you_mean

TABLES = {
    "activations": jaxnet.activations.ACTIVATIONS,
    "initializers": jaxnet.initializers.INITIALIZERS,
    "losses": jaxnet.losses.LOSSES,
    "metrics": jaxnet.metrics.METRICS,
    "optim": jaxnet.optim.OPTIMIZERS,
    "penalties": jaxnet.penalties.PENALTIES,
    "schedules": jaxnet.schedules.SCHEDULES,
    "options": ["learning_rate", "eps", "b1", "b2"],
}


@pytest.mark.parametrize(
    ("table", "name", "meant"),
    [
        ("activations", "Relu", "relu"),
        ("activations", "identity", "linear"),
        ("activations", "LeakyReLU", "leaky_relu"),
        ("activations", "leaky-relu", "leaky_relu"),
        ("initializers", "kaiming_normal", "he_normal"),
        ("initializers", "glorot_uniform", "xavier_uniform"),
        ("initializers", "Xavier", "xavier"),
        ("losses", "mse", "mean_squared_error"),
        ("losses", "mae", "absolute_error"),
        ("losses", "crossentropy", "softmax_cross_entropy"),
        ("losses", "cross_entropy", "softmax_cross_entropy"),
        ("losses", "bce", "sigmoid_binary_cross_entropy"),
        ("losses", "NLL", "softmax_cross_entropy"),
        ("metrics", "acc", "accuracy"),
        ("optim", "adma", "adam"),
        ("optim", "AdamW", "adamw"),
        ("optim", "NAG", "nesterov"),
        ("penalties", "ridge", "l2"),
        ("schedules", "cosine", "cosine_decay"),
        ("options", "lr", "learning_rate"),
    ],
)
def test_the_name_that_was_meant(table: str, name: str, meant: str) -> None:
    assert did_you_mean(name, TABLES[table]) == f"Did you mean '{meant}'?"


@pytest.mark.parametrize("name", ["qqq", "", "mse"])
def test_nothing_near(name: str) -> None:
    assert did_you_mean(name, TABLES["activations"]) == ""


def test_aliases_are_of_names_that_there_are_and_hide_none() -> None:
    known = {name for table in TABLES.values() for name in table}
    assert set(ALIASES.values()) <= known
    plain = {name.replace("_", "") for table in TABLES.values() for name in table}
    assert plain & set(ALIASES) == {"step"}  # an activation, and a schedule of PyTorch's
