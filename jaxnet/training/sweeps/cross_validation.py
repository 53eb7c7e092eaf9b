"""Cross-validation: all settings trained on all folds, those of one size in one program."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_key
from jaxnet.core.types import Array, Key
from jaxnet.data.examples import Examples, check_pair
from jaxnet.data.split import Folds, k_folds
from jaxnet.training.distributed.processes import run_in_all_processes
from jaxnet.training.recipe import Build, Recipe, call_builder
from jaxnet.training.sweeps.batches import Members
from jaxnet.training.sweeps.checkpoint import stage_folder
from jaxnet.training.sweeps.execution import (
    Execution,
    SweepProgress,
    train_members,
)
from jaxnet.training.sweeps.labels import SweepOutputs, label
from jaxnet.training.sweeps.options import check_all_examples, divide_options
from jaxnet.training.sweeps.result import SweepResult
from jaxnet.training.sweeps.settings import Settings, check_settings
from jaxnet.training.sweeps.sweep import (
    check_members,
    check_sweep,
    make_members,
    seed_keys,
)
from jaxnet.training.train import RunProgram

_FOLD = "fold of cross_validate"  # no name of an argument, so that it can hide none


def cross_validate(
    build: Build,
    examples: Examples,
    *,
    key: Key,
    settings: Settings | Mapping[str, Any] | Sequence[Mapping[str, Any]],
    epochs: int,
    batch_size: int,
    folds: int = 5,
    seeds: int = 1,
    stratify: bool = False,
    **options: Any,
) -> SweepResult:
    """Train every setting once for each fold, without that fold, and validate on it.

    Each example is held out exactly once. The fold is one more number that the compiled program is
    called with: one program trains all folds of one size, and where ``N`` is no multiple of
    ``folds``, a second one trains those with an example less. A builder that looks at examples
    itself, as for ``standardize_like``, sees those held out, too, so does an instrument, which is
    given all, and a rule such as early stopping goes by them: each makes the estimate a little too
    good.

    Args:
        build: ``(**hyperparameters) -> Recipe``, as for `sweep`.
        examples: what to train with and to validate on, ``N`` of them. No test examples.
        key: PRNG key. With ``fold_key, run_key = jax.random.split(key)``, the folds are those of
            ``jaxnet.data.k_folds(examples, folds, key=fold_key)``, and run ``i`` of a setting has
            ``jax.random.fold_in(run_key, i)`` and fold ``i % folds``.
        settings: as for `sweep`.
        epochs: how often to go through the training examples.
        batch_size: examples a step, at most the ``N - ceil(N / folds)`` that a run trains with.
        folds: how many, from 2 to ``N``.
        seeds: runs for each setting and fold.
        stratify: keep the proportions of integer labels in every fold.
        options: of `sweep`: ``shuffle``, ``short_batch``, ``instruments``, ``width``,
            ``devices``, ``keep``, ``on_progress``, ``checkpoint``, ``progress``. In the folder
            ``checkpoint``, the folds of each size have their own.

    Returns:
        A result of ``folds * seeds`` runs a setting: means, spreads and tables are over folds,
        which weigh the same. Curves and metrics called validation are those on the fold held out.
        Its width is that of the first program.

    Raises:
        ValueError: as `sweep`; for folds out of range; for a recipe with a subset of its own.

    Source: lecture 000; Stone 1974, "Cross-validatory choice".

    >>> import jaxnet
    >>> from jaxnet.training import Recipe, grid
    >>> def build(learning_rate):
    ...     return Recipe(jaxnet.mlp((1, 8, 2)), jaxnet.optim.adam(learning_rate))
    >>> points = Examples(np.arange(12.0)[:, None] / 12, np.arange(12) // 6)
    >>> rates, run = grid(learning_rate=[1e-6, 0.05]), {"epochs": 100, "batch_size": 4}
    >>> result = cross_validate(
    ...     build, points, key=jax.random.key(0), settings=rates, folds=3, **run
    ... )
    >>> result.best(), result.metrics["validation_loss"].shape
    ({'learning_rate': 0.05}, (2, 3))
    """
    loop, execution = divide_options(options, epochs=epochs, batch_size=batch_size)
    member = RunProgram(_on_all(build), loop)

    def check() -> tuple[Settings, Any, Folds]:
        check_key("key", key)
        pair = check_pair("examples", examples)
        parts = k_folds(pair, folds, key=jax.random.split(key)[0], stratify=stratify)
        check_sweep(member, pair.take(min(parts.train, key=len)), key, seeds)
        stage_folder(execution.checkpoint, 0)
        checked = check_settings(settings)
        return checked, check_members(member, checked, pair, None), parts

    tried, (given, modes), parts = run_in_all_processes(execution.processes, check)
    keys = seed_keys(jax.random.split(key)[1], folds * seeds)
    fold = np.arange(folds * seeds, dtype=np.int32) % folds
    members = make_members(tried, keys, epochs, {_FOLD: fold})
    outputs = _train_folds(member, members, given[0], parts, execution)
    return label(tried, keys, outputs, modes)


def _train_folds(
    member: RunProgram, members: Members, examples: Examples, folds: Folds, execution: Execution
) -> SweepOutputs:
    """Train the runs of each fold size in one program."""
    fold = members.hyperparameters[_FOLD]
    sizes = np.array([len(held_out) for held_out in folds.held_out])
    groups = [np.flatnonzero(sizes == size) for size in np.unique(sizes)[::-1]]
    runs = [np.flatnonzero(np.isin(fold, group)) for group in groups]
    told = _Told(execution, [len(indices) for indices in runs])
    all_outputs = []
    for number, (group, indices) in enumerate(zip(groups, runs, strict=True)):
        folder = stage_folder(execution.checkpoint, number)
        own = execution._replace(checkpoint=folder, on_progress=told.counting_on())
        share = jax.tree.map(lambda leaf, indices=indices: leaf[indices], members)
        share.hyperparameters[_FOLD] -= group[0]
        of_size = dataclasses.replace(member, build=_on_folds(member.build, folds, group))
        all_outputs.append(train_members(of_size, share, examples, None, own))
    return _in_order(all_outputs, np.argsort(np.concatenate(runs)))


class _Told:
    """Progress over the folds of all sizes."""

    def __init__(self, execution: Execution, runs: Sequence[int]):
        self._told = execution.on_progress
        processes = execution.processes
        self._runs = sum(-(-number // processes) for number in runs)  # of this process
        self._last = SweepProgress(0, self._runs, 0.0)

    def counting_on(self) -> Callable[[SweepProgress], None] | None:
        """Return the callback of the next program."""
        if not callable(self._told):
            return self._told
        told, before = self._told, self._last

        def tell(progress: SweepProgress) -> None:
            done, seconds = before.done + progress.done, before.seconds + progress.seconds
            resumed = before.resumed + progress.resumed
            self._last = SweepProgress(done, self._runs, seconds, resumed)
            told(self._last)

        return tell


def _in_order(all_outputs: Sequence[SweepOutputs], order: np.ndarray) -> SweepOutputs:
    """Join the outputs of several programs, their runs in the given order."""
    kept = [outputs.kept for outputs in all_outputs]
    return all_outputs[0]._replace(
        kept=jax.tree.map(lambda *leaves: np.concatenate(leaves)[order], *kept),
        trials=[trial for outputs in all_outputs for trial in outputs.trials],
        compile_seconds=sum(outputs.compile_seconds for outputs in all_outputs),
        run_seconds=sum(outputs.run_seconds for outputs in all_outputs),
    )


def _on_all(build: Build) -> Build:
    """Return a builder that refuses recipes with a subset or held-out examples."""

    def build_on_all(**hyperparameters: Any) -> Recipe:
        return check_all_examples(call_builder(build, hyperparameters))

    return build_on_all


def _on_folds(build: Build, folds: Folds, group: np.ndarray) -> Build:
    """Return a builder with the index of a fold as an additional hyperparameter."""
    train, held_out = (np.stack([part[fold] for fold in group]) for part in folds)

    def build_on_fold(**hyperparameters: Any) -> Recipe:
        fold: Array = hyperparameters.pop(_FOLD)
        subset, held = jnp.asarray(train)[fold], jnp.asarray(held_out)[fold]
        return build(**hyperparameters)._replace(subset=subset, held_out=held)

    return build_on_fold
