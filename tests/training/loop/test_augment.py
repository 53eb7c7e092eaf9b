"""Augmentation inside the compiled step: of `fit`, of sweeps, by both engines."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.core.trees import digest
from jaxnet.data import Examples, augmentation
from jaxnet.training import Recipe, fit, grid, sweep

KEY = jax.random.key(0)
NETWORK = jaxnet.mlp((4, 5, 3))


def examples(n: int = 22) -> Examples:
    random = np.random.default_rng(0)
    label = np.arange(n) % 3
    x = random.normal(size=(n, 4)) + label[:, None]
    return Examples(x.astype(np.float32), label.astype(np.int32))


def run(augment: Any = None, **given: Any) -> Any:
    settings: dict[str, Any] = {"optimizer": jaxnet.optim.sgd(0.1), "epochs": 3, "batch_size": 5}
    return fit(NETWORK, examples(), key=KEY, augment=augment, **(settings | given))


def test_an_augmentation_that_changes_nothing_changes_no_bit() -> None:
    plain, same = run(), run(lambda key, batch: batch)
    assert digest(plain.params) == digest(same.params)


@pytest.mark.parametrize("gradient", ["autodiff", "by_hand"])
def test_the_step_sees_what_the_augmentation_returns(gradient: str) -> None:
    """Of inputs of 0, the first weights have no gradient, and the validation sees the others."""

    def zeros(key: Any, batch: Examples) -> Examples:
        return batch._replace(inputs=jnp.zeros_like(batch.inputs))

    given: dict[str, Any] = {"gradient": gradient, "validation": examples()}
    first, last = (run(zeros, epochs=epochs, **given) for epochs in (1, 3))
    np.testing.assert_array_equal(first.params[0].weights, last.params[0].weights)
    assert not np.array_equal(first.params[-1].bias, last.params[-1].bias)
    evaluated = jaxnet.training.evaluate(NETWORK, last.params, last.statistics, examples())
    assert last.history.validation["loss"][-1] == pytest.approx(evaluated["loss"], rel=1e-5)


def test_every_step_has_a_key_of_its_own() -> None:
    """What a bias of the last layer learns tells the number that was drawn."""
    drawn = []

    def draw(key: Any, batch: Examples) -> Examples:
        number = jax.random.uniform(key)
        jax.debug.callback(lambda value: drawn.append(float(value)), number)
        return batch

    run(draw)
    jax.effects_barrier()
    assert len(drawn) == len(set(drawn)) == 15
    again, drawn = drawn, []
    run(draw)
    jax.effects_barrier()
    assert sorted(drawn) == sorted(again)


def test_targets_travel_along_and_the_accuracy_is_of_the_likelier_class() -> None:
    result = run(augmentation.mixup(3, 0.4), epochs=40)
    assert result.history.train["loss"][-1] < result.history.train["loss"][0]
    evaluated = jaxnet.training.evaluate(NETWORK, result.params, result.statistics, examples())
    assert evaluated["accuracy"] > 0.6
    assert 0 < result.history.train["accuracy"][-1] <= 1


def test_a_strength_may_be_swept() -> None:
    def build(strength: Any) -> Recipe:
        augment = augmentation.on_inputs(augmentation.add_noise(strength))
        return Recipe(NETWORK, jaxnet.optim.sgd(0.1), augment=augment)

    swept = sweep(
        build,
        examples(),
        key=KEY,
        settings=grid(strength=[0.0, 0.5]),
        epochs=3,
        batch_size=5,
        width=1,
    )
    losses = np.asarray(swept.metrics["train_loss"]).ravel()
    assert losses[0] != losses[1]
    assert np.isfinite(losses).all()


@pytest.mark.parametrize(
    ("augment", "expected"),
    [
        ("flip", "expected augment to be a function, got 'flip'"),
        (lambda key, batch: batch.inputs, "expected augment to return Examples"),
        (
            lambda key, batch: batch.take(slice(0, 2)),
            "expected augment to return 5 inputs, as it was given, got 2",
        ),
        (
            lambda key, batch: batch._replace(targets=batch.targets[:2]),
            "expected augment to return 5 targets, as it was given, got 2",
        ),
        (
            lambda key, batch: batch._replace(inputs=batch.inputs[:, :3]),
            "expected augment to return inputs of shape (5, 4), got (5, 3)",
        ),
        (
            lambda key, batch: batch._replace(inputs=list(batch.inputs)),
            "expected inputs of augment to be an array, got a list",
        ),
        (lambda batch: batch, "expected augment to take (key, batch), got one of (batch)"),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_refusals(augment: Any, expected: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        run(augment)
    assert expected in str(caught.value)


def test_a_run_resumes_with_the_augmentation_that_it_would_have_had(tmp_path: Any) -> None:
    augment = augmentation.on_inputs(augmentation.add_noise(0.5))
    run(augment, epochs=2, checkpoint=tmp_path)
    resumed = run(augment, epochs=4, checkpoint=tmp_path)
    assert digest(resumed.params) == digest(run(augment, epochs=4).params)
    with pytest.raises(ValueError, match="to be of a run with"):
        run(augmentation.on_inputs(augmentation.add_noise(0.4)), epochs=5, checkpoint=tmp_path)
