"""Schedules equal optax's at every count, and end where they say."""

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet.functions.schedules import cosine_decay


@pytest.mark.parametrize("alpha", [0.0, 0.1])
def test_cosine_decay_equals_optax(dtype: np.dtype, alpha: float) -> None:
    counts = jnp.arange(15)
    ours = jax.vmap(cosine_decay(0.3, 10, alpha=alpha))(counts)
    with jax.numpy_dtype_promotion("standard"):
        theirs = jax.vmap(optax.cosine_decay_schedule(0.3, 10, alpha))(counts)
    assert ours.dtype == dtype
    eps = np.finfo(dtype).eps
    np.testing.assert_allclose(ours, theirs, rtol=4 * eps, atol=eps)


def test_it_can_be_swept_over() -> None:
    rates = jnp.array([0.1, 0.2])
    halfway = jax.jit(jax.vmap(lambda rate: cosine_decay(rate, 4)(jnp.array(2))))(rates)
    np.testing.assert_allclose(halfway, rates / 2, rtol=1e-6)


def test_an_optimizer_follows_it() -> None:
    optimizer = jaxnet.optim.sgd(cosine_decay(1.0, 4))
    state, steps = optimizer.init(jnp.zeros(())), []
    for _ in range(5):
        updates, state = optimizer.update(jnp.ones(()), state)
        steps.append(-np.asarray(updates))
    # (1 + cos(pi t / 4)) / 2 for t = 0, 1, 2, 3, 4
    np.testing.assert_allclose(steps, [1.0, 0.853553, 0.5, 0.146447, 0.0], atol=1e-6)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((-0.1, 10), r"init_value finite and in \[0, inf\), got -0.1"),
        ((float("nan"), 10), r"init_value finite and in \[0, inf\), got nan"),
        ((0.1, 0), "decay_steps >= 1, got 0"),
    ],
)
def test_out_of_range(arguments: tuple[float, int], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        cosine_decay(*arguments)


def test_alpha_out_of_range() -> None:
    with pytest.raises(ValueError, match=r"alpha finite and in \[0, 1\], got 1.5"):
        cosine_decay(0.1, 10, alpha=1.5)
