"""`SweepSearchCV`: a search with cross-validation whose fits are runs of one program."""

import copy
import dataclasses
import functools
import time
import warnings
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np
from scipy.stats import rankdata
from sklearn.base import BaseEstimator, MetaEstimatorMixin, clone, is_classifier
from sklearn.exceptions import FitFailedWarning
from sklearn.metrics import check_scoring
from sklearn.model_selection import ParameterGrid, ParameterSampler, check_cv
from sklearn.utils import get_tags, indexable
from sklearn.utils._indexing import _safe_indexing
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import _num_samples, check_is_fitted

from jaxnet.core.checks import check_instance, require
from jaxnet.core.padding import padded
from jaxnet.core.types import Array, Key
from jaxnet.data.examples import Examples, count
from jaxnet.sklearn.estimator import NUMBERS, FeedForward, Task
from jaxnet.sklearn.program import PaddedRun, Structure, make_build
from jaxnet.training import DivergenceError
from jaxnet.training.distributed.devices import Device, count_cores, local_devices
from jaxnet.training.hyperparameters import Hyperparameters
from jaxnet.training.loop.state import TrainState, without_keys
from jaxnet.training.sweeps.batches import Members, Workers, compile_workers
from jaxnet.training.sweeps.execution import Execution, on_devices, train_members
from jaxnet.training.sweeps.width import Width
from jaxnet.training.train import Trained

NUMERIC = {*NUMBERS.values(), "max_iter"}
"""Parameters that are arguments of the program."""

WHOLE = -1
"""The split that trains with all rows."""


class TableRun(PaddedRun):
    """A run with one of several tables, by its index among the hyperparameters."""

    def __call__(
        self,
        key: Key,
        hyperparameters: Hyperparameters,
        epochs: Array,
        start: TrainState | None,
        train: Examples,
        validation: Examples | None,
    ) -> Trained:
        """Run some epochs with ``train[table]``.

        Raises:
            ValueError: as `jaxnet.training.train.RunProgram`.
            TypeError: likewise.
        """
        numbers = dict(hyperparameters)
        table = numbers.pop("table")
        own, held_out = jax.tree.map(lambda stack: stack[table], (train, validation))
        return super().__call__(key, numbers, epochs, start, own, held_out)


class Fit(NamedTuple):
    """A fit of the search: a setting, a split, and an estimator ready to train.

    Attributes:
        setting: index of the setting.
        split: index of the split, `WHOLE` for all rows.
        estimator: with the setting's parameters and the split's preprocessing.
        task: what to run.
    """

    setting: int
    split: int
    estimator: FeedForward
    task: Task


@dataclasses.dataclass
class Program:
    """The tables of fits with one structure, and what is compiled for them."""

    tables: list[Task] = dataclasses.field(default_factory=list)
    compiled: dict[int, Workers] = dataclasses.field(default_factory=dict)

    def train(self, fits: Sequence[Fit], execution: Execution) -> tuple[Any, float]:
        """Train some fits; return their results and the seconds of each."""
        structure = fits[0].task.structure
        index = {id(task.train): place for place, task in enumerate(self.tables)}
        columns = {n: np.stack([f.task.numbers[n] for f in fits]) for n in NUMBERS}
        columns["table"] = np.array([index[id(f.task.train)] for f in fits], np.int32)
        keys = jax.vmap(jax.random.key)(np.array([f.task.seed for f in fits], np.int32))
        epochs = np.array([f.task.epochs for f in fits], np.int32)
        run, members = table_run(structure), Members(keys, columns, epochs)
        if execution.width == 1 and not self.compiled:
            self.compiled[1] = _in_threads(run, members, self._stacks(), execution)
        outputs = train_members(run, members, *self._stacks(), execution, self.compiled)
        return outputs.kept, outputs.run_seconds / len(fits)

    def _stacks(self) -> tuple[Examples, Examples | None]:
        """Return all tables with a leading axis, padded to one length."""
        held_out = [task.validation for task in self.tables if task.validation is not None]
        return _stacked([task.train for task in self.tables]), _stacked(held_out)


@functools.lru_cache(maxsize=64)
def table_run(structure: Structure) -> TableRun:
    """Return the run of a structure."""
    return TableRun(make_build(structure), structure.loop)


def _in_threads(run: TableRun, members: Members, tables: Any, execution: Execution) -> Workers:
    """Return a compiled program that each core of a CPU runs by itself, at the same time."""
    devices = local_devices(execution.devices or ())
    train, validation = tables
    options = {"width": 1, "devices": devices, "keep": _without_keys}
    workers = compile_workers(run, train, validation, members, **options)
    on_cpu = all(device.platform == "cpu" for device in devices)
    threads = count_cores() // len(devices) if on_cpu else 1
    return workers._replace(runs=workers.runs * max(1, threads))


def _without_keys(trained: Trained) -> Trained:
    return trained._replace(state=without_keys(trained.state))


def _stacked(tables: Sequence[Examples]) -> Any:
    if not tables:
        return None
    rows = max(map(count, tables))
    return jax.tree.map(lambda *parts: np.stack([padded(p, rows) for p in parts]), *tables)


def _has(name: str) -> Any:
    return available_if(lambda search: hasattr(search.estimator, name))


@dataclasses.dataclass(eq=False, repr=False)
class SweepSearchCV(MetaEstimatorMixin, BaseEstimator):
    """A search over parameters with cross-validation, in as few programs as possible.

    It is as ``sklearn.model_selection.GridSearchCV``, for the estimators of `jaxnet.sklearn` alone.
    Settings and splits that differ in numbers (``learning_rate_init``, ``alpha``, ``drop_rate``,
    ``tol``, ``n_iter_no_change``, ``max_iter``), in rows, ``random_state`` or ``preprocessing`` are
    runs of one program, as in `jaxnet.training.sweep`; each other structure has a program of its
    own. The preprocessing of a fit sees the training rows of its split alone.

    Args:
        estimator: a `FeedForwardClassifier` or `FeedForwardRegressor`.
        param_grid: name -> list of values, or a list of such grids; with ``n_iter`` distributions
            of ``scipy.stats`` too.
        n_iter: settings drawn at random, as by ``RandomizedSearchCV``; None for the whole grid.
        scoring: as for ``GridSearchCV``, one score; by default the estimator's.
        cv: number of folds, or a splitter.
        refit: whether to train the best setting with all rows.
        random_state: seed of ``n_iter``.
        width: runs that a device trains at a time, as for `jaxnet.training.sweep`; with 1, each
            core of a CPU trains one. On a GPU, ``"all"`` is faster for small networks.
        devices: where to train; by default on all.

    Attributes:
        best_params_: setting with the best mean score.
        best_score_: its mean score over the splits.
        best_index_: its index.
        best_estimator_: an estimator with this setting, trained with all rows.
        cv_results_: name -> array over settings, with the names of ``GridSearchCV``.
        n_splits_: number of splits.

    >>> import numpy as np
    >>> from jaxnet.sklearn import FeedForwardClassifier
    >>> inputs, labels = np.arange(12.0)[:, None], np.arange(12) // 6
    >>> model = FeedForwardClassifier((8,), max_iter=50, random_state=0)
    >>> search = SweepSearchCV(model, {"learning_rate_init": [1e-6, 0.05]}).fit(inputs, labels)
    >>> search.best_params_, search.predict([[1.0], [10.0]]).tolist()
    ({'learning_rate_init': 0.05}, [0, 1])
    """

    estimator: Any
    param_grid: Any
    _: dataclasses.KW_ONLY
    n_iter: int | None = None
    scoring: Any = None
    cv: Any = 3
    refit: bool = True
    random_state: Any = None
    width: Width = 1
    devices: Sequence[Device] | None = None

    def fit(self, X: Any, y: Any) -> "SweepSearchCV":
        """Train and score all settings on all splits, then the best setting on all rows.

        Args:
            X: inputs, shape ``(n, features)``.
            y: targets.

        Raises:
            TypeError: for another estimator.
            ValueError: for parameters or data that are not valid, or if no fit succeeds.
        """
        expected = "to be a FeedForwardClassifier or FeedForwardRegressor"
        check_instance("estimator", self.estimator, FeedForward, expected)
        X, y = indexable(X, y)
        settings = list(
            ParameterGrid(self.param_grid)
            if self.n_iter is None
            else ParameterSampler(self.param_grid, self.n_iter, random_state=self.random_state)
        )
        cv: Any = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y))
        scorer: Any = check_scoring(self.estimator, self.scoring)
        self.n_splits_, self.scorer_ = len(splits), scorer
        parts = dict(enumerate(train for train, _ in splits))
        if self.refit:
            parts[WHOLE] = np.arange(_num_samples(X))
        fits, programs = prepare_fits(self.estimator, settings, parts, X, y)
        execution = on_devices(Execution(self.width, self.devices, keep="state", progress=False))

        scores = np.full((3, len(settings), len(splits)), np.nan)  # and seconds to fit and score
        for structure, program in programs.items():
            own = [f for f in fits if f.task.structure == structure and f.split != WHOLE]
            for each, seconds in _trained(own, program, execution):
                started = time.perf_counter()
                test = splits[each.split][1]
                given = _safe_indexing(X, test), _safe_indexing(y, test)
                score = self.scorer_(each.estimator, *given)
                passed = time.perf_counter() - started
                scores[:, each.setting, each.split] = score, seconds, passed
        require(np.isfinite(scores[0]).any(), "a fit", "to succeed", "none")
        self.cv_results_ = _results(settings, *scores)
        self.best_index_ = int(self.cv_results_["rank_test_score"].argmin())
        self.best_params_ = settings[self.best_index_]
        self.best_score_ = float(self.cv_results_["mean_test_score"][self.best_index_])
        if self.refit:
            (best,) = [f for f in fits if (f.setting, f.split) == (self.best_index_, WHOLE)]
            program = programs[best.task.structure]
            for each, seconds in _trained([best], program, execution):
                self.best_estimator_, self.refit_time_ = each.estimator, seconds
        return self

    @property
    def classes_(self) -> np.ndarray:
        """Labels of the best estimator."""
        return self._best().classes_

    @property
    def n_features_in_(self) -> int:
        """Features of the inputs."""
        return self._best().n_features_in_

    def predict(self, X: Any) -> np.ndarray:
        """Return what the best estimator predicts for ``X``."""
        return self._best().predict(X)

    @_has("predict_proba")
    def predict_proba(self, X: Any) -> np.ndarray:
        """Return the probabilities of the best estimator for ``X``."""
        return self._best().predict_proba(X)

    @_has("predict_log_proba")
    def predict_log_proba(self, X: Any) -> np.ndarray:
        """Return their logarithms."""
        return self._best().predict_log_proba(X)

    def score(self, X: Any, y: Any) -> float:
        """Return the score of the best estimator, by ``scoring``."""
        return self.scorer_(self._best(), X, y)

    def _best(self) -> Any:
        check_is_fitted(self, "best_estimator_")
        return self.best_estimator_

    def __sklearn_tags__(self) -> Any:
        tags, own = super().__sklearn_tags__(), get_tags(self.estimator)
        tags.estimator_type, tags.input_tags = own.estimator_type, own.input_tags
        tags.classifier_tags, tags.regressor_tags = own.classifier_tags, own.regressor_tags
        tags.target_tags = own.target_tags
        return tags


def prepare_fits(
    estimator: Any,
    settings: Sequence[dict[str, Any]],
    parts: Mapping[int, np.ndarray],
    X: Any,
    y: Any,
) -> tuple[list[Fit], dict[Structure, Program]]:
    """Return all fits of a search, and the programs that train them.

    What settings and splits share is prepared once. The capacity of a program is that of the
    largest of them, so that it is one.
    """
    most = {
        name: max(setting.get(name, getattr(estimator, name)) for setting in settings)
        for name in ("max_iter", "drop_rate")
    }
    rows = max(map(len, parts.values()))
    prepared: dict[Any, tuple[FeedForward, Task]] = {}
    programs: dict[Structure, Program] = {}
    fits = []
    for split, train in parts.items():
        given = _safe_indexing(X, train), _safe_indexing(y, train)
        for place, setting in enumerate(settings):
            shared = {name: value for name, value in setting.items() if name not in NUMERIC}
            name = split, repr(sorted(shared.items()))
            if name not in prepared:
                base: Any = clone(estimator)
                base.set_params(**shared | most)
                checked = base._check(*given, None, None, False)
                task = base._task(checked, least=rows)
                place_of, remedy = task.structure.batch_norm, "Use GridSearchCV."
                require(place_of is None, "batch_norm", "to be None", repr(place_of), remedy)
                prepared[name] = base, task
                programs.setdefault(task.structure, Program()).tables.append(task)
            base, task = prepared[name]
            own = copy.copy(base).set_params(**{n: getattr(estimator, n) for n in most} | setting)
            own_task = task._replace(numbers=own._numbers(), epochs=own.max_iter)
            fits.append(Fit(place, split, own, own_task))
    return fits, programs


def _trained(
    fits: Sequence[Fit], program: Program, execution: Execution
) -> Iterator[tuple[Fit, float]]:
    """Train fits of one structure; yield those that did not diverge, with their seconds."""
    kept, seconds = program.train(fits, execution)
    for index, each in enumerate(fits):
        learned = jax.tree.map(lambda leaf, index=index: leaf[index], kept)
        each.estimator._seconds = 0.0, seconds
        try:
            each.estimator._adopt(each.task, learned)
        except DivergenceError as error:
            warnings.warn(f"setting {each.setting}: {error}", FitFailedWarning, stacklevel=3)
            continue
        yield each, seconds


def _results(
    settings: Sequence[Mapping[str, Any]],
    scores: np.ndarray,
    fit_seconds: np.ndarray,
    score_seconds: np.ndarray,
) -> dict[str, Any]:
    """Return the table of a search; the arrays have the shape ``(settings, splits)``."""
    table: dict[str, Any] = {}
    for name, seconds in {"fit": fit_seconds, "score": score_seconds}.items():
        table[f"mean_{name}_time"] = seconds.mean(axis=1)
        table[f"std_{name}_time"] = seconds.std(axis=1)
    for name in sorted({name for setting in settings for name in setting}):
        values = np.empty(len(settings), object)
        for place, setting in enumerate(settings):
            values[place] = setting.get(name)
        absent = [name not in setting for setting in settings]
        table[f"param_{name}"] = np.ma.MaskedArray(values, mask=absent)
    table["params"] = list(settings)
    for split, column in enumerate(scores.T):
        table[f"split{split}_test_score"] = column
    mean = scores.mean(axis=1)
    table["mean_test_score"], table["std_test_score"] = mean, scores.std(axis=1)
    worst = np.nan_to_num(mean, nan=np.nanmin(scores) - 1)
    table["rank_test_score"] = rankdata(-worst, method="min").astype(np.int32)
    return table
