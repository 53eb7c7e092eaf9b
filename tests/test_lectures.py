"""Numbers that the lectures print, and that no other test holds."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from experiments.backprop_by_hand.layerwise import CLASSES, SAMPLES, WIDTHS
from jaxnet.functions.penalties import l2
from jaxnet.inspection import tape

LOGITS = (
    (-0.2232, 0.0404, -0.0912),
    (0.2082, 0.3690, -0.0370),
    (0.1019, 0.2788, -0.0246),
    (0.2656, 0.4020, -0.0071),
    (0.1335, 0.1268, 0.1896),
)
PROBABILITIES = (
    (0.2905, 0.3781, 0.3315),
    (0.3382, 0.3972, 0.2647),
    (0.3252, 0.3882, 0.2866),
    (0.3439, 0.3942, 0.2618),
    (0.3278, 0.3256, 0.3467),
)


def test_softmax_of_lecture_002(dtype: np.dtype) -> None:
    found = jaxnet.activations.softmax(jnp.array(LOGITS, dtype))
    # both are printed to 4 digits: 5e-5 of the result, at most 2.5e-5 by the logits
    np.testing.assert_allclose(found, PROBABILITIES, atol=7.5e-5)


def test_scores_of_cat_car_and_frog(dtype: np.dtype) -> None:
    scores = jnp.array([3.2, 5.1, -1.7], dtype)
    np.testing.assert_allclose(jnp.exp(scores), [24.5, 164.0, 0.18], atol=0.05)
    probabilities = jaxnet.activations.softmax(scores)
    np.testing.assert_allclose(probabilities, [0.13, 0.87, 0.00], atol=5e-3)
    truth = jnp.array([1, 0, 0], dtype)
    divergence = jaxnet.losses.softmax_kl_divergence(scores[None], truth[None])[0]
    assert float(divergence) == pytest.approx(2.04, abs=5e-3)


def test_features_of_the_four_samples_of_lecture_002() -> None:
    network = jaxnet.mlp(WIDTHS, activation="sigmoid")
    params, statistics = network.init(jax.random.key(0), (5,))
    record = tape(network, params, statistics, jnp.array(SAMPLES), jnp.array(CLASSES))
    shapes = {entry.symbols[0]: np.shape(entry.y) for entry in record.entries}
    assert {shapes[name] for name in ("y1", "y2", "z3")} == {(4, 7), (4, 4), (4, 3)}
    weights = [np.shape(layer.weights) for layer in params[::2]]
    assert weights == [(7, 5), (4, 7), (3, 4)]


def test_the_penalized_risk_orders_the_weights_as_lecture_004_does() -> None:
    risks = (100.0, 0.01, 0.001)
    weights = (
        (0.0,) * 6,
        (3.03, 2.97, 0.98, 0.21, 0.12, 0.09),
        (2.36, 4.43, 3.13, -2.1, 1.98, -1.2),
    )
    start, early, late = (
        risk + float(l2(jnp.array(w), 1.0)) for risk, w in zip(risks, weights, strict=True)
    )
    assert start == 100
    assert early < late < start  # and the least risk alone is the last
    assert min(risks) == risks[-1]


def test_passes_and_steps_of_lecture_001() -> None:
    passes = 100 * jaxnet.training.steps_per_epoch(60_000, batch_size=1)
    assert passes == 6 * 10**6
    assert 100 * jaxnet.training.steps_per_epoch(60_000, batch_size=60_000) == 100


def test_the_space_of_images_of_lecture_004() -> None:
    images = 256**784
    assert images == 2**6272
    assert len(str(images)) == 1889  # about 10^1888, more than the slide's 10^1881
