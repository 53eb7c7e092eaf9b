"""Identification of an optimizer: which convention it equals, or comes nearest to, and why."""

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.checks import check_range, require
from jaxnet.core.errors import InputError
from jaxnet.core.representation import shortened
from jaxnet.optim.optimizers import OPTIMIZERS
from jaxnet.optim.verification.alterations import ALTERATIONS, differ
from jaxnet.optim.verification.candidates import (
    LENGTH,
    Candidate,
    alterations_of,
    altered,
    base_candidates,
    can_be_made,
    compile_candidate,
    conventions,
    default_settings,
    make,
    stream,
    usual_combinations,
    variants,
    without_alterations,
)
from jaxnet.optim.verification.reasons import REASONS
from jaxnet.optim.verification.search import (
    NOTHING,
    Fit,
    Target,
    in_order,
    make_target,
    search,
    simplify,
    with_settings,
)
from jaxnet.optim.verification.subject import Subject, as_subject, respond

FLOAT32 = 1e-6
"""Differences of updates that float32 explains, in parts of their size."""

NEAR = 3
"""Optimizers whose variants and alterations are tried where none is equal."""

FEW = 8
"""Alterations that single-handedly come nearest, each of which is tried with every other."""

_MEANING = {
    "eps_root": ": added inside the root, where eps is added outside",
    "eps_in_sqrt": ": where eps is added, inside the root or outside",
    "nesterov": ": whether it looks a step ahead",
    "bias_correction": ": whether moments are corrected for their start at 0",
}
"""Argument -> what it means, where its name may not say it."""


class Match(NamedTuple):
    """Optimizer of `jaxnet.optim` beside the one identified.

    Attributes:
        optimizer: its name.
        like: its convention.
        learning_rate: its learning rate; beside an optimizer that was given one, its multiple.
        settings: its hyperparameters, those of the alterations among them.
        flags: other arguments of the factory.
        alterations: names in `ALTERATIONS` of what else is other, two at most.
        relative: largest difference of an update, in parts of its entry's largest so far.
        typical: root of the mean square of the differences, in such parts.
        known_rate: whether ``learning_rate`` is a multiple.
    """

    optimizer: str
    like: str
    learning_rate: float
    settings: Mapping[str, float]
    flags: Mapping[str, Any]
    alterations: tuple[str, ...]
    relative: float
    typical: float
    known_rate: bool

    @property
    def others(self) -> dict[str, Any]:
        """Arguments that are not defaults of the convention."""
        defaults = default_settings(self.optimizer, self.like)
        found = {n: x for n, x in self.settings.items() if x != defaults.get(n)}
        return found | dict(self.flags)

    @property
    def call(self) -> str:
        """The call that makes it, such as ``"adam(0.001, eps=1e-06, like='torch')"``."""
        rate = f"{self.learning_rate:.6g}"
        if self.known_rate:
            rate = "learning_rate" if self.learning_rate == 1 else f"{rate} * learning_rate"
        others = self.others
        if any("[" in name for name in others):
            pair = tuple(value for name, value in self.settings.items() if "[" in name)
            others = {n: x for n, x in others.items() if "[" not in n} | {"betas": pair}
        given = [f"{name}={_number(value)}" for name, value in others.items()]
        like = [f"like='{self.like}'"] if len(conventions(self.optimizer)) > 1 else []
        return f"{self.optimizer}({', '.join([rate, *given, *like])})"

    @property
    def differences(self) -> list[str]:
        """What is other than in optax's convention with its defaults, a sentence each."""
        defaults, found = default_settings(self.optimizer, self.like), []
        if self.known_rate and self.learning_rate != 1:
            found += [f"Its steps are {self.learning_rate:.6g} times as long."]
        for name, value in self.others.items():
            default = f", by default {_number(defaults[name])}" if name in defaults else ""
            text = "left out" if "eps" in name and value == NOTHING else _number(value)
            found += [f"{name} is {text}{default}{_MEANING.get(name, '')}."]
        decay, twin = self.settings.get("weight_decay", 0.0), f"{self.optimizer}w"
        if decay and twin in OPTIMIZERS and self.like != "keras" and not self.alterations:
            found += [f"Its weight decay is an L2 penalty in the gradient, {twin}'s is decoupled."]
        reason = REASONS.get((self.optimizer, "optax", self.like))
        if reason:
            found += [f"It follows {self.like}, not optax: {reason.text}"]
        texts = [ALTERATIONS[name].text for name in self.alterations]
        return found + [f"{text[:1].upper()}{text[1:]}." for text in texts]

    def make(self, learning_rate: Any = None) -> Any:
        """Return the optimizer, altered as it is.

        Args:
            learning_rate: a number or schedule, of which ``self.learning_rate`` is a multiple; by
                default 1.
        """
        candidate = Candidate(
            self.optimizer,
            self.like if len(conventions(self.optimizer)) > 1 else "",
            (),
            (*self.flags.items(),),
            self.alterations,
        )
        if callable(learning_rate):
            schedule: Any = learning_rate
            return make(candidate, lambda t: self.learning_rate * schedule(t), self.settings)
        rate = self.learning_rate * (1.0 if learning_rate is None else learning_rate)
        return make(candidate, (lambda _: rate) if self.alterations else rate, self.settings)


class Identification(NamedTuple):
    """What an optimizer is.

    Attributes:
        equal: conventions that it equals, those with the fewest other settings first.
        altered: those that it equals but for one alteration or two, if it equals none.
        nearest: those nearest to it, if it equals none.
        unequal: conventions of the first equal optimizer that differ -> the reason.
    """

    equal: tuple[Match, ...]
    altered: tuple[Match, ...]
    nearest: tuple[Match, ...]
    unequal: Mapping[str, str]

    @property
    def best(self) -> Match:
        """The first equal one, or else the altered one, or else the nearest."""
        return (*self.equal, *self.altered, *self.nearest)[0]

    def __repr__(self) -> str:
        lines = []
        if self.equal:
            lines += [f"equals {self.equal[0].call}"]
            lines += [f"  and {match.call}" for match in self.equal[1:6]]
            more = len(self.equal) - 6
            lines += [f"  and {more} more"] if more > 0 else []
            lines += [f"- {text}" for text in self.equal[0].differences]
            lines += [f"- Not as in {like}: {text}" for like, text in self.unequal.items()]
        elif self.altered:
            match = self.altered[0]
            remedies = [ALTERATIONS[name].remedy for name in match.alterations]
            lines += [f"equals no convention; {match.call} but for this:"]
            lines += [f"- {text}" for text in match.differences]
            lines += [f"To make it equal: {' '.join(remedies)}"]
        else:
            lines += ["equals no convention, also with two known alterations; nearest:"]
        for match in self.nearest:
            texts = [ALTERATIONS[name].text for name in match.alterations]
            also = f", where {', and '.join(texts)}" if texts else ""
            lines += [f"  updates {100 * match.typical:.2g} % from {match.call}{also}"]
        if self.nearest and self.nearest[0].typical < FLOAT32:
            lines += [
                "So little is the rounding of float32: is a number in it, such as the count of"
                " steps, of that dtype?"
            ]
        return shortened("\n".join(lines))


def identify(
    mine: Any, *, settings: Mapping[str, Any] | None = None, learning_rate: float = 0.01
) -> Identification:
    """Find the convention that an optimizer equals, with its settings, or what keeps it from that.

    Every optimizer of `OPTIMIZERS` under every convention is fitted to the updates of ``mine`` for
    24 gradients of all sizes, zeros and flipping signs among them, in float64: its learning rate
    and hyperparameters are found by least squares, and rounded. If none is equal, so are those
    nearest with one flag or optional hyperparameter, with one of `ALTERATIONS`, and with two.

    An optimizer made for one learning rate does not show where its rate goes under a schedule;
    a function of the learning rate is asked with a constant and with a schedule.

    Args:
        mine: a transformation; a function of the learning rate that returns one, or of nothing;
            a function ``(gradients, params) -> updates``; a class of PyTorch or Keras; or a dotted
            name, ``"optax.NAME"``, ``"torch.optim.NAME"`` or ``"keras.optimizers.NAME"``.
        settings: further arguments of a function, class or name.
        learning_rate: for one that takes it, above 0.

    Raises:
        ValueError: if the optimizer fails, has side effects, returns NaN, nothing but 0, or updates
            of another tree than the gradients'; or for an unknown name.
        TypeError: if it is none of these forms.

    >>> import optax
    >>> identify(optax.sgd(0.5))
    equals sgd(0.5, like='optax')
      and sgd(0.5, like='torch')
      and sgd(0.5, like='keras')
      and sgd(0.5, like='lecture')
    """
    check_range("learning_rate", learning_rate, low=0.0, low_open=True)
    target = _target(as_subject("mine", mine, settings), learning_rate)
    fits = search(base_candidates(), target)
    gradients = np.concatenate([leaf[0].ravel() for leaf in jax.tree.leaves(stream()[1])])
    ascends = bool(np.sum(target.updates[0, 0] * gradients) > 0)
    stages = (*[_negated] * ascends, _altered_steps, _variants, _altered)
    stages = (*stages, _pairs, _pairs, _combinations)
    for candidates, before in zip(stages, (None, *stages), strict=False):
        near = fits[:2] if candidates is before else ()  # the second time, from what was found
        rounding = candidates is _combinations and math.sqrt(fits[0].cost) < FLOAT32
        if not fits[0].equal and not rounding:
            fits = in_order([*fits, *search(candidates(fits, target), target, near)])
    best = fits[0]
    if not best.equal:
        matches: dict[str, Match] = {}
        for fit in sorted(fits[: 2 * NEAR], key=_cost_and_alterations):
            match = _match(simplify(fit, _defaults(fit), target), target)
            matches.setdefault(match.call, match)
        bar, nearest = 4 * math.sqrt(best.cost), list(matches.values())[:NEAR]
        simplest = sorted(nearest, key=lambda m: (m.typical > bar, len(m.others)))
        return Identification((), (), tuple(simplest), {})
    best = simplify(best, _defaults(best), target)
    if best.program.candidate.alterations:
        return Identification((), (_match(best, target),), (), {})
    equal = [_match(fit, target) for fit in _all_equal(best, target)]
    order = list(OPTIMIZERS)
    equal.sort(
        key=lambda m: (
            len(m.others) + (m.learning_rate != 1) * m.known_rate,
            order.index(m.optimizer),
        )
    )
    return Identification(tuple(equal), (), (), _unequal(equal))


def _cost_and_alterations(fit: Fit) -> tuple[float, int]:
    """Return a key of fits: their cost to a tenth, then alterations, which may have no effect."""
    return round(math.log(max(fit.cost, 1e-300)), 1), len(fit.program.candidate.alterations)


def _negated(fits: Sequence[Fit], target: Target) -> list[Candidate]:
    """Return the candidate that is nearest to the updates' opposite, ascending."""
    del fits
    opposite = make_target(
        -target.updates, target.params, target.rates, known_rate=target.known_rate
    )
    return [altered(search(base_candidates(), opposite)[0].program.candidate, "negated")]


def _altered_steps(fits: Sequence[Fit], target: Target) -> list[Candidate]:
    """Return Adam with the alterations of its step."""
    del fits, target
    return [
        altered(base, name)
        for base in base_candidates()
        if base.optimizer in ("adam", "adamw")
        for name in alterations_of(base)
        if ALTERATIONS[name].of
    ]


def _variants(fits: Sequence[Fit], target: Target) -> list[Candidate]:
    """Return the nearest candidates with one flag or optional hyperparameter."""
    del target
    return [each for one in _near(fits) for each in variants(one)]


def _combinations(fits: Sequence[Fit], target: Target) -> list[Candidate]:
    """Return usual ones, and the nearest variants with another flag or in another convention."""
    del target
    base = base_candidates()
    plain = [fit.program.candidate for fit in fits if not fit.program.candidate.alterations]
    few = [candidate for candidate in plain if candidate not in base][:2]
    others = [each for one in few for each in (*_in_all_conventions(one), *variants(one))]
    return [*usual_combinations(), *others]


def _altered(fits: Sequence[Fit], target: Target) -> list[Candidate]:
    """Return the nearest candidates, variants of them, and plain descent, with one alteration."""
    del target
    near, plain = _near(fits), [fit.program.candidate for fit in fits]
    steps = [base for base in base_candidates() if base.like == "optax"]
    names = {"sgd", *(candidate.optimizer for candidate in near)}
    bases = [*near, *(base for base in steps if base.optimizer in names)]
    flagged = [each for each in plain if each.flags and not each.alterations][:1]
    return [
        altered(base, name)
        for base in dict.fromkeys([*bases, *flagged])
        for name in alterations_of(base)
        if name != "negated"
    ]


def _pairs(fits: Sequence[Fit], target: Target) -> list[Candidate]:
    """Return those that one alteration brings nearest, with a second one."""
    del target
    costs = {fit.program.candidate: fit.cost for fit in fits}
    near = [
        candidate
        for candidate, cost in costs.items()
        if len(candidate.alterations) == 1
        and cost < 0.99 * costs.get(without_alterations(candidate), math.inf)
    ]
    order = list(OPTIMIZERS)  # adam before adamw without decay
    near = sorted(near[:FEW], key=lambda candidate: order.index(candidate.optimizer))
    return [
        altered(candidate, name)
        for candidate in near
        for name in alterations_of(without_alterations(candidate))
        if differ(candidate.alterations[0], name)
    ]


def _near(fits: Sequence[Fit]) -> list[Candidate]:
    """Return the candidate of the nearest optimizers, without flags or alterations."""
    base, nearest = base_candidates(), dict[str, Candidate]()
    for fit in fits:
        candidate = fit.program.candidate
        if candidate in base:
            nearest.setdefault(candidate.optimizer, candidate)
    return list(nearest.values())[:NEAR]


def _target(subject: Subject, learning_rate: float) -> Target:
    """Return the response of an optimizer to constant and to scheduled learning rates."""
    params, rows = stream()
    steps = np.arange(LENGTH)
    schedule = learning_rate * np.minimum(1.0, (steps + 1) / 6) / (1 + 0.1 * steps)
    rates = np.stack([np.full(LENGTH, learning_rate), schedule])
    if not subject.takes_rate:
        rates = np.ones_like(rates)
    try:
        response = respond(subject, params, rows, rates if subject.takes_rate else rates[0])
        several = subject.takes_rate
    except InputError:  # it may take numbers only
        response, several = respond(subject, params, rows, learning_rate), False
        rates = np.stack([rates[0]] * 2)
    if not several:
        response = jax.tree.map(lambda leaf: np.stack([leaf] * 2), response)
    updates, path = (
        np.concatenate([leaf.reshape(2, LENGTH, -1) for leaf in jax.tree.leaves(tree)], axis=2)
        for tree in response
    )
    expected, remedy = "to move the parameters", "Return the step times minus the learning rate."
    require(updates.any(), "updates of mine", expected, "0 in every step", remedy)
    return make_target(updates, path, rates, known_rate=subject.takes_rate)


def _in_all_conventions(candidate: Candidate) -> list[Candidate]:
    """Return a candidate in each convention that has its flags."""
    others = [candidate._replace(like=like) for like in conventions(candidate.optimizer)]
    return [other for other in others if can_be_made(other)] if candidate.like else [candidate]


def _all_equal(best: Fit, target: Target) -> list[Fit]:
    """Return the fits of all candidates that are equal with the same settings."""
    candidate, base = best.program.candidate, base_candidates()
    others = base if candidate in base else _in_all_conventions(candidate)
    settings, found = best.program.decode(best.point), []
    for program in map(compile_candidate, others):
        if program.digest == best.program.digest:
            fit = best._replace(program=program)
        else:
            names = dict(program.candidate.start)
            known = {name: value for name, value in settings.items() if name in names}
            fit = with_settings(program, known, target)
        if fit.equal:
            found.append(simplify(fit, _defaults(fit), target))
    return found


def _defaults(fit: Fit) -> dict[str, float]:
    candidate = fit.program.candidate
    return default_settings(candidate.optimizer, _convention(candidate))


def _convention(candidate: Candidate) -> str:
    return candidate.like or conventions(candidate.optimizer)[0]


def _match(fit: Fit, target: Target) -> Match:
    candidate, defaults = fit.program.candidate, _defaults(fit)
    found = {name: _plain(value) for name, value in fit.program.decode(fit.point).items()}
    for name, value in found.items():
        if math.isclose(value, defaults.get(name, 0.0), rel_tol=1e-12):
            found[name] = defaults.get(name, 0.0)
        if "initial" in name and value == NOTHING:
            found[name] = 0.0
    return Match(
        candidate.optimizer,
        _convention(candidate),
        _plain(math.exp(fit.point[0])),
        found,
        dict(candidate.flags),
        candidate.alterations,
        fit.relative,
        math.sqrt(fit.cost),
        target.known_rate,
    )


def _plain(value: float) -> float:
    """Return a number without the rounding of its coordinate, and 0 without a sign.

    >>> _plain(-0.0), _plain(0.1 + 0.2)
    (0.0, 0.3)
    """
    return float(f"{value:.12g}") + 0.0


def _unequal(equal: Sequence[Match]) -> dict[str, str]:
    """Return convention -> why it differs, for others of the first optimizer."""
    first, found = equal[0], {}
    same = {match.like for match in equal if match.optimizer == first.optimizer}
    for like in conventions(first.optimizer):
        pairs = ((first.optimizer, first.like, like), (first.optimizer, like, first.like))
        reason = next((REASONS[pair] for pair in pairs if pair in REASONS), None)
        told = reason and any(reason.text in text for text in (*first.differences, *found.values()))
        if like not in same and reason and not told:
            found[like] = reason.text
    return found


def _number(value: Any) -> str:
    return f"{value:.6g}" if isinstance(value, float) else repr(value)
