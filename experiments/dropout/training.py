"""Does dropout average thinned networks, and whom does it help?

Lecture 004: units are dropped at random while training, and weights scaled afterwards. Compares
both forms in expectation, a trained network with the average of its thinned ones, and small and
large networks at some drop rates, on few examples.
"""

import dataclasses
import itertools
import sys
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
    share_legend,
)
from experiments.harness.options import Count, Seed, Several
from experiments.harness.progress import sweep_bar
from experiments.harness.record import (
    Claim,
    at_most,
    clearly_positive,
    conclude,
    over_seeds,
    prepare_folder,
)
from jaxnet.core.types import Array, Key
from jaxnet.data import Dataset
from jaxnet.training import Recipe, SweepResult, grid, sweep

FORM = "lecture 004, slide on dropout: forward propagation"
WHY = "lecture 004, slide on dropout: intuition"
WIDTHS, RATES = {"small, 20-20": 20, "large, 300-300": 300}, (0.0, 0.25, 0.5, 0.75)
THINNED = (1, 2, 4, 8, 16, 32, 64)
"""Thinned networks in an average."""


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    dataset: str = "digits"
    """A data set of images by name; see learning_curves --help."""
    data_dir: Path | None = None
    """Folder that holds the data sets; by default $JAXNET_DATA, else the user's cache folder."""
    examples: Count = 200
    """Training examples, so few that networks overfit."""
    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 6
    """Networks of each width and drop rate."""
    epochs: Count = 100
    """Epochs of each network."""
    out: Path = Path("out/dropout")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2, epochs=2)


def main(config: Config) -> list[Claim]:
    """Compare the forms, train all networks, average thinned ones, and draw all."""
    out = prepare_folder(config.out)
    dataset = jaxnet.data.load_dataset(config.dataset, data_dir=config.data_dir)
    keys = jax.random.split(jax.random.key(config.seed), 3)
    forms = {like: expectation_error(like, like, keys[0]) for like in ("inverted", "lecture")}
    exact = geometric_error(keys[1])
    sweeps = {name: train(dataset, width, keys[2], config) for name, width in WIDTHS.items()}
    measured = {name: measures(found) for name, found in sweeps.items()}
    for name, each in measured.items():
        for rate, loss, error in zip(RATES, *each.values(), strict=True):
            print(f"{name}, drop rate {rate}: loss {loss.mean():.3f}, {error.mean():.2%} misread")
    thinned = average_thinned(dataset, sweeps["large, 300-300"], keys[2])
    claims = [
        at_most(f"mean masked output is off, {like}, standard errors", FORM, error, 4.5)
        for like, error in forms.items()
    ]
    statement = "geometric mean of all thinned layers is off the scaled one"
    claims.append(at_most(statement, WHY, exact, 1e-5))
    if min(config.epochs / Config.epochs, config.seeds / Config.seeds) >= 1:
        claims += training_claims(measured, thinned)
    figure = draw(out / "dropout.png", measured, thinned)
    record = {"measured": measured, "thinned": thinned, "rates": RATES}
    return conclude(config, seeds=[config.seed], results=record, claims=claims, figures=[figure])


def expectation_error(trained: Any, evaluated: Any, key: Key, masks: int = 4000) -> float:
    """Return how far the mean output over masks is from that without any, in standard errors.

    Of dropout in the form ``trained`` while training and ``evaluated`` otherwise, and a linear
    layer of 30 inputs; the largest of 20 outputs.
    """
    masked, network = (
        jaxnet.layers.serial(jaxnet.layers.dropout(0.5, like=like), jaxnet.layers.dense(20))
        for like in (trained, evaluated)
    )
    draw, drop = jax.random.split(key)
    params, statistics = network.init(draw, (30,))
    x = jnp.abs(jax.random.normal(draw, (1, 30)))

    def output(key: Key) -> Array:
        return masked.apply(params, statistics, x, key=key, training=True)[0][0]

    each = np.asarray(jax.jit(jax.vmap(output))(jax.random.split(drop, masks)), float)
    whole = np.asarray(network.apply(params, statistics, x)[0][0], float)
    return float(np.max(np.abs(each.mean(axis=0) - whole) / (each.std(axis=0) / masks**0.5)))


def geometric_error(key: Key, inputs: int = 8) -> float:
    """Return how far the normalized geometric mean of 2^8 thinned networks is from the scaled one.

    Of softmax over a linear layer, whose inputs are dropped with probability 1/2.
    """
    draw = jax.random.split(key)
    w, x = jax.random.normal(draw[0], (5, inputs)), jax.random.normal(draw[1], (inputs,))
    masks = jnp.array(list(itertools.product([0.0, 1.0], repeat=inputs)))
    logs = jax.nn.log_softmax((masks * x[None]) @ w.T)
    mean = jax.nn.softmax(logs.mean(axis=0))
    return float(jnp.max(jnp.abs(mean - jax.nn.softmax(w @ (0.5 * x)))))


def shape_of(dataset: Dataset, width: int) -> tuple[int, ...]:
    """Return the widths of a network."""
    return dataset.train.inputs.shape[1], width, width, len(dataset.class_names)


def train(dataset: Dataset, width: int, key: Key, config: Config) -> SweepResult:
    """Train networks of a width at each drop rate."""
    shape = shape_of(dataset, width)

    def build(rate: Any) -> Recipe:
        network = jaxnet.mlp(shape, input_scale=dataset.input_scale, drop_rate=rate)
        return Recipe(network, jaxnet.optim.adam(2e-3))

    train = dataset.train.map(lambda array: array[: config.examples])
    with sweep_bar(f"width {width}") as show:
        return sweep(
            build,
            train,
            key=key,
            settings=grid(rate=RATES),
            validation=dataset.test,
            seeds=config.seeds,
            epochs=config.epochs,
            batch_size=50,
            width="all",
            on_progress=show,
        )


def measures(found: SweepResult) -> dict[str, np.ndarray]:
    """Return loss and share misread of test images, each of shape (drop rates, seeds)."""
    right = np.asarray(found.metrics["validation_accuracy"], float)
    return {"test_loss": found.metrics["validation_loss"], "test_error": 1 - right}


def average_thinned(dataset: Dataset, found: SweepResult, key: Key) -> list[np.ndarray]:
    """Return shares misread at rate 1/2, a row a seed: of averages, and of the scaled network."""
    shape = shape_of(dataset, WIDTHS["large, 300-300"])
    network = jaxnet.mlp(shape, input_scale=dataset.input_scale, drop_rate=0.5)
    inputs, labels = (jnp.asarray(field) for field in dataset.test)

    def wrong(outputs: Array) -> Array:
        return jnp.mean(jaxnet.metrics.error_rate(outputs, labels))

    @jax.jit
    def average(params: Any, statistics: Any) -> tuple[Array, Array]:
        def outputs(key: Key) -> Array:
            logits = network.apply(params, statistics, inputs, key=key, training=True)[0]
            return jax.nn.softmax(logits)

        each = jax.lax.map(outputs, jax.random.split(key, max(THINNED)))
        counts = jnp.array(THINNED)
        whole = network.apply(params, statistics, inputs)[0]
        return jax.vmap(wrong)(jnp.cumsum(each, axis=0)[counts - 1]), wrong(whole)

    seeds = range(len(found.keys))
    members = [found.member(RATES.index(0.5), seed) for seed in seeds]
    thinned = [average(member.params, member.statistics) for member in members]
    return [np.array(part) for part in zip(*thinned, strict=True)]


def training_claims(measured: dict[str, dict[str, np.ndarray]], thinned: Any) -> list[Claim]:
    """Claim what averaging gains, and whom dropout helps."""
    (averages, whole), half = thinned, RATES.index(0.5)
    small, large = ({n: m - m[0] for n, m in each.items()} for each in measured.values())
    mean, error = over_seeds(averages[:, -1] - whole)
    same, spread = over_seeds(large["test_error"][half])
    return [
        clearly_positive("one thinned network misreads more than 64 averaged", WHY,
                         averages[:, 0] - averages[:, -1]),
        at_most("64 averaged and the scaled one differ", WHY, abs(mean), 0.02, uncertainty=error),
        clearly_positive("half dropped, the small network misreads more", WHY,
                         small["test_error"][half], verdict="holds only if the network is large"),
        at_most("half dropped, the large network gains nothing: differ", WHY, abs(same), 0.02,
                uncertainty=spread, verdict="fails"),
    ]  # fmt: skip


def draw(path: Path, measured: Any, thinned: Any) -> Path:
    """Draw loss and error against the drop rate, and errors of averages of thinned networks."""
    title = "Dropout spoils small networks; the scaled network is the average of thinned ones"
    figure, (*pair, right) = new_figure(1, 3, size=(16, 5.2), title=title)
    names = {"test_loss": "test loss (nats)", "test_error": "test images misread (%)"}
    for axis, (kind, label) in zip(pair, names.items(), strict=True):
        factor = 100 if kind == "test_error" else 1
        for (name, each), color in zip(measured.items(), (ORANGE, BLUE), strict=True):
            style = "o-" if color == BLUE else "s--"
            plot_bars(axis, RATES, factor * each[kind], color=color, label=name, style=style)
        axis.set(xlabel="drop rate", ylabel=f"{label}\nmedian, least to largest", yscale="log")
        label_logarithmic(axis.yaxis)
    share_legend(figure, pair[0], 2)
    averages, whole = thinned
    plot_bars(right, THINNED, 100 * averages.T, color=BLUE, label="average of thinned networks")
    right.axhline(100 * whole.mean(), color=GREY, linestyle="--", label="scaled network, mean")
    right.set(xlabel="thinned networks averaged", ylabel="test images misread (%)", xscale="log")
    right.set(title="Large network, half dropped")
    right.legend()
    return save_figure(figure, path)


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
