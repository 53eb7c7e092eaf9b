"""jaxnet: a functional JAX library and laboratory for feed-forward neural networks.

A network, a loss, an optimizer, a whole training run: each is a pure function over pytrees of
parameters, with explicit PRNG keys. A folder imports only from the floors below it:

    inspection    propagation  graphs  drawing  instruments    |  interchange  |  sklearn
    training      distributed  loop  checkpoints  loggers  sweeps
    networks
    layers   |    optim: update_rule  first_order  second_order  composition  verification
             |    data: preparation  cleaning  augmentation  streams  sources
    functions     activations  initializers  losses  metrics  penalties  schedules
    core

Folders side by side (``|``), and the files of ``functions``, do not import each other. Import
``jaxnet.sklearn`` by its name: it needs scikit-learn.
"""

from typing import TYPE_CHECKING

from jaxnet.core.lazy_names import lazy_names
from jaxnet.core.version import VERSION

if TYPE_CHECKING:
    from jaxnet import (
        activations,
        data,
        initializers,
        inspection,
        interchange,
        layers,
        losses,
        metrics,
        networks,
        optim,
        penalties,
        schedules,
        training,
    )
    from jaxnet.networks.mlp import mlp

__version__ = VERSION

__all__ = [
    "activations",
    "data",
    "initializers",
    "inspection",
    "interchange",
    "layers",
    "losses",
    "metrics",
    "mlp",
    "networks",
    "optim",
    "penalties",
    "schedules",
    "training",
]

__dir__ = __all__.copy  # dir() shows these names alone
__getattr__ = lazy_names(
    __name__, {name: f"jaxnet.{name}" for name in __all__} | {"mlp": "jaxnet.networks.mlp"}
)
