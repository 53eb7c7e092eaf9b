"""Agreement and exchange between processes joined by `jax.distributed`."""

import json
from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple, TypeVar, cast

import jax
import numpy as np
from jax.experimental import multihost_utils

from jaxnet.core.errors import (
    DamagedFileError,
    InvalidTypeError,
    InvalidValueError,
    MissingFileError,
    MissingPackageError,
    invalid_value,
)
from jaxnet.core.trees import digest
from jaxnet.training.distributed.devices import Device

T = TypeVar("T")


class Message(NamedTuple):
    """Message from the first process to the others.

    Attributes:
        text: in JSON's own types.
        arrays: name -> array, none of them empty.
    """

    text: Any = None
    arrays: Mapping[str, np.ndarray] = MappingProxyType({})


def count_processes(devices: Iterable[Device]) -> int:
    """Count the processes that devices belong to; 1 for no devices."""
    return len({device.process_index for device in devices}) or 1


def check_agreement(processes: int, tree: Any) -> None:
    """Raise a ValueError in every process unless all have the same arguments.

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
    """Run an action in every process; raise in all if it fails in one.

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
    """Return the decision of the first process in all of them."""
    if processes == 1:
        return bool(decision)
    return bool(multihost_utils.broadcast_one_to_all(np.array(decision)))


def gathered(processes: int, tree: Any) -> Any:
    """Concatenate the host arrays of all processes along their first axis."""
    return tree if processes == 1 else multihost_utils.process_allgather(tree, tiled=True)


def from_first(processes: int, call: Callable[[], Message]) -> Message:
    """Call a function in the first process and return its result in all of them.

    All must come here. What the call raises in the first process is raised in all of them: those
    that wait for it hear of it.

    Args:
        processes: how many take part; if it is 1, it is the first.
        call: what the first one does, such as to read a file that the others may not have.

    Raises:
        Exception: what the call raises: in the other processes, with the same message, an error
            of jaxnet's own, else a RuntimeError.
    """
    if processes == 1:
        return call()
    said, error = Message(), None
    if jax.process_index() == 0:
        try:
            said = call()
        except Exception as raised:  # whatever it is, the others must not wait for ever
            error = raised
    header = _text_from_first(_header(said, error))
    if error is not None:
        raise error
    if "error" in header:
        kind, text = header["error"]
        raise _KINDS.get(kind, RuntimeError)(text)
    return Message(header.get("text"), _arrays_from_first(header.get("arrays", {}), said.arrays))


_KINDS = {
    kind.__name__: kind
    for kind in (
        DamagedFileError,
        InvalidTypeError,
        InvalidValueError,
        MissingFileError,
        MissingPackageError,
    )
}


def _header(said: Message, error: Exception | None) -> dict[str, Any]:
    """Return all but the arrays themselves; nothing at all for an empty message."""
    if error is not None:
        return {"error": [type(error).__name__, str(error)]}
    kinds = {name: [str(array.dtype), array.shape] for name, array in said.arrays.items()}
    parts = {"text": said.text, "arrays": kinds or None}
    return {name: part for name, part in parts.items() if part is not None}


def _text_from_first(header: dict[str, Any]) -> dict[str, Any]:
    content = json.dumps(header).encode() if header else b""
    length = np.frombuffer(len(content).to_bytes(8, "little"), np.uint8)
    size = int.from_bytes(multihost_utils.broadcast_one_to_all(length).tobytes(), "little")
    if not size:
        return {}
    own = np.frombuffer(content, np.uint8) if content else np.zeros(size, np.uint8)
    return json.loads(multihost_utils.broadcast_one_to_all(own).tobytes())


def _arrays_from_first(
    kinds: Mapping[str, tuple[str, list[int]]], arrays: Mapping[str, np.ndarray]
) -> dict[str, np.ndarray]:
    """Return the first process's arrays, sent as bytes: JAX would round those of 64 bits."""

    def own(name: str, dtype: str, shape: list[int]) -> np.ndarray:
        array = arrays[name] if name in arrays else np.zeros(shape, np.dtype(dtype))
        return np.ascontiguousarray(array).reshape(-1).view(np.uint8)

    sent = {name: own(name, *kind) for name, kind in kinds.items()}
    come = multihost_utils.broadcast_one_to_all(sent) if sent else {}
    return {n: come[n].view(dtype).reshape(shape) for n, (dtype, shape) in kinds.items()}
