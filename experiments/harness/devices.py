"""Devices of a command, for data-parallel training."""

from typing import Any

import jax

from jaxnet.core.errors import invalid_value
from jaxnet.training import count_cores, use_cores_as_devices


def choose_devices(number: int | None) -> list[Any] | None:
    """Return the first ``number`` devices, each core of a CPU being one; None for None.

    Call it before anything is computed: JAX fixes the number of devices then.

    Raises:
        ValueError: if there are fewer.
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
