"""Results of sweeps: means, spreads and ranks leave out what diverged, and the table marks it."""

from typing import Any

import jax
import numpy as np
import pytest

from jaxnet.training import SweepResult, grid, listed
from jaxnet.training.sweeps.result import steady_ranking

LOSSES = np.array([[3.0, 1.0, np.nan], [1.0, 4.0, 1.0], [np.nan, np.nan, np.nan]])
ACCURACIES = np.array([[0.5, 0.9, np.nan], [0.9, 0.8, 0.9], [np.nan, np.nan, np.nan]])


def result(**changes: Any) -> SweepResult:
    blank: Any = dict.fromkeys(SweepResult._fields)
    metrics = {"train_loss": LOSSES, "train_accuracy": ACCURACIES}
    given = {
        "settings": grid(rate=[0.1, 0.2, 0.4]),
        "keys": jax.random.split(jax.random.key(0), 3),
        "metrics": metrics,
        "modes": {"train_loss": "min", "train_accuracy": "max"},
        "diverged": np.isnan(LOSSES),
        "done": np.full((3, 3), 7),
    }
    return SweepResult(**(blank | given | changes))


def test_mean_and_spread_are_of_the_runs_that_did_not_diverge() -> None:
    np.testing.assert_array_equal(result().mean("train_loss"), [2.0, 2.0, np.nan])
    np.testing.assert_allclose(result().spread("train_loss"), [2**0.5, 3**0.5, np.nan])
    one_left = result(diverged=np.array([[False, True, True]] * 3))
    np.testing.assert_array_equal(one_left.mean("train_loss")[:2], [3.0, 1.0])
    assert np.isnan(one_left.spread("train_loss")).all()


def test_ranks_fall_with_losses_and_rise_with_accuracies() -> None:
    losses = np.array([[2.0], [1.0], [3.0]])
    lower = result(metrics={"train_loss": losses}, diverged=np.zeros((3, 1), bool))
    np.testing.assert_array_equal(lower.ranking(), [1, 0, 2])
    np.testing.assert_array_equal(result().ranking("train_accuracy"), [1, 0, 2])
    assert result().best("train_accuracy") == {"rate": 0.2}


def test_equal_settings_stay_in_their_order_and_lost_ones_come_last() -> None:
    np.testing.assert_array_equal(result().ranking(), [0, 1, 2])


def test_a_steady_ranking_has_no_setting_of_which_a_run_diverged() -> None:
    np.testing.assert_array_equal(steady_ranking(result()), [1])
    with pytest.raises(ValueError, match="expected settings to hold one of which no run diverg"):
        steady_ranking(result(diverged=np.ones((3, 3), bool)))


def test_the_table_counts_runs_and_those_that_diverged() -> None:
    lines = result().table("train_accuracy").splitlines()
    assert lines[0].split() == ["rate", "train_accuracy", "+-", "runs"]
    assert lines[1].split() == ["0.2", "0.8667", "0.058", "3"]
    assert lines[2].split() == ["0.1", "0.7", "0.28", "3,", "1", "diverged"]
    assert lines[3].split() == ["0.4", "nan", "nan", "3,", "3", "diverged"]
    assert len(result().table(top=1).splitlines()) == 2


def test_records_are_one_a_run() -> None:
    records = result().records()
    assert len(records) == 9
    assert records[1] == {
        "rate": 0.1,
        "seed": 1,
        "epochs": 7,
        "diverged": False,
        "train_loss": 1.0,
        "train_accuracy": 0.9,
    }


@pytest.mark.parametrize(
    ("ask", "message"),
    [
        (lambda: result().mean("acuracy"), "metric to be one of train_accuracy, train_loss"),
        (lambda: result().member(3), "expected setting below 3, got 3"),
        (lambda: result().member(0, 3), "expected seed below 3, got 3"),
        (
            lambda: result(settings=grid(a=[1, 2]).take(np.arange(2))).on_grid(LOSSES),
            "to be a grid",
        ),
    ],
    ids=["metric", "setting", "seed", "no grid"],
)
def test_what_is_not_there(ask: Any, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        ask()


def test_hyperparameters_called_as_a_column_keep_their_values() -> None:
    settings = listed([{"seed": 10**6, "epochs": n, "train_loss": 0.5} for n in (1, 2, 3)])
    first = result(settings=settings).records()[0]
    assert first == {
        "setting_seed": 10**6,
        "setting_epochs": 1,
        "setting_train_loss": 0.5,
        "seed": 0,
        "epochs": 7,
        "diverged": False,
        "train_loss": 3.0,
        "train_accuracy": 0.5,
    }
    lines = result(settings=settings).table().splitlines()
    assert lines[1].split()[:3] == ["1000000", "1", "0.5"]


@pytest.mark.parametrize("top", [0, -1, "a"])
@pytest.mark.usefixtures("no_type_checks")
def test_a_table_has_a_first_row(top: Any) -> None:
    with pytest.raises((ValueError, TypeError), match="expected top "):
        result().table(top=top)
    assert len(result().table(top=2).splitlines()) == 3
