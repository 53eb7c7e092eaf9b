"""Layers: pure ``init``, ``apply``, and the hand-derived ``forward`` and ``backward``."""

from jaxnet.core.types import Description, Layer, layer_from_forward
from jaxnet.layers.activation import activation
from jaxnet.layers.active_units import active_units
from jaxnet.layers.batch_norm import BatchNorm, batch_norm
from jaxnet.layers.branches import parallel, residual
from jaxnet.layers.compose import serial
from jaxnet.layers.dense import Dense, dense, folded, unfolded
from jaxnet.layers.dropout import dropout
from jaxnet.layers.flatten import flatten
from jaxnet.layers.gaussian_noise import gaussian_noise
from jaxnet.layers.layer import layer
from jaxnet.layers.maxout import maxout
from jaxnet.layers.moving_moments import MovingMoments
from jaxnet.layers.powers import powers
from jaxnet.layers.rescale import rescale
from jaxnet.layers.sharing import shared
from jaxnet.layers.standardization import Moments, moments, standardize

__all__ = [
    "BatchNorm",
    "Dense",
    "Description",
    "Layer",
    "Moments",
    "MovingMoments",
    "activation",
    "active_units",
    "batch_norm",
    "dense",
    "dropout",
    "flatten",
    "folded",
    "gaussian_noise",
    "layer",
    "layer_from_forward",
    "maxout",
    "moments",
    "parallel",
    "powers",
    "rescale",
    "residual",
    "serial",
    "shared",
    "standardize",
    "unfolded",
]

__dir__ = __all__.copy  # dir() shows these names alone
