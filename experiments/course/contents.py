"""Contents of the page: experiments by lecture."""

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
        (
            "verify_optimizers",
            "optimizer_cost",
            "sweep_throughput",
            "benchmark",
            "cost_growth",
            "cold_start",
            "time_to_accuracy",
        ),
    ),
)
"""All experiments but `TOOLS`."""

TIMED = (
    "batch_modes",
    "batch_size_tradeoff",
    "optimizer_cost",
    "sweep_throughput",
    "benchmark",
    "cost_growth",
    "cold_start",
    "time_to_accuracy",
)
"""Experiments that measure time, and run when nothing else does."""

TOOLS = ("predict", "prepare_data", "compare_records", "accelerator")
"""Experiments for data or a device of one's own, which are not on the page."""
