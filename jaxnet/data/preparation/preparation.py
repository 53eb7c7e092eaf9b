"""The form of a preparation, and chains of them."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeAlias

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_arrays, check_finite, require, require_type
from jaxnet.core.errors import invalid_value
from jaxnet.core.representation import representation
from jaxnet.core.types import AnyArray

Statistics: TypeAlias = Any
"""A dictionary of arrays; of a chain, or of columns, a tuple of those of its parts."""


class Specification(NamedTuple):
    """How a preparation was made, to make it again from a file.

    Attributes:
        kind: name of the function in `jaxnet.data.preparation`.
        settings: its arguments, of JSON types.
        parts: those of the preparations that it is made of.
    """

    kind: str
    settings: Mapping[str, Any]
    parts: tuple["Specification", ...] = ()

    def __repr__(self) -> str:
        names = self.settings.get("names", ())
        if self.parts and len(names) == len(self.parts):  # of columns
            return representation(self.kind, dict(zip(names, self.parts, strict=True)))
        return representation(self.kind, *self.parts, **self.settings)


class Preparation(NamedTuple):
    """A preparation: three pure functions, and how it was made.

    Attributes:
        fit: ``inputs -> statistics``, computed by NumPy in float64.
        apply: ``(statistics, inputs) -> inputs``. NumPy's arrays give NumPy's in float64, or in
            the floating-point dtype that they have; those of JAX, which may be traced, give JAX's.
        invert: ``(statistics, inputs) -> inputs``, the way back; raises an error where there is
            none.
        specification: how it was made.
    """

    fit: Callable[[Any], Statistics]
    apply: Callable[[Statistics, Any], Any]
    invert: Callable[[Statistics, Any], Any]
    specification: Specification

    def __repr__(self) -> str:
        return repr(self.specification)


class Fitted(NamedTuple):
    """A preparation with its statistics, as it is saved with a model.

    Attributes:
        preparation: the preparation.
        statistics: those of the training inputs.
    """

    preparation: Preparation
    statistics: Statistics

    def __repr__(self) -> str:
        return representation("Fitted", self.preparation)

    def apply(self, inputs: Any) -> Any:
        """Prepare inputs."""
        return self.preparation.apply(self.statistics, inputs)

    def invert(self, inputs: Any) -> Any:
        """Return what inputs were before they were prepared."""
        return self.preparation.invert(self.statistics, inputs)


def fitted(preparation: Preparation, train: Any) -> Fitted:
    """Fit a preparation to the training inputs.

    >>> from jaxnet.data.preparation import standardize
    >>> fitted(standardize(), np.array([[1.0], [3.0]])).apply(np.array([[5.0]])).tolist()
    [[3.0]]
    """
    return Fitted(preparation, preparation.fit(train))


def chain(*preparations: Preparation) -> Preparation:
    """Return a preparation that applies one after the other; each is fitted to what reaches it.

    >>> from jaxnet.data.preparation import impute, min_max
    >>> ready = fitted(chain(impute("mean"), min_max()), np.array([[1.0], [np.nan], [3.0]]))
    >>> ready.apply(np.array([[np.nan], [2.5]])).tolist()
    [[0.5], [0.75]]
    """

    def fit(inputs: Any) -> Statistics:
        found = []
        for preparation in preparations:
            found.append(preparation.fit(inputs))
            inputs = preparation.apply(found[-1], inputs)
        return tuple(found)

    def apply(statistics: Statistics, inputs: Any) -> Any:
        for preparation, each in zip(preparations, statistics, strict=True):
            inputs = preparation.apply(each, inputs)
        return inputs

    def invert(statistics: Statistics, inputs: Any) -> Any:
        for preparation, each in reversed(list(zip(preparations, statistics, strict=True))):
            inputs = preparation.invert(each, inputs)
        return inputs

    parts = tuple(preparation.specification for preparation in preparations)
    return Preparation(fit, apply, invert, Specification("chain", {}, parts))


def no_way_back(kind: str) -> Callable[[Statistics, Any], Any]:
    """Return the `invert` of a preparation that loses information."""

    def invert(statistics: Statistics, inputs: Any) -> Any:
        del statistics, inputs
        raise invalid_value("preparation", "to have a way back", kind, "Keep the inputs as well.")

    return invert


def training_values(inputs: Any, *, finite: bool = True) -> np.ndarray:
    """Return training inputs in float64.

    Args:
        inputs: shape ``(n, features)``, real numbers, ``n`` 1 or more.
        finite: whether NaN and infinities are errors.

    Raises:
        TypeError: for another type than an array of real numbers.
        ValueError: for another shape, or for values that are not finite.
    """
    check_arrays(inputs=inputs)
    values = np.asarray(inputs)
    real = jnp.issubdtype(values.dtype, jnp.floating) or values.dtype.kind in "iub"
    require_type(real, "inputs", "to be real numbers", values.dtype, "See one_hot for categories.")
    expected = "of shape (examples, features), with one example or more"
    require(values.ndim == 2 and len(values), "inputs", expected, values.shape)
    if finite:
        check_finite("inputs", values, "Put impute before, or remove those examples.")
    return values.astype(np.float64)


def as_floating(inputs: Any, features: int) -> tuple[AnyArray, Any]:
    """Return inputs as floating-point numbers, and the module of their kind.

    Args:
        inputs: shape ``(n, features)``.
        features: how many there must be.
    """
    check_arrays(inputs=inputs)
    expected = f"of shape (examples, {features}), as the training inputs"
    require(inputs.ndim == 2 and inputs.shape[1] == features, "inputs", expected, inputs.shape)
    if jnp.issubdtype(inputs.dtype, jnp.floating):
        return inputs, jnp if isinstance(inputs, jax.Array) else np
    if isinstance(inputs, jax.Array):
        return inputs.astype(jnp.result_type(float)), jnp
    return inputs.astype(np.float64), np


def cast(statistics: Mapping[str, Any], like: AnyArray) -> dict[str, Any]:
    """Return statistics in the dtype of inputs, with an axis of examples."""
    return {name: array.astype(like.dtype)[None] for name, array in statistics.items()}
