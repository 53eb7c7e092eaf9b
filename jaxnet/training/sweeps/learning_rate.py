"""The learning-rate finder: all rates at once, from too small to divergent."""

from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.core.checks import check_count, check_key, check_range, require
from jaxnet.core.representation import represent, represent_html
from jaxnet.core.types import Array, Key
from jaxnet.data.examples import Examples, check_pair
from jaxnet.training.distributed.processes import run_in_all_processes
from jaxnet.training.loop.evaluate import make_evaluate
from jaxnet.training.loop.state import init_state
from jaxnet.training.recipe import Build, Recipe, call_builder, recipe_objective
from jaxnet.training.sweeps.options import check_all_examples, divide_options
from jaxnet.training.sweeps.result import SweepResult
from jaxnet.training.sweeps.settings import grid
from jaxnet.training.sweeps.sweep import seed_keys, sweep


class LearningRates(NamedTuple):
    """The result of `find_learning_rate`.

    Attributes:
        rates: what was tried, ascending, shape ``(points,)``.
        losses: mean loss over the training examples after the last epoch, without penalty, in the
            mean over seeds, shape ``(points,)``; NaN where a run diverged.
        start: the same before the first step.
        edge: the edge of divergence: the smallest rate from which on all runs diverge or end with
            a higher loss than they started with; infinite if the highest does not.
        suggestion: the rate of the lowest final loss among those up to half the edge.
        sweep: the whole sweep; its validation examples are the training examples.
    """

    rates: np.ndarray
    losses: np.ndarray
    start: float
    edge: float
    suggestion: float
    sweep: SweepResult

    __repr__ = represent
    _repr_html_ = represent_html


def find_learning_rate(
    build: Build,
    train: Examples,
    *,
    key: Key,
    batch_size: int,
    low: float = 1e-5,
    high: float = 10.0,
    points: int = 48,
    epochs: int = 1,
    seeds: int = 1,
    **options: Any,
) -> LearningRates:
    """Train with many learning rates, each from the start, and find where training diverges.

    In place of one run whose rate rises from step to step, whose loss at a rate is that of all
    the smaller ones before it, each rate has a run of its own, all from the same initial draws.
    Gradient descent on a quadratic diverges from ``2 / lambda`` on, ``lambda`` the largest
    eigenvalue of the Hessian; at half of that, the steepest direction is solved in one step, and
    beyond it oscillates: so the suggestion stays below. The more epochs, the nearer the edge comes
    to that limit, and the smaller the rates that end best.

    Args:
        build: ``(learning_rate) -> Recipe``; its other hyperparameters need defaults.
        train: the examples to learn from.
        key: PRNG key, as for `sweep`.
        batch_size: examples a step.
        low: the smallest rate, above 0.
        high: the largest rate, above ``low``.
        points: how many, evenly spaced in the logarithm, 2 or more.
        epochs: of each run.
        seeds: runs of each rate.
        options: of `sweep`.

    Raises:
        ValueError: for numbers out of range; for a recipe with a subset or held-out examples; if
            the loss falls with none of the rates up to half the edge.

    Source: Smith 2017, "Cyclical learning rates", section 3.3, for the range test; Cohen et al.
    2021, "Gradient descent on neural networks typically occurs at the edge of stability".

    >>> import jaxnet
    >>> from jaxnet.training import Recipe
    >>> def build(learning_rate):
    ...     return Recipe(jaxnet.mlp((1, 1)), jaxnet.optim.sgd(learning_rate), "squared_error")
    >>> line = Examples(np.array([[-1.0], [1.0]]), np.array([[-2.0], [2.0]]))
    >>> run = {"batch_size": 2, "epochs": 200, "points": 13, "low": 0.01}
    >>> found = find_learning_rate(build, line, key=jax.random.key(0), **run)
    >>> # the mean of (w x - v)^2 has the second derivative 2: rates above 1 diverge
    >>> round(found.edge, 3), 0.1 < found.suggestion < 0.9
    (1.778, True)
    """
    _, execution = divide_options(options, epochs=epochs, batch_size=batch_size)

    def check() -> tuple[np.ndarray, Examples, Recipe]:
        check_range("low", low, low=0.0, low_open=True)
        check_range("high", high, low=low, low_open=True)
        check_count("points", points, minimum=2)
        check_count("seeds", seeds)
        check_key("key", key)
        rates = np.geomspace(low, high, points)
        recipe = check_all_examples(call_builder(build, {"learning_rate": float(rates[0])}))
        return rates, check_pair("train", train), recipe

    rates, pair, recipe = run_in_all_processes(execution.processes, check)
    runs = {"epochs": epochs, "batch_size": batch_size, "seeds": seeds, **options}
    runs |= {"key": key, "settings": grid(learning_rate=rates), "devices": execution.devices}
    result = sweep(build, pair, validation=pair, **runs)
    losses = np.where(result.diverged.any(axis=1), np.nan, _last_losses(result).mean(axis=1))
    start = _initial_loss(recipe, pair, seed_keys(key, seeds))
    edge = _edge(rates, losses, start)
    return LearningRates(rates, losses, start, edge, _suggest(rates, losses, start, edge), result)


def _last_losses(result: SweepResult) -> np.ndarray:
    """Return the losses after the last epoch of each run."""
    last = np.maximum(result.done - 1, 0)[..., None]
    return np.take_along_axis(result.history.validation["loss"], last, axis=-1)[..., 0]


def _initial_loss(recipe: Recipe, train: Examples, keys: Key) -> float:
    evaluate = make_evaluate(recipe_objective(recipe))
    examples = jax.tree.map(jnp.asarray, train)

    def loss(key: Key) -> Array:
        in_shape = examples.inputs.shape[1:]
        state = init_state(recipe.network, recipe.optimizer, in_shape, key=key)
        return evaluate(state.params, state.statistics, examples)["loss"]

    return float(jax.jit(jax.vmap(loss))(keys).mean())


def _edge(rates: np.ndarray, losses: np.ndarray, start: float) -> float:
    """Return the smallest rate from which on none ends below the start."""
    good = np.flatnonzero(losses <= start)  # NaN is not
    first_bad = good[-1] + 1 if len(good) else 0
    return float(rates[first_bad]) if first_bad < len(rates) else np.inf


def _suggest(rates: np.ndarray, losses: np.ndarray, start: float, edge: float) -> float:
    candidates = (losses < start) & (rates <= edge / 2)
    remedy = f"The loss starts at {start:.4g}, and the edge is {edge:.4g}."
    require(candidates.any(), "low", "to be a rate with which the loss falls", rates[0], remedy)
    return float(rates[np.argmin(np.where(candidates, losses, np.inf))])
