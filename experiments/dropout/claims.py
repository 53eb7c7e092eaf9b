"""Claims about trained networks with dropout."""

from typing import Any

import numpy as np

from experiments.dropout.training import RATES
from experiments.harness.record import Claim, at_most, clearly_positive, over_seeds

FORM = "lecture 004, slide on dropout: forward propagation"
WHY = "lecture 004, slide on dropout: intuition"
USUAL = "lecture 004, slide on dropout: implementation"


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


def version_claims(versions: dict[str, np.ndarray]) -> list[Claim]:
    """Claim how good one smaller network is, and the slide's rates against those exchanged."""
    smaller, half, *_ = versions["test_error"]
    _, _, usual, exchanged = versions["test_loss"]
    mean, error = over_seeds(smaller - half)
    return [
        at_most(
            "one smaller network, 150-150 without dropout, and 300-300 with half dropped differ",
            *(WHY, abs(mean), 0.02),
            uncertainty=error,
            verdict="fails",
        ),
        clearly_positive(
            "test loss with .5 of the inputs and .2 of the hidden units dropped, above .2 and .5",
            *(USUAL, exchanged - usual),
        ),
    ]
