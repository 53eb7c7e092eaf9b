"""`fit` promises: the same bits for the same key, one compilation, and nothing lost."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.data import Dataset, Examples
from jaxnet.data.streams import Stream, stream
from jaxnet.optim import (
    OPTIMIZERS,
    adam,
    apply_if_finite,
    chain,
    clip,
    lookahead,
    per_group,
    scale,
    scale_by_learning_rate,
    sgd,
)
from jaxnet.optim.update_rule.factory import take_learning_rates
from jaxnet.training import (
    ENGINES,
    BatchGradient,
    DivergenceError,
    FitResult,
    GradientEngine,
    Progress,
    fit,
)
from jaxnet.training.fit import _program
from jaxnet.training.host_loop import CAPACITY
from jaxnet.training.loop.checks import check_fit
from jaxnet.training.loop.objective import make_objective
from jaxnet.training.program import LoopConfig, without_rates
from jaxnet.training.recipe import Recipe, check_recipe
from tests.comparison import assert_trees_close
from tests.training.toys import blobs, network

OPTIMIZER = jaxnet.optim.adam(0.01)
NETWORK = network()
DATASET = Dataset("blobs", blobs(), blobs(), ("a", "b", "c"), (), 1)


def run(examples: Examples | Stream | None = None, **settings: Any) -> FitResult:
    defaults = {"key": jax.random.key(0), "optimizer": OPTIMIZER, "epochs": 12, "batch_size": 8}
    given: dict[str, Any] = {"network": NETWORK} | defaults | settings
    return fit(given.pop("network"), examples or blobs(), **given)


def positive(updates: Any, state: Any, params: Any) -> Any:
    return (updates, state) if jax.tree.leaves(updates)[0].sum() > 0 else (params, state)


def summing(sums: Any) -> GradientEngine:
    """Return an engine that gives these sums of loss and metrics."""

    def gradient(params: Any, statistics: Any, *_: Any) -> BatchGradient:
        return BatchGradient(params, sums, statistics)

    return lambda objective: gradient


def test_the_same_key_gives_the_same_bits() -> None:
    assert digest(run().state) == digest(run().state)


def test_another_key_gives_another_result() -> None:
    assert digest(run().state.params) != digest(run(key=jax.random.key(1)).state.params)


@pytest.mark.parametrize("chunk", [1, 5, 12, 99])
def test_chunks_change_no_bit(chunk: int) -> None:
    whole, chunked = (
        run(validation=blobs(seed=1)),
        run(validation=blobs(seed=1), report_every=chunk),
    )
    assert digest(chunked.state) == digest(whole.state)
    assert digest(chunked.history) == digest(whole.history)


def test_going_on_from_a_state_equals_one_run() -> None:
    first = run(epochs=5)
    second = run(epochs=7, state=first.state)
    assert digest(second.state) == digest(run(epochs=12).state)
    # the state handed in is not consumed
    assert np.isfinite(np.asarray(first.state.params[0].weights)).all()


def test_a_run_longer_than_the_history_of_one_call() -> None:
    result = run(epochs=CAPACITY + 3)
    assert len(result.history.train["loss"]) == int(result.state.epoch) == CAPACITY + 3


def test_one_compilation_serves_all_runs_and_chunks() -> None:
    _program.cache_clear()
    run(epochs=3)
    run(epochs=7, report_every=2)
    run(key=jax.random.key(5))
    assert _program.cache_info().misses == 1
    recipe, _ = without_rates(check_recipe(Recipe(NETWORK, OPTIMIZER, metrics="accuracy")))
    assert _program(recipe, LoopConfig(CAPACITY, 8, instruments=()))._cache_size() == 1
    assert _program.cache_info().misses == 1


def test_networks_and_optimizers_made_anew_share_their_program() -> None:
    def train(rate: float) -> FitResult:
        made = jaxnet.mlp((3, 4, 3), activation="tanh", drop_rate=0.1)
        settings: dict[str, Any] = {"key": jax.random.key(0), "epochs": 2, "batch_size": 8}
        return fit(made, blobs(), optimizer=jaxnet.optim.adam(rate), **settings)

    before = _program.cache_info().misses
    first = train(0.01)
    assert _program.cache_info().misses == before + 1
    assert_trees_close(train(0.01).params, first.params)
    assert _program.cache_info().misses == before + 1
    first = train(0.02)
    assert _program.cache_info().misses == before + 1


OTHER_RATES: dict[str, Callable[[Any], Any]] = {
    **OPTIMIZERS,
    "a chain": lambda rate: chain(clip(1.0), adam(rate), scale(0.5)),
    "a part": lambda rate: lookahead(apply_if_finite(adam(rate), 3), sync_period=2),
    "two rates": lambda rate: chain(sgd(rate), scale_by_learning_rate(2 * rate, flip_sign=False)),
}


def opaque(optimizer: Any) -> Any:
    """Return an optimizer whose learning rates `fit` cannot see: they stay constants."""
    known = optax.with_extra_args_support(optimizer)
    made = optax.GradientTransformationExtraArgs(
        known.init, lambda *args, **extra: known.update(*args, **extra)
    )
    assert take_learning_rates(made) == (made, ())
    return made


@pytest.mark.parametrize("name", OTHER_RATES)
def test_another_learning_rate_compiles_nothing(name: str, compilations: list[str]) -> None:
    """The result is that of a program that has the rate as a constant."""
    make = OTHER_RATES[name]
    run(epochs=2, optimizer=make(0.5))
    optimizers = [make(rate) for rate in (0.01, np.array(0.01), jnp.float32(0.01))]
    compilations.clear()
    results = [run(epochs=2, optimizer=optimizer) for optimizer in optimizers]
    assert compilations == []
    assert len({digest(result.params) for result in results}) == 1
    assert_trees_close(results[0].params, run(epochs=2, optimizer=opaque(make(0.01))).params)


def test_rates_within_a_dictionary_are_arguments_too(compilations: list[str]) -> None:
    optimizer = per_group({"all": adam(0.01)}, "all")
    first = run(epochs=2, optimizer=optimizer)
    compilations.clear()
    assert digest(run(epochs=2, optimizer=optimizer).params) == digest(first.params)
    assert compilations == []
    assert_trees_close(first.params, run(epochs=2, optimizer=opaque(optimizer)).params)


def test_examples_are_checked_once_unless_they_may_have_changed() -> None:
    checks = []

    def counted(outputs: Any, targets: Any) -> Any:
        checks.append(1)
        return jaxnet.losses.softmax_cross_entropy(outputs, targets)

    settings = {"key": jax.random.key(0), "optimizer": OPTIMIZER, "batch_size": 8, "epochs": 1}
    fixed = jax.tree.map(jnp.asarray, blobs())
    fit(NETWORK, fixed, loss=counted, **settings)
    before = len(checks)
    fit(NETWORK, fixed, loss=counted, **settings)
    assert len(checks) == before
    free = jax.tree.map(np.array, blobs())
    fit(NETWORK, free, loss=counted, **settings)
    free.targets[3] = 99
    with pytest.raises(ValueError, match="got 99 at index"):
        fit(NETWORK, free, loss=counted, **settings)


def test_the_network_is_not_traced_again_by_further_epochs() -> None:
    traces = []

    def counted(*args: Any, **kwargs: Any) -> Any:
        traces.append(1)
        return NETWORK.apply(*args, **kwargs)

    counting = NETWORK._replace(apply=counted)
    settings = {"key": jax.random.key(0), "optimizer": OPTIMIZER, "batch_size": 8}
    fit(counting, blobs(), epochs=1, **settings)
    after_one = len(traces)
    fit(counting, blobs(), epochs=50, report_every=7, **settings)
    assert len(traces) == after_one > 0


def test_history_is_that_of_the_epochs() -> None:
    held_out = blobs(seed=1)
    result = run(validation=held_out)
    params, statistics = result.state.params, result.state.statistics
    last = jaxnet.training.evaluate(NETWORK, params, statistics, held_out)
    for name in ("loss", "accuracy"):
        assert result.history.train[name].shape == (12,)
        assert result.history.validation[name][-1] == pytest.approx(last[name], rel=1e-6)
    assert result.history.train["loss"][-1] < result.history.train["loss"][0]
    assert run().history.validation == {}


def test_progress_reports_every_chunk() -> None:
    seen: list[Progress] = []
    run(report_every=5, on_progress=seen.append)
    assert [progress.epoch for progress in seen] == [5, 10, 12]
    assert [len(progress.history.train["loss"]) for progress in seen] == [5, 10, 12]


def test_optax_optimizers_train_alike(dtype: np.dtype) -> None:
    with jax.numpy_dtype_promotion("standard"):
        theirs = run(optimizer=optax.sgd(0.1, momentum=0.9))
    ours = run(optimizer=jaxnet.optim.momentum(0.1, momentum=0.9))
    assert ours.state.params[0].weights.dtype == dtype
    assert_trees_close(ours.state.params, theirs.state.params)


def test_one_hot_targets_train_like_labels() -> None:
    labels = blobs()
    one_hot = Examples(labels.inputs, np.eye(3, dtype=np.float32)[labels.targets])
    assert_trees_close(run(one_hot).state.params, run(labels).state.params)


def test_the_caller_s_arrays_stay_theirs() -> None:
    examples = jax.tree.map(jnp.asarray, blobs())
    before = digest(examples)
    run(examples)
    assert digest(examples) == before


def test_a_diverging_run_says_where_and_keeps_what_it_had() -> None:
    # five steps an epoch: the first update of the third epoch ruins the parameters
    explosive = jaxnet.optim.sgd(lambda count: jnp.where(count < 10, 0.1, jnp.inf))
    with pytest.raises(DivergenceError, match=r"epoch 3 at step 2: .*last finite loss") as caught:
        run(optimizer=explosive)
    result = caught.value.result
    assert int(result.state.epoch) == 2
    expected = run(optimizer=explosive, epochs=2)
    assert digest(result.state.params) == digest(expected.state.params)
    assert len(result.history.train["loss"]) == 3
    np.testing.assert_array_equal(result.history.train["loss"][:2], expected.history.train["loss"])


def test_parameters_ruined_by_the_very_last_update_are_noticed() -> None:
    # five steps an epoch: the update of the fifth overflows, no loss is computed after it
    last = jaxnet.optim.sgd(lambda count: jnp.where(count == 4, jnp.inf, 0.1))
    with pytest.raises(DivergenceError, match="epoch 1 at step 5"):
        run(optimizer=last, epochs=1)


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"epochs": 0}, "expected epochs >= 1, got 0"),
        ({"epochs": 2.5}, "expected epochs to be an integer, got 2.5 of type float"),
        ({"short_batch": "pad"}, "one of drop, equal, mean, got 'pad'"),
        ({"batch_size": 0}, "expected batch_size >= 1, got 0"),
        ({"batch_size": 38}, "at most the 37 examples, got 38."),
        ({"report_every": 0}, "expected report_every >= 1"),
        ({"loss": "cross"}, "loss to be one of absolute_error, .*, zero_one, got 'cross'"),
        ({"metrics": ("acuracy",)}, "one of accuracy, .*, got 'acuracy'. Did you mean 'accuracy'?"),
        ({"key": 0}, r"expected key to be one PRNG key, got 0 of type int. Pass jax.random"),
        (
            {"key": jax.random.split(jax.random.key(0))},
            r"one PRNG key, got key<fry> of shape \(2,\)",
        ),
        ({"validation": blobs(9, features=4)}, r"in_shape to be \(3,\), got \(4,\)"),
        ({"on_progress": 3}, "expected on_progress to be a function, got 3."),
        *(
            ({"optimizer": given}, rf"optimizer to be an optax.*, got {got}\. {remedy}\.$")
            for given, got, remedy in [
                ("adam", "'adam'", r"Pass jaxnet\.optim\.adam\(0\.001\)"),
                ("Adma", "'Adma'", r"Pass jaxnet\.optim\.adam\(0\.001\)"),
                ("lbfgs", "'lbfgs'", r"Pass jaxnet\.optim\.lbfgs\(\)"),
                ("cubic", "'cubic'", r"Pass jaxnet\.optim\.adam\(0\.001\), for example"),
                (adam, "adam", r"Call the factory: jaxnet\.optim\.adam\(0\.001\)"),
                (optax.adam, "adam", r"Call the factory: optax\.adam\(0\.001\)"),
                (lookahead, "lookahead", r"Call the factory: jaxnet\.optim\.lookahead\(\.\.\.\)"),
            ]
        ),
        *(
            ({name: given}, rf"expected {called or name} to take \({takes}\), got one of \(a\)")
            for name, called, given, takes in [
                ("evaluate_at", "", lambda a: a, "opt_state, params"),
                ("augment", "", lambda a: a, "key, batch"),
                ("instruments", "instrument 'm'", {"m": lambda a: a}, "params, statistics, train"),
                ("loss", "", lambda a: a, "outputs, targets"),
                ("metrics", "metric", {"m": lambda a: a}, "outputs, targets"),
            ]
        ),
        (
            {"constraint": lambda params, more: params},
            r"expected constraint to take \(params\), got one of \(params, more\)\.$",
        ),
        (
            {"on_progress": lambda: None},
            r"expected on_progress to take \(progress\), got one of \(\)",
        ),
        ({"penalty": lambda: 0.0}, r"expected penalty to take \(params\), got one of \(\)"),
        *(
            (
                {"penalty": lambda params: jnp.ones(2), "gradient": engine},
                r"expected penalty to return a number, got shape \(2,\)",
            )
            for engine in ENGINES
        ),
        ({"penalty": lambda params: None}, "expected penalty to return a number, got a NoneType"),
        *(
            ({"gradient": engine}, f"expected .*{message}")
            for engine, message in [
                (None, "gradient to be one of autodiff, by_hand, got None"),
                (lambda: None, r"gradient to take \(objective\), got one of \(\)"),
                (lambda objective: None, "the function of the gradient engine to be a function"),
                (lambda objective: lambda *given: given[0], "gradient to return a BatchGradient"),
                (
                    summing({"loss": jnp.float32(1.0)}),
                    "to be a dictionary of accuracy, loss, got loss",
                ),
                (
                    summing({"loss": 1, "accuracy": 1.0}),
                    "sum of loss to be floating-point, got int",
                ),
                (
                    summing({"loss": jnp.ones(8), "accuracy": 1.0}),
                    r"to return a number, got shape \(8",
                ),
            ]
        ),
        *(
            ({"optimizer": optax.GradientTransformation(init, update)}, f"expected .*{message}")
            for init, update, message in [
                (lambda: (), OPTIMIZER.update, r"init of optimizer to take \(params\)"),
                (
                    OPTIMIZER.init,
                    lambda updates, state: (updates, state),
                    r"to take \(updates, state",
                ),
                (OPTIMIZER.init, lambda *given: given[0], "to return updates and a state, got a"),
                (OPTIMIZER.init, positive, "code that needs their values: Attempted boolean"),
            ]
        ),
        (
            {"optimizer": sgd(lambda count: None)},  # pyright: ignore[reportArgumentType]
            "expected schedule to return a number, got a NoneType",
        ),
        ({"network": lambda x: x}, r"expected network to be a Layer, got a function\. Call"),
        ({"short_batch": []}, r"one of drop, equal, mean, got \[\]"),
        ({"instruments": {"m": 3}}, "expected instrument 'm' to be a function, got 3"),
        ({"validation": ()}, "expected validation to be Examples, got a tuple"),
        (
            {"examples": DATASET},
            r"expected train to be Examples, got a Dataset\. Pass dataset\.train\.$",
        ),
        (
            {"validation": DATASET},
            r"validation to be Examples, got a Dataset\. Pass dataset\.train, dataset\.test or a",
        ),
        ({"shuffle": "no"}, "expected shuffle to be a boolean or 'batches', got 'no' of type str"),
        ({"checkpoint": True}, "expected checkpoint to be a path, got True of type bool"),
        ({"checkpoint": b"run"}, "expected checkpoint to be a path, got b'run' of type bytes"),
        ({"checkpoint": ""}, "expected checkpoint to be a path, got ''."),
        ({"checkpoint": "gs://runs/1"}, "expected checkpoint to be on a disk, got 'gs://ru"),
        ({"state": (1, 2)}, "expected state to be a TrainState, got a tuple."),
    ],
    ids=lambda value: str(value)[:30],
)
@pytest.mark.usefixtures("no_type_checks")
def test_impossible_settings(settings: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        run(**settings)


def broken(**changes: Any) -> Examples:
    return blobs()._replace(**changes)


def with_nan() -> np.ndarray:
    inputs = blobs().inputs.copy()
    inputs[4, 1] = np.nan
    return inputs


@pytest.mark.parametrize(
    ("examples", "message"),
    [
        (broken(inputs=with_nan()), r"train.inputs to be finite.*1 NaN.*index \(4, 1\)"),
        (broken(targets=np.full(37, 3, np.int32)), r"labels to be in \[0, 3\), got 3 at index"),
        (broken(targets=np.full(37, -1, np.int32)), r"labels to be in \[0, 3\), got -1 at index"),
        (broken(targets=np.zeros(36, np.int32)), "to pair each"),
        (
            Examples(np.zeros((0, 3), np.float32), np.zeros(0, np.int32)),
            "expected train to hold examples, got none",
        ),
        (broken(inputs=np.zeros((37, 3, 1), np.float32)), r"in_shape to be \(3,\)"),
        (broken(targets=np.zeros((37, 2), np.float32)), r"to have shape \(\d+, 3\)"),
    ],
    ids=["NaN", "label too large", "negative label", "lengths", "empty", "rank", "one-hot width"],
)
def test_bad_data(examples: Examples, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        run(examples)


def test_the_last_finite_loss_may_be_of_an_earlier_epoch() -> None:
    # five steps an epoch: the last update of the first ruins the first loss of the second
    def rate(count: jax.Array) -> jax.Array:
        return jnp.where(count == 5, jnp.inf, 0.1)

    with pytest.raises(DivergenceError, match=r"epoch 2 at step 2: .*last finite loss was \d"):
        run(optimizer=jaxnet.optim.sgd(rate))

    def nan_from_the_second_epoch(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        # the fifth step's update makes every output huge, so that the next loss overflows
        losses = jaxnet.losses.softmax_cross_entropy(outputs, targets)
        return jnp.where(jnp.abs(outputs).max() > 1e6, jnp.nan, losses)

    huge = jaxnet.optim.sgd(lambda count: jnp.where(count == 4, 1e12, 0.1))
    with pytest.raises(DivergenceError, match=r"epoch 2 at step 1: .*last finite loss was \d"):
        run(optimizer=huge, loss=nan_from_the_second_epoch)


def test_a_run_that_never_had_a_finite_loss_says_so() -> None:
    def nan(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        return outputs[:, 0] * jnp.nan

    with pytest.raises(DivergenceError, match=r"epoch 1 at step 1: .*last finite loss was none"):
        run(loss=nan)


@pytest.mark.parametrize("train", [blobs(), stream(blobs())], ids=["memory", "stream"])
def test_a_mean_loss_that_overflows_is_a_divergence(train: Any) -> None:
    """The sum of each mini-batch can be written in float32, that of the epoch cannot."""

    def huge(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        return 0 * outputs[:, 0] + 3e37

    with pytest.raises(DivergenceError, match=r"epoch 1 at step 5: .*finite loss was [123]"):
        run(train, loss=huge)


def mean_loss(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    return jaxnet.losses.softmax_cross_entropy(outputs, targets).mean()


@pytest.mark.parametrize(
    ("settings", "message"),
    [
        ({"loss": mean_loss}, r"loss to give one value an example, shape \(\d+,\), got shape \(\)"),
        ({"metrics": {"mine": mean_loss}}, "mine to give one value an example"),
        ({"metrics": {"loss": jaxnet.metrics.accuracy}}, "to have other names than 'loss'"),
        ({"metrics": {3: jaxnet.metrics.accuracy}}, "metrics to be named by strings, got a int"),
        ({"loss": lambda outputs, targets: None}, "loss to give one value .* got a NoneType"),
        ({"loss": lambda outputs, targets: targets}, "loss to be floating-point, got int"),
        ({"loss": lambda outputs, targets: np.abs(outputs)}, "loss and metrics to compute with"),
    ],
    ids=["mean loss", "mean metric", "called loss", "number", "no loss", "integers", "numpy"],
)
@pytest.mark.usefixtures("no_type_checks")
def test_losses_and_metrics_of_the_wrong_form(settings: dict[str, Any], message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        run(**settings)


@pytest.mark.parametrize("transform", [jax.jit, jax.vmap])
def test_a_run_within_a_transformation_is_refused(transform: Callable[..., Any]) -> None:
    called = transform(lambda rate: run(optimizer=sgd(rate)).params)
    with pytest.raises(TypeError, match=r"expected fit to be called outside of jax\.jit"):
        called(jnp.ones(() if transform is jax.jit else 2))


def test_one_metric_by_name() -> None:
    assert digest(run(metrics="accuracy").history) == digest(run().history)


def test_a_state_of_another_network_or_optimizer_is_refused() -> None:
    other = fit(
        jaxnet.mlp((3, 4, 3)),
        blobs(),
        key=jax.random.key(0),
        optimizer=OPTIMIZER,
        epochs=1,
        batch_size=8,
    ).state
    sgd = run(optimizer=jaxnet.optim.sgd(0.1), epochs=1).state
    for state in (other, sgd):
        with pytest.raises(TypeError, match="expected state to have the structure"):
            run(state=state)


class _OtherState(NamedTuple):
    count: Any
    mu: Any
    nu: Any


def renamed() -> optax.GradientTransformation:
    """Return an optimizer whose state has the leaves of Adam's, and means others by them."""

    def init(params: Any) -> Any:
        state: Any = OPTIMIZER.init(params)
        return _OtherState(*state)

    return optax.GradientTransformation(init, OPTIMIZER.update)


def test_a_state_of_another_kind_of_numbers_is_refused(float64: np.dtype) -> None:
    with jax.enable_x64(False):
        state = run(epochs=1).state
        run(epochs=1, state=state)  # what it should look like is remembered
    with pytest.raises(TypeError, match=r"params\[0\]\.weights is float32 of shape \(5, 3\)\."):
        run(state=state)


def test_equal_leaves_are_not_yet_an_equal_state() -> None:
    state: Any = run(epochs=1).state
    assert len(state.opt_state) == len(_OtherState._fields)
    with pytest.raises(TypeError, match=r"expected state to have the structure .* got another"):
        run(optimizer=renamed(), state=state)


def test_a_state_is_taken_whatever_holds_its_numbers() -> None:
    first = run(epochs=5, key=jax.random.key(0, impl="rbg")).state
    held = first._replace(params=jax.tree.map(np.asarray, first.params), epoch=5)
    assert digest(run(epochs=7, state=held).state) == digest(run(epochs=7, state=first).state)


def test_regression_with_one_output_takes_integer_targets() -> None:
    examples = Examples(blobs().inputs, np.arange(37, dtype=np.int32))

    def squared(outputs: jax.Array, targets: jax.Array) -> jax.Array:
        return (outputs[:, 0] - targets.astype(outputs.dtype)) ** 2

    result = fit(
        jaxnet.mlp((3, 1)),
        examples,
        key=jax.random.key(0),
        optimizer=OPTIMIZER,
        epochs=2,
        batch_size=8,
        loss=squared,
        metrics=(),
    )
    assert result.history.train["loss"][1] < result.history.train["loss"][0]


@pytest.mark.usefixtures("no_type_checks")
def test_lists_and_numpy_integers_will_do() -> None:
    listed = Examples(blobs().inputs.tolist(), blobs().targets.tolist())
    assert digest(run(listed).state) == digest(run(batch_size=np.int64(8)).state)


def test_examples_on_the_device_are_not_copied() -> None:
    examples = jax.tree.map(jnp.asarray, blobs())
    objective = make_objective(NETWORK, "softmax_cross_entropy")
    checked = check_fit("train", objective, examples)
    assert checked.inputs is examples.inputs
    assert checked.targets is examples.targets
