"""Inspection of functions and networks: values, gradients, graphs and measurements.

Instruments are pure functions of ``(objective, params, statistics, examples, ...)`` outside the
training program: unused ones cost nothing. With the objective bound, by
``functools.partial(gradient_variance, objective)``, each that returns a scalar has the form
``(params, statistics, examples) -> scalar`` and can be compiled into a run.
"""

from jaxnet.inspection.drawing.layout import Box, Layout, Route, layout
from jaxnet.inspection.drawing.network import WEIGHT_COLORS, draw_network
from jaxnet.inspection.drawing.node_labels import Caption, node_captions
from jaxnet.inspection.drawing.svg import to_svg
from jaxnet.inspection.drawing.text import to_graphviz, to_mermaid
from jaxnet.inspection.graphs.graph import Graph, Link, Node, computation_graph
from jaxnet.inspection.instruments.curvature import (
    Spectrum,
    hessian_spectrum,
    hessian_vector_product,
    largest_stable_rate,
    sharpness,
)
from jaxnet.inspection.instruments.gradient_noise import (
    GradientNoise,
    gradient_noise,
    gradient_variance,
    noise_scale,
    predicted_variance,
    two_batch_noise,
)
from jaxnet.inspection.instruments.landscape import (
    LossLine,
    LossPlane,
    loss_line,
    loss_plane,
    random_direction,
)
from jaxnet.inspection.instruments.mini_batches import (
    Measurement,
    map_batch_gradients,
    measured_variance,
)
from jaxnet.inspection.instruments.norms import Norms, activation_norms, gradient_norms
from jaxnet.inspection.instruments.per_example import map_gradients, per_example_gradients
from jaxnet.inspection.instruments.risk import make_risk
from jaxnet.inspection.instruments.units import dead_fraction, dead_units, flat_fractions
from jaxnet.inspection.propagation.gradient_check import (
    DIFFERENCE_TOLERANCE,
    TOLERANCES,
    GradientCheck,
    check_gradients,
    check_layer,
)
from jaxnet.inspection.propagation.tape import Tape, features, tape

__all__ = [
    "DIFFERENCE_TOLERANCE",
    "TOLERANCES",
    "WEIGHT_COLORS",
    "Box",
    "Caption",
    "GradientCheck",
    "GradientNoise",
    "Graph",
    "Layout",
    "Link",
    "LossLine",
    "LossPlane",
    "Measurement",
    "Node",
    "Norms",
    "Route",
    "Spectrum",
    "Tape",
    "activation_norms",
    "check_gradients",
    "check_layer",
    "computation_graph",
    "dead_fraction",
    "dead_units",
    "draw_network",
    "features",
    "flat_fractions",
    "gradient_noise",
    "gradient_norms",
    "gradient_variance",
    "hessian_spectrum",
    "hessian_vector_product",
    "largest_stable_rate",
    "layout",
    "loss_line",
    "loss_plane",
    "make_risk",
    "map_batch_gradients",
    "map_gradients",
    "measured_variance",
    "node_captions",
    "noise_scale",
    "per_example_gradients",
    "predicted_variance",
    "random_direction",
    "sharpness",
    "tape",
    "to_graphviz",
    "to_mermaid",
    "to_svg",
    "two_batch_noise",
]

__dir__ = __all__.copy  # dir() shows these names alone
