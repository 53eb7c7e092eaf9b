"""Contents of the page: experiments by lecture, and their questions."""

import ast
from pathlib import Path
from typing import NamedTuple


class Part(NamedTuple):
    """A part of the page.

    Attributes:
        title: of the lecture, or of what is beyond the lectures.
        about: one sentence.
        experiments: names, in the order of the page.
    """

    title: str
    about: str
    experiments: tuple[str, ...]


COSTS = (
    "optimizer_cost",
    "sweep_throughput",
    "benchmark",
    "cost_growth",
    "cold_start",
    "time_to_accuracy",
)
"""Experiments on what the library costs, in time and memory."""

UNSEEDED = ("verify_optimizers", *COSTS)
"""Experiments of the library itself, none of which has a seed to choose."""

PARTS = (
    Part(
        "Lecture 000: neural networks in machine learning",
        "Hypotheses, training, validation and test, and how a network learns.",
        ("learning_curves", "minimal", "tuning", "hyperparameter_sweep"),
    ),
    Part(
        "Lecture 001: feed-forward networks",
        "Gradient descent, backpropagation, and mini-batches.",
        (
            "backprop_by_hand",
            "check_gradients",
            "batch_modes",
            "batch_size_tradeoff",
            "headline_100_epochs",
        ),
    ),
    Part(
        "Lecture 002: training for two and more classes",
        "Losses, sampling, and overfitting.",
        ("binary_digit", "losses", "initialization"),
    ),
    Part(
        "Lecture 003: the perceptron",
        "One neuron, its rule, what it cannot do, and what depth adds.",
        ("perceptron", "width_or_depth"),
    ),
    Part(
        "Lecture 004: the toolbox",
        "Optimizers, learning rates, data, regularization, and normalization.",
        (
            "optimizer_race",
            "convergence",
            "schedules",
            "learning_rate_finder",
            "overfitting",
            "regularization",
            "dropout",
            "batch_norm",
            "data_cleaning",
            "standardization",
            "pca",
            "augmentation",
        ),
    ),
    Part(
        "Beyond the lectures",
        "What the library promises about itself.",
        UNSEEDED,
    ),
)
"""All experiments but `TOOLS`."""

TIMED = ("batch_modes", "batch_size_tradeoff", *COSTS)
"""Experiments that measure time, and run when nothing else does."""

TOOLS = ("predict", "prepare_data", "compare_records", "accelerator", "docs")
"""Experiments for data or a device of one's own, and the documentation; not on the page."""


def questions() -> dict[str, str]:
    """Return experiment name -> question, the first line of its docstring.

    An experiment is a file of the folder above, or a folder with a ``__main__.py``.
    """
    here = Path(__file__).parent.parent
    files = {file.stem: file for file in here.glob("[!_]*.py")}
    files |= {file.parent.name: file.parent / "__init__.py" for file in here.glob("*/__main__.py")}
    documents = {
        name: ast.get_docstring(ast.parse(file.read_text(encoding="utf-8")))
        for name, file in sorted(files.items())
    }
    return {name: (text or "").partition("\n")[0] for name, text in documents.items()}
