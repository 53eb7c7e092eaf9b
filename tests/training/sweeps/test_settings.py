"""Settings are what was asked for, and what cannot be swept is refused with a reason."""

from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.training import (
    Recipe,
    Settings,
    choice,
    grid,
    listed,
    log_uniform,
    sampled,
    sweep,
    uniform,
)
from tests.training.toys import blobs


def test_the_last_axis_of_a_grid_varies_fastest() -> None:
    settings = grid(a=[1, 2], b=[0.5, 0.25, 0.125])
    assert settings.columns["a"].tolist() == [1, 1, 1, 2, 2, 2]
    assert settings.columns["b"].tolist() == [0.5, 0.25, 0.125] * 2
    assert settings.columns["a"].dtype == np.int32
    assert settings.row(4) == {"a": 2, "b": 0.25}


def test_samples_follow_their_distributions() -> None:
    n = 4000
    settings = sampled(
        jax.random.key(0),
        n,
        flat=uniform(2.0, 6.0),
        logarithmic=log_uniform(1e-4, 1e-2),
        picked=choice([16, 32, 64]),
    )
    flat, logarithmic = settings.columns["flat"], np.log10(settings.columns["logarithmic"])
    for values, mean, width in ((flat, 4.0, 4.0), (logarithmic, -3.0, 2.0)):
        error = width / np.sqrt(12 * n)  # of the mean of uniform draws
        assert abs(values.mean() - mean) < 4 * error
        assert values.min() >= mean - width / 2
        assert values.max() <= mean + width / 2
    counts = np.unique(settings.columns["picked"], return_counts=True)[1]
    assert (abs(counts / n - 1 / 3) < 4 * np.sqrt(2 / 9 / n)).all()
    # two hyperparameters are drawn independently
    assert abs(np.corrcoef(flat, logarithmic)[0, 1]) < 4 / np.sqrt(n)


def build(learning_rate: Any, momentum: Any = 0.9) -> Recipe:
    return Recipe(jaxnet.mlp((3, 5, 3)), jaxnet.optim.momentum(learning_rate, momentum=momentum))


def no_recipe(learning_rate: Any) -> Any:
    return jaxnet.optim.sgd(learning_rate)


def two(key: Any, n: int) -> Any:
    return np.ones(2)


def untyped(function: Any) -> Any:
    return function


def swept(settings: Any, maker: Any = build, **more: Any) -> Any:
    runs = {"key": jax.random.key(0), "epochs": 1, "batch_size": 8} | more
    return sweep(maker, blobs(), settings=settings, **runs)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: grid(), "expected axes to be given, got none."),
        (lambda: grid(a=[]), "expected a to be a list of numbers, got []"),
        (lambda: grid(a=[1, 1]), "expected a to hold unlike values, got [1, 1]"),
        (lambda: grid(a=[1, float("nan")]), "expected a to be finite"),
        (lambda: grid(a=["relu"]), "expected a to hold numbers, got ['relu']. Make a sweep"),
        (
            lambda: grid(a=[True, 2]),
            "expected a to hold numbers, got [True, 2]. Make a sweep",
        ),
        (lambda: grid(a=[[1], [1, 2]]), "expected a to hold numbers, got [[1], [1, 2]]"),
        (lambda: grid(a=[[1, 2]]), "expected a to be a list of numbers, got [[1, 2]]"),
        (lambda: grid(a=3), "expected a to be a list of numbers, got 3"),
        (lambda: grid(a=[1j]), "expected a to hold numbers, got [1j]"),
        (
            lambda: untyped(listed)([5]),
            "expected settings[0] to be a dictionary, got a int",
        ),
        (
            lambda: untyped(listed)([{"a": 1}, 5]),
            "expected settings[1] to be a dictionary, got a int",
        ),
        (lambda: listed([{"a": [1, 2]}]), "got [1, 2]. To try several, pass grid(a=[...])."),
        (lambda: untyped(sampled)(jax.random.key(0), 3, a=[1, 2]), "pass a=choice([...])."),
        (lambda: sampled(jax.random.key(0), 3, a=two), "expected a to give 3 numbers, got 2."),
        (lambda: swept(Settings({}, {})), "settings to have columns of one length, got no columns"),
        (lambda: swept(Settings({"a": np.ones(2), "b": np.ones(3)}, {})), "got [2, 3]"),
        (lambda: listed([]), "expected settings not to be empty"),
        (lambda: listed([{"a": 1}, {"b": 1}]), "expected names to be a, got b in setting 1"),
        (lambda: sampled(jax.random.key(0), 3), "expected distributions to be given"),
        (lambda: log_uniform(0.0, 1.0), "expected low finite and in (0, inf)"),
        (lambda: uniform(1.0, 1.0), "expected high finite and in (1, inf)"),
        (lambda: swept({"learning_rat": 0.1}), "Did you mean 'learning_rate'?"),
        (lambda: swept({"momentum": 0.1}), "missing a required argument: 'learning_rate'"),
        (lambda: swept(grid(learning_rate=[0.1, -0.1])), "expected learning_rate finite and in"),
        (lambda: swept(3), "expected settings to be settings, got a int"),
        (lambda: swept({"learning_rate": 0.1}, no_recipe), "expected build to return a"),
        (lambda: swept({"learning_rate": 0.1}, epochs=0), "expected epochs >= 1, got 0"),
        (lambda: swept({"learning_rate": 0.1}, seeds=0), "expected seeds >= 1, got 0"),
        (
            lambda: swept({"learning_rate": 0.1}, batch_size=99),
            "expected batch_size to be at most the 37",
        ),
        (lambda: swept({"learning_rate": 0.1}, width="map"), "width to be one of all, auto"),
        (lambda: swept({"learning_rate": 0.1}, width=0), "expected width >= 1, got 0"),
        (lambda: swept({"learning_rate": 0.1}, devices=[]), "expected devices not to be empty"),
        (lambda: swept({"learning_rate": 0.1}, on_progress=3), "on_progress to be a function"),
        (lambda: swept({"learning_rate": 0.1}, checkpoint=3), "checkpoint to be a path, got 3"),
        (lambda: swept({"learning_rate": 0.1}, checkpoint=""), "checkpoint to be a path, got ''"),
        (
            lambda: swept({"learning_rate": 0.1}, shuffle="no"),
            "expected shuffle to be a boolean or",
        ),
        (lambda: swept({"learning_rate": 0.1}, instruments=[min]), "instruments to be a mapping"),
        (lambda: swept({"learning_rate": 0.1}, keep="all"), "expected keep to be one of"),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
@pytest.mark.usefixtures("no_type_checks")
def test_bad_input(make: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        make()
    assert message in str(caught.value)
