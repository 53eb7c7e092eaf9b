"""Processes: what several of them, joined by `jax.distributed`, agree on, share and exchange."""

from collections.abc import Iterable
from typing import Any

import numpy as np
from jax.experimental import multihost_utils

from jaxnet.core.errors import invalid_value
from jaxnet.core.trees import digest
from jaxnet.training.devices import Device


def count_processes(devices: Iterable[Device]) -> int:
    """Return to how many processes devices belong."""
    return len({device.process_index for device in devices})


def check_agreement(function: str, processes: int, tree: Any) -> None:
    """Raise a ValueError in every process if they disagree on what they are to compute together.

    Unseen, each would go its own way with what it takes for common.

    Args:
        function: the public function that an error begins with.
        processes: how many take part; if it is 1, nothing is compared.
        tree: pytree of local arrays that must be the same in each, bit for bit.
    """
    if processes == 1:
        return
    own = np.frombuffer(bytes.fromhex(digest(tree)), np.uint32)
    digests = multihost_utils.process_allgather(own)
    if (digests != own[None]).any():
        remedy = "Give the same key, settings and examples in each."
        actual = f"{len(np.unique(digests, axis=0))} different ones"
        raise invalid_value(function, "arguments", "to agree in all processes", actual, remedy)


def check_no_checkpoint(function: str, checkpoint: Any) -> None:
    """Raise a ValueError for a checkpoint of a run of several processes: each would write it."""
    if checkpoint is not None:
        remedy = "Save result.state in one process, and pass it as state to go on."
        actual = f"'{checkpoint}'"
        raise invalid_value(
            function, "checkpoint", "to be None on devices of several processes", actual, remedy
        )


def agreed(processes: int, decision: Any) -> bool:
    """Return the first process's decision in all of them: what their clocks say differs."""
    if processes == 1:
        return bool(decision)
    return bool(multihost_utils.broadcast_one_to_all(np.array(decision)))


def gathered(processes: int, tree: Any) -> Any:
    """Return host arrays of all processes, joined along their first axis, in each of them."""
    return tree if processes == 1 else multihost_utils.process_allgather(tree, tiled=True)
