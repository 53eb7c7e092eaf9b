"""Which hyperparameters matter, and what does it do to choose one on the test examples?

Lecture 000: hyperparameters are chosen on validation examples, and the test examples are used once.
Here all settings are trained on many data sets whose true error is known, from examples enough to
tell; the setting is chosen on the test examples, on validation examples, or by 5 folds; either part
is the test in turn. Lecture 003 lists hyperparameters: each is chosen by validation, the others at
their default.
"""

import dataclasses
from pathlib import Path
from typing import Annotated

import numpy as np

from experiments.harness.options import Count, Seed, Several, Within
from experiments.harness.record import Claim, conclude, growing, over_seeds, prepare_folder
from experiments.tuning.estimates import (
    TRIED,
    choose,
    in_both_roles,
    judge,
    measure,
    optimisms,
    over_sets,
    pick,
)
from experiments.tuning.hyperparameters import compare, losses_of, matter_claims
from experiments.tuning.tuning_figures import draw, draw_choices


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    sets: Annotated[int, Within(2)] = 40
    """Data sets of the settings, 2 or more; each has its own examples, and networks."""
    epochs: Count = 40
    """Epochs of each of their networks."""
    draws: Several = 12
    """Draws of digits for the hyperparameters, each with its own network."""
    length: Count = 200
    """Epochs of each of these."""
    seed: Seed = 0
    """Seed of all of them."""
    out: Path = Path("out/tuning")
    """Folder for result.json and the figures."""


SMOKE = Config(sets=3, epochs=5, draws=2, length=8)


def main(config: Config) -> list[Claim]:
    """Choose settings in three ways, compare with the truth, and choose each hyperparameter."""
    out = prepare_folder(config.out)
    measured = measure(config.seed, config.sets, config.epochs)
    accuracy = {name: np.asarray(each, np.float64) for name, each in measured.items()}
    growing("accuracy", accuracy)
    accuracy = in_both_roles(accuracy)
    chosen = {how: choose(accuracy[how]) for how in ("test", "validation", "folds")}
    taken = {how: pick(accuracy["truth"], place) for how, place in chosen.items()}
    estimates = {how: pick(accuracy["test"], chosen[how]) - taken[how] for how in chosen}
    optimism = {n: over_sets(optimisms(accuracy, n)) for n in TRIED}
    for how in chosen:
        bias, better = (over_sets(100 * each[how]) for each in (estimates, taken))
        print(
            f"chosen by {how}: truly {better[0]:.2f} % right, the test says {bias[0]:+.2f} ± "
            f"{bias[1]:.2f} points more"
        )
    errors = compare(config.seed, config.draws, config.length)
    for name, each in errors.items():
        loss, error = over_seeds(100 * losses_of(each))
        means = ", ".join(f"{choice} {100 * row.mean():.1f}" for choice, row in each.items())
        print(f"{name}: {means} % misread; worst less best {loss:.2f} ± {error:.2f} points")
    claims = judge(estimates, taken, accuracy) if config.sets >= Config.sets else []
    if config.draws >= Config.draws and config.length >= Config.length:
        claims += matter_claims(errors)
    figures = [
        draw(out / "tuning.png", accuracy, optimism, estimates),
        draw_choices(out / "hyperparameters.png", errors),
    ]
    results = {"optimism": optimism, "estimates": estimates, "truth": taken, "errors": errors}
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=figures)
