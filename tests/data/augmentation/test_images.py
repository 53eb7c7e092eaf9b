"""Transforms of images against scipy.ndimage, and what each promises."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from scipy import ndimage

from jaxnet.data import Examples, augmentation
from jaxnet.data.augmentation.compose import uniform
from jaxnet.data.augmentation.images import resample_affine

KEY = jax.random.key(0)


def pictures(kind: str = "uint8", n: int = 3, channels: int = 1) -> Any:
    x = np.random.default_rng(0).integers(0, 256, size=(n, 9, 12, channels)).astype(np.uint8)
    return jnp.asarray(x if kind == "uint8" else x.astype(kind))


kinds = pytest.mark.parametrize("kind", ["uint8", "float32"])


@kinds
@pytest.mark.parametrize("channels", [1, 3])
def test_resampling_equals_scipy(kind: str, channels: int) -> None:
    images = pictures(kind, channels=channels)
    random = np.random.default_rng(1)
    rows = random.uniform(-3, 12, (3, 9, 12)).astype(np.float32)
    columns = random.uniform(-3, 15, (3, 9, 12)).astype(np.float32)
    rows[0, 0, :4] = columns[0, 0, :4] = [-1, 0, 8, 9]  # pixels and edges themselves
    found = jax.jit(augmentation.bilinear)(images, rows, columns)
    for i in range(3):
        for c in range(channels):
            place = np.stack([rows[i], columns[i]]).astype(np.float64)
            image = np.asarray(images[i, :, :, c], np.float64)
            expected = ndimage.map_coordinates(image, place, order=1, mode="grid-constant")
            np.testing.assert_allclose(found[i, :, :, c], expected, atol=255e-5)


@kinds
def test_an_affine_map_equals_scipy(kind: str) -> None:
    images, random = pictures(kind), np.random.default_rng(2)
    matrix, shift = random.normal(size=(3, 2, 2)), random.normal(size=(3, 2))
    rows: Any = tuple(
        tuple(jnp.asarray(matrix[:, i, j], jnp.float32) for j in (0, 1)) for i in (0, 1)
    )
    shifts = jnp.asarray(shift[:, 0], jnp.float32), jnp.asarray(shift[:, 1], jnp.float32)
    found = resample_affine(images, rows, shifts)
    middle = np.array([4.0, 5.5])
    for i in range(3):
        offset = middle - matrix[i] @ (middle + shift[i])
        image = np.asarray(images[i, :, :, 0], np.float64)
        expected = ndimage.affine_transform(image, matrix[i], offset, order=1, mode="grid-constant")
        np.testing.assert_allclose(found[i, :, :, 0], expected, atol=255e-5)


def test_a_rotation_is_that_of_scipy() -> None:
    images = pictures("float32")
    found = augmentation.affine(rotate=40.0)(KEY, images)
    angles = uniform(jax.random.split(KEY, 6)[0], images, 40.0)
    for i, angle in enumerate(np.asarray(angles)):
        image = np.asarray(images[i, :, :, 0], np.float64)
        options: Any = {"reshape": False, "order": 1, "mode": "grid-constant"}
        turned = [ndimage.rotate(image, sign * angle, **options) for sign in (1, -1)]
        errors = [np.abs(found[i, :, :, 0] - each).max() for each in turned]
        assert min(errors) < 255e-5 * 10
        assert max(errors) > 10


def test_a_shift_of_whole_pixels_moves_them() -> None:
    images = pictures("float32", n=1)
    zero, one = jnp.zeros(1), jnp.ones(1)
    found = resample_affine(images, ((one, zero), (zero, one)), (2 * one, -3 * one))
    np.testing.assert_allclose(found[0, 2:, :9], images[0, :-2, 3:], atol=1e-3)
    assert np.all(np.asarray(found[0, :2]) == 0)
    assert np.all(np.asarray(found[0, :, 9:]) == 0)


def test_zoom_and_stretch_change_areas_as_they_say() -> None:
    """The area of a disk grows by ``e^{2 z}``; a stretch leaves it, a shear, too."""
    place = np.stack(np.meshgrid(np.arange(61), np.arange(61), indexing="ij")) - 30.0
    disk = (np.hypot(*place) < 12).astype(np.float32)
    images = jnp.asarray(np.repeat(disk[None, :, :, None], 40, axis=0))
    area = np.asarray(jnp.sum(images, axis=(1, 2, 3)))
    zoomed = augmentation.affine(zoom=0.4)(KEY, images)
    drawn = np.asarray(uniform(jax.random.split(KEY, 6)[3], images, 0.4))
    np.testing.assert_allclose(np.sum(zoomed, axis=(1, 2, 3)) / area, np.exp(2 * drawn), rtol=0.03)
    for options in ({"stretch": 0.4}, {"shear": 0.4}):
        found = augmentation.affine(**options)(KEY, images)
        np.testing.assert_allclose(np.sum(found, axis=(1, 2, 3)) / area, 1, rtol=0.03)
        assert np.abs(np.asarray(found - images)).max() > 0.9


def test_an_elastic_shift_is_smooth_and_as_large_as_it_says() -> None:
    rows = jnp.broadcast_to(jnp.arange(28.0)[None, :, None, None], (200, 28, 28, 1))
    moved = augmentation.elastic(1.5)(KEY, rows)
    inner = np.asarray(moved - rows)[:, 8:-8, 8:-8, 0]
    assert 0.5 < inner.std() < 1.5
    assert np.abs(np.diff(inner, axis=2)).max() < 1.0


def test_a_flip_mirrors_about_half_of_the_images() -> None:
    images = pictures(n=200)
    found = np.asarray(augmentation.flip()(KEY, images))
    same = (found == np.asarray(images)).all(axis=(1, 2, 3))
    mirrored = (found == np.asarray(images)[:, :, ::-1]).all(axis=(1, 2, 3))
    assert np.all(same | mirrored)
    assert 60 < mirrored.sum() < 140
    up = augmentation.flip(1.0, vertical=True)(KEY, images)
    np.testing.assert_array_equal(up, np.asarray(images)[:, ::-1])


def test_filters() -> None:
    images = pictures("float32", n=50)
    assert np.asarray(augmentation.blur()(KEY, images)).std() < np.asarray(images).std()
    assert np.asarray(augmentation.sharpen()(KEY, images)).std() > np.asarray(images).std()
    flat = jnp.full((2, 5, 5, 1), 7.0)
    for transform in (augmentation.blur(), augmentation.sharpen()):
        np.testing.assert_allclose(transform(KEY, flat), 7.0, rtol=1e-6)
    dot = jnp.zeros((1, 5, 5, 1)).at[0, 2, 2, 0].set(1.0)
    blurred = np.asarray(augmentation.blur(1.0)(KEY, dot))[0, :, :, 0]
    s = abs(float(uniform(KEY, dot, 1.0)[0]))
    line = np.array([0, s, 1, s, 0]) / (1 + 2 * s)
    np.testing.assert_allclose(blurred, np.outer(line, line), atol=1e-6)


def test_brightness_contrast_and_channels() -> None:
    images = pictures("float32", n=4, channels=3)
    x = np.asarray(images)
    lighter = np.asarray(augmentation.brightness(20.0)(KEY, images)) - x
    assert np.ptp(lighter.reshape(4, -1), axis=1).max() < 1e-3
    assert 0 < np.abs(lighter).max() <= 20
    mean = x.mean(axis=(1, 2, 3))
    harder = np.asarray(augmentation.contrast(0.5)(KEY, images))
    np.testing.assert_allclose(harder.mean(axis=(1, 2, 3)), mean, rtol=1e-4)
    ratio = harder.std(axis=(1, 2, 3)) / x.std(axis=(1, 2, 3))
    assert np.all((np.exp(-0.5) <= ratio) & (ratio <= np.exp(0.5)))
    swapped = np.asarray(augmentation.swap_channels()(KEY, images))
    np.testing.assert_array_equal(np.sort(swapped, axis=3), np.sort(x, axis=3))
    assert not np.array_equal(swapped, x)


def test_cutout_sets_one_square() -> None:
    images = jnp.ones((100, 9, 12, 1))
    found = np.asarray(augmentation.cutout(3)(KEY, images))[..., 0]
    holes = (found == 0).sum(axis=(1, 2))
    assert holes.max() == 9
    assert holes.min() >= 4  # reaches over a corner
    rows = (found == 0).any(axis=2).sum(axis=1)
    assert set(rows.tolist()) <= {2, 3}
    for value in (0.5, 300.0, -1):
        pixels = augmentation.cutout(3, value)(KEY, jnp.ones((1, 3, 3, 1), jnp.uint8))
        assert pixels.min() in (1, value)
        assert pixels.max() in (1, value)


def test_a_crop_shows_a_window_of_the_image() -> None:
    rows = jnp.broadcast_to(jnp.arange(28.0)[None, :, None, None], (100, 28, 28, 1))
    found = np.asarray(augmentation.crop(0.25)(KEY, rows))[:, :, 14, 0]
    np.testing.assert_allclose(found[:, -1] - found[:, 0], 0.75 * 27, rtol=1e-4)
    assert found.min() >= -1e-3
    assert found.max() <= 27 + 1e-3
    assert found[:, 0].std() > 1


def test_each_image_has_its_own_numbers_and_a_key_the_same() -> None:
    images = jnp.broadcast_to(pictures("float32", n=1), (6, 9, 12, 1))
    for transform in (augmentation.affine(rotate=30, shift=2), augmentation.elastic()):
        found = np.asarray(transform(KEY, images))
        assert len({each.tobytes() for each in found}) == 6
        np.testing.assert_array_equal(found, transform(KEY, images))


@pytest.mark.parametrize("kind", ["bfloat16", "float16"])
def test_places_are_told_apart_in_few_bits(kind: str) -> None:
    images = pictures("float32", n=4).astype(kind)
    signals = images.reshape(2, -1)
    for transform, given in (
        (augmentation.affine(rotate=30, shift=2), images),
        (augmentation.crop(0.3), images),
        (augmentation.elastic(), images),
        (augmentation.shift_signal(3.0), signals),
        (augmentation.resample(0.3), signals),
    ):
        found, expected = transform(KEY, given), transform(KEY, given.astype(jnp.float32))
        assert found.dtype == given.dtype
        np.testing.assert_allclose(np.asarray(found, np.float64), expected, rtol=2**-8, atol=1e-3)


def test_strength_and_probability_may_be_traced() -> None:
    images = pictures(n=8)

    @jax.jit
    def call(strength: Any, probability: Any) -> Any:
        turned = augmentation.sometimes(probability, augmentation.affine(rotate=strength))
        return turned(KEY, images)

    np.testing.assert_allclose(call(0.0, 1.0), images, atol=1e-3)
    np.testing.assert_array_equal(call(30.0, 0.0), images)
    assert np.abs(np.asarray(call(30.0, 1.0)) - np.asarray(images)).max() > 50


def test_flat_and_shaped_inputs_are_augmented_alike() -> None:
    images = pictures(n=4)
    flat = Examples(images.reshape(4, -1), jnp.arange(4))
    shaped = Examples(images[..., 0], jnp.arange(4))
    augment = augmentation.on_images((9, 12), augmentation.affine(shift=2.0))
    found, other = augment(KEY, flat), augment(KEY, shaped)
    assert found.inputs.shape == (4, 108)
    np.testing.assert_array_equal(found.inputs.reshape(4, 9, 12), other.inputs)
    np.testing.assert_array_equal(found.targets, flat.targets)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        (lambda: augmentation.affine(rotate=-1), "expected rotate finite and in [0, inf), got -1"),
        (lambda: augmentation.crop(1.0), "expected margin finite and in [0, 1), got 1.0"),
        (lambda: augmentation.flip(1.5), "expected probability finite and in [0, 1], got 1.5"),
        (lambda: augmentation.cutout(0), "expected size >= 1, got 0"),
        (lambda: augmentation.elastic(grid=1), "expected grid >= 2, got 1"),
        (lambda: augmentation.on_images((3,)), "expected shape (height, width) or"),
        (
            lambda: augmentation.on_images((3, 3))(KEY, Examples(jnp.ones((2, 8)), jnp.ones(2))),
            "expected inputs to be images of (3, 3), got (2, 8)",
        ),
    ],
)
@pytest.mark.usefixtures("no_type_checks")
def test_refusals(call: Any, expected: str) -> None:
    with pytest.raises((ValueError, TypeError)) as caught:
        call()
    assert expected in str(caught.value)
