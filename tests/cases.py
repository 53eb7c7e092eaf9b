"""The tables of cases that tests run over, each case with a readable name."""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from experiments.check_gradients import cases
from experiments.check_gradients.cases import NETWORKS, LayerCase
from jaxnet.functions.initializers import Initializer

__all__ = ["INITIALIZERS", "LAYERS", "NETWORKS", "InitializerCase", "LayerCase", "over"]

LAYERS = [*cases.LAYERS, *cases.ACTIVATIONS]


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
