"""Figures of the test errors by size and kind, and of some augmented images."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from experiments.augmentation.kinds import augmentations
from experiments.harness.figures import (
    BLUE,
    GREEN,
    ORANGE,
    label_logarithmic,
    new_figure,
    save_figure,
)
from jaxnet.data import Dataset, Examples


def draw_errors(
    path: Path,
    dataset: Dataset,
    sizes: Sequence[int],
    errors: np.ndarray,
    some: Sequence[int],
    kinds: Mapping[str, np.ndarray],
    gain: Mapping[str, np.ndarray],
) -> Path:
    """Draw the test errors by the number of training examples, and by kind at some of them."""
    title = f"{dataset.name}: {finding(gain)}"
    figure, (left, right) = new_figure(1, 2, size=(15, 5.4), title=title)
    looks = (("as they are", BLUE, "o-"), ("affine maps", ORANGE, "s--"))
    for rows, (label, color, style) in zip(errors, looks, strict=True):
        _bars(left, sizes, rows, color=color, label=label, fmt=style)
    draws = errors.shape[2]
    left.legend(title=f"mean ± standard deviation of {draws} draws", title_fontsize=11)
    left.set(xlabel="training examples", xscale="log")
    label_logarithmic(left.xaxis)
    rows = np.stack(list(kinds.values()), axis=1)
    for size, row, color, style in zip(some, rows, (BLUE, GREEN), "oD", strict=False):
        _bars(right, range(len(kinds)), row, color=color, label=f"{size:,} examples", fmt=style)
    right.axvline(len(kinds) - 2.5, color="black", linewidth=0.8)
    right.set_xticks(range(len(kinds)), [name.replace(" ", "\n") for name in kinds])
    right.set_xlabel("augmentation, left; network, right of the line")
    right.legend(loc="lower center", bbox_to_anchor=(0.5, 1.0), ncols=2)
    for axes in (left, right):
        axes.set(ylabel="test images misread (%)", yscale="log")
        label_logarithmic(axes.yaxis)
    return save_figure(figure, path)


def finding(gain: Mapping[str, np.ndarray]) -> str:
    """Return which kinds lower the test error by half a point or more, in words."""
    kinds = [name for name in gain if name not in ("none", "residual")]
    helps = [name for name in kinds if gain[name].mean() >= 0.005]
    others = [name for name in kinds if name not in helps]
    falls = f"the test error falls with {', '.join(helps) or 'none'}"
    return falls + (f", not with {', '.join(others)}" if others else "")


def _bars(axes: Any, x: Any, rows: np.ndarray, **look: Any) -> None:
    """Plot means of percentages with their standard deviations."""
    percent = 100 * rows
    axes.errorbar(x, percent.mean(axis=1), percent.std(axis=1, ddof=1), **look)


def draw_sheet(path: Path, dataset: Dataset, columns: int = 8) -> Path:
    """Draw an image of some classes, and others that augmentation makes of it."""
    labels = np.asarray(dataset.train.targets)
    rows = [int(np.flatnonzero(labels == label)[0]) for label in np.unique(labels)[:5]]
    title = f"{dataset.name}: an image, and {columns - 1} that augmentation makes of it"
    figure, axes = new_figure(len(rows), columns, size=(10, 1.3 * len(rows) + 0.8), title=title)
    transform = augmentations(dataset)["affine"]
    for place, row in enumerate(rows):
        image = np.asarray(dataset.train.inputs[row])
        copies = Examples(np.tile(image, (columns - 1, 1)), np.zeros(columns - 1, int))
        made = np.asarray(transform(jax.random.key(row), copies.map(jnp.asarray)).inputs)
        for column, each in enumerate([image, *made]):
            axis = axes[place * columns + column]
            pixels = np.clip(each / dataset.pixel_max, 0, 1).reshape(dataset.image_shape)
            axis.imshow(pixels, cmap="gray_r", vmin=0)
            axis.set_axis_off()
    return save_figure(figure, path)
