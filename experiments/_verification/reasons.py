"""Why two libraries differ under one name, at equal hyperparameters."""

from typing import NamedTuple


class Reason(NamedTuple):
    """What one does and the other does not, and where that is told, or nothing."""

    text: str
    link: str


REASONS: dict[tuple[str, str, str], Reason] = {}
"""(optimizer, convention, convention) -> reason, for every pair that differs."""
