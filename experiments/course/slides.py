"""What of the slides is wrong, and what no computer here can check."""

from typing import NamedTuple


class SlideError(NamedTuple):
    """An error of a slide: where it stands, what it says, and what is right."""

    where: str
    says: str
    right: str


SLIDE_ERRORS = (
    SlideError("000, loss", "f is proportional to Pr", "f is the probability: equal to it"),
    SlideError("000, derivatives on a computer", "dz2/dx = 3 x", "3 x²; at x = 1 both are 3"),
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
    SlideError("001, weights", "w[i, j] from i to j in W x", "w[j, i]: row j, column i"),
    SlideError("001, matrix product", "dR/dw[j, n] = dR/dy_k x_n", "dR/dy_j x_n"),
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
    SlideError("003, activation", "f(x) = w x", "f(a) = a: the weight belongs to the neuron"),
    SlideError("003, weights", "w with the index of the sample", "weights have no such index"),
    SlideError(
        "003, SGD",
        "same guarantees and complexity as full batch",
        "it is sublinear where the gradient is noisy; see convergence and schedules",
    ),
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
    SlideError("004, validation, plateau", "go by the test risk", "by the validation risk"),
    SlideError("004, regularization", "44.761", "44.763"),
    SlideError("004, dropout", "W_l ← p_l W_l", "W_(l+1) ← p_l W_(l+1), its bias column unscaled"),
    SlideError("004, augmentation", "a rotation matrix in R^(N x N)", "a resampling matrix"),
    SlideError("004, space of images", "more than 10^1881", "256^784 is about 10^1888"),
    SlideError("004, batch normalization", "u_t = (y_w - μ)/σ", "(y_t - μ)/σ"),
    SlideError(
        "004, batch normalization",
        "for t ≠ w the derivative is -(y_w - μ)²/(Ω σ³)",
        "-(y_t - μ)(y_w - μ)/(Ω σ³), times the gradient from above, summed over t",
    ),
    SlideError("004, batch normalization", "the average of σ", "the average of the variance"),
)
"""Where a slide is wrong, by lecture."""


class Unchecked(NamedTuple):
    """A claim that no experiment judges: where it stands, what it says, and why."""

    where: str
    says: str
    why: str


UNCHECKED = (
    Unchecked(
        "000, expressive power of deep networks",
        "power grows exponentially with depth, in general",
        "a theorem about all functions; width_or_depth counts the pieces of some",
    ),
    Unchecked(
        "000, variance against speed",
        "mini-batch SGD is the most common form of gradient descent",
        "a claim about what people use",
    ),
    Unchecked(
        "001, public data sets",
        "CIFAR, ImageNet, Caltech-101 and -256 and Fashion-MNIST are public",
        "a fact about the world; their files do not come with the experiments",
    ),
    Unchecked(
        "001, full-batch training: complexity",
        "full-batch training sounds impossible in large networks",
        "a large network does not fit here; batch_modes trains a small one both ways",
    ),
    Unchecked(
        "002, torch.nn.Module",
        "model.cuda() moves all parameters to the GPU",
        "needs a GPU, and is about PyTorch",
    ),
    Unchecked(
        "002, stochastic gradient descent",
        "mini-batches of 32, 64 and 128 are common",
        "a claim about what people use; batch_size_tradeoff measures which learn soonest",
    ),
    Unchecked(
        "003, history",
        "deep learning is known algorithms, computing power, and big data",
        "history, and an opinion about its causes",
    ),
    Unchecked(
        "003, inspiration from biology",
        "perceptrons are no model of how a neuron works",
        "a claim about brains",
    ),
    Unchecked(
        "003, wide or deep?",
        "deeper networks were better in a published study",
        "its photographs are not at hand; width_or_depth asks it of small digits",
    ),
    Unchecked(
        "004, gradient descent",
        "with a small enough rate it converges to a local minimum",
        "a theorem about all smooth risks; learning_rate_finder tries two",
    ),
    Unchecked("004, Adam", "most recent implementations use it", "a claim about what people use"),
    Unchecked(
        "004, underfitting",
        "with current networks it can hardly occur, and few papers discuss it",
        "a claim about large networks and about the literature",
    ),
    Unchecked(
        "004, why overfitting happens",
        "very deep networks cannot be tuned by a complete validation",
        "would take far longer than the minutes of these experiments",
    ),
    Unchecked(
        "004, model capacity",
        "capacity is the ability of a model to learn different functions",
        "a definition; the capacity of a network cannot be computed exactly",
    ),
    Unchecked(
        "004, co-adaptation",
        "it is the most observable source of overfitting in networks",
        "nothing measures how observable a source is",
    ),
    Unchecked(
        "004, dropout: intuition",
        "checking all smaller networks is exponentially hard",
        "for that very reason: 600 hidden units have 2^600; dropout averages 64",
    ),
    Unchecked(
        "004, data preparation",
        "it takes most of the time of a practical project",
        "a claim about people's time",
    ),
    Unchecked(
        "004, augmentation by engineering",
        "noise and shifts help with sound, synonyms with text",
        "no sound or text comes with the experiments",
    ),
    Unchecked(
        "004, synthetic and augmented data",
        "GANs and diffusion models make any image from noise",
        "needs large generative networks, which are beyond this course",
    ),
    Unchecked(
        "004, data distribution",
        "MNIST is 70,000 independent draws from a distribution p(x)",
        "nobody knows p(x)",
    ),
)
"""Claims without a verdict, by lecture."""
