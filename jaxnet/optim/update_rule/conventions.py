"""Conventions: where optax, PyTorch, Keras and the lectures mean different things by one name."""

from collections.abc import Mapping
from typing import Any, TypeVar

from jaxnet.core.checks import check_choice, check_flags

Convention = TypeVar("Convention", bound=Any)


def resolve(like: str, conventions: Mapping[str, Convention], **given: Any) -> Convention:
    """Return a convention with the caller's hyperparameters in place of its defaults.

    Args:
        like: name of the convention.
        conventions: name -> NamedTuple of default hyperparameters and choices.
        given: hyperparameters of the caller; None means the default.

    Raises:
        ValueError: if the optimizer has no such convention; the message lists those it has.
        TypeError: if the value of a boolean is of another type.

    >>> from typing import NamedTuple
    >>> class Defaults(NamedTuple):
    ...     decay: float
    ...     eps: float
    >>> table = {"optax": Defaults(0.9, 1e-8), "torch": Defaults(0.99, 1e-8)}
    >>> resolve("torch", table, decay=None, eps=1e-6)
    Defaults(decay=0.99, eps=1e-06)
    """
    chosen = check_choice("like", like, conventions)
    given = {name: value for name, value in given.items() if value is not None}
    check_flags(**{n: v for n, v in given.items() if isinstance(getattr(chosen, n), bool)})
    return chosen._replace(**given)
