"""Optuna's batches are sweeps; what diverges is told as failed, and no trial stays open."""

import re
import sys
from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.core.errors import MissingPackageError
from jaxnet.training import Recipe, optuna_search, sweep
from tests.training.toys import blobs

RUNS: dict[str, Any] = {"key": jax.random.key(0), "epochs": 2, "batch_size": 8, "width": 1}


@pytest.fixture
def optuna() -> Any:
    module = pytest.importorskip("optuna", reason="needs the package optuna")
    module.logging.set_verbosity(module.logging.WARNING)
    return module


def build(learning_rate: Any, units: Any = 5, scale: Any = 1.0) -> Recipe:
    network = jaxnet.mlp((3, 5, 3), active_units=units, input_scale=scale)
    return Recipe(network, jaxnet.optim.adam(learning_rate))


def searched(optuna: Any, study: Any, builder: Any = build, **more: Any) -> Any:
    of = optuna.distributions
    distributions = {
        "learning_rate": of.FloatDistribution(1e-3, 0.5, log=True),
        "units": of.IntDistribution(1, 5),
        "scale": of.CategoricalDistribution([1, 0.5]),
    }
    given = {"distributions": distributions, "rounds": 3, "batch": 4, "seeds": 2} | RUNS | more
    return optuna_search(study, builder, blobs(), blobs(seed=1), **given)


@pytest.mark.slow
def test_each_round_is_a_sweep_that_the_study_learns_from(optuna: Any) -> None:
    study = optuna.create_study(sampler=optuna.samplers.TPESampler(seed=0))
    traces = []

    def counted(**numbers: Any) -> Recipe:
        if not isinstance(numbers["learning_rate"], float):
            traces.append(1)
        return build(**numbers)

    results = searched(optuna, study, counted)
    assert len(traces) == 1
    assert len(results) == 3
    values = np.concatenate([result.mean("validation_loss") for result in results])
    assert [trial.value for trial in study.trials] == values.tolist()
    for index, trial in enumerate(study.trials):
        assert results[index // 4].settings.row(index % 4) == trial.params
    runs: Any = RUNS | {"seeds": 2, "validation": blobs(seed=1)}
    again = sweep(build, blobs(), settings=results[1].settings, **runs)
    np.testing.assert_array_equal(
        again.metrics["validation_loss"], results[1].metrics["validation_loss"]
    )
    assert study.best_value == values.min()


def test_what_diverges_has_failed(optuna: Any) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    rates = optuna.distributions.CategoricalDistribution([0.01, 1e38])
    (result,) = searched(optuna, study, distributions={"learning_rate": rates}, rounds=1, batch=6)
    lost = result.diverged.any(axis=1).tolist()
    assert any(lost)
    assert not all(lost)
    assert [trial.state.name == "FAIL" for trial in study.trials] == lost


def test_an_error_leaves_no_trial_open(optuna: Any) -> None:
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=1))
    wrong = {"learning_rate": optuna.distributions.CategoricalDistribution([0.1, -1.0])}
    with pytest.raises(ValueError, match=r"expected learning_rate .*, got -1\.0"):
        searched(optuna, study, distributions=wrong)
    assert [trial.state.name for trial in study.trials] == ["FAIL"] * 4


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"name": "rate"}, "expected options of build to be among"),
        ({"metric": "validation_acuracy"}, "Did you mean 'validation_accuracy'?"),
    ],
    ids=["name", "metric"],
)
def test_what_can_be_known_before_is_refused_before_a_trial(
    changed: dict[str, str], message: str, optuna: Any
) -> None:
    study = optuna.create_study()
    name = changed.pop("name", "learning_rate")
    rates = {name: optuna.distributions.FloatDistribution(0.1, 1.0)}
    with pytest.raises(ValueError, match=re.escape(message)):
        searched(optuna, study, distributions=rates, **changed)
    assert study.trials == []


@pytest.mark.usefixtures("no_type_checks")
def test_bad_input(optuna: Any) -> None:
    study = optuna.create_study()
    several = optuna.create_study(directions=["minimize", "minimize"])
    kinds = {"learning_rate": optuna.distributions.CategoricalDistribution(["a", "b"])}
    for changed, message in (
        ({"metric": "validation_accuracy"}, "expected study to maximize validation_accuracy alone"),
        ({"study": several}, "to minimize validation_loss alone, got minimize and minimize"),
        ({"distributions": kinds}, "expected learning_rate to be numbers"),
        ({"distributions": {}}, "distributions to be one or more by name, got {}."),
        ({"distributions": [0.1]}, "expected distributions to be one or more by name, got [0.1]"),
        ({"distributions": {"units": 3}}, "expected units to be a distribution of Optuna's, got 3"),
        ({"study": "x"}, "expected study to be a study, got 'x'. Pass optuna."),
        ({"rounds": 0}, "expected rounds >= 1, got 0"),
        ({"batches": 2}, "expected options to be one of"),
    ):
        given: dict[str, Any] = {"study": study} | changed
        with pytest.raises((ValueError, TypeError)) as caught:
            searched(optuna, **given)
        assert message in str(caught.value)


def test_without_optuna_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "optuna", None)
    given: Any = {"distributions": {}, "rounds": 1, "batch": 1}
    with pytest.raises(MissingPackageError, match="Install it by: pip install optuna"):
        optuna_search(None, build, blobs(), blobs(), **given, **RUNS)
