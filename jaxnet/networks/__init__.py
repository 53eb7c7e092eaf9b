"""Whole networks, put together from layers."""

from jaxnet.networks import heads
from jaxnet.networks.heads import HEADS, Head, get_head
from jaxnet.networks.mlp import mlp
from jaxnet.networks.small import (
    Chain,
    chain,
    chain_backward,
    perceptron,
    perceptron_pass,
    perceptron_rule,
    shared_linears,
)
from jaxnet.networks.summary import count_neurons, summary

__all__ = [
    "HEADS",
    "Chain",
    "Head",
    "chain",
    "chain_backward",
    "count_neurons",
    "get_head",
    "heads",
    "mlp",
    "perceptron",
    "perceptron_pass",
    "perceptron_rule",
    "shared_linears",
    "summary",
]
