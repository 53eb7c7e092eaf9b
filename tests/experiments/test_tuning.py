"""Choosing on the test examples: the claims, and variants of them that must fail."""

from typing import Any

import numpy as np
import pytest

from experiments.tuning import estimates, hyperparameters
from experiments.tuning.estimates import (
    GRID,
    HELD_OUT,
    SETTINGS,
    SIZE,
    TRAIN,
    choose,
    folded,
    judge,
    pick,
)
from experiments.tuning.estimates import whole as whole_recipe


def drawn(noise: float = 0.1, gap: float = 0.0) -> dict[str, np.ndarray]:
    """Settings whose true accuracies are alike but for ``gap``, read with some noise."""
    random = np.random.default_rng(0)
    truth = np.full((60, SETTINGS), 0.8)
    truth[:, 0] += gap
    noises = {"test": noise, "validation": noise, "truth": 0.0, "folds": noise / 2}
    shape = truth.shape
    return {name: truth + std * random.normal(size=shape) for name, std in noises.items()}


def judged(accuracy: dict[str, np.ndarray], **places: Any) -> list[bool]:
    chosen = {how: choose(accuracy[how]) for how in ("test", "validation", "folds")} | places
    taken = {how: pick(accuracy["truth"], place) for how, place in chosen.items()}
    away = {how: pick(accuracy["test"], chosen[how]) - taken[how] for how in chosen}
    return [claim.holds for claim in judge(away, taken, accuracy)]


def test_all_claims_hold_where_settings_are_alike() -> None:
    assert judged(drawn()) == [True] * 4


def test_without_noise_there_is_no_optimism() -> None:
    assert judged(drawn(noise=1e-9))[0::2] == [False, False]


def test_settings_that_err_alike_are_no_choice() -> None:
    accuracy = drawn()
    accuracy["test"] = accuracy["truth"] + 0.1  # the same error of all, in every set
    assert judged(accuracy)[2] is False


def test_who_looks_at_the_test_while_validating_is_found_out() -> None:
    accuracy = drawn()
    assert judged(accuracy, validation=choose(accuracy["test"]))[1] is False


def test_folds_that_choose_badly_fail() -> None:
    accuracy = drawn(noise=0.01, gap=0.2)
    assert judged(accuracy)[3] is True
    assert judged(accuracy, folds=np.full(60, 5))[3] is False


def test_sets_and_folds_are_disjoint() -> None:
    setting = {name: values[0] for name, values in GRID.items()}
    recipes = [folded(2, fold, **setting) for fold in range(estimates.FOLDS)]
    train = np.arange(TRAIN) + 2 * SIZE
    held_out = np.concatenate([np.asarray(recipe.held_out) for recipe in recipes])
    assert sorted(held_out) == train.tolist()
    for recipe in recipes:
        assert sorted([*recipe.subset, *recipe.held_out]) == train.tolist()  # pyright: ignore
    recipe = whole_recipe(2, **setting)
    assert np.asarray(recipe.subset).tolist() == train.tolist()
    assert np.asarray(recipe.held_out).tolist() == (train[-1] + 1 + np.arange(HELD_OUT)).tolist()


@pytest.mark.parametrize("tried", estimates.TRIED)
def test_optimism_is_that_of_the_best_of_some(tried: int) -> None:
    optimism = estimates.optimisms(drawn(), tried)
    assert optimism.shape == (60,)
    assert abs(optimism.mean() - {1: 0.0, 24: 0.195}.get(tried, optimism.mean())) < 0.04


def invented(gap: float) -> dict[str, dict[Any, np.ndarray]]:
    """Return errors of choices that are as far apart as said where they matter."""
    noise = [np.roll(np.linspace(-0.01, 0.01, 8), 3 * i) for i in range(5)]
    apart = {
        name: gap if name in hyperparameters.MATTER else 0.0 for name in hyperparameters.CHOICES
    }
    return {
        name: {c: 0.1 + apart[name] * i + noise[i] for i, c in enumerate(choices)}
        for name, choices in hyperparameters.CHOICES.items()
    }


def test_claims_about_hyperparameters_can_fail() -> None:
    held = [claim.holds for claim in hyperparameters.matter_claims(invented(0.03))]
    assert held == [True] * 7
    alike = {name: invented(0.0)["L2"] for name in hyperparameters.CHOICES}
    held = [claim.holds for claim in hyperparameters.matter_claims(alike)]
    assert held == [name not in hyperparameters.MATTER for name in alike]
    apart = {name: invented(0.03)["units"] for name in hyperparameters.CHOICES}
    held = [claim.holds for claim in hyperparameters.matter_claims(apart)]
    assert held == [name in hyperparameters.MATTER for name in apart]


def test_luck_of_a_draw_is_no_difference() -> None:
    luck = np.random.default_rng(1).normal(size=(4, 1000))
    assert abs(hyperparameters.losses_of(dict(enumerate(luck))).mean()) < 0.15
    assert np.ptp(luck, axis=0).mean() > 2  # the range itself is not 0


def test_each_choice_changes_one_hyperparameter(monkeypatch: pytest.MonkeyPatch) -> None:
    tried = []

    def train(activation: str, settings: list[dict[str, Any]], *_: Any) -> np.ndarray:
        rows = [each | {"activation": activation, "epochs": 200} for each in settings]
        first = len(tried)
        tried.extend(rows)
        return np.arange(first, len(tried))[:, None, None] * np.ones((1, 2, 200))

    monkeypatch.setattr(hyperparameters, "train", train)
    for name, each in hyperparameters.compare(0, 2, 200).items():
        assert tuple(each) == hyperparameters.CHOICES[name]
        for choice, (number, _) in each.items():
            expected = hyperparameters.DEFAULT | ({} if name == "epochs" else {name: choice})
            assert tried[int(number)] == expected


def test_epochs_are_read_off_one_run(monkeypatch: pytest.MonkeyPatch) -> None:
    curves = np.arange(1.0, 201)

    def train(_: str, settings: list[Any], *__: Any) -> np.ndarray:
        return np.broadcast_to(curves, (len(settings), 2, 200))

    monkeypatch.setattr(hyperparameters, "train", train)
    epochs = hyperparameters.compare(0, 2, 200)["epochs"]
    assert {n: each.tolist() for n, each in epochs.items()} == {n: [n, n] for n in epochs}


def test_either_held_out_part_is_the_test_in_turn() -> None:
    rows = {"test": np.zeros((3, 2)), "validation": np.ones((3, 2)), "truth": np.full((3, 2), 5.0)}
    both = estimates.in_both_roles(rows)
    assert both["test"][:, 0].tolist() == [0, 0, 0, 1, 1, 1]
    assert both["validation"][:, 0].tolist() == [1, 1, 1, 0, 0, 0]
    assert both["truth"].shape == (6, 2)
    mean, error = estimates.over_sets(np.array([0.0, 1.0, 2.0, 2.0, 3.0, 4.0]))
    assert (mean, round(error, 6)) == (2.0, 0.57735)  # of 1, 2 and 3, not of six
