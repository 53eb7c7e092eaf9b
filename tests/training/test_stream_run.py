"""Runs over streams: the bits of a run in memory, resumed in the middle of an epoch."""

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.data import Examples, Stream, open_prepared, stream
from jaxnet.data.augmentation import add_noise, on_inputs
from jaxnet.training import (
    DivergenceError,
    Recipe,
    early_stopping,
    fit,
    grid,
    init_state,
    restore_state,
    sweep,
)
from tests.comparison import Tolerance, assert_trees_close
from tests.data.sources.prepared_sets import prepare, tensor
from tests.peers import need, peers

KEY = jax.random.key(0)
NETWORK = jaxnet.mlp((4, 8, 3), batch_norm="before", drop_rate=0.2)
OPTIMIZER = jaxnet.optim.adam(0.01)


def examples(n: int = 53, weights: bool = False) -> Examples:
    random = np.random.default_rng(0)
    label = np.arange(n) % 3
    x = random.normal(size=(n, 4)) + label[:, None]
    return Examples(x, label.astype(np.int32), random.uniform(0, 6, n) if weights else None)


def run(train: Any, **given: Any) -> Any:
    settings: dict[str, Any] = {"optimizer": OPTIMIZER, "epochs": 3, "batch_size": 5}
    return fit(NETWORK, train, key=KEY, **(settings | given))


SETTINGS: dict[str, dict[str, Any]] = {
    "plain": {},
    "in order": {"shuffle": False},
    "mean": {"short_batch": "mean"},
    "full batch": {"batch_size": 53},
    "drop": {"short_batch": "drop", "gradient": "by_hand"},
    "augmented": {"augment": on_inputs(add_noise(0.3))},
    "rules": {"validation": examples(20), "rules": (early_stopping(patience=1),), "epochs": 30},
}


# with mini-batches of 5, a chunk of 7 ends within one; one of 100 holds all 53 examples
@pytest.mark.parametrize(
    ("case", "chunk"),
    [
        *(("plain", chunk) for chunk in (7, 20, 100)),
        *(("mean", chunk) for chunk in (7, 100)),
        *(("drop", chunk) for chunk in (7, 100)),
        *((case, 20) for case in ("in order", "full batch", "augmented", "rules")),
    ],
)
def test_a_stream_gives_the_bits_of_a_run_in_memory(case: str, chunk: int) -> None:
    settings = SETTINGS[case]
    memory, streamed = run(examples(), **settings), run(stream(examples(), chunk=chunk), **settings)
    assert digest(streamed.params) == digest(memory.params)
    assert digest(streamed.state) == digest(memory.state)
    assert digest(streamed.history) == digest(memory.history)
    assert (streamed.epoch, streamed.ended_by) == (memory.epoch, memory.ended_by)


@pytest.mark.slow
def test_in_both_precisions(dtype: np.dtype) -> None:
    memory, streamed = run(examples()), run(stream(examples(), chunk=20))
    assert streamed.params[0].weights.dtype == dtype
    assert digest(streamed.params) == digest(memory.params)


@pytest.mark.parametrize("weights", [True, False])
@pytest.mark.parametrize("batch_size", [5, 53])
def test_weights_and_full_batches_agree_to_rounding(weights: bool, batch_size: int) -> None:
    sgd = jaxnet.optim.sgd(0.1)  # whose steps grow with the weights, as Adam's do not
    given: dict[str, Any] = {"key": KEY, "optimizer": sgd, "epochs": 3, "batch_size": batch_size}
    whole, network = examples(weights=weights), jaxnet.mlp((4, 8, 3))
    memory, streamed = (fit(network, each, **given) for each in (whole, stream(whole, chunk=20)))
    assert_trees_close(streamed.params, memory.params, tolerance=Tolerance(1e-5, 1e-5))
    assert_trees_close(streamed.history.train, memory.history.train, tolerance=Tolerance(1e-5, 0))


@pytest.mark.parametrize("weights", [True, False])
def test_evaluate_goes_through_the_chunks(weights: bool) -> None:
    whole = examples(weights=weights)
    trees = NETWORK.init(KEY, (4,))
    memory = jaxnet.training.evaluate(NETWORK, *trees, whole)
    streamed = jaxnet.training.evaluate(NETWORK, *trees, stream(whole, chunk=10))
    assert streamed == pytest.approx(memory, rel=1e-6)


def test_a_chunk_without_weight_does_not_count() -> None:
    whole = examples()
    some = whole._replace(weights=np.r_[np.zeros(10), np.ones(43)])
    trees = NETWORK.init(KEY, (4,))
    streamed = jaxnet.training.evaluate(NETWORK, *trees, stream(some, chunk=10))
    memory = jaxnet.training.evaluate(NETWORK, *trees, whole.take(slice(10, None)))
    assert streamed == pytest.approx(memory, rel=1e-6)


def test_whole_weights_are_those_of_a_run_in_memory() -> None:
    given = examples()._replace(weights=(np.arange(53) % 3).astype(np.int8))
    plain = given._replace(weights=given.weights.astype(float))
    found = run(stream(given, chunk=20))
    assert digest(found.params) == digest(run(stream(plain, chunk=20)).params)


def test_blocks_learn_as_well() -> None:
    result = run(stream(examples(530), chunk=100, block=10), epochs=10)
    assert result.history.train["accuracy"][-1] > 0.6


def test_a_state_goes_on_in_memory_and_back() -> None:
    half = run(stream(examples(), chunk=20), epochs=2)
    there = run(examples(), epochs=1, state=half.state)
    back = run(stream(examples(), chunk=20), epochs=1, state=half.state)
    whole = run(examples(), epochs=3)
    assert digest(there.params) == digest(back.params) == digest(whole.params)


class Disk:
    """A source that fails at one of its readings."""

    def __init__(self, fails_at: int = -1):
        self.read_at: list[int] = []
        self.fails_at = fails_at

    def __call__(self, rows: np.ndarray) -> Examples:
        self.read_at.append(len(rows))
        if len(self.read_at) - 1 == self.fails_at:
            raise OSError("the disk is gone")
        return examples().take(rows)


def chunk_by_chunk(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys.modules["jaxnet.training.stream_run"], "CHUNK_SECONDS", -1.0)


@pytest.mark.parametrize("fails_at", [1, 4, 7, 12])
def test_a_run_resumes_in_the_middle_of_an_epoch(
    fails_at: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Of 3 epochs of 6 chunks: what was learned before the disk fails is not learned again."""
    chunk_by_chunk(monkeypatch)
    settings: dict[str, Any] = {"checkpoint": tmp_path, "report_every": 1}
    with pytest.raises(OSError, match="the disk is gone"):
        run(Stream(Disk(fails_at), 53, chunk=10), **settings)
    disk, progress = Disk(), []
    resumed = run(Stream(disk, 53, chunk=10), **settings, on_progress=progress.append)
    whole = run(Stream(Disk(), 53, chunk=10))
    assert digest(resumed.params) == digest(whole.params)
    assert digest(resumed.history) == digest(whole.history)
    # one to see what it is, then those that are left, and at most one ahead
    learned = max(fails_at - 2, 0)
    assert 1 + 18 - learned <= len(disk.read_at) <= 3 + 18 - learned
    steps = [each.step for each in progress]
    assert steps[-1] == 0
    assert max(steps) == 10


def test_a_checkpoint_of_the_middle_gives_its_state(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunk_by_chunk(monkeypatch)
    with pytest.raises(OSError, match="the disk is gone"):
        run(Stream(Disk(4), 53, chunk=10), checkpoint=tmp_path, report_every=1)
    like = init_state(NETWORK, OPTIMIZER, (4,), key=KEY)
    state = restore_state(tmp_path, like)
    assert int(state.epoch) == 0
    assert digest(state.params) != digest(like.params)


def test_another_stream_does_not_resume(tmp_path: Path) -> None:
    run(stream(examples(), chunk=20), checkpoint=tmp_path)
    with pytest.raises(ValueError, match="with train a stream of 53 in chunks of 20, blocks of 5"):
        run(stream(examples(), chunk=20, block=5), checkpoint=tmp_path, epochs=4)
    with pytest.raises(ValueError, match=r"with train\.inputs float32 of shape \(53, 4\)"):
        run(examples(), checkpoint=tmp_path, epochs=4)


def test_divergence_keeps_the_parameters_before_the_chunk() -> None:
    given = {"optimizer": jaxnet.optim.sgd(1e30), "loss": "squared_error", "metrics": []}
    network = jaxnet.mlp((4, 1))
    column = examples()._replace(targets=np.ones((53, 1)))
    with pytest.raises(DivergenceError, match=r"in epoch 1 at step \d") as caught:
        fit(network, stream(column, chunk=10), key=KEY, epochs=3, batch_size=5, **given)
    result = caught.value.result
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(result.params))
    assert len(result.history.train["loss"]) == 1


def bad(rows: np.ndarray, value: Any) -> Examples:
    some = examples().take(rows)
    inputs = np.where(rows[:, None] == 40, value, some.inputs)
    return some._replace(inputs=inputs)


def widening(rows: np.ndarray) -> Examples:
    some = examples().take(rows)
    return some if rows[0] < 20 else some._replace(inputs=np.ones((len(rows), 5)))


def retyped(rows: np.ndarray) -> Examples:
    some = examples().take(rows)
    return some if rows[0] < 20 else some._replace(targets=some.targets.astype(np.int16))


REFUSALS: dict[str, tuple[Any, str]] = {
    "NaN in a later chunk": (
        lambda: run(Stream(lambda rows: bad(rows, np.nan), 53, chunk=10), shuffle=False),
        r"expected chunk 4 of train\.inputs to be finite everywhere, got 4 .* at index \(0, 0\)",
    ),
    "a label out of range in a later chunk": (
        lambda: run(stream(examples()._replace(targets=np.arange(53) // 17), chunk=10)),
        r"integer labels to be in \[0, 3\), got 3 at index",
    ),
    "inputs that become wider": (
        lambda: run(Stream(lambda rows: widening(rows), 53, chunk=10), shuffle=False),
        r"expected chunk 2 of train to hold .*\*\(4,\).*, got .*\*\(5,\)",
    ),
    "targets of another dtype": (
        lambda: run(Stream(lambda rows: retyped(rows), 53, chunk=10), shuffle=False),
        r"expected chunk 2 of train to hold .*int32 .*, got .*int16 ",
    ),
    "a batch larger than all": (
        lambda: run(stream(examples()), batch_size=54),
        "expected batch_size to be at most the 53 examples, got 54",
    ),
    "fixed mini-batches": (
        lambda: run(stream(examples()), shuffle="batches"),
        "expected shuffle to be a boolean for a Stream, got batches. See its block",
    ),
    "devices": (
        lambda: run(stream(examples()), devices=jax.devices()),
        "expected devices to be None with a stream",
    ),
    "instruments": (
        lambda: run(stream(examples()), instruments={"one": lambda *_: 1.0}),
        "expected instruments to be None with a stream",
    ),
    "a sweep": (
        lambda: sweep(
            lambda learning_rate: Recipe(NETWORK, jaxnet.optim.sgd(learning_rate)),
            stream(examples()),  # pyright: ignore[reportArgumentType]
            settings=grid(learning_rate=[0.1]),
            key=KEY,
            seeds=1,
            epochs=1,
            batch_size=5,
        ),
        "expected train to be Examples, got .*Stream",
    ),
    "inputs of another shape": (
        lambda: run(stream(examples()._replace(inputs=np.ones((53, 5))))),
        "5",
    ),
}


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("case", REFUSALS)
def test_bad_input(case: str) -> None:
    call, message = REFUSALS[case]
    with pytest.raises((TypeError, ValueError), match=message):
        call()


@peers
def test_a_pipeline_of_grain() -> None:
    grain = need("grain")

    def through(chunks: Any) -> Any:
        doubled = grain.MapDataset.source(chunks).map(lambda c: c._replace(inputs=2 * c.inputs))
        return doubled.to_iter_dataset(grain.ReadOptions(num_threads=2, prefetch_buffer_size=2))

    memory = run(examples()._replace(inputs=2 * examples().inputs))
    piped = run(stream(examples(), chunk=10, through=through))
    assert digest(piped.params) == digest(memory.params)


@peers
def test_records_of_tensorflow_datasets(tmp_path: Path) -> None:
    folder = prepare(tmp_path, features={"image": tensor("bytes")}, disable_shuffling=True)
    split = open_prepared(folder)
    network = jaxnet.mlp((20, 3), input_scale=1 / 255)
    settings: dict[str, Any] = {"key": KEY, "optimizer": OPTIMIZER, "epochs": 2, "batch_size": 8}
    streamed = fit(network, Stream(split.read, split.size, chunk=16), **settings)
    memory = fit(network, split.read(np.arange(split.size)), **settings)
    assert digest(streamed.params) == digest(memory.params)
