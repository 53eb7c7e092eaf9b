"""Paths of parameters over the stream: of our optimizers, of each library's, of the oracle.

Each is a tree of float64 arrays ``(schedules, steps, *shape)``. Learning rates are an array, one
per step, so that one compiled program serves every schedule.
"""

import functools
import hashlib
import importlib
import importlib.util
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxnet
from experiments.peers.case import Case, conventions
from experiments.peers.oracle import ORACLES, WHOLE
from experiments.peers.stream import Tree, gradients, parameters, rates

LIBRARIES = ("optax", "torch", "keras")


def has(library: str) -> bool:
    """Return whether a library is installed."""
    return importlib.util.find_spec(library) is not None


def ours(case: Case, like: str) -> Tree:
    """Return the path of our optimizer with a convention."""
    return _follow_jax(factory(case, like), case.rate)


def theirs(case: Case, library: str) -> Tree:
    """Return the path of a library's own optimizer."""
    return _FOLLOWERS[library](case)


def oracle(case: Case, like: str) -> Tree:
    """Return the path of the oracle, in NumPy's float64."""
    make = functools.partial(ORACLES[case.optimizer], like=like, **case.options)
    params, rows = parameters(), gradients()

    def walk(w: Any, rows: Any, rates: np.ndarray) -> list[Any]:
        rule = make(w)
        next(rule)
        return [rule.send((float(rate), row)) for rate, row in zip(rates, rows, strict=True)]

    def follow(rates: np.ndarray) -> Tree:
        if case.optimizer not in WHOLE:
            return {name: np.stack(walk(w.copy(), rows[name], rates)) for name, w in params.items()}
        path = walk(list(params.values()), zip(*rows.values(), strict=True), rates)
        columns = [np.stack(column) for column in zip(*path, strict=True)]
        return dict(zip(params, columns, strict=True))

    return _over_schedules(follow, case.rate)


def factory(case: Case, like: str) -> Callable[[Any], optax.GradientTransformation]:
    """Return ``rate -> optimizer``, ours, for a case and a convention."""
    options = dict(case.options)
    if len(conventions(case.optimizer)) > 1 or like != "optax":
        options["like"] = like
    return functools.partial(jaxnet.optim.OPTIMIZERS[case.optimizer], **options)


def _over_schedules(follow: Callable[[np.ndarray], Tree], rate: float) -> Tree:
    """Stack the paths for each kind of learning rate."""
    found = [follow(row) for row in rates(rate).values()]
    return {name: np.stack([path[name] for path in found]) for name in found[0]}


def _follow_jax(factory: Callable[[Any], Any], rate: float) -> Tree:
    """Return the paths of an optax-style optimizer, by one compiled program for all schedules."""

    def follow(rates: Any) -> Any:
        optimizer = factory(lambda count: rates[count])

        def step(carry: Any, row: Any) -> Any:
            params, state = carry
            updates, state = optimizer.update(row, state, params)
            params = optax.apply_updates(params, updates)
            return (params, state), params

        params = jax.tree.map(jnp.asarray, parameters())
        return jax.lax.scan(step, (params, optimizer.init(params)), gradients())[1]

    with jax.enable_x64(True), as_users_do():
        return _over_rates(follow, rate)


def _over_rates(follow: Callable[..., Any], rate: float) -> Any:
    """Return paths for each kind of learning rate, by one compiled program.

    Paths are cached by program.
    """
    kinds = np.stack([*rates(rate).values()])
    program = jax.jit(
        lambda kinds: jax.lax.map(follow, kinds), compiler_options=quick_compilation()
    )
    traced = program.trace(kinds)
    key = rate, digest_program(traced.jaxpr), jax.tree.structure(traced.out_info)
    if key not in _FOLLOWED:
        _FOLLOWED[key] = jax.tree.map(np.asarray, traced.lower().compile()(kinds))
    return jax.tree.map(np.copy, _FOLLOWED[key])


_FOLLOWED: dict[Any, Any] = {}


def digest_program(jaxpr: Any) -> str:
    """Return the SHA-256 of a closed jaxpr's text and constants."""
    constants = [np.asarray(each) for each in jaxpr.consts]
    text = f"{jaxpr}{[(each.dtype.name, each.tolist()) for each in constants]}"
    return hashlib.sha256(text.encode()).hexdigest()


@functools.cache
def quick_compilation() -> dict[str, bool | int] | None:
    """Return compiler options for float64 programs, which run once; None if unknown to XLA.

    The float32 steps are compiled with the default options.
    """
    options = {
        "xla_cpu_use_fusion_emitters": False,
        "xla_backend_optimization_level": 0,
        "xla_cpu_parallel_codegen_split_count": 1,
    }
    try:
        jax.jit(lambda: 0, compiler_options=options)()
    except (jax.errors.JaxRuntimeError, ValueError):
        return None
    return options


def _follow_optax(case: Case) -> Tree:
    assert case.optax is not None
    return _follow_jax(functools.partial(case.optax, optax), case.rate)


def _follow_torch(case: Case) -> Tree:
    torch, rows = importlib.import_module("torch"), gradients()
    make = case.torch
    assert make is not None

    def follow(rates: np.ndarray) -> Tree:
        weights = {
            name: torch.tensor(w, dtype=torch.float64, requires_grad=True)
            for name, w in parameters().items()
        }
        optimizer = make(torch, list(weights.values()), float(rates[0]))
        path: dict[str, list[np.ndarray]] = {name: [] for name in weights}
        for t, rate in enumerate(rates):
            for group in optimizer.param_groups:
                group["lr"] = float(rate)
            for name, w in weights.items():
                w.grad = torch.tensor(rows[name][t], dtype=torch.float64)
            optimizer.step()
            for name, w in weights.items():
                path[name].append(w.detach().numpy().copy())
        return {name: np.stack(steps) for name, steps in path.items()}

    # PyTorch keeps scalars of its state, such as NAdam's product of momenta, in the default dtype
    before = torch.get_default_dtype()
    torch.set_default_dtype(torch.float64)
    try:
        return _over_schedules(follow, case.rate)
    finally:
        torch.set_default_dtype(before)


def _follow_keras(case: Case) -> Tree:
    make, rows = case.keras, list(gradients().values())
    assert make is not None
    with keras_float64() as keras:
        start = [keras.Variable(w) for w in parameters().values()]
        optimizer = make(keras, case.rate)
        optimizer.build(start)
        position = [each is optimizer._learning_rate for each in optimizer.variables].index(True)

        def step(carry: Any, now: Any) -> Any:
            weights, state = carry
            row, state[position] = now
            weights, state = optimizer.stateless_apply(state, row, weights)
            return (weights, state), weights

        def follow(rates: Any) -> Any:
            carry = ([w.value for w in start], [each.value for each in optimizer.variables])
            return jax.lax.scan(step, carry, (rows, rates))[1]

        paths = _over_rates(follow, case.rate)
        return dict(zip(parameters(), paths, strict=True))


@contextmanager
def as_users_do() -> Iterator[None]:
    """Allow promotion of dtypes and ranks, JAX's default, which our tests forbid."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@contextmanager
def keras_float64() -> Iterator[Any]:
    """Import Keras on JAX in float64."""
    os.environ.setdefault("KERAS_BACKEND", "jax")  # Keras reads it when it is imported
    keras = importlib.import_module("keras")
    before = keras.config.floatx()
    keras.config.set_floatx("float64")
    try:
        with jax.enable_x64(True), as_users_do():
            yield keras
    finally:
        keras.config.set_floatx(before)


_FOLLOWERS = {"optax": _follow_optax, "torch": _follow_torch, "keras": _follow_keras}
