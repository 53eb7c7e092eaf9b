"""The polynomial machine: NumPy's polynomials, and orders as numbers of one program."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.data import Examples
from jaxnet.layers import Dense, powers
from jaxnet.networks import polynomial
from jaxnet.training import Recipe, grid, sweep


def test_it_is_numpy_s_polynomial(dtype: np.dtype) -> None:
    w, x = np.array([3.0, 3.0, 1.0, -0.5]), np.linspace(-2, 2, 9)
    params = ((), Dense(jnp.asarray(w[None, 1:], dtype), jnp.asarray(w[:1], dtype)))
    y, _ = polynomial(3).apply(params, ((), ()), jnp.asarray(x[:, None], dtype))
    np.testing.assert_allclose(y[:, 0], np.polynomial.Polynomial(w)(x), rtol=1e-6, atol=1e-6)


def test_a_swept_order_trains_as_a_machine_of_that_order() -> None:
    x = np.linspace(-1, 1, 12)
    values = (x**2 + 3 * x + 3)[:, None].astype(np.float32)
    points = Examples(x[:, None].astype(np.float32), values)
    runs: Any = {"key": jax.random.key(0), "epochs": 30, "batch_size": 4, "width": 1}

    def build(order: Any, degree: int = 4) -> Recipe:
        machine = polynomial(degree, order=order)
        return Recipe(machine, jaxnet.optim.momentum(0.05), loss="squared_error")

    result = sweep(build, points, settings=grid(order=[1, 2, 4]), **runs)
    for index, order in enumerate((1, 2, 4)):

        def narrow(order: Any, degree: int = order) -> Recipe:
            return build(order, degree)

        alone = sweep(narrow, points, settings=grid(order=[order]), **runs)
        wide, w = result.member(index).params[2], alone.member(0).params[2]
        np.testing.assert_allclose(wide.weights[:, :order], w.weights, rtol=1e-5, atol=1e-6)
        np.testing.assert_allclose(wide.bias, w.bias, rtol=1e-5)
        assert not wide.weights[:, order:].any()
    assert result.metrics["train_loss"][1, 0] < 0.2 * result.metrics["train_loss"][0, 0]


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: polynomial(0), "expected degree >= 1, got 0"),
        (lambda: polynomial(3, order=4), "expected order at most the width 3, got 4"),
        (lambda: powers(0), "expected degree >= 1, got 0"),
        (lambda: powers(2).out_shape((2,)), "expected in_shape to be (1,), got (2,)"),
    ],
    ids=["degree-0", "order-4", "powers-0", "two-variables"],
)
def test_bad_input(call: Any, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        call()
    assert message in str(caught.value)
