"""Gray values of decoded pictures, by brightness, alpha or colour."""

import numpy as np
from PIL import Image

from experiments.images.ground import LEAST_CONTRAST, contrast

FILLED = 0.5
"""Least part of its bounding box that an opaque page fills, in contrast to a drawing."""

ONE_COLOR = 0.25
"""Largest difference of colours of one ink, relative to the range of a channel."""

SAMPLE = 512
"""Most rows and columns in the comparison of channels."""


def to_gray(image: Image.Image) -> np.ndarray:
    """Return the gray values of a picture, shape ``(height, width)``, uint8.

    A drawing on a transparent ground is its alpha, whatever its colour: on white if it is dark, on
    black if it is light. A page with transparent margins lies on its own colour. If brightness
    hardly differs between ink and ground, the channel with the largest difference is used.
    """
    rgba = np.asarray(image)
    alpha = rgba[..., 3] / 255
    if np.ptp(alpha) < LEAST_CONTRAST:
        return _telling_channel(_on("white", rgba))
    solid = alpha >= 0.9 * alpha.max()
    colors = rgba[solid][:, :3]
    if _is_page(solid) and np.ptp(colors, axis=0).max() > 255 * ONE_COLOR:
        return _telling_channel(_on(tuple(np.median(colors, axis=0).astype(int)), rgba))
    return rgba[..., 3] if colors.mean() > 255 / 2 else 255 - rgba[..., 3]


def _on(ground: str | tuple[int, ...], rgba: np.ndarray) -> Image.Image:
    page = Image.new("RGBA", rgba.shape[1::-1], ground)
    return Image.alpha_composite(page, Image.fromarray(rgba)).convert("RGB")


def _is_page(solid: np.ndarray) -> bool:
    """Return whether the opaque part fills its bounding box."""
    rows, columns = (np.flatnonzero(solid.any(axis=axis)) for axis in (1, 0))
    box = (rows[-1] + 1 - rows[0]) * (columns[-1] + 1 - columns[0])
    return bool(solid.sum() > FILLED * box)


def _telling_channel(image: Image.Image) -> np.ndarray:
    """Return the brightness, or a channel with at least twice its contrast."""
    colors = np.asarray(image)
    brightness = np.asarray(image.convert("L"))
    if np.ptp(colors, axis=-1).max() < 255 * LEAST_CONTRAST:  # gray all over
        return brightness
    channels = np.moveaxis(colors, -1, 0)
    some = (..., *(slice(None, None, -(-size // SAMPLE)) for size in brightness.shape))
    planes = np.stack([*channels, brightness])[some] / np.float32(255)
    *contrasts, least = map(contrast, planes)
    most = int(np.argmax(contrasts))
    return channels[most] if contrasts[most] > 2 * least else brightness
