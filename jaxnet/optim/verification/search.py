"""Search for the hyperparameters with which candidates respond as an optimizer does."""

import itertools
import math
from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from jaxnet.optim.verification.candidates import BATCH, ZERO, Candidate, Program, compile_candidate
from jaxnet.optim.verification.difference import relative_difference

SAME = 1e-9
"""Largest difference of a candidate that equals an optimizer: settings are found so precisely."""

FIRST = 4
"""Candidates that are fitted from their defaults before other starts are tried."""

NOTHING = 1e-200
"""An epsilon that is left out: it has to be above 0."""

NEAR = 1e-6
"""Cost of a fit that is likely to become equal."""

STARTS = {
    "b1": (0.9, 0.0, 0.99),
    "b2": (0.999, 0.99, 0.9),
    "b3": (0.99, 0.999),
    "decay": (0.9, 0.99),
    "rho": (0.9, 0.95),
    "momentum": (0.9, 0.5),
    "eps": (1e-8, 1e-5, 1e-3),
    "weight_decay": (0.0, 0.01, 0.1),
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
    """

    updates: np.ndarray
    params: np.ndarray
    rates: np.ndarray
    known_rate: bool


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


def search(candidates: Sequence[Candidate], target: Target, *, at_most: int = 12) -> list[Fit]:
    """Fit candidates, until one is equal: all of them a few steps, then the nearest to the end.

    Args:
        candidates: the candidates.
        target: the response to be reproduced.
        at_most: candidates that are fitted to the end.

    Returns:
        Fits, one for each program, the equal one first, then the nearest.
    """
    programs: dict[str, Program] = {}
    for candidate in candidates:
        program = compile_candidate(candidate)
        programs.setdefault(program.digest, program)
    defaults = [_default(program, target) for program in programs.values()]
    found = _descend_all(sorted(defaults, key=lambda fit: fit.cost)[:FIRST], target, 8)
    if not found[0].equal:
        starts = [_starts(program, target) for program in programs.values()]
        starts.sort(key=lambda fits: fits[0].cost)
        nearest = _descend_all([fits[0] for fits in starts], target, 6)
        if not nearest[0].equal:
            chosen = [fit.program.digest for fit in nearest[:at_most]]
            others = [fits[1] for fits in starts if fits[0].program.digest in chosen]
            nearest += _descend_all([*nearest[:at_most], *others], target, 25)
        found += nearest
    found.sort(key=lambda fit: (not fit.equal, fit.cost))
    return list({fit.program.digest: fit for fit in reversed(found)}.values())[::-1]


def _descend_all(fits: Sequence[Fit], target: Target, steps: int) -> list[Fit]:
    """Return minimized fits, the nearest first; none after the first that is equal."""
    found = []
    for fit in fits:
        found.append(_descend(fit, target, steps))
        if found[-1].equal:
            break
    return sorted(found, key=lambda fit: (not fit.equal, fit.cost))


def _default(program: Program, target: Target) -> Fit:
    """Return the fit of the learning rate alone."""
    return with_settings(program, {}, target)


def measure(program: Program, point: np.ndarray, target: Target) -> Fit:
    """Return the difference of a program at a point."""
    updates = program.updates(point[None], target.rates)
    return Fit(program, point, float(_costs(updates, target)[0]), _apart(updates[0], target))


def with_settings(program: Program, settings: dict[str, float], target: Target) -> Fit:
    """Return the fit of a candidate's learning rate alone, other settings given by name."""
    point = program.encode(dict(program.candidate.start) | settings)
    points = _scaled(program, point[None], target)
    updates = program.updates(points, target.rates)
    costs = _costs(updates, target)
    least = int(costs.argmin())
    return Fit(program, points[least], float(costs[least]), _apart(updates[least], target))


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


def _starts(program: Program, target: Target) -> list[Fit]:
    """Return the two nearest points where a search may start.

    The update of a gradient of 0 is a decoupled weight decay.
    """
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
    points = np.array([program.encode(free | each) for each in every])
    points = _scaled(program, points, target)
    costs = _costs(program.updates(points, target.rates), target)
    if "weight_decay" in free:
        some = points[np.argsort(costs, kind="stable")[:BATCH]]
        rates = np.exp(some[:, 0]) * target.rates[0, 0]
        decays = -target.updates[0, 0, ZERO] / target.params[0, 0, ZERO] / rates
        some[:, 1 + list(free).index("weight_decay")] = decays
        points = np.concatenate([points, some])
        costs = np.append(costs, _costs(program.updates(some, target.rates), target))
    first = np.argsort(costs, kind="stable")[:2]
    return [measure(program, points[i], target) for i in (first[0], first[-1])]


def _scaled(program: Program, points: np.ndarray, target: Target) -> np.ndarray:
    """Return points with learning rates that give steps of the target's size."""
    updates = program.updates(points, target.rates)
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(np.abs(target.updates)) - np.log(np.abs(updates))
    logs[~np.isfinite(logs)] = np.nan
    shift = np.array([np.nanmedian(each) if np.isfinite(each).any() else 0.0 for each in logs])
    moved = points.copy()
    moved[:, 0] += shift
    return np.concatenate([points, moved]) if target.known_rate else moved


def _costs(updates: np.ndarray, target: Target) -> np.ndarray:
    """Return mean squares of residuals; infinity for updates that are not finite."""
    squares = np.square(_residuals(updates, target)).mean(axis=(1, 2, 3))
    return np.where(np.isfinite(squares), squares, np.inf)


def _residuals(updates: np.ndarray, target: Target) -> np.ndarray:
    """Return differences in parts of each entry's largest update; large ones count less."""
    size = np.abs(target.updates).max(axis=(0, 1))
    size = np.where(size > 0, size, size.max())
    with np.errstate(over="ignore", invalid="ignore"):
        return np.arcsinh(updates / size) - np.arcsinh(target.updates / size)


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
        costs = _costs(program.updates(trials, target.rates), target)
        if near and not costs.min() < 0.9 * best.cost:
            trials = np.concatenate([trials, _rounded_points(best)])
            costs = _costs(program.updates(trials, target.rates), target)
        if not costs.min() < 0.999 * best.cost:
            break
        best = measure(program, trials[int(costs.argmin())], target)
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
    points = np.array([program.encode(each) for each in found])
    points[:, 0] = fit.point[0]
    factor = math.exp(fit.point[0])
    rates = [math.log(_rounded(factor, digits)[0]) for digits in (1, 2, 3)]
    others = np.repeat(points, len(rates), axis=0)
    others[:, 0] = np.tile(rates, len(points))
    return np.concatenate([points, others])
