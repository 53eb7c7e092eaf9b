"""Case of the matrix: an optimizer with its settings, in the spelling of each library."""

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple


class Known(NamedTuple):
    """Known bug of a library.

    Attributes:
        versions: versions that have it, such as ``("0.2.8",)``.
        reason: what the library does, one sentence.
        link: issue, pull request or line of documentation.
    """

    versions: tuple[str, ...]
    reason: str
    link: str


class Case(NamedTuple):
    """Optimizer with its settings.

    Attributes:
        name: unique name, such as ``"rmsprop, centred"``.
        optimizer: name in `jaxnet.optim.OPTIMIZERS`.
        options: arguments of our factory and the oracle, without ``like``.
        optax: ``(optax, rate) -> GradientTransformation``; the rate may be a schedule.
        torch: ``(torch, params, rate) -> torch.optim.Optimizer``.
        keras: ``(keras, rate) -> keras.optimizers.Optimizer``.
        known: library -> known bug that explains a difference.
        rate: the learning rate.
    """

    name: str
    optimizer: str
    options: Mapping[str, Any]
    optax: Callable[..., Any] | None = None
    torch: Callable[..., Any] | None = None
    keras: Callable[..., Any] | None = None
    known: Mapping[str, Known] = {}
    rate: float = 0.01
