"""What two processes check of their checkpoint, of which the first one has the folder."""

import contextlib
import shutil
import warnings
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import pytest

import jaxnet
from jaxnet.core.errors import DamagedFileError
from jaxnet.training import FitResult, fit
from jaxnet.training.checkpoints.folder import CheckpointFolder
from jaxnet.training.distributed.processes import agreed, from_first
from tests.full_disk import full_disk
from tests.training.checkpoints.starts import result_digest
from tests.training.toys import blobs

NETWORK = jaxnet.mlp((3, 5, 3), drop_rate=0.2)
OPTIMIZER = jaxnet.optim.adam(0.01)
EXPLOSIVE = jaxnet.optim.sgd(lambda count: jnp.where(count < 25, 0.1, jnp.inf))


def run(folder: Path | None, **settings: Any) -> FitResult:
    """Train on the devices of both; each process has a folder of its own, the second one none."""
    place = folder and folder / f"process_{jax.process_index()}" / "run"
    given: dict[str, Any] = {"key": jax.random.key(0), "optimizer": OPTIMIZER, "epochs": 6}
    given |= {"batch_size": 8, "report_every": 2, "devices": jax.devices(), "checkpoint": place}
    return fit(NETWORK, blobs(), **(given | settings))


def told(kind: type[Exception], match: str, folder: Path | None, **settings: Any) -> str:
    """Return the message of the error that a run ends with, which must be the same in both."""
    with pytest.raises(kind, match=match) as caught:
        run(folder, **settings)
    return str(caught.value)


def check_checkpoint(out: Path) -> list[str]:
    """Return digests and messages, which must be those of the other process, too."""
    first, own = jax.process_index() == 0, out / f"process_{jax.process_index()}" / "run"
    run(out, epochs=4)
    assert own.exists() == first
    seen: list[Any] = []
    digests = [result_digest(run(out, on_progress=seen.append)), result_digest(run(out))]
    assert digests == [result_digest(run(None))] * 2
    assert [(told.epoch, told.resumed) for told in seen] == [(4, 4), (6, 4)]
    run(out / "new", report_every=None)  # when to write is for the first one's clock to say
    if first:
        (found,) = CheckpointFolder(own, "a run of fit").read()
        assert found.description["fingerprint"]["platform"]["processes"] == "2"
    return [*digests, *check_refusals(out, own, first), *check_alone(out, first)]


def check_refusals(out: Path, own: Path, first: bool) -> list[str]:
    """Let things go wrong in the first process, of which both must hear."""
    other = told(ValueError, "with batch_size 4, got 8", out, batch_size=4)
    kind = told(TypeError, "opt_state.* none, got float32", out, optimizer=jaxnet.optim.sgd(0.1))
    fewer = told(ValueError, "with devices 2, got 4", out, devices=two_devices())
    diverged = told(
        RuntimeError, "/process_0/run/epoch_4.*Lower", out / "lost", optimizer=EXPLOSIVE
    )
    with full_disk(2_000) if first else contextlib.nullcontext():
        full = told(
            ValueError, "File too large.*/process_0/run/epoch_6.safetensors'", out, epochs=8
        )
    for path in own.glob("epoch_6.safetensors"):  # only the first one has it
        path.write_text("torn")
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        assert result_digest(run(out)) == result_digest(run(None))
    assert any("It is skipped" in str(warning.message) for warning in warned) == first
    with pytest.MonkeyPatch.context() as patch:  # an error of which nobody has thought
        patch.setattr(CheckpointFolder, "read", lambda self: {}["entry"])
        unknown = told(KeyError if first else RuntimeError, "entry", out)
    return [other, kind, fewer, diverged, full, unknown]


def two_devices() -> list[Any]:
    """Return the first device of each process."""
    return [jax.local_devices(process_index=index)[0] for index in range(2)]


def check_alone(out: Path, first: bool) -> list[str]:
    """Train in each process by itself, as nobody waits for: each has a checkpoint of its own."""
    if first:
        shutil.rmtree(out / "process_0")
    run(out, devices=None, epochs=4)
    assert result_digest(run(out, devices=None)) == result_digest(run(None, devices=None))
    check_messages(first)
    return [check_arrays()]


def check_messages(first: bool) -> None:
    """Let both decide as the first one does, and hear of its error as what it is."""
    assert agreed(2, first)
    assert not agreed(2, not first)
    with pytest.raises(DamagedFileError, match="torn"):
        from_first(2, torn)


def torn() -> None:
    raise DamagedFileError("torn")


def check_arrays() -> str:
    """Send arrays of all kinds, bit for bit, whatever the precision of JAX."""
    arrays = {
        dtype: jnp.arange(6).reshape(2, 3).astype("float32").__array__().astype(jnp.dtype(dtype))
        for dtype in ("float64", "bfloat16", "uint32", "bool", "int64")
    }
    arrays["float64"] += 1e-12
    first = jax.process_index() == 0
    come = from_first(2, lambda: arrays if first else {})
    assert come.keys() == arrays.keys()
    for name, array in arrays.items():
        assert come[name].dtype == array.dtype
        assert (come[name] == array).all()
    return "arrays"
