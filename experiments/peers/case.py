"""A case of the matrix: an optimizer with its settings, and how each library spells them."""

import inspect
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

import jaxnet


class Known(NamedTuple):
    """A difference from a library that is known, and is the library's.

    Attributes:
        versions: the versions in which it was seen, such as ``("0.2.8",)``.
        reason: what the library does, one sentence.
        link: where it is told: an issue, a pull request, a line of documentation.
    """

    versions: tuple[str, ...]
    reason: str
    link: str


class Case(NamedTuple):
    """An optimizer with its settings.

    Attributes:
        name: of the case, unique, such as ``"rmsprop, centred"``.
        optimizer: name in `jaxnet.optim.OPTIMIZERS`.
        options: what our factory and the oracle are given, beside ``like``.
        optax: ``(optax, rate) -> GradientTransformation``; the rate may be a schedule.
        torch: ``(torch, params, rate) -> torch.optim.Optimizer``.
        keras: ``(keras, rate) -> keras.optimizers.Optimizer``.
        known: library -> a known bug of the library, on account of which it differs from ours.
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


def conventions(optimizer: str) -> tuple[str, ...]:
    """Return the conventions that an optimizer has, as the annotation of ``like`` lists them.

    >>> conventions("adam")
    ('optax', 'torch', 'keras', 'lecture')
    """
    parameters = inspect.signature(jaxnet.optim.OPTIMIZERS[optimizer]).parameters
    return get_args(parameters["like"].annotation) if "like" in parameters else ("optax",)
