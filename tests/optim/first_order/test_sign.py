"""Optimizers of signs: steps by hand, scale invariance, weight decay."""

from typing import Any

import jax.numpy as jnp
import pytest

from jaxnet.optim import lion, sign_sgd
from tests.optim.first_order.updates import updates_of

ROWS = [2.0, -0.5, 0.0, 0.001]


def test_sign_sgd_by_hand() -> None:
    assert updates_of(sign_sgd(0.25), ROWS) == [-0.25, 0.25, 0.0, -0.25]


def test_lion_by_hand() -> None:
    """With b1 = .75, b2 = .5 and gradients 2, -2, -2, the momentum is 0, 1, -.5.

    It steps by the signs of .25 * 2 = .5, .75 - .5 = .25 and -.375 - .5 = -.875.
    """
    found = updates_of(lion(0.125, b1=0.75, b2=0.5, weight_decay=0.0), [2.0, -2.0, -2.0])
    assert found == [-0.125, -0.125, 0.125]
    found = updates_of(lion(0.125, b1=0.75, b2=0.5, weight_decay=0.5), [2.0, -2.0], w=4.0)
    assert found == [-0.125 - 0.125 * 0.5 * 4, -0.125 - 0.125 * 0.5 * 3.625]


def test_lion_without_momentum_is_sign_sgd() -> None:
    found = updates_of(lion(0.25, b1=0.0, b2=0.0, weight_decay=0.0), ROWS)
    assert found == updates_of(sign_sgd(0.25), ROWS)


@pytest.mark.parametrize(
    "optimizer", [sign_sgd(0.25), lion(0.25, weight_decay=0.0)], ids=["sign_sgd", "lion"]
)
def test_the_scale_of_gradients_does_not_count(optimizer: Any) -> None:
    scaled = updates_of(optimizer, [1024 * g for g in ROWS])
    assert scaled == updates_of(optimizer, ROWS)


def test_only_optax_decays_lion_by_default() -> None:
    zeros = [0.0]
    assert updates_of(lion(0.5), zeros, w=8.0) == pytest.approx([-0.5 * 1e-3 * 8])
    assert updates_of(lion(0.5, like="keras"), zeros, w=8.0) == [0.0]


def test_masked_leaves_are_not_decayed() -> None:
    params = {"bias": jnp.ones(1), "weights": jnp.ones(1)}
    optimizer: Any = lion(
        0.5, weight_decay=0.5, mask=lambda tree: {name: name != "bias" for name in tree}
    )
    zeros = {"bias": jnp.zeros(1), "weights": jnp.zeros(1)}
    updates, _ = optimizer.update(zeros, optimizer.init(params), params)
    assert (float(updates["bias"][0]), float(updates["weights"][0])) == (0.0, -0.25)


def test_bad_input() -> None:
    message = r"^expected b1 finite and in \[0, 1\), got 1\.0\.$"
    with pytest.raises(ValueError, match=message):
        lion(0.1, b1=1.0)
