"""Agreement and exchange between processes joined by `jax.distributed`."""

import base64
import json
from collections.abc import Callable, Iterable
from typing import Any, TypeVar, cast

import jax
import jax.numpy as jnp
import numpy as np
from jax.experimental import multihost_utils

from jaxnet.core import errors
from jaxnet.core.checks import require
from jaxnet.core.errors import InputError
from jaxnet.core.trees import digest
from jaxnet.training.distributed.devices import Device

T = TypeVar("T")


def count_processes(devices: Iterable[Device]) -> int:
    """Count the processes that devices belong to; 1 for no devices."""
    return len({device.process_index for device in devices}) or 1


def check_agreement(processes: int, tree: Any) -> None:
    """Raise a ValueError in every process unless all have the same arrays, bit for bit."""
    if processes == 1:
        return
    own = np.frombuffer(bytes.fromhex(digest(tree)), np.uint32)
    digests = multihost_utils.process_allgather(own)
    actual = f"{len(np.unique(digests, axis=0))} different ones"
    remedy = "Give the same key, settings and examples in each."
    same = (digests == own[None]).all()
    require(same, "arguments", "to agree in all processes", actual, remedy)


def run_in_all_processes(processes: int, action: Callable[[], T]) -> T:
    """Run an action in every process; raise in all if it fails in one.

    One that fails would leave the others waiting; ``action`` waits for no other process.

    Raises:
        Exception: its own.
        ValueError: says in which process there was another.
    """
    result, failure = None, None
    try:
        result = action()
    except Exception as error:  # of any kind: the other processes wait for an answer
        failure = error
    failed = np.flatnonzero(gathered(processes, np.array([failure is not None])))
    if failure is not None:
        raise failure
    actual = f"an error in process {', '.join(map(str, failed))}"
    require(not len(failed), "processes", "to succeed together", actual)
    return cast(T, result)


def agreed(processes: int, decision: Any) -> bool:
    """Return the decision of the first process in all of them."""
    return from_first(processes, lambda: bool(decision))


def gathered(processes: int, tree: Any) -> Any:
    """Concatenate the host arrays of all processes along their first axis."""
    return tree if processes == 1 else multihost_utils.process_allgather(tree, tiled=True)


def from_first(processes: int, call: Callable[[], T]) -> T:
    """Call a function in the first process and return its result in all of them.

    All must come here. What the call raises in the first process is raised in all of them.

    Args:
        processes: how many take part; if it is 1, it is the first.
        call: what the first one does, such as to read a file that the others may not have. Its
            result is of JSON's types and NumPy arrays, which arrive bit for bit; tuples arrive in
            the other processes as lists.

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
        except Exception as raised:  # of any kind: the other processes wait for an answer
            error = raised
    failure = None if error is None else [type(error).__name__, str(error)]
    result, failure = _broadcast(None if result is failure is None else [result, failure])
    if error is not None:
        raise error
    if failure is not None:
        kind = getattr(errors, failure[0], RuntimeError)
        raise (kind if issubclass(kind, InputError) else RuntimeError)(failure[1])
    return cast(T, result)


def _broadcast(message: Any) -> tuple[Any, Any]:
    """Send the first process's message to all of them; an empty one takes half the exchange."""
    content = b"" if message is None else json.dumps(message, default=_plain).encode()
    length = np.frombuffer(len(content).to_bytes(8, "little"), np.uint8)
    size = int.from_bytes(multihost_utils.broadcast_one_to_all(length).tobytes(), "little")
    if not size:
        return None, None
    own = np.frombuffer(content, np.uint8) if content else np.zeros(size, np.uint8)
    return json.loads(multihost_utils.broadcast_one_to_all(own).tobytes(), object_hook=_array)


def _plain(array: np.ndarray) -> dict[str, Any]:
    content = base64.b64encode(np.ascontiguousarray(array).tobytes()).decode()
    return {"dtype": str(array.dtype), "shape": array.shape, "content": content}


def _array(fields: dict[str, Any]) -> Any:
    """Undo `_plain`; other dictionaries stay what they are."""
    if set(fields) != {"dtype", "shape", "content"}:
        return fields
    values = np.frombuffer(base64.b64decode(fields["content"]), jnp.dtype(fields["dtype"]))
    return values.reshape(fields["shape"])
