"""Short representations of objects: a name and its fields, without computing on arrays."""

import functools
import itertools
import textwrap
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Any
from xml.sax.saxutils import escape

import jax
import jax.numpy as jnp
import numpy as np
from jax.core import Tracer

WIDTH, LINES = 100, 40
"""The longest line and the most lines of a representation."""

FIRST, LAST = 10, 2
"""The most entries of a tuple, list or dictionary that are shown, from its start and its end."""

LONGEST = 300
"""The most characters of another object's own representation."""


def representation(name: str, /, *values: Any, **fields: Any) -> str:
    """Format an object as ``name(value, field=value)``, over several lines where one is too short.

    Arrays are shown by dtype and shape, known scalars by their value: nothing is computed, and
    traced values are as good as others.

    >>> representation("Point", x=1.5, y=np.zeros((2, 3)), on=min)
    'Point(x=1.5, y=float64[2,3], on=min)'
    """
    parts = [in_short(value) for value in values]
    parts += [f"{field}={in_short(value)}" for field, value in fields.items()]
    line = f"{name}({', '.join(parts)})"
    if len(line) <= WIDTH and "\n" not in line:
        return line
    rows = [textwrap.indent(f"{part},", "    ") for part in parts]
    return shortened("\n".join([f"{name}(", *rows, ")"]))


def represent(self: Any) -> str:
    """Represent a named tuple by its fields: for ``__repr__`` of its class."""
    return representation(type(self).__name__, **self._asdict())


def represent_html(self: Any) -> str:
    """Represent a named tuple by a table of its fields: for ``_repr_html_`` of its class."""
    return fields_html(type(self).__name__, self._asdict())


def fields_html(name: str, fields: Mapping[str, Any]) -> str:
    """Format an object as an HTML table of its fields; a field that has HTML of its own shows it.

    >>> fields_html("Point", {"x": 1.5}).count("<td")
    2
    """
    cells = [_cell(escape(key)) + _cell(_html(value)) for key, value in fields.items()]
    return f"<div><b>{escape(name)}</b>{_table(cells)}</div>"


def table_html(rows: Iterable[Iterable[str]]) -> str:
    """Format rows of cells, the first of them the heads, as an HTML table.

    >>> table_html([["rate", "loss"], ["0.1", "<2"]]).count("<td")
    4
    """
    return _table(["".join(_cell(f"<code>{escape(cell)}</code>") for cell in row) for row in rows])


def _table(rows: Sequence[str]) -> str:
    shown = _cut(rows, lambda more: _cell(f"... {more} more rows"))
    return f"<table><tr>{'</tr><tr>'.join(shown)}</tr></table>"


def _cell(content: str) -> str:
    return f'<td style="text-align:left;white-space:pre-wrap">{content}</td>'


def _html(value: Any) -> str:
    own = value._repr_html_() if hasattr(value, "_repr_html_") else None
    return own or f"<code>{escape(in_short(value))}</code>"


def in_short(value: Any) -> str:
    """Return one value in short: few entries, few digits.

    >>> in_short({"loss": np.float32(0.125), "rows": list(range(14))})
    "{'loss': 0.125, 'rows': [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, ... 2 more, 12, 13]}"
    """
    if hasattr(value, "dtype") and hasattr(value, "shape"):
        return _array(value)
    if isinstance(value, functools.partial):
        return representation(_name(value.func), *value.args, **value.keywords)
    if isinstance(value, Mapping):
        return "{" + _listed(value.items(), lambda item: f"{item[0]!r}: {in_short(item[1])}") + "}"
    made = getattr(type(value).__repr__, "__module__", None)  # by namedtuple: collections
    if made == "collections" and hasattr(value, "_fields"):
        return represent(value)
    if type(value) is list:
        return f"[{_listed(value, in_short)}]"
    if type(value) is tuple:
        return f"({_listed(value, in_short)}{',' * (len(value) == 1)})"
    if isinstance(value, float):
        return f"{value:.6g}"
    if callable(value) and hasattr(value, "__name__"):
        return _name(value)
    text = repr(value)
    return text if len(text) <= LONGEST or "\n" in text else f"{text[: LONGEST - 3]}..."


def shortened(text: str) -> str:
    """Return a text with long lines wrapped, and at most `LINES` lines, without those between.

    >>> shortened("word " * 30).count(chr(10))
    1
    """
    lines = []
    for line in text.splitlines():
        indent = " " * (len(line) - len(line.lstrip()) + 4)
        options: dict[str, Any] = {"subsequent_indent": indent, "drop_whitespace": True}
        long = len(line) > WIDTH
        lines += textwrap.wrap(line, WIDTH, **options) if long else [line]
    return "\n".join(_cut(lines, "    ... {} more lines".format))


def _cut(lines: Sequence[str], more: Callable[[int], str]) -> Sequence[str]:
    """Return at most `LINES` lines: of more the first and the last, and one for those between."""
    if len(lines) <= LINES:
        return lines
    half = LINES // 2
    return [*lines[:half], more(len(lines) - LINES + 1), *lines[1 - half :]]


def known(value: Any) -> bool:
    """Return whether an array's values can be read here: neither traced, deleted nor elsewhere."""
    if not isinstance(value, jax.Array):
        return isinstance(value, np.ndarray | np.generic)
    readable = not isinstance(value, Tracer) and not value.is_deleted()
    return readable and value.is_fully_addressable


def _array(value: Any) -> str:
    scalar = np.shape(value) == () and known(value)
    if scalar and not jnp.issubdtype(value.dtype, jax.dtypes.extended):  # such as keys
        return in_short(np.asarray(value).item())
    return f"{value.dtype}[{','.join(map(str, value.shape))}]"


def _listed(entries: Collection[Any], text: Callable[[Any], str]) -> str:
    more = len(entries) - FIRST - LAST
    first = itertools.islice(entries, FIRST if more > 0 else None)
    last = itertools.islice(entries, len(entries) - LAST, None) if more > 0 else ()
    return ", ".join([*map(text, first), *[f"... {more} more"] * (more > 0), *map(text, last)])


def _name(value: Any) -> str:
    return getattr(value, "__name__", None) or type(value).__name__
