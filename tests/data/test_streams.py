"""Streams: order, chunks, reading ahead, memory, and what is refused."""

import dataclasses
import sys
import threading
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

from jaxnet.core.random import random_order
from jaxnet.data import Examples, Stream, stream
from jaxnet.data.streams import prefetched

KEY = jax.random.key(3)


def numbers(n: int = 23, **options: Any) -> Stream:
    return Stream(lambda rows: Examples(rows[:, None], rows), size=n, **options)


def rows_of(chunks: Any) -> list[int]:
    return [int(row) for chunk in chunks for row in chunk.targets]


def test_the_order_is_that_of_examples_in_memory() -> None:
    chunks = numbers(chunk=5).chunks(KEY)
    assert [len(chunk.targets) for chunk in chunks] == [5, 5, 5, 5, 3]
    assert rows_of(chunks) == random_order(KEY, 23).tolist()
    assert rows_of(numbers(chunk=5).chunks(None)) == list(range(23))


@pytest.mark.parametrize(("n", "chunk", "block"), [(24, 6, 3), (23, 6, 3), (23, 4, 8), (23, 50, 2)])
def test_blocks_stay_together_and_every_row_comes_once(n: int, chunk: int, block: int) -> None:
    one = numbers(n, chunk=chunk, block=block)
    rows = rows_of(one.chunks(KEY))
    assert sorted(rows) == list(range(n))
    assert rows != rows_of(one.chunks(jax.random.key(4)))
    whole = n % block == chunk % block == 0
    for start in range(0, n, chunk) if whole else ():
        inside = np.array(rows[start : start + chunk]) // block
        assert all(np.bincount(inside)[np.unique(inside)] == block)


def test_the_examples_of_a_chunk_are_shuffled() -> None:
    rows = np.array(rows_of(numbers(1000, chunk=500, block=100).chunks(KEY)))
    assert np.mean(np.diff(rows) == 1) < 0.05


def test_a_chunk_has_whole_mini_batches() -> None:
    assert [len(c.targets) for c in numbers(chunk=9).chunks(None, batch_size=4)] == [8, 8, 7]
    assert [len(c.targets) for c in numbers(chunk=1).chunks(None, batch_size=20)] == [20, 3]


def test_chunks_are_a_sequence_and_begin_anywhere() -> None:
    chunks = numbers(chunk=5).chunks(None)
    assert len(chunks) == 5
    assert chunks[-1].targets.tolist() == [20, 21, 22]
    assert rows_of(chunks.since(3)) == list(range(15, 23))
    with pytest.raises(IndexError):
        chunks[5]


def test_a_pipeline_is_given_the_chunks_that_are_left() -> None:
    seen: list[Any] = []

    def through(chunks: Any) -> Any:
        seen.extend(chunk.targets[0] for chunk in chunks)
        return (chunk._replace(targets=-chunk.targets) for chunk in chunks)

    one = numbers(chunk=10, through=through)
    assert rows_of(one.epoch(None, first=1)) == [-row for row in range(10, 23)]
    assert seen == [10, 20]


def test_reading_is_one_item_ahead() -> None:
    made: list[int] = []
    ahead = threading.Event()

    def items() -> Any:
        for item in range(6):
            made.append(item)
            ahead.set()
            yield item

    iterator = prefetched(items())
    for item in range(4):
        assert next(iterator) == item
        while len(made) < item + 2:
            ahead.wait(5)
            ahead.clear()
        assert len(made) == item + 2
    iterator.close()
    assert len(made) == 5
    assert not [t for t in threading.enumerate() if t.name.startswith("prefetch")]


def test_an_error_of_the_reader_comes_where_its_item_would() -> None:
    def items() -> Any:
        yield 1
        raise OSError("the disk is gone")

    iterator = prefetched(items())
    assert next(iterator) == 1
    with pytest.raises(OSError, match="the disk is gone"):
        next(iterator)


@pytest.fixture
def files(tmp_path: Path) -> Examples:
    x = np.lib.format.open_memmap(tmp_path / "x.npy", "w+", np.uint8, (4096, 8192))
    x[:] = np.arange(4096)[:, None] % 256
    x.flush()
    np.save(tmp_path / "y.npy", np.arange(4096))
    del x
    mapped = (np.load(tmp_path / f"{name}.npy", mmap_mode="r") for name in "xy")
    return Examples(*mapped)


def test_rows_of_mapped_files_are_copies(files: Examples) -> None:
    first = next(iter(stream(files, chunk=10).chunks(KEY)))
    assert first.inputs[:, 0].tolist() == (first.targets % 256).tolist()
    base = first.inputs
    assert base.base is None or not isinstance(base.base, np.memmap)


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_pages_that_were_read_are_given_back(
    files: Examples, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys.modules["jaxnet.data.streams.stream"], "MOST_MAPPED", 2**21)

    def mapped() -> int:
        status = Path("/proc/self/status").read_text()
        return 1024 * int(status.split("RssFile:")[1].split()[0])

    before = mapped()
    for _ in stream(files, chunk=512).chunks(KEY):
        pass
    assert mapped() - before < 2**22  # of 2^25 that were read
    int(files.inputs.astype(np.int32).sum())
    assert mapped() - before > 2**24  # what the test would see otherwise


def test_pages_of_a_private_mapping_keep_what_was_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    np.save(tmp_path / "x.npy", np.zeros((100, 100)))
    private = np.load(tmp_path / "x.npy", mmap_mode="c")
    private[:] = 1
    monkeypatch.setattr(sys.modules["jaxnet.data.streams.stream"], "MOST_MAPPED", 0)
    chunks = stream(Examples(private, np.arange(100)), chunk=50).chunks(None)
    assert [float(chunk.inputs.min()) for chunk in chunks] == [1.0, 1.0]
    assert float(private.min()) == 1.0


def test_the_mean_weight_is_that_of_all() -> None:
    weighted = stream(Examples(np.zeros((4, 1)), np.zeros(4), np.array([1, 2, 3, 4], np.float32)))
    assert weighted.mean_weight == 2.5
    assert stream(Examples(np.zeros((4, 1)), np.zeros(4))).mean_weight == 1
    assert Stream(weighted.read, 4).mean_weight == 1  # unless it is said


REFUSALS: dict[str, tuple[Any, str]] = {
    "size": (lambda: numbers(0), "expected size >= 1, got 0"),
    "chunk": (lambda: numbers(chunk=0), "expected chunk >= 1, got 0"),
    "block": (lambda: numbers(block=2.5), "expected block to be an integer, got 2.5"),
    "read": (lambda: Stream(np.zeros(3), 3), "expected read to be a function"),  # pyright: ignore
    "through": (lambda: numbers(through=3), "expected through to be a function"),
    "no weight": (
        lambda: stream(Examples(np.zeros((3, 1)), np.zeros(3), np.zeros(3))),
        r"expected mean_weight finite and in \(0, inf\), got 0.0",
    ),
    "lengths": (
        lambda: stream(Examples(np.zeros((3, 1)), np.zeros(2))),
        r"expected examples to be one or more, arrays of one length, got lengths \[3, 2\]",
    ),
    "none": (lambda: stream(Examples(np.zeros((0, 1)), np.zeros(0))), "one or more"),
    "a pair": (lambda: stream((1, 2)), "expected examples to be Examples"),  # pyright: ignore
    "fewer chunks": (
        lambda: list(numbers(chunk=10, through=lambda chunks: list(chunks)[:2]).epoch(None)),
        "expected through to return 3 chunks, got 2",
    ),
    "fewer examples": (
        lambda: list(dataclasses.replace(numbers(chunk=10), through=halves).epoch(None)),
        "expected through to keep 10 examples, got 5",
    ),
}


def halves(chunks: Any) -> Any:
    return (chunk.take(slice(0, 5)) for chunk in chunks)


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("case", REFUSALS)
def test_what_makes_no_sense_is_refused(case: str) -> None:
    call, message = REFUSALS[case]
    with pytest.raises((TypeError, ValueError), match=message):
        call()
