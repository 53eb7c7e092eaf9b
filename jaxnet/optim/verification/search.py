"""Search for the hyperparameters with which candidates respond as an optimizer does."""

import functools
import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxnet.optim.verification.candidates import BATCH, ZERO, Candidate, Program, compile_candidate
from jaxnet.optim.verification.difference import relative_difference

SAME = 1e-9
"""Largest difference of a candidate that equals an optimizer: settings are found so precisely."""

NOTHING = 1e-200
"""An epsilon that is left out: it has to be above 0."""

HOPELESS = 1e-2
"""Cost of settings that are not equal, whatever the learning rate."""

NEAR = 1e-6
"""Cost of a fit that is likely to become equal."""

FORGETS = 1e-4
"""Decay below which an average hardly remembers."""

STARTS = {
    "b1": (0.9, 0.0, 0.99),
    "b2": (0.999, 0.99, 0.9),
    "b3": (0.99, 0.999),
    "decay": (0.9, 0.99),
    "rho": (0.9, 0.95),
    "momentum": (0.9, 0.5),
    "eps": (1e-8, 1e-5, 1e-3),
    "weight_decay": (0.0, 0.01, 0.1),
    "max_norm": (1.0, 0.1),
    "max_delta": (1.0, 0.1),
}
"""Hyperparameter -> usual values, where a search starts besides the default."""

SIGN_STARTS = {
    "b1": (0.9, 0.95, 0.99, 0.8, 0.5, 0.0, 0.98, 0.999),
    "b2": (0.99, 0.98, 0.999, 0.95, 0.9, 0.8, 0.5, 0.0),
}
"""The same for `lion`, whose updates are signs, without a derivative."""


class Target(NamedTuple):
    """What is to be reproduced.

    Attributes:
        updates: ``(2, steps, entries)``, for each row of rates.
        params: parameters after each step, of that shape.
        rates: ``(2, steps)``.
        known_rate: whether the rates were given to it; otherwise they are 1.
        size: largest update of each entry.
        curve: updates in parts of that, as they are compared.
    """

    updates: np.ndarray
    params: np.ndarray
    rates: np.ndarray
    known_rate: bool
    size: np.ndarray
    curve: np.ndarray


def make_target(
    updates: np.ndarray, params: np.ndarray, rates: np.ndarray, *, known_rate: bool
) -> Target:
    """Return what is to be reproduced, see `Target`."""
    size = np.abs(updates).max(axis=(0, 1))
    size = np.where(size > 0, size, size.max())
    return Target(updates, params, rates, known_rate, size, np.arcsinh(updates / size))


class Fit(NamedTuple):
    """Settings of a candidate that come nearest to the target.

    Attributes:
        program: the candidate's.
        point: coordinates.
        cost: mean square of residuals.
        relative: largest difference of an update, in parts of it.
    """

    program: Program
    point: np.ndarray
    cost: float
    relative: float

    @property
    def equal(self) -> bool:
        """Whether the candidate equals the target."""
        return self.relative <= SAME


def search(
    candidates: Sequence[Candidate], target: Target, near: Sequence[Fit] = (), *, at_most: int = 8
) -> list[Fit]:
    """Fit candidates, until one is equal: the nearest a few steps, then the nearest to the end.

    Args:
        candidates: the candidates.
        target: the response to be reproduced.
        near: fits of others, from whose settings a search starts as well.
        at_most: candidates that are fitted to the end; twice as many are fitted a few steps.

    Returns:
        Fits of these, one for each program, the equal one first, then the nearest.
    """
    programs: dict[str, Program] = {}
    for candidate in candidates:
        program = compile_candidate(candidate)
        programs.setdefault(program.digest, program)
    known = [fit.program.decode(fit.point) for fit in near]
    starts = sorted(
        (_start(program, target, known) for program in programs.values()),
        key=lambda each: each.cost,
    )
    fits = [_best(*each[:2], target, count=2) for each in starts[: 2 * at_most]]
    fits.sort(key=lambda pair: pair[0].cost)
    found = _descend_all([pair[0] for pair in fits], target, 6)
    if found and found[0].equal and _is_degenerate(found[0]):
        free = _settings(found[0])
        fewer = [each for each in starts if len(each.program.candidate.start) < free]
        nearest = [_best(*each[:2], target)[0] for each in fewer[: 2 * at_most]]
        found += _descend_all(nearest, target, 6)
    elif found and not found[0].equal:
        chosen = [fit.program.digest for fit in found[:at_most]]
        others = [pair[-1] for pair in fits if pair[0].program.digest in chosen]
        found += _descend_all([*found[:at_most], *others], target, 25)
    return in_order(found)


def _settings(fit: Fit) -> int:
    return len(fit.program.candidate.start)


def _is_degenerate(fit: Fit) -> bool:
    """Return whether an average of a fit forgets at once, or never learns.

    A rule without it may be equal, too.
    """
    settings = fit.program.decode(fit.point)
    averages = STARTS.keys() - {"eps", "weight_decay", "max_norm", "max_delta"}
    return any(not FORGETS < settings.get(name, 0.5) < 1 - SAME for name in averages)


def in_order(fits: Sequence[Fit]) -> list[Fit]:
    """Return the best fit of each program: equal ones, of few settings first, then near ones."""
    best: dict[str, Fit] = {}
    for fit in sorted(
        fits, key=lambda fit: (not fit.equal, fit.equal and _settings(fit), fit.cost)
    ):
        best.setdefault(fit.program.digest, fit)
    return list(best.values())


def _descend_all(fits: Sequence[Fit], target: Target, steps: int) -> list[Fit]:
    """Return minimized fits, the nearest first; none after the first that is equal."""
    found = []
    for fit in fits:
        found.append(_descend(fit, target, steps))
        if found[-1].equal:
            break
    return sorted(found, key=lambda fit: (not fit.equal, fit.cost))


def _best(program: Program, points: np.ndarray, target: Target, *, count: int = 1) -> list[Fit]:
    """Return the fits at the best of some points, the nearest first."""
    updates = program.updates(points, target.rates)
    costs = _costs(updates, target)
    places = np.argsort(costs, kind="stable")[:count]
    return [Fit(program, points[i], float(costs[i]), _apart(updates[i], target)) for i in places]


def with_settings(program: Program, settings: dict[str, float], target: Target) -> Fit:
    """Return the fit of a candidate's learning rate alone, other settings given by name."""
    point = program.encode(dict(program.candidate.start) | settings)
    start = _scaled(program, point[None], target)
    if start.cost > HOPELESS:
        return Fit(program, point, start.cost, math.inf)
    return _best(program, start.points, target)[0]


def simplify(fit: Fit, defaults: dict[str, float], target: Target) -> Fit:
    """Return a fit with defaults, or else short decimals, where they make no difference.

    Of a fit that is not equal, where they do not double the mean difference.
    """
    program, start = fit.program, fit
    for i, (name, _) in enumerate(program.candidate.start):
        value = program.decode(fit.point)[name]
        tried = [defaults[name]] if name in defaults else []
        tried += [0.0] if "weight_decay" in name else []
        tried += [NOTHING] if "eps" in name or "initial" in name else []
        tried += [each for digits in range(1, 6) for each in _rounded(value, digits)]
        fit = _first_equal(
            fit, i + 1, [program.encode(_with(fit, name, x))[i + 1] for x in tried], target, start
        )
    factor = math.exp(fit.point[0])
    logs = [
        math.log(x) for x in (1.0, *(y for d in range(1, 6) for y in _rounded(factor, d))) if x > 0
    ]
    return _first_equal(fit, 0, logs, target, start)


def _with(fit: Fit, name: str, value: float) -> dict[str, float]:
    return fit.program.decode(fit.point) | {name: value}


def _first_equal(fit: Fit, place: int, values: Sequence[float], target: Target, start: Fit) -> Fit:
    """Return the fit with the first of some values of a coordinate that is as good as another fit.

    Without one, the fit as it is.
    """
    points = np.repeat(fit.point[None], len(values), axis=0)
    points[:, place] = values
    updates = fit.program.updates(points, target.rates)
    costs = _costs(updates, target)
    for point, cost, some in zip(points, costs, updates, strict=True):
        relative = _apart(some, target)
        equal = relative <= max(SAME, 2 * start.relative)
        if equal if start.equal else cost <= 4 * start.cost:
            return Fit(fit.program, point, float(cost), relative)
    return fit


def _rounded(value: float, digits: int) -> list[float]:
    """Return the number, and 1 minus it, rounded to significant digits."""
    if not value:
        return [0.0]
    return [float(f"{value:.{digits - 1}e}"), round(1 - float(f"{1 - value:.{digits - 1}e}"), 12)]


class _Start(NamedTuple):
    program: Program
    points: np.ndarray  # where a search may start, `BATCH` at most
    cost: float  # of the nearest, if updates are in proportion to learning rates


@functools.cache
def _usual_points(program: Program) -> np.ndarray:
    """Return points where a search may start, whatever the target."""
    free = dict(program.candidate.start)
    if program.candidate.optimizer == "lion":
        every = [
            dict(zip(SIGN_STARTS, pair, strict=True))
            for pair in itertools.product(*SIGN_STARTS.values())
        ]
    else:
        every = [{}, *({name: x} for name in free for x in STARTS.get(name, ()))]
        pairs = itertools.product(STARTS["eps"], STARTS["weight_decay"])
        both = [dict(zip(("eps", "weight_decay"), pair, strict=True)) for pair in pairs]
        every += both if {"eps", "weight_decay"} <= free.keys() else []
    return np.unique([program.encode(free | each) for each in every], axis=0)


def _start(program: Program, target: Target, known: Sequence[dict[str, float]]) -> _Start:
    """Return points where the search may start."""
    free = dict(program.candidate.start)
    found = [program.encode({n: each.get(n, x) for n, x in free.items()}) for each in known]
    start = _scaled(program, np.unique([*found, *_usual_points(program)], axis=0), target)
    moving, names = target.updates[0, 0, ZERO], list(free)
    if not moving or "weight_decay" not in names:
        return start
    # the update of a gradient of 0 is a decoupled weight decay
    some = start.points[: BATCH // 2].copy()
    rates = np.exp(some[:, 0]) * target.rates[0, 0]
    some[:, 1 + names.index("weight_decay")] = -moving / target.params[0, 0, ZERO] / rates
    return start._replace(points=np.unique([*start.points[: BATCH // 2], *some], axis=0))


def _scaled(program: Program, points: np.ndarray, target: Target) -> _Start:
    """Return points with learning rates that give steps of the target's size, or as given.

    They are in the order of their costs.
    """
    updates = program.updates(points, target.rates)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.abs(target.updates)) - np.log(np.abs(updates))
    logs = np.sort(np.where(np.isfinite(logs), logs, np.nan).reshape(len(logs), -1), axis=1)
    middle = (np.isfinite(logs).sum(axis=1) - 1) // 2  # NaN is last
    shift = np.nan_to_num(np.take_along_axis(logs, middle[:, None], axis=1)[:, 0])
    moved = points.copy()
    moved[:, 0] += shift
    costs = _costs(updates * np.exp(shift)[:, None, None, None], target)
    if target.known_rate:
        moved, costs = np.concatenate([points, moved]), np.append(_costs(updates, target), costs)
    order = np.argsort(costs, kind="stable")[:BATCH]
    return _Start(program, moved[order], float(costs[order[0]]))


def _costs(updates: np.ndarray, target: Target) -> np.ndarray:
    """Return mean squares of residuals; infinity for updates that are not finite."""
    squares = np.square(_residuals(updates, target)).mean(axis=(1, 2, 3))
    return np.where(np.isfinite(squares), squares, np.inf)


def _residuals(updates: np.ndarray, target: Target) -> np.ndarray:
    """Return differences in parts of each entry's largest update; large ones count less."""
    with np.errstate(over="ignore", invalid="ignore"):
        return np.arcsinh(updates / target.size) - target.curve


def _apart(updates: np.ndarray, target: Target) -> float:
    if not np.isfinite(updates).all():
        return math.inf
    pairs = zip(updates, target.updates, target.params, strict=True)
    return max(float(relative_difference(*each).max()) for each in pairs)


def _descend(fit: Fit, target: Target, steps: int) -> Fit:
    """Minimize the cost from a point by Levenberg and Marquardt's method.

    Derivatives are differences, which leaves the method exact where residuals vanish. A search
    that is near goes on for longer, and where it stalls from rounded numbers.
    """
    program, best = fit.program, fit
    sizes = program.differences()
    dampings = 10.0 ** np.array([-13.0, -9, -6, -4, -3, -2, -1, 0, 1, 2])
    for step in range(3 * steps):
        near = best.cost < NEAR
        if (
            not math.isfinite(best.cost)
            or best.relative <= SAME / 1e3
            or (step >= steps and not near)
        ):
            break
        points = np.concatenate([best.point[None], best.point + np.diag(sizes)])
        residuals = _residuals(program.updates(points, target.rates), target)
        residuals = residuals.reshape(len(points), -1)
        jacobian = ((residuals[1:] - residuals[0]) / sizes[:, None]).T
        jacobian = np.where(np.isfinite(jacobian), jacobian, 0.0)
        square, slope = jacobian.T @ jacobian, jacobian.T @ residuals[0]
        scale = np.diag(square) + 1e-30
        moves = [-np.linalg.solve(square + np.diag(d * scale), slope) for d in dampings]
        trials = best.point + np.clip(moves, -3.0, 3.0)
        (found,) = _best(program, trials, target)
        if near and not found.cost < 0.9 * best.cost:
            found = min(
                found,
                *_best(program, _rounded_points(best), target),
                key=lambda fit: fit.cost,
            )
        if not found.cost < (0.999 if near else 0.97) * best.cost:
            break
        best = found
    return best


def _rounded_points(fit: Fit) -> np.ndarray:
    """Return the point of a fit with one setting or all of them rounded."""
    program, found = fit.program, []
    settings = program.decode(fit.point)
    for digits in (1, 2, 3):
        # of the number and of 1 minus it, the one that is changed less
        rounded = {
            name: min(_rounded(value, digits), key=lambda x, value=value: abs(x - value))
            for name, value in settings.items()
        }
        found += [settings | {name: value} for name, value in rounded.items()] + [rounded]
        found += [rounded | {"eps": NOTHING}] if "eps_root" in rounded else []
    points = np.array([program.encode(each) for each in found])
    points[:, 0] = fit.point[0]
    factor = math.exp(fit.point[0])
    rates = [math.log(_rounded(factor, digits)[0]) for digits in (1, 2, 3)]
    others = np.repeat(points, len(rates), axis=0)
    others[:, 0] = np.tile(rates, len(points))
    return np.concatenate([points, others])
