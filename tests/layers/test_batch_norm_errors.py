"""Bad input to batch normalization: error messages."""

import math
import re
from typing import Any

import jax
import jax.numpy as jnp
import pytest

from jaxnet.layers import batch_norm, serial
from jaxnet.layers.batch_norm import ConventionName


@pytest.mark.parametrize("momentum", [-0.1, 1.5, math.nan, math.inf])
@pytest.mark.parametrize("convention", ["lecture", "torch"])
def test_momentum_out_of_range(convention: ConventionName, momentum: float) -> None:
    message = f"expected momentum finite and in [0, 1], got {momentum}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        batch_norm(like=convention, momentum=momentum)


@pytest.mark.parametrize("eps", [0, 0.0, -1e-5, math.nan, math.inf])
def test_eps_out_of_range(eps: float) -> None:
    message = f"expected eps finite and in (0, inf), got {eps}."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        batch_norm(eps=eps)


@pytest.mark.parametrize(
    ("name", "hint"),
    [("pytorch", "Did you mean 'torch'?"), ("caffe", "")],
)
def test_unknown_convention(name: Any, hint: str, no_type_checks: None) -> None:
    message = f"expected like to be one of flax, keras, lecture, torch, got '{name}'. {hint}"
    with pytest.raises(ValueError, match=f"^{re.escape(message.rstrip())}$"):
        batch_norm(like=name)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("shape", [(3,), (4, 2), (4, 3, 1), ()])
def test_wrong_shape(shape: tuple[int, ...], training: bool) -> None:
    layer = batch_norm()
    params, statistics = layer.init(jax.random.key(0), (3,))
    message = f"expected x of shape (batch, 3), got {shape}. For one example use x[None]."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        layer.apply(params, statistics, jnp.ones(shape), training=training)


def test_no_examples() -> None:
    layer = serial(batch_norm())
    params, statistics = layer.init(jax.random.key(0), (2,))
    message = "expected x to hold 1 example or more, got (0, 2)."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        layer.apply(params, statistics, jnp.ones((0, 2)), training=True)
    y, _ = layer.apply(params, statistics, jnp.ones((0, 2)))
    assert y.shape == (0, 2)


def test_whole_numbers() -> None:
    layer = batch_norm()
    params, statistics = layer.init(jax.random.key(0), (2,))
    message = "expected x to be floating-point, got uint8. x.astype(jnp.float32) converts."
    with pytest.raises(TypeError, match=f"^{re.escape(message)}$"):
        layer.apply(params, statistics, jnp.ones((4, 2), jnp.uint8), training=True)
