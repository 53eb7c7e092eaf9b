"""Waves: who trains which members, and that those who only fill a place do not train."""

import threading
from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.training import Recipe, SweepProgress, sweep
from jaxnet.training.sweeps.batches import Members, _padded, local_share
from tests.training.toys import blobs, network


def members(number: int) -> Members:
    keys = jax.random.split(jax.random.key(0), number)
    return Members(keys, {"rate": np.arange(float(number))}, np.full(number, 9, np.int32))


def test_places_that_are_left_over_train_for_no_epoch() -> None:
    batch = _padded(members(5), 3, 4)
    np.testing.assert_array_equal(batch.hyperparameters["rate"], [3, 4, 4, 4])
    np.testing.assert_array_equal(batch.epochs, [9, 9, 0, 0])


@pytest.mark.parametrize("processes", [1, 2, 3, 7])
def test_each_process_has_its_share(monkeypatch: pytest.MonkeyPatch, processes: int) -> None:
    rates, trained = [], []
    for index in range(processes):
        monkeypatch.setattr(jax, "process_index", lambda index=index: index)
        share = local_share(members(5), processes)
        rates.append(share.hyperparameters["rate"])
        trained.append(share.epochs > 0)
    assert len({len(rate) for rate in rates}) == 1, "a program for each process would be another"
    present = np.concatenate(rates)[np.concatenate(trained)]
    np.testing.assert_array_equal(present, np.arange(5))


def test_an_error_ends_the_threads_that_train() -> None:
    def fail(progress: SweepProgress) -> None:
        raise InterruptedError

    def build(learning_rate: Any) -> Recipe:
        return Recipe(network(), jaxnet.optim.sgd(learning_rate))

    before = threading.active_count()
    runs: dict[str, Any] = {"key": jax.random.key(0), "epochs": 1, "batch_size": 8, "seeds": 4}
    with pytest.raises(InterruptedError) as caught:  # whose traceback holds what was going on
        sweep(build, blobs(), settings={"learning_rate": 0.1}, on_progress=fail, **runs)
    assert caught.traceback
    assert threading.active_count() == before
