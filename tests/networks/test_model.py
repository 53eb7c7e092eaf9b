"""What a loaded model answers: names, labels, values, probabilities; and rows that it refuses."""

import os
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.types import Layer
from jaxnet.data import read_table, table_dataset
from jaxnet.data.preparation import fitted, pca, standardize
from jaxnet.layers import dense, flatten, serial
from jaxnet.networks import Model, UnseenCategoryWarning, load_model, mlp, multiclass, save_model
from jaxnet.networks.model import _program

COLUMNS: dict[str, Any] = {
    "size": [30.0, 50.0, None, 90.0, 110.0, 130.0],
    "floor": [0.0, 1.0, 2.0, 3.0, 4.0, 5.0],
    "zip": ["01067", "52062", "01067", "52062", "01067", "52062"],
    "price": [110.5, 150.0, 180.0, 240.0, 270.0, 330.0],
    "kind": ["cheap", "cheap", "cheap", "dear", "dear", "dear"],
}


def saved(path: Path, network: Layer, in_shape: tuple[int, ...] = (3,), **options: Any) -> Model:
    params, statistics = network.init(jax.random.key(0), in_shape)
    save_model(path / "model", network, params, statistics, in_shape=in_shape, **options)
    given = {} if "mlp" in network.description.settings else {"network": network}
    return load_model(path / "model", **given)


def of_table(path: Path, target: str, outputs: int) -> tuple[Model, Any]:
    table = read_table(COLUMNS)
    data = table_dataset(table, target, key=jax.random.key(1), ignore=("kind", "price"))
    made: Any = data.table
    width = data.train.inputs.shape[1]
    options = {"class_names": data.class_names, "inputs": made.inputs, "outputs": made.outputs}
    return saved(path, mlp((width, 4, outputs)), (width,), **options), made


def outputs_of(model: Model, inputs: Any) -> np.ndarray:
    x = jnp.asarray(inputs, jnp.float32)
    return np.asarray(model.network.apply(model.params, model.statistics, x)[0])


ROWS = np.random.default_rng(0).normal(size=(5, 3)).astype(np.float32)


def test_classes_have_names_or_labels(tmp_path: Path) -> None:
    names = ("a", "b", "c")
    model = saved(tmp_path, mlp((3, 4, 3)), class_names=names)
    labels = outputs_of(model, ROWS).argmax(axis=1)
    assert model.predict(ROWS).tolist() == [names[label] for label in labels]
    assert model.predict(ROWS[0].tolist()) == names[labels[0]]
    unnamed = saved(tmp_path, mlp((3, 4, 3)))
    assert unnamed.predict(ROWS).tolist() == labels.tolist()
    shares = jax.nn.softmax(outputs_of(model, ROWS))
    np.testing.assert_allclose(model.predict_proba(ROWS), shares, rtol=1e-6)
    np.testing.assert_allclose(model.predict_proba(ROWS[0]), shares[0], rtol=1e-6)


@pytest.mark.parametrize("options", [{"class_names": ("no", "yes")}, {"head": "binary"}], ids=str)
def test_one_logit_has_two_classes(options: Any, tmp_path: Path) -> None:
    model = saved(tmp_path, mlp((3, 4, 1)), **options)
    logits = outputs_of(model, ROWS)[:, 0]
    shares = model.predict_proba(ROWS)
    np.testing.assert_allclose(shares[:, 1], 1 / (1 + np.exp(-logits)), rtol=1e-6)
    np.testing.assert_allclose(shares.sum(axis=1), 1, rtol=1e-6)
    expected = (logits >= 0).astype(int)
    names = np.array(options.get("class_names", (0, 1)))
    assert model.predict(ROWS).tolist() == names[expected].tolist()


def test_numbers_are_in_the_unit_of_the_target(tmp_path: Path) -> None:
    targets = np.array([[10.0], [30.0]])
    inputs, outputs = fitted(pca(3), np.eye(4) * 9), fitted(standardize(), targets)
    model = saved(tmp_path, mlp((3, 4, 1)), inputs=inputs, outputs=outputs)
    raw = np.arange(8.0).reshape(2, 4)
    expected = 20 + 10 * outputs_of(model, inputs.apply(raw))[:, 0]
    np.testing.assert_allclose(model.predict(raw), expected, rtol=1e-6)
    assert model.predict(raw[1]) == model.predict(raw)[1]
    with pytest.raises(ValueError, match="model to be of classes, got regression"):
        model.predict_proba(raw)


def test_rows_of_a_table_are_prepared_as_in_training(tmp_path: Path) -> None:
    model, made = of_table(tmp_path, "price", 1)
    expected = made.outputs.invert(outputs_of(model, made.inputs.apply(read_table(COLUMNS))))[:, 0]
    assert model.read_rows(COLUMNS).nulls()["size"] == 1
    np.testing.assert_allclose(model.predict(COLUMNS), expected, rtol=1e-5)
    path = tmp_path / "new.csv"
    path.write_text("zip,size,floor,name\n01067,30,0,x\n52062,50,1,y\n")
    np.testing.assert_allclose(model.predict(path), expected[:2], rtol=1e-5)
    row = {"zip": "52062", "size": 50, "floor": 1}
    np.testing.assert_allclose(model.predict(row), expected[1], rtol=1e-5)
    np.testing.assert_allclose(model.predict([row, row]), expected[[1, 1]], rtol=1e-5)
    extra = row | {"size": jnp.asarray(50.0), "day": np.datetime64("2026-01-01")}  # is not used
    for given in (extra, [extra], {name: [value] for name, value in extra.items()}):
        np.testing.assert_allclose(model.predict(given), expected[1], rtol=1e-5)
    assert model.predict({name: [] for name in row}).shape == (0,)


def test_classes_of_a_table_are_text(tmp_path: Path) -> None:
    model, _ = of_table(tmp_path, "kind", 2)
    answer = model.predict({"zip": "52062", "size": 50.0, "floor": 1})
    assert type(answer) is str
    assert answer in ("cheap", "dear")


ROW = {"zip": "52062", "size": 50.0, "floor": 1.0}
REFUSED: dict[str, tuple[Any, str]] = {
    "name": (
        {"zip": "52062", "Size": 50.0, "floor": 1.0},
        "rows to have the columns size, floor, zip, got zip, Size, floor, without size. Add or re",
    ),
    "text": (ROW | {"size": "big"}, "column 'size' to hold numbers, as in training, got text"),
    "number": (ROW | {"zip": 52062}, "column 'zip' to hold text, as in training, got numbers. Re"),
    "null": (ROW | {"floor": None}, "no nulls where training had none, got .* row 0: floor. Fill"),
    "names": ([ROW, {"zip": "1"}], "expected rows to have the same names, got others"),
}


@pytest.mark.parametrize(("rows", "message"), REFUSED.values(), ids=REFUSED.keys())
def test_rows_that_the_table_does_not_have(rows: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(ValueError, match=message):
        of_table(tmp_path, "price", 1)[0].predict(rows)


@pytest.mark.parametrize(
    ("rows", "kind"),
    [
        (np.zeros((2, 3)), r"a ndarray of shape \(2, 3\)"),
        (jnp.zeros(3), r"a ArrayImpl of shape \(3,\)"),
        ([30.0, 1.0, "01067"], "a list"),
        ([[30.0, 1.0, "01067"]], "a list"),
        ([], "a list"),
    ],
)
def test_rows_without_names_are_refused_with_those_of_the_table(
    rows: Any, kind: str, tmp_path: Path
) -> None:
    names = r"\['size', 'floor', 'zip'\]"
    message = (
        rf"name the columns size, floor, zip, got {kind}\. Pass dict\(zip\({names}, rows\.T\)\)"
    )
    with pytest.raises(TypeError, match=message):
        of_table(tmp_path, "price", 1)[0].predict(rows)


def test_the_remedy_for_an_array_works(tmp_path: Path) -> None:
    model, _ = of_table(tmp_path, "price", 1)
    names = ["size", "floor", "zip"]
    rows = np.array([[50.0, 1.0, "52062"], [30.0, 0.0, "01067"]], object)
    expected = model.predict({name: COLUMNS[name][1::-1] for name in names})
    np.testing.assert_array_equal(model.predict(dict(zip(names, rows.T, strict=True))), expected)
    one = model.predict(dict(zip(names, rows[0].T, strict=True)))
    assert one == pytest.approx(expected[0], rel=1e-6)


def test_unseen_categories_are_counted_in_one_warning(tmp_path: Path) -> None:
    model, _ = of_table(tmp_path, "kind", 2)
    rows = {"zip": ["1", "52062", None, "2", "2"], "size": [50.0] * 5, "floor": [1.0] * 5}
    assert model.unseen(rows) == {"zip": {"1": 1, "2": 2}}
    assert model.unseen(COLUMNS) == {}
    for answer in (model.predict, model.predict_proba):
        with pytest.warns(UnseenCategoryWarning) as caught:
            answer(rows)
        caller = "_decorator.py" if os.environ.get("JAXNET_CHECK_TYPES") else "test_model.py"
        assert [Path(each.filename).name for each in caught] == [caller]
        assert "nothing: column 'zip': '2' in 2, '1' in 1 rows" in str(caught[0].message)
    many = rows | {"zip": [*"abcdef", "f"], "size": [50.0] * 7, "floor": [1.0] * 7}
    with pytest.warns(UnseenCategoryWarning, match="'f' in 2, .* 'd' in 1 rows and 1 more$"):
        model.predict(many)


@pytest.mark.parametrize(
    ("rows", "error", "message"),
    [
        (
            np.zeros((2, 4)),
            ValueError,
            r"rows of shape \(3,\) for one row, \(rows, 3\) for several",
        ),
        (
            np.zeros(2),
            ValueError,
            r"got \(2,\)\. Pass the features that the network was trained on",
        ),
        (
            [[0.0, np.nan, 1.0]],
            ValueError,
            "rows to be finite everywhere, got 1 NaN .*Fill them in",
        ),
        ([[0.0], [1.0, 2.0]], ValueError, "rows to be an array, rows of one length"),
        ({"a": 1.0}, TypeError, "expected rows to hold numbers, got object"),
    ],
    ids=["features", "row", "NaN", "ragged", "names"],
)
def test_rows_that_are_no_inputs(rows: Any, error: Any, message: str, tmp_path: Path) -> None:
    with pytest.raises(error, match=message):
        saved(tmp_path, mlp((3, 2))).predict(rows)


def test_one_output_alone_says_nothing(tmp_path: Path) -> None:
    with pytest.raises(
        ValueError, match=r'got no head\. Save it with class_names, or with head="b'
    ):
        saved(tmp_path, mlp((3, 1))).predict(ROWS)
    with pytest.raises(
        ValueError, match="head to be the network's own, 'binary', got 'regression'"
    ):
        saved(tmp_path, mlp((3, 1), head="binary"), head="regression")
    layers = serial(flatten(), mlp((6, 1), head="regression"))
    assert isinstance(saved(tmp_path, layers, (2, 3)).predict(np.zeros((2, 3))), float)


def test_other_numbers_of_rows_compile_little(tmp_path: Path) -> None:
    network = serial(dense(4), dense(2))
    model = saved(tmp_path, network, head="multiclass")
    rows = np.random.default_rng(0).normal(size=(2100, 3))
    expected = outputs_of(model, rows).argmax(axis=1)
    for n in (0, 1, 2, 3, 4, 5, 700, 1000, 1024, 1025, 2100):
        assert model.predict(rows[:n]).tolist() == expected[:n].tolist()
    model.predict(rows.astype(np.uint8)[:7])
    program: Any = _program(network, multiclass())
    assert program._cache_size() == 5  # of 1, 2, 4, 8 and 1024 rows
