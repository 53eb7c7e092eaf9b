"""Ground of a page: light or dark, and its gray value in uneven light."""

import numpy as np

LEAST_CONTRAST = 0.1
"""Least contrast of ground and ink, in the range of gray values; below it a page is blank."""

INK = 0.15
"""Part of full ink above which a pixel is ink, not noise."""

SAMPLE = 128
"""Most rows and columns in the estimate of the ground."""

ROUNDS = 30
"""Most fits; each uses the pixels near the ground of the previous one."""

LEAST_GROUND = 0.2
"""Least part of a page that is ground, for telling light from ink."""

EXACT = 1e-6
"""Largest error of a fit where the ground is even."""

SPREAD = 3 * 1.4826
"""Three standard deviations of normal noise, in units of its median absolute deviation."""


def is_light(gray: np.ndarray) -> bool:
    """Return whether the ground is light: the edges are nearer to the brightest gray value.

    Args:
        gray: values in [0, 1] of similar pages, shape ``(n, height, width)``.
    """
    sides = (gray[:, 0], gray[:, -1], gray[:, :, 0], gray[:, :, -1])
    edges = np.median(np.concatenate([side.ravel() for side in sides]))
    darkest, brightest = np.quantile(gray, (0.002, 0.998))
    blank = brightest - darkest < LEAST_CONTRAST
    return bool(edges > (0.5 if blank else (darkest + brightest) / 2))


def ground_of(gray: np.ndarray) -> np.ndarray:
    """Return the ground's gray value at each pixel of a page, bright on dark.

    A plane or a paraboloid, for light that falls off to one side or all around, by least trimmed
    squares: fit, keep the pixels near the fit, fit again, which averages noise and excludes ink.
    If most of the page is ink, or the ground is even, it is one value: the median.

    Args:
        gray: values in [0, 1], shape ``(height, width)``.

    Source: Rousseeuw and Van Driessen 2006, "Computing LTS regression for large data sets", for
    the concentration steps.
    """
    y, x = (np.linspace(-1, 1, size, dtype=gray.dtype) for size in gray.shape)
    rows, columns = (slice(None, None, -(-size // SAMPLE)) for size in gray.shape)
    sample = gray[rows, columns].astype(np.float64).ravel()
    terms = np.stack([t.ravel() for t in _terms(y[rows, None], x[None, columns])], axis=1)
    even, near = _even_ground(sample, float(gray.max()))
    weights = np.array([even, *[0.0] * (terms.shape[1] - 1)])
    off = np.abs(sample - even)
    for _ in range(ROUNDS):
        kept = off <= max(SPREAD * float(np.median(off[near])), EXACT)
        if kept.mean() < LEAST_GROUND:
            break
        weights = np.linalg.lstsq(terms[kept], sample[kept], rcond=None)[0]
        off = np.abs(sample - terms @ weights)
        if (kept == near).all():
            break
        near = kept
    parts = zip(weights.astype(gray.dtype), _terms(y[:, None], x[None]), strict=True)
    return sum((weight * term for weight, term in parts), np.zeros_like(gray))


def _terms(y: np.ndarray, x: np.ndarray) -> list[np.ndarray]:
    """Return the terms of a paraboloid over a column of heights and a row of widths."""
    return list(np.broadcast_arrays(np.ones_like(y * x), y, x, y * y, x * y, x * x))


def _even_ground(sample: np.ndarray, ink: float) -> tuple[float, np.ndarray]:
    """Return the ground's gray value if it has one, and which pixels may be ground."""
    median = float(np.median(sample))
    between = (float(np.quantile(sample, 0.02)) + ink) / 2
    dark = sample <= between
    return median if median <= between else float(np.median(sample[dark])), dark


def contrast(gray: np.ndarray) -> float:
    """Return the contrast of ink and ground, in the range of gray values.

    Args:
        gray: values in [0, 1], shape ``(height, width)``, in either polarity.
    """
    bright = 1 - gray if is_light(gray[None]) else gray
    return float((bright - ground_of(bright)).max())


def flattened(gray: np.ndarray) -> np.ndarray | None:
    """Return the ink of each pixel, from 0 for the ground to 1; None for a blank page.

    On paper, ``1 - gray`` is light times reflectance, and the ground reflects the light:
    ``(gray - ground) / (1 - ground)`` is the same in the light and in the shade.

    Args:
        gray: values in [0, 1], bright on dark, shape ``(height, width)``.
    """
    ground = ground_of(gray)
    above = np.clip(gray - ground, 0, 1)
    if above.max() < LEAST_CONTRAST:
        return None
    ink = above / np.maximum(1 - ground, LEAST_CONTRAST)
    return np.clip(ink / ink.max(), 0, 1)
