"""Event files: what TensorBoard makes of those in a folder."""

import re
import socket
import struct
import time
import uuid
from collections.abc import Iterator
from pathlib import Path

from jaxnet.core.files import read_regular
from jaxnet.core.optional_imports import import_package

HEADER, CHECKSUM = struct.Struct("<QI"), struct.Struct("<I")
"""A record's length and its checksum; the record, of that length, and its checksum follow."""


def read_curves(directory: Path) -> dict[str, dict[int, float]]:
    """Return tag -> step -> value of all scalars that TensorBoard would show.

    It reads the files by name, up to what is unfinished or damaged, and forgets what it has read
    of a step and those after it where a run says that it starts from there.

    Args:
        directory: the folder of event files; those below it are other runs.

    Raises:
        ImportError: if tensorboardX is not installed.
        OSError: for a file that cannot be read.
    """
    messages = import_package("tensorboardX.proto.event_pb2")
    curves: dict[str, dict[int, float]] = {}
    for path in _files(directory):
        for record in _records(read_regular(path)):
            event = messages.Event.FromString(record)
            if event.session_log.status == messages.SessionLog.START:
                curves = {tag: _before(event.step, curve) for tag, curve in curves.items()}
            for value in event.summary.value:
                if value.WhichOneof("value") == "simple_value":
                    curves.setdefault(value.tag, {})[event.step] = value.simple_value
    return curves


def _before(step: int, curve: dict[int, float]) -> dict[int, float]:
    return {earlier: value for earlier, value in curve.items() if earlier < step}


def _records(content: bytes) -> Iterator[bytes]:
    """Yield the whole records of a file, up to the first that is not one."""
    checksum = import_package("tensorboardX.record_writer").masked_crc32c
    start = 0
    while len(content) - start >= HEADER.size:
        size, crc = HEADER.unpack_from(content, start)
        begin, end = start + HEADER.size, start + HEADER.size + size
        if checksum(content[start : start + 8]) != crc or end + CHECKSUM.size > len(content):
            return
        record = content[begin:end]
        if CHECKSUM.unpack_from(content, end) != (checksum(record),):
            return
        yield record
        start = end + CHECKSUM.size


def next_file(directory: Path) -> Path:
    """Return a new event file's path, by name after all that are there: so they are read.

    The number in it is of seconds, but larger than every other even if the clock was set back.

    Args:
        directory: the folder of event files.
    """
    numbers = (re.search(r"tfevents\.([0-9]+)", path.name) for path in _files(directory))
    largest = max((int(number[1]) for number in numbers if number), default=0)
    seconds = max(int(time.time()), largest + 1)
    unique = f"{socket.gethostname()}.{uuid.uuid4().hex}"
    return directory / f"events.out.tfevents.{seconds:010d}.{unique}"


def _files(directory: Path) -> list[Path]:
    return sorted(path for path in directory.glob("*tfevents*") if path.is_file())
