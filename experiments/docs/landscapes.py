"""Paths of the optimizers down two landscapes, and their figures."""

from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import matplotlib as mpl
import numpy as np
import optax

import jaxnet
from experiments.harness.figures import BLUE, GREY, ORANGE, new_figure
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
    Optimizers of the second order keep their default rate.
    """
    first_order = name in jaxnet.optim.OPTIMIZERS
    factory = {**jaxnet.optim.OPTIMIZERS, **jaxnet.optim.SECOND_ORDER}[name]
    rates = jnp.array(RATES) if first_order else None

    def run(kind: Array, rate: Any) -> Array:
        optimizer = factory() if rate is None else factory(rate)
        optimizer = optax.with_extra_args_support(optimizer)
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
            extra |= {"outputs_fn": outputs_fn, "loss_fn": loss_fn}
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
    return _best(np.asarray(paths), first_order)


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
