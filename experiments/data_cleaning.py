"""What do duplicates and outliers do to a fit, and what finds them?

Lecture 004 on data cleaning: an example that is repeated M times among B others weighs M/(B + M)
in the empirical risk; one height of 2.51 m bends a line that is fitted by the squared loss, not
one by Huber's; and 1.82 m with 24 kg is seen in both features together only.
"""

import dataclasses
import functools
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
import optax

import jaxnet
from experiments.harness.command import run_command
from experiments.harness.figures import BLUE, GREY, ORANGE, new_figure, plot_bars, save_figure
from experiments.harness.options import Count, Seed, Several
from experiments.harness.progress import progress
from experiments.harness.record import (
    Claim,
    at_least,
    at_most,
    clearly_positive,
    conclude,
    over_seeds,
    prepare_folder,
)
from jaxnet.data import Examples, cleaning, preparation

SOURCE = "lecture 004, data cleaning"
OTHERS, REPEATED = 60, (1, 2, 4, 8, 16, 32, 64)
GIANT, LIGHT = (2.51, 78.0), (1.82, 24.0)
LOSSES = {"squared_error": "squared", "huber": "Huber's", "absolute_error": "absolute"}

LINE = jaxnet.layers.dense(1)


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the experiment."""

    seed: Seed = 0
    """Seed of all draws."""
    seeds: Several = 10
    """Groups of people, each drawn anew."""
    epochs: Count = 400
    """Steps of full-batch gradient descent of each fit."""
    out: Path = Path("out/data_cleaning")
    """Folder for result.json and the figure."""


SMOKE = Config(seeds=2)


def main(config: Config) -> list[Claim]:
    """Measure the weight of a duplicate, the slopes, and what is found; draw all."""
    out = prepare_folder(config.out)
    shares = [duplicate_share(m, config.epochs) for m in REPEATED]
    law = [m / (OTHERS + m) for m in REPEATED]
    draws = np.random.default_rng(config.seed).spawn(config.seeds)
    groups, families = [draw_adults(d) for d in draws], [draw_families(d) for d in draws]
    slopes = {
        loss: np.array(
            [
                [fit_line(people, loss, config.epochs) for people in (group, with_(group, GIANT))]
                for group in progress(f"lines by {name} loss", groups)
            ]
        )
        for loss, name in LOSSES.items()
    }
    moved = {loss: 1 - after / before for loss, (before, after) in _transposed(slopes).items()}
    alone, together = zip(*(find(with_(group, LIGHT)) for group in families), strict=True)
    claims = [duplicate_claim(shares, law), *outlier_claims(moved, alone, together)]
    figure = draw(out / "data_cleaning.png", shares, slopes, families[0])
    results = {"duplicate_shares": shares, "law": law, "slopes": slopes, "moved": moved}
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def duplicate_claim(shares: Sequence[float], law: Sequence[float]) -> Claim:
    """Claim that the measured weight of a duplicate is the law's."""
    farthest = max(abs(share - exact) for share, exact in zip(shares, law, strict=True))
    return at_most("a duplicate weighs M/(B + M) in the risk", SOURCE, farthest, 1e-3)


def outlier_claims(
    moved: Mapping[str, np.ndarray], alone: Sequence[int], together: Sequence[bool]
) -> list[Claim]:
    """Claim what a giant does to the fits, and where a light person is found."""
    more = moved["squared_error"] - 1.5 * moved["huber"]
    share, error = over_seeds(together)
    return [
        clearly_positive("a giant bends the line of the squared loss more than 1.5 times as far as "
                         "Huber's", SOURCE, more),
        at_most("groups where 1.82 m, 24 kg is an outlier of one feature", SOURCE, sum(alone), 0),
        at_least("share where both features show it", SOURCE, share, 1.0, uncertainty=error),
    ]  # fmt: skip


def duplicate_share(repeated: int, epochs: int) -> float:
    """Return what a fitted constant makes of one example of 1, repeated, among zeros."""
    targets = np.r_[np.zeros(OTHERS), np.ones(repeated)].astype(np.float32)[:, None]
    return fit_line(Examples(np.zeros_like(targets), targets), "squared_error", epochs, bias=True)


def draw_families(random: np.random.Generator) -> Examples:
    """Draw heights in m and weights in kg of people of all ages, children too."""
    height = random.uniform(0.9, 1.95, (OTHERS, 1))
    index = 15 + 8 * (height - 0.9) + random.normal(0, 1.5, (OTHERS, 1))
    return Examples(height, index * height**2)


def draw_adults(random: np.random.Generator) -> Examples:
    """Draw heights in m and weights in kg, which rise by 76 kg a metre."""
    height = random.normal(1.72, 0.08, (OTHERS, 1))
    return Examples(height, 70 + 76 * (height - 1.72) + random.normal(0, 5, (OTHERS, 1)))


def with_(people: Examples, person: tuple[float, float]) -> Examples:
    """Add a person, of a height and a weight."""
    return Examples(*(np.append(f, [[n]], axis=0) for f, n in zip(people, person, strict=True)))


def fit_line(people: Examples, loss: str, epochs: int, *, bias: bool = False) -> float:
    """Fit a line by gradient descent; return its slope, or its bias, in the units of the data."""
    fitted = [preparation.fitted(preparation.standardize(), field) for field in people]
    if bias:
        prepared = people
    else:
        prepared = Examples(*(f.apply(field) for f, field in zip(fitted, people, strict=True)))
    result = jaxnet.training.fit(
        LINE,
        jax.tree.map(lambda field: np.asarray(field, np.float32), prepared),
        key=jax.random.key(0),
        loss=jaxnet.losses.get_loss(loss),
        optimizer=_optimizer(epochs),
        epochs=epochs,
        batch_size=len(people.targets),
    )
    if bias:
        return float(result.params.bias[0])
    scales = [float(f.statistics["scale"][0]) for f in fitted]
    return float(result.params.weights[0, 0]) * scales[1] / scales[0]


@functools.cache
def _optimizer(epochs: int) -> optax.GradientTransformation:
    """Return the identical optimizer for equal epochs, so that compiled programs are reused."""
    return jaxnet.optim.adam(jaxnet.schedules.cosine_decay(0.1, epochs))


def find(people: Examples) -> tuple[bool, bool]:
    """Return whether the last person is an outlier of one feature, and of both together."""
    both, last = np.concatenate(list(people), axis=1), len(people.targets) - 1
    alone = cleaning.find_outliers(both, method="z_score")
    together = cleaning.find_joint_outliers(both, method="mahalanobis")
    return last in [f.row for f in alone], last in [f.row for f in together]


def draw(path: Path, shares: list[float], slopes: dict[str, np.ndarray], group: Examples) -> Path:
    """Draw the weight of duplicates, the slopes, and one group with both outliers."""
    title = "Duplicates weigh M/(B + M); an outlier bends what squares its error"
    figure, (left, middle, right) = new_figure(1, 3, size=(15, 4.8), title=title)
    m = np.linspace(0, max(REPEATED), 100)
    left.plot(m, m / (OTHERS + m), color=GREY, label="M/(B + M)")
    left.plot(REPEATED, shares, "o", color=BLUE, label="fitted")
    left.set(
        xlabel=f"copies M beside B = {OTHERS}", ylabel="weight in the risk", title="Duplicates"
    )
    left.legend()
    for column, (label, color) in enumerate((("without", BLUE), ("with 2.51 m", ORANGE))):
        rows = [slopes[loss][:, column] for loss in LOSSES]
        place = np.arange(len(LOSSES)) + 0.1 * column
        plot_bars(middle, place, rows, color=color, label=label, style="o")
    middle.set_xticks(range(len(LOSSES)), list(LOSSES.values()))
    middle.set(xlabel="loss", ylabel="slope (kg / m)", title="One height of 2.51 m")
    middle.legend(loc="lower right")
    right.plot(*(field[:, 0] for field in group), "o", color=BLUE, alpha=0.6)
    right.plot(*LIGHT, "s", color=ORANGE)
    right.annotate("1.82 m, 24 kg", LIGHT, textcoords="offset points", xytext=(-8, 10), ha="right")
    right.set(xlabel="height (m)", ylabel="weight (kg)", title="Usual each, not together")
    return save_figure(figure, path)


def _transposed(slopes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {loss: columns.T for loss, columns in slopes.items()}


if __name__ == "__main__":
    sys.exit(run_command(sys.modules[__name__]))
