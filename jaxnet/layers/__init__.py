"""Layers: pure ``init``, ``apply``, and the hand-derived ``forward`` and ``backward``."""

from jaxnet.core.types import Layer
from jaxnet.layers.activation import activation
from jaxnet.layers.compose import serial
from jaxnet.layers.dense import Dense, dense
from jaxnet.layers.rescale import rescale

__all__ = ["Dense", "Layer", "activation", "dense", "rescale", "serial"]
