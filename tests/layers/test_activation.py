"""The activation layer: options, and its description."""

import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.functions.activations import get_activation
from jaxnet.layers import activation
from tests.comparison import assert_trees_close


def test_options_reach_the_function_and_its_rule(dtype: np.dtype) -> None:
    layer = activation("leaky_relu", negative_slope=0.25)
    y, residual, _ = layer.forward((), (), jnp.array([[-2.0, 3.0]], dtype), key=None, training=True)
    assert_trees_close(y, np.array([[-0.5, 3.0]], dtype))
    dx = layer.backward((), residual, jnp.array([[4.0, 8.0]], dtype))[1]
    assert_trees_close(dx, np.array([[1.0, 8.0]], dtype))


def test_the_description_tells_the_options() -> None:
    assert activation("relu").description.settings == {"function": "relu"}
    settings = {"function": "elu", "alpha": 0.5}
    assert activation("elu", alpha=0.5).description.settings == settings


def test_unknown_options() -> None:
    message = r"expected elu to have only alpha, got slope\."
    with pytest.raises(TypeError, match=message):
        activation("elu", slope=0.5)


@pytest.mark.parametrize("function", [jnp.sin, get_activation("elu")], ids=["function", "pair"])
def test_options_without_a_name(function) -> None:
    message = (
        r"expected options to come with a name, got alpha, beta\. "
        r"Bind them with functools\.partial"
    )
    with pytest.raises(TypeError, match=message):
        activation(function, alpha=0.5, beta=1.0)
