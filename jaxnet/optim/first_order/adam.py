"""Adam and AdamW: momentum and per-weight step sizes, both with bias correction."""

from typing import Literal, NamedTuple

import optax

from jaxnet.core.checks import check_flags
from jaxnet.core.types import Array
from jaxnet.optim.update_rule.adaptive import Step, from_step, mean_estimate, root
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.moments import bias_correction as correction
from jaxnet.optim.update_rule.moments import moving_average
from jaxnet.optim.update_rule.rule import Mask, Number, StepContext

Like = Literal["optax", "torch", "keras", "lecture"]


class _Convention(NamedTuple):
    eps: Number
    eps_hat: bool  # eps is added to the root of nu before its correction
    decoupled_weight_decay: bool
    weight_decay: LearningRate
    b2: Number = 0.999
    bias_correction: bool = True


CONVENTIONS = {
    "optax": _Convention(1e-8, eps_hat=False, decoupled_weight_decay=False, weight_decay=0.0),
    "torch": _Convention(1e-8, eps_hat=False, decoupled_weight_decay=False, weight_decay=0.0),
    "keras": _Convention(1e-7, eps_hat=True, decoupled_weight_decay=True, weight_decay=0.0),
    "lecture": _Convention(
        1e-8,
        eps_hat=False,
        decoupled_weight_decay=False,
        weight_decay=0.0,
        b2=0.99,
        bias_correction=False,
    ),
}

DECOUPLED = {
    name: CONVENTIONS[name]._replace(decoupled_weight_decay=True, weight_decay=weight_decay)
    for name, weight_decay in {"optax": 1e-4, "torch": 1e-2, "keras": 4e-3}.items()
}
"""The conventions of `adamw`."""


@factory
def adam(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number | None = None,
    eps: Number | None = None,
    eps_root: Number = 0.0,
    nesterov: bool = False,
    bias_correction: bool | None = None,
    weight_decay: LearningRate = 0.0,
    decoupled_weight_decay: bool | None = None,
    mask: Mask = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """Adam: ``w <- w - eta mu_hat / (sqrt(nu_hat + eps_root) + eps)``.

    ``mu <- b1 mu + (1 - b1) g``, ``nu <- b2 nu + (1 - b2) g^2``, ``mu_hat = mu / (1 - b1^t)``,
    ``nu_hat = nu / (1 - b2^t)``, with ``t`` counted from 1.

    How the conventions of ``like`` differ:

    - optax, torch: ``optax.adam`` and ``torch.optim.Adam`` are equal. PyTorch's ``weight_decay``
      is coupled, ``g + lambda w`` in place of ``g``: an L2 penalty, whose gradient is scaled per
      weight as the rest is. ``optax.adam`` has none; here it is coupled too, as
      ``optax.chain(optax.add_decayed_weights(...), optax.adam(...))``. `adamw` has it decoupled.
    - keras: ``eps`` is 1e-7, and the paper's faster form is used,
      ``eta sqrt(1 - b2^t) / (1 - b1^t) mu / (sqrt(nu) + eps)``, in which ``eps`` weighs
      ``1 / sqrt(1 - b2^t)`` times as much: 32 times at the first step. The ``weight_decay`` of
      every Keras optimizer is decoupled.
    - lecture: ``b2`` is 0.99, and neither moment is corrected: the first step is
      ``(1 - b1) / sqrt(1 - b2)``, with these decays exactly 1, times the rate. The slide has no
      ``eps`` either, which is 0/0 where a gradient is 0: here it has.

    Its relatives: ``nesterov=True`` is `nadam` as optax has it, ``b1=0`` corrected RMSprop,
    decoupled decay `adamw`; `adamax` has the largest gradient for ``nu``, `amsgrad` the largest
    ``nu`` so far, `radam` a warm-up, `adabelief` and `yogi` other second moments.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of squared gradients, in [0, 1); None for the convention's.
        eps: added outside the root, above 0; keeps a gradient of 0 from dividing by 0; None for
            the convention's.
        eps_root: added inside the root, 0 or more; above 0 if the steps are differentiated
            through, since the root has no derivative at 0.
        nesterov: whether to look one step ahead, see `update_rule.adaptive.mean_estimate`.
        bias_correction: whether to divide the moments by ``1 - b^t``; None for the convention's.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule.
        decoupled_weight_decay: whether decay leaves the moments alone; None for the convention's.
        mask: which leaves are decayed: a tree of booleans, or a function of the parameters that
            returns one; None for all.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Numerics: ``1 - b^t`` by `update_rule.moments.bias_correction`. ``nu`` is kept as a mean of
    squares, as in all libraries and for all relatives: in float32 a gradient of 1.8e19 or more
    makes it infinite and stops its weight for good. Clip such gradients before. Those below 1e-19
    leave 0 in it, which is right beside an ``eps`` far above them.

    Source: Kingma and Ba 2015, algorithm 1; Dozat 2016 for Nesterov's; lecture 004, "Adam".

    >>> import jax.numpy as jnp
    >>> optimizer = adam(0.1)
    >>> updates, _ = optimizer.update(jnp.array([5.0]), optimizer.init(jnp.zeros(1)))
    >>> round(updates.item(), 6)
    -0.1
    """
    chosen = resolve(
        like,
        CONVENTIONS,
        b2=b2,
        eps=eps,
        bias_correction=bias_correction,
        weight_decay=weight_decay,
        decoupled_weight_decay=decoupled_weight_decay,
    )
    return _from_convention(learning_rate, chosen, b1, eps_root, nesterov, mask)


@factory
def adamw(
    learning_rate: LearningRate,
    *,
    b1: Number = 0.9,
    b2: Number | None = None,
    eps: Number | None = None,
    eps_root: Number = 0.0,
    weight_decay: LearningRate | None = None,
    mask: Mask = None,
    nesterov: bool = False,
    like: Literal["optax", "torch", "keras"] = "optax",
) -> optax.GradientTransformation:
    """AdamW: `adam` with decoupled weight decay, ``w <- w - eta (adam's step + lambda w)``.

    Every weight shrinks by the same share ``eta lambda``, however large its gradients have been;
    a penalty in the gradient shrinks those with large gradients least.

    How the conventions of ``like`` differ:

    - ``weight_decay`` is 1e-4 in optax, 1e-2 in PyTorch, 4e-3 in Keras.
    - keras: ``eps`` is 1e-7 and weighs more at the start, see `adam`.
    - PyTorch and Keras multiply the weights by ``1 - eta lambda`` before the step, optax adds
      ``lambda w`` to the step: the same, since the step does not depend on the weights.

    The paper's decay is not multiplied by the rate, only by the schedule: its ``lambda`` is
    ``eta lambda`` here.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        b1: decay of the mean of gradients, in [0, 1).
        b2: decay of the mean of squared gradients, in [0, 1); None for the convention's.
        eps: added outside the root, above 0; None for the convention's.
        eps_root: added inside the root, 0 or more.
        weight_decay: ``lambda``, 0 or more; a number, a 0-d array or a schedule; None for the
            convention's.
        mask: which leaves are decayed: a tree of booleans, or a function of the parameters that
            returns one; None for all.
        nesterov: whether to look one step ahead; `nadamw` as optax has it.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range.

    Source: Loshchilov and Hutter 2019, algorithm 2.

    >>> import jax.numpy as jnp
    >>> optimizer = adamw(0.1, weight_decay=0.5)
    >>> w = jnp.array([2.0])
    >>> updates, _ = optimizer.update(jnp.array([5.0]), optimizer.init(w), w)
    >>> round(updates.item(), 6)
    -0.2
    """
    chosen = resolve(like, DECOUPLED, b2=b2, eps=eps, weight_decay=weight_decay)
    return _from_convention(learning_rate, chosen, b1, eps_root, nesterov, mask)


def adam_step(*, corrected: bool = True, eps_hat: bool = False, nesterov: bool = False) -> Step:
    """Return Adam's step ``mu_hat / (sqrt(nu_hat + eps_root) + eps)``.

    Args:
        corrected: whether the moments are divided by ``1 - b^t``.
        eps_hat: whether ``eps`` is added before the second is, see `update_rule.adaptive.root`.
        nesterov: whether the first looks ahead, see `update_rule.adaptive.mean_estimate`.
    """

    def step(
        at: StepContext,
        g: Array,
        mu: Array,
        nu: Array,
        *,
        b1: Number,
        b2: Number,
        eps: Number,
        eps_root: Number,
    ) -> tuple[Array, Array, Array]:
        mu_hat, mu = mean_estimate(at, g, mu, b1, corrected=corrected, nesterov=nesterov)
        nu = moving_average(b2, nu, g * g)
        share = correction(b2, at.t, g) if corrected else 1.0
        return mu_hat / root(nu, share, eps, eps_root=eps_root, eps_hat=eps_hat), mu, nu

    return step


def _from_convention(
    learning_rate: LearningRate,
    chosen: _Convention,
    b1: Number,
    eps_root: Number,
    nesterov: bool,
    mask: Mask,
) -> optax.GradientTransformation:
    check_flags(nesterov=nesterov)
    step = adam_step(corrected=chosen.bias_correction, eps_hat=chosen.eps_hat, nesterov=nesterov)
    return from_step(
        step,
        learning_rate,
        numbers={"b1": b1, "b2": chosen.b2, "eps": chosen.eps, "eps_root": eps_root},
        weight_decay=chosen.weight_decay,
        mask=mask,
        coupling="decoupled" if chosen.decoupled_weight_decay else "coupled",
    )
