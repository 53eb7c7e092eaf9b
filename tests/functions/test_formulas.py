"""Formulas of docstrings, as the documentation shows them, evaluated beside their functions."""

import functools
import inspect
import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.scipy.special import erfc

from experiments.docs.docstrings import signature
from experiments.docs.notation import to_latex
from jaxnet import activations, initializers, losses, metrics, penalties, schedules

NAMES: dict[str, Any] = {
    **{name: getattr(jnp, name) for name in ("abs", "argmax", "clip", "cos", "cosh", "diag")},
    **{name: getattr(jnp, name) for name in ("exp", "floor", "inner", "log", "mean", "pi", "prod")},
    **{name: getattr(jnp, name) for name in ("sign", "sqrt", "sum", "tanh", "where")},
    **{name: getattr(jax.nn, name) for name in ("sigmoid", "softmax")},
    "max": jnp.maximum,
    "min": jnp.minimum,
    "norm": jnp.linalg.norm,
    "erfc": erfc,
    "step": activations.step,
    "CE": lambda p, q: losses.categorical_cross_entropy(q, p),
    "H": losses.entropy,
    "KL": lambda p, q: losses.kl_divergence(q, p),
}

OPERATORS = {
    r"\le ": "<=",
    r"\ge ": ">=",
    r"\ne ": "!=",
    r"\pm ": "",
    r"\parallel ": ",",
    r"\langle ": "inner(",
    r"\rangle ": ")",
}

UNEVALUATED = {
    "entropy": {"0 log 0 = 0": "a convention, no equation"},
    "log_softmax_backward": {
        "dz = (I - 1 s^T)^T dy = dy - s sum(dy)": "its first side multiplies matrices",
    },
    "orthogonal": {
        "w w^T = gain^2 I": "multiplies matrices",
        "w^T w = gain^2 I": "multiplies matrices",
    },
    "softmax_backward": {
        "dz = (diag(y) - y y^T) dy = y (dy - <y, dy>)": "its first side multiplies matrices",
    },
}
"""Function -> formula -> why it, or one side of it, is not evaluated."""

_FORMULA = re.compile(
    r"``([^`]+)``(?:,?\s+(?:where\s+``([^`]+)``,\s+else\s+(?:``([^`]+)``|(\d))"
    r"|(?:clipped\s+to|kept\s+in)\s+(?:``)?\[([^]`,]+),\s([^]`]+)\]))?"
)


def to_python(latex: str) -> str:
    r"""Return LaTeX of `to_latex` as Python; what has an index is an array.

    >>> to_python(r"-\sum_{i} v_i\,\operatorname{log}\,y_i+\frac{1}{K}")
    '-sum(v*log(y))+((1)/(K))'
    """
    text = re.sub(r"\\left(?!arrow)|\\right", "", latex).replace("'", "_prime")
    text = re.sub(r"^\w+\\leftarrow ", "new=", text.replace(r"\_", "_"))
    text = re.sub(r"\\sum(_\{[^{}]*\})? ", "sum@", text)
    text = re.sub(r"\\operatorname\{(\w+)\}(\\,)?", lambda m: m[1] + ("@" if m[2] else ""), text)
    text = re.sub(r"(?<!\w)e\^", "exp^", text)
    text = re.sub(r"\\mathrm\{(\w+)\}", r"\1", text)
    # an index of entries, but not that of a bin
    text = re.sub(r"(?<=[A-Za-z])(?<!n(?=_b))_(\{[a-z]+\}|[a-z](?![a-z]))", "", text)
    text = re.sub(r"\bin\b", "in_", text)
    for symbol, operator in OPERATORS.items():
        text = text.replace(symbol, operator)
    text = re.sub(r"\\mathbf\{1\}\[(.*)\]", _indicator, text)
    text = re.sub(r"\\prod_\{([^{}]*)\} (\w+)", r"prod(\2**(\1))", text)
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


def _indicator(match: re.Match[str]) -> str:
    both = re.sub(r"(?<![<>!])=", "==", match[1]).replace(r",\;", ")&(")
    return f"where(({both}),1,0)"


def _end(text: str, stops: str) -> int:
    """Return where one of some characters stands outside of brackets, but not at the start."""
    depth = 0
    for i, character in enumerate(text):
        if depth == 0 and i and character in stops:
            return i
        depth += (character == "(") - (character == ")")
    return len(text)


class Equation(NamedTuple):
    """Equation of a docstring: its text, the name that it defines, and its sides as Python.

    The name is empty for what the function returns: the first formula, if it is no equation.
    """

    text: str
    name: str
    function: bool  # whether it defines a function of z
    sides: list[str]


def equations(function: Callable[..., Any]) -> Iterator[Equation]:
    """Find the equations of a docstring, those with two pieces or bounds among them."""
    doc = inspect.getdoc(function) or ""
    head = re.split(r"^(?:Args|Attributes|Returns|Raises):$|^- |^>>> ", doc, flags=re.MULTILINE)[0]
    names = signature(function)[1].keys()
    python = lambda text: to_python(to_latex(text, names) or text)  # noqa: E731
    first = True
    for text, condition, otherwise, number, low, high in _FORMULA.findall(head):
        latex = to_latex(text, names)
        if latex is None:
            continue
        left, *sides = re.split(r"(?<![<>!=])=(?!=)", to_python(latex))
        name = re.match(r"\(\(dL\)/\((d\w)\)\)|([A-Za-z]\w*)(?:\(.*\)|\*\*\(\d\))?$", left)
        if not sides and not (first and re.search(r"[-+/]|sum|[!=]=|\w\(", left)):
            continue
        if not sides and re.search(r"[<>]=?|\[|sim", left.partition("((")[0]):
            continue
        first = False
        sides = sides or [left]
        if condition:
            pieces = python(condition), sides[-1], number or python(otherwise)
            sides[-1] = f"where({','.join(pieces)})"
        if low:
            sides = [f"clip({side},{python(low)},{python(high)})" for side in sides]
        known = name and sides != [left] and (name[1] or name[2])
        key = "" if sides == [left] else known or left
        yield Equation(" ".join(text.split()), key, bool(known and "(" in left), sides)


class Case(NamedTuple):
    """What is known beside a docstring: values of names, and what its equations are to give.

    ``others`` are functions whose docstrings define further names.
    """

    given: Mapping[str, Any]
    expected: Mapping[str, Any]
    others: tuple[Callable[..., Any], ...] = ()
    rtol: float = 3e-5


def unevaluated(function: Callable[..., Any], case: Case) -> set[str]:
    """Assert that equations give what is expected; return those that cannot be evaluated."""
    known = NAMES | dict(case.expected) | dict(case.given)
    failed, compared = set[str](), set[str]()
    own = [each for each in equations(function) if each.name not in case.given]
    others = [each for other in case.others for each in equations(other)]
    definitions = [each for each in own + others if each.name not in known]
    for _ in range(len(definitions) + 1):  # one may need the next
        for each in definitions:
            try:
                sides = [eval(side, {}, known) for side in each.sides]
            except (NameError, TypeError, SyntaxError):
                continue
            np.testing.assert_allclose(sides[0], sides[-1], rtol=case.rtol)
            known[each.name] = (lambda _, side=sides[0]: side) if each.function else sides[0]
    for each in own:
        for side in each.sides:
            try:
                value = eval(side, {}, known)  # of docstrings of ours
            except (NameError, TypeError, SyntaxError):
                failed.add(each.text)
                continue
            if each.name in case.expected:
                compared.add(each.name)
                expected = case.expected[each.name]
                np.testing.assert_allclose(value, expected, rtol=case.rtol, atol=1e-6)
            elif not each.name.isidentifier():
                failed.add(each.text)
    assert compared == case.expected.keys()
    return failed


def _activation(name: str, function: Callable[..., Any]) -> Case:
    z, dy = jnp.array([-2.3, -0.4, 0.6, 1.7]), jnp.array([0.3, -1.0, 0.7, 0.2])
    if name == "entrywise":
        pair = function(jnp.sin, lambda z, y: jnp.cos(z))
        return Case(
            {"z": z, "dy": dy, "f_prime": jnp.cos}, {"dz": pair.backward(z, jnp.sin(z), dy)}
        )
    options = {
        "elu": {"alpha": 0.7},
        "elu_derivative": {"alpha": 0.7},
        "leaky_relu": {"negative_slope": 0.2},
        "leaky_relu_derivative": {"negative_slope": 0.2},
    }.get(name, {})
    given = {"z": z, **options}
    base = getattr(activations, re.sub("_derivative|_backward", "", name))
    y = base(z, **options)
    if name.endswith("_backward"):
        return Case(given | {"y": y, "dy": dy}, {"dz": function(z, y, dy)})
    if name.endswith("_derivative"):
        return Case(given | {"y": y}, {"f_prime": function(z, y, **options)}, (base,))
    if name == "selu":
        given["elu"] = functools.partial(activations.elu, alpha=1.6732632)
        return Case(given, {"y": y, "alpha": 1.6732632})
    return Case(given, {"y": y})


def _loss(name: str, function: Callable[..., Any]) -> Case:
    outputs, targets = jnp.array([-1.6, 0.4, 2.1]), jnp.array([0.2, 0.7, 0.1])
    if name == "smooth_labels":
        return Case(
            {"v": jnp.array([0.0, 1.0, 0.0]), "s": 0.3, "K": 3},
            {"": function(jnp.array([0.0, 1.0, 0.0]), 0.3)},
        )
    if "perceptron" in name or "hinge" in name:
        targets = jnp.array([1.0, -1.0, 1.0])
    if name.removesuffix("_backward") in PROBABILITIES:
        outputs = jnp.array([0.5, 0.3, 0.2])
    if name == "entropy":
        return Case({"p": outputs}, {"H": function(outputs)})
    given: dict[str, Any] = {"y": outputs, "z": outputs, "v": targets, "p": targets}
    given.update({"e": outputs - targets, "m": targets * outputs, "K": 3, "delta": 1.0})
    if "softmax" in name or "sigmoid" in name:
        del given["y"]
    if name.startswith("kl"):
        given["q"] = outputs
    if "minkowski" in name:
        given["p"] = 1.5
    if "zero_one" in name:
        outputs, targets = jnp.array([0.3, 0.9, 0.1]), jnp.array(1)
        given = {"decision": jnp.argmax(outputs), "v": targets}
    backward = getattr(losses, f"{name.removesuffix('_backward')}_backward")(outputs, targets)
    gradient = next(each.name for each in equations(function) if each.name.startswith("d"))
    expected = {gradient: backward}
    if not name.endswith("_backward"):
        kind = {"kl_divergence": "KL", "zero_one": ""}
        expected[kind.get(name, "L")] = function(outputs, targets)
    return Case(given, expected)


PROBABILITIES = ("binary_cross_entropy", "categorical_cross_entropy", "entropy", "kl_divergence")


def _penalty(name: str, function: Callable[..., Any]) -> Case:
    w = jnp.array([[0.3, -1.2, 0.7], [2.0, -0.4, 0.1]])
    if name == "max_norm":
        return Case({"w": w[1], "limit": 1.5}, {"": function(w, 1.5)[1]})
    if name == "soft_threshold":
        return Case({"w": w, "threshold": 0.35}, {"new": function(w, 0.35)})
    strengths = {"l1_strength": 0.3, "l2_strength": 0.7} if "elastic" in name else {"strength": 0.3}
    backward = getattr(penalties, f"{name.removesuffix('_backward')}_backward")(w, **strengths)
    expected = {"dw": backward}
    if not name.endswith("_backward"):
        expected[""] = function(w, **strengths)
    if name == "l2":
        expected["weight_decay"] = (backward / w)[0, 0]
    return Case({"w": w, **strengths}, expected)


def _metric(name: str, function: Callable[..., Any]) -> Case:
    y = jnp.array([[0.2, 0.5, 0.3], [0.6, 0.3, 0.1], [0.1, 0.2, 0.7], [0.5, 0.4, 0.1]])
    v = jnp.array([1, 2, 2, 0])
    counts = metrics.confusion_matrix(jnp.argmax(y, -1), v, classes=3)
    known = {"TP": jnp.diag(counts), "true": counts.sum(1), "predicted": counts.sum(0)}
    scores, classes = jnp.array([0.9, 0.4, 0.6, 0.2, 0.7]), jnp.array([1, 0, 1, 1, 0])
    pairs = scores[classes == 1][:, None] - scores[classes == 0][None]
    ranked = jnp.sort(scores)[::-1][:, None] <= scores[None]
    sizes = {"n_1": 3, "n_0": 2}
    if name in ("f1", "precision", "recall"):
        return Case(known, {"": function(counts, average=None)})
    if name == "f1_score":
        return Case(known, {"": function(y, v, average=None)})
    if name in ("accuracy", "error_rate"):
        accuracy = metrics.accuracy(y[0], v[0])
        return Case({"y": y[0], "v": v[0], "accuracy": accuracy}, {"": function(y[0], v[0])})
    if name == "binary_accuracy":
        given = {"y": scores, "v": classes.astype(float), "threshold": 0.5}
        return Case(given, {"": (function(scores[:, None], classes[:, None], threshold=0.5))})
    if name == "confusion_matrix":
        given = {"y": jnp.argmax(y, -1), "v": v, "i": 2, "j": 0}
        return Case(given, {"c": counts[2, 0]})
    if name == "expected_calibration_error":
        given = {"n": 4, "n_b": jnp.array([3, 1]), "accuracy": jnp.array([2 / 3, 1.0])}
        given["confidence"] = jnp.array([(0.5 + 0.6 + 0.5) / 3, 0.7])
        return Case(given, {"ECE": function(y, v, bins=3)})
    if name == "r_squared":
        return Case(
            {"y": scores, "v": classes.astype(float)},
            {"R": function(scores[:, None], classes[:, None])},
        )
    if name == "roc_auc":
        wins = jnp.heaviside(pairs, 0.5).sum()
        return Case({"U": wins, **sizes}, {"AUC": function(scores[:, None], classes[:, None])})
    if name == "roc_curve":
        hits = {
            "TP": (ranked & (classes == 1)[None]).sum(1),
            "FP": (ranked & (classes == 0)[None]).sum(1),
        }
        curve = function(scores[:, None], classes[:, None])
        return Case(hits | sizes, {"": [curve[0][1:], curve[1][1:]]})
    ranks = lambda y: 1 + (y > y[1]).sum()  # noqa: E731
    return Case({"rank": ranks, "y": y[0], "k": 2}, {"": function(y[0], jnp.array(1), k=2)})


SYMBOLS = {
    "init_value": "init",
    "end_value": "end",
    "peak_value": "peak",
    "power": "P",
    "transition_steps": "T",
    "decay_steps": "T",
    "warmup_steps": "W",
    "exponent": "p",
    "transition_begin": "begin",
    "decay_rate": "r",
    "div_factor": "d",
    "final_div_factor": "f",
}
"""Argument of a schedule -> its symbol, where that is another."""

_FALLING = schedules.inverse_time_decay(0.9)

RATES: dict[str, tuple[dict[str, Any], dict[str, Any], tuple[int, ...]]] = {
    "constant": ({"value": 0.3}, {}, (3,)),
    "cosine_annealing": ({"init_value": 0.9, "decay_steps": 7, "end_value": 0.1}, {}, (3, 9)),
    "cosine_decay": (
        {"init_value": 0.9, "decay_steps": 7, "alpha": 0.2, "exponent": 1.5},
        {},
        (3, 6),
    ),
    "cosine_onecycle": (
        {"transition_steps": 10, "peak_value": 0.9, "pct_start": 0.5},
        {"a": 0.9 / 25, "b": 0.9, "u": 0.4},
        (2,),
    ),
    "cosine_restarts": (
        {"init_value": 0.9, "decay_steps": 4, "t_mul": 2, "m_mul": 0.6, "alpha": 0.2},
        {"i": 1, "s": 3},
        (7,),
    ),
    "cyclic": (
        {"init_value": 0.1, "peak_value": 0.9, "step_size_up": 4, "mode": "triangular2"},
        {"h": 0.75, "a": 0.5},
        (11,),
    ),
    "delay": ({"schedule": _FALLING, "steps": 3}, {}, (1, 5)),
    "exponential_decay": (
        {"init_value": 0.9, "transition_steps": 4, "decay_rate": 0.7, "transition_begin": 2},
        {},
        (5,),
    ),
    "inverse_polynomial_decay": ({"init_value": 0.9, "power": 0.7}, {}, (5,)),
    "inverse_time_decay": (
        {"init_value": 0.9, "transition_steps": 4, "decay_rate": 0.7},
        {"kappa": 0.7},
        (5,),
    ),
    "linear": (
        {"init_value": 0.9, "end_value": 0.2, "transition_steps": 4, "transition_begin": 2},
        {},
        (1, 3, 9),
    ),
    "linear_onecycle": ({"transition_steps": 10, "peak_value": 0.9}, {}, (0,)),
    "piecewise_interpolate": (
        {"interpolate_type": "cosine", "init_value": 0.9, "boundaries_and_scales": {4: 0.5}},
        {"a": 0.9, "b": 0.45, "u": 0.5},  # where both of its forms are equal
        (2,),
    ),
    "piecewise_constant": (
        {"init_value": 0.9, "boundaries_and_scales": {2: 0.5, 4: 0.3, 7: 0.2}},
        {"b": np.array([2, 4, 7]), "scale": np.array([0.5, 0.3, 0.2])},
        (1, 4, 8),
    ),
    "polynomial": (
        {"init_value": 0.9, "end_value": 0.2, "power": 1.5, "transition_steps": 4}
        | {"transition_begin": 2},
        {},
        (1, 3, 9),
    ),
    "step_decay": ({"init_value": 0.9, "transition_steps": 4, "decay_rate": 0.7}, {}, (5, 8)),
    "warmup": ({"schedule": _FALLING, "warmup_steps": 4, "init_value": 0.2}, {}, (3,)),
    "warmup_constant": ({"init_value": 0.2, "peak_value": 0.9, "warmup_steps": 4}, {}, (3, 7)),
    "warmup_cosine_decay": (
        {"init_value": 0.2, "peak_value": 0.9, "warmup_steps": 4, "decay_steps": 11}
        | {"end_value": 0.1, "exponent": 1.5},
        {},
        (6,),
    ),
    "warmup_exponential_decay": (
        {"init_value": 0.2, "peak_value": 0.9, "warmup_steps": 4, "transition_steps": 3}
        | {"decay_rate": 0.7, "transition_begin": 1},
        {},
        (8,),
    ),
}
"""Schedule -> its arguments, values of other symbols, and counts to compare at."""


def _schedule(name: str, function: Callable[..., Any]) -> Iterator[Case]:
    if name == "scale":
        for factor in (0.5, _FALLING):
            given = {"factor": factor, "schedule": _FALLING, "t": 3}
            yield Case(given, {"rate": function(_FALLING, factor)(3)})
        return
    options, known, counts = RATES[name]
    schedule = function(**options)
    given = {SYMBOLS.get(each, each): value for each, value in options.items()} | known
    if name == "linear_onecycle":
        given |= {"d": 25.0}
    for t in counts:
        rate = "" if name == "linear_onecycle" else "rate"
        yield Case(given | {"t": t}, {rate: schedule(t)})


def _initializer(name: str, function: Callable[..., Any]) -> Case:
    """Return a case within five standard errors of a standard deviation of 60,000 draws."""
    given: dict[str, Any] = {"in_": 200, "out": 300, "gain": 1.0}
    options = {
        "constant": {"value": 0.3},
        "truncated_normal": {"std": 0.5},
        "uniform": {"bound": 0.7},
    }.get(name, {})
    make = functools.partial(function, **options)
    if name == "variance_scaling":
        make = function(0.7, "fan_avg", "uniform")
        given |= {"scale": 0.7, "fan": 250}
    w = make(jax.random.key(0), (300, 200), jnp.float32)
    kind = next(each.name for each in equations(function))
    found = {"": jnp.abs(w).max(), "w": w, "std": w.std(), "bound": jnp.abs(w).max()}
    if name in ("uniform", "variance_scaling"):
        found[""] = w.var()
    return Case(given | options, {kind: found[kind]} if kind in found else {}, rtol=0.015)


MODULES: dict[Any, Callable[..., Any]] = {
    activations: _activation,
    losses: _loss,
    penalties: _penalty,
    metrics: _metric,
    schedules: _schedule,
    initializers: _initializer,
}

FUNCTIONS = {
    f"{module.__name__.rpartition('.')[2]}.{name}": (case, getattr(module, name))
    for module, case in MODULES.items()
    for name in module.__all__
    if inspect.isfunction(getattr(module, name)) and [*equations(getattr(module, name))]
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_formulas(name: str) -> None:
    find_case, function = FUNCTIONS[name]
    name = name.partition(".")[2]
    found = find_case(name, function)
    cases = [found] if isinstance(found, Case) else found
    failed = set.intersection(*(unevaluated(function, case) for case in cases))
    assert failed == set(UNEVALUATED.get(name, {}))
