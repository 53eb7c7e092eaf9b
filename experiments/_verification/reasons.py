"""Why two libraries differ under one name, at equal hyperparameters."""

from typing import NamedTuple


class Reason(NamedTuple):
    """What one does and the other does not, and where that is told, or nothing."""

    text: str
    link: str


_KERAS_TRACE = Reason(
    "Keras sums up steps in its trace, the rate included: after a change of the rate, steps of the "
    "earlier one go on. Equal at a constant rate.",
    "",
)
_AVERAGE = Reason(
    "The lectures' momentum is a moving average, ``b m + (1 - b) g``: its steps are ``1 - b`` "
    "times as long as the trace's.",
    "",
)
_EPS_HAT = Reason(
    "Keras adds ``eps`` to the root before the bias correction, the paper's faster form, in which "
    "it weighs ``1 / sqrt(1 - b2^t)`` times as much.",
    "",
)
_UNCORRECTED = Reason("The lectures' Adam has no bias correction.", "")


def _against(optimizer: str, odd: str, others: tuple[str, ...], reason: Reason) -> dict:
    """Return one reason for all pairs of a convention with others, in the conventions' order."""
    order = ("optax", "torch", "keras", "lecture")
    pairs = [sorted((odd, other), key=order.index) for other in others]
    return {(optimizer, first, second): reason for first, second in pairs}


REASONS: dict[tuple[str, str, str], Reason] = {
    **_against("momentum", "keras", ("optax", "torch"), _KERAS_TRACE),
    **_against("momentum", "lecture", ("optax", "torch", "keras"), _AVERAGE),
    **_against("adam", "keras", ("optax", "torch"), _EPS_HAT),
    **_against("adam", "lecture", ("optax", "torch", "keras"), _UNCORRECTED),
}
"""(optimizer, convention, convention) -> reason, for every pair that differs."""
