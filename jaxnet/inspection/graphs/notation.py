"""Notation of nodes and numbers: primitives as mathematics, large arrays by shape and norm."""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax.numpy as jnp
import numpy as np

from jaxnet.core.types import Shape

WORDS = {
    "abs": "| |",
    "add": "+",
    "add_any": "+",
    "concatenate": "concat",
    "conv_general_dilated": "convolve",
    "convert_element_type": "cast",
    "copy": "=",
    "copy_p": "=",
    "cumsum": "cumulative sum",
    "div": "÷",
    "dot_general": "matmul",
    "eq": "=",
    "expm1": "exp( ) − 1",
    "ge": "≥",
    "gt": ">",
    "le": "≤",
    "log1p": "log(1 + ( ))",
    "logistic": "sigmoid",
    "lt": "<",
    "mul": "×",
    "ne": "≠",
    "neg": "−( )",
    "optimization_barrier": "=",
    "pow": "power",
    "reduce_max": "max",
    "reduce_min": "min",
    "reduce_prod": "product",
    "reduce_sum": "sum",
    "rsqrt": "1 ÷ √",
    "select_n": "where",
    "sqrt": "√",
    "square": "( )²",
    "stop_gradient": "stop gradient",
    "sub": "−",
}
"""Primitive -> how a node is labelled, where that is not the primitive's own name."""

WITH_CONSTANT: Mapping[str, tuple[str, str]] = {
    "add": ("+ {}", "+ {}"),
    "sub": ("{} − ( )", "− {}"),
    "mul": ("× {}", "× {}"),
    "div": ("{} ÷ ( )", "÷ {}"),
    "max": ("max(( ), {})", "max(( ), {})"),
    "min": ("min(( ), {})", "min(( ), {})"),
    "pow": ("{}^( )", "( )^{}"),
    "gt": ("< {}", "> {}"),
    "lt": ("> {}", "< {}"),
    "ge": ("≤ {}", "≥ {}"),
    "le": ("≥ {}", "≤ {}"),
    "eq": ("= {}", "= {}"),
    "ne": ("≠ {}", "≠ {}"),
}
"""Primitive -> its label with a number as the first, as the second operand."""

_SUPERSCRIPTS = str.maketrans("-0123456789", "⁻⁰¹²³⁴⁵⁶⁷⁸⁹")


def label(
    primitive: str,
    parameters: Mapping[str, Any],
    shape: Shape,
    operands: Sequence[str],
    constants: Mapping[int, Any],
) -> str:
    """Return the label of an operation.

    Args:
        primitive: name of the primitive.
        parameters: those of its equation.
        shape: of its first operand.
        operands: names of the nodes that it reads.
        constants: position -> number, of operands that are written into the label.

    >>> label("mul", {}, (), ["x"], {0: 7.0}), label("integer_pow", {"y": 2}, (), ["x"], {})
    ('× 7', '( )²')
    """
    if constants:
        ((position, value),) = constants.items()
        return WITH_CONSTANT[primitive][position].format(number(value))
    if primitive in _WRITERS:
        return _WRITERS[primitive](parameters, shape, operands)
    return WORDS.get(primitive, primitive.replace("_", " "))


def number(value: Any) -> str:
    """Return a scalar in at most four significant digits.

    >>> number(2.718281828), number(-0.0), number(40.0), number(True)
    ('2.718', '0', '40', 'True')
    """
    value = np.asarray(value).item()
    if isinstance(value, float):
        return f"{value:.4g}".replace("-", "−") if value else "0"
    return str(value).replace("-", "−")


def entries(value: Any) -> str:
    """Format an array of one number or a short vector; an empty string for longer arrays.

    >>> entries(jnp.array([17.0, 10.0, 0.0])), entries(jnp.ones((1, 1))), entries(jnp.ones((3, 12)))
    ('(17, 10, 0)', '1', '')
    """
    array = np.asarray(value)
    if array.size == 1:
        return number(array)
    short = array.ndim == 1 and 0 < array.size <= 3
    return f"({', '.join(number(entry) for entry in array)})" if short else ""


def summary(value: Any) -> str:
    """Format an array by its shape and, unless it holds integers, such as labels, its norm.

    >>> summary(jnp.ones((3, 12))), summary(jnp.arange(7))
    ('3×12, norm 6', '7 entries')
    """
    array = np.asarray(value)
    shape = dimensions(array.shape)
    if not jnp.issubdtype(array.dtype, jnp.inexact):
        return shape
    return f"{shape}, norm {number(np.linalg.norm(array.astype(np.float64).ravel()))}"


def dimensions(shape: Shape) -> str:
    """Format a shape for readers.

    >>> dimensions((3, 12)), dimensions((5,))
    ('3×12', '5 entries')
    """
    if len(shape) == 1:
        return f"{shape[0]} entries" if shape[0] != 1 else "1 entry"
    return "×".join(map(str, shape)) or "a number"


def _power(parameters: Mapping[str, Any], shape: Shape, operands: Sequence[str]) -> str:
    del shape, operands
    return "( )" + str(parameters["y"]).translate(_SUPERSCRIPTS)


def _rule_name(parameters: Mapping[str, Any], shape: Shape, operands: Sequence[str]) -> str:
    del shape, operands
    name = parameters["call_jaxpr"].jaxpr.debug_info.func_name
    return re.sub(r"^_+|<lambda>", "", name) or "function"


def _slice(parameters: Mapping[str, Any], shape: Shape, operands: Sequence[str]) -> str:
    strides = parameters["strides"] or (1,) * len(shape)
    bounds = zip(
        parameters["start_indices"], parameters["limit_indices"], strides, shape, strict=True
    )
    entries = [_index(*bound) for bound in bounds]
    while len(entries) > 1 and entries[-1] == ":":
        entries.pop()
    return f"{operands[0]}[{', '.join(entries)}]"


def _index(start: int, limit: int, stride: int, size: int) -> str:
    if (start, limit, stride) == (0, size, 1):
        return ":"
    if limit - start == 1:
        return str(start)
    return f"{start}:{limit}" + (f":{stride}" if stride > 1 else "")


_WRITERS: dict[str, Callable[[Mapping[str, Any], Shape, Sequence[str]], str]] = {
    "integer_pow": _power,
    "custom_jvp_call": _rule_name,
    "custom_vjp_call": _rule_name,
    "slice": _slice,
}
