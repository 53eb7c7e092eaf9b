"""Data sets: training and test examples with metadata."""

from typing import NamedTuple

from jaxnet.core.representation import represent
from jaxnet.data.examples import Examples
from jaxnet.data.preparation import Fitted


class PreparedTable(NamedTuple):
    """What became of the columns of a table.

    Attributes:
        target: name of the column to predict.
        inputs: preparation of the other columns, fitted to the training rows.
        outputs: standardization of the target of a regression; None for classes.
        report: what was done, a line each.
    """

    target: str
    inputs: Fitted
    outputs: Fitted | None
    report: tuple[str, ...]

    __repr__ = represent


class Dataset(NamedTuple):
    """A data set with metadata.

    Attributes:
        name: its name in `DATASETS`, or that of its file or folder.
        train: training examples.
        test: test examples.
        class_names: name of each label; () for a regression.
        image_shape: of an input before it was flattened: ``(height, width)``, in colour ``(height,
            width, channels)``; () for no images.
        pixel_max: the pixel value that means full ink; 1 for no images.
        caveat: why the test is easier than new images, as part of a sentence; "" for none.
        table: how a table was prepared; None for other data.
    """

    name: str
    train: Examples
    test: Examples
    class_names: tuple[str, ...]
    image_shape: tuple[int, ...]
    pixel_max: int
    caveat: str = ""
    table: PreparedTable | None = None

    __repr__ = represent

    @property
    def input_scale(self) -> float | None:
        """Factor that maps pixels to [0, 1], for `jaxnet.mlp`; None for no images."""
        return 1 / self.pixel_max if self.image_shape else None
