"""Second-order methods beside optax, PyTorch, SciPy, and solutions by NumPy."""

import functools
import importlib
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from experiments.peers import second_order_numpy as numpy
from experiments.peers.paths import has
from experiments.peers.rows import Row, judged_row
from jaxnet.optim import SECOND_ORDER, newton_raphson, strong_wolfe
from jaxnet.optim.verification import as_users_do

STEPS = 100


QUICK = {"xla_backend_optimization_level": 0, "xla_llvm_disable_expensive_passes": True}
"""Compiler options for small programs, whose compilation takes longer than their run."""


class SecondOrderCase(NamedTuple):
    """Second-order method with its settings.

    Attributes:
        name: unique name.
        optimizer: name in `jaxnet.optim.SECOND_ORDER`.
        options: arguments of our factory, without ``like``.
        like: the convention; ``"paper"`` for an optimizer with one form only.
        problem: ``"logistic"`` or ``"exponentials"``, see `second_order_numpy`.
        start: initial weights.
        steps: number of steps.
        witnesses: name -> function that returns the weights after each step, or one row, the
            minimum, which is compared with our last weights.
    """

    name: str
    optimizer: str
    options: Mapping[str, Any]
    like: str
    problem: str
    start: np.ndarray
    steps: int
    witnesses: Mapping[str, Callable[[], np.ndarray]]


def comparisons() -> list[Row]:
    """Compare every second-order method with each installed witness, in float64."""
    return [measure_second_order(case) for case in SECOND_ORDER_CASES]


def measure_second_order(case: SecondOrderCase) -> Row:
    """Compare a case with its witnesses."""
    witnesses, missing = {}, []
    actual = path(case)
    for name, theirs in case.witnesses.items():
        if has(name):
            witnesses[name] = _largest(actual, theirs())
        else:
            missing.append(f"{name} is not installed")
    return judged_row(case.optimizer, case.name, case.like, witnesses, missing="; ".join(missing))


def path(case: SecondOrderCase) -> np.ndarray:
    """Return our weights after each step, one row each."""
    options = dict(case.options)
    if case.like != "paper":
        options["like"] = case.like
    optimizer = SECOND_ORDER[case.optimizer](**options)
    return _follow(optimizer, case.problem, case.start, case.steps, parts=True)


def _follow(
    optimizer: Any, problem: str, start: np.ndarray, steps: int, *, parts: bool
) -> np.ndarray:
    """Return an optax-style path; ``parts`` are for ours only, as optax's search refuses them."""
    outputs_fn, loss_fn, penalty_fn = _PROBLEMS[problem]

    def value_fn(w: Any) -> Any:
        return loss_fn(outputs_fn(w)) + penalty_fn(w)

    def step(carry: Any, _: None) -> Any:
        w, state = carry
        value, g = jax.value_and_grad(value_fn)(w)
        extra = {"value": value, "grad": g, "value_fn": value_fn}
        if parts:
            extra |= {"outputs_fn": outputs_fn, "loss_fn": loss_fn, "penalty_fn": penalty_fn}
        updates, state = optimizer.update(g, state, w, **extra)
        w = optax.apply_updates(w, updates)
        return (w, state), _flat(w)

    def follow(w: Any) -> Any:
        return jax.lax.scan(step, (w, optimizer.init(w)), None, length=steps)[1]

    with jax.enable_x64(True), as_users_do():
        return np.asarray(jax.jit(follow, compiler_options=QUICK)(_tree(start)))


def _tree(w: np.ndarray) -> dict[str, Any]:
    """Return weights in two leaves, one of them a matrix."""
    return {"a": jnp.asarray(w[:4]).reshape(2, 2), "b": jnp.asarray(w[4:])}


def _flat(tree: Any) -> Any:
    return jnp.concatenate([leaf.reshape(-1) for leaf in jax.tree.leaves(tree)])


def _nothing(tree: Any) -> Any:
    del tree
    return jnp.zeros(())


_PROBLEMS: dict[str, tuple[Callable[..., Any], ...]] = {
    "logistic": (
        lambda tree: numpy.MARGINS @ _flat(tree),
        lambda margins: jnp.mean(jax.nn.softplus(-margins)),
        lambda tree: numpy.STRENGTH * jnp.sum(_flat(tree) ** 2),
    ),
    "exponentials": (
        lambda tree: numpy.model(_flat(tree), jnp.exp),
        lambda y: jnp.sum((y - numpy.model(numpy.TRUTH, np.exp)) ** 2) / 2,
        _nothing,
    ),
}
"""Name -> ``weights -> outputs``, ``outputs -> risk``, ``weights -> penalty``."""


def _by_optax(**options: Any) -> Callable[[], np.ndarray]:
    optimizer = optax.lbfgs(**options)
    return lambda: _follow(optimizer, "logistic", numpy.START, STEPS, parts=False)


def _by_torch(rate: float, rows: int, search: str | None = None) -> Callable[[], np.ndarray]:
    """Return the path of one iteration a step of PyTorch's L-BFGS."""

    def follow() -> np.ndarray:
        torch: Any = importlib.import_module("torch")
        w = torch.tensor(numpy.START, requires_grad=True)
        # enough evaluations for the search; the default, 1.25 max_iter, allows none
        options = {"max_iter": 1, "max_eval": 26, "history_size": rows, "line_search_fn": search}
        optimizer = torch.optim.LBFGS([w], lr=rate, **options)
        margins = torch.tensor(numpy.MARGINS)

        def closure() -> Any:
            optimizer.zero_grad()
            losses = torch.nn.functional.softplus(-margins @ w)
            risk = losses.mean() + numpy.STRENGTH * (w**2).sum()
            risk.backward()
            return risk

        path = []
        for _ in range(STEPS):
            optimizer.step(closure)
            path.append(w.detach().numpy().copy())
        return np.stack(path)

    return follow


@functools.cache
def _minimum_by_scipy() -> np.ndarray:
    """Return the root of the logistic problem's gradient, by SciPy."""
    scipy: Any = importlib.import_module("scipy.optimize")
    found = scipy.root(numpy.gradient, numpy.NEAR, jac=numpy.hessian, tol=1e-15)
    return found.x[None]


@functools.cache
def _least_squares_by_scipy() -> np.ndarray:
    """Return the result of MINPACK's Levenberg-Marquardt, in SciPy."""
    scipy: Any = importlib.import_module("scipy.optimize")
    options = {"method": "lm", "ftol": 1e-15, "xtol": 1e-15, "gtol": 1e-15}
    found = scipy.least_squares(numpy.residuals, numpy.GUESS, numpy.jacobian, **options)
    return found.x[None]


def _lbfgs(
    name: str, options: Mapping[str, Any], like: str, theirs: Callable[[], np.ndarray], **more: Any
) -> SecondOrderCase:
    return SecondOrderCase(
        name, "lbfgs", options, like, "logistic", numpy.START, STEPS, {like: theirs, **more}
    )


def _newton(optimizer: str, **options: Any) -> SecondOrderCase:
    return SecondOrderCase(
        f"{optimizer}, damped",
        optimizer,
        {"learning_rate": 0.8, "damping": 0.1, **options},
        "paper",
        "logistic",
        numpy.START,
        STEPS,
        {"numpy": lambda: numpy.newton(STEPS, 0.8, 0.1), "scipy": _minimum_by_scipy},
    )


def _conjugate_gradient(formula: str) -> SecondOrderCase:
    return SecondOrderCase(
        f"conjugate_gradient, {formula}",
        "conjugate_gradient",
        {"formula": formula, "linesearch": newton_raphson()},
        "paper",
        "logistic",
        numpy.NEAR,
        20,  # the gradient is rounding error then, and its ratios are noise
        {"numpy": lambda: numpy.nonlinear_cg(20, formula)},
    )


def _least_squares(
    name: str, options: Mapping[str, Any], steps: int, **witnesses: Callable[[], np.ndarray]
) -> SecondOrderCase:
    options = {"tolerance": 0.0, "max_iterations": 12, **options}
    optimizer = name.partition(",")[0]
    return SecondOrderCase(
        name, optimizer, options, "paper", "exponentials", numpy.GUESS, steps, witnesses
    )


def _levenberg_marquardt(adaptation: str) -> SecondOrderCase:
    return _least_squares(
        f"levenberg_marquardt, {adaptation}",
        {"adaptation": adaptation},
        40,
        numpy=lambda: numpy.levenberg_marquardt(40, adaptation, 1e-2),
        scipy=_least_squares_by_scipy,
    )


_EXACT = {"tolerance": 0.0, "max_iterations": 30, "linesearch": optax.identity()}
_HALF = {"learning_rate": 0.5}
_NO_SEARCH = {"linesearch": optax.identity()}


def _unsearched(name: str, **options: Any) -> SecondOrderCase:
    theirs = _by_optax(**_HALF, **options, linesearch=None)
    return _lbfgs(f"lbfgs, {name}, no line search", _HALF | options | _NO_SEARCH, "optax", theirs)


SECOND_ORDER_CASES: tuple[SecondOrderCase, ...] = (
    _newton("newton"),
    _newton("newton_cg", **_EXACT),
    _least_squares(
        "gauss_newton, damped",
        {"damping": 1e-2},
        STEPS,
        numpy=lambda: numpy.gauss_newton(STEPS, 1e-2),
    ),
    _levenberg_marquardt("nielsen"),
    _levenberg_marquardt("marquardt"),
    *map(_conjugate_gradient, numpy.BETAS),
    _lbfgs("lbfgs", {}, "optax", _by_optax(), scipy=_minimum_by_scipy),
    _unsearched("3 pairs", memory_size=3),
    _unsearched("unscaled", scale_init_precond=False),
    _lbfgs("lbfgs", {}, "torch", _by_torch(1.0, 100)),
    _lbfgs("lbfgs, 3 pairs", _HALF | {"memory_size": 3}, "torch", _by_torch(0.5, 3)),
    _lbfgs(
        "lbfgs, strong Wolfe",
        {"linesearch": strong_wolfe()},
        "torch",
        _by_torch(1.0, 100, "strong_wolfe"),
    ),
)


def _largest(actual: np.ndarray, expected: np.ndarray) -> float:
    """Return the largest difference over ``max(1, |w|)``; NaN if anything is not finite."""
    actual = actual[-len(expected) :]
    return float(np.max(np.abs(actual - expected) / np.maximum(1.0, np.abs(expected))))
