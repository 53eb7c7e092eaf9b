"""`SweepSearchCV`: a search with cross-validation whose fits are runs of one program."""

import dataclasses
import functools
import itertools
import time
import warnings
from collections.abc import Callable, Collection, Hashable, Iterator, Mapping, Sequence
from typing import Any, ClassVar, NamedTuple

import jax
import numpy as np
from sklearn.base import clone, is_classifier
from sklearn.exceptions import FitFailedWarning, NotFittedError
from sklearn.model_selection import GridSearchCV, ParameterGrid, ParameterSampler, check_cv
from sklearn.utils import indexable
from sklearn.utils._indexing import _safe_indexing
from sklearn.utils.validation import _check_method_params, _num_samples

from jaxnet.core.checks import check_count, require, require_type
from jaxnet.core.errors import invalid_value
from jaxnet.core.padding import padded
from jaxnet.core.types import Array, Key
from jaxnet.data.examples import Examples, count
from jaxnet.sklearn.estimator import NUMBERS, FeedForward, Task, deferred_training
from jaxnet.sklearn.program import Structure, make_member
from jaxnet.training import DivergenceError
from jaxnet.training.distributed.devices import Device, count_cores, local_devices
from jaxnet.training.hyperparameters import Hyperparameters
from jaxnet.training.loop.state import TrainState, without_keys
from jaxnet.training.sweeps.batches import Members, Workers, compile_workers
from jaxnet.training.sweeps.execution import Execution, on_devices, train_members
from jaxnet.training.sweeps.width import Width
from jaxnet.training.train import RunProgram, Trained

NUMERIC = [*NUMBERS.values(), "max_iter"]
"""Parameters of a network that are arguments of its program."""

WHOLE = -1
"""The split that trains with all rows."""


@dataclasses.dataclass(frozen=True, eq=False)
class TableRun(RunProgram):
    """A run with one of several tables, by its index among the hyperparameters.

    Attributes:
        run: what is run with it.
    """

    run: RunProgram

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
        return self.run(key, numbers, epochs, start, own, held_out)


class Fit(NamedTuple):
    """A fit of the search: a setting, a split, and an estimator whose network is to be trained.

    Attributes:
        setting: index of the setting.
        split: index of the split, `WHOLE` for all rows.
        estimator: all of it but the network is fitted; settings that differ in numbers share it.
        network: the network within it.
        numbers: name -> number of the setting, for the estimator.
        task: what to run.
    """

    setting: int
    split: int
    estimator: Any
    network: FeedForward
    numbers: dict[str, Any]
    task: Task

    def adopt(self, learned: Trained, seconds: float) -> None:
        """Take over the setting's numbers and what was learned with them.

        Raises:
            DivergenceError: if the run diverged.
        """
        own = {name.rpartition("__")[-1]: number for name, number in self.numbers.items()}
        self.estimator.set_params(**self.numbers)
        self.network.set_params(**own)
        self.network._seconds = 0.0, seconds
        self.network._adopt(self.task, learned)


@dataclasses.dataclass
class Program:
    """The fits with one structure, and what is compiled for them."""

    fits: list[Fit] = dataclasses.field(default_factory=list)
    compiled: dict[int, Workers] = dataclasses.field(default_factory=dict)

    def train(self, fits: Sequence[Fit], execution: Execution) -> Iterator[tuple[Fit, float]]:
        """Train some fits; yield those that did not diverge, with their seconds."""
        run = table_run(fits[0].task.structure)
        tables = {id(fit.task.train): fit.task for fit in self.fits}
        stacks, names = _stacks(tables.values()), list(tables)
        columns = {n: np.stack([f.task.numbers[n] for f in fits]) for n in NUMBERS}
        columns["table"] = np.array([names.index(id(f.task.train)) for f in fits], np.int32)
        keys = jax.vmap(jax.random.key)(np.array([f.task.seed for f in fits], np.int32))
        members = Members(keys, columns, np.array([f.task.epochs for f in fits], np.int32))
        if execution.width == 1 and not self.compiled:
            self.compiled[1] = _in_threads(run, members, stacks, execution)
        outputs = train_members(run, members, *stacks, execution, self.compiled)
        seconds = outputs.run_seconds / len(fits)
        for index, each in enumerate(fits):
            learned = jax.tree.map(lambda leaf, index=index: leaf[index], outputs.kept)
            try:
                each.adopt(learned, seconds)
            except DivergenceError as error:
                warnings.warn(f"setting {each.setting}: {error}", FitFailedWarning, stacklevel=3)
                continue
            yield each, seconds


@functools.lru_cache(maxsize=64)
def table_run(structure: Structure) -> TableRun:
    """Return the run of a structure."""
    run = make_member(structure)
    return TableRun(run.build, run.loop, run)


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


def _stacks(tasks: Collection[Task]) -> tuple[Examples, Examples | None]:
    """Return all tables with a leading axis, padded to one length."""
    held_out = [task.validation for task in tasks if task.validation is not None]
    return _stacked([task.train for task in tasks]), _stacked(held_out)


def _stacked(tables: Sequence[Examples]) -> Any:
    if not tables:
        return None
    rows = max(map(count, tables))
    return jax.tree.map(lambda *parts: np.stack([padded(p, rows) for p in parts]), *tables)


@dataclasses.dataclass(eq=False, repr=False)
class SweepSearchCV(GridSearchCV):
    """A search over parameters with cross-validation, in as few programs as possible.

    It is as ``sklearn.model_selection.GridSearchCV``, for a `FeedForwardClassifier`, a
    `FeedForwardRegressor`, or an estimator such as a ``Pipeline`` that ends with fitting one of
    them. Settings and splits that differ in the network's numbers (``learning_rate_init``,
    ``alpha``, ``drop_rate``, ``tol``, ``n_iter_no_change``, ``max_iter``), in rows,
    ``random_state``, ``preprocessing`` or parameters of transformers are runs of one program, as in
    `jaxnet.training.sweep`; each other structure has a program of its own, with ``batch_norm`` each
    number of rows too. Preprocessing and transformers see the training rows of their split alone,
    and are fitted once for all settings that differ in the network's numbers.

    Args:
        estimator: the estimator.
        param_grid: name -> list of values, or a list of such grids; with ``n_iter`` distributions
            of ``scipy.stats`` too. Names are as in ``set_params``: ``step__alpha`` in a pipeline.
        n_iter: settings drawn at random, as by ``RandomizedSearchCV``; None for the whole grid.
        scoring: one score or several, as for ``GridSearchCV``; by default the estimator's.
        cv: number of folds, or a splitter.
        refit: whether to train the best setting with all rows; for several scores, the name of the
            one that says which is best; or a function of ``cv_results_`` that returns its index.
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
    refit: Any = True
    random_state: Any = None
    width: Width = 1
    devices: Sequence[Device] | None = None

    error_score: ClassVar[str] = "raise"
    return_train_score: ClassVar[bool] = False

    def fit(self, X: Any, y: Any, **params: Any) -> "SweepSearchCV":
        """Train and score all settings on all splits, then the best setting on all rows.

        Args:
            X: inputs, shape ``(n, features)``.
            y: targets.
            params: as for ``GridSearchCV``: those of the estimator's ``fit``, such as
                ``sample_weight``, in a pipeline ``step__sample_weight``; and ``groups`` of ``cv``.

        Raises:
            TypeError: for an estimator without a network of `jaxnet.sklearn`, or with several.
            ValueError: for parameters or data that are not valid, or if no fit succeeds.
        """
        scoring: Any = self._get_scorers()
        scorer, metric = scoring
        X, y = indexable(X, y)
        routed = self._get_routed_params_for_fit(params)
        settings = list(
            ParameterGrid(self.param_grid)
            if self.n_iter is None
            else ParameterSampler(self.param_grid, self.n_iter, random_state=self.random_state)
        )
        cv: Any = check_cv(self.cv, y, classifier=is_classifier(self.estimator))
        splits = list(cv.split(X, y, **routed.splitter.split))
        self.n_splits_ = len(splits)
        parts = dict(enumerate(train for train, _ in splits))
        if self.refit:
            parts[WHOLE] = np.arange(_num_samples(X))
        programs = prepare_fits(self.estimator, settings, parts, X, y, routed.estimator.fit)
        execution = on_devices(Execution(self.width, self.devices, keep="state", progress=False))

        found: dict[tuple[int, int], dict[str, Any]] = {}
        for each, seconds in _trained(programs, execution, lambda fit: fit.split != WHOLE):
            started, test = time.perf_counter(), splits[each.split][1]
            given = _safe_indexing(X, test), _safe_indexing(y, test)
            scores = scorer(
                each.estimator, *given, **_check_method_params(X, routed.scorer.score, test)
            )
            times = {"fit_time": seconds, "score_time": time.perf_counter() - started}
            found[each.setting, each.split] = {"test_scores": scores, **times}
        require(found, "a fit", "to succeed", "none")
        failed = jax.tree.map(lambda _: np.nan, next(iter(found.values())))
        pairs = itertools.product(range(len(settings)), range(len(splits)))
        cells = [found.get(pair, failed) for pair in pairs]
        self.cv_results_ = self._format_results(settings, len(splits), cells)
        self.scorer_ = getattr(scorer, "_scorers", scorer)
        self._select(metric, failed["test_scores"])
        if self.refit:
            chosen = self.best_index_, WHOLE
            best = _trained(programs, execution, lambda f: (f.setting, f.split) == chosen)
            for each, self.refit_time_ in best:
                self.best_estimator_ = each.estimator
                if hasattr(each.estimator, "feature_names_in_"):
                    self.feature_names_in_ = each.estimator.feature_names_in_
        return self

    def _select(self, metric: Any, scores: Any) -> None:
        """Select the best setting; ``scores`` is a dictionary if there are several."""
        self.multimetric_ = isinstance(scores, dict)
        if self.multimetric_:  # a function of one's own may return several
            self._check_refit_for_multimetric(scores)
            metric = self.refit
        if self.refit or not self.multimetric_:
            best = self._select_best_index(self.refit, metric, self.cv_results_)
            self.best_index_, self.best_params_ = int(best), self.cv_results_["params"][best]
            if not callable(self.refit):
                self.best_score_ = float(self.cv_results_[f"mean_test_{metric}"][best])


def _trained(
    programs: Sequence[Program], execution: Execution, chosen: Callable[[Fit], bool]
) -> Iterator[tuple[Fit, float]]:
    """Train the chosen fits; yield those that did not diverge, with their seconds."""
    for program in programs:
        fits = [fit for fit in program.fits if chosen(fit)]
        if fits:
            yield from program.train(fits, execution)


def find_network(estimator: Any) -> tuple[str, FeedForward]:
    """Return the prefix of its parameters' names, and the network in an estimator.

    Raises:
        TypeError: if there is none or several.
    """
    inner = {"": estimator} | {f"{n}__": part for n, part in estimator.get_params().items()}
    networks = [(n, part) for n, part in inner.items() if isinstance(part, FeedForward)]
    expected, kind = "to hold one FeedForwardClassifier or FeedForwardRegressor", type(estimator)
    require_type(len(networks) == 1, "estimator", expected, kind.__name__, "Use GridSearchCV.")
    return networks[0]


def prepare_fits(
    estimator: Any,
    settings: Sequence[dict[str, Any]],
    parts: Mapping[int, np.ndarray],
    X: Any,
    y: Any,
    params: Mapping[str, Any],
) -> list[Program]:
    """Return the programs of a search, with all its fits.

    What settings and splits share is prepared once. The capacity of a program is that of the
    largest of them, so that it is one.
    """
    wanted: list[Any] = [clone(estimator) for _ in settings]
    for each, setting in zip(wanted, settings, strict=True):
        each.set_params(**{name: clone(value, safe=False) for name, value in setting.items()})
    networks = [find_network(each) for each in wanted]
    most = {n: max(getattr(own, n) for _, own in networks) for n in ("max_iter", "drop_rate")}
    rows = max(map(len, parts.values()))
    prepared: dict[Hashable, tuple[Any, FeedForward, Task]] = {}
    programs: dict[Hashable, Program] = {}
    for split, train in parts.items():
        given = _safe_indexing(X, train), _safe_indexing(y, train)
        given_params = _check_method_params(X, params, train)
        for place, (prefix, own) in enumerate(networks):
            numeric = {f"{prefix}{name}": getattr(own, name) for name in NUMERIC}
            setting = settings[place].items()
            shared = split, *((n, id(value)) for n, value in setting if n not in numeric)
            if shared not in prepared:
                base: Any = clone(wanted[place])
                base.set_params(**{prefix + n: most[n] for n in most})
                prepared[shared] = base, *_waiting(base, *given, given_params, rows)
            base, network, task = prepared[shared]
            epochs = check_count("max_iter", own.max_iter)
            task = task._replace(numbers=own._numbers(), epochs=epochs)
            length = None if task.structure.padded else count(task.train)
            program = programs.setdefault((task.structure, length), Program())
            program.fits.append(Fit(place, split, base, network, numeric, task))
    return list(programs.values())


def _waiting(
    estimator: Any, X: Any, y: Any, params: Mapping[str, Any], rows: int
) -> tuple[FeedForward, Task]:
    """Fit all of an estimator but its network; return that, and what to run."""
    expected, remedy = "to fit one network, and not to predict with it yet", "Use GridSearchCV."
    kind = type(estimator).__name__
    with deferred_training(rows) as waiting:
        try:
            estimator.fit(X, y, **params)
        except NotFittedError as error:
            raise invalid_value("estimator", expected, kind, remedy) from error
    require(len(waiting) == 1, "estimator", expected, kind, remedy)
    return waiting[0]
