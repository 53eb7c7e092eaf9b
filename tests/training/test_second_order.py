"""Second-order methods inside `fit`: against solutions by NumPy, and on small networks."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from jaxnet.layers import activation, batch_norm, dense, dropout, serial
from jaxnet.optim import (
    backtracking,
    conjugate_gradient,
    gauss_newton,
    lbfgs,
    levenberg_marquardt,
    newton,
    newton_cg,
    strong_wolfe,
)
from jaxnet.training.loop.gradient import ENGINES
from tests.training.toys import blobs

PENALTY = jaxnet.penalties.get_penalty("l2", strength=0.05)


def run(net: Any, train: Any, optimizer: Any, **options: Any) -> jaxnet.training.FitResult:
    settings = {"key": jax.random.key(0), "epochs": 1, "batch_size": train.inputs.shape[0]}
    return jaxnet.training.fit(net, train, optimizer=optimizer, **(settings | options))


def zeros(*ignored: Any) -> jax.Array:
    return jnp.zeros((3, 3))


@pytest.mark.parametrize("engine", ENGINES)
def test_gauss_newton_solves_ridge_regression_in_one_epoch(engine: str, float64: Any) -> None:
    rng = np.random.default_rng(0)
    x, v = rng.normal(size=(20, 3)), rng.normal(size=(20, 3))
    result = run(
        dense(3, bias_initializer=None),
        jaxnet.data.Examples(x, v),
        gauss_newton(tolerance=0.0),
        loss="squared_error",
        penalty=PENALTY,
        gradient=engine,
    )
    # mean |w x - v|^2 + 0.05 |w|^2
    expected = np.linalg.solve(x.T @ x / 20 + 0.05 * np.eye(3), x.T @ v / 20).T
    np.testing.assert_allclose(result.state.params.weights, expected, rtol=1e-11)


@pytest.mark.parametrize("engine", ENGINES)
def test_levenberg_marquardt_sees_the_hessian_of_cross_entropy(engine: str, float64: Any) -> None:
    """One damped step of multinomial logistic regression, whose exact Hessian NumPy solves."""
    train, damping = blobs(), 0.1
    result = run(
        dense(3, bias_initializer=None, initializer=zeros),
        train,
        levenberg_marquardt(damping=damping, tolerance=0.0),
        penalty=PENALTY,
        gradient=engine,
    )
    x, y = np.asarray(train.inputs), np.eye(3)[np.asarray(train.targets)]
    p = np.full(3, 1 / 3)  # of every example, for weights of 0
    g = ((p - y).T @ x / len(x)).ravel()
    hessian = np.kron(np.diag(p) - np.outer(p, p), x.T @ x / len(x)) + 2 * 0.05 * np.eye(9)
    step = -np.linalg.solve(hessian + damping * np.eye(9), g)
    np.testing.assert_allclose(result.state.params.weights, step.reshape(3, 3), rtol=1e-11)

    def risk(w: np.ndarray) -> float:
        z = x @ w.reshape(3, 3).T
        losses = np.log(np.exp(z).sum(axis=1)) - (z * y).sum(axis=1)
        return losses.mean() + 0.05 * w @ w

    promised = -g @ step - step @ hessian @ step / 2
    ratio = (risk(np.zeros(9)) - risk(step)) / promised
    state = result.state.opt_state
    assert float(state.gain_ratio) == pytest.approx(ratio, rel=1e-10)
    shrink = max(1 / 3, 1 - (2 * ratio - 1) ** 3)
    assert float(state.damping) == pytest.approx(damping * shrink, rel=1e-10)


def test_levenberg_marquardt_needs_far_fewer_steps_than_adam() -> None:
    """A small network learns a sine: 60 steps against 1000 of Adam; the risk never rises."""
    x = np.linspace(-1, 1, 40, dtype=np.float32)[:, None]
    train = jaxnet.data.Examples(x, np.sin(4 * x))
    net = jaxnet.mlp((1, 10, 1), activation="tanh")
    short, long = (
        run(net, train, optimizer, epochs=epochs, loss="squared_error").history.train["loss"]
        for optimizer, epochs in ((levenberg_marquardt(), 60), (jaxnet.optim.adam(0.03), 1000))
    )
    assert np.all(np.diff(short) <= 1e-6 * short[:-1])
    assert short[-1] < 0.5 * long[-1]
    assert short[-1] < 1e-4


IN_FIT = {
    "newton": newton(damping=0.1),
    "newton_cg": newton_cg(damping=0.1),
    "conjugate_gradient": conjugate_gradient(linesearch=backtracking()),
    "lbfgs": lbfgs(linesearch=strong_wolfe()),
}


@pytest.mark.parametrize("name", IN_FIT)
def test_the_other_methods_train(name: str) -> None:
    loss = run(dense(3), blobs(), IN_FIT[name], penalty=PENALTY, epochs=20).history.train["loss"]
    assert loss[-1] < 0.4 * loss[0]


def test_levenberg_marquardt_trains_by_hand_with_batch_norm_and_dropout() -> None:
    net = serial(dense(4), batch_norm(), activation("relu"), dropout(0.2), dense(3))
    optimizer = optax.chain(levenberg_marquardt(damping=10.0, max_iterations=10))
    loss = run(net, blobs(), optimizer, epochs=20, gradient="by_hand").history.train["loss"]
    assert loss[-5:].mean() < 0.75 * loss[0]
