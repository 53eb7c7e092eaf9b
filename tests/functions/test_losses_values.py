"""Losses worked by hand, printed in the lectures, and computed by optax, PyTorch and sklearn."""

from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.metrics import (
    hinge_loss,
    log_loss,
    mean_pinball_loss,
    mean_squared_error,
    zero_one_loss,
)

from jaxnet.core.types import Array
from jaxnet.functions.losses import (
    categorical_cross_entropy,
    categorical_cross_entropy_backward,
    entropy,
    get_loss,
    kl_divergence,
    log_cosh,
    smooth_labels,
    softmax_cross_entropy,
    softmax_cross_entropy_backward,
)
from tests.comparison import assert_trees_close, assert_within_ulps
from tests.loss_cases import LOSSES, LossCase, compiled, draw_loss, evaluate_loss
from tests.peers import need, peers

LOG2, LOG3 = np.log(2), np.log(3)

# loss, options, outputs of two examples, targets, losses, gradient
BY_HAND: list[tuple[str, dict[str, Any], list, list, list, list]] = [
    ("absolute_error", {}, [[1, -2], [3, 0]], [[0, 1], [1, 0]], [4, 2], [[1, -1], [1, 0]]),
    ("squared_error", {}, [[1, -2], [3, 0]], [[0, 1], [1, 0]], [10, 4], [[2, -6], [4, 0]]),
    ("half_squared_error", {}, [[1, -2], [3, 0]], [[0, 1], [1, 0]], [5, 2], [[1, -3], [2, 0]]),
    ("mean_squared_error", {}, [[1, -2], [3, 0]], [[0, 1], [1, 0]], [5, 2], [[1, -3], [2, 0]]),
    # 4^1.5 + 9^1.5 = 8 + 27, slopes 1.5 * 2 and 1.5 * 3
    ("minkowski_error", {}, [[4, -9], [1, 0]], [[0, 0], [0, 0]], [35, 1], [[3, -4.5], [1.5, 0]]),
    ("huber", {}, [[0.5, 3], [-2, 1]], [[0, 0], [0, 0]], [2.625, 2], [[0.5, 1], [-1, 1]]),
    # 1/2 2^2 = 2; 2 (3 - 2 / 2) = 4
    ("huber", {"delta": 2}, [[2], [-3]], [[0], [0]], [2, 4], [[2], [-2]]),
    # cosh log 3 = (3 + 1/3) / 2 = 5/3, tanh log 3 = (9 - 1) / (9 + 1)
    ("log_cosh", {}, [[LOG3], [-LOG3]], [[0], [0]], [np.log(5 / 3)] * 2, [[0.8], [-0.8]]),
    ("zero_one", {}, [[2, 1], [0, 3]], [0, 0], [0, 1], [[0, 0], [0, 0]]),
    ("zero_one", {"threshold": 0.5}, [[0.4], [0.6]], [-1, -1], [0, 1], [[0], [0]]),
    ("hinge", {}, [[0.5, -3], [2, -1]], [[1, 1], [1, 1]], [4.5, 2], [[-1, -1], [0, -1]]),
    ("squared_hinge", {}, [[0.5, -3], [2, -1]], [[1, 1], [1, 1]], [16.25, 4], [[-1, -8], [0, -4]]),
    ("perceptron", {}, [[0.5, -3], [2, -1]], [[1, 1], [1, -1]], [3, 0], [[0, -1], [0, 0]]),
    ("binary_cross_entropy", {}, [[0.5], [0.25]], [1, 0], [LOG2, np.log(4 / 3)], [[-2], [4 / 3]]),
    # sigmoid(log 3) = 3/4
    ("sigmoid_binary_cross_entropy", {}, [[LOG3], [LOG3]], [1, 0],
     [np.log(4 / 3), np.log(4)], [[-1 / 4], [3 / 4]]),
    ("categorical_cross_entropy", {}, [[0.25, 0.75], [0.5, 0.5]], [0, 1],
     [np.log(4), LOG2], [[-4, 0], [0, -2]]),
    # softmax(0, log 3) = (1/4, 3/4)
    ("softmax_cross_entropy", {}, [[0, LOG3], [1, 1]], [0, 1],
     [np.log(4), LOG2], [[-3 / 4, 3 / 4], [1 / 2, -1 / 2]]),
    # v = (3/4, 1/4): 3/4 log 4 + 1/4 log(4/3), gradient (1/4, 3/4) - v
    ("softmax_cross_entropy", {"label_smoothing": 0.5}, [[0, LOG3], [1, 1]], [0, 1],
     [np.log(4) - LOG3 / 4, LOG2], [[-1 / 2, 1 / 2], [1 / 4, -1 / 4]]),
    # 1/2 log 2 + 1/2 log(2/3) = log 2 - 1/2 log 3
    ("kl_divergence", {}, [[0.25, 0.75], [0.25, 0.75]], [[0.5, 0.5], [0, 1]],
     [LOG2 - LOG3 / 2, np.log(4 / 3)], [[-2, -2 / 3], [0, -4 / 3]]),
    ("softmax_kl_divergence", {}, [[0, LOG3], [0, LOG3]], [[0.5, 0.5], [0, 1]],
     [LOG2 - LOG3 / 2, np.log(4 / 3)], [[-1 / 4, 1 / 4], [1 / 4, -1 / 4]]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "options", "outputs", "targets", "losses", "gradient"), BY_HAND)
def test_losses_worked_by_hand(
    name: str,
    options: dict[str, Any],
    outputs: list,
    targets: list,
    losses: list,
    gradient: list,
    dtype: np.dtype,
) -> None:
    loss, y = get_loss(name, **options), jnp.array(outputs, dtype)
    v = np.asarray(targets)
    v = v.astype(dtype) if v.dtype.kind == "f" else v
    evaluation = jax.jit(lambda y: evaluate_loss(loss, y, v))(y)
    assert_trees_close(evaluation.losses, np.array(losses, dtype))
    assert_trees_close(evaluation.by_hand, np.array(gradient, dtype))


def test_every_loss_is_worked_by_hand() -> None:
    assert {case[0] for case in BY_HAND} == {case.name for case in LOSSES}


# lecture 002: predicted probabilities of three classes for four examples, and their classes
A3 = [
    [0.4358, 0.2137, 0.3505],
    [0.4785, 0.1890, 0.3325],
    [0.4795, 0.1882, 0.3324],
    [0.4797, 0.1880, 0.3323],
]
LABELS = [2, 0, 1, 2]


def test_cross_entropy_of_the_lectures_probabilities(dtype: np.dtype) -> None:
    y, v = jnp.array(A3, dtype), jnp.array(LABELS)
    losses = np.asarray(jax.jit(categorical_cross_entropy)(y, v))
    assert float(losses.mean()) == pytest.approx(1.1394, abs=5e-5)
    gradient = np.asarray(jax.jit(categorical_cross_entropy_backward)(y, v)) / dtype.type(4)
    # A3 is printed to 4 digits: 5e-5 / (4 * .1882^2) = 3.5e-4 in -1 / (4 * .1882)
    printed = np.zeros((4, 3))
    printed[range(4), LABELS] = [-0.7133, -0.5224, -1.3285, -0.7523]
    np.testing.assert_allclose(gradient, printed, atol=4e-4)
    assert gradient.dtype == dtype


def test_the_first_demo_of_lecture_002_forgot_the_logarithm(dtype: np.dtype) -> None:
    y, v = jnp.array(A3, dtype), jnp.array(LABELS)
    without = float(jnp.mean(jnp.sum(jax.nn.one_hot(v, 3, dtype=dtype) * y, axis=-1)))
    assert without == pytest.approx(0.3374, abs=5e-5)
    assert float(categorical_cross_entropy(y, v).mean()) != pytest.approx(without, abs=0.5)


def _optax(case: LossCase) -> Callable[[Array, Array], Array] | None:
    s = case.options.get("label_smoothing", 0.0)
    classes = case.entries

    def rows(v: Array) -> Array:
        return v if v.ndim == 2 else jax.nn.one_hot(v, classes)

    peers = {
        "squared_error": lambda y, v: optax.squared_error(y, v).sum(-1),
        "half_squared_error": lambda y, v: optax.l2_loss(y, v).sum(-1),
        "mean_squared_error": lambda y, v: optax.squared_error(y, v).mean(-1),
        "huber": lambda y, v: optax.huber_loss(y, v, delta=case.options.get("delta", 1.0)).sum(-1),
        "log_cosh": lambda y, v: optax.log_cosh(y, v).sum(-1),
        "hinge": lambda y, v: optax.losses.hinge_loss(y, v.reshape(y.shape)).sum(-1),
        "perceptron": lambda y, v: optax.losses.perceptron_loss(y, v).sum(-1),
        "sigmoid_binary_cross_entropy": lambda y, v: optax.sigmoid_binary_cross_entropy(
            y, v.reshape(y.shape)
        ).sum(-1),
        "softmax_cross_entropy": lambda y, v: optax.softmax_cross_entropy(
            y, optax.smooth_labels(rows(v), s)
        ),
        "kl_divergence": lambda q, p: optax.kl_divergence(jnp.log(q), rows(p)),
        "softmax_kl_divergence": lambda z, p: optax.kl_divergence(jax.nn.log_softmax(z), rows(p)),
    }
    return peers.get(case.name)


PEERED = [pytest.param(case, id=case.id) for case in LOSSES if _optax(case)]


@pytest.mark.parametrize("case", PEERED)
def test_losses_and_gradients_equal_optax(case: LossCase, dtype: np.dtype) -> None:
    outputs, targets = draw_loss(case)
    peer = _optax(case)
    assert peer is not None

    @jax.jit
    def theirs(y: Array, v: Array) -> tuple[Array, Array]:
        losses, pullback = jax.vjp(lambda y: peer(y, v), y)
        return losses, pullback(jnp.ones_like(losses))[0]

    with jax.numpy_dtype_promotion("standard"):
        expected = theirs(outputs, targets)
    ours = compiled(case.id)(outputs, targets)
    assert_trees_close((ours.losses, ours.by_hand), expected)
    assert outputs.dtype == dtype


def _torch(case: LossCase, torch: Any) -> Callable[[Any, Any], Any] | None:
    F = torch.nn.functional
    each = {"reduction": "none"}
    s = case.options.get("label_smoothing", 0.0)
    delta = case.options.get("delta", 1.0)
    if case.targets == "labels":
        peers = {
            "softmax_cross_entropy": lambda y, v: F.cross_entropy(y, v, label_smoothing=s, **each),
            "categorical_cross_entropy": lambda y, v: F.nll_loss(y.log(), v, **each),
        }
        return peers.get(case.name)
    peers = {
        "absolute_error": lambda y, v: F.l1_loss(y, v, **each).sum(-1),
        "squared_error": lambda y, v: F.mse_loss(y, v, **each).sum(-1),
        "mean_squared_error": lambda y, v: F.mse_loss(y, v, **each).mean(-1),
        "huber": lambda y, v: F.huber_loss(y, v, delta=delta, **each).sum(-1),
        "hinge": lambda y, v: (1 - y * v).relu().sum(-1),
        "binary_cross_entropy": lambda y, v: F.binary_cross_entropy(y, v, **each).sum(-1),
        "sigmoid_binary_cross_entropy": lambda y, v: F.binary_cross_entropy_with_logits(
            y, v, **each
        ).sum(-1),
        "softmax_cross_entropy": lambda y, v: F.cross_entropy(y, v, label_smoothing=s, **each),
        "kl_divergence": lambda q, p: F.kl_div(q.log(), p, **each).sum(-1),
        "softmax_kl_divergence": lambda z, p: F.kl_div(F.log_softmax(z, -1), p, **each).sum(-1),
    }
    return peers.get(case.name)


@peers
def test_losses_and_gradients_equal_torch(dtype: np.dtype) -> None:
    torch = need("torch")
    compared = set()
    for case in LOSSES:
        peer = _torch(case, torch)
        if peer is None:
            continue
        outputs, targets = draw_loss(case)
        y = torch.tensor(np.asarray(outputs), requires_grad=True)
        v = torch.tensor(np.asarray(targets))
        v = v.long() if case.targets == "labels" else v.to(y.dtype).reshape(y.shape)
        losses = peer(y, v)
        losses.sum().backward()
        ours = compiled(case.id)(outputs, targets)
        assert_trees_close((ours.losses, ours.by_hand), (losses.detach().numpy(), y.grad.numpy()))
        assert outputs.dtype == dtype
        compared.add(case.name)
    assert len(compared) == 11


def test_mean_losses_equal_sklearn(float64: np.dtype) -> None:
    def draw(name: str, targets: str) -> tuple[Array, Array]:
        (case,) = [c for c in LOSSES if c.name == name and c.targets == targets and not c.options]
        outputs, targets_drawn = draw_loss(case)
        return outputs, targets_drawn

    def mean(name: str, y: Array, v: Array) -> float:
        return float(np.mean(jax.jit(get_loss(name).function)(y, v)))

    y, v = draw("mean_squared_error", "numbers")
    assert mean("mean_squared_error", y, v) == pytest.approx(mean_squared_error(v, y))
    # the pinball loss of the median is half the absolute error, averaged over entries
    peer = 2 * y.shape[1] * mean_pinball_loss(v, y)
    assert mean("absolute_error", y, v) == pytest.approx(peer)
    y, v = draw("categorical_cross_entropy", "labels")
    assert mean("categorical_cross_entropy", y, v) == pytest.approx(log_loss(v, y, labels=range(4)))
    y, v = draw("zero_one", "labels")
    assert mean("zero_one", y, v) == pytest.approx(zero_one_loss(v, y.argmax(axis=1)))
    y, v = draw("hinge", "signs of one entry")
    assert mean("hinge", y, v) == pytest.approx(hinge_loss(v, y[:, 0]))
    assert y.dtype == float64


def test_log_cosh_near_zero_and_far_from_it(dtype: np.dtype) -> None:
    e = np.array([1e-4, -1e-4, 1e-2, 0.999, 1.0, 20.0, -100.0, 1e4], dtype)
    # log cosh e = e^2 / 2 - e^4 / 12 + e^6 / 45 - 17 e^8 / 2520 + O(e^10)
    x = e.astype(np.longdouble)
    series = x**2 / 2 - x**4 / 12 + x**6 / 45 - 17 * x**8 / 2520
    far = abs(x) + np.log1p(np.exp(-2 * abs(x))) - np.log(np.longdouble(2))
    exact = np.where(abs(x) < 0.1, series, far)
    losses = jax.jit(log_cosh)(e[:, None], np.zeros(len(e), dtype))
    assert_within_ulps(losses, exact, 4)


def test_a_small_loss_of_a_sure_and_right_sigmoid_is_accurate(dtype: np.dtype) -> None:
    loss = get_loss("sigmoid_binary_cross_entropy")
    z, v = jnp.array([[30.0], [-30.0]], dtype), jnp.array([1, 0])
    assert_within_ulps(jax.jit(loss.function)(z, v), np.full(2, np.log1p(np.exp(-30.0))), 8)
    slope = 1 / (1 + np.exp(30.0))
    assert_within_ulps(jax.jit(loss.backward)(z, v), np.array([[-slope], [slope]]), 8)


def test_a_small_probability_of_the_other_class_is_accurate(dtype: np.dtype) -> None:
    y, v = jnp.array([[1e-10]], dtype), jnp.array([0])
    losses = jax.jit(get_loss("binary_cross_entropy").function)(y, v)
    assert_within_ulps(losses, -np.log1p(-np.asarray(y, np.float64))[0], 2)


def test_a_wrong_certainty_costs_the_logarithm_of_the_smallest_number(dtype: np.dtype) -> None:
    cost = -np.log(float(np.finfo(dtype).tiny))
    y = jnp.array([[0.0, 1.0]], dtype)
    losses = [
        categorical_cross_entropy(y, jnp.array([0])),
        kl_divergence(y, jnp.array([0])),
        get_loss("binary_cross_entropy").function(y[:, :1], jnp.array([1])),
        get_loss("binary_cross_entropy").function(y[:, 1:], jnp.array([0])),
    ]
    assert_trees_close(losses, [np.array([cost], dtype)] * 4)


def test_rosenblatt_learns_from_zero_weights(dtype: np.dtype) -> None:
    # x = (2, -1) of class +1: w + x = (2, -1), as w = 0 puts it on the wrong side
    x, w, v = jnp.array([[2.0, -1.0]], dtype), jnp.zeros((1, 2), dtype), jnp.array([1])
    loss = get_loss("perceptron")
    by_hand = jax.jit(lambda w: loss.backward(x @ w.T, v).T @ x)(w)
    by_autodiff = jax.jit(jax.grad(lambda w: loss.function(x @ w.T, v).sum()))(w)
    for gradient in (by_hand, by_autodiff):
        assert_trees_close(np.asarray(w) - np.asarray(gradient), x)


def _distributions(rows: int) -> st.SearchStrategy[np.ndarray]:
    weight = st.sampled_from([0.0, 1e-30, 1e-3, 0.5, 1.0, 7.0])
    weights = st.lists(st.tuples(weight, weight, weight).filter(any), min_size=rows, max_size=rows)
    return weights.map(lambda w: np.array(w) / np.sum(w, axis=1, keepdims=True))


@jax.jit
def divergences(q: Array, p: Array) -> tuple[Array, ...]:
    """Return the divergence, its two parts, and that of a distribution from itself."""
    parts = categorical_cross_entropy(q, p), entropy(p)
    return kl_divergence(q, p), *parts, kl_divergence(p, p)


@given(_distributions(4), _distributions(4))
def test_divergence_is_cross_entropy_less_entropy(targets: np.ndarray, outputs: np.ndarray) -> None:
    with jax.enable_x64(True):
        p, q = jnp.asarray(targets), jnp.asarray(outputs)
        divergence, cross, own, none = map(np.asarray, divergences(q, p))
        assert_trees_close(divergence, cross - own)
        assert divergence.min() >= -1e-15  # of sums of terms of order 1
        assert_trees_close(none, np.zeros(4))


def test_entropy_is_largest_where_all_classes_are_alike(dtype: np.dtype) -> None:
    p = jnp.array([[0.25] * 4, [0.5, 0.5, 0.0, 0.0], [1.0, 0.0, 0.0, 0.0]], dtype)
    assert_trees_close(entropy(p), np.array([np.log(4), LOG2, 0.0], dtype))


def test_cross_entropy_is_not_the_divergence(dtype: np.dtype) -> None:
    p = jnp.array([[0.5, 0.5]], dtype)
    assert float(categorical_cross_entropy(p, p)[0]) == pytest.approx(LOG2)
    assert float(kl_divergence(p, p)[0]) == 0


def test_smooth_labels(dtype: np.dtype) -> None:
    expected = np.array([[0.1, 0.8, 0.1], [0.8, 0.1, 0.1]], dtype)
    smooth = jax.jit(smooth_labels, static_argnames="classes")
    one_hot = np.eye(3, dtype=dtype)[[1, 0]]
    assert_trees_close(smooth_labels(jnp.array([1, 0]), 0.3, classes=3), expected)
    assert_trees_close(smooth_labels(one_hot, 0.3), expected)
    assert_trees_close(smooth(one_hot, jnp.array(0.3, dtype), classes=3), expected)
    with jax.numpy_dtype_promotion("standard"):
        assert_trees_close(smooth(one_hot, 0.3), jax.jit(optax.smooth_labels)(one_hot, 0.3))
    z = jnp.array([[1.0, 2.0, 0.0], [0.0, 0.0, 3.0]], dtype)
    for function in (softmax_cross_entropy, softmax_cross_entropy_backward):
        call = jax.jit(function)
        smoothed = call(z, smooth(one_hot, 0.3))
        assert_trees_close(call(z, jnp.array([1, 0]), label_smoothing=0.3), smoothed)
