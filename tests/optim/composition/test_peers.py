"""Every composition equals its counterpart in optax, PyTorch or Keras over the whole stream."""

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest

from experiments.peers import composition, paths
from experiments.peers.compare import EXACT
from experiments.peers.composition import COMPOSITIONS, comparisons, difference
from experiments.peers.compositions import CLIPPING, Composition
from jaxnet import optim
from tests.peers import marks, need, peers

ROWS = [
    pytest.param(row, id=f"{row.name}-{row.witness}".replace(" ", "-"), marks=marks(row.witness))
    for row in COMPOSITIONS
]


@pytest.fixture(scope="module", autouse=True)
def few_leaves() -> Iterator[None]:
    """Take four leaves of the stream and one schedule: the command takes all, and much longer."""
    with pytest.MonkeyPatch.context() as patch:
        for name in ("parameters", "gradients"):
            whole = getattr(paths, name)()
            few = {leaf: whole[leaf] for leaf in ("scalar", "matrix", "wide", "sizes")}
            patch.setattr(paths, name, lambda few=few: few)
        whole_rates = paths.rates
        scheduled = lambda rate: {"scheduled": whole_rates(rate)["scheduled"]}  # noqa: E731
        patch.setattr(paths, "rates", scheduled)
        yield
    composition.peer_path.cache_clear()


@pytest.mark.parametrize("row", ROWS)
def test_equals_the_library(row: Composition) -> None:
    need(row.witness)
    assert difference(row) <= EXACT


def test_rows_of_the_page(monkeypatch: pytest.MonkeyPatch) -> None:
    """One a composition and convention; a library that is absent is named, and not held against."""
    found = {"optax": 1e-16, "keras": np.nan}
    monkeypatch.setattr(composition, "difference", lambda row: found[row.witness])
    monkeypatch.setattr(paths, "has", lambda library: library != "torch")
    rows = {(row.case, row.like): row for row in comparisons()}
    assert len(rows) == len({(row.name, row.like) for row in COMPOSITIONS})
    asked = {(row.name, row.like) for row in COMPOSITIONS if row.witness != "torch"}
    assert {name for name, row in rows.items() if row.witnesses} == asked
    row = rows["add_decayed_weights, decoupled", "optax"]
    assert (row.optimizer, row.verdict, row.note) == (
        "add_decayed_weights",
        "differs",
        "not installed: torch",
    )
    np.testing.assert_equal(dict(row.witnesses), found)
    assert rows["chain, around optax's", "optax"].verdict == "equal"


@peers
def test_the_comparison_detects_pytorchs_eps() -> None:
    row = next(row for row in CLIPPING if (row.name, row.witness) == ("clip_by_norm", "torch"))
    need("torch")

    def without_eps(rate: Any) -> Any:
        clips = optim.clip(1.0), optim.clip_by_norm(0.01, like="keras")
        return optim.chain(*clips, optim.sgd(rate, momentum=0.9))

    largest = difference(row._replace(ours=without_eps))
    assert np.isfinite(largest)
    assert largest > 1e3 * EXACT
