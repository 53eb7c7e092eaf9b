"""Rows: outliers, equal ones that are no duplicates, duplicates that are not equal, histograms."""

import math

import numpy as np

from experiments.data_cleaning.people import draw_coarse, draw_fine
from jaxnet.data import Examples, cleaning

PEOPLE, COPIES = 1000, 50
"""Duplicates in a table of people: equal rows, and copies that were rounded."""
EDGES = np.arange(152.0, 193.0, 4.0)
"""Edges of the inner bins of a histogram of heights, in cm; the outer bins are open."""
NUMBERS = (100, 300, 1_000, 3_000, 10_000, 30_000, 100_000)
"""Heights in a histogram."""


def find(people: Examples) -> tuple[bool, bool]:
    """Return whether the last person is an outlier of one feature, and of both together."""
    both, last = np.concatenate(list(people), axis=1), len(people.targets) - 1
    alone = cleaning.find_outliers(both, method="z_score")
    together = cleaning.find_joint_outliers(both, method="mahalanobis")
    return last in [f.row for f in alone], last in [f.row for f in together]


def equal_rows(random: np.random.Generator) -> dict[str, float]:
    """Return the shares of rows that are found as duplicates.

    Returns:
        Of independent people by coarse and by fine facts; and of rounded copies of fine facts,
        without and with a tolerance of one decimal.
    """
    coarse, fine = draw_coarse(random, PEOPLE), draw_fine(random, PEOPLE)
    rows = np.concatenate([fine, fine[:COPIES].round(1)])

    def found(rows: np.ndarray, first: int, decimals: int | None = None) -> float:
        listed = {each.row for each in cleaning.find_duplicates(rows, decimals=decimals)}
        return float(np.mean([row in listed for row in range(first, len(rows))]))

    return {
        "coarse": found(coarse, 0),
        "fine": found(fine, 0),
        "rounded copies": found(rows, PEOPLE),
        "with tolerance": found(rows, PEOPLE, 1),
    }


def histogram_distances(
    random: np.random.Generator, *, mean: float = 172.0, deviation: float = 8.0
) -> np.ndarray:
    """Return the distance of a histogram of heights to their distribution, for each number.

    The root of the summed squares of the bins' differences, whose mean square is
    ``(1 - sum p^2) / n``.

    Args:
        random: draws the heights.
        mean: of the heights that are drawn; of the distribution it is 172 cm.
        deviation: likewise, of the distribution it is 8 cm.
    """
    below = [(1 + math.erf((edge - 172) / 8 / math.sqrt(2))) / 2 for edge in EDGES]
    exact = np.diff([0.0, *below, 1.0])
    distances = []
    for number in NUMBERS:
        bins = np.searchsorted(EDGES, random.normal(mean, deviation, number))
        shares = np.bincount(bins, minlength=len(exact)) / number
        distances.append(np.linalg.norm(shares - exact))
    return np.array(distances)


def exponent(distances: np.ndarray) -> float:
    """Return the power of the number of heights as which the distances fall."""
    return float(np.polyfit(np.log(NUMBERS), np.log(distances), 1)[0])
