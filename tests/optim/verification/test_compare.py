"""Comparison of two optimizers: what is a difference and what is rounding; times; bad input."""

import functools
from collections.abc import Callable
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

import jaxnet
from experiments.peers.cases import CASES
from jaxnet.optim import compare, identify, time_step
from jaxnet.optim.verification.subject import as_subject
from tests.optim.verification.own import adam, adam_like
from tests.peers import need, peers
from tests.test_representations import assert_short

STEPS = 30


def test_own_and_optaxs_and_ours_are_equal() -> None:
    found = compare(adam_like(adam), optax.adam, steps=STEPS)
    assert found.equal
    assert found.first is None
    assert found.relative < 1e-12
    assert {scenario.dtype for scenario in found.scenarios} == {"float64", "float32"}
    assert found.scenarios[-1].name == "schedule"
    assert found.skipped == ()
    assert_short(found)


@pytest.mark.parametrize(
    "wrong", [optax.adam(0.01, b1=0.9000009), optax.adam(0.01, eps=1.000001e-8)]
)
def test_a_millionth_is_found_in_float64(wrong: optax.GradientTransformation) -> None:
    found = compare(wrong, jaxnet.optim.adam(0.01), steps=STEPS, dtype="float64")
    assert not found.equal
    assert 1e-11 < found.relative < 1e-4
    assert found.first is not None
    assert found.first.leaf.startswith("['")


@pytest.mark.parametrize("decay", [0.1, 0.1000001])
def test_a_millionth_of_the_weight_decay_is_found(decay: float) -> None:
    found = compare(
        optax.adamw(0.01, weight_decay=decay),
        jaxnet.optim.adamw(0.01, weight_decay=0.1),
        steps=STEPS,
        dtype="float64",
    )
    assert found.equal is (decay == 0.1)


@pytest.mark.parametrize(
    "name",
    ["adam, defaults", "rmsprop, centred", "lion", "yogi", "lamb", "momentum, nesterov", "radam"],
)
def test_rounding_in_float32_is_no_difference(name: str) -> None:
    case = next(case for case in CASES if case.name == name)
    assert case.optax is not None
    theirs = functools.partial(case.optax, optax)
    ours = functools.partial(jaxnet.optim.OPTIMIZERS[case.optimizer], **case.options)
    found = compare(
        lambda learning_rate: theirs(learning_rate),
        ours,
        steps=STEPS,
        dtype="float32",
        learning_rate=case.rate,
    )
    assert found.equal, found


def test_optaxs_bias_correction_in_float32_is_rounding() -> None:
    """It cancels, by 1e-5 of itself: some hundred units in the last place of the update."""
    ours = jaxnet.optim.adam
    found = compare(optax.adam, ours, steps=STEPS, dtype="float32", learning_rate=1.0)
    assert found.equal
    assert 10 < found.ulps < 1000


def test_a_difference_in_float32_is_found() -> None:
    found = compare(optax.adam(0.01), optax.adam(0.01, b1=0.91), steps=STEPS, dtype="float32")
    assert not found.equal


@pytest.mark.parametrize("dtype", ["float16", "bfloat16"])
def test_narrow_dtypes_have_their_own_units_and_tolerance(dtype: str) -> None:
    """Steps longer by one unit in the last place are rounding, by half of the digits are not."""
    eps, mine = float(jnp.finfo(dtype).eps), functools.partial(optax.sgd, momentum=0.5)
    for share, equal in ((eps, True), (2 * eps**0.5, False)):
        other = optax.chain(mine(0.01), optax.scale(1 + share))
        found = compare(other, mine(0.01), steps=12, dtype=dtype)
        assert {each.dtype for each in found.scenarios} == {dtype}
        assert found.equal is equal
        assert found.relative > share / 2
        assert found.relative == found.ulps * eps


def test_the_first_difference_has_its_place() -> None:
    def step(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
        update = adam(rate, t, w, m, v)
        return update.at[(1, 2)].multiply(jnp.where(t == 4, 1.5, 1.0)) if w.ndim == 2 else update

    found = compare(adam_like(step), optax.adam, steps=STEPS)
    assert found.first is not None
    assert (found.first.step, found.first.index) == (4, (1, 2))
    assert found.first.leaf == "['matrix']"
    np.testing.assert_allclose(found.first.mine / found.first.reference, 1.5)
    assert f"first at step 4, {found.first.leaf}" in repr(found)


def test_a_schedule_tells_where_the_rate_goes() -> None:
    ours = functools.partial(jaxnet.optim.momentum, like="keras")
    found = compare(ours, optax.sgd, settings={"momentum": 0.9}, steps=STEPS)
    assert [each.name for each in found.scenarios if not each.equal] == ["schedule"]


def test_parameters_of_ones_own() -> None:
    params = {"w": jnp.ones((2, 3)), "b": [jnp.zeros(2)]}
    found = compare(optax.sgd(0.1), jaxnet.optim.sgd(0.1), params=params, steps=3, dtype="float64")
    assert "params" in [scenario.name for scenario in found.scenarios]
    assert found.equal
    assert "should be a function of the learning rate" in " ".join(repr(found).split())


@peers
@pytest.mark.parametrize("library", ["torch", "keras"])
def test_torchs_and_kerass_by_name(library: str) -> None:
    need(library)
    name, settings = {
        "torch": ("torch.optim.AdamW", {"weight_decay": 0.1}),
        "keras": ("keras.optimizers.AdamW", {"weight_decay": 0.1}),
    }[library]
    convention: Any = library
    ours = functools.partial(jaxnet.optim.adamw, weight_decay=0.1, like=convention)
    found = compare(ours, name, settings=settings, steps=STEPS)
    assert found.equal, found
    wrong = functools.partial(jaxnet.optim.adamw, weight_decay=0.1001, like=convention)
    assert not compare(wrong, name, settings=settings, steps=STEPS).equal


@peers
def test_a_class_of_torch_is_an_optimizer() -> None:
    torch = need("torch")
    assert compare(torch.optim.SGD, jaxnet.optim.sgd, steps=3).equal


def test_steps_are_timed_in_turns() -> None:
    params = jnp.ones(5)
    taken = time_step(optax.sgd, jaxnet.optim.sgd, params=params, steps=2, rounds=3)
    assert 0 < taken.low <= taken.ratio <= taken.high
    assert min(taken.mine_us, taken.reference_us, taken.mine_compile_s) > 0
    assert_short(taken)
    text = "expected reference to be of optax's protocol, got torch"
    with pytest.raises(ValueError, match=text):
        time_step(optax.sgd(0.1), type("Optimizer", (), {"__module__": "torch.optim"}))


def _transformation(update: Callable[..., Any]) -> optax.GradientTransformation:
    return optax.GradientTransformation(lambda params: jnp.int32(0), update)


def _counting() -> optax.GradientTransformation:
    calls = []

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        del params
        calls.append(1)
        return jax.tree.map(lambda g: -len(calls) * g, updates), state

    return _transformation(update)


def _remembering() -> optax.GradientTransformation:
    kept = [0.0]

    def update(updates: Any, state: Any, params: Any = None) -> Any:
        del params
        kept[0] = kept[0] + jax.tree.leaves(updates)[0].sum()
        return jax.tree.map(lambda g: -kept[0] * g, updates), state

    return _transformation(update)


BAD: dict[str, tuple[Any, str]] = {
    "another tree": (
        _transformation(lambda g, s, p: (jax.tree.leaves(g), s)),
        "expected updates of mine to have the tree and the shapes of the gradients",
    ),
    "another shape": (
        _transformation(lambda g, s, p: (jax.tree.map(jnp.sum, g), s)),
        "expected updates of mine to have the tree and the shapes of the gradients",
    ),
    "no state": (
        _transformation(lambda g, s, p: g),
        "expected update of mine to return updates and a state",
    ),
    "counts its calls": (_counting(), "expected update of mine to be pure"),
    "remembers outside": (_remembering(), "expected update of mine to be pure"),
    "NaN": (
        _transformation(lambda g, s, p: (jax.tree.map(lambda g: g / jnp.abs(g), g), s)),
        "expected updates of mine to be finite, got nan at step 1 in .*add an epsilon",
    ),
    "without parameters": (
        _transformation(lambda g, s: (g, s)),
        r"got TypeError: .*It is called as update\(gradients, state, params\)",
    ),
    "more arguments": (
        _transformation(lambda g, s, p, value: (g, s)),
        "got TypeError: .*value",
    ),
    "a needed setting": (
        lambda learning_rate, beta: optax.sgd(learning_rate, beta),
        "expected mine to need no argument besides the learning rate, got beta",
    ),
    "no transformation": (lambda learning_rate: 3, "GradientTransformation, got 3 of type int"),
    "not callable": (3, "expected mine to be an optax.GradientTransformation; .*got 3 of type int"),
    "Python's if": (
        _transformation(lambda g, s, p: (g if jax.tree.leaves(g)[0].sum() > 0 else p, s)),
        "got TracerBoolConversionError",
    ),
    "a misspelt name": ("optax.adamm", "expected mine to be in optax, got 'adamm'. Did you mean"),
    "another library": ("tensorflow.Adam", "expected mine to be named as in .*optax.NAME"),
}


@pytest.mark.parametrize("kind", BAD)
@pytest.mark.parametrize("called", [compare, identify])
def test_bad_input_is_one_sentence(kind: str, called: Any) -> None:
    mine, message = BAD[kind]
    arguments = (mine, optax.sgd(0.1)) if called is compare else (mine,)
    with pytest.raises((ValueError, TypeError), match=message) as caught:
        called(*arguments)
    assert "\n" not in str(caught.value)


def test_the_reference_is_checked_as_well() -> None:
    with pytest.raises(ValueError, match="expected update of reference to be pure"):
        compare(optax.sgd(0.1), _counting())


def test_settings_need_something_to_make() -> None:
    with pytest.raises(ValueError, match="expected settings to be none for reference"):
        compare(optax.sgd(0.1), optax.sgd(0.1), settings={"momentum": 0.9})


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"steps": 1}, "steps >= 2"),
        ({"dtype": "float8"}, "dtype to be one of"),
        ({"learning_rate": 0.0}, "learning_rate"),
    ],
)
def test_options_are_checked(options: dict[str, Any], message: str) -> None:
    with pytest.raises(ValueError, match=message):
        compare(optax.sgd, optax.sgd, **options)


def test_one_that_takes_numbers_only_is_made_anew_for_each_step() -> None:
    def numbers_only(learning_rate: Any) -> optax.GradientTransformation:
        return optax.chain(optax.trace(0.9), optax.scale(-1 * learning_rate))

    found = compare(numbers_only, jaxnet.optim.momentum, steps=12)
    assert found.equal
    assert found.scenarios[-1].name == "schedule"

    def in_trace(learning_rate: Any) -> optax.GradientTransformation:
        return optax.chain(optax.scale(-1 * learning_rate), optax.trace(0.9))

    python = compare(lambda learning_rate: optax.sgd(float(learning_rate)), optax.sgd, steps=12)
    assert python.equal
    assert "Not compared under a schedule: expected mine(learning_rate)" in repr(python)
    found = compare(in_trace, jaxnet.optim.momentum, steps=12)
    assert [each.name for each in found.scenarios if not each.equal] == ["schedule"]


def test_a_factory_is_asked_once_whether_it_takes_schedules() -> None:
    asked: list[bool] = []

    def numbers_only(learning_rate: Any) -> optax.GradientTransformation:
        asked.append(callable(learning_rate))
        return optax.scale(-1 * learning_rate)

    mine = as_subject("mine", numbers_only)
    for rate in (0.1, 0.2):
        mine.make(lambda count, rate=rate: rate / (1 + count))
    assert asked == [True]
