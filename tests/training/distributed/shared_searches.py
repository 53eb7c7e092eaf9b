"""What two processes check of the searches, which sweep again and again."""

from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.training import Recipe, optuna_search, successive_halving
from tests.training.toys import blobs

RUNS: dict[str, Any] = {"batch_size": 8, "width": 1}


def build(learning_rate: Any) -> Recipe:
    return Recipe(jaxnet.mlp((3, 3)), jaxnet.optim.sgd(learning_rate))


def check_halving() -> str:
    """Halve five settings: the second process finds what it finds by itself."""
    rates = np.linspace(0.01, 0.5, 5).tolist()
    given: dict[str, Any] = {"settings": [{"learning_rate": rate} for rate in rates], **RUNS}
    given |= {"key": jax.random.key(5), "epochs": 6, "min_epochs": 2, "reduction": 2, "seeds": 2}
    together = successive_halving(build, blobs(), blobs(seed=1), **given)
    assert [len(rung.indices) for rung in together.rungs] == [5, 2, 1]
    if jax.process_index() == 1:
        alone = successive_halving(
            build, blobs(), blobs(seed=1), devices=jax.local_devices()[:1], **given
        )
        assert facts(together) == facts(alone)
    return facts(together)


def facts(result: Any) -> str:
    """Return a digest of all that a halving finds, its rungs and the states of the last one."""
    rungs = [(rung.indices, rung.sweep.metrics, rung.sweep.history) for rung in result.rungs]
    counts = result.best, result.epochs_trained, result.epochs_of_all
    return digest((rungs, result.rungs[-1].sweep.state, counts))


def check_optuna() -> str:
    """Ask the first process's study, whose sampler has no seed; the second one has no study."""
    optuna = pytest.importorskip("optuna", reason="needs the package optuna")
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    rates = {"learning_rate": optuna.distributions.CategoricalDistribution([0.01, 0.1, 1e38])}
    first = jax.process_index() == 0
    study = optuna.create_study(sampler=optuna.samplers.RandomSampler()) if first else None
    given: dict[str, Any] = {"distributions": rates, "rounds": 2, "batch": 4, "epochs": 1, **RUNS}
    given["key"] = jax.random.key(5)  # not at import, before the processes have joined
    results = optuna_search(study, build, blobs(), blobs(seed=1), **given)
    asked = [result.settings.row(i)["learning_rate"] for result in results for i in range(4)]
    if study is not None:
        assert [trial.params["learning_rate"] for trial in study.trials] == asked
        lost = np.concatenate([result.diverged.any(axis=1) for result in results]).tolist()
        assert [trial.state.name == "FAIL" for trial in study.trials] == lost
    rising = optuna.create_study(direction="maximize") if first else None
    with pytest.raises(ValueError, match="study to minimize validation_loss alone, got maximize"):
        optuna_search(rising, build, blobs(), blobs(seed=1), **given)
    return digest([(result.settings.columns, result.metrics) for result in results])


def check_searches() -> list[str]:
    """Return digests, which must be those of the other process, too."""
    return [check_halving(), check_optuna()]
