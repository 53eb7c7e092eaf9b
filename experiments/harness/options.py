"""Types of command-line options with their ranges, checked before anything runs."""

import dataclasses
import math
import re
import typing
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from tyro.constructors import ConstructorRegistry, PrimitiveConstructorSpec, PrimitiveTypeInfo

from jaxnet.core.checks import LARGEST, check_count, check_range
from jaxnet.core.errors import invalid_value


class Within(NamedTuple):
    """Range of a number: ``low`` inclusive, ``high`` inclusive unless open."""

    low: float
    high: float = LARGEST
    high_open: bool = False


Count = Annotated[int, Within(1)]
Several = Annotated[int, Within(2)]
"""Number of seeds that has a standard error."""
Natural = Annotated[int, Within(0)]
Width = Annotated[int, Within(1, 2**20)]
"""Units of a layer; XLA aborts if the weights of two such layers overflow its counter."""
Seed = Annotated[int, Within(0, 2**32 - 1)]
Strength = Annotated[float, Within(0.0, math.inf)]
"""Learning rate or weight of a penalty."""
Part = Annotated[float, Within(0.0, 1.0, high_open=True)]
"""Fraction below 1."""


def check_options(config: Any) -> None:
    """Raise a ValueError for the first option of a config that is out of range."""
    for field, hint in typing.get_type_hints(type(config), include_extras=True).items():
        within, value, name = _range_of(hint), getattr(config, field), option(field)
        if within is None or value is None:
            continue
        if not isinstance(value, tuple):
            _check(name, value, within)
        else:
            for each in value:
                _check(f"each of {name}", each, within)


def check_some(name: str, values: Sequence[Any]) -> None:
    """Raise a ValueError for an option without a value."""
    if not values:
        raise invalid_value(name, "to hold one or more", "none", "Name some.")


def is_default(config: Any, *, free: Sequence[str]) -> bool:
    """Return whether all settings but the free ones are the defaults, for which claims are made."""
    given = {name: getattr(config, name) for name in free}
    return config == dataclasses.replace(type(config)(), **given)


def option(field: str) -> str:
    """Return the option of a field."""
    return "--" + field.replace("_", "-")


def _range_of(hint: Any) -> Within | None:
    """Return the range in an annotation, however deeply nested."""
    parts = (*getattr(hint, "__metadata__", ()), *typing.get_args(hint))
    found = (part if isinstance(part, Within) else _range_of(part) for part in parts)
    return next((within for within in found if within is not None), None)


def _check(name: str, value: Any, within: Within) -> None:
    low, high, high_open = within
    if isinstance(value, int) and isinstance(low, int):
        check_count(name, value, minimum=low)
    check_range(name, value, low=low, high=high, high_open=high_open)


PATHS = ConstructorRegistry()
"""Parser of paths for tyro: refuses an empty text and URLs."""


@PATHS.primitive_rule
def _path(info: PrimitiveTypeInfo) -> PrimitiveConstructorSpec[Path] | None:
    if info.type is not Path:
        return None
    return PrimitiveConstructorSpec(
        nargs=1,
        metavar="PATH",
        instance_from_str=lambda texts: _local(texts[0]),
        is_instance=lambda value: isinstance(value, Path),
        str_from_instance=lambda path: [str(path)],
    )


def _local(text: str) -> Path:
    if not text:
        raise ValueError("expected a path to be given, got an empty text")
    if re.match("[A-Za-z][A-Za-z0-9+.-]+://", text):
        raise ValueError(f"expected it to be a local path, got {text}")
    return Path(text)
