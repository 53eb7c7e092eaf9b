"""The gradient of a whole run with respect to its hyperparameters."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.data import Examples
from jaxnet.training import Recipe, early_stopping, make_train

KEY = jax.random.key(0)
SETTING = {"rate": jnp.asarray(0.02), "strength": jnp.asarray(1e-3)}


def table(n: int) -> Examples:
    x = np.random.default_rng(n).normal(size=(n, 3))
    return Examples(x * np.array([1.0, 1.0, 0.0]), (x[:, 0] > 0).astype(np.int32))


def build(rate: Any, strength: Any, rules: Any = ()) -> Recipe:
    penalty = jaxnet.penalties.get_penalty("l2", strength=strength)
    network = jaxnet.mlp((3, 4, 2), activation="tanh", drop_rate=0.25)
    return Recipe(network, jaxnet.optim.adam(rate), penalty=penalty, rules=rules)


def final_loss(builder: Any, **options: Any) -> Any:
    train = make_train(builder, table(30), table(20), epochs=3, batch_size=8, **options)
    return lambda setting: train(KEY, setting).history.validation["loss"][-1]


def test_it_is_the_slope_of_the_final_loss(float64: np.dtype) -> None:
    setting = jax.tree.map(lambda value: jnp.asarray(value, float64), SETTING)
    loss = final_loss(build, differentiable=True)
    value, gradient = jax.jit(jax.value_and_grad(loss))(setting)
    plain = final_loss(build)
    assert float(plain(setting)) == pytest.approx(float(value), rel=1e-14)
    for name, h in {"rate": 1e-6, "strength": 1e-5}.items():
        ends = [plain({**setting, name: setting[name] + step}) for step in (h, -h)]
        slope = float(ends[0] - ends[1]) / (2 * h)
        assert float(gradient[name]) == pytest.approx(slope, rel=1e-5)


@pytest.mark.parametrize(
    "wrap", [jax.grad, lambda f: jax.grad(jax.jit(f)), jax.jacrev, jax.hessian]
)
def test_reverse_mode_of_another_run_is_refused_with_the_way_out(wrap: Any) -> None:
    message = (
        r"expected a run for reverse-mode .* Make it with make_train\(\.\.\., differentiable=True\)"
    )
    with pytest.raises(ValueError, match=message):
        wrap(final_loss(build))(SETTING)


@pytest.mark.slow
def test_the_mark_is_no_part_of_the_program_and_forward_mode_passes(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nested forward mode, too, and of several settings at a time."""
    loss = final_loss(build)
    marked = jax.jit(loss).lower(SETTING)
    several = jax.tree.map(lambda value: jnp.stack([value, 2 * value]), SETTING)
    slopes = jax.vmap(jax.jacfwd(loss))(several)
    second = jax.jacfwd(jax.jacfwd(loss))(SETTING)
    monkeypatch.setattr("jaxnet.training.loop.run.forward_mode_only", lambda tree, *_: tree)
    loss = final_loss(build)
    assert jax.jit(loss).lower(SETTING).as_text() == marked.as_text()
    plain = jax.vmap(jax.jacfwd(loss))(several), jax.jacfwd(jax.jacfwd(loss))(SETTING)
    jax.tree.map(np.testing.assert_array_equal, (slopes, second), plain)


@pytest.mark.slow
def test_a_rule_ends_it_too() -> None:
    def stopping(rate: Any, strength: Any) -> Recipe:
        return build(rate, strength, (early_stopping("loss", patience=1, min_delta=9.0),))

    runs = [
        make_train(stopping, table(30), epochs=5, batch_size=8, differentiable=mode)(KEY, SETTING)
        for mode in (True, False)
    ]
    assert [int(run.done) for run in runs] == [2, 2]
    jax.tree.map(np.testing.assert_array_equal, *(run.params for run in runs))
