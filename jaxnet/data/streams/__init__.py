"""Streams of examples that do not fit memory, read a chunk at a time."""

from jaxnet.data.streams.chunks import Chunks
from jaxnet.data.streams.prefetch import prefetched
from jaxnet.data.streams.stream import Stream, stream

__all__ = ["Chunks", "Stream", "prefetched", "stream"]

__dir__ = __all__.copy  # dir() shows these names alone
