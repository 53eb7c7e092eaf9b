"""Devices that a command was asked to divide its mini-batches among."""

from typing import Any

import jax

from jaxnet.core.errors import invalid_value
from jaxnet.training import use_cores_as_devices
from jaxnet.training.distributed.devices import count_cores


def choose_devices(number: int | None) -> list[Any] | None:
    """Return the first devices of this machine, each core of a CPU being one; None for None.

    To be called before anything is computed: JAX then no longer lets a CPU be divided.

    Args:
        number: ``--devices``.

    Raises:
        ValueError: if there are not so many.
    """
    if number is None:
        return None
    use_cores_as_devices(min(number, count_cores()))
    present = jax.local_devices()
    if number > len(present):
        kind = "cores" if present[0].platform == "cpu" else "devices"
        expected = f"to be at most {len(present)}, the {kind} of this machine"
        remedy = f"Pass --devices {len(present)}, or leave it out."
        raise invalid_value("--devices", expected, number, remedy)
    return present[:number]
