"""Identification: every convention by its name, altered optimizers by what is other."""

import functools
import inspect
import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
import pytest

from jaxnet.optim import OPTIMIZERS, Identification, identify
from jaxnet.optim.verification import REASONS, conventions
from tests.optim.verification.own import ALTERED, adam, adam_like
from tests.peers import need, peers
from tests.test_representations import assert_short

KNOWN = [(name, like) for name in OPTIMIZERS for like in conventions(name)]

TELLING = {"eps": 1e-3, "weight_decay": 0.1}
"""Settings at which conventions differ."""

WITHOUT = {"prodigy": ("eps", "weight_decay"), "muon": ("eps",), "lars": ("eps",)}
WITHOUT |= {"adagrad": ("eps",)}
"""Settings that are left at their defaults."""

ALIKE = ("rprop",)
"""Optimizers whose conventions differ in extreme cases only, which the stream does not have."""


def telling(name: str) -> dict[str, float]:
    parameters = inspect.signature(OPTIMIZERS[name]).parameters
    return {n: x for n, x in TELLING.items() if n in parameters and n not in WITHOUT.get(name, ())}


def made(name: str, like: str, **options: Any) -> Any:
    chosen = {"like": like} if len(conventions(name)) > 1 else {}
    return functools.partial(OPTIMIZERS[name], **options, **chosen)


def test_there_are_65() -> None:
    assert len(KNOWN) == 65


@pytest.mark.parametrize(("name", "like"), KNOWN, ids=lambda text: text)
def test_every_convention_is_named(name: str, like: str) -> None:
    options = telling(name)
    found = identify(made(name, like, **options), learning_rate=1.0 if name == "prodigy" else 0.01)
    same = {
        match.like
        for match in found.equal
        if match.optimizer == name
        and match.learning_rate == 1
        and set(match.others) <= set(options)
        and all(math.isclose(match.settings.get(n, 0.0), x) for n, x in options.items())
    }
    assert like in same
    # the matrix has a reason for each pair that differs, at some settings if they are named
    for other in same - {like}:
        pairs = ((name, like, other), (name, other, like))
        reason = next((REASONS[pair] for pair in pairs if pair in REASONS), None)
        alike = reason is None or set(reason.without) - set(options) or name in ALIKE
        assert alike, (other, reason)


@pytest.mark.parametrize("name", ALTERED)
def test_what_is_altered_is_said(name: str) -> None:
    mine, call, texts = ALTERED[name]
    found = identify(mine)
    assert found.best.call == call or not call, found
    words = " ".join(repr(found).split())
    for text in texts:
        assert text in words, found
    assert found.best.relative <= 1e-9
    assert_short(found)


def test_settings_are_found_and_named() -> None:
    found = identify(optax.adam(3e-4, b1=0.95, b2=0.98, eps=1e-6))
    assert found.best.call == "adam(0.0003, b1=0.95, b2=0.98, eps=1e-06, like='optax')"
    assert [match.like for match in found.equal if match.optimizer == "adam"] == ["optax", "torch"]
    assert set(found.unequal) == {"keras", "lecture"}
    assert_short(found)


@pytest.mark.parametrize("weight_decay", [0.5, 1.0])
def test_the_rule_of_fewest_settings_is_named(weight_decay: float) -> None:
    """Momentum of 0 equals it, too."""
    found = identify(optax.chain(optax.add_decayed_weights(weight_decay), optax.sgd(0.1)))
    assert found.best.call == f"sgd(0.1, weight_decay={weight_decay:g}, like='optax')"


def test_what_is_found_is_made_again() -> None:
    found = identify(adam_like(adam)(0.001)).best
    again = identify(found.make()).best
    assert again.call == found.call == "adam(0.001, like='optax')"
    w = jnp.ones(2)
    optimizer = found.make(lambda _: 2.0)
    updates, _ = optimizer.update(w, optimizer.init(w), w)
    np.testing.assert_allclose(np.asarray(updates), -0.002, rtol=1e-5)


def test_a_rate_is_a_multiple_of_the_one_that_is_given() -> None:
    found = identify(lambda rate: optax.sgd(2 * rate))
    assert found.best.call == "sgd(2 * learning_rate, like='optax')"
    assert found.best.differences == ["Its steps are 2 times as long."]


def test_updates_of_zero_are_refused() -> None:
    with pytest.raises(ValueError, match="to move the parameters, got 0 in every step"):
        identify(optax.set_to_zero())


def test_a_factory_that_takes_numbers_only_is_identified() -> None:
    found = identify(lambda learning_rate: optax.sgd(float(learning_rate)))
    assert found.best.call == "sgd(learning_rate, like='optax')"


def test_a_plain_function_is_identified() -> None:
    found = identify(lambda gradients, params: jax.tree.map(lambda g: -0.5 * g, gradients))
    assert found.best.call == "sgd(0.5, like='optax')"


def test_a_rule_of_no_convention_has_nearest_ones() -> None:
    def step(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
        del w
        return -rate * (m / (1 - 0.9**t)) / (v / (1 - 0.999**t) + 1e-8) ** 0.4

    found = identify(adam_like(step)(0.001))
    assert found.equal == found.altered == ()
    assert len(found.nearest) == 3
    assert 0.01 < found.best.typical < 0.5
    assert "equals no convention" in repr(found)
    assert_short(found)


def test_two_flags_at_once() -> None:
    found = identify(optax.rmsprop(0.01, momentum=0.8, centered=True))
    assert found.best.call == "rmsprop(0.01, momentum=0.8, centered=True, like='optax')"


@peers
@pytest.mark.parametrize(
    ("name", "settings", "call"),
    [
        ("torch.optim.Adam", {"eps": 1e-6}, "adam(learning_rate, eps=1e-06, like='optax')"),
        ("torch.optim.RMSprop", {}, "rmsprop(learning_rate, like='torch')"),
        ("keras.optimizers.Adam", {}, "adam(learning_rate, like='keras')"),
    ],
)
def test_torchs_and_kerass_by_name(name: str, settings: dict[str, float], call: str) -> None:
    need(name.partition(".")[0])
    found: Identification = identify(name, settings=settings)
    assert found.best.call == call


def test_one_in_float32_is_told_from_another_rule() -> None:
    def rounded(rate: Any, t: Any, w: Any, m: Any, v: Any) -> Any:
        one = 1 - jnp.asarray(0.999, jnp.float32) ** t.astype(jnp.float32)
        return -rate * (m / (1 - 0.9**t)) / (jnp.sqrt(v / one.astype(v.dtype)) + 1e-8)

    found = identify(adam_like(rounded))
    assert not found.equal
    assert not found.altered
    assert found.best.optimizer == "adam"
    assert "weight_decay" not in found.best.others
    assert "So little is the rounding of float32" in repr(found)
