"""Contents of the page: experiments by lecture, and the slides' errors."""

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
        ("backprop_by_hand", "check_gradients", "batch_modes", "batch_size_tradeoff"),
    ),
    Part(
        "Lecture 002: training for two and more classes",
        "Losses, sampling, and overfitting.",
        ("binary_digit", "losses", "initialization"),
    ),
    Part(
        "Lecture 003: the perceptron",
        "One neuron, its rule, and what it cannot do.",
        ("perceptron",),
    ),
    Part(
        "Lecture 004: the toolbox",
        "Optimizers, learning rates, data, regularization, and normalization.",
        (
            "optimizer_race",
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
        ("verify_optimizers", "optimizer_cost", "sweep_throughput", "benchmark"),
    ),
)
"""All experiments but `TOOLS`."""

TOOLS = ("predict", "prepare_data")
"""Experiments for data of one's own, which are not on the page."""


class SlideError(NamedTuple):
    """An error of a slide: where it stands, what it says, and what is right."""

    where: str
    says: str
    right: str


SLIDE_ERRORS = (
    SlideError("000, loss", "(prediction - labels).sum()", "the sum of squares"),
    SlideError("000, threshold", "0 with labels {0, 1}", "1/2; or labels -1 and +1"),
    SlideError("000, batch size", "a larger batch takes longer", "a step does, an epoch does not"),
    SlideError("001, gradient descent", "A(t+1) = A(t) - grad", "A(t) - η grad"),
    SlideError(
        "001, noise of the gradient",
        "1.67e-5 times smaller with 60,000 samples",
        "its variance is; the error itself is 1/√60,000 as large",
    ),
    SlideError("001, cross-entropy", "proportional to KL", "CE = KL + H(p)"),
    SlideError("001, chain rule", "g1'(x) and g2'(z2)", "dy/dx and g2'(z1)"),
    SlideError("001, backward pass", "W3ᵀ y2", "W3 y2"),
    SlideError("001, mini-batches", "all of one size", "the last one is short"),
    SlideError(
        "002, first demo",
        "L = 1/N Σ Y·A3 = .3374, called cross-entropy",
        "-1/N Σ Y·log A3 = 1.1394",
    ),
    SlideError(
        "002, graph", "df/dx2 includes 2(x0 + x1) + 7", "df/dx2 = -sin(x0 + x2); that is df/dx0"
    ),
    SlideError("002, classes", "c for a class and for their number", "k classes"),
    SlideError("003, update", "θ += η dL/dθ", "θ -= η dL/dθ"),
    SlideError("003, loss", "1/2 (y - ŷ), with η in the derivative", "1/2 (y - ŷ)², without η"),
    SlideError(
        "003, rule",
        "w = w - grad w",
        "w - η grad w: at x = 10 and rate 1 the error grows by a factor of -99",
    ),
    SlideError("004, Nesterov", "look-ahead at w - b m", "w - η b m"),
    SlideError("004, RMSprop and Adam", "divide by √v", "by √v + ε; Adam also corrects its bias"),
    SlideError("004, Adam", "Adaptive Momentum", "adaptive moments"),
    SlideError("004, schedules", "η/(t + 1) is linear decay", "inverse-time decay"),
    SlideError(
        "004, schedules",
        "they do not change the rate of convergence",
        "a constant rate reaches a plateau; η/(1 + t/τ) reaches O(1/t)",
    ),
    SlideError(
        "004, sublinear rate",
        "of a risk that is Lipschitz continuous",
        "convex, its gradient Lipschitz with L, rate at most 1/L: gap ≤ ‖w0 - w*‖²/(2ηt)",
    ),
    SlideError("004, validation", "choose by the test risk", "by the validation risk"),
    SlideError("004, regularization", "44.761", "44.763"),
    SlideError("004, dropout", "W_l ← p_l W_l", "W_(l+1) ← p_l W_(l+1), its bias column unscaled"),
    SlideError("004, augmentation", "a rotation matrix in R^(N x N)", "a resampling matrix"),
    SlideError("004, space of images", "more than 10^1881", "256^784 is about 10^1888"),
    SlideError(
        "004, batch normalization",
        "for t ≠ w the derivative is -(y_w - μ)²/(Ω σ³)",
        "-(y_t - μ)(y_w - μ)/(Ω σ³), times the gradient from above, summed over t",
    ),
    SlideError("004, batch normalization", "the average of σ", "the average of the variance"),
)
