"""Networks made of layers, and model files."""

from jaxnet.core.trees import count_parameters, digest
from jaxnet.networks import heads
from jaxnet.networks.heads import (
    HEADS,
    Head,
    binary,
    bounded_regression,
    get_head,
    head_of,
    multiclass,
    regression,
)
from jaxnet.networks.mlp import mlp
from jaxnet.networks.model import Model, UnseenCategoryWarning
from jaxnet.networks.model_file import load_model, save_model
from jaxnet.networks.polynomial import polynomial
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
    "Model",
    "UnseenCategoryWarning",
    "binary",
    "bounded_regression",
    "chain",
    "chain_backward",
    "count_neurons",
    "count_parameters",
    "digest",
    "get_head",
    "head_of",
    "heads",
    "load_model",
    "mlp",
    "multiclass",
    "perceptron",
    "perceptron_pass",
    "perceptron_rule",
    "polynomial",
    "regression",
    "save_model",
    "shared_linears",
    "summary",
]

__dir__ = __all__.copy  # dir() shows these names alone
