"""Layers: pure ``init``, ``apply``, and the hand-derived ``forward`` and ``backward``."""

from jaxnet.core.types import Layer
from jaxnet.layers.activation import activation
from jaxnet.layers.batch_norm import BatchNorm, MovingMoments, batch_norm
from jaxnet.layers.branches import parallel, residual
from jaxnet.layers.compose import serial
from jaxnet.layers.dense import Dense, dense, folded, unfolded
from jaxnet.layers.dropout import dropout
from jaxnet.layers.maxout import maxout
from jaxnet.layers.rescale import rescale
from jaxnet.layers.sharing import shared
from jaxnet.layers.standardization import Moments, moments, standardize

__all__ = [
    "BatchNorm",
    "Dense",
    "Layer",
    "Moments",
    "MovingMoments",
    "activation",
    "batch_norm",
    "dense",
    "dropout",
    "folded",
    "maxout",
    "moments",
    "parallel",
    "rescale",
    "residual",
    "serial",
    "shared",
    "standardize",
    "unfolded",
]
