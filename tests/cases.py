"""The tables of cases that tests run over, each case with a readable name."""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar, get_args

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.types import Layer, Shape
from jaxnet.functions.activations import ACTIVATIONS, Activation
from jaxnet.functions.initializers import Initializer
from jaxnet.layers import (
    activation,
    active_units,
    batch_norm,
    dense,
    dropout,
    gaussian_noise,
    maxout,
    parallel,
    powers,
    rescale,
    residual,
    serial,
    shared,
    standardize,
)
from jaxnet.layers.batch_norm import ConventionName
from jaxnet.layers.dropout import DropoutForm
from jaxnet.networks.mlp import Place
from jaxnet.networks.polynomial import polynomial


class LayerCase(NamedTuple):
    """A layer or a network, the shape of one input, and how many there are in a batch."""

    name: str
    layer: Layer
    in_shape: Shape
    batch: int = 4


_SQUARE = Activation(lambda z: z * z, lambda z, _, dy: 2 * z * dy)
_BLOCK = serial(dense(5), activation("relu"), dense(3))
_EXAMPLES = np.array([[1.0, 2.0, 3.0], [4.0, 2.0, 9.0], [7.0, 2.0, 0.0], [0.0, 2.0, 1.0]])

LAYERS = [
    LayerCase("dense-5-3", dense(3), (5,)),
    LayerCase("dense-5-3-batch-1", dense(3), (5,), 1),
    LayerCase("dense-1-1", dense(1), (1,)),
    *[LayerCase(name, activation(name), (6,)) for name in ACTIVATIONS],
    LayerCase("leaky_relu-.2", activation("leaky_relu", negative_slope=0.2), (6,)),
    LayerCase("elu-.5", activation("elu", alpha=0.5), (6,)),
    LayerCase("softmax-batch-1", activation("softmax"), (3,), 1),
    LayerCase("relu-of-images", activation("relu"), (2, 3)),
    LayerCase("activation-by-autodiff", activation(jnp.sin), (6,)),
    LayerCase("activation-by-user", activation(_SQUARE), (6,)),
    LayerCase("rescale", rescale(1 / 255, -0.5), (6,)),
    *[
        LayerCase(f"batch-norm-{name}", batch_norm(like=name), (3,))
        for name in get_args(ConventionName)
    ],
    LayerCase("batch-norm-batch-1", batch_norm(), (3,), 1),
    LayerCase("batch-norm-of-images", batch_norm(), (2, 3), 5),
    *[
        LayerCase(f"dropout-{form}-{rate}", dropout(rate, like=form), (6,))
        for form in get_args(DropoutForm)
        for rate in (0, 0.2, 0.5, 0.75)
    ],
    LayerCase("dropout-of-images", dropout(0.3), (2, 3), 5),
    LayerCase("active-units", active_units(2), (3,)),
    LayerCase("active-units-all-of-images", active_units(3), (2, 3)),
    LayerCase("gaussian-noise", gaussian_noise(0.5), (3,)),
    LayerCase("gaussian-noise-0", gaussian_noise(0), (2, 3)),
    LayerCase("powers", powers(5), (1,)),
    LayerCase("powers-1", powers(1), (1,), 1),
    LayerCase("serial-of-none", serial(), (3,)),
    LayerCase("serial-of-one", serial(dense(2)), (3,)),
    LayerCase("serial-of-softmax", serial(dense(4), activation("softmax"), dense(2)), (3,)),
    LayerCase(
        "serial-of-serial",
        serial(serial(rescale(2.0), dense(4)), serial(activation("tanh"), serial(dense(2)))),
        (3,),
    ),
    LayerCase("dense-without-bias", dense(3, bias_initializer=None), (5,)),
    LayerCase("maxout", maxout(3, 4), (5,)),
    LayerCase("maxout-without-bias", maxout(2, 2, bias_initializer=None), (3,), 1),
    LayerCase("maxout-of-one-piece", maxout(3, 1), (5,)),
    LayerCase("standardize", standardize(_EXAMPLES), (3,)),
    LayerCase("standardize-images", standardize(_EXAMPLES.reshape(3, 2, 2), ddof=1), (2, 2)),
    LayerCase("parallel-of-one", parallel(dense(2)), (3,)),
    LayerCase("parallel-concatenated", parallel(dense(2), serial(), dense(4)), (3,)),
    LayerCase("parallel-of-images", parallel(activation("tanh"), rescale(2.0)), (2, 3)),
    LayerCase("parallel-summed", parallel(_BLOCK, dense(3), serial(), combine="sum"), (3,)),
    LayerCase("residual", residual(dense(3)), (3,), 1),
    LayerCase("residual-of-serial", residual(_BLOCK), (3,)),
    LayerCase("parallel-of-residual", parallel(residual(_BLOCK), maxout(2, 2)), (3,)),
    LayerCase("shared-twice", shared(dense(3), uses=[0, 0]), (3,)),
    LayerCase("shared-with-itself", shared(dense(2), uses=[(0, 0)]), (3,)),
    LayerCase(
        "shared-modulelist",
        shared(*[dense(4)] * 4, uses=[(i // 2, i) for i in range(4)]),
        (4,),
    ),
    LayerCase("shared-serial", shared(_BLOCK, dense(3), uses=[1, (0, 1), 0]), (3,)),
    LayerCase(
        "serial-of-branches",
        serial(standardize(_EXAMPLES), residual(parallel(dense(1), maxout(2, 2))), dense(2)),
        (3,),
    ),
]

NETWORKS = [
    LayerCase("mlp-3-4-2", jaxnet.mlp((3, 4, 2)), (3,)),
    LayerCase("mlp-4-3", jaxnet.mlp((4, 3)), (4,)),
    LayerCase("mlp-5-7-4-3-tanh", jaxnet.mlp((5, 7, 4, 3), activation="tanh"), (5,), 8),
    LayerCase(
        "mlp-5-7-4-3-sigmoid-batch-1", jaxnet.mlp((5, 7, 4, 3), activation="sigmoid"), (5,), 1
    ),
    LayerCase("mlp-6-8-8-8-3-softmax", jaxnet.mlp((6, 8, 8, 8, 3), activation="softmax"), (6,)),
    LayerCase("mlp-4-6-2-scaled", jaxnet.mlp((4, 6, 2), input_scale=1 / 16), (4,)),
    LayerCase("mlp-1-1-1", jaxnet.mlp((1, 1, 1), activation="linear"), (1,), 2),
    *[
        LayerCase(
            f"mlp-4-6-5-2-batch-norm-{place}",
            jaxnet.mlp((4, 6, 5, 2), batch_norm=place, activation="tanh", drop_rate=(0.5, 0.0)),
            (4,),
            6,
        )
        for place in get_args(Place)
    ],
    LayerCase("mlp-9-layers-gelu", jaxnet.mlp((4, *[5] * 8, 2), activation="gelu"), (4,)),
    LayerCase("polynomial", polynomial(5, order=2), (1,)),
    LayerCase(
        "mlp-4-6-5-2-active",
        jaxnet.mlp((4, 6, 5, 2), active_units=(2, 5), input_noise=0.1, activation="sigmoid"),
        (4,),
    ),
    LayerCase("mlp-784-30-10", jaxnet.mlp((784, 30, 10)), (784,), 16),
]


class Distribution(NamedTuple):
    """The shape of a distribution of mean 0: its bound in standard deviations, its kurtosis."""

    bound: float
    kurtosis: float


_NORMAL = Distribution(np.inf, 3.0)
_UNIFORM = Distribution(np.sqrt(3), 9 / 5)
# Of the normal distribution within +-2, whose density there is phi = 0.0540 and whose mass is
# Z = 0.9545: the variance is 1 - 4 phi / Z = 0.7737, the fourth moment 3 * 0.7737 - 16 phi / Z
# = 1.4162. So the bound is 2 / sqrt(0.7737), the kurtosis 1.4162 / 0.7737^2.
_TRUNCATED = Distribution(2.27369, 2.3655)


class InitializerCase(NamedTuple):
    """An initializer of weights (200, 300): the standard deviation and distribution to expect."""

    name: str
    std: float
    distribution: Distribution

    @property
    def initializer(self) -> Initializer:
        return jaxnet.initializers.INITIALIZERS[self.name]


# in = 300, out = 200; a uniform distribution on +-1 has the standard deviation 1 / sqrt(3)
INITIALIZERS = [
    *[
        InitializerCase(f"{scaling}_{shape}", std, distribution)
        for scaling, std in {
            "he": np.sqrt(2 / 300),
            "xavier": np.sqrt(2 / 500),
            "lecun": np.sqrt(1 / 300),
        }.items()
        for shape, distribution in {
            "normal": _NORMAL,
            "truncated_normal": _TRUNCATED,
            "uniform": _UNIFORM,
        }.items()
    ],
    InitializerCase("normal", 1.0, _NORMAL),
    InitializerCase("truncated_normal", 1.0, _TRUNCATED),
    InitializerCase("uniform", np.sqrt(1 / 3), _UNIFORM),
]

Case = TypeVar("Case", LayerCase, InitializerCase)


def over(cases: Iterable[Case]) -> pytest.MarkDecorator:
    """Return the mark that runs a test for each ``case``, named as the case is."""
    return pytest.mark.parametrize("case", [pytest.param(case, id=case.name) for case in cases])


def random_like(tree: Any, *, seed: int = 0) -> Any:
    """Draw a tree of standard normal arrays with the structure, shapes and dtypes of ``tree``.

    By NumPy, which need not compile a program for each shape.
    """
    rng = np.random.default_rng(seed)
    return jax.tree.map(lambda leaf: jnp.asarray(rng.normal(size=leaf.shape), leaf.dtype), tree)
