"""What a person sees of an object: short, whatever its size, traced or not; plots and tables."""

import inspect
import re
from collections.abc import Callable
from typing import Any
from xml.etree import ElementTree

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet.core.trees import count_parameters
from jaxnet.core.types import Layer
from jaxnet.data import Dataset, Examples
from jaxnet.inspection import check_gradients, computation_graph, tape
from jaxnet.networks import Model
from jaxnet.optim import adam, chain, clip, lookahead, momentum, per_group, sgd
from jaxnet.training import (
    FitResult,
    History,
    Progress,
    Recipe,
    SweepResult,
    early_stopping,
    fit,
    grid,
    listed,
    make_train,
    successive_halving,
    sweep,
    sweep_choices,
    tune,
)
from jaxnet.training.figures import plot_settings
from tests.peers import need, peers
from tests.training.toys import blobs, network

KEY = jax.random.key(0)
DEEP = jaxnet.mlp((3, *[16] * 60, 3), batch_norm="before", drop_rate=0.5)


def build(learning_rate: Any, momentum: Any = 0.5) -> Recipe:
    return Recipe(network(), jaxnet.optim.momentum(learning_rate, momentum=momentum))


RUN: dict[str, Any] = {"key": KEY, "epochs": 3, "batch_size": 8}


@pytest.fixture(scope="module")
def result() -> FitResult:
    rules = [early_stopping(patience=9)]
    return fit(network(), blobs(), optimizer=adam(0.01), validation=blobs(9), rules=rules, **RUN)


@pytest.fixture(scope="module")
def swept() -> SweepResult:
    return _swept(grid(learning_rate=[0.001, 0.1, 0.01], momentum=[0.0, 0.9]))


def _swept(settings: Any) -> SweepResult:
    return sweep(build, blobs(), validation=blobs(9), settings=settings, seeds=2, width=1, **RUN)


def _passed(look: Any) -> Any:
    params, statistics = network().init(KEY, (3,))
    x, targets = blobs(5)
    return look(network(), params, statistics, jnp.asarray(x), targets)


OBJECTS: dict[str, Callable[[], Any]] = {
    "network": lambda: jaxnet.mlp((784, 100, 100, 10)),
    "deep network": lambda: DEEP,
    "layer": lambda: jaxnet.layers.dropout(0.5),
    "deep parameters in a model": lambda: Model(DEEP, *DEEP.init(KEY, (3,)), (3,), (), {}, {}, "0"),
    "examples": lambda: Examples(np.zeros((60_000, 784), np.uint8), np.arange(60_000) % 10),
    "data set": lambda: Dataset("many", blobs(), blobs(), tuple(map(str, range(99))), (), 1),
    "optimizer": lambda: chain(*[clip(1.0), adam(0.1)] * 40),
    "tape": lambda: _passed(tape),
    "gradient check": lambda: _passed(check_gradients),
    "graph": lambda: computation_graph(lambda x: jnp.log(x * x) + x, 2.0),
    "settings": lambda: grid(a=range(1000), b=[1, 2]),
    "recipe": lambda: build(0.1),
    "rule": lambda: early_stopping(patience=3),
    "loss": lambda: jaxnet.losses.get_loss("huber", delta=2.0),
    "trained": lambda: make_train(build, blobs(), epochs=2, batch_size=8)(
        KEY, {"learning_rate": 0.1}
    ),
    "halving": lambda: successive_halving(
        build, blobs(), blobs(9), settings=grid(learning_rate=[0.1, 0.2]), **RUN
    ),
    "choices": lambda: sweep_choices(
        lambda size, learning_rate: build(learning_rate),
        blobs(),
        choices={"size": range(9)},
        settings=grid(learning_rate=np.linspace(0.01, 0.1, 10)),
        **RUN,
    ),
    "tuned": lambda: tune(build, blobs(), blobs(), settings=grid(learning_rate=[0.1]), **RUN),
}


def assert_short(value: Any) -> None:
    lines = repr(value).splitlines()
    assert len(lines) < 60
    assert max(map(len, lines)) <= 100
    assert not re.search(r" at 0x|\barray\(|\bArray\(", repr(value))
    html = getattr(value, "_repr_html_", lambda: None)()
    if html is not None:
        assert len(parsed(f"<div>{html}</div>").findall("./table/tr")) < 60
        assert not re.search(r" at 0x|\barray\(|\bArray\(", html)


@pytest.mark.parametrize("kind", OBJECTS)
def test_representations_are_short(kind: str) -> None:
    assert_short(OBJECTS[kind]())


def public_tuples() -> dict[str, Any]:
    """Return the named tuples among the public classes."""
    faces = [getattr(jaxnet, name) for name in jaxnet.__all__ if name != "mlp"]
    found = {name: getattr(face, name) for face in faces for name in face.__all__}
    return {n: v for n, v in found.items() if inspect.isclass(v) and issubclass(v, tuple)}


SHOWN_BY_THEIR_FIELDS = {
    "ChoicesResult",
    "Comparison",
    "FitResult",
    "GradientCheck",
    "Graph",
    "History",
    "Identification",
    "Layer",
    "StepTime",
    "Tape",
}
"""Named tuples that are shown by what is in their fields; real ones are in other tests."""


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("name", sorted(public_tuples().keys() - SHOWN_BY_THEIR_FIELDS))
def test_named_tuples_of_many_arrays_are_short(name: str) -> None:
    many = [(jnp.ones((30, 40)), {"mean": np.ones(50)})] * 99
    made = public_tuples()[name]
    assert_short(made(*[many] * len(made._fields)))


@pytest.mark.parametrize("make", [repr, lambda network: network._repr_html_()])
def test_a_deep_network_shows_its_first_and_its_last_layers(make: Callable[[Any], str]) -> None:
    shown = make(DEEP)
    widths = re.findall(r"dense\((\d+)\)", shown)
    assert (widths[0], widths[-1]) == ("16", "3")
    assert 8 < len(widths) < 12  # of sixty-one
    assert "18083" in shown.replace(",", "")


def test_notebooks_show_networks_and_optimizers_as_tables() -> None:
    rows = [list(row.itertext()) for row in parsed(jaxnet.mlp((784, 100, 10))._repr_html_())]  # type: ignore[attr-defined]
    assert rows[0] == ["layer", "output", "parameters"]
    assert rows[2] == ["  dense(100)", "(100,)", "78,500"]
    assert jaxnet.layers.dropout(0.5)._repr_html_() is None  # type: ignore[attr-defined]
    made: Any = chain(clip(1.0), adam(0.1))
    drawn = parsed(made._repr_html_())
    cells = "".join(drawn.itertext())
    assert cells == "chain0clipmax_delta11adamlearning_rate0.1like'optax'"
    assert jax.tree.map(lambda part: part, made)._repr_html_() is None


def test_notebooks_show_a_pass_and_its_check_as_tables() -> None:
    checked, record = _passed(check_gradients), _passed(tape)
    rows = [list(row.itertext()) for row in parsed(f"<div>{checked._repr_html_()}</div>")[1]]
    assert [row[0] for row in rows] == ["leaf", *(row.leaf for row in checked.rows)]
    symbols = [next(iter(row.itertext()), "") for row in parsed(record._repr_html_())]
    assert symbols[1:] == ["x", *(entry.symbols[0] for entry in record.entries), "loss"]


@pytest.mark.slow
def test_representations_of_results_are_short(result: FitResult, swept: SweepResult) -> None:
    progress = Progress(1, 3, result.history, 0.5)
    for value in (result, result.state, result.history, progress, swept.settings, swept.member(0)):
        assert_short(value)
    assert_short(swept)
    assert_short(swept._replace(done=jnp.zeros(())))  # mapped by jax.tree


def test_a_network_by_layers_widths_and_parameters() -> None:
    assert repr(jaxnet.mlp((784, 100, 10))) == (
        "serial(dense(100), activation('relu'), dense(10), widths=(784, 100, 10), parameters=79510)"
    )


@pytest.mark.parametrize(
    "options", [{}, {"batch_norm": "after"}, {"drop_rate": 0.5, "head": "binary", "input_scale": 2}]
)
def test_the_parameters_shown_are_those_that_there_are(options: dict[str, Any]) -> None:
    shown: Layer = jaxnet.mlp((5, 7, 4, 1), **options)
    assert f"parameters={count_parameters(shown.init(KEY, (5,))[0])}" in repr(shown)


@pytest.mark.parametrize(
    ("optimizer", "text"),
    [
        (adam(0.1), "adam(learning_rate=0.1, like='optax')"),
        (adam(0.1, b1=0.5, like="keras"), "adam(learning_rate=0.1, b1=0.5, like='keras')"),
        (sgd(0.1, momentum=0.9), "sgd(learning_rate=0.1, momentum=0.9, like='optax')"),
        (
            chain(clip(1.0), lookahead(sgd(jnp.asarray(0.5)), sync_period=3)),
            "chain(clip(max_delta=1), lookahead("
            "inner=sgd(learning_rate=0.5, like='optax'), sync_period=3))",
        ),
    ],
)
def test_optimizers_say_what_made_them(optimizer: Any, text: str) -> None:
    assert repr(optimizer) == text


def test_described_optimizers_are_what_they_were() -> None:
    plain, extra = momentum(0.1), per_group({0: sgd(0.1)}, 0)
    assert isinstance(plain, optax.GradientTransformation)
    assert not isinstance(plain, optax.GradientTransformationExtraArgs)
    assert isinstance(extra, optax.GradientTransformationExtraArgs)
    w: Any = jnp.ones(2)
    both = optax.chain(plain, jax.tree.map(lambda part: part, extra))
    updates: Any = both.update(w, both.init(w), w)[0]
    np.testing.assert_allclose(updates, 0.01, rtol=1e-6)


def test_representations_of_traced_values(result: FitResult) -> None:
    texts = []

    @jax.jit
    def traced(state: Any, examples: Examples, curve: Any, rate: Any) -> Any:
        history = History({"loss": curve}, {}, {})
        whole = result._replace(state=state, params=state.params, history=history, epoch=rate)
        network = jaxnet.mlp((3, 5, 3), drop_rate=rate)
        made = build(rate), network, history, whole, state, examples
        texts.extend(map(repr, made))
        return rate

    traced(result.state, blobs(), jnp.ones(3), 0.5)
    assert len(texts) == 6
    assert all("float" in text and "Traced" not in text for text in texts)


def test_a_deleted_state_is_represented(result: FitResult) -> None:
    state = jax.tree.map(jnp.copy, result.state)
    jax.tree.map(lambda leaf: leaf.delete(), state)
    assert "epoch=int32[]" in repr(state)


def test_the_values_of_a_fit(result: FitResult) -> None:
    last = result.history.validation["loss"][-1]
    assert f"'loss': {last:.6g}" in repr(result)
    device = f"devices=['{jax.devices()[0]}']"
    for said in ("ended_by='epochs'", "epochs=3", "parameters=38", device):
        assert said in repr(result)


def parsed(drawing: str) -> ElementTree.Element:
    return ElementTree.fromstring(drawing)


def test_notebooks_show_curves_and_tables(result: FitResult, swept: SweepResult) -> None:
    root = parsed(f"<div>{result._repr_html_()}</div>")
    lines = root.findall(".//{*}polyline")
    assert len(lines) == 4  # loss and accuracy, training and validation
    assert all(len((line.get("points") or "").split()) == 3 for line in lines)
    table = parsed(f"<div>{swept._repr_html_()}</div>").findall(".//tr")
    assert len(table) == 7
    graph: Any = computation_graph(lambda x: x * x, 2.0)
    assert parsed(graph._repr_svg_()).tag.endswith("svg")


def test_curves_with_gaps_are_drawn_in_parts() -> None:
    curve = np.array([1.0, np.nan, 2.0, 3.0, np.inf])
    drawing = History({"a<b": curve}, {}, {})._repr_html_()
    assert len(parsed(drawing).findall(".//{*}polyline")) == 2
    long = History({"loss": np.linspace(1, 0, 100_000)}, {}, {})._repr_html_()
    assert len(long) < 10_000


def test_plots_have_labelled_axes(result: FitResult, swept: SweepResult) -> None:
    figure = result.plot()
    assert [a.get_ylabel() for a in figure.axes] == ["loss", "accuracy"]
    assert {a.get_xlabel() for a in figure.axes} == {"epoch"}
    for axes in figure.axes:
        assert [text.get_text() for text in axes.get_legend().get_texts()] == [
            "train",
            "validation",
        ]
    figure = swept.plot("validation_accuracy")
    assert [a.get_xlabel() for a in figure.axes] == ["learning_rate", "momentum"]
    assert [a.get_xscale() for a in figure.axes] == ["log", "linear"]
    assert {a.get_ylabel() for a in figure.axes} == {"validation_accuracy"}


@pytest.mark.parametrize(
    ("values", "scale"),
    [
        ([0.001, 0.01, 0.1], "log"),
        ([0.0, 0.001, 0.01, 0.1], "symlog"),
        ([0.0, 0.01, 0.1], "linear"),
        ([0.1, 0.2, 0.9], "linear"),
        ([-0.1, 0.001, 0.1], "linear"),
        ([0.0, 0.0], "linear"),
    ],
)
def test_hyperparameters_over_decades_have_a_logarithmic_axis(
    values: list[float], scale: str
) -> None:
    """With 0 among them, their places are in order and apart."""
    given = np.array(values)
    figure = plot_settings({"strength": given}, "loss", given, np.full(len(given), np.nan))
    (axes,) = figure.axes
    assert axes.get_xscale() == scale
    figure.draw_without_rendering()
    if scale != "linear":
        places = axes.transData.transform(np.column_stack([given, given]))[:, 0]
        assert np.diff(places).min() > 0.15 * np.ptp(places)


def test_the_points_of_a_plot_are_the_means(swept: SweepResult) -> None:
    mean, rates = swept.mean("validation_loss"), [0.001, 0.01, 0.1]
    for value, line in zip([0.0, 0.9], swept.plot().axes[0].containers, strict=True):
        rows = [swept.settings.columns["momentum"] == value]
        assert line.get_label() == f"momentum {value:g}"
        np.testing.assert_array_equal(line.lines[0].get_xdata(), rates)
        order = np.argsort(swept.settings.columns["learning_rate"][*rows])
        np.testing.assert_allclose(line.lines[0].get_ydata(), mean[*rows][order])
    joined = [({"a": 9}, 1, "-"), ({"a": 9, "b": 9}, 1, "None"), ({"a": 2, "b": 9}, 2, "-")]
    for columns, lines, style in joined:
        grids = np.meshgrid(*map(np.arange, columns.values()))
        named = {name: 0.5 * grid.ravel() for name, grid in zip(columns, grids, strict=True)}
        values = np.ones(len(named["a"]))
        figure = plot_settings(named, "loss", values, values)
        assert len(figure.axes[-1].containers) == lines
        assert {line.lines[0].get_linestyle() for line in figure.axes[-1].containers} == {style}
    with pytest.raises(ValueError, match="Did you mean 'validation_loss'"):
        swept.plot("validation_los")


@pytest.mark.parametrize(
    ("package", "extra", "look"),
    [
        ("matplotlib", "plots", lambda result: result.plot()),
        ("pandas", "frames", lambda result: result.history.to_pandas()),
    ],
)
def test_without_the_package(
    monkeypatch: pytest.MonkeyPatch, result: FitResult, package: str, extra: str, look: Any
) -> None:
    for name in (package, f"{package}.figure"):
        monkeypatch.setitem(__import__("sys").modules, name, None)
    with pytest.raises(ImportError, match=rf"expected package {package} .*\[{extra}\]"):
        look(result)


@peers
def test_data_frames(result: FitResult, swept: SweepResult) -> None:
    need("pandas")
    frame = result.history.to_pandas()
    assert list(frame.index) == [1, 2, 3]
    assert frame.index.name == "epoch"
    np.testing.assert_array_equal(frame["validation_loss"], result.history.validation["loss"])
    runs = swept.to_pandas()
    assert runs.to_dict("records") == swept.records()


@peers
@pytest.mark.parametrize(
    "settings", [None, listed([{"learning_rate": 0.1}, {"learning_rate": 0.2}])]
)
def test_labelled_arrays(swept: SweepResult, settings: Any) -> None:
    need("xarray")
    some = swept if settings is None else _swept(settings)
    data = some.to_xarray()
    best = some.settings.row(1)
    picked = data.sel(best) if settings is None else data.isel(setting=1)
    np.testing.assert_array_equal(picked["validation_loss"], some.metrics["validation_loss"][1])
    curves = picked["train_loss_curve"].sel(epoch=[1, 2, 3])
    np.testing.assert_array_equal(curves, some.history.train["loss"][1])
