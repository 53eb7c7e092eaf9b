"""Estimators: persistence, weights, resumption, preprocessing, shared programs."""

import pickle
import subprocess
import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

import jaxnet
from jaxnet.core.errors import InvalidTypeError, InvalidValueError
from jaxnet.core.padding import MOST_ROWS
from jaxnet.data import Examples
from jaxnet.data import preparation as prepare
from jaxnet.sklearn import FeedForwardClassifier, FeedForwardRegressor
from tests.test_structure import ROOT

QUICK: dict[str, Any] = {
    "hidden_layer_sizes": (8,),
    "learning_rate_init": 0.05,
    "max_iter": 20,
    "random_state": 0,
}


def classifier(**options: Any) -> FeedForwardClassifier:
    return FeedForwardClassifier(**QUICK | options)


def regressor(**options: Any) -> FeedForwardRegressor:
    return FeedForwardRegressor(**QUICK | options)


def table(rows: int = 90, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """Return rows of three classes with names, apart by five deviations."""
    random = np.random.default_rng(seed)
    labels = np.arange(rows) % 3
    inputs = random.normal(size=(rows, 3)) + 5 * np.eye(3)[labels]
    return 10 * inputs + 100, np.array(["ant", "bee", "cat"])[labels]


def same(a: Any, b: Any, **tolerance: float) -> None:
    """Compare the parameters of two estimators, bit by bit unless told otherwise."""
    pair = a.result_.params, b.result_.params
    jax.tree.map(lambda x, y: np.testing.assert_allclose(x, y, **{"rtol": 0, **tolerance}), *pair)


def test_a_model_file_of_an_estimator_has_its_preprocessing(tmp_path: Path) -> None:
    x, names = table()
    model = classifier().fit(x, names)
    result, path = model.result_, tmp_path / "model.safetensors"
    parts = {"inputs": model.preprocessing_, "class_names": model.classes_.tolist()}
    jaxnet.networks.save_model(path, model.network_, result.params, result.statistics, **parts)
    loaded = jaxnet.networks.load_model(path)
    np.testing.assert_array_equal(loaded.predict(x), model.predict(x))
    np.testing.assert_allclose(loaded.predict_proba(x), model.predict_proba(x), rtol=1e-6)


def test_numbers_rows_and_seeds_share_a_program(compilations: list[str]) -> None:
    x, y = table()
    model = classifier(drop_rate=0.1, batch_size=25)
    model.fit(x, y).predict(x)
    assert compilations
    compilations.clear()
    others = {"learning_rate_init": 0.01, "alpha": 0.1, "drop_rate": 0.3, "tol": 0.0}
    others |= {"random_state": 7, "max_iter": 19, "n_iter_no_change": 3}
    x, y = table(77, seed=1)
    other: Any = clone(model)
    assert other.set_params(**others).fit(x, y).predict(x[:70]).shape == (70,)
    assert compilations == []


@pytest.mark.parametrize("rows", [20, 90], ids=["full batch", "mini-batches"])
def test_padding_changes_nothing(rows: int, float64: np.dtype) -> None:
    x, y = table(rows)
    weights = np.random.default_rng(2).uniform(0.5, 2, rows)
    model = classifier(n_iter_no_change=99, alpha=0.01, shuffle=False, batch_size=25)
    model.fit(x, y, weights)
    found = model.preprocessing_
    assert found is not None
    labels = np.searchsorted(model.classes_, y)
    expected = jaxnet.training.fit(
        model.network_,
        Examples(found.apply(x), labels, weights),
        key=jax.random.key(np.random.RandomState(0).randint(2**31 - 1)),
        optimizer=jaxnet.optim.adam(0.05),
        penalty=jaxnet.penalties.get_penalty("l2", strength=0.005),
        epochs=20,
        batch_size=min(25, rows),
        shuffle=False,
    )
    curves = model.result_.history.train, expected.history.train
    for name in curves[0]:
        np.testing.assert_allclose(curves[0][name], curves[1][name], rtol=1e-9)
    pair = model.result_.params, expected.params
    jax.tree.map(lambda a, b: np.testing.assert_allclose(a, b, rtol=1e-7), *pair)


def test_a_weight_counts_as_repeated_rows(float64: np.dtype) -> None:
    x, y = table(30)
    weights = np.arange(30) % 4
    repeated = np.repeat(np.arange(30), weights)
    model = classifier().fit(x, y, sample_weight=weights)
    same(model, classifier().fit(x[repeated], y[repeated]), rtol=1e-6)


def test_a_class_weight_multiplies_sample_weights() -> None:
    x, y = table()
    x, y = x[20:], np.where(y == "ant", "ant", "other")[20:]
    counts = dict(zip(*np.unique(y, return_counts=True), strict=True))
    balanced = {name: len(y) / 2 / count for name, count in counts.items()}
    models = [classifier(class_weight=weight).fit(x, y) for weight in ("balanced", balanced)]
    same(*models)
    given = np.array([balanced[label] for label in y])
    plain = classifier(preprocessing=None).fit(x, y, given)
    same(classifier(preprocessing=None, class_weight=balanced).fit(x, y), plain)
    without: Any = classifier(class_weight={"ant": 0, "other": 1}, shuffle=False).fit(x, y)
    left: Any = classifier(shuffle=False)
    for _ in range(without.n_iter_):
        left.partial_fit(x[y == "other"], y[y == "other"], classes=["ant", "other"])
    same(without, left)


@pytest.mark.parametrize(
    "preprocessing", ["standardize", None, prepare.chain(prepare.impute(), prepare.min_max())]
)
def test_pickled_and_cloned_ones_are_equal(preprocessing: Any) -> None:
    x, y = table()
    model = classifier(preprocessing=preprocessing).fit(x, y)
    again = pickle.loads(pickle.dumps(model))
    np.testing.assert_array_equal(again.predict_proba(x), model.predict_proba(x))
    same(again.set_params(warm_start=True).fit(x, y), model.set_params(warm_start=True).fit(x, y))
    copy: Any = clone(model)
    with pytest.raises(NotFittedError):
        copy.predict(x)
    copy.set_params(warm_start=False).fit(x, y)


def test_in_pipelines_and_searches() -> None:
    x, y = table()
    model = make_pipeline(StandardScaler(), classifier(preprocessing=None))
    assert cross_val_score(model, x, y, cv=3).mean() > 0.9
    search = GridSearchCV(classifier(), {"learning_rate_init": [1e-6, 0.05]})
    assert search.fit(x, y).best_params_ == {"learning_rate_init": 0.05}
    assert search.predict(x[:3]).tolist() == y[:3].tolist()


def test_probabilities_and_their_logarithms() -> None:
    x, y = table(MOST_ROWS + 3)
    model = classifier().fit(x, y)
    probabilities = model.predict_proba(x)
    np.testing.assert_allclose(probabilities.sum(axis=1), 1, rtol=1e-12)
    np.testing.assert_allclose(np.log(probabilities), model.predict_log_proba(x), atol=1e-12)
    assert model.score(x, y) == np.mean(model.predict(x) == y) > 0.9
    assert model.classes_.tolist() == ["ant", "bee", "cat"]


@pytest.mark.parametrize("outputs", [1, 2])
def test_a_regression_of_one_or_several_values(outputs: int) -> None:
    x, _ = table()
    y = (x - 100) @ np.array([[0.1, 0.2], [0.1, 0.0], [0.0, -0.1]])[:, :outputs] / 10
    model = regressor(max_iter=100).fit(x, y[:, 0] if outputs == 1 else y)
    assert model.score(x, y) > 0.95
    assert model.predict(x).shape == ((90,) if outputs == 1 else (90, 2))


def test_partial_fit_goes_on_epoch_by_epoch() -> None:
    x, y = table()
    model = classifier(max_iter=3, batch_size=30)
    by_epoch: Any = clone(model)
    with pytest.raises(InvalidValueError, match="classes"):
        by_epoch.partial_fit(x, y)
    for _ in range(3):
        by_epoch.partial_fit(x, y, classes=["ant", "bee", "cat"])
    same(by_epoch, model.fit(x, y))
    assert by_epoch.loss_curve_ == model.loss_curve_
    with pytest.raises(InvalidValueError, match="to hold classes among"):
        by_epoch.partial_fit(x[:2], ["ant", "dog"])


def test_a_warm_start_goes_on() -> None:
    x, y = table()
    whole = classifier(max_iter=6, tol=0.0).fit(x, y)
    halves = classifier(max_iter=3, tol=0.0, warm_start=True)
    same(halves.fit(x, y).fit(x, y), whole)
    assert halves.n_iter_ == 6
    held_out = classifier(early_stopping=True, warm_start=True, max_iter=3)
    assert len(held_out.fit(x, y).fit(x, y).validation_scores_ or ()) == 6
    best: Any = classifier(early_stopping=True, max_iter=40, n_iter_no_change=5, random_state=0)
    before = best.fit(x, y).predict_proba(x)
    assert np.argmax(best.validation_scores_) + 1 < best.n_iter_  # the last ones are others
    best.set_params(warm_start=True, learning_rate_init=1e-9, max_iter=1)
    np.testing.assert_allclose(best.fit(x, y).predict_proba(x), before, atol=1e-5)
    with pytest.raises(InvalidValueError, match="widths"):
        halves.set_params(hidden_layer_sizes=(4,)).fit(x, y)


def test_what_was_learned_stays_whole() -> None:
    """Whatever is set after the fit, and when another fit fails."""
    x, y = table()
    model: Any = classifier().fit(x, y)
    expected = model.predict_proba(x)
    with pytest.raises(jaxnet.training.DivergenceError):
        model.set_params(optimizer="sgd", learning_rate_init=1e30).fit(100 * x[:, :2], y == "ant")
    np.testing.assert_array_equal(model.set_params(preprocessing=None).predict_proba(x), expected)
    assert model.classes_.tolist() == ["ant", "bee", "cat"]


def test_preprocessing_sees_no_rows_of_early_stopping() -> None:
    x, y = table()
    model = classifier(early_stopping=True, validation_fraction=0.2)
    means = []
    for seed in range(2):
        model.set_params(random_state=seed).fit(x, y)
        found = model.preprocessing_
        assert found is not None
        means.append(found.statistics["shift"])
        held_out = x.sum(axis=0) - 72 * means[-1]
        assert np.all(np.abs(held_out / 18 - x.mean(axis=0)) < 40)
    assert not np.allclose(*means)  # of other rows each
    scores = model.validation_scores_ or []
    assert len(scores) == model.n_iter_
    assert max(scores) > 0.9
    assert model.result_.epoch <= model.n_iter_


@pytest.mark.parametrize(
    "options",
    [
        {"batch_norm": "before", "batch_size": 30},
        {"optimizer": "schedule_free_adamw"},
        {"optimizer": jaxnet.optim.chain(jaxnet.optim.clip(1.0), jaxnet.optim.adam(0.05))},
        {"hidden_layer_sizes": 16, "activation": "tanh", "drop_rate": 0.1},
        {"hidden_layer_sizes": ()},
    ],
    ids=["batch norm", "schedule-free", "chain", "dropout", "linear"],
)
def test_other_networks_and_optimizers_learn(options: dict[str, Any]) -> None:
    x, y = table()
    model: Any = clone(classifier(**options))
    assert model.fit(x, y).score(x, y) > 0.9


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"activation": "rellu"}, "Did you mean 'relu'"),
        ({"optimizer": "adamm"}, "Did you mean 'adam"),
        ({"loss": "hinge"}, "softmax_cross_entropy"),
        ({"preprocessing": "scale"}, "standardize"),
        ({"learning_rate_init": 0.0}, "learning_rate_init"),
        ({"alpha": -1.0}, "alpha"),
        ({"drop_rate": 1.0}, "drop_rate"),
        ({"max_iter": 0}, "max_iter"),
        ({"batch_size": 0}, "batch_size"),
        ({"hidden_layer_sizes": (8, 0)}, "hidden_layer_sizes"),
        ({"hidden_layer_sizes": ((8,), 4)}, "expected hidden_layer_sizes to be an integer"),
        ({"activation": ["relu"]}, "Did you mean 'relu'"),
        ({"class_weight": "balance"}, "a dictionary of labels, 'balanced' or None"),
        ({"class_weight": {"ant": -1, "bee": 1, "cat": 1}}, "class_weight.'ant'"),
        ({"class_weight": {"ant": 0, "bee": 0, "cat": 0}}, "not to be 0 for all rows"),
    ],
    ids=str,
)
def test_settings_out_of_range_are_refused(options: dict[str, Any], message: str) -> None:
    x, y = table(20)
    with pytest.raises((InvalidValueError, InvalidTypeError), match=message):
        classifier(**options).fit(x, y)


def test_bad_tables_are_refused() -> None:
    x, y = table(20)
    model = classifier().fit(x, y)
    with pytest.raises(ValueError, match="expecting 3 features"):
        model.predict(x[:, :2])
    with pytest.raises(ValueError, match="one class"):
        model.fit(x, y == "dog")
    with pytest.raises(ValueError, match="could not convert string to float"):
        model.fit(np.full((20, 3), "red"), y)
    with pytest.raises(ValueError, match="NaN"):
        model.fit(np.full((20, 3), np.nan), y)
    with pytest.raises(jaxnet.training.DivergenceError, match="learning_rate_init") as caught:
        regressor(learning_rate_init=1e30, optimizer="sgd").fit(x, x)
    for error in (caught.value, jaxnet.training.TrainingInterrupted("stopped", None)):
        again = pickle.loads(pickle.dumps(error))  # on its way out of joblib's processes
        assert str(again) == str(error)
        assert repr(again.result) == repr(error.result)
    kind: Any = FeedForwardClassifier
    with pytest.raises(TypeError, match="positional"):
        kind((8,), "relu", "adam")


def test_without_scikit_learn_it_says_what_to_install() -> None:
    code = "import sys; sys.modules['sklearn'] = None; import jaxnet; import jaxnet.sklearn"
    ended = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert "pip install -e '.[sklearn]'" in ended.stderr.splitlines()[-1]
