"""Time of an optimizer's step beside another's, in turns."""

import time
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

from jaxnet.core.checks import check_count, check_range, require
from jaxnet.optim.verification.programs import as_users_do
from jaxnet.optim.verification.subject import Subject, as_subject, check_optimizer

SHAPES = ((100, 784), (100,), (100, 100), (100,), (10, 100), (10,))
"""Shapes of the parameters by default: a network of 784-100-100-10."""


class StepTime(NamedTuple):
    """Time of a step of two optimizers, float32.

    Attributes:
        mine_us: median of the rounds, microseconds a step.
        reference_us: the reference's.
        ratio: median over the rounds of mine over the reference's; below 1, mine is faster.
        low: smallest ratio of a round.
        high: largest.
        mine_compile_s: seconds of tracing and compiling, not part of the above.
        reference_compile_s: the reference's.
    """

    mine_us: float
    reference_us: float
    ratio: float
    low: float
    high: float
    mine_compile_s: float
    reference_compile_s: float

    def __repr__(self) -> str:
        return (
            f"mine takes {self.mine_us:.3g} microseconds a step, the reference"
            f" {self.reference_us:.3g}: {self.ratio:.2f} times ({self.low:.2f} to {self.high:.2f});"
            f"\ncompiled in {self.mine_compile_s:.2g} and {self.reference_compile_s:.2g} s"
        )


def time_step(
    mine: Any,
    reference: Any,
    *,
    settings: Mapping[str, Any] | None = None,
    learning_rate: float = 0.01,
    params: Any = None,
    steps: int = 100,
    rounds: int = 9,
) -> StepTime:
    """Time steps of two optimizers of optax's protocol, in turns.

    Each is one compiled scan, with parameters and gradients in float32, on the default device. A
    step alone costs more of a training step than it does here where the compiler joins it to the
    gradients, and less where memory is short: `experiments.optimizer_cost` times whole epochs.

    Args:
        mine: a transformation, or a function that makes one, as for `compare`.
        reference: the other.
        settings: further arguments of the reference.
        learning_rate: for those that take it, above 0.
        params: tree of parameters; by default those of a network of 784-100-100-10.
        steps: of each run.
        rounds: runs of each.

    Raises:
        ValueError: if one is of PyTorch or Keras, whose steps are not of one program.

    >>> import optax
    >>> import jaxnet
    >>> taken = time_step(optax.sgd, jaxnet.optim.sgd, params=jnp.ones(3), steps=2, rounds=1)
    >>> taken.mine_us > 0
    True
    """
    for name, value in {"steps": steps, "rounds": rounds}.items():
        check_count(name, value)
    check_range("learning_rate", learning_rate, low=0.0, low_open=True)
    if params is None:
        rng = np.random.default_rng(0)
        params = [jnp.asarray(0.1 * rng.normal(size=shape), jnp.float32) for shape in SHAPES]
    pair = as_subject("mine", mine), as_subject("reference", reference, settings)
    (first, first_s), (second, second_s) = (
        _compiled(subject, params, learning_rate, steps) for subject in pair
    )
    seconds = np.array([_in_turn(first, second, turn) for turn in range(rounds)])
    ratios = seconds[:, 0] / seconds[:, 1]
    medians = np.median(seconds, axis=0) / steps * 1e6
    return StepTime(
        mine_us=float(medians[0]),
        reference_us=float(medians[1]),
        ratio=float(np.median(ratios)),
        low=float(ratios.min()),
        high=float(ratios.max()),
        mine_compile_s=first_s,
        reference_compile_s=second_s,
    )


def _compiled(
    subject: Subject, params: Any, rate: float, steps: int
) -> tuple[Callable[[], float], float]:
    """Return a function that runs the steps and returns their seconds, and those of compiling."""
    text, remedy = "to be of optax's protocol", "PyTorch and Keras: time their own training loops."
    require(subject.library == "optax", subject.name, text, subject.library, remedy)
    with as_users_do():
        optimizer = subject.make(rate)
        check_optimizer(subject.name, optimizer, params, params)

        def step(carry: Any, _: None) -> Any:
            w, state = carry
            updates, state = optimizer.update(params, state, w)
            return (optax.apply_updates(w, updates), state), None

        def run(params: Any) -> Any:
            return jax.lax.scan(step, (params, optimizer.init(params)), length=steps)[0]

        start = time.perf_counter()
        compiled = jax.jit(run).lower(params).compile()
        compile_seconds = time.perf_counter() - start

    def seconds() -> float:
        start = time.perf_counter()
        jax.block_until_ready(compiled(params))
        return time.perf_counter() - start

    seconds()
    return seconds, compile_seconds


def _in_turn(first: Callable[[], float], second: Callable[[], float], turn: int) -> list[float]:
    """Return the seconds of both; neither always follows the other."""
    if turn % 2:
        return [first(), second()]
    return [second(), first()][::-1]
