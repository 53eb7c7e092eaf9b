"""Checks of arguments: valid values, and error messages."""

import inspect
import math
import re
from fractions import Fraction
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.core.checks import (
    check_choice,
    check_count,
    check_entries,
    check_finite,
    check_key,
    check_options,
    check_range,
    check_ranges,
    check_whole,
    checked,
)

TABLE = {"relu": 1, "tanh": 2}


def test_choice_returns_the_entry() -> None:
    assert check_choice("x", "tanh", TABLE) == 2


@pytest.mark.parametrize(
    ("name", "remedy"),
    [
        ("rel", "Did you mean 'relu'?"),
        ("ReLU", "Did you mean 'relu'?"),
        ("thna", "Did you mean 'tanh'?"),
        ("identity", ""),  # an alias of another table
        ("xyz", ""),
    ],
)
def test_choice_lists_the_known_names(name: str, remedy: str) -> None:
    message = f"expected x to be one of relu, tanh, got '{name}'. {remedy}".rstrip()
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_choice("x", name, TABLE)


@pytest.mark.usefixtures("no_type_checks")
def test_choice_of_other_types() -> None:
    name: Any = None
    with pytest.raises(ValueError, match=r"to be one of relu, tanh, got None\."):
        check_choice("x", name, TABLE)


@pytest.mark.usefixtures("no_type_checks")  # NumPy's integers are no ints to them
@pytest.mark.parametrize("value", [1, 7, np.int64(3), np.uint8(3)])
def test_count_returns_an_int(value: Any) -> None:
    count = check_count("n", value)
    assert type(count) is int
    assert count == value


@pytest.mark.parametrize(("value", "minimum"), [(0, 1), (-3, 1), (4, 5)])
def test_count_too_small(value: int, minimum: int) -> None:
    message = rf"^expected n >= {minimum}, got {value}\."
    with pytest.raises(ValueError, match=message):
        check_count("n", value, minimum=minimum)


@pytest.mark.usefixtures("no_type_checks")
@pytest.mark.parametrize("value", [2.0, True, "3", None])
def test_count_of_another_type(value: Any) -> None:
    message = f"expected n to be an integer, got {value!r} of type {type(value).__name__}."
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        check_count("n", value)


@pytest.mark.parametrize(
    "value", [0, 0.0, 0.5, Fraction(1, 3), np.float32(0.5), np.float64(1.0), 1]
)
def test_range_returns_the_value(value: Any) -> None:
    assert check_range("x", value, low=0.0, high=1.0) is value


@pytest.mark.parametrize(
    "value", [-0.001, 1.001, 10**20, -(10**400), math.nan, math.inf, -math.inf]
)
def test_range_closed(value: float) -> None:
    message = rf"^expected x finite and in \[0, 1\], got {value}\.$"
    with pytest.raises(ValueError, match=message):
        check_range("x", value, low=0.0, high=1.0)


def test_range_open() -> None:
    assert check_range("x", 0.5, low=0.0, high=1.0, low_open=True, high_open=True) == 0.5
    for value in (0.0, 1.0):
        with pytest.raises(ValueError, match=rf"in \(0, 1\), got {value}"):
            check_range("x", value, low=0.0, high=1.0, low_open=True, high_open=True)


@pytest.mark.parametrize("value", [math.nan, math.inf])
def test_range_without_bounds_is_finite(value: float) -> None:
    with pytest.raises(ValueError, match=r"finite and in \(-inf, inf\)"):
        check_range("x", value)


@pytest.mark.parametrize("value", ["1", None, True, [1.0]])
def test_range_of_another_type(value: Any) -> None:
    message = f"expected x to be a number, got {value!r} of type {type(value).__name__}."
    with pytest.raises(TypeError, match=f"^{re.escape(message)}"):
        check_range("x", value)


@pytest.mark.parametrize("kind", [np.asarray, jnp.asarray, lambda x: jnp.asarray(x, "bfloat16")])
def test_range_checks_entries_of_known_arrays(kind: Any) -> None:
    bounds: Any = {"low": 0.0, "high": 1.0, "low_open": True, "high_open": True}
    for good in (0.5, 0.0, 1.0, [0.0, 0.25], [[]], True):  # they may reach the bounds
        array = kind(good)
        assert check_range("x", array, **bounds) is array
    for bad, shown in ((1.5, "1.5"), (-0.25, "-0.25"), (math.nan, "nan"), ([0.5, 2.0], "2")):
        message = rf"^expected x finite and in \[0, 1\], got {re.escape(shown)}(\.0)?(\.| at)"
        array = kind(bad)
        with pytest.raises(ValueError, match=message):
            check_range("x", array, **bounds)
        with pytest.raises(ValueError, match=message):  # a constant of a program is known, too
            jax.jit(lambda array=array: check_range("x", array, **bounds))()


def test_range_accepts_tracers() -> None:
    array = jnp.array(5.0)
    assert jax.jit(lambda x: check_range("x", x, high=1.0))(array) == 5.0


def test_finite_counts_and_locates_entries() -> None:
    values = np.zeros((3, 4))
    check_finite("x", values, "Repair it.")
    values[1, 2], values[2, 0] = np.nan, -np.inf
    message = (
        "expected x to be finite everywhere, got 2 NaN or infinite values, the first at index "
        "(1, 2). Repair it."
    )
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_finite("x", values, "Repair it.")


def test_finite_takes_integers() -> None:
    check_finite("x", np.array([1, 2], np.uint8), "Repair it.")


@pytest.mark.parametrize(
    ("values", "actual"),
    [
        (np.array([[1, 2], [0, -1]]), "0 at index (1, 0)"),
        (jnp.array([1.0, -2.5]), "-2.5 at index (1,)"),
        (np.array(-1), "-1"),
        (np.array([1.0, math.nan]), "nan at index (1,)"),
    ],
)
def test_the_first_bad_entry_is_shown(values: Any, actual: str) -> None:
    message = f"expected x > 0, got {actual}. Pass others."
    with pytest.raises(ValueError, match=f"^{re.escape(message)}$"):
        check_entries("x", values, lambda x: x > 0, "> 0", "Pass others.")


def test_good_entries_none_and_traced_ones_pass() -> None:
    def check(values: Any) -> None:
        check_entries("x", values, lambda x: x > 0, "> 0", "Pass others.")

    check(np.array([1, 2]))
    check(np.zeros(0))
    jax.eval_shape(check, jnp.zeros(2))
    constant = jnp.zeros(2)  # of the program, so that it is known
    with pytest.raises(ValueError, match=r"got 0\.0 at index"):
        jax.eval_shape(lambda _: check(constant), jnp.ones(2))


@pytest.mark.parametrize(
    ("option", "message"),
    [
        ("detla", "be among delta, scale, got 'detla'. Did you mean 'delta'?"),
        ("xyz", "be among delta, scale, got 'xyz'. Leave it out."),
    ],
)
def test_unknown_options_of_a_function(option: str, message: str) -> None:
    def loss(x: float, *, delta: float, scale: float) -> float:
        return x * delta * scale

    check_options(loss, {"scale": 1.0, "delta": 2.0}, data=1)
    text = f"expected options of loss to {message}"
    with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
        check_options(loss, ["delta", option], data=1)


def test_data_arguments_are_not_options() -> None:
    message = r"^expected options of round to be among ndigits, got 'number'\. Leave it out\.$"
    with pytest.raises(ValueError, match=message):
        check_options(round, ["number"], data=1)


@pytest.mark.parametrize(
    "key",
    [jax.random.key(0), jax.random.PRNGKey(0), np.zeros(2, np.uint32)],
    ids=["typed", "integers", "NumPy"],
)
def test_a_key(key: Any) -> None:
    check_key("key", key)
    jax.jit(lambda key: check_key("key", key))(key)


@pytest.mark.parametrize(
    ("key", "actual"),
    [
        (7, "7 of type int"),
        (None, "None of type NoneType"),
        (np.zeros(2, np.float32), "float32 of shape (2,)"),
        (np.zeros((3, 2), np.uint32), "uint32 of shape (3, 2)"),
        (np.zeros(5, np.uint32), "uint32 of shape (5,)"),
        (jax.random.split(jax.random.key(0), 3), "key<fry> of shape (3,)"),
    ],
    ids=["int", "None", "float", "integers", "five integers", "several"],
)
def test_invalid_keys(key: Any, actual: str) -> None:
    with pytest.raises(
        TypeError, match=re.escape(f"expected key to be one PRNG key, got {actual}")
    ):
        check_key("key", key)


def test_whole_numbers_and_arrays_of_them() -> None:
    for good in (1, np.int64(3), jnp.int32(2), np.array(4)):
        check_whole("n", good)
    jax.jit(lambda n: check_whole("n", n))(3)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (0, "expected n >= 1, got 0"),
        (2**31, "expected n finite and in"),
        (2.0, "expected n to be an integer, got 2.0 of type float"),
        (np.float32(2), "expected n to be an integer, got"),
        (jnp.float32(2), "expected n to be an integer, got float32. Pass an int32 array"),
        (np.array([1, 2]), r"expected n to be a scalar, got shape \(2,\)"),
    ],
    ids=["small", "large", "float", "NumPy float", "array", "vector"],
)
def test_invalid_whole_numbers(value: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=message):
        check_whole("n", value)


def test_traced_counts_raise() -> None:
    with pytest.raises(TypeError, match=r"expected n to be an integer, got a traced array\. What"):
        jax.jit(lambda n: check_count("n", n))(3)


RANGES = {"ratio": "[0, 1)", "size": "(0, inf)", "steps": "{2, 3, ...}"}


@pytest.mark.parametrize(
    ("values", "message"),
    [
        ({"ratio": 1.0}, "expected ratio finite and in [0, 1), got 1.0."),
        ({"ratio": -0.5}, "expected ratio finite and in [0, 1), got -0.5."),
        ({"ratio": 0.0, "size": 0}, "expected size finite and in (0, inf), got 0."),
        ({"size": np.ones(2)}, "expected size to be a scalar, got shape (2,)."),
        ({"size": None}, "expected size to be a number, got None of type NoneType."),
        ({"steps": 1}, "expected steps >= 2, got 1."),
        ({"steps": 2.0}, "expected steps to be an integer, got 2.0 of type float."),
    ],
    ids=["high", "low", "second", "vector", "None", "few", "float"],
)
def test_ranges_name_the_first_value_outside(values: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{re.escape(message)}"):
        check_ranges(RANGES, **values)


def test_ranges_accept_bounds_and_tracers() -> None:
    check_ranges(RANGES, ratio=0.0, size=1e300, steps=2)
    jax.jit(lambda ratio: check_ranges(RANGES, ratio=ratio))(5.0)


@checked(RANGES | {"fast": "{False, True}"})
def scale(x: float, ratio: float, *, size: float | None = None, fast: Any = False) -> Any:
    return x, ratio, size, fast


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: scale(9.0, 2.0), "expected ratio finite and in [0, 1), got 2.0."),
        (lambda: scale(9.0, ratio=0.5, size=0), "expected size finite and in (0, inf), got 0."),
        (lambda: scale(9.0, 0.5, fast="no"), "expected fast to be a boolean, got 'no'"),
        (lambda: scale(9.0, None), "expected ratio to be a number, got None of type"),  # pyright: ignore[reportArgumentType]
    ],
    ids=["by position", "by name", "flag", "None"],
)
def test_decorated_functions_check_their_arguments(call: Any, message: str) -> None:
    with pytest.raises((ValueError, TypeError), match=f"^{re.escape(message)}"):
        call()


def test_decorated_functions_accept_defaults_and_keep_their_signature() -> None:
    assert scale(9.0, 0.5, size=None) == (9.0, 0.5, None, False)
    assert list(inspect.signature(scale).parameters) == ["x", "ratio", "size", "fast"]
