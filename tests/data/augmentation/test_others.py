"""Mixtures, signals and tokens."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxnet.data import Examples, augmentation
from jaxnet.data.augmentation.compose import uniform

KEY = jax.random.key(0)


def test_mixup_mixes_inputs_and_labels_alike() -> None:
    examples = Examples(jnp.eye(5), jnp.arange(5))
    x, t = augmentation.mixup(5, 1.0)(KEY, examples)
    np.testing.assert_allclose(x, t, atol=1e-6)
    np.testing.assert_allclose(t.sum(axis=1), 1, rtol=1e-6)
    assert 0 < float(jnp.max(jnp.minimum(t, 1 - t))) <= 0.5
    soft, _ = augmentation.mixup(5, 1.0)(KEY, Examples(jnp.eye(5), jnp.eye(5)))
    np.testing.assert_array_equal(soft, x)


def test_mixtures_take_labels_or_probabilities() -> None:
    numbers = Examples(jnp.eye(2), jnp.array([0.5, 1.0]))
    with pytest.raises(TypeError, match="expected targets to be integer labels, got float"):
        augmentation.mixup(2)(KEY, numbers)


def test_the_share_of_mixup_has_the_variance_of_a_beta_variable() -> None:
    n, alpha = 4000, 0.5
    labels = jnp.arange(n) % 2
    _, t = augmentation.mixup(2, alpha)(KEY, Examples(jnp.zeros((n, 1)), labels))
    own = jnp.take_along_axis(t, labels[:, None], axis=1)[:, 0]
    mixed = np.asarray(own)[np.asarray(own) < 1]  # with one of the other class
    assert 0.46 < np.mean(mixed) < 0.54
    expected = 1 / (4 * (2 * alpha + 1))
    assert expected * 0.9 < np.var(mixed) < expected * 1.1


def test_cutmix_mixes_labels_by_the_area() -> None:
    images = jnp.repeat(jnp.arange(4.0)[:, None], 64, axis=1)
    x, t = augmentation.cutmix(4, (8, 8), 4)(KEY, Examples(images, jnp.arange(4)))
    for image, target, own in zip(np.asarray(x), np.asarray(t), range(4), strict=True):
        for label in range(4):
            share = np.mean(image == label)
            np.testing.assert_allclose(target[label], share, atol=1e-6)
        assert np.mean(image == own) >= 0.75


def test_a_signal_is_read_between_its_samples() -> None:
    x = jnp.asarray(np.random.default_rng(0).normal(size=(4, 50)), jnp.float32)
    found = augmentation.shift_signal(3.0)(KEY, x)
    shifts = np.asarray(uniform(KEY, x, 3.0))
    for signal, new, shift in zip(np.asarray(x, float), np.asarray(found), shifts, strict=True):
        expected = ndimage.shift(signal, shift, order=1, mode="grid-constant")
        np.testing.assert_allclose(new, expected, atol=1e-5)


def test_a_resampled_tone_has_another_pitch() -> None:
    tone = jnp.sin(2 * jnp.pi * 20 * jnp.arange(400.0) / 400)[None]
    found = np.asarray(augmentation.resample(0.5)(KEY, tone))[0]
    speed = float(jnp.exp(uniform(KEY, tone, 0.5)[0]))
    middle = found[100:300]
    crossings = np.sum(np.diff(np.sign(middle)) != 0)
    assert abs(crossings - 20 * speed) <= 2
    still = augmentation.resample(0.0)(KEY, tone)
    np.testing.assert_allclose(still, tone, atol=1e-5)


def test_noise_and_masked_spans() -> None:
    x = jnp.ones((500, 20))
    noisy = np.asarray(augmentation.add_noise(0.3)(KEY, x)) - 1
    assert 0.29 < noisy.std() < 0.31
    masked = np.asarray(augmentation.mask_span(6)(KEY, x))
    assert set((masked == 0).sum(axis=1).tolist()) == {6}
    starts = (masked == 0).argmax(axis=1)
    assert set(starts.tolist()) == set(range(15))


def test_tokens_are_replaced_by_synonyms_alone() -> None:
    table = jnp.array([[-1, -1], [2, 3], [1, -1], [-1, -1]])
    tokens = jnp.asarray(np.random.default_rng(0).integers(0, 4, (300, 10)))
    found = np.asarray(augmentation.replace_tokens(0.5, table)(KEY, tokens))
    given = np.asarray(tokens)
    for token, allowed in ((0, {0}), (1, {1, 2, 3}), (2, {2, 1}), (3, {3})):
        assert set(found[given == token].tolist()) == allowed
    assert 0.45 < np.mean(found[given == 2] == 1) < 0.55
    unknown = jnp.array([[-1, 4]])
    assert augmentation.replace_tokens(1.0, table[:3])(KEY, unknown).tolist() == [[-1, 4]]


def test_deleted_inserted_and_swapped_tokens() -> None:
    tokens = jnp.asarray([[5, 6, 7, 8, 0, 0]] * 400)
    shorter = np.asarray(augmentation.delete_tokens(0.3)(KEY, tokens))
    kept = (shorter != 0).sum(axis=1)
    assert 2.6 < kept.mean() < 3.0
    assert all(np.all(np.diff(row[row != 0]) > 0) for row in shorter)
    longer = np.asarray(augmentation.insert_tokens(0.3, jnp.array([9]))(KEY, tokens))
    assert 1.0 < (longer == 9).sum(axis=1).mean() < 1.4
    for row in longer:
        old = row[(row != 9) & (row != 0)]
        assert old.tolist() == [5, 6, 7, 8][: len(old)]
    swapped = np.asarray(augmentation.swap_tokens(1.0)(KEY, tokens))
    assert {tuple(row) for row in swapped.tolist()} == {(6, 5, 8, 7, 0, 0), (5, 7, 6, 8, 0, 0)}
    same = augmentation.swap_tokens(0.0)(KEY, tokens)
    np.testing.assert_array_equal(same, tokens)
