"""Waves: who trains which members, and that those who only fill a place do not train."""

import jax
import numpy as np
import pytest

from jaxnet.training.sweeps.waves import Members, _padded, local_share


def members(number: int) -> Members:
    keys = jax.random.split(jax.random.key(0), number)
    return Members(keys, {"rate": np.arange(float(number))}, np.full(number, 9, np.int32))


def test_places_that_are_left_over_train_for_no_epoch() -> None:
    wave = _padded(members(5), 3, 4)
    np.testing.assert_array_equal(wave.hyperparameters["rate"], [3, 4, 4, 4])
    np.testing.assert_array_equal(wave.epochs, [9, 9, 0, 0])


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
