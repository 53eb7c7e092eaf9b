"""What cleaning, standardization and augmentation do: records and claims of short runs."""

from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from experiments import augmentation, data_cleaning, standardization
from experiments.augmentation.kinds import augmentations
from experiments.data_cleaning import rows
from experiments.data_cleaning.lines import slopes_with_nulls
from experiments.standardization import quadratic
from experiments.standardization.features import RATES, features, prepared
from jaxnet.data import preparation
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record_of_data_cleaning(tmp_path: Path) -> None:
    record = recorded("data_cleaning", tmp_path, "--smoke")
    assert len(record["claims"]) == 13
    exact = [0, 2, 3, 6, 7, 8, 9, 10]  # the others need more groups than two
    assert all(record["claims"][place]["holds"] for place in exact)
    shares, law = record["results"]["duplicate_shares"], record["results"]["law"]
    np.testing.assert_allclose(shares, law, atol=1e-3)
    moved = {loss: np.mean(each) for loss, each in record["results"]["moved"].items()}
    assert moved["squared_error"] > moved["huber"] > 0


@pytest.mark.slow
def test_the_record_of_standardization(tmp_path: Path) -> None:
    record = recorded("standardization", tmp_path, "--smoke")
    assert len(record["claims"]) == 4
    assert all(claim["holds"] for claim in record["claims"])


def test_the_steps_of_a_quadratic_are_those_that_are_taken() -> None:
    random = np.random.default_rng(0)
    x = random.normal(size=(50, 2)) * [1.0, 4.0]
    y = x @ [2.0, -1.0] + random.normal(size=50)
    condition, steps = quadratic.descend(x, y)
    hessian, optimum = quadratic.quadratic(x, y)
    values = np.linalg.eigvalsh(hessian)
    assert condition == pytest.approx(values[1] / values[0])
    w, taken = np.zeros(2), 0
    excess = optimum @ hessian @ optimum
    while (w - optimum) @ hessian @ (w - optimum) > quadratic.TARGET * excess:
        w = w - 2 / values.sum() * hessian @ (w - optimum)
        taken += 1
    assert taken == steps > 3


@pytest.mark.slow
def test_the_record_of_augmentation(tmp_path: Path) -> None:
    record = recorded("augmentation", tmp_path, "--smoke")
    errors = np.array(record["results"]["test_errors"])
    assert errors.shape == (2, 6, 2)  # kind, size, draw
    assert np.all((errors > 0) & (errors < 1))
    assert errors[0, -1].mean() < errors[0, 0].mean()
    kinds = {name: np.array(each) for name, each in record["results"]["kinds"].items()}
    assert {each.shape for each in kinds.values()} == {(2, 2)}  # size, draw
    np.testing.assert_array_equal(kinds["affine"], errors[1, [1, 4]])
    values = [tuple(each.ravel()) for each in kinds.values()]
    assert len(set(values)) == len(values) == 7


def test_a_duplicate_that_weighs_as_others_do_fails() -> None:
    law = [m / 63 for m in (1, 2, 3)]
    assert data_cleaning.duplicate_claim(law, law).holds
    assert not data_cleaning.duplicate_claim([1 / 63] * 3, law).holds


def test_outliers_that_move_both_losses_alike_fail() -> None:
    moved = {"squared_error": np.array([0.5, 0.55, 0.52]), "huber": np.array([0.2, 0.21, 0.18])}
    claims = data_cleaning.outlier_claims(moved, [0, 0], [True, True])
    assert all(claim.holds for claim in claims)
    moved["huber"] = moved["squared_error"]
    wrong = data_cleaning.outlier_claims(moved, [1, 0], [True, False])
    assert not any(claim.holds for claim in wrong)


def test_a_minkowski_error_beyond_its_neighbours_fails() -> None:
    names = ("squared_error", "minkowski_error", "absolute_error")
    moved: dict[str, np.ndarray] = dict(zip(names, SPREAD, strict=True))
    assert all(claim.holds for claim in data_cleaning.robust_claims(moved))
    moved = dict.fromkeys(moved, moved["minkowski_error"])
    assert not any(claim.holds for claim in data_cleaning.robust_claims(moved))


SPREAD = np.array([[0.5, 0.55, 0.52], [0.3, 0.36, 0.31], [0.1, 0.13, 0.1]])


def test_rows_of_another_kind_fail() -> None:
    table = rows.equal_rows(np.random.default_rng(0))
    good = data_cleaning.gather([table, table])
    assert all(claim.holds for claim in data_cleaning.row_claims(good))
    wrong = {"coarse": good["fine"], "fine": good["coarse"]}
    wrong |= {"rounded copies": good["with tolerance"], "with tolerance": good["rounded copies"]}
    assert not any(claim.holds for claim in data_cleaning.row_claims(wrong))


def test_a_histogram_of_other_heights_fails() -> None:
    def claim(**drawn: float) -> bool:
        draws = np.random.default_rng(0).spawn(4)
        distances = [rows.histogram_distances(draw, **drawn) for draw in draws]
        return data_cleaning.histogram_claim(np.array(distances)).holds

    assert claim()
    assert not claim(mean=173.0)
    assert not claim(deviation=9.0)


def test_nulls_that_do_other_harm_fail() -> None:
    each = [slopes_with_nulls(draw) for draw in np.random.default_rng(0).spawn(4)]
    nulls = {field: data_cleaning.gather([row[field] for row in each]) for field in each[0]}
    assert all(claim.holds for claim in data_cleaning.null_claims(nulls))
    assert np.mean(nulls["targets"]["imputed"]) == pytest.approx(0.7 * 76, abs=6)
    swapped = {"inputs": nulls["targets"], "targets": nulls["inputs"]}
    assert not any(claim.holds for claim in data_cleaning.null_claims(swapped))


def test_preparations_that_change_nothing_fail() -> None:
    raw = np.array([[1e4, 1e5], [1.2e4, 1.1e5]])
    same = {"A": {"raw": raw}, "B": {"raw": raw, "standardized": raw}}
    assert not any(claim.holds for claim in standardization.condition_claims(same))
    rows = quadratic.height_and_children(20, np.random.default_rng(0))
    assert standardization.divisor_claim(rows).holds
    assert not standardization.divisor_claim(rows, preparation.min_max()).holds
    assert not standardization.drift_claim(np.array([1.0, 1.1]), np.array([1.0, 1.1])).holds


def test_raw_pixels_that_do_no_harm_fail() -> None:
    def row(features: float, best: int, error: float) -> dict[str, np.ndarray]:
        loss, errors = np.ones((len(RATES), 3)), np.full((len(RATES), 3), 0.9)
        loss[best], errors[best] = 0.1, error * np.array([1.0, 1.1, 0.9])
        loss[-1] = np.nan  # diverged
        return {"features": np.full(3, features), "loss": loss, "error": errors}

    raw = {"0 to 255": row(130, 2, 0.2), "standardized": row(1, 6, 0.02)}
    assert all(claim.holds for claim in standardization.pixel_claims(raw))
    raw["0 to 255"] = row(90, 6, 0.02)
    assert not any(claim.holds for claim in standardization.pixel_claims(raw))


def test_features_of_a_relu_network_are_as_large_as_its_inputs() -> None:
    digits, key = jaxnet.data.load_dataset("digits").train, jax.random.key(0)
    small, large = (features(key, prepared(digits, lambda x, s=s: s * x).inputs) for s in (1, 16))
    assert small > 1
    np.testing.assert_allclose(large, 16 * small, rtol=1e-5)


def test_augmentation_without_a_gain_fails() -> None:
    assert augmentation.gain_claim(np.array([[0.06, 0.07, 0.05]])).holds
    assert not augmentation.gain_claim(np.array([[0.06, -0.07, 0.01]])).holds


def test_mirror_images_that_help_and_kinds_that_gain_fail() -> None:
    pair = np.array([[0.1, 0.12, 0.11], [0.02, 0.03, 0.02]])
    kinds = dict.fromkeys(("none", "affine", "cutout", "flip", "mixup", "residual"), pair)
    kinds |= {"flip": pair + 0.02, "cutout": pair + 0.01, "stochastic depth": pair - 0.001}
    assert all(claim.holds for claim in augmentation.kind_claims(augmentation.gains(kinds)))
    wrong = {"flip": pair, "cutout": pair - 0.01, "mixup": pair - 0.02}
    kinds |= wrong | {"stochastic depth": kinds["residual"] - 0.01}
    assert not any(claim.holds for claim in augmentation.kind_claims(augmentation.gains(kinds)))


@pytest.mark.slow
def test_the_examples_of_a_kind_are_those_of_the_others_and_only_those() -> None:
    dataset = jaxnet.data.load_dataset("digits")
    each = augmentations(dataset)
    batch = jax.tree.map(jnp.asarray, dataset.train.take(np.arange(20)))
    found = {name: augment(jax.random.key(1), batch) for name, augment in each.items()}
    np.testing.assert_array_equal(found["none"].inputs, batch.inputs)
    rows = np.asarray(batch.inputs, float).reshape(-1, 8, 8)
    mirrored = np.asarray(found["flip"].inputs).reshape(-1, 8, 8)
    flipped = np.array([np.array_equal(a, b[:, ::-1]) for a, b in zip(mirrored, rows, strict=True)])
    kept = np.array([np.array_equal(a, b) for a, b in zip(mirrored, rows, strict=True)])
    assert np.all(flipped | kept)
    assert 0 < flipped.mean() < 1
    labels = np.eye(10)[np.asarray(batch.targets)]
    for name in ("none", "affine", "cutout", "flip"):
        np.testing.assert_array_equal(found[name].targets, labels)
    assert not np.array_equal(found["mixup"].targets, labels)
