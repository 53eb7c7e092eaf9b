"""sweep_choices: a sweep for each combination of choices, ranked together."""

from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.training import Recipe, grid, sweep, sweep_choices
from tests.training.toys import blobs

KEY = jax.random.key(0)
RUNS: dict[str, Any] = {"epochs": 2, "batch_size": 10, "seeds": 2, "width": 1}
CHOICES = {"hidden": [(), (4,)], "activation": [jaxnet.activations.relu, "tanh"]}
RATES = grid(rate=[1e-4, 0.1])


def build(hidden: Any, activation: Any, rate: Any) -> Recipe:
    train = blobs()
    widths = (train.inputs.shape[1], *hidden, int(train.targets.max()) + 1)
    return Recipe(jaxnet.mlp(widths, activation=activation), jaxnet.optim.sgd(rate))


@pytest.mark.slow
def test_each_is_the_sweep_of_its_choices(tmp_path: Path) -> None:
    given = {"key": KEY, "choices": CHOICES, "settings": RATES, **RUNS}
    result = sweep_choices(build, blobs(), checkpoint=tmp_path, **given)
    assert len(result.choices) == len(result.sweeps) == 4
    assert result.choices[1] == {"hidden": (), "activation": "tanh"}
    alone = sweep(lambda rate: build((4,), "tanh", rate), blobs(), key=KEY, settings=RATES, **RUNS)
    own = result.sweeps[3].metrics
    np.testing.assert_array_equal(own["train_loss"], alone.metrics["train_loss"])
    means = np.array([found.mean("train_loss") for found in result.sweeps])
    ranking = result.ranking()
    assert [means[pair] for pair in ranking] == sorted(means.ravel())
    place, setting = ranking[0]
    best = result.best()
    assert best == result.choices[place] | result.sweeps[place].settings.row(setting)
    assert result.best("train_accuracy", mode="min") != best
    header, first, *rest = result.table(top=3).splitlines()
    assert header.split() == ["hidden", "activation", "rate", "train_loss", "+-"]
    assert f"{means.min():.4g}" in first
    assert len(rest) == 2
    assert "relu" in repr(result)
    assert len(repr(result).splitlines()) < 60
    records = result.records()
    assert len(records) == 4 * 2 * 2
    assert records[0].keys() >= {"hidden", "activation", "rate", "seed", "train_loss"}
    assert sorted(path.name for path in tmp_path.iterdir()) == [f"choice_{i}" for i in range(4)]
    again = sweep_choices(build, blobs(), checkpoint=tmp_path, **given)
    assert again.records() == records


@pytest.mark.parametrize(
    ("choices", "message"),
    [
        ({}, "expected choices to name one value or more each, got {}"),
        ({"hidden": [], "activation": ["relu"]}, "expected choices to name one value or more"),
        ({"rate": [0.1]}, "expected choices to be no hyperparameters, got rate"),
        ({"hiden": [()], "activation": ["relu"]}, "hiden.*Did you mean 'hidden'"),
    ],
)
def test_bad_choices(choices: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        sweep_choices(build, blobs(), key=KEY, choices=choices, settings=RATES, **RUNS)


def test_a_choice_among_settings_is_pointed_to_it() -> None:
    def needs(rate: Any) -> Recipe:
        return build((4,) if rate > 0 else (), "relu", rate)

    with pytest.raises((ValueError, TypeError), match="Or pass its values to sweep_choices"):
        sweep(needs, blobs(), key=KEY, settings=RATES, **RUNS)
