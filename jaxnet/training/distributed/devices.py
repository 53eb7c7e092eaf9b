"""Device selection."""

import os
import warnings
from collections.abc import Iterable, Sequence
from typing import Any, TypeAlias

import jax

from jaxnet.core.checks import check_count, require, require_type

Option: TypeAlias = str | bool | int

Device: TypeAlias = Any
"""One of `jax.devices`."""


def use_cores_as_devices(cores: int | None = None) -> int:
    """Make each core of the CPU a device of its own, for sweeps; return how many there are.

    One device that owns all cores divides each matrix product among them, which gains little for
    small networks; one device a core trains that many networks at a time. Call it before anything
    is computed. It does nothing where the default backend is no CPU.

    Args:
        cores: how many devices; by default one for each core that the process may use.

    Raises:
        ValueError: if ``cores`` are asked for after JAX has started with another number.

    Warns:
        RuntimeWarning: if JAX has started with fewer devices than cores, and keeps them.
    """
    wanted = count_cores() if cores is None else cores
    check_count("cores", wanted)
    try:
        jax.config.update("jax_num_cpu_devices", wanted)
    except RuntimeError:  # the backends are running
        present = jax.local_device_count("cpu")
        remedy = "Call it first, before any other use of JAX."
        good, expected = cores is None or present == wanted, f"to be {present}, as JAX has started"
        require(good, "cores", expected, wanted, remedy)
        if present < wanted and jax.default_backend() == "cpu":
            late = f"expected JAX not to have started, got {present} of {wanted} cores as devices"
            warnings.warn(f"{late}. {remedy}", RuntimeWarning, stacklevel=2)
    return jax.local_device_count()


def count_cores() -> int:
    """Return how many cores of the CPU this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1  # macOS, Windows: a process has all


def check_devices(devices: Sequence[Device]) -> list[Device]:
    """Check that devices are of one platform, distinct, and of this process or of all processes.

    Args:
        devices: where to compute.

    Raises:
        TypeError: for what are no devices, such as their number.
        ValueError: for any others. Those of other processes can be named only once
            ``jax.distributed.initialize()`` has joined these.
    """
    chosen = list(devices) if isinstance(devices, Iterable) else [devices]
    good = all(hasattr(device, "process_index") for device in chosen)
    good = good and isinstance(devices, Iterable)
    remedy = "Pass jax.devices(), or some of them."
    require_type(good, "devices", "to be a sequence of devices", repr(devices), remedy)
    platforms = sorted({device.platform for device in chosen})
    require(chosen, "devices", "not to be empty", chosen)
    require(len(platforms) == 1, "devices", "to be of one platform", " and ".join(platforms))
    require(len(set(chosen)) == len(chosen), "devices", "to differ", chosen)
    owners = {device.process_index for device in chosen}
    own, others = jax.process_index(), set(range(jax.process_count()))
    expected = f"to be those of process {own}, which calls, or of all {len(others)}"
    remedy = "Pass jax.local_devices() or jax.devices()."
    good = owners in ({own}, others)
    require(good, "devices", expected, f"those of {sorted(owners)}", remedy)
    return chosen


def local_devices(devices: Iterable[Device]) -> list[Device]:
    """Return the devices of this process."""
    return [device for device in devices if device.process_index == jax.process_index()]
