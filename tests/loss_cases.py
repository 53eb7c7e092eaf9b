"""The table of losses that the law runs over, and how to draw outputs and targets for each."""

import functools
from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.types import AnyArray, Array
from jaxnet.functions.losses import Loss, get_loss

EXAMPLES, ENTRIES = 6, 4


class LossCase(NamedTuple):
    """A loss with options, and the kinds of outputs and targets that it is for."""

    name: str
    outputs: str
    targets: str
    options: dict[str, Any] = {}  # noqa: RUF012 - never changed
    entries: int = ENTRIES

    @property
    def loss(self) -> Loss:
        return get_loss(self.name, **self.options)

    @property
    def id(self) -> str:
        settings = [f"{name}-{value}" for name, value in self.options.items()]
        return "-".join([self.name, *settings, self.outputs, self.targets, str(self.entries)])


LOSSES = [
    LossCase("absolute_error", "scores", "numbers"),
    LossCase("absolute_error", "scores", "numbers of one entry", entries=1),
    LossCase("squared_error", "scores", "numbers"),
    LossCase("squared_error", "scores", "whole numbers"),
    LossCase("half_squared_error", "scores", "numbers"),
    LossCase("mean_squared_error", "scores", "numbers"),
    LossCase("minkowski_error", "scores", "numbers"),
    LossCase("minkowski_error", "scores", "numbers", {"exponent": 1.0}),
    LossCase("minkowski_error", "scores", "numbers", {"exponent": 2.5}),
    LossCase("huber", "scores", "numbers"),
    LossCase("huber", "scores", "numbers", {"delta": 0.3}),
    LossCase("log_cosh", "scores", "numbers"),
    LossCase("zero_one", "scores", "labels"),
    LossCase("zero_one", "probabilities", "bits of one entry", {"threshold": 0.5}, entries=1),
    LossCase("hinge", "scores", "signs"),
    LossCase("hinge", "scores", "signs of one entry", entries=1),
    LossCase("squared_hinge", "scores", "signs"),
    LossCase("perceptron", "scores", "signs"),
    LossCase("binary_cross_entropy", "probabilities", "bits"),
    LossCase("binary_cross_entropy", "probabilities", "probabilities"),
    LossCase("sigmoid_binary_cross_entropy", "scores", "bits of one entry", entries=1),
    LossCase("sigmoid_binary_cross_entropy", "scores", "probabilities"),
    LossCase("categorical_cross_entropy", "distributions", "labels"),
    LossCase("categorical_cross_entropy", "distributions", "distributions"),
    LossCase("softmax_cross_entropy", "scores", "labels"),
    LossCase("softmax_cross_entropy", "scores", "distributions"),
    LossCase("softmax_cross_entropy", "scores", "labels", {"label_smoothing": 0.1}),
    LossCase("softmax_cross_entropy", "scores", "distributions", {"label_smoothing": 0.3}),
    LossCase("kl_divergence", "distributions", "distributions"),
    LossCase("kl_divergence", "distributions", "labels"),
    LossCase("softmax_kl_divergence", "scores", "distributions"),
    LossCase("softmax_kl_divergence", "scores", "labels"),
]

over_losses = pytest.mark.parametrize("case", [pytest.param(c, id=c.id) for c in LOSSES])


def draw_loss(case: LossCase, *, seed: int = 0) -> tuple[Array, Array]:
    """Draw outputs in JAX's default precision, and targets, for a case."""
    rng = np.random.default_rng(seed)
    shape = (EXAMPLES, case.entries)
    return _draw(case.outputs, rng, shape), _draw(case.targets, rng, shape)


def _draw(kind: str, rng: np.random.Generator, shape: tuple[int, ...]) -> Array:
    kind, _, one = kind.partition(" of ")
    z = rng.normal(size=shape)
    values = {
        "scores": 2 * z,
        "numbers": z,
        "whole numbers": np.round(2 * z).astype(np.int32),
        "signs": np.sign(z).astype(np.int32),
        "bits": (z > 0).astype(np.int32),
        "probabilities": 1 / (1 + np.exp(-z)),
        "distributions": np.exp(z) / np.exp(z).sum(axis=-1, keepdims=True),
        "labels": z.argmax(axis=-1).astype(np.int32),
    }[kind]
    values = values[..., 0] if one else values
    floating = np.issubdtype(values.dtype, np.floating)
    return jnp.asarray(values, jnp.result_type(float) if floating else jnp.int32)


class Evaluation(NamedTuple):
    """The losses, and their gradient by hand and by autodiff."""

    losses: Array
    by_hand: Array
    by_autodiff: Array


def evaluate_loss(loss: Loss, outputs: Array, targets: AnyArray) -> Evaluation:
    """Return what a loss says, with the gradient of the summed losses in two ways."""
    losses, pullback = jax.vjp(lambda y: loss.function(y, targets), outputs)
    by_autodiff = pullback(jnp.ones_like(losses))[0]
    return Evaluation(losses, loss.backward(outputs, targets), by_autodiff)


@functools.cache
def compiled(case_id: str) -> Callable[[AnyArray, AnyArray], Evaluation]:
    """Return `evaluate_loss` of a case as one program, which the tests share."""
    (case,) = [case for case in LOSSES if case.id == case_id]
    return jax.jit(lambda outputs, targets: evaluate_loss(case.loss, outputs, targets))


def differences(loss: Any, outputs: Array, targets: Array, *, step: float) -> Array:
    """Return the gradient of the summed losses by central differences."""

    def slope(direction: Array) -> Array:
        above, below = (loss(outputs + s * direction, targets).sum() for s in (step, -step))
        return (above - below) / (2 * step)

    directions = np.eye(outputs.size, dtype=outputs.dtype).reshape(-1, *outputs.shape)
    return jax.jit(lambda d: jax.vmap(slope)(d).reshape(outputs.shape))(directions)
