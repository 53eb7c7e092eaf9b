"""What the estimators for classes and for values share: parameters, fit, pickling."""

import contextlib
import contextvars
import dataclasses
import time
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np
import optax
from sklearn.base import BaseEstimator
from sklearn.model_selection import train_test_split
from sklearn.utils import assert_all_finite, check_random_state
from sklearn.utils.validation import _check_sample_weight, check_is_fitted, validate_data

from jaxnet.core.checks import (
    LARGEST,
    check_choice,
    check_count,
    check_flags,
    check_ranges,
    require,
)
from jaxnet.core.heap import release_compiler_memory
from jaxnet.core.padding import padded, power_of_two
from jaxnet.core.types import Layer
from jaxnet.data.examples import Examples
from jaxnet.data.preparation import Fitted, Preparation, from_json, standardize, to_json
from jaxnet.functions.activations import ACTIVATIONS
from jaxnet.optim import OPTIMIZERS
from jaxnet.sklearn.program import (
    Structure,
    capacity,
    make_build,
    make_program,
    network_outputs,
)
from jaxnet.training import DivergenceError, FitResult, History
from jaxnet.training.loop.rules import start_rules
from jaxnet.training.loop.state import without_keys
from jaxnet.training.program import LoopConfig
from jaxnet.training.train import Trained

RANGES = {
    "alpha": "[0, inf)",
    "learning_rate_init": "(0, inf)",
    "drop_rate": "[0, 1)",
    "tol": "[0, inf)",
    "validation_fraction": "(0, 1)",
}

NUMBERS = {
    "learning_rate": "learning_rate_init",
    "alpha": "alpha",
    "drop_rate": "drop_rate",
    "tol": "tol",
    "patience": "n_iter_no_change",
}
"""Argument of the program -> parameter of the estimator."""

DTYPES = [np.float64, np.float32]


class Rows(NamedTuple):
    """Checked rows of a table.

    Attributes:
        inputs: shape ``(n, features)``, float64 or float32.
        targets: labels, int32 of shape ``(n,)``, or values of shape ``(n, outputs)``.
        weights: shape ``(n,)``, above 0.
        sample_weights: the same without those of classes, which preprocessing is fitted with.
    """

    inputs: np.ndarray
    targets: np.ndarray
    weights: np.ndarray
    sample_weights: np.ndarray

    def take(self, indices: np.ndarray) -> "Rows":
        """Return the rows at some indices."""
        return Rows(*(column[indices] for column in self))


class _Saved(NamedTuple):
    """A preparation in a pickled estimator."""

    description: dict[str, Any]


class Task(NamedTuple):
    """A fit that is ready to run.

    Attributes:
        structure: what is part of its program.
        seed: of its PRNG key.
        numbers: arguments of its program, in JAX's default precision.
        epochs: how many at most.
        start: the state to resume from, None for a new one.
        train: padded examples to learn from.
        validation: padded examples of early stopping, None for none.
    """

    structure: Structure
    seed: int
    numbers: dict[str, np.ndarray]
    epochs: int
    start: Any
    train: Examples
    validation: Examples | None


@dataclasses.dataclass(eq=False, repr=False)
class FeedForward(BaseEstimator):
    """Base class of the estimators."""

    hidden_layer_sizes: Any = (100,)
    activation: str = "relu"
    _: dataclasses.KW_ONLY
    loss: str = "squared_error"
    optimizer: str | optax.GradientTransformation = "adam"
    alpha: float = 1e-4
    batch_size: Any = "auto"
    learning_rate_init: float = 1e-3
    max_iter: int = 200
    shuffle: bool = True
    random_state: Any = None
    tol: float = 1e-4
    verbose: bool = False
    warm_start: bool = False
    early_stopping: bool = False
    validation_fraction: float = 0.1
    n_iter_no_change: int = 10
    drop_rate: float = 0.0
    batch_norm: Any = None
    preprocessing: Any = "standardize"

    _losses: ClassVar[Mapping[str, Any]]
    _monitor: ClassVar[str]
    _target_options: ClassVar[Mapping[str, Any]]

    @property
    def network_(self) -> Layer:
        """The network, for `jaxnet.training.predict` and the instruments."""
        check_is_fitted(self)
        tiny = float(np.finfo(np.float32).tiny)  # a layer even for a rate of 0
        return self._structure.network(max(float(self.drop_rate), tiny))

    @property
    def preprocessing_(self) -> Fitted | None:
        """The preprocessing with its statistics; None for none."""
        check_is_fitted(self)
        return None if self._made is None else Fitted(self._made, self._statistics)

    @property
    def result_(self) -> FitResult:
        """The result of the last fit, as `jaxnet.training.fit` returns it."""
        check_is_fitted(self)
        return self._result(self._learned, self._structure)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "_learned")

    def __sklearn_tags__(self) -> Any:
        tags = super().__sklearn_tags__()
        tags.input_tags.allow_nan = isinstance(self.preprocessing, Preparation)
        return tags

    def __getstate__(self) -> dict[str, Any]:
        state: Any = super().__getstate__()
        made = {name: value for name, value in state.items() if isinstance(value, Preparation)}
        # they are made of functions, which are not pickled
        return state | {name: _Saved(to_json(Fitted(value, ()))) for name, value in made.items()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        saved = {name: value for name, value in state.items() if isinstance(value, _Saved)}
        made = {name: from_json(value.description).preparation for name, value in saved.items()}
        super().__setstate__(state | made)  # pyright: ignore[reportAttributeAccessIssue]

    def _fit(
        self, X: Any, y: Any, sample_weight: Any, *, classes: Any = None, incremental: bool = False
    ) -> Any:
        before = vars(self).copy()
        try:
            return self._train(X, y, sample_weight, classes=classes, incremental=incremental)
        except BaseException:  # of Ctrl-C, too: what was learned before is left whole
            self.__dict__ = before
            raise

    def _train(self, X: Any, y: Any, sample_weight: Any, *, classes: Any, incremental: bool) -> Any:
        check_flags(warm_start=self.warm_start)
        resumed = (incremental or self.warm_start) and hasattr(self, "_learned")
        least, waiting = _deferral.get()
        rows = self._check(X, y, sample_weight, classes, resumed)
        task = self._task(rows, resumed=resumed, incremental=incremental, least=least)
        if waiting is not None:
            waiting.append((self, task))
            return self
        run = make_program(task.structure)
        seed, given = np.int32(task.seed), (task.start, task.train, task.validation)
        started = time.perf_counter()
        jax.block_until_ready(run(seed, task.numbers, np.int32(0), *given))  # compiles
        compiled = time.perf_counter()
        release_compiler_memory(compiled - started)
        trained = run(seed, task.numbers, np.int32(task.epochs), *given)
        learned = jax.device_get(trained._replace(state=without_keys(trained.state)))
        self._seconds = compiled - started, time.perf_counter() - compiled
        return self._adopt(task, learned, resumed)

    def _check(self, X: Any, y: Any, sample_weight: Any, classes: Any, resumed: bool) -> Rows:
        """Check and encode a table; rows of weight 0 are left out."""
        X, y = validate_data(self, X, y, reset=not resumed, **self._accepted(with_targets=True))
        weights = _check_sample_weight(sample_weight, X, dtype=np.float64)
        least = weights.min()
        require(least >= 0, "sample_weight", "0 or more", least)
        require(weights.any(), "sample_weight", "not to be all zero", "0 everywhere")
        kept = weights > 0
        X, y, weights = X[kept], y[kept], weights[kept]
        targets = self._encode(y, classes, resumed)
        rows = Rows(X, targets, weights * self._class_weights(y), weights)
        return rows.take(rows.weights > 0)

    def _accepted(self, *, with_targets: bool = False) -> dict[str, Any]:
        """Return options of validate_data."""
        null = "allow-nan" if isinstance(self.preprocessing, Preparation) else True
        options = self._target_options if with_targets else {}
        return {"dtype": DTYPES, "ensure_all_finite": null, **options}

    def _task(self, rows: Rows, *, resumed: bool, incremental: bool, least: int) -> Task:
        """Return a fit that is ready to run, with a program for ``least`` rows or more.

        Fits the preprocessing.
        """
        numbers, epochs = self._numbers(), check_count("max_iter", self.max_iter)
        random = check_random_state(self.random_state)
        seed = int(random.randint(LARGEST))
        held_out = None
        if self.early_stopping:
            require(not incremental, "early_stopping", "to be False for partial_fit", True)
            rows, held_out = self._divide(rows, random)
        if not resumed:
            made = self._made = self._preparation()
            self._statistics = None if made is None else _statistics(made, rows)
        inputs = self._prepare(rows.inputs)
        structure = self._make_structure(inputs, rows, epochs, least)
        start = self._start(structure, numbers) if resumed else None
        train = padded_examples(inputs, rows, structure)
        validation = None
        if held_out is not None:
            validation = padded_examples(self._prepare(held_out.inputs), held_out)
        number = 1 if incremental else epochs
        return Task(structure, seed, numbers, number, start, train, validation)

    def _numbers(self) -> dict[str, np.ndarray]:
        """Return the numbers that are arguments of the program."""
        check_ranges(RANGES, **{name: getattr(self, name) for name in RANGES})
        patience = check_count("n_iter_no_change", self.n_iter_no_change)
        kind = np.dtype(jnp.result_type(float))
        values = {name: getattr(self, parameter) for name, parameter in NUMBERS.items()}
        numbers = {name: np.asarray(value, kind) for name, value in values.items()}
        return numbers | {"patience": np.asarray(min(patience, LARGEST), np.int32)}

    def _make_structure(self, inputs: np.ndarray, rows: Rows, epochs: int, least: int) -> Structure:
        check_flags(shuffle=self.shuffle, early_stopping=self.early_stopping)
        check_choice("activation", self.activation, ACTIVATIONS)
        check_choice("loss", self.loss, self._losses)
        if isinstance(self.optimizer, str):
            check_choice("optimizer", self.optimizer, OPTIMIZERS)
        padded, hidden = self.batch_norm is None, self.hidden_layer_sizes
        total = max(len(inputs), least if padded else 0)
        several = isinstance(hidden, Sequence) or getattr(hidden, "ndim", 0) > 0
        hidden = hidden if several else (hidden,)
        widths = [check_count("hidden_layer_sizes", width) for width in hidden]
        batch = 200 if self.batch_size == "auto" else check_count("batch_size", self.batch_size)
        if batch >= total:  # full batch
            batch = capacity(total) if padded else total
        loop = LoopConfig(power_of_two(epochs), batch, bool(self.shuffle))
        return Structure(
            (inputs.shape[1], *widths, self._count_outputs(rows)),
            self.activation,
            self.batch_norm,
            self.drop_rate > 0,
            self.optimizer,
            self.loss,
            self._monitor if self.early_stopping else "loss",
            self.early_stopping,
            loop,
        )

    def _start(self, structure: Structure, numbers: dict[str, np.ndarray]) -> Any:
        """Return the state of an earlier fit, with its best parameters if it kept them.

        Its rules are as before the first epoch.
        """
        for name in ("widths", "batch_norm", "dropout", "optimizer"):
            before, now = getattr(self._structure, name), getattr(structure, name)
            expected, remedy = f"to be {before} as before", "Or set warm_start=False."
            require(before == now, name, expected, now, remedy)
        learned, known = self._learned, {name: value.item() for name, value in numbers.items()}
        recipe, state = make_build(structure)(**known), learned.state
        if recipe.evaluate_at is None:  # else they are averages of the trained ones
            state = state._replace(params=learned.params, statistics=learned.statistics)
        return state._replace(rules=start_rules(recipe.rules, state.params, state.statistics))

    def _prepare(self, inputs: np.ndarray) -> np.ndarray:
        """Return preprocessed inputs in JAX's default precision."""
        made = self._made
        ready = inputs if made is None else made.apply(self._statistics, inputs)
        with np.errstate(over="ignore"):
            ready = np.asarray(ready, np.dtype(jnp.result_type(float)))
        assert_all_finite(ready, input_name="X")
        return ready

    def _preparation(self) -> Preparation | None:
        given = self.preprocessing
        if given is None or isinstance(given, Preparation):
            return given
        return check_choice("preprocessing", given, {"standardize": standardize})()

    def _divide(self, rows: Rows, random: np.random.RandomState) -> tuple[Rows, Rows]:
        """Divide rows at random into those to learn from and those of early stopping."""
        given = {"test_size": self.validation_fraction, "random_state": random}
        labels = rows.targets if rows.targets.ndim == 1 else None
        parts: Any = train_test_split(np.arange(len(rows.inputs)), stratify=labels, **given)
        learned, held_out = (rows.take(indices) for indices in parts)
        return learned, held_out

    def _adopt(self, task: Task, learned: Trained, resumed: bool = False) -> Any:
        """Take over the results of a fit."""
        result = self._result(learned, task.structure)
        if learned.diverged:
            where, remedy = f"in epoch {int(learned.done)}", "Lower learning_rate_init."
            raise DivergenceError(f"training diverged {where}. {remedy}", result)
        losses = result.history.train["loss"].tolist()
        scores = self._validation_scores(result.history.validation)
        if resumed:
            losses = self.loss_curve_ + losses
            scores = None if scores is None else [*(self.validation_scores_ or []), *scores]
        self._learned, self._structure = learned, task.structure
        self.loss_curve_, self.validation_scores_ = losses, scores
        self.loss_, self.n_iter_ = losses[-1], len(losses)
        if self.verbose:
            for epoch in range(self.n_iter_ - int(learned.done), self.n_iter_):
                print(f"Iteration {epoch + 1}, loss = {losses[epoch]:.8f}")
        return self

    def _result(self, learned: Trained, structure: Structure) -> FitResult:
        done = int(learned.done)
        rows = jax.tree.map(lambda leaf: leaf[:done], learned.history)
        history = History(rows.epoch.train, rows.validation, rows.instruments)
        stopped = f"no better {structure.monitor} for {self.n_iter_no_change} epochs"
        key = jax.random.wrap_key_data(learned.state.key)
        return FitResult(
            learned.params,
            learned.statistics,
            int(learned.epoch),
            learned.state._replace(key=key),
            history,
            "epochs" if int(learned.ended_by) < 0 else stopped,
            *self._seconds,
        )

    def _outputs(self, X: Any) -> np.ndarray:
        """Return the outputs of the network for new rows, float64."""
        check_is_fitted(self)
        X = validate_data(self, X, reset=False, **self._accepted())
        learned = self._learned
        given = self._structure, learned.params, learned.statistics
        return network_outputs(*given, self._prepare(X))

    def _encode(self, y: np.ndarray, classes: Any, resumed: bool) -> np.ndarray:
        raise NotImplementedError

    def _class_weights(self, y: np.ndarray) -> Any:
        del y
        return 1.0

    def _count_outputs(self, rows: Rows) -> int:
        raise NotImplementedError

    def _validation_scores(self, validation: Mapping[str, Any]) -> list[float] | None:
        raise NotImplementedError


Waiting: TypeAlias = list[tuple[FeedForward, Task]]
"""Fits that are prepared and not yet trained."""

_deferral: contextvars.ContextVar[tuple[int, Waiting | None]] = contextvars.ContextVar(
    "deferral", default=(0, None)
)


@contextlib.contextmanager
def deferred_training(least: int) -> Iterator[Waiting]:
    """Yield the list of the fits within it, which are prepared and not trained.

    Each is trained by `FeedForward._adopt` with the result of its task; ``least`` is the smallest
    number of rows that its program is for.
    """
    waiting: Waiting = []
    token = _deferral.set((least, waiting))
    try:
        yield waiting
    finally:
        _deferral.reset(token)


def padded_examples(inputs: np.ndarray, rows: Rows, structure: Structure | None = None) -> Examples:
    """Return examples on the host, padded by rows of weight 0.

    The steps of a mini-batch divide by its size: weights have mean 1, but in full-batch training
    a sum of the batch size.

    Args:
        inputs: preprocessed, shape ``(n, features)``.
        rows: their targets and weights.
        structure: of the program that trains with them; None for examples to validate on.
    """
    total = len(inputs)
    weights = rows.weights * (total / rows.weights.sum())
    size = capacity(total)
    if structure is not None:
        batch = structure.loop.batch_size
        weights = weights * max(1.0, batch / total)
        size = capacity(-(-total // batch) * batch) if structure.padded else total
    targets = rows.targets
    if targets.dtype.kind == "f":
        targets = targets.astype(inputs.dtype)
    columns = inputs, targets, weights.astype(inputs.dtype)
    return Examples(*(padded(column, size) for column in columns))


def _statistics(made: Preparation, rows: Rows) -> Any:
    """Return the statistics of the training rows; their weights count in standardization alone."""
    weights = rows.sample_weights
    found = made.fit(rows.inputs)
    if made.specification.kind != "standardize" or (weights == weights[0]).all():
        return found
    x = rows.inputs.astype(np.float64)
    mean = np.average(x, axis=0, weights=weights)
    scale = np.sqrt(np.average((x - mean) ** 2, axis=0, weights=weights))
    constant = np.ptp(x, axis=0) == 0
    return {
        "shift": np.where(constant, found["shift"], mean),
        "scale": np.where(constant, 1.0, scale),
    }
