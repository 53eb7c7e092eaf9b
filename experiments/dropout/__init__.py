"""Does dropout average thinned networks, and whom does it help?

Lecture 004: units are dropped at random while training, and weights scaled afterwards. Compares
both forms in expectation, a trained network with the average of its thinned ones, and small and
large networks at some drop rates, on few examples; one smaller network without dropout, and the
slide's rates of inputs and hidden units with those exchanged.
"""

import dataclasses
from pathlib import Path

import jax

import jaxnet
from experiments.dropout.averages_figure import draw
from experiments.dropout.claims import FORM, WHY, training_claims, version_claims
from experiments.dropout.expectation import expectation_error, geometric_error
from experiments.dropout.training import (
    LARGE,
    RATES,
    VERSIONS,
    WIDTHS,
    average_thinned,
    compare_versions,
    measures,
    train,
)
from experiments.harness.options import Count, Seed, Several
from experiments.harness.record import Claim, at_most, conclude, growing, prepare_folder


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
    sweeps, measured = {}, growing("measured", {})
    for name, width in WIDTHS.items():
        sweeps[name] = train(dataset, width, keys[2], config)
        measured[name] = measures(sweeps[name])
    for name, each in measured.items():
        for rate, loss, error in zip(RATES, *each.values(), strict=True):
            print(f"{name}, drop rate {rate}: loss {loss.mean():.3f}, {error.mean():.2%} misread")
    thinned = average_thinned(dataset, sweeps[LARGE], keys[2])
    versions = compare_versions(dataset, keys[2], config)
    for name, loss, error in zip(VERSIONS, *versions.values(), strict=True):
        print(f"{name}: loss {loss.mean():.3f}, {error.mean():.2%} misread")
    claims = [
        at_most(f"mean masked output is off, {like}, standard errors", FORM, error, 4.5)
        for like, error in forms.items()
    ]
    statement = "geometric mean of all thinned layers is off the scaled one"
    claims.append(at_most(statement, WHY, exact, 1e-5))
    if min(config.epochs / Config.epochs, config.seeds / Config.seeds) >= 1:
        claims += training_claims(measured, thinned) + version_claims(versions)
    figure = draw(out / "dropout.png", measured, thinned, versions)
    record = {"measured": measured, "thinned": thinned, "rates": RATES}
    record |= {"versions": versions}
    return conclude(config, seeds=[config.seed], results=record, claims=claims, figures=[figure])
