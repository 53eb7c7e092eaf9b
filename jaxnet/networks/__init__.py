"""Whole networks, put together from layers."""

from jaxnet.networks import heads
from jaxnet.networks.heads import HEADS, Head, get_head
from jaxnet.networks.mlp import mlp

__all__ = [
    "HEADS",
    "Head",
    "get_head",
    "heads",
    "mlp",
]
