"""How large may the learning rate be before gradient descent diverges?

Full-batch gradient descent with many learning rates at once, each from the same initial weights, on
a linear regression, whose risk is quadratic, and on a small tanh network. Finds the rate from which
on training diverges, and draws it beside the edge of stability, 2 / lambda_max, with lambda_max the
largest eigenvalue of the Hessian: measured at the start, and after training with the best rate. A
network may train far above the edge at its start, if it moves to where the edge is above the rate.
"""

import dataclasses
import sys
from pathlib import Path
from typing import Annotated, Any, NamedTuple

import jax
import numpy as np

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.figures import (
    BLUE,
    GREEN,
    GREY,
    ORANGE,
    label_logarithmic,
    new_figure,
    save_figure,
    share_legend,
)
from experiments.harness.options import Count, Seed, Width, Within, is_default
from experiments.harness.record import Claim, at_least, conclude, growing, prepare_folder
from jaxnet.data import Examples
from jaxnet.inspection import largest_stable_rate
from jaxnet.training import Recipe, find_learning_rate, make_objective, use_cores_as_devices

LOW, HIGH = 1e-3, 10.0
"""Range of learning rates."""

ENOUGH = 50
"""Steps until the loss outgrows its start at rates just above the limit."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the search."""

    points: Annotated[int, Within(8)] = 48
    """Learning rates, from 0.001 to 10, evenly spaced in the logarithm; 8 or more."""
    epochs: Count = 200
    """Steps of gradient descent per rate."""
    hidden: Width = 32
    """Hidden units of the network."""
    seed: Seed = 0
    """Seed of the initial weights."""
    out: Path = Path("out/learning_rate_finder")
    """Folder for result.json and the figure."""


ABOVE = 1.5
"""Least claimed ratio of the network's best rate to the edge of stability at its start."""

BEST = {"color": GREEN, "markersize": 10, "fillstyle": "none", "markeredgewidth": 2}

SMOKE = Config(points=8, epochs=50, hidden=4)


class Found(NamedTuple):
    """Result for one network.

    Attributes:
        name: name of the network.
        rates: learning rates.
        losses: mean loss after the last step; NaN where a run diverged.
        start: loss before the first step.
        edge: smallest rate from which on training diverges.
        suggestion: the rate of the lowest loss up to half of it.
        stable_at_start: 2 / lambda_max before the first step.
        best: the rate of the lowest loss below the edge.
        stable_at_end: 2 / lambda_max after training with the best rate.
    """

    name: str
    rates: np.ndarray
    losses: np.ndarray
    start: float
    edge: float
    suggestion: float
    stable_at_start: float
    best: float
    stable_at_end: float


def main(config: Config) -> list[Claim]:
    """Search, measure the curvature, draw, record."""
    out = prepare_folder(config.out)
    use_cores_as_devices()
    digits = jaxnet.data.load_dataset("digits").train
    one_hot = Examples(digits.inputs, np.eye(10, dtype=np.float32)[digits.targets])
    linear = jaxnet.mlp((64, 10), input_scale=1 / 16)
    small = jaxnet.mlp((64, config.hidden, 10), activation="tanh", input_scale=1 / 16)
    found = growing("found", [])
    found.append(search(config, "linear regression", linear, one_hot, "mean_squared_error"))
    found.append(search(config, "tanh network", small, digits, "softmax_cross_entropy"))
    for each in found:
        print(
            f"{each.name}: {divergence(each)}; 2 / lambda_max is "
            f"{each.stable_at_start:.3g} at the start, {each.stable_at_end:.3g} after training "
            f"with the best rate, {each.best:.3g}"
        )
    claims = check_claims(config, *found)
    figure = draw(out / "learning_rate_finder.png", found)
    return conclude(
        config,
        seeds=[config.seed],
        results={each.name: each for each in found},
        claims=claims,
        figures=[figure],
    )


def search(config: Config, name: str, network: Any, train: Examples, loss: str) -> Found:
    """Train with all rates, and measure the curvature before and after training."""

    def build(learning_rate: Any) -> Recipe:
        return Recipe(network, jaxnet.optim.sgd(learning_rate), loss)

    key = jax.random.key(config.seed)
    found = find_learning_rate(
        build,
        train,
        key=key,
        batch_size=len(train.targets),
        low=LOW,
        high=HIGH,
        points=config.points,
        epochs=config.epochs,
        progress=name,
    )
    objective = make_objective(network, loss)
    stays = np.where(found.rates < found.edge, found.losses, np.inf)
    best = int(np.nanargmin(stays))
    member = found.sweep.member(best)
    init_key, _ = jax.random.split(member.key)  # as `init_state` draws the initial parameters
    start, statistics = network.init(init_key, train.inputs.shape[1:])
    stable = [
        float(largest_stable_rate(objective, params, statistics, train, key=key))
        for params in (start, member.params)
    ]
    return Found(
        name=name,
        rates=found.rates,
        losses=found.losses,
        start=found.start,
        edge=found.edge,
        suggestion=found.suggestion,
        stable_at_start=stable[0],
        best=float(found.rates[best]),
        stable_at_end=stable[1],
    )


def divergence(found: Found) -> str:
    """Return a line about the rate from which on training diverges."""
    if np.isinf(found.edge):
        return f"does not diverge up to rate {HIGH:g}"
    return f"diverges from rate {found.edge:.3g}"


def check_claims(config: Config, linear: Found, network: Found) -> list[Claim]:
    """Compare the edge of the quadratic with theory, and that of the network at start and end."""
    claims = []
    if config.epochs >= ENOUGH:
        spacing = (HIGH / LOW) ** (1 / (config.points - 1))
        # just above the limit the steepest axis outgrows the start only after more steps
        ratio, bar = linear.edge / linear.stable_at_start, spacing**2
        text = "linear regression: diverges from 2 / lambda_max on, within two points of the grid"
        claims.append(Claim(text, "lecture 004", ratio, "in 1 to", bar, 1.0 <= ratio <= bar))
    if is_default(config, free=("seed", "out")):
        text = "tanh network: best rate over 2 / lambda_max at its start"
        ratio = network.best / network.stable_at_start
        claims.append(at_least(text, "jaxnet's own, on five other seeds", ratio, ABOVE))
        text = "tanh network: 2 / lambda_max after training with the best rate, over that rate"
        ratio = network.stable_at_end / network.best
        claims.append(at_least(text, "lecture 004", ratio, 1.0))
    return claims


def draw(path: Path, found: list[Found]) -> Path:
    """Draw the loss after training against the rate, with the edges."""
    figure, axes = new_figure(1, 2, size=(14, 5.8), title=describe(*found))
    for place, each in zip(axes, found, strict=True):
        _draw_one(place, each)
    share_legend(figure, axes[0], 4)
    return save_figure(figure, path)


def describe(linear: Found, network: Found) -> str:
    """Return the title: where both diverge, and whether the network has become flatter."""
    ratios = [each.edge / each.stable_at_start for each in (linear, network)]
    where = [f"{r:.2g}" if np.isfinite(r) else "more than all rates" for r in ratios]
    title = rf"Divergence starts at {where[0]} times $2 / \lambda_{{max}}$ of the start"
    title += f" for a quadratic, at {where[1]} for a network"
    if network.stable_at_start < network.best <= network.stable_at_end:
        title += (
            ":\nwhere it trains best, it has moved to where $2 / \\lambda_{max}$ is above the rate"
        )
    return title


def _draw_one(axes: Any, found: Found) -> None:
    stays = found.rates < found.edge
    axes.plot(found.rates[stays], found.losses[stays], "o-", color=BLUE, label="after training")
    gone = found.rates[~stays]
    place = axes.get_xaxis_transform()
    axes.plot(gone, np.full(len(gone), 0.96), "^", color=BLUE, transform=place, label="diverged")
    axes.axhline(found.start, color=GREY, linestyle=":", label="before")
    axes.axvspan(min(found.edge, HIGH), HIGH, color=ORANGE, alpha=0.15, lw=0, label="diverges")
    axes.axvline(found.stable_at_start, color=GREEN, label=r"2 / $\lambda_{max}$ at the start")
    axes.axvline(
        found.stable_at_end,
        color=GREEN,
        linestyle="--",
        label=r"2 / $\lambda_{max}$ after training with the best rate",
    )
    axes.plot(found.best, np.nanmin(found.losses[stays]), "s", **BEST, label="best rate")
    axes.plot(
        found.suggestion,
        found.losses[np.argmin(abs(found.rates - found.suggestion))],
        "D",
        color=ORANGE,
        markersize=10,
        label="suggestion",
    )
    axes.set(xscale="log", yscale="log", xlabel="learning rate", ylabel="loss")
    axes.set_title(f"{found.name}: suggestion {found.suggestion:.2g}, {divergence(found)}")
    axes.set_ylim(0.5 * np.nanmin(found.losses[stays]), 3 * found.start)
    axes.set_xlim(LOW, HIGH)
    label_logarithmic(axes.yaxis)
    ticks = [0.001, 0.01, 0.1, 1.0, 10.0]
    axes.set_xticks(ticks, [f"{tick:g}" for tick in ticks])


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
