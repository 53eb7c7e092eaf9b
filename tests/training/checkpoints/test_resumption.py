"""A run that goes on from a checkpoint ends with the bits of one that was never interrupted."""

import itertools
import json
import sys
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from safetensors import safe_open

import jaxnet
from jaxnet.core.errors import InputError
from jaxnet.core.trees import describe_arrays, digest
from jaxnet.training import (
    DivergenceError,
    FitResult,
    Progress,
    early_stopping,
    fit,
    init_state,
    reduce_on_plateau,
    restore_state,
)
from jaxnet.training.checkpoints import save_interval
from jaxnet.training.checkpoints.checkpoint import Checkpoint, Standing
from jaxnet.training.checkpoints.fingerprint import Fingerprint
from jaxnet.training.checkpoints.folder import CheckpointFolder
from jaxnet.training.fit import _program
from jaxnet.training.host_loop import CAPACITY
from jaxnet.training.loop.epoch import EpochRecord
from jaxnet.training.loop.run import RunRecord
from jaxnet.training.program import LoopConfig, without_rates
from jaxnet.training.recipe import Recipe, check_recipe
from tests.training.checkpoints.starts import result_digest
from tests.training.toys import blobs, network

NETWORK = network()
OPTIMIZER = jaxnet.optim.adam(0.01)


def run(folder: Path | None, net: Any = NETWORK, **settings: Any) -> FitResult:
    given: dict[str, Any] = {"key": jax.random.key(0), "optimizer": OPTIMIZER, "epochs": 9}
    given |= {"batch_size": 8, "validation": blobs(seed=1), "report_every": 2}
    return fit(net, blobs(), checkpoint=folder, **(given | settings))


def names(folder: Path) -> list[str]:
    """Return what a folder holds beside its lock, whole checkpoints without their suffix."""
    found = (path.name for path in folder.iterdir() if path.name != ".lock")
    return sorted(name.removesuffix(".safetensors") for name in found)


EVERYTHING = {
    "plain": {},
    "statistics, random layers": {
        "net": jaxnet.mlp((3, 5, 3), batch_norm="after", drop_rate=0.2),
        "optimizer": jaxnet.optim.chain(jaxnet.optim.adam(jaxnet.schedules.cosine_decay(0.1, 90))),
    },
    "rules, instruments": {
        "rules": [early_stopping(patience=50), reduce_on_plateau(patience=2)],
        "instruments": {"first": lambda params, statistics, train: params[0].weights[0, 0]},
        "metrics": ["accuracy", "error_rate"],
    },
    "evaluated elsewhere": {
        "optimizer": jaxnet.optim.average_parameters(jaxnet.optim.adam(0.01), 0.9),
        "evaluate_at": jaxnet.optim.averaged_params,
        "rules": [early_stopping("accuracy", patience=3, min_epochs=7)],
    },
    "another generator": {"key": jax.random.key(3, impl="rbg"), "validation": None},
    "Newton": {"optimizer": jaxnet.optim.newton_cg(), "batch_size": 37, "gradient": "by_hand"},
}


@pytest.mark.parametrize("settings", EVERYTHING.values(), ids=EVERYTHING.keys())
def test_a_resumed_run_equals_an_uninterrupted_one(
    settings: dict[str, Any], tmp_path: Path
) -> None:
    first = run(tmp_path, **settings, epochs=4)
    assert len(first.history.train["loss"]) == 4
    resumed = run(tmp_path, **settings | {"report_every": 3})
    assert result_digest(resumed) == result_digest(run(None, **settings))
    assert resumed.run_seconds > first.run_seconds


def test_in_both_precisions(dtype: np.dtype, tmp_path: Path) -> None:
    run(tmp_path, epochs=4)
    resumed = run(tmp_path)
    assert resumed.params[0].weights.dtype == dtype
    assert result_digest(resumed) == result_digest(run(None))


def with_a_rate(first: Any, following: Any) -> optax.GradientTransformation:
    """Return gradient descent whose state is its rate."""

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        return jax.tree.map(lambda d: -(state * d).astype(d.dtype), updates), following(state)

    return optax.GradientTransformation(lambda params: first(), update)


WEAK = {
    "weakly typed": with_a_rate(lambda: jnp.asarray(0.3), lambda rate: 0.9 * rate),
    "a Python number": with_a_rate(lambda: 0.3, lambda rate: 0.9 * rate),
    "weakly typed by the update": with_a_rate(
        lambda: jnp.float32(0.3), lambda rate: jnp.asarray(0.3)
    ),
}


@pytest.mark.parametrize("optimizer", WEAK.values(), ids=WEAK.keys())
def test_weak_types_give_way_to_bfloat16_in_no_part_of_a_run(
    optimizer: Any, tmp_path: Path
) -> None:
    with jax.numpy_dtype_promotion("standard"):
        given = {"net": jaxnet.mlp((3, 5, 3), dtype=jnp.bfloat16), "optimizer": optimizer}
        _program.cache_clear()
        whole = run(None, **given)
        run(tmp_path, **given, epochs=4)
        assert result_digest(run(tmp_path, **given)) == result_digest(whole)
        assert result_digest(run(None, **given, report_every=1)) == result_digest(whole)
    assert not whole.state.opt_state.weak_type


def test_to_go_on_compiles_nothing_anew(tmp_path: Path) -> None:
    _program.cache_clear()
    run(tmp_path, epochs=4)
    run(tmp_path)
    assert _program.cache_info().misses == 1
    recipe, _ = without_rates(check_recipe(Recipe(NETWORK, OPTIMIZER, metrics="accuracy")))
    program = _program(recipe, LoopConfig(CAPACITY, 8, instruments=()))
    assert program._cache_size() == 1


def test_a_finished_run_gives_its_result_again(tmp_path: Path) -> None:
    first = run(tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")}
    assert result_digest(run(tmp_path)) == result_digest(first)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*")} == before


def test_a_run_that_a_rule_ended_does_nothing(tmp_path: Path) -> None:
    rules = [early_stopping("accuracy", patience=2)]
    first = run(tmp_path, rules=rules, epochs=60)
    assert first.ended_by == "no better accuracy for 2 epochs"
    again = run(tmp_path, rules=rules, epochs=80)
    assert again.ended_by == first.ended_by
    assert result_digest(again) == result_digest(first)


def test_from_a_state_that_was_handed_in(tmp_path: Path) -> None:
    state = run(None, epochs=3).state
    run(tmp_path, epochs=2, state=state)
    assert "epoch_5" in names(tmp_path)
    resumed = run(tmp_path, epochs=6, state=state)
    assert len(resumed.history.train["loss"]) == 6
    assert digest(resumed.state) == digest(run(None).state)


def test_two_are_kept_and_progress_goes_on(tmp_path: Path) -> None:
    seen: list[Progress] = []
    run(tmp_path, epochs=5, on_progress=seen.append)
    assert [(told.epoch, told.resumed) for told in seen] == [(2, 0), (4, 0), (5, 0)]
    assert names(tmp_path) == ["epoch_4", "epoch_5"]
    seen.clear()
    run(tmp_path, on_progress=seen.append)
    assert [(told.epoch, told.resumed) for told in seen] == [(5, 5), (7, 5), (9, 5)]
    assert [len(told.history.train["loss"]) for told in seen] == [5, 7, 9]
    assert names(tmp_path) == ["epoch_7", "epoch_9"]


def test_writing_takes_a_fiftieth_of_the_time(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = itertools.count()
    monkeypatch.setattr(save_interval.time, "perf_counter", lambda: next(clock))
    none: Any = np.zeros(0)
    record = EpochRecord(*[none] * len(EpochRecord._fields))._replace(train={"loss": none})
    standing = Standing(run(None).state, RunRecord(record, {}, {}), 0.0)
    fingerprint = Fingerprint({}, {}, {}, {}, "", {}, {})
    checkpoint = Checkpoint(tmp_path, fingerprint, epochs=9, every_chunk=False)
    written = []
    for second in range(1, 160, 7):  # by the clock, to write takes a second
        state = standing.state._replace(epoch=jnp.int32(second))
        checkpoint.save(standing._replace(state=state, seconds=float(second)), last=second == 155)
        written += [second] if f"epoch_{second}" in names(tmp_path) else []
    checkpoint.close()
    assert written == [1, 57, 113, 155]


def test_divergence_says_where_the_last_good_one_is(tmp_path: Path) -> None:
    explosive = jaxnet.optim.sgd(lambda count: jnp.where(count < 25, 0.1, jnp.inf))
    with pytest.raises(
        DivergenceError, match=r"The last good checkpoint is '.*/epoch_4.*'\. Lower"
    ):
        run(tmp_path, optimizer=explosive)
    with pytest.raises(DivergenceError, match=r"epoch 6 at step 2: .*/epoch_4"):
        run(tmp_path, optimizer=explosive)
    with pytest.raises(DivergenceError, match="No checkpoint has been written yet"):
        run(tmp_path / "new", optimizer=jaxnet.optim.sgd(float(np.finfo(np.float32).max)))


def test_the_state_alone_can_be_taken(tmp_path: Path) -> None:
    state = run(tmp_path).state
    like = init_state(NETWORK, OPTIMIZER, (3,), key=jax.random.key(8))
    assert digest(restore_state(tmp_path, like)) == digest(state)
    other = init_state(jaxnet.mlp((3, 4, 3)), OPTIMIZER, (3,), key=jax.random.key(8))
    with pytest.raises(
        TypeError, match=r"expected checkpoint .*params\[0\]\.weights float32 of shape"
    ):
        restore_state(tmp_path, other)
    with pytest.raises(ValueError, match="expected folder to hold a checkpoint"):
        restore_state(tmp_path / "nothing", like)
    assert not (tmp_path / "nothing").exists()


def test_a_state_of_shapes_alone_is_filled(tmp_path: Path) -> None:
    key = jax.random.key(3, impl="rbg")
    state = run(tmp_path, key=key, epochs=2).state
    like = jax.eval_shape(lambda key: init_state(NETWORK, OPTIMIZER, (3,), key=key), key)
    restored = restore_state(tmp_path, like)
    assert describe_arrays(restored) == describe_arrays(state)
    assert digest(restored) == digest(state)
    assert digest(run(None, state=restored).state) == digest(run(None, state=state).state)


def test_a_state_of_python_numbers_is_filled(tmp_path: Path) -> None:
    optimizer = WEAK["a Python number"]
    state = run(tmp_path, optimizer=optimizer, epochs=2).state
    like = init_state(NETWORK, optimizer, (3,), key=jax.random.key(8))
    assert like.opt_state == 0.3
    assert digest(restore_state(tmp_path, like)) == digest(state)


def test_any_library_reads_a_checkpoint(tmp_path: Path) -> None:
    weights = np.asarray(run(tmp_path).state.params[0].weights)
    with safe_open(tmp_path / "epoch_9.safetensors", framework="np") as file:
        description = json.loads(file.metadata()["description"])
        np.testing.assert_array_equal(file.get_tensor("state.params[0].weights"), weights)
    assert (description["epochs"], description["number"]) == (9, 9)


@pytest.mark.parametrize("package", ["safetensors", "filelock"])
def test_without_a_package_the_message_says_what_to_install(
    package: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    module = {"safetensors": "safetensors.numpy"}.get(package, package)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(InputError, match=rf"{package} to be installed, .*'\.\[checkpoint\]'"):
        run(tmp_path / "new")
    assert not (tmp_path / "new").exists()


def test_without_a_checkpoint_nothing_is_lowered_or_opened(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: Any, **kwargs: Any) -> None:
        raise AssertionError("opened")

    monkeypatch.setattr(CheckpointFolder, "__init__", refuse)
    monkeypatch.setattr(sys.modules["jaxnet.training.fit"], "take_fingerprint", refuse)
    run(None)
