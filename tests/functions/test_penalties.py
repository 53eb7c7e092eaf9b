"""Penalties worked by hand, by autodiff, and by the updates of optax and PyTorch."""

import re
from typing import Any, cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st

from jaxnet.functions.penalties import (
    PENALTIES,
    as_penalty,
    elastic_net,
    every_leaf,
    get_penalty,
    l1,
    l1_backward,
    l2,
    l2_backward,
    max_norm,
    soft_threshold,
    weights_only,
)
from jaxnet.layers import Dense
from jaxnet.layers.batch_norm import BatchNorm
from jaxnet.networks.small import Chain
from tests.comparison import Tolerance, assert_trees_close
from tests.peers import need, peers

OPTIONS = {
    "l1": {"strength": 0.3},
    "l2": {"strength": 0.3},
    "elastic_net": {"l1_strength": 0.3, "l2_strength": 0.7},
}
names = pytest.mark.parametrize("name", sorted(PENALTIES))
masks = pytest.mark.parametrize("mask", [weights_only, every_leaf])


def _layer(weights: Any, bias: Any) -> Dense:
    return Dense(weights, bias)


def _params(dtype: np.dtype) -> Any:
    """Return a network's parameters, a layer without bias and a weight of 0 among them."""
    rng = np.random.default_rng(0)

    def draw(*shape: int) -> jax.Array:
        return jnp.asarray(rng.normal(size=shape), dtype)

    weights = np.array(draw(3, 4))
    weights[1, 2] = 0.0
    first = Dense(jnp.asarray(weights), draw(3))
    return first, (), Dense(draw(2, 3), None), {"scale": draw(2)}


project = jax.jit(max_norm)


def summed(name: str, *, mask: Any = weights_only) -> Any:
    """Return a penalty of `OPTIONS` and its gradient by hand, as one program."""
    penalty = get_penalty(name, **OPTIONS[name], mask=mask)
    return jax.jit(lambda params: (penalty.function(params), penalty.backward(params)))


# lecture 004: weights after t2 and t3 iterations, the risk there, and their penalized risk
@pytest.mark.parametrize(
    ("weights", "risk", "penalized", "printed"),
    [
        ((3.03, 2.97, 0.98, 0.21, 0.12, 0.09), 0.01, 19.04, 5e-3),
        # 5.5696 + 19.6249 + 9.7969 + 4.41 + 3.9204 + 1.44 = 44.7618 to all digits
        ((2.36, 4.43, 3.13, -2.1, 1.98, -1.2), 0.001, 44.76, 5e-3),
    ],
)
def test_penalized_risk_of_the_lecture(
    weights: tuple[float, ...], risk: float, penalized: float, printed: float, dtype: np.dtype
) -> None:
    total = risk + l2(jnp.array(weights, dtype), 1.0)
    assert float(total) == pytest.approx(penalized, abs=printed)


def test_l2_prefers_weights_that_are_spread(dtype: np.dtype) -> None:
    x = jnp.ones(4, dtype)
    one, spread = jnp.array([1.0, 0, 0, 0], dtype), jnp.full(4, 0.25, dtype)
    assert_trees_close(x @ one, x @ spread)  # lecture 002: they predict alike
    assert (float(l2(one, 1.0)), float(l2(spread, 1.0))) == (1.0, 0.25)
    assert float(l1(one, 1.0)) == float(l1(spread, 1.0)) == 1.0


def test_penalties_and_gradients_worked_by_hand(dtype: np.dtype) -> None:
    params = Dense(jnp.array([[3.0, -4.0], [0.0, 1.0]], dtype), jnp.array([5.0, -6.0], dtype))
    zero = np.zeros(2, dtype)
    # sum |w| = 8, sum w^2 = 26
    for name, value, gradient in (
        ("l1", 0.3 * 8, [[0.3, -0.3], [0.0, 0.3]]),
        ("l2", 0.3 * 26, [[1.8, -2.4], [0.0, 0.6]]),
        ("elastic_net", 0.3 * 8 + 0.7 * 26, [[4.5, -5.9], [0.0, 1.7]]),
    ):
        expected = np.array(value, dtype), _layer(np.array(gradient, dtype), zero)
        assert_trees_close(summed(name)(params), expected)
    # biases too: sum b^2 = 61
    assert_trees_close(l2(params, 0.5, mask=every_leaf), np.array(43.5, dtype))


@names
@masks
def test_gradient_equals_autodiff(name: str, mask: Any, dtype: np.dtype) -> None:
    penalty = get_penalty(name, **OPTIONS[name], mask=mask)
    params = _params(dtype)
    by_autodiff = jax.jit(jax.grad(penalty.function))(params)
    by_hand = jax.jit(penalty.backward)(params)
    assert_trees_close(by_hand, by_autodiff)
    broken = by_hand[0]._replace(weights=1.001 * by_hand[0].weights), *by_hand[1:]
    with pytest.raises(AssertionError, match="weights: error"):
        assert_trees_close(broken, by_autodiff)


@names
def test_strengths_can_be_traced(name: str, dtype: np.dtype) -> None:
    params, numbers = _params(dtype), OPTIONS[name]
    strengths = {option: jnp.array([value, 0.0], dtype) for option, value in numbers.items()}
    values = jax.jit(jax.vmap(lambda s: PENALTIES[name](params, **s)))(strengths)
    expected = np.asarray(summed(name)(params)[0])
    assert_trees_close(values, np.stack([expected, np.zeros_like(expected)]))


def test_soft_threshold_minimizes_l1_plus_the_distance(dtype: np.dtype) -> None:
    # its definition: the least of |u - w|^2 / 2 + t |u|, here on a fine grid of u
    w, t = np.array([1.5, 0.2, 0.0, -0.4, -3.0], dtype), 0.5
    u = np.linspace(-4, 4, 8001)
    least = u[np.argmin(0.5 * (u[:, None] - w) ** 2 + t * np.abs(u)[:, None], axis=0)]
    shrunk = soft_threshold(Dense(jnp.array(w), jnp.array(w)), t)
    np.testing.assert_allclose(shrunk.weights, least, atol=1e-3)
    assert shrunk.weights[1] == 0
    np.testing.assert_array_equal(shrunk.bias, w)  # no weight
    np.testing.assert_array_equal(soft_threshold(jnp.array(w), 0.0), w)


@pytest.mark.usefixtures("no_type_checks")
def test_soft_threshold_refuses_what_is_below_0() -> None:
    with pytest.raises(ValueError, match="expected threshold finite and in"):
        soft_threshold(jnp.ones(2), -0.1)


def test_l2_is_weight_decay_of_twice_its_strength(dtype: np.dtype) -> None:
    params = _params(dtype)
    decay = optax.add_decayed_weights(0.6, mask=weights_only)
    zero = jax.tree.map(np.zeros_like, params)
    with jax.numpy_dtype_promotion("standard"):
        expected, _ = decay.update(zero, decay.init(params), params)
        norm = jax.jit(lambda p: optax.tree.norm(p, squared=True))(params)
    assert_trees_close(jax.jit(l2_backward)(params, 0.3), expected)
    assert_trees_close(jax.jit(lambda p: l2(p, 1.0, mask=every_leaf))(params), norm)


@peers
def test_l2_is_the_weight_decay_of_torch(dtype: np.dtype) -> None:
    torch = need("torch")
    w = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), dtype)
    peer = torch.tensor(np.asarray(w), requires_grad=True)
    optimizer = torch.optim.SGD([peer], lr=0.1, weight_decay=0.6)
    peer.grad = torch.zeros_like(peer)
    optimizer.step()
    assert_trees_close(w - 0.1 * l2_backward(w, 0.3), peer.detach().numpy())


@peers
def test_elastic_net_equals_torch(dtype: np.dtype) -> None:
    torch = need("torch")
    w = jnp.asarray(np.random.default_rng(0).normal(size=(3, 4)), dtype)
    peer = torch.tensor(np.asarray(w), requires_grad=True)
    total = 0.3 * peer.abs().sum() + 0.7 * peer.square().sum()
    total.backward()
    assert_trees_close(elastic_net(w, 0.3, 0.7), total.detach().numpy())
    backward = get_penalty("elastic_net", l1_strength=0.3, l2_strength=0.7).backward
    assert_trees_close(backward(w), peer.grad.numpy())


def test_weights_are_recognized_by_name(dtype: np.dtype) -> None:
    params = _params(dtype)
    assert weights_only(params) == (_layer(True, False), (), _layer(True, None), {"scale": False})
    assert every_leaf(params) == (_layer(True, True), (), _layer(True, None), {"scale": True})
    one = jnp.ones((), dtype)
    assert weights_only(one) is True
    assert weights_only([one, {0: one}]) == [True, {0: True}]
    assert weights_only(Chain(one, one, one, one)) == (True, False, True, True)
    inside, outside = (
        ["w1", "weights", "kernel", "0.weight", "bias.weights", "basis", "beta1", "scales"],
        ["b", "b2", "b10", "bias", "0.bias", "scale", "bn.offset", "gamma", "beta"],
    )
    table = dict.fromkeys(inside, True) | dict.fromkeys(outside, False)
    image = jnp.ones((2, 3), dtype)
    assert weights_only(BatchNorm(image, image)) == (False, False)
    for rank in range(3):  # whatever it is
        assert weights_only(dict.fromkeys(table, jnp.ones((2,) * rank, dtype))) == table
    # what has no name of its own has that of the whole
    assert weights_only({"bias": [one, (one, {1: one})]}) == {"bias": [False, (False, {1: False})]}


def test_no_weights_no_penalty(dtype: np.dtype) -> None:
    bias = {"bias": jnp.ones(3, dtype)}
    assert_trees_close(l2(bias, 1.0), np.zeros((), dtype))
    assert_trees_close(l2((), 1.0), np.zeros((), dtype))
    assert_trees_close(l2_backward(bias, 1.0), {"bias": np.zeros(3, dtype)})


def test_leaves_of_several_precisions(float64: np.dtype) -> None:
    params = {"half": jnp.full((1, 2), 2.0, jnp.bfloat16), "single": jnp.ones((1, 1), jnp.float32)}
    assert_trees_close(l2(params, 0.5), np.array(4.5, np.float32))
    kinds = {leaf.dtype for leaf in jax.tree.leaves(l2_backward(params, 0.5))}
    assert kinds == {jnp.dtype("bfloat16"), jnp.dtype("float32")}
    assert jnp.result_type(float) == float64


def test_custom_penalty(dtype: np.dtype) -> None:
    def cubes(params: Any) -> jax.Array:
        return jnp.sum(params**3)

    penalty, w = as_penalty(cubes), jnp.array([[1.0, 2.0]], dtype)
    assert_trees_close(penalty.backward(w), np.array([[3.0, 12.0]], dtype))
    assert as_penalty(penalty) is penalty


# rows of norm 5, 13, 1 and 0
ROWS = [[3.0, 4.0], [5.0, -12.0], [0.6, 0.8], [0.0, 0.0]]


def test_max_norm_by_hand(dtype: np.dtype) -> None:
    params = Dense(jnp.array(ROWS, dtype), jnp.full(4, 9.0, dtype))
    projected = jax.tree.map(np.asarray, project(params, 2.5))
    third = np.asarray(params.weights)[2]
    expected = np.array([[1.5, 2.0], [12.5 / 13, -30 / 13], third, [0.0, 0.0]], dtype)
    assert_trees_close(projected, _layer(expected, np.full(4, 9.0, dtype)))
    np.testing.assert_array_equal(projected.weights[2:], np.asarray(params.weights)[2:])
    assert_trees_close(max_norm(params, 2.5), projected)  # op by op


@peers
def test_max_norm_equals_optax_and_torch(dtype: np.dtype) -> None:
    torch = need("torch")
    w = jnp.asarray(np.random.default_rng(0).normal(size=(6, 3)), dtype)
    ours = max_norm(w, 1.5)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        projected = jax.vmap(lambda row: optax.projections.projection_l2_ball(row, 1.5))(w)
    assert_trees_close(ours, projected)
    # PyTorch divides by the norm plus 1e-7
    peer = torch.renorm(torch.tensor(np.asarray(w)), p=2, dim=0, maxnorm=1.5).numpy()
    assert_trees_close(ours, peer, tolerance=Tolerance(rtol=3e-7, floor=0.0))


def test_max_norm_of_vectors_and_scalars(dtype: np.dtype) -> None:
    params = Chain(*(jnp.array(v, dtype) for v in (-7.0, 9.0, [3.0, 4.0], [[[0.6, 0.8]]])))
    expected = (-2.5, 9.0, [1.5, 2.0], [[[0.6, 0.8]]])  # b1 is no weight
    assert_trees_close(project(params, 2.5), Chain(*(jnp.array(v, dtype) for v in expected)))


@pytest.mark.parametrize(
    ("row", "kind"), [([3e25, 4e25], "float32"), ([300, 0], "float16"), ([3e-30, 4e-30], "float32")]
)
def test_max_norm_of_rows_whose_squares_overflow_or_vanish(row: list[float], kind: str) -> None:
    w, limit = jnp.array([row], kind), 0.5 if max(row) > 1 else 1e-30
    expected = np.array([row]) / np.linalg.norm(row) * limit
    np.testing.assert_allclose(np.float64(project(w, limit)), expected, rtol=1e-6)
    # a sum of 100,000 ones is above all that float16 has
    ones = np.ones((1, 100_000), np.float16)
    np.testing.assert_allclose(np.float64(project(ones, 10**2.5)), 1.0, rtol=1e-3)
    assert np.asarray(project(ones, 10.0)).min() > 0


@given(st.lists(st.floats(-1e3, 1e3), min_size=4, max_size=4), st.floats(0.01, 100.0))
def test_max_norm_is_a_projection(row: list[float], limit: float) -> None:
    with jax.enable_x64(True):
        w = np.array([row])
        once = np.asarray(project(w, limit))
        assert np.linalg.norm(once) <= limit * (1 + 1e-14)
        assert_trees_close(project(once, limit), once)
        if np.linalg.norm(w) < limit * (1 - 1e-14):
            np.testing.assert_array_equal(once, w)


def test_max_norm_can_be_differentiated_at_zero(dtype: np.dtype) -> None:
    gradient = jax.jit(jax.grad(lambda w: jnp.sum(max_norm(w, 1.0))))(jnp.zeros((2, 3), dtype))
    assert_trees_close(gradient, np.ones((2, 3), dtype))


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda w: get_penalty("lasso", strength=1.0), ValueError,
         "expected name to be one of elastic_net, l1, l2, got 'lasso'. Did you mean 'l1'?"),
        (lambda w: get_penalty("l2", lamda=1.0), ValueError,
         "expected options of l2 to be among strength, mask, got 'lamda'. Leave it "
         "out."),
        (lambda w: get_penalty("elastic_net", l1_strength=1.0), ValueError,
         "expected options of elastic_net to include l1_strength, l2_strength, got l1_strength."),
        (lambda w: l2(w, -1.0), ValueError,
         "expected strength finite and in [0, inf), got -1.0."),
        (lambda w: elastic_net(w, 1.0, -1.0), ValueError,
         "expected l2_strength finite and in [0, inf), got -1.0."),
        (lambda w: max_norm(w, 0.0), ValueError,
         "expected limit finite and in (0, inf), got 0.0."),
        (lambda w: l1(w, 1.0, mask=lambda params: (True, True)), TypeError,
         "expected mask to return one bool for each parameter array, got another tree."),
        (lambda w: l2({"w": np.ones(2, np.int32), "b": np.arange(2)}, 0.5), TypeError,
         "expected params['w'] to be floating-point, got int32. params['w'].astype("
         "jnp.float32) converts."),
        (lambda w: l1_backward(np.ones(2, np.int32), 0.5), TypeError,
         "expected params to be floating-point, got int32. params.astype(jnp.float32) "
         "converts."),
        (lambda w: max_norm((w, np.ones(2, np.uint8)), 0.5), TypeError,
         "expected params[1] to be floating-point, got uint8. params[1].astype("
         "jnp.float32) converts."),
        (lambda w: as_penalty(cast(Any, "l2")), TypeError,
         "expected penalty to be a function of the parameters, got 'l2'. For a name "
         "take get_penalty(name, strength=1e-4)."),
    ],
)  # fmt: skip
def test_bad_input(call: Any, error: type[Exception], message: str) -> None:
    with pytest.raises(error, match=f"^{re.escape(message)}$"):
        call(jnp.ones((2, 2)))
