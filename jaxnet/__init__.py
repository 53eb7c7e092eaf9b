"""jaxnet: a functional JAX library and laboratory for feed-forward neural networks.

A network, a loss, an optimizer, a whole training run: each is a pure function over pytrees of
parameters, with explicit PRNG keys. A folder imports only from the floors below it:

    inspection   gradient_check  tape  walk  |  graph: program  steps  passes
                 instruments: risk  per_example  gradient_noise  mini_batches  norms  units
                 lanczos  curvature  landscape
                 drawing: layers  layout  svg  text         |  interchange  (blind to each other)
    training     state  rules  objective  gradient  step  shuffle  epoch  portions
                 evaluate  population  run  chunks  fit  logs  events  devices  mesh
                 processes  |  checkpoint  pace  archive  fingerprint  |  recipe  train
                 sweeps: settings  waves  strategy  parts  execution  sweep  result
                 cross_validation  halving  tuning  learning_rate  optuna_search
    networks     mlp  narrowing  polynomial  small  heads  summary  model_file
    layers       dense  maxout  activation  dropout  batch_norm  moving_moments
                 rescale  standardization  active_units  gaussian_noise  powers
                 compose  branches  sharing      |  optim  |  data    (blind to each other)
    functions    activations  initializers  losses  penalties  metrics  schedules
                 (blind to each other)
    core         types  errors  checks  precision  memory  trees  hessian  files
                 array_file  packages  version
"""

from jaxnet import data, inspection, interchange, layers, networks, optim, training
from jaxnet.core.version import VERSION
from jaxnet.functions import activations, initializers, losses, metrics, penalties, schedules
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
