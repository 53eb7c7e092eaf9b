"""Formulas of docstrings, as the documentation shows them, evaluated beside their functions."""

import inspect
import re
from collections.abc import Callable, Mapping
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import erfc

import jaxnet
from experiments.docs.docstrings import signature
from experiments.docs.notation import to_latex

NAMES: dict[str, Any] = {
    **{name: getattr(jnp, name) for name in ("abs", "exp", "log", "sign", "sqrt", "sum", "tanh")},
    **{name: getattr(jax.nn, name) for name in ("sigmoid", "softmax")},
    "max": jnp.maximum,
    "min": jnp.minimum,
    "norm": jnp.linalg.norm,
    "erfc": erfc,
    "pi": jnp.pi,
}

ACTIVATIONS = (
    *("gelu", "gelu_derivative", "gelu_tanh", "gelu_tanh_derivative", "linear", "log_softmax"),
    *("relu", "sigmoid", "sigmoid_derivative", "sign", "silu", "silu_derivative"),
    *("softmax", "softplus", "softplus_derivative", "tanh", "tanh_derivative"),
)

LOSSES = (
    *("absolute_error", "binary_cross_entropy", "categorical_cross_entropy", "entropy"),
    *("half_squared_error", "hinge", "kl_divergence", "mean_squared_error", "minkowski_error"),
    *("perceptron", "sigmoid_binary_cross_entropy", "softmax_cross_entropy", "squared_error"),
    "squared_hinge",
)

GRADIENTS = (
    *("absolute_error", "binary_cross_entropy", "categorical_cross_entropy", "half_squared_error"),
    *("kl_divergence", "log_cosh", "mean_squared_error", "minkowski_error"),
    *("sigmoid_binary_cross_entropy", "softmax_cross_entropy", "softmax_kl_divergence"),
    *("squared_error", "squared_hinge"),
)


def to_python(latex: str) -> str:
    r"""Return LaTeX of `to_latex` as Python; what has an index is an array.

    >>> to_python(r"-\sum_{i} v_i\,\operatorname{log}\,y_i+\frac{1}{K}")
    '-sum(v*log(y))+((1)/(K))'
    """
    text = re.sub(r"\\left|\\right", "", latex).replace("'", "_prime")
    text = re.sub(r"\\sum(_\{[^{}]*\})? ", "sum@", text)
    text = re.sub(r"\\operatorname\{(\w+)\}(\\,)?", lambda m: m[1] + ("@" if m[2] else ""), text)
    text = re.sub(r"(?<!\w)e\^", "exp^", text)
    text = re.sub(r"(?<=[A-Za-z])_(\{[a-z]\}|[a-z](?![a-z]))", "", text)
    text = re.sub(r"\\mathrm\{(\w+)\}", r"\1", text)
    text = re.sub(r"\\\|(.*?)\\\|", r"norm(\1)", text)
    text = re.sub(r"\|(.*?)\|", r"abs(\1)", text)
    text = text.replace(r",\;", ",").replace(r"\,", "*").replace(r"\cdot ", "*")
    while "{" in text:
        before = text
        text = re.sub(r"\\frac\{([^{}]*)\}\{([^{}]*)\}", r"((\1)/(\2))", text)
        text = re.sub(r"\\sqrt\{([^{}]*)\}", r"sqrt(\1)", text)
        text = re.sub(r"exp\^\{([^{}]*)\}", r"exp(\1)", text)
        text = re.sub(r"\^\{([^{}]*)\}", r"**(\1)", text)
        assert text != before, text
    text = text.replace("\\", "")
    while "@" in text:  # a function of what follows: a sum's product, another's factor
        function, _, rest = text.rpartition("@")
        end = _end(rest, "+-,)=" if function.endswith("sum") else "*+-,)=")
        text = f"{function}({rest[:end]}){rest[end:]}"
    return text


def _end(text: str, stops: str) -> int:
    """Return where one of some characters stands outside of brackets, but not at the start."""
    depth = 0
    for i, character in enumerate(text):
        if depth == 0 and i and character in stops:
            return i
        depth += (character == "(") - (character == ")")
    return len(text)


def equations(function: Callable[..., Any]) -> list[list[str]]:
    """Return the sides of each equation of a docstring, as Python; not ``z = 0``, of a kink."""
    head = (inspect.getdoc(function) or "").partition("Args:")[0]
    names = signature(function)[1].keys()
    found = [to_latex(span, names) for span in re.findall(r"``(.+?)``", head, re.DOTALL)]
    texts = [to_python(latex) for latex in found if latex and "=" in latex]
    return [text.split("=") for text in texts if not re.search(r"=[\d.]+$", text)]


def values(sought: str, given: Mapping[str, Any], *functions: Callable[..., Any]) -> list[Any]:
    """Return the values of all sides of the equations of a name; others define further names."""
    known, found = {**NAMES, **given}, []
    every = [sides for function in functions for sides in equations(function)]
    for left, right in ((sides[0], side) for sides in reversed(every) for side in sides[1:]):
        (name,) = re.findall(r"^\w+|^.*", left)[:1]
        if "CE(" in right:  # another loss
            continue
        if name == sought:
            found.append(right)
        elif name not in known and not re.match(r"d[a-zL]|\(", name):
            value = eval(right, {}, known)
            known[name] = (lambda _, value=value: value) if "(" in left else value
    return [eval(side, {}, known) for side in found]  # of docstrings of ours


def assert_equal(
    y: Any, sought: str, given: Mapping[str, Any], *functions: Callable[..., Any]
) -> None:
    found = values(sought, given, *functions)
    assert found
    for value in found:
        np.testing.assert_allclose(value, y, rtol=2e-5, atol=1e-6)


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activation(name: str) -> None:
    function = getattr(jaxnet.activations, name)
    z = jnp.array([-2.3, -0.4, 0.6, 1.7])
    if not name.endswith("_derivative"):
        return assert_equal(function(z), "y", {"z": z}, function)
    base = getattr(jaxnet.activations, name.removesuffix("_derivative"))
    y = base(z)
    return assert_equal(function(z, y), "f_prime", {"z": z, "y": y}, function, base)


def _given(name: str) -> tuple[Any, Any, dict[str, Any]]:
    """Return outputs and targets that suit a loss, and their names in formulas."""
    outputs, targets = jnp.array([-1.6, 0.4, 2.1]), jnp.array([0.2, 0.7, 0.1])
    if "perceptron" in name or "hinge" in name:
        targets = jnp.array([1.0, -1.0, 1.0])
    if name in ("binary_cross_entropy", "categorical_cross_entropy", "entropy", "kl_divergence"):
        outputs = jnp.array([0.5, 0.3, 0.2])
    given: dict[str, Any] = {"y": outputs, "z": outputs, "q": outputs, "v": targets, "p": targets}
    given.update({"e": outputs - targets, "m": targets * outputs, "K": 3})
    if name.startswith("softmax"):
        del given["y"], given["q"]
    if name == "minkowski_error":
        given["p"] = 1.5
    return outputs, targets, given


@pytest.mark.parametrize("name", LOSSES)
def test_loss(name: str) -> None:
    function = getattr(jaxnet.losses, name)
    outputs, targets, given = _given(name)
    if name == "entropy":
        return assert_equal(function(outputs), "H", {"p": outputs}, function)
    sought = "KL" if "kl" in name else "L"
    return assert_equal(function(outputs, targets), sought, given, function)


@pytest.mark.parametrize("name", GRADIENTS)
def test_gradient(name: str) -> None:
    function = getattr(jaxnet.losses, f"{name}_backward")
    outputs, targets, given = _given(name)
    (sought,) = {sides[0] for sides in equations(function) if sides[0][0] in "d("}
    assert_equal(function(outputs, targets), sought, given, function)
