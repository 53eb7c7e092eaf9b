"""What does batch normalization buy: larger learning rates, depth, or steadier features?

Lecture 004: networks with it train faster and are more robust. Trains shallow and deep networks on
digits over learning rates, without it, before and after the activation; follows the percentiles of
hidden inputs as Ioffe and Szegedy did in 2015; and shows what a mini-batch of one leaves.
"""

import dataclasses
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.figures import (
    BLUE,
    GREY,
    ORANGE,
    label_logarithmic,
    new_figure,
    plot_bars,
    save_figure,
)
from experiments.harness.options import Count, Seed, Several
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    clearly_positive,
    conclude,
    growing,
    over_seeds,
    prepare_folder,
)
from jaxnet.core.types import Array, Key
from jaxnet.data import Dataset
from jaxnet.training import Recipe, grid, sweep

SOURCE = "lecture 004, slide on batch normalization: final points"
PAPER = "Ioffe and Szegedy 2015, section 4.1; lecture 004, slide on training with normalization"
RATES = (0.01, 0.03, 0.1, 0.3, 1.0, 3.0, 10.0)
PERCENTILES = (15, 50, 85)
TRAINED = 0.2
"""Share misread up to which a network counts as trained: nine in ten are wrong by chance."""
KINDS: dict[str, tuple[int, Any]] = {
    "2 hidden layers, without": (2, None),
    "2 hidden layers, before": (2, "before"),
    "10 hidden layers, without": (10, None),
    "10 hidden layers, before": (10, "before"),
    "10 hidden layers, after": (10, "after"),
}
"""Name -> hidden layers, place of batch normalization."""
LOOKS = ((GREY, ":"), (BLUE, ":"), (GREY, "-"), (BLUE, "-"), (ORANGE, "--"))


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 5
    """Networks of each kind and learning rate."""
    epochs: Count = 10
    """Epochs of each network."""
    out: Path = Path("out/batch_norm")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2, epochs=1)


def main(config: Config) -> list[Claim]:
    """Train all kinds at all rates, follow the percentiles, and draw all."""
    out = prepare_folder(config.out)
    dataset = jaxnet.data.load_dataset("digits")
    keys = jax.random.split(jax.random.key(config.seed), 3)
    smoke = config.epochs < Config.epochs or config.seeds < Config.seeds
    kinds = dict([*KINDS.items()][1:2]) if smoke else KINDS
    curves = growing("errors", {})
    for name, kind in kinds.items():
        curves[name] = train(dataset, *kind, keys[0], config.seeds, config.epochs)
    for name, errors in curves.items():
        row = ", ".join(f"{each:.1%}" for each in errors[:, :, -1].mean(axis=1))
        print(f"{name}, at {RATES}: {row} misread")
    paths = {place: percentile_paths(dataset, place, keys[1], config) for place in (None, "before")}
    claims = one_claims(keys[2])
    if not smoke:
        claims += [*rate_claims(curves), drift_claim(paths)]
    figure = draw(out / "batch_norm.png", curves, paths)
    results = {"rates": RATES, "errors": curves, "paths": paths}
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def train(
    dataset: Dataset, hidden: int, place: Any, key: Key, seeds: int, epochs: int
) -> np.ndarray:
    """Return shares misread after each epoch, of shape (rates, seeds, epochs); diverged, all."""
    widths = 64, *[30] * hidden, 10
    network = jaxnet.mlp(
        widths, input_scale=1 / 16, batch_norm=place, batch_norm_convention="torch"
    )

    def build(rate: Any) -> Recipe:
        return Recipe(network, jaxnet.optim.sgd(rate))

    found = sweep(
        build,
        dataset.train,
        key=key,
        settings=grid(rate=RATES),
        validation=dataset.test,
        seeds=seeds,
        epochs=epochs,
        batch_size=50,
        short_batch="drop",
        keep="metrics",
        width="all",
        progress=f"{hidden} hidden layers, batch norm {place}",
    )
    return np.nan_to_num(1 - np.asarray(found.history.validation["accuracy"], float), nan=1.0)


def percentile_paths(dataset: Dataset, place: Any, key: Key, config: Config) -> np.ndarray:
    """Return percentiles of a hidden unit's input after each epoch: (4, seeds, epochs).

    The last row is the distance of medians from 0, the mean over all units.

    Of the last of three hidden layers of sigmoids, as their activation is given them.
    """
    network = jaxnet.mlp(
        (64, 50, 50, 50, 10), activation="sigmoid", initializer="xavier_normal",
        input_scale=1 / 16, batch_norm=place, batch_norm_convention="torch",
    )  # fmt: skip
    parts = network.description.parts
    upto = len(parts) - 2
    front = jaxnet.layers.serial(*parts[:upto])

    def reader(measure: Any) -> Any:
        def read(params: Any, statistics: Any, train: Any) -> Array:
            return measure(front.apply(params[:upto], statistics[:upto], train.inputs)[0])

        return read

    measures: dict[str, Callable[..., Array]] = {
        str(q): lambda z, q=q: jnp.percentile(z[:, 0], q) for q in PERCENTILES
    }
    measures["far"] = lambda z: jnp.mean(jnp.abs(jnp.median(z, axis=0)))

    found = sweep(
        lambda rate: Recipe(network, jaxnet.optim.sgd(rate)),
        dataset.train,
        key=key,
        settings=grid(rate=[1.0]),
        seeds=config.seeds,
        epochs=config.epochs,
        batch_size=50,
        short_batch="drop",
        instruments={name: reader(measure) for name, measure in measures.items()},
        keep="metrics",
        width="all",
    )
    return np.array([found.history.instruments[name][0] for name in measures], float)


def largest_rate(errors: np.ndarray) -> float:
    """Return the largest learning rate of the grid that trains, on the mean over seeds."""
    mean = errors[:, :, -1].mean(axis=1)
    return max(np.array(RATES)[mean <= TRAINED], default=0.0)


def best(errors: np.ndarray, epoch: int = -1) -> np.ndarray:
    """Return shares misread, one a seed, at the rate with the least mean."""
    return errors[errors[:, :, epoch].mean(axis=1).argmin(), :, epoch]


def rate_claims(curves: dict[str, np.ndarray]) -> list[Claim]:
    """Claim which rates and depths train, and that the place matters little."""
    _, _, plain, before, after = curves.values()
    tolerated = largest_rate(before) / max(largest_rate(plain), RATES[0])
    mean, error = over_seeds(best(before) - best(after))
    deep = "decades that more are misread by 10 hidden layers without than with, best rates"
    farther = np.log10(best(plain) / best(before))  # a seed in which few learn is no outlier then
    place = "before and after the activation differ, best rates"
    return [
        at_least("largest rate that trains 10 layers, with over without", SOURCE, tolerated, 3.0),
        clearly_positive(deep, SOURCE, farther),
        clearly_positive(
            "the same after the first epoch", SOURCE, best(plain, 0) - best(before, 0)
        ),
        at_most(place, SOURCE, abs(mean), 0.05, uncertainty=error),
    ]


def drift_claim(paths: dict[Any, np.ndarray]) -> Claim:
    """Claim that medians of hidden inputs stand farther from 0 without, on average of the run."""
    far = {place: each[-1].mean(axis=-1) for place, each in paths.items()}
    statement = "medians of hidden inputs stand farther from 0 without"
    return clearly_positive(statement, PAPER, far[None] - far["before"])


def one_claims(key: Key) -> list[Claim]:
    """Claim that a mini-batch of one is no NaN, and the same whatever the example."""
    layer = jaxnet.layers.batch_norm()
    params, statistics = layer.init(key, (4,))
    x = 3 * jax.random.normal(key, (2, 4))
    one, other = (layer.apply(params, statistics, each[None], training=True)[0] for each in x)
    apart = float(jnp.max(jnp.abs(one - other)))
    finite = float(jnp.mean(jnp.isfinite(jnp.stack([one, other]))))
    only = {"verdict": "holds only if a mini-batch has two examples or more"}
    return [
        at_least("share of finite outputs of mini-batches of one", SOURCE, finite, 1.0),
        at_most("outputs of two different mini-batches of one differ", SOURCE, apart, 0.0, **only),
    ]


def draw(path: Path, curves: dict[str, np.ndarray], paths: dict[Any, np.ndarray]) -> Path:
    """Draw errors against the learning rate and the epoch, and percentiles of a hidden input."""
    title = "With batch normalization deep networks train, at larger learning rates"
    figure, (left, middle, *pair) = new_figure(2, 2, size=(14, 10.5), title=title)
    for (name, errors), (color, style) in zip(curves.items(), LOOKS, strict=False):
        look = {"color": color, "label": name, "style": f"o{style}"}
        plot_bars(left, RATES, 100 * errors[:, :, -1], **look)
        at = errors[:, :, -1].mean(axis=1).argmin()
        epochs = np.arange(1, errors.shape[2] + 1)
        middle.plot(epochs, 100 * errors[at].mean(axis=0), style, color=color, label=name)
    left.set(
        xlabel="learning rate",
        ylabel="test images misread (%)\nmedian, least to largest",
        xscale="log",
    )
    middle.set(xlabel="epoch", ylabel="test images misread (%), mean", yscale="log")
    middle.set_title("At the best learning rate of each")
    left.legend(fontsize=10, loc="upper left")
    label_logarithmic(middle.yaxis)
    for axis, (place, each) in zip(pair, paths.items(), strict=True):
        epochs = np.arange(1, each.shape[2] + 1)
        for q, row, style in zip(PERCENTILES, each[:3, 0], ("--", "-", ":"), strict=True):
            color = BLUE if place else GREY
            axis.plot(epochs, row, style, color=color, label=f"percentile {q}")
        axis.set(xlabel="epoch", ylabel="input of a hidden sigmoid", ylim=(-5, 5))
        axis.set_title("before the activation" if place else "without")
        axis.legend(fontsize=11)
    return save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
