"""Whole networks, put together from layers."""

from jaxnet.networks.mlp import mlp

__all__ = ["mlp"]
