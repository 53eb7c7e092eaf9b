"""What do duplicates, nulls and outliers do to a fit, and what finds them?

Lecture 004 on data cleaning: an example that is repeated M times among B others weighs M/(B + M)
in the empirical risk; one height of 2.51 m bends a line that is fitted by the squared loss, less
so one by a robust loss; 1.82 m with 24 kg is seen in both features together only; and equal rows
need not be duplicates.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np

from experiments.data_cleaning.data_cleaning_figure import REPEATED, draw
from experiments.data_cleaning.lines import LOSSES, duplicate_share, fit_line, slopes_with_nulls
from experiments.data_cleaning.people import (
    GIANT,
    LIGHT,
    OTHERS,
    SLOPE,
    draw_adults,
    draw_families,
    with_,
)
from experiments.data_cleaning.rows import equal_rows, exponent, find, histogram_distances
from experiments.harness.options import Count, Seed, Several
from experiments.harness.progress import progress
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

SOURCE = "lecture 004, data cleaning"
SHARED = "lecture 004, slide on data cleaning: duplicates"
ROBUST = "lecture 004, slide on outliers: Minkowski error"
HISTOGRAM = "lecture 004, slide on the data distribution"
NULLS = "lecture 004, slide on data preprocessing: nulls"


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
    slopes = growing("slopes", {})
    for loss, name in LOSSES.items():
        pairs = [
            [fit_line(people, loss, config.epochs) for people in (group, with_(group, GIANT))]
            for group in progress(f"lines by {name} loss", groups)
        ]
        slopes[loss] = np.array(pairs)
    moved = {loss: 1 - after / before for loss, (before, after) in _transposed(slopes).items()}
    alone, together = zip(*(find(with_(group, LIGHT)) for group in families), strict=True)
    equal = gather([equal_rows(draw) for draw in draws])
    distances = np.array([histogram_distances(draw) for draw in draws])
    holes = [slopes_with_nulls(draw) for draw in draws]
    nulls = {field: gather([each[field] for each in holes]) for field in holes[0]}
    for name, values in equal.items():
        print(f"share of rows found, {name}: {values.mean():.2%}")
    claims = [duplicate_claim(shares, law), *outlier_claims(moved, alone, together)]
    claims += [*robust_claims(moved), *row_claims(equal), *null_claims(nulls)]
    claims.append(histogram_claim(distances))
    measured = {"equal": equal, "distances": distances, "nulls": nulls}
    figure = draw(out / "data_cleaning.png", shares, slopes, families[0], **measured)
    results = {"duplicate_shares": shares, "law": law, "slopes": slopes, "moved": moved}
    results |= measured
    return conclude(config, seeds=[config.seed], results=results, claims=claims, figures=[figure])


def _transposed(slopes: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    return {loss: columns.T for loss, columns in slopes.items()}


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


def robust_claims(moved: Mapping[str, np.ndarray]) -> list[Claim]:
    """Claim that Minkowski's error of exponent 1.5 is bent less than squares, more than absolutes.

    Args:
        moved: loss -> part of the slope that the giant takes off, one a group.
    """
    squared, middle, absolute = (
        moved[n] for n in ("squared_error", "minkowski_error", "absolute_error")
    )
    return [
        clearly_positive("a giant bends the line less by Minkowski's error, p = 1.5, than by the "
                         "squared one", ROBUST, squared - middle),
        clearly_positive("and more than by the absolute error", ROBUST, middle - absolute),
    ]  # fmt: skip


def row_claims(equal: Mapping[str, np.ndarray]) -> list[Claim]:
    """Claim which equal rows are no duplicates, and which duplicates are not equal."""
    share = {name: over_seeds(values) for name, values in equal.items()}
    return [
        at_least("share of independent people equal to others in age, education and city", SHARED,
                 share["coarse"][0], 0.5, uncertainty=share["coarse"][1]),
        at_most("and in age, height to .01 cm and weight to .01 kg: equal rows are duplicates",
                SHARED, share["fine"][0], 0.01, uncertainty=share["fine"][1]),
        at_most("share of rounded copies found as equal rows", SHARED,
                share["rounded copies"][0], 0.05, uncertainty=share["rounded copies"][1]),
        at_least("and as rows equal to one decimal", SHARED, share["with tolerance"][0], 1.0,
                 uncertainty=share["with tolerance"][1]),
    ]  # fmt: skip


def histogram_claim(distances: np.ndarray) -> Claim:
    """Claim that a histogram nears the distribution as one over the root of the number."""
    power, error = over_seeds([exponent(each) for each in distances])
    statement = "distance of a histogram to the distribution falls as n^-1/2: exponent is off"
    return at_most(statement, HISTOGRAM, abs(power + 0.5), 0.05, uncertainty=error)


def null_claims(nulls: Mapping[str, Mapping[str, np.ndarray]]) -> list[Claim]:
    """Claim what the mean in place of nulls does to the slope of a line.

    Args:
        nulls: where the nulls are -> what becomes of them -> slopes, one a group.
    """
    inputs, targets = nulls["inputs"], nulls["targets"]
    apart = float(np.max(np.abs(inputs["imputed"] / inputs["dropped"] - 1)))
    off = {how: np.abs(targets[how] - SLOPE) for how in targets}
    return [
        at_most("mean for null heights: slope of weight differs from that of the other rows",
                NULLS, apart, 1e-9),
        clearly_positive("mean for null weights: the slope is farther off than that of the other "
                         "rows", NULLS, off["imputed"] - off["dropped"],
                         verdict="holds only if the null is no target"),
    ]  # fmt: skip


def gather(rows: Sequence[Mapping[str, float]]) -> dict[str, np.ndarray]:
    """Return name -> values of dictionaries with the same names."""
    return {name: np.array([row[name] for row in rows]) for name in rows[0]}
