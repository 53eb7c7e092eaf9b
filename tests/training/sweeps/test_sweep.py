"""A sweep trains each of its members as if it were alone, and says what came of whom."""

import functools
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.training import (
    Recipe,
    SweepProgress,
    SweepResult,
    early_stopping,
    grid,
    make_train,
    sweep,
)
from tests.comparison import Tolerance, assert_trees_close
from tests.training.toys import blobs

RUNS: dict[str, Any] = {"epochs": 5, "batch_size": 8, "validation": blobs(seed=1)}


def build(learning_rate: Any, drop_rate: Any = 0.1, strength: Any = 0.0) -> Recipe:
    return Recipe(
        jaxnet.mlp((3, 5, 3), activation="tanh", drop_rate=drop_rate),
        jaxnet.optim.adam(learning_rate),
        penalty=jaxnet.penalties.get_penalty("l2", strength=strength),
    )


SETTINGS = grid(learning_rate=[0.01, 0.1, 1e38], drop_rate=[0.0, 0.2])


@functools.cache
def swept(width: Any = 1, **more: Any) -> SweepResult:
    given = {"key": jax.random.key(3), "settings": SETTINGS, "seeds": 2}
    return sweep(build, blobs(), width=width, **given, **RUNS, **more)


def test_a_mapped_member_is_a_run_of_its_own_bit_for_bit() -> None:
    result, train = swept(), make_train(build, blobs(), **RUNS)
    for setting, seed in ((0, 0), (3, 1)):
        member = result.member(setting, seed)
        trained = train(member.key, member.hyperparameters)
        assert digest(trained.params) == digest(member.params)
        curve = result.history.validation["loss"][setting, seed]
        np.testing.assert_array_equal(curve, trained.history.validation["loss"])


@pytest.mark.slow
def test_a_batch_of_members_equals_them_to_rounding_and_progress_counts_the_runs() -> None:
    seen: list[SweepProgress] = []
    mapped, batched, chunked = swept(), swept("all"), swept(5, on_progress=seen.append)
    assert (mapped.width, batched.width, chunked.width) == (1, 12, 5)
    for other in (batched, chunked):
        assert_trees_close(other.params, mapped.params, tolerance=Tolerance(1e-5, 1e-6))
        np.testing.assert_array_equal(other.diverged, mapped.diverged)
    assert [progress.done for progress in seen][-1] == seen[0].runs == 12
    assert len(seen) == 3


def test_auto_gives_what_the_width_that_it_chose_gives() -> None:
    result = swept("auto")
    assert result.trials[0].width == 1
    assert all(trial.seconds > 0 for trial in result.trials)
    np.testing.assert_array_equal(result.diverged, swept().diverged)


def test_members_that_diverge_harm_no_other_and_are_marked() -> None:
    result = swept("all")
    assert result.diverged.tolist() == [[False] * 2] * 4 + [[True] * 2] * 2
    assert result.done[:4].tolist() == [[5, 5]] * 4
    assert (result.done[4:] == 1).all()
    assert np.isnan(result.metrics["validation_loss"][4:]).all()
    assert np.isfinite(result.metrics["validation_loss"][:4]).all()
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(result.params))
    assert np.isnan(result.history.validation["loss"][4:, :, 1:]).all()
    assert "2, 2 diverged" in result.table().splitlines()[-1]
    assert np.isnan(result.mean("train_loss")[4:]).all()


def test_the_same_key_gives_the_same_bits_and_another_gives_others() -> None:
    again = sweep(build, blobs(), key=jax.random.key(3), settings=SETTINGS, seeds=2, **RUNS)
    assert digest(again.params) == digest(swept().params)
    other = sweep(build, blobs(), key=jax.random.key(4), settings=SETTINGS, **RUNS)
    assert digest(other.member(0).params) != digest(again.member(0).params)


def test_all_settings_share_the_draws_of_a_seed() -> None:
    settings = [{"learning_rate": 0.1}, {"learning_rate": 0.1}]
    result = sweep(build, blobs(), key=jax.random.key(0), settings=settings, seeds=2, **RUNS)
    assert digest(result.member(0, 1).params) == digest(result.member(1, 1).params)
    assert digest(result.member(0, 0).params) != digest(result.member(0, 1).params)


def test_no_setting_is_traced_again() -> None:
    traces = []

    def counted(learning_rate: Any) -> Recipe:
        if not isinstance(learning_rate, float):
            traces.append(1)
        return build(learning_rate)

    settings = grid(learning_rate=np.geomspace(1e-3, 1e-1, 9).tolist())
    sweep(counted, blobs(), key=jax.random.key(0), settings=settings, width=1, **RUNS)
    assert traces == [1]


@pytest.mark.slow
def test_any_number_of_the_recipe_may_be_swept(dtype: np.dtype) -> None:
    """Each differs from the reference, and equals a sweep of that setting alone."""

    def everything(
        learning_rate: Any, momentum: Any, strength: Any, drop_rate: Any, smoothing: Any
    ) -> Recipe:
        return Recipe(
            jaxnet.mlp((3, 5, 3), drop_rate=drop_rate, batch_norm="before"),
            jaxnet.optim.momentum(learning_rate, momentum=momentum),
            loss=functools.partial(jaxnet.losses.softmax_cross_entropy, label_smoothing=smoothing),
            penalty=jaxnet.penalties.get_penalty("l1", strength=strength),
        )

    usual = {"momentum": 0.5, "strength": 0.01, "drop_rate": 0.1, "smoothing": 0.05}
    usual |= {"learning_rate": 0.1}
    changes = [{name: 1.5 * value} for name, value in usual.items()]
    settings = [usual, *(usual | change for change in changes)]
    runs = {"key": jax.random.key(0), "epochs": 2, "batch_size": 8, "width": 1}
    result = sweep(everything, blobs(), settings=settings, **runs)
    digests = {digest(result.member(i).params) for i in range(len(settings))}
    assert len(digests) == len(settings)
    last = sweep(everything, blobs(), settings=[settings[-1]], **runs)
    assert digest(last.member(0).params) == digest(result.member(len(changes)).params)
    assert result.params[0].weights.dtype == dtype


def test_early_stopping_is_each_member_s_own() -> None:
    def stopping(learning_rate: Any) -> Recipe:
        return build(learning_rate)._replace(rules=[early_stopping(patience=2, min_delta=0.01)])

    runs = RUNS | {"epochs": 30, "key": jax.random.key(0), "validation": blobs()}
    settings = grid(learning_rate=[0.02, 0.2])
    mapped, batched = (
        sweep(stopping, blobs(), settings=settings, width=width, **runs) for width in (1, "all")
    )
    np.testing.assert_array_equal(batched.done, mapped.done)
    first, second = mapped.done[:, 0].tolist()
    assert first != second
    assert mapped.ended_by[1, 0] == 0
    # the metrics are those of the best epoch, whose parameters are kept
    losses = mapped.history.validation["loss"][1, 0]
    assert mapped.metrics["validation_loss"][1, 0] == losses[second - 3]


def test_subsets_of_the_data_can_be_swept() -> None:
    """A subset's run equals that on those examples, repeated to fill the epoch."""

    def partly(size: Any) -> Recipe:
        return build(0.1, drop_rate=0.0)._replace(subset=jnp.arange(37) % size)

    runs = {"key": jax.random.key(0), "epochs": 3, "batch_size": 8, "width": 1}
    result = sweep(partly, blobs(), settings=grid(size=[5, 37]), **runs)
    repeated = jax.tree.map(lambda leaf: leaf[np.arange(37) % 5], blobs())
    whole = sweep(partly, repeated, settings={"size": 37}, **runs)
    assert_trees_close(
        result.member(0).params, whole.member(0).params, tolerance=Tolerance(1e-5, 1e-6)
    )
    assert digest(result.member(1).params) != digest(result.member(0).params)
