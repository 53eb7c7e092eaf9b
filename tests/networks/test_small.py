"""The lectures' small networks: by hand, as layers, by autodiff, by scikit-learn."""

import functools
import re
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from jaxnet.core.trees import count_parameters
from jaxnet.layers import Dense
from jaxnet.networks import chain, perceptron, perceptron_pass, perceptron_rule, shared_linears
from tests.cases import LayerCase, over, random_like
from tests.comparison import assert_trees_close
from tests.law import assert_law, draw

# lecture 003: "What do you think the weight parameter is?"
INPUTS = [[10.0], [2.0], [3.5], [1.0]]
TARGETS = [10.1, 1.9, 3.4, 1.1]

CASES = [
    LayerCase("smallest", perceptron(1), (1,)),
    LayerCase("second-smallest", perceptron(2, bias=True), (2,)),
    LayerCase("sign", perceptron(3, activation="sign"), (3,)),
    LayerCase("step", perceptron(3, activation="step", bias=True), (3,)),
    LayerCase("chain", chain(activations=("tanh", "relu", "sigmoid")), (1,)),
    LayerCase("shared-linears", shared_linears(3, 4), (3,)),
]


_PASS = jax.jit(perceptron_pass, static_argnames="activation")


@over(CASES)
def test_backward_is_the_gradient_of_apply(case: LayerCase, dtype: np.dtype) -> None:
    params, statistics, x = draw(case)
    assert_law(case.layer, params, statistics, x)
    assert x.dtype == dtype


@pytest.mark.parametrize(
    ("network", "inputs", "parameters"),
    [
        (perceptron(1), 1, 1),
        (perceptron(2), 2, 2),
        (perceptron(2, bias=True), 2, 3),
        (chain(), 1, 4),
        (shared_linears(), 10, 1100),  # ten layers of 10 * 10 + 10
    ],
)
def test_parameter_count(network: Any, inputs: int, parameters: int) -> None:
    params, _ = jax.eval_shape(lambda key: network.init(key, (inputs,)), jax.random.key(0))
    assert count_parameters(params) == parameters


def test_sign_and_step_worked_by_hand(dtype: np.dtype) -> None:
    params = (Dense(jnp.ones((1, 1), dtype), None), ())
    x = jnp.array([[-2], [0], [3]], dtype)
    for activation, expected in {"sign": [-1, 0, 1], "step": [0, 1, 1]}.items():
        y, _ = perceptron(1, activation=activation).apply(params, ((), ()), x)
        assert_trees_close(y, np.array(expected, dtype)[:, None])


def test_one_pass_worked_by_hand(dtype: np.dtype) -> None:
    # w = 0, learning rate 1/100:
    # x = 10:  v - y = 10.1 - 0             w = 0 + .01 * 10.1 * 10           = 1.01
    # x = 2:   v - y = 1.9 - 2.02 = -.12    w = 1.01 - .01 * .12 * 2          = 1.0076
    # x = 3.5: v - y = 3.4 - 3.5266         w = 1.0076 - .01 * .1266 * 3.5    = 1.003169
    # x = 1:   v - y = 1.1 - 1.003169       w = 1.003169 + .01 * .096831      = 1.00413731
    path = perceptron_pass(
        jnp.zeros(1, dtype),
        jnp.array(INPUTS, dtype),
        jnp.array(TARGETS, dtype),
        learning_rate=0.01,
    )
    expected = np.array([[1.01], [1.0076], [1.003169], [1.00413731]], dtype)
    assert_trees_close(path, expected)


def test_passes_approach_least_squares(float64: np.dtype) -> None:
    # sum x v / sum x^2 = 117.8 / 117.25; a cycle over samples ends within O(learning rate) of it
    x, v = jnp.array(INPUTS), jnp.array(TARGETS)
    weights = jnp.zeros(1)
    for _ in range(200):
        weights = _PASS(weights, x, v, learning_rate=1e-3)[-1]
    assert weights.dtype == float64
    assert float(weights[0]) == pytest.approx(117.8 / 117.25, abs=5e-4)


def test_the_lectures_rate_of_1_is_too_large_for_the_lectures_data(dtype: np.dtype) -> None:
    # w = 0 + 10.1 * 10 = 101;  101 + (1.9 - 202) * 2 = -299.2;
    # -299.2 + (3.4 + 1047.2) * 3.5 = 3377.9;  3377.9 + (1.1 - 3377.9) = 1.1
    path = perceptron_pass(jnp.zeros(1, dtype), jnp.array(INPUTS, dtype), jnp.array(TARGETS, dtype))
    assert_trees_close(path, np.array([[101], [-299.2], [3377.9], [1.1]], dtype))


@pytest.mark.parametrize("inputs", [1, 2])
def test_the_linear_rule_is_a_step_of_gradient_descent(inputs: int, dtype: np.dtype) -> None:
    weights, x, v = random_like(
        (jnp.zeros(inputs, dtype), jnp.zeros(inputs, dtype), jnp.zeros((), dtype))
    )
    rule = jax.jit(perceptron_rule)
    updated = rule(weights, x, v, learning_rate=0.3)

    def risk(weights: jax.Array) -> jax.Array:
        return (v - weights @ x) ** 2 / 2

    @jax.jit
    def by_the_layer(weights: jax.Array) -> jax.Array:
        layer, params = perceptron(inputs), (Dense(weights[None, :], None), ())
        y, kept, _ = layer.forward(params, ((), ()), x[None, :], key=None, training=True)
        (gradient, _), _ = layer.backward(params, kept, y - v)
        return gradient.weights[0]

    gradient, w = np.asarray(jax.jit(jax.grad(risk))(weights)), np.asarray(weights)
    rate = dtype.type(0.3)
    assert_trees_close(updated, w - rate * gradient)
    # the lecture's rate of 1: w moves by minus the gradient
    assert_trees_close(rule(weights, x, v), w - gradient)
    # and by the layer's own backward pass
    assert_trees_close(updated, w - rate * np.asarray(by_the_layer(weights)))


def test_each_step_of_a_pass_is_the_rule(dtype: np.dtype) -> None:
    weights, x, v = random_like(
        (jnp.zeros(3, dtype), jnp.zeros((5, 3), dtype), jnp.zeros(5, dtype))
    )
    path = _PASS(weights, x, v, learning_rate=0.1, activation="sign")
    rule = jax.jit(functools.partial(perceptron_rule, activation="sign"))
    for n in range(5):
        weights = rule(weights, np.asarray(x)[n], np.asarray(v)[n], learning_rate=0.1)
        assert_trees_close(np.asarray(path)[n], weights)


def test_rosenblatts_rule_worked_by_hand(dtype: np.dtype) -> None:
    # AND of two inputs, index 0 the constant 1, from zero weights, with step:
    # (1, 0, 0) 0: z = 0, y = 1: w = (-1, 0, 0);   (1, 0, 1) 0: z = -1, y = 0;
    # (1, 1, 0) 0: z = -1, y = 0;                  (1, 1, 1) 1: z = -1, y = 0: w = (0, 1, 1)
    x = jnp.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]], jnp.uint8)
    v = jnp.array([0, 0, 0, 1], jnp.int32)
    path = perceptron_pass(jnp.zeros(3, dtype), x, v, activation="step")
    assert_trees_close(path, np.array([[-1, 0, 0], [-1, 0, 0], [-1, 0, 0], [0, 1, 1]], dtype))


def test_rosenblatts_rule_equals_scikit_learn(float64: np.dtype) -> None:
    from sklearn.linear_model import Perceptron

    rng = np.random.default_rng(0)
    x, start = rng.normal(size=(60, 4)), rng.normal(size=4)
    labels = (x @ [1, -2, 3, 0.5] + rng.normal(size=60) > 0).astype(int)  # not separable
    options: dict[str, Any] = {"shuffle": False, "fit_intercept": False, "tol": None}
    peer: Any = Perceptron(max_iter=1, eta0=0.3, **options)
    peer.fit(x, labels, coef_init=start.copy()[None])  # which it overwrites
    options = {"learning_rate": 0.3, "activation": "step"}
    path = perceptron_pass(jnp.asarray(start), jnp.asarray(x), jnp.asarray(labels), **options)
    assert_trees_close(path[-1], peer.coef_[0])
    # with labels -1 and 1 a mistake counts double
    options = {"learning_rate": 0.15, "activation": "sign"}
    signs = jnp.asarray(2 * labels - 1)
    by_sign = perceptron_pass(jnp.asarray(start), jnp.asarray(x), signs, **options)
    assert_trees_close(by_sign, path)
    assert path.dtype == float64


@pytest.mark.parametrize("activation", ["step", "sign"])
@settings(max_examples=30)
@given(seed=st.integers(0, 10_000), margin=st.floats(0.1, 1))
def test_rosenblatts_rule_converges_on_separable_data(
    activation: str, seed: int, margin: float
) -> None:
    rng = np.random.default_rng(seed)
    direction = rng.normal(size=3)
    direction /= np.linalg.norm(direction)
    x = rng.normal(size=(20, 3))
    positive = x @ direction > 0
    x += margin * np.where(positive, 1, -1)[:, None] * direction
    smallest = np.abs(x @ direction).min()
    # Novikoff: (R / g)^2 with step. With sign a mistake moves w by 2 x, or by x where z is 0,
    # which leaves (sum c)^2 <= (R / g)^2 sum c^2 with c in {1, 2}: four times as many at most.
    bound = (np.linalg.norm(x, axis=1).max() / smallest) ** 2 * {"step": 1, "sign": 4}[activation]
    low = {"step": 0.0, "sign": -1.0}[activation]
    x, targets = jnp.asarray(x, jnp.float32), jnp.asarray(np.where(positive, 1, low), jnp.float32)
    weights, mistakes = jnp.zeros(3, jnp.float32), 0
    for _ in range(int(bound) + 2):
        path = np.concatenate([weights[None], _PASS(weights, x, targets, activation=activation)])
        moved = int(np.any(path[1:] != path[:-1], axis=1).sum())
        weights, mistakes = jnp.asarray(path[-1]), mistakes + moved
        if not moved:
            break
    assert mistakes <= bound
    assert np.array_equal(np.asarray(x @ weights) > 0, positive)


def test_without_a_separating_plane_the_rule_goes_on(float64: np.dtype) -> None:
    # XOR, constant 1 at index 0: Minsky and Papert 1969
    x = jnp.array([[1, 0, 0], [1, 0, 1], [1, 1, 0], [1, 1, 1]], float64)
    targets, weights = jnp.array([0.0, 1.0, 1.0, 0.0]), jnp.zeros(3)
    for _ in range(50):
        path = np.concatenate([weights[None], _PASS(weights, x, targets, activation="step")])
        assert np.any(path[1:] != path[:-1])  # a mistake in every pass
        weights = jnp.asarray(path[-1])


def test_learning_rates_can_be_swept_over(dtype: np.dtype) -> None:
    weights, x, v = jnp.zeros(1, dtype), jnp.array(INPUTS, dtype), jnp.array(TARGETS, dtype)
    rates = jnp.array([0.01, 0.001], dtype)
    one = jax.jit(lambda rate: perceptron_pass(weights, x, v, learning_rate=rate))
    for path, rate in zip(np.asarray(jax.jit(jax.vmap(one))(rates)), (0.01, 0.001), strict=True):
        assert_trees_close(path, one(rate))


def test_shared_linears_is_the_loop_of_the_lecture(dtype: np.dtype) -> None:
    case = LayerCase("shared", shared_linears(3, 5), (3,))
    params, statistics, x = draw(case)
    expected, params = np.asarray(x), jax.tree.map(np.asarray, params)
    for i, layer in enumerate(params):
        again = params[i // 2]
        z = expected @ again.weights.T + again.bias[None, :]
        expected = z + (expected @ layer.weights.T + layer.bias[None, :])
    assert_trees_close(jax.jit(case.layer.apply)(params, statistics, x)[0], expected)
    assert x.dtype == dtype


ONES = jnp.ones(2)
MISTAKES = [
    pytest.param(lambda: perceptron(0), "expected inputs >= 1, got 0.", id="inputs"),
    pytest.param(
        lambda: perceptron(2, activation="relu"),
        "expected activation to be one of linear, sign, step, got 'relu'.",
        id="activation",
    ),
    pytest.param(
        lambda: perceptron_rule(ONES, ONES, 1.0, activation="steps"),
        "expected activation to be one of linear, sign, step, got 'steps'. Did",
        id="rule-activation",
    ),
    pytest.param(
        lambda: perceptron_rule(ONES, ONES, 1.0, learning_rate=-1.0),
        "expected learning_rate finite and in [0, inf), got -1.0.",
        id="learning-rate",
    ),
    pytest.param(
        lambda: perceptron_rule(ONES, jnp.ones((3, 2)), 1.0),
        "expected x of shape (2,), got (3, 2). perceptron_pass takes several.",
        id="several",
    ),
    pytest.param(
        lambda: perceptron_pass(ONES, jnp.ones((3, 3)), jnp.ones(3)),
        "expected x of shape (2,), got (3,). perceptron_pass takes several.",
        id="inputs-of-another-width",
    ),
    pytest.param(
        lambda: perceptron_pass(ONES, jnp.ones((3, 2)), jnp.ones((3, 1))),
        "expected targets of shape (3,), got (3, 1).",
        id="targets",
    ),
    pytest.param(lambda: shared_linears(3, 0), "expected linears >= 1, got 0.", id="linears"),
]


@pytest.mark.parametrize(("call", "message"), MISTAKES)
def test_mistakes_raise(call: Any, message: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(message)}"):
        call()
