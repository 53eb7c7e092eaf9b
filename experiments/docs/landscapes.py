"""Paths of the optimizers down two landscapes, and their figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import optax

from experiments.harness.figures import BLUE, GREY, ORANGE, new_figure
from jaxnet import optim
from jaxnet.core.types import Array

STEPS = 150
RATES = tuple(float(f"{10 ** (k / 3):.2g}") for k in range(-9, 4))
"""Learning rates of which each path has the best: three a decade, from 0.001 to 10."""


class Landscape(NamedTuple):
    """A function of two weights, half the sum of two squares.

    Attributes:
        name: of the field.
        latex: its formula.
        residuals: weights -> what is squared.
        start: first weights.
        low: lower left corner of the figure.
        high: upper right corner.
    """

    name: str
    latex: str
    residuals: Callable[[Array], Array]
    start: tuple[float, float]
    low: tuple[float, float]
    high: tuple[float, float]


LANDSCAPES = {
    "valley": Landscape(
        "narrow valley",
        r"\frac{1}{2}\,x^{2}+10\,y^{2}",
        lambda w: jnp.array([w[0], 20**0.5 * w[1]]),
        (-3.0, 0.8),
        (-3.6, -1.3),
        (1.4, 1.3),
    ),
    "rosenbrock": Landscape(
        "Rosenbrock's valley",
        r"\frac{1}{2}\,\left(1-x\right)^{2}+50\,\left(y-x^{2}\right)^{2}",
        lambda w: jnp.array([1 - w[0], 10 * (w[1] - w[0] ** 2)]),
        (-1.2, 1.0),
        (-1.9, -0.9),
        (1.9, 2.1),
    ),
}


RATED: dict[str, Callable[[Any], Any]] = {
    **optim.OPTIMIZERS,
    "lookahead": lambda rate: optim.lookahead(optim.sgd(rate)),
    "sam": lambda rate: optim.sam(optim.sgd(rate)),
    "schedule_free": lambda rate: optim.schedule_free(optim.sgd(rate), rate),
    "adaptive_grad_clip": lambda rate: optim.chain(optim.adaptive_grad_clip(0.1), optim.sgd(rate)),
    "add_decayed_weights": lambda rate: optim.chain(
        optim.add_decayed_weights(1.0), optim.sgd(rate)
    ),
    "chain": lambda rate: optim.chain(optim.clip_by_global_norm(1.0), optim.momentum(rate)),
    "clip": lambda rate: optim.chain(optim.clip(1.0), optim.sgd(rate)),
    "clip_by_global_norm": lambda rate: optim.chain(
        optim.clip_by_global_norm(1.0), optim.sgd(rate)
    ),
    "reduce_on_plateau": lambda rate: optim.chain(
        optim.momentum(rate), optim.reduce_on_plateau(factor=0.5, patience=5)
    ),
}
"""Name -> ``learning_rate -> optimizer``, whose path its page shows: an example of a wrapper."""

UNRATED: dict[str, Callable[[], Any]] = {
    **optim.SECOND_ORDER,
    "backtracking": lambda: optim.chain(optim.sgd(1.0), optim.backtracking()),
    "newton_raphson": lambda: optim.chain(optim.sgd(1.0), optim.newton_raphson()),
    "strong_wolfe": lambda: optim.chain(optim.sgd(1.0), optim.strong_wolfe()),
}
"""The same of what keeps its default learning rate, or finds the size of a step."""


class Paths(NamedTuple):
    """Paths of an optimizer.

    Attributes:
        rate: landscape -> the learning rate that led lowest; None for an optimizer's default.
        points: landscape -> weights before each step and after the last, ``(STEPS + 1, 2)``.
        values: landscape -> height after the last step.
    """

    rate: dict[str, float | None]
    points: dict[str, np.ndarray]
    values: dict[str, float]


def follow(name: str) -> Paths:
    """Return the paths of an optimizer, each with the best learning rate.

    The two weights are one row of a matrix, since the rule of `jaxnet.optim.muon` is for matrices.
    Those of `UNRATED` keep their settings.
    """
    rates = jnp.array(RATES) if name in RATED else None

    def run(kind: Array, rate: Any) -> Array:
        optimizer = optax.with_extra_args_support(example(name, rate))
        start = jnp.array([landscape.start for landscape in LANDSCAPES.values()])[kind]

        def outputs_fn(w: Array) -> Array:
            every = jnp.stack([each.residuals(w[0]) for each in LANDSCAPES.values()])
            return every[kind]

        def loss_fn(outputs: Array) -> Array:
            return jnp.sum(outputs**2) / 2

        def value_fn(w: Array, **_: Any) -> Array:
            return loss_fn(outputs_fn(w))

        def step(carry: Any, _: None) -> Any:
            w, state = carry
            value, g = jax.value_and_grad(value_fn)(w)
            extra: dict[str, Any] = {"value": value, "value_fn": value_fn, "grad": g}
            extra |= {"outputs_fn": outputs_fn, "loss_fn": loss_fn, "grad_fn": jax.grad(value_fn)}
            extra |= {"penalty_fn": lambda _: jnp.zeros(())}
            updates, state = optimizer.update(g, state, w, **extra)
            w = w + updates
            return (w, state), w[0]

        w = start[None]
        _, path = jax.lax.scan(step, (w, optimizer.init(w)), None, length=STEPS)
        return jnp.concatenate([w, path])

    kinds = jnp.arange(len(LANDSCAPES))
    if rates is None:
        paths = jax.jit(jax.vmap(lambda kind: run(kind, None)))(kinds)[:, None]
    else:
        over_rates = jax.vmap(run, in_axes=(None, 0))
        paths = jax.jit(jax.vmap(over_rates, in_axes=(0, None)))(kinds, rates)
    return _best(np.asarray(paths), rates is not None)


def example(name: str, rate: Any) -> Any:
    """Return the optimizer of a path, at a learning rate, or None for its own."""
    return UNRATED[name]() if rate is None else RATED[name](rate)


def _best(paths: np.ndarray, several: bool) -> Paths:
    found = Paths({}, {}, {})
    for (name, landscape), candidates in zip(LANDSCAPES.items(), paths, strict=True):
        ends = np.array([_height(landscape, path[-1:])[0] for path in candidates])
        best = int(np.argmin(np.where(np.isfinite(ends), ends, np.inf)))
        found.rate[name] = RATES[best] if several else None
        found.points[name] = candidates[best]
        found.values[name] = float(ends[best])
    return found


def _height(landscape: Landscape, points: np.ndarray) -> np.ndarray:
    with np.errstate(all="ignore"):
        residuals = np.asarray(jax.vmap(landscape.residuals)(jnp.asarray(points)))
        return (residuals**2).sum(axis=-1) / 2


def draw(landscape: Landscape, points: np.ndarray, path: Path) -> None:
    """Write the figure of a path: the same bytes from the same points."""
    (left, bottom), (right, top) = landscape.low, landscape.high
    x, y = np.meshgrid(np.linspace(left, right, 60), np.linspace(bottom, top, 60))
    heights = _height(landscape, np.stack([x, y], axis=-1).reshape(-1, 2)).reshape(x.shape)
    figure, (axes,) = new_figure(1, 1, size=(4.4, 3.4), title="")
    levels = np.geomspace(max(heights.min(), 0.02), heights.max(), 12)
    axes.contour(x, y, heights, levels=levels, colors=GREY, linewidths=0.6, alpha=0.7)
    axes.plot(*points.T, ".-", color=BLUE, lw=1.2, ms=3.5)
    axes.plot(*points[0], "o", color=ORANGE, ms=7)
    best = (0.0, 0.0) if "narrow" in landscape.name else (1.0, 1.0)
    axes.plot(*best, "*", color=ORANGE, ms=12)
    axes.set(xlim=(left, right), ylim=(bottom, top), xlabel="x", ylabel="y")
    axes.grid(visible=False)
    with mpl.rc_context({"svg.fonttype": "none", "svg.hashsalt": path.stem}):
        figure.savefig(path, metadata={"Date": None})
