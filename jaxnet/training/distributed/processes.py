"""Processes: what several of them, joined by `jax.distributed`, agree on, share and exchange."""

import pickle
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxnet.core.errors import InputError, invalid_value
from jaxnet.core.trees import digest
from jaxnet.training.distributed.devices import Device

T = TypeVar("T")


def count_processes(devices: Iterable[Device]) -> int:
    """Return to how many processes devices belong: 1 for none."""
    return len({device.process_index for device in devices}) or 1


def check_agreement(processes: int, tree: Any) -> None:
    """Raise a ValueError in every process if they disagree on what they are to compute together.

    Unseen, each would go its own way with what it takes for common.

    Args:
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
        raise invalid_value("arguments", "to agree in all processes", actual, remedy)


def run_in_all_processes(processes: int, action: Callable[[], T]) -> T:
    """Return what an action gives in this process, once it has succeeded in all of them.

    Unseen, one that fails would leave the others waiting for it.

    Args:
        processes: how many take part; if it is 1, nothing is compared.
        action: waits for no other process.

    Raises:
        Exception: its own.
        ValueError: says in which process there was another.
    """
    result, failure = None, None
    try:
        result = action()
    except Exception as error:  # whatever it is, the others must not wait for ever
        failure = error
    failed = np.flatnonzero(gathered(processes, np.array([failure is not None])))
    if failure is not None:
        raise failure
    if len(failed):
        remedy = "That process says what it was."
        actual = f"an error in process {failed[0]}"
        raise invalid_value("processes", "to succeed together", actual, remedy)
    return cast(T, result)


def agreed(processes: int, decision: Any) -> bool:
    """Return the first process's decision in all of them: what their clocks say differs."""
    return from_first(processes, lambda: bool(decision))


def gathered(processes: int, tree: Any) -> Any:
    """Return host arrays of all processes, joined along their first axis, in each of them."""
    return tree if processes == 1 else multihost_utils.process_allgather(tree, tiled=True)


def from_first(processes: int, call: Callable[[], T]) -> T:
    """Return in all processes what a call gives in the first one, which alone makes it.

    All must come here. What the call raises in the first process is raised in all of them.

    Args:
        processes: how many take part; if it is 1, it is the first.
        call: what the first one does, such as to read a file that the others may not have; gives
            what pickle can send, bit for bit.

    Raises:
        Exception: what the call raises: in the other processes, with the same message, an error
            of jaxnet's own, else a RuntimeError.
    """
    if processes == 1:
        return call()
    result, error = None, None
    if jax.process_index() == 0:
        try:
            result = call()
        except Exception as raised:  # whatever it is, the others must not wait for ever
            error = raised
    known = error is None or isinstance(error, InputError)
    told = _broadcast((result, error if known else RuntimeError(str(error))))
    if error is not None:
        raise error
    result, failure = told
    if failure is not None:
        raise failure
    return cast(T, result)


def _broadcast(message: tuple[Any, Any]) -> tuple[Any, Any]:
    """Return the first process's message in all of them; an empty one takes half the exchange."""
    content = pickle.dumps(message) if any(part is not None for part in message) else b""
    length = np.frombuffer(len(content).to_bytes(8, "little"), np.uint8)
    size = int.from_bytes(multihost_utils.broadcast_one_to_all(length).tobytes(), "little")
    if not size:
        return None, None
    own = np.frombuffer(content, np.uint8) if content else np.zeros(size, np.uint8)
    return pickle.loads(multihost_utils.broadcast_one_to_all(own).tobytes())
