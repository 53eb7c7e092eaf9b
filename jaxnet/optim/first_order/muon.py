"""Muon: steps whose directions in a matrix of weights are all equally long."""

import functools
import math
from collections.abc import Callable, Sequence
from typing import Any, Literal, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from optax.contrib import MuonDimensionNumbers

from jaxnet.core.checks import check_choice, check_count, check_flags, check_ranges, require
from jaxnet.core.representation import represent
from jaxnet.core.types import Array
from jaxnet.optim.first_order.adam import adam_step
from jaxnet.optim.update_rule.adaptive import mean_estimate
from jaxnet.optim.update_rule.axes import as_matrices, axes_of_leaves, fans
from jaxnet.optim.update_rule.conventions import resolve
from jaxnet.optim.update_rule.factory import factory
from jaxnet.optim.update_rule.learning_rate import LearningRate
from jaxnet.optim.update_rule.mask import Mask
from jaxnet.optim.update_rule.orthogonal import (
    COEFFICIENTS,
    PRECONDITIONINGS,
    Coefficients,
    newton_schulz,
)
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.update_rule.rule import (
    Number,
    Rule,
    StepContext,
    check_gradients,
    check_parameters,
    from_rule,
)

Like = Literal["optax", "torch", "keras"]
Preconditioning = Literal["frobenius", "spectral", "aol", "schatten"]


class MuonState(NamedTuple):
    """State of `muon`: finished steps (int32) and the moments.

    ``mu`` is a tree like the parameters; so is ``nu``, with ``optax.MaskedNode()`` for matrices.
    """

    count: Array
    mu: Any
    nu: Any

    __repr__ = represent


class MatrixState(NamedTuple):
    """State of the matrices alone: finished steps (int32), and the average of gradients."""

    count: Array
    mu: Any


class _Convention(NamedTuple):
    eps: Number
    weight_decay: LearningRate
    adam_weight_decay: LearningRate
    consistent_rms: Number | None  # None: the step is scaled by sqrt(max(1, out / in))
    corrected: bool  # the average is divided by 1 - b^t, for Nesterov's step by 1 - b^(t+1)
    summed: bool  # a trace, b m + g, in place of an average
    clamps: bool  # the norm is at least eps, in place of norm + eps
    adam_nesterov: bool  # Nesterov's momentum in the leaves that go by Adam, too
    eps_hat: bool  # Adam's eps is added to the root of nu before its correction


CONVENTIONS = {
    "optax": _Convention(1e-8, 0.0, 0.0, None, True, False, False, True, False),
    "torch": _Convention(1e-7, 0.1, 0.01, None, False, False, True, False, False),
    "keras": _Convention(1e-7, 0.004, 0.004, 0.2, False, True, False, False, True),
}

_HOLE = optax.MaskedNode()
"""An empty tree in the place of a leaf that another optimizer moves."""


@factory
def muon(
    learning_rate: LearningRate,
    *,
    ns_coeffs: Coefficients | Sequence[Coefficients] | str = "standard",
    ns_steps: int = 5,
    beta: Number = 0.95,
    eps: Number | None = None,
    weight_decay: LearningRate | None = None,
    weight_decay_mask: Mask = None,
    nesterov: bool = True,
    adaptive: bool = False,
    preconditioning: Preconditioning = "frobenius",
    adam_b1: Number = 0.9,
    adam_b2: Number = 0.999,
    adam_eps_root: Number = 0.0,
    adam_weight_decay: LearningRate | None = None,
    adam_learning_rate: LearningRate | None = None,
    muon_weight_dimension_numbers: Any = None,
    consistent_rms: Number | None = None,
    like: Like = "optax",
) -> optax.GradientTransformation:
    """Muon: ``w <- w - eta (sqrt(max(1, out / in)) orthogonal(m) + lambda w)`` for matrices.

    ``mu <- b mu + (1 - b) g``, and ``m`` is ``mu``, one step ahead with Nesterov's momentum:
    ``b mu + (1 - b) g``. ``orthogonal(U S V^T)`` is near ``U V^T``, see
    `update_rule.orthogonal.newton_schulz`. All leaves that are not matrices, biases above all,
    go by AdamW. The authors advise it for the first and the last layer, too: mark them by
    ``muon_weight_dimension_numbers``.

    How the conventions of ``like`` differ:

    - optax: ``mu`` and ``g`` are bias-corrected, so that Nesterov's step mixes them in other
      parts at the start. ``nesterov`` counts for AdamW, too. ``eps`` is 1e-8, without weight decay.
      ``optax.contrib.muon`` takes weights to be ``(in, out)``: to get the same of it for ours,
      give it the axes that are the default here.
    - torch: no correction; the norm is at least ``eps``, which is 1e-7, in place of
      ``norm + eps``; weight decay .1. ``torch.optim.Muon`` takes matrices only, so that AdamW is
      ``torch.optim.AdamW`` with the same ``eps`` and its own weight decay, .01. Its Newton-Schulz
      iteration runs in bfloat16 whatever the weights are, off by up to 1 % of a step (discussed in
      https://github.com/pytorch/pytorch/pull/160213); ours runs in the precision of the weights.
      Its documentation has a trace ``b m + g``, its code the average.
    - keras: the trace ``b m + g``, which differs from the average by ``eps``; ``eps`` is 1e-7,
      for Adam, of the form that `jaxnet.optim.adam` describes, and, fixed, for the norm.
      ``consistent_rms`` is .2 by default (Keras's ``rms_rate``), weight decay .004 for all leaves.

    Args:
        learning_rate: ``eta``, 0 or more; a number, a 0-d array or a schedule of the step count.
        ns_coeffs: ``(a, b, c)`` for all iterations, or a triple for each, or "standard" or "dion".
        ns_steps: the number of iterations, 1 or more; ignored if there is a triple for each.
        beta: ``b``, decay of the matrices' average, in [0, 1).
        eps: above 0, for the norm and for AdamW; None for the convention's.
        weight_decay: ``lambda`` of the matrices, 0 or more; None for the convention's.
        weight_decay_mask: which matrices are decayed: a tree of booleans, a prefix of one, or a
            function of the parameters; by default all.
        nesterov: whether to look one step ahead.
        adaptive: whether to multiply the step by ``<m, orthogonal(m)>``, the dual norm.
        preconditioning: how to bring singular values into [0, 1] before the iteration.
        adam_b1: decay of AdamW's mean of gradients, in [0, 1).
        adam_b2: decay of AdamW's mean of squared gradients, in [0, 1).
        adam_eps_root: added inside AdamW's root, 0 or more.
        adam_weight_decay: ``lambda`` of AdamW; None for the convention's.
        adam_learning_rate: ``eta`` of AdamW; None for ``learning_rate``.
        muon_weight_dimension_numbers: which leaves are matrices, and which of their axes are
            inputs (``reduction_axis``) and outputs: a tree of
            ``optax.contrib.MuonDimensionNumbers``, None where AdamW is meant; a prefix of one, or
            a function of the parameters. By default all leaves of two dimensions, ``(out, in)``.
        consistent_rms: scales by ``consistent_rms sqrt(max(out, in))`` in place of
            ``sqrt(max(1, out / in))``: the steps of all matrices then have entries of one size,
            with .2 that of AdamW's; above 0; None for the convention's.
        like: whose convention to follow.

    Raises:
        ValueError: if a hyperparameter given as a number is out of its range, or if ``update`` is
            not given the parameters that weight decay needs.

    Numerics: a float32 step errs by about 1e-6 of itself, by 3e-5 where the gradient is almost of
        rank one: the iteration magnifies what rounding adds to small singular values up to
        ``a^5``, 485 times. Matrices are brought near 1 by a power of two before they are squared.

    Source: Jordan et al. 2024, "Muon: an optimizer for hidden layers in neural networks"; Liu et
    al. 2025, "Muon is scalable for LLM training", section 2.2 for ``consistent_rms``.

    >>> optimizer = muon(0.1)
    >>> w = jnp.zeros((2, 2))
    >>> updates, _ = optimizer.update(jnp.array([[3.0, 0.0], [0.0, 4.0]]), optimizer.init(w), w)
    >>> [round(entry, 3) for entry in jnp.diag(updates).tolist()]
    [-0.072, -0.112]
    """
    convention = resolve(
        like,
        CONVENTIONS,
        eps=eps,
        weight_decay=weight_decay,
        adam_weight_decay=adam_weight_decay,
        consistent_rms=consistent_rms,
    )
    numbers = {"beta": beta, "eps": convention.eps}
    if convention.consistent_rms is not None:
        numbers["consistent_rms"] = convention.consistent_rms
    check_ranges(RANGES, adam_b1=adam_b1, adam_b2=adam_b2, adam_eps_root=adam_eps_root)
    iterate = functools.partial(
        newton_schulz,
        coefficients=_iterations(ns_coeffs, ns_steps),
        preconditioning=_preconditioning(preconditioning, convention),
    )
    axes = functools.partial(axes_of_leaves, muon_weight_dimension_numbers)
    matrices = from_rule(
        _matrix_rule(convention, iterate, nesterov, adaptive),
        learning_rate,
        state=MatrixState,
        starts=[jnp.zeros_like],
        numbers=numbers,
        weight_decay=convention.weight_decay,
        mask=weight_decay_mask,
        labels=axes,
    )
    others = from_rule(
        _adam_rule(convention, nesterov),
        learning_rate if adam_learning_rate is None else adam_learning_rate,
        state=MuonState,
        starts=[jnp.zeros_like, jnp.zeros_like],
        numbers={"b1": adam_b1, "b2": adam_b2, "eps": convention.eps, "eps_root": adam_eps_root},
        weight_decay=convention.adam_weight_decay,
    )
    return _together(axes, matrices, others)


def _preconditioning(name: str, convention: _Convention) -> str:
    check_choice("preconditioning", name, PRECONDITIONINGS)
    return "clamped" if convention.clamps and name == "frobenius" else name


def _iterations(
    given: Coefficients | Sequence[Coefficients] | str, steps: int
) -> list[Coefficients]:
    """Return ``(a, b, c)`` of each iteration."""
    if isinstance(given, str):
        given = check_choice("ns_coeffs", given, COEFFICIENTS)
    steps = check_count("ns_steps", steps)
    table = np.asarray(given, np.float64)
    good = table.ndim in (1, 2) and table.shape[-1] == 3 and len(table)
    expected = "to be (a, b, c), or a triple for each iteration"
    require(good, "ns_coeffs", expected, f"shape {table.shape}")
    rows = np.tile(table, (steps, 1)) if table.ndim == 1 else table
    return [(a, b, c) for a, b, c in rows.tolist()]


def _matrix_rule(
    convention: _Convention, iterate: Callable[..., Array], nesterov: bool, adaptive: bool
) -> Rule:
    check_flags(nesterov=nesterov, adaptive=adaptive)

    def rule(
        at: StepContext,
        g: Array,
        w: Array | None,
        mu: Array,
        *,
        beta: Number,
        eps: Number,
        consistent_rms: Number | None = None,
    ) -> tuple[Array, Array]:
        if convention.summed:
            mu = beta * mu + g
            m = beta * mu + g if nesterov else mu
        else:
            corrected = convention.corrected
            m, mu = mean_estimate(at, g, mu, beta, corrected=corrected, nesterov=nesterov)
        m, restore = as_matrices(m, at.label)
        u = iterate(m, eps=eps)
        if adaptive:
            u = jnp.sum(m * u) * u
        fan_in, fan_out = fans(g.shape, at.label)
        if consistent_rms is None:
            scale = math.sqrt(max(1, fan_out / fan_in))
        else:
            scale = consistent_rms * math.sqrt(max(fan_in, fan_out))
        return -at.rate * _decayed(at, scale * restore(u), w), mu

    return rule


def _adam_rule(convention: _Convention, nesterov: bool) -> Rule:
    ahead = nesterov and convention.adam_nesterov
    step = adam_step(eps_hat=convention.eps_hat, nesterov=ahead)

    def rule(
        at: StepContext, g: Array, w: Array | None, mu: Array, nu: Array, **numbers: Number
    ) -> tuple[Array, Array, Array]:
        u, mu, nu = step(at, g, mu, nu, **numbers)
        return -at.rate * _decayed(at, u, w), mu, nu

    return rule


def _decayed(at: StepContext, u: Array, w: Array | None) -> Array:
    return u if w is None else u + at.decay * w


def _together(
    axes: Callable[[Any], list[MuonDimensionNumbers | None]],
    matrices: optax.GradientTransformation,
    others: optax.GradientTransformation,
) -> optax.GradientTransformation:
    """Combine an optimizer of matrices with one of all other leaves."""

    def split(tree: Any, updates: Any) -> tuple[Any, Any]:
        if tree is None:
            return None, None
        leaves, structure = jax.tree.flatten(tree)
        rows = list(zip(leaves, axes(updates), strict=True))
        return (
            structure.unflatten([_HOLE if axis is None else leaf for leaf, axis in rows]),
            structure.unflatten([leaf if axis is None else _HOLE for leaf, axis in rows]),
        )

    def init(params: Any) -> MuonState:
        check_parameters(params)
        matrix_params, other_params = split(params, params)
        one: Any = matrices.init(matrix_params)
        two: Any = others.init(other_params)
        return MuonState(one.count, _joined(one.mu, two.mu), two.nu)

    def update(updates: Any, state: Any, params: Any = None) -> tuple[Any, MuonState]:
        check_gradients(updates, state.mu)
        count, mu, nu = state
        g, mu, w = (split(tree, updates) for tree in (updates, mu, params))
        one: Any = matrices.update(g[0], MatrixState(count, mu[0]), w[0])
        two: Any = others.update(g[1], MuonState(count, mu[1], nu), w[1])
        (matrix_changes, one), (other_changes, two) = one, two
        changes, mu = _joined(matrix_changes, other_changes), _joined(one.mu, two.mu)
        return changes, MuonState(one.count, mu, two.nu)

    return optax.GradientTransformation(init, update)


def _joined(one: Any, two: Any) -> Any:
    """Merge two trees with complementary holes."""
    return jax.tree.map(lambda x, y: y if _is_hole(x) else x, one, two, is_leaf=_is_hole)


def _is_hole(node: Any) -> bool:
    return isinstance(node, optax.MaskedNode)
