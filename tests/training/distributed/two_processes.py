"""One of two processes that train together: ``two_processes.py COORDINATOR PROCESS OUT PART``."""

import sys
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.training import Recipe, SweepResult, fit, grid, sweep
from tests.training.distributed.shared_checkpoint import check_checkpoint
from tests.training.distributed.shared_searches import check_searches
from tests.training.toys import blobs

NETWORK = jaxnet.mlp((3, 16, 3), activation="tanh", drop_rate=0.2)


def trained(devices: Any, seed: int = 0, checkpoint: Any = None, batch_size: int = 8) -> Any:
    result = fit(
        NETWORK,
        blobs(133),
        key=jax.random.key(seed),
        optimizer=jaxnet.optim.momentum(0.05),
        epochs=6,
        batch_size=batch_size,
        validation=blobs(61, seed=1),
        devices=devices,
        checkpoint=checkpoint,
    )
    return jax.tree.map(np.asarray, (result.params, result.statistics, result.history))


def build(learning_rate: Any) -> Recipe:
    return Recipe(jaxnet.mlp((3, 3)), jaxnet.optim.sgd(learning_rate))


def swept(width: Any, devices: Any = None, **more: Any) -> SweepResult:
    settings = grid(learning_rate=[0.001, 0.01, 0.1, 1.0, 1e38])
    runs: dict[str, Any] = {"epochs": 2, "batch_size": 8, "key": jax.random.key(3)}
    runs |= {"settings": settings, "keep": "state", "devices": devices}
    return sweep(build, blobs(), width=width, **runs | more)


def check_fit(out: Path) -> str:
    """Train on all four devices; the first process compares with one device, and writes."""
    together = trained(jax.devices())
    if jax.process_index() == 0:  # what a process does by itself, no other waits for
        alone = jax.tree.leaves(trained(None))
        pairs = zip(jax.tree.leaves(together), alone, strict=True)
        assert max(float(np.max(np.abs(x - y))) for x, y in pairs) < 1e-5
        np.savez(out / "together.npz", *alone)
    return digest(together)


def check_sweep() -> str:
    """Train five members, three here and two there, which have the bits that they have alone."""
    together = swept(1)
    assert (together.devices, together.width) == (4, 1)
    assert together.diverged[:, 0].tolist() == [False] * 4 + [True]
    if jax.process_index() == 1:
        alone = swept(1, jax.local_devices()[:1])
        assert digest((together.state, together.history)) == digest((alone.state, alone.history))
    chosen = swept("auto")  # by measurement, but in both processes the same
    return digest((together.state, chosen.state, chosen.width))


def check_sweep_checkpoint(out: Path) -> str:
    """Let each process write its share, lose some of it, and go on together."""
    folder, own = out / "sweep", out / "sweep" / f"process_{jax.process_index()}"
    whole, written = swept(1), swept(1, checkpoint=folder)
    assert digest(written.state) == digest(whole.state)
    parts = sorted(own.glob("part_*"))
    assert parts[0].name == "part_1.safetensors"
    if jax.process_index() == 1:  # as if it had been killed before it wrote anything
        for path in parts:
            path.unlink()
    resumed = swept(1, checkpoint=folder)
    assert digest(resumed.state) == digest(whole.state)
    assert list(own.glob("part_*"))
    if jax.process_index() == 1:
        (own / "epoch_1.safetensors").touch()
    message = ("to succeed together, got an error in process 1", "got one of a run of fit")
    with pytest.raises(ValueError, match=message[jax.process_index()]):
        swept(1, checkpoint=folder)
    return digest(resumed.state)


def check_sweep_errors() -> None:
    """Let processes ask for unlike sweeps, or one for what cannot be: each of them is told."""
    here = jax.process_index()
    agree = "expected arguments to agree in all processes"
    for unlike in ({"batch_size": 8 + here}, {"keep": ["params", "metrics"][here]}):
        with pytest.raises(ValueError, match=agree):
            swept(1, **unlike)
    with pytest.raises(ValueError, match=agree):
        swept([1, "all"][here])
    bad: dict[str, Any] = {
        "settings to be settings": {"settings": 3},
        "learning_rate finite and in": {"settings": {"learning_rate": -1.0}},
        "keep to be one of": {"keep": "all"},
    }
    for message, given in bad.items():
        told = ("processes to succeed together, got an error in process 1", message)[here]
        with pytest.raises((ValueError, TypeError), match=f"expected {told}"):
            swept(1, **(given if here else {}))


def check_errors() -> None:
    """Let processes ask for unlike things, which each of them is told."""
    here = jax.process_index()
    with pytest.raises(ValueError, match="expected arguments to agree in all processes"):
        trained(jax.devices(), seed=here)
    with pytest.raises(ValueError, match="expected arguments to agree in all processes"):
        trained(jax.devices(), checkpoint="folder" if here else None)
    refused = (
        "expected processes to succeed together, got an error in process 1",
        "batch_size to be a multiple",
    )
    with pytest.raises(ValueError, match=refused[here]):
        trained(jax.devices(), seed=0, batch_size=8 - here)
    with pytest.raises(ValueError, match=f"expected devices to be those of process {here}, "):
        trained(jax.local_devices(process_index=1 - here))


def main(coordinator: str, process: str, out: str, part: str) -> None:
    jax.config.update("jax_num_cpu_devices", 2)
    jax.distributed.initialize(coordinator, 2, int(process), initialization_timeout=100)
    assert (jax.device_count(), jax.local_device_count()) == (4, 2)
    if part == "runs":
        print("\ndigests", check_fit(Path(out)), *check_checkpoint(Path(out)))
        check_errors()
    else:
        print("\ndigests", check_sweep(), check_sweep_checkpoint(Path(out)), *check_searches())
        check_sweep_errors()


if __name__ == "__main__":
    main(*sys.argv[1:])
