"""Candidates of an identification: optimizers with conventions, their hyperparameters traced."""

import functools
import inspect
import math
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, get_args

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet.optim.optimizers import OPTIMIZERS
from jaxnet.optim.update_rule.ranges import RANGES
from jaxnet.optim.verification.alterations import (
    ALTERATIONS,
    STEPS,
    SWITCHES,
    Switches,
    alter,
    switches,
)
from jaxnet.optim.verification.libraries import follow_optax
from jaxnet.optim.verification.programs import as_users_do, digest_program, quick_compilation
from jaxnet.optim.verification.reasons import DEFAULTS

LENGTH = 24
"""Gradients of the stream."""

BATCH = 16
"""Settings that one call of a program evaluates."""

FIXED = (
    "estim_lr0",
    "estim_lr_coef",
    "form",
    "max_step_size",
    "min_step_size",
    "threshold",
    "trust_coefficient",
    "weight_lr_power",
)
"""Arguments that stay at their defaults: the learning rate, or nothing here, shows them, or, as
Nesterov's own form, they need more than gradients."""

OPTIONAL = {
    "adam_eps_root": 1e-8,
    "dampening": 0.5,
    "eps": 1e-8,
    "eps_root": 1e-8,
    "initial_accumulator_value": 0.1,
    "initial_scale": 1.0,
    "lr_decay": 0.1,
    "momentum": 0.9,
    "momentum_decay": 4e-3,
}
"""Hyperparameter that is 0 or None by default -> where its search starts in a variant."""


class Candidate(NamedTuple):
    """Optimizer with a convention, and hyperparameters to be found.

    Attributes:
        optimizer: name in `jaxnet.optim.OPTIMIZERS`.
        like: the convention; "" if the optimizer has one only.
        start: free hyperparameters and where their search starts, their defaults as a rule.
        flags: other arguments of the factory, as pairs.
        alterations: names in `alterations.ALTERATIONS`.
    """

    optimizer: str
    like: str
    start: tuple[tuple[str, float], ...]
    flags: tuple[tuple[str, Any], ...] = ()
    alterations: tuple[str, ...] = ()

    @property
    def options(self) -> dict[str, Any]:
        """Arguments of the factory that are not searched for."""
        return dict(self.flags) | ({"like": self.like} if self.like else {})


def conventions(optimizer: str) -> tuple[str, ...]:
    """Return the conventions of an optimizer, from the annotation of ``like``.

    >>> conventions("adam")
    ('optax', 'torch', 'keras', 'lecture')
    """
    parameters = inspect.signature(OPTIMIZERS[optimizer]).parameters
    return get_args(parameters["like"].annotation) if "like" in parameters else ("optax",)


def default_settings(optimizer: str, like: str) -> dict[str, float]:
    """Return the hyperparameters that are floating-point numbers, with a convention's defaults.

    A pair of numbers is one entry each, such as ``betas[0]``.

    >>> default_settings("adam", "keras")["eps"], default_settings("prodigy", "optax")["betas[1]"]
    (1e-07, 0.999)
    """
    found: dict[str, float] = {}
    for name, parameter in inspect.signature(OPTIMIZERS[optimizer]).parameters.items():
        default: Any = parameter.default
        if default is None:
            default = DEFAULTS[optimizer][like].get(name)
        if name != "learning_rate" and isinstance(default, float):
            found[name] = default
        elif name == "betas":
            found |= {f"betas[{i}]": value for i, value in enumerate(default)}
    return found


@functools.cache
def base_candidates() -> tuple[Candidate, ...]:
    """Return a candidate for each convention of each optimizer."""
    return tuple(_base(name, like) for name in OPTIMIZERS for like in conventions(name))


def _base(optimizer: str, like: str) -> Candidate:
    known = default_settings(optimizer, like)
    free = {n: x for n, x in known.items() if n not in FIXED and (x or "weight_decay" in n)}
    if free.get("initial_accumulator_value") and optimizer == "adagrad":
        del free["eps"]  # a part of that value, inside the root
    return Candidate(optimizer, like if len(conventions(optimizer)) > 1 else "", (*free.items(),))


def usual_combinations() -> list[Candidate]:
    """Return RMSprop with momentum and centred, which `variants` of the nearest may miss."""
    found = []
    for like in conventions("rmsprop"):
        base = _base("rmsprop", like)
        start = (*base.start, ("momentum", OPTIONAL["momentum"]))
        centred = (("centered", True),)
        found += [
            base._replace(start=start),
            base._replace(flags=centred),
            base._replace(start=start, flags=centred),
        ]
    return found


def variants(base: Candidate) -> list[Candidate]:
    """Return the candidates with one more hyperparameter, or one flag other than by default."""
    found, free, flags = [], dict(base.start), dict(base.flags)
    for name, parameter in inspect.signature(OPTIMIZERS[base.optimizer]).parameters.items():
        if name in OPTIONAL and name not in free and name not in FIXED:
            found.append(base._replace(start=(*base.start, (name, OPTIONAL[name]))))
        for value in _others(parameter) if name not in flags else ():
            found.append(base._replace(flags=(*base.flags, (name, value))))
    return [each for each in found if can_be_made(each)]


def parameter_names(base: Candidate) -> set[str]:
    """Return the names of a factory's arguments."""
    return set(inspect.signature(OPTIMIZERS[base.optimizer]).parameters)


def _others(parameter: inspect.Parameter) -> tuple[Any, ...]:
    """Return the values of a flag or choice besides its default."""
    if parameter.name in ("like", *FIXED):
        return ()
    choices = get_args(parameter.annotation)
    if isinstance(parameter.default, bool):
        return (not parameter.default,) if parameter.annotation is bool else ()
    if bool in choices:
        return (False, True)
    texts = [text for each in (choices, *map(get_args, choices)) for text in each]
    return tuple(t for t in texts if isinstance(t, str) and t != parameter.default)


def can_be_made(candidate: Candidate) -> bool:
    """Return whether a factory takes the flags with the hyperparameters."""
    try:
        make(candidate, 0.1, dict(candidate.start))
    except ValueError:
        return False
    return True


def make(
    candidate: Candidate, rate: Any, settings: Mapping[str, Any], on: Switches | None = None
) -> Any:
    """Return the optimizer of a candidate with some settings.

    Args:
        candidate: the candidate.
        rate: its learning rate; a schedule if it is altered.
        settings: its hyperparameters, those of alterations among them.
        on: what is altered, where that is traced; by default the candidate's alterations.
    """
    given = {name: value for name, value in settings.items() if "[" not in name}
    pairs = [value for name, value in settings.items() if "[" in name]
    given |= {"betas": tuple(pairs)} if pairs else {}
    factory = functools.partial(OPTIMIZERS[candidate.optimizer], **candidate.options)
    if on is None and not candidate.alterations:
        return factory(rate, **given)
    names = candidate.alterations if on is None else alterations_of(candidate)
    on = switches(names) if on is None else on
    alters_step = any(ALTERATIONS[name].of for name in names)
    make_it = functools.partial(STEPS[candidate.optimizer], on) if alters_step else factory
    return alter(make_it, rate, on, **given)


@functools.cache
def alterations_of(candidate: Candidate) -> list[str]:
    """Return the names of the alterations that a candidate without any can have."""
    name, known = candidate.optimizer, parameter_names(candidate)
    steps = name in STEPS and candidate == _base(name, "optax")
    return [
        each
        for each, alteration in ALTERATIONS.items()
        if (steps and name in alteration.of if alteration.of else set(alteration.needs) <= known)
    ]


def altered(candidate: Candidate, *names: str) -> Candidate:
    """Return a candidate with alterations and their hyperparameters."""
    own = [pair for name in names for pair in ALTERATIONS[name].start]
    return candidate._replace(
        start=(*candidate.start, *own), alterations=(*candidate.alterations, *names)
    )


def without_alterations(candidate: Candidate) -> Candidate:
    """Return a candidate before it was altered."""
    own = sum(len(ALTERATIONS[name].start) for name in candidate.alterations)
    return candidate._replace(start=candidate.start[: len(candidate.start) - own], alterations=())


ZERO = 11
"""Entry of the flattened stream whose gradients are 0."""


def stream() -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Draw parameters and gradients, of all sizes, that tell the conventions apart."""
    rng = np.random.default_rng(3)
    shapes = {"matrix": (3, 2), "vector": (10,)}
    params = {
        name: rng.choice([-1.0, 1.0], shape) * rng.uniform(2, 4, shape)
        for name, shape in shapes.items()
    }
    sizes = {"matrix": 1.0, "vector": np.array([1, 1, 0.1, 1, 1, 0, 1e-4, 1e-7, 1e-9, 1e2])}
    rows = {name: sizes[name] * rng.normal(size=(LENGTH, *s)) for name, s in shapes.items()}
    rows["matrix"] += np.sign(params["matrix"])  # for optimizers that follow a trend
    rows["vector"][:, 3] = np.abs(rows["vector"][:, 3]) * (-1.0) ** np.arange(LENGTH)
    rows["vector"][:, 4] *= rng.random(LENGTH) < 0.3
    rows["vector"][LENGTH // 2 :, 2] = 0.0
    sizes = np.resize([1.0, 1.0, 0.1, 1.0, 0.003, 1.0], LENGTH)  # norms on both sides of a clipping
    rows = {name: row * sizes.reshape(-1, *[1] * (row.ndim - 1)) for name, row in rows.items()}
    return params, rows


def flattened(tree: Any) -> Any:
    """Return the leaves of a tree with a first axis of steps side by side, ``(steps, entries)``."""
    leaves = jax.tree.leaves(tree)
    return jnp.concatenate([leaf.reshape(leaf.shape[0], -1) for leaf in leaves], axis=1)


class Program(NamedTuple):
    """Compiled program of a candidate, and the coordinates of its hyperparameters.

    Attributes:
        candidate: what it computes.
        run: ``coordinates (BATCH, k), rates (2, LENGTH) -> updates (BATCH, 2, LENGTH, entries)``.
        digest: equal for programs that give the same numbers.
        fixed: coordinates of a row that are not searched for, the last ones.
    """

    candidate: Candidate
    run: Callable[[np.ndarray, np.ndarray], Any]
    digest: str
    fixed: tuple[float, ...] = ()

    def updates(self, points: np.ndarray, rates: np.ndarray) -> np.ndarray:
        """Return the updates of any number of settings."""
        found, fixed = [], np.tile(self.fixed, (BATCH, 1))
        for first in range(0, len(points), BATCH):
            some = points[first : first + BATCH]
            padded = np.concatenate([some, np.repeat(some[-1:], BATCH - len(some), axis=0)])
            with jax.enable_x64(True), as_users_do():
                rows = self.run(np.concatenate([padded, fixed], axis=1), rates)
                found.append(np.asarray(rows)[: len(some)])
        return np.concatenate(found)

    def encode(self, settings: Mapping[str, float]) -> np.ndarray:
        """Return the coordinates of settings; the first, of the learning rate, is 0."""
        free = self.candidate.start
        return np.array([0.0, *(_encode(name, at, settings[name]) for name, at in free)])

    def decode(self, point: np.ndarray) -> dict[str, float]:
        """Return the settings at a point."""
        return {
            name: float(_decode(name, at, x, np))
            for (name, at), x in zip(self.candidate.start, point[1:], strict=True)
        }

    def differences(self) -> np.ndarray:
        """Return steps of the coordinates for derivatives.

        A decay of 1e-10 matters as much as gradients of that size, which the stream has.
        """
        kinds = ["positive", *(_kind(name, at) for name, at in self.candidate.start)]
        return np.array([1e-10 if kind == "any" else 1e-6 for kind in kinds])


def _kind(name: str, start: float) -> str:
    if RANGES.get(name) == "[0, 1)":
        return "share"
    return "positive" if start > 0 and "weight_decay" not in name else "any"


def _encode(name: str, start: float, value: float) -> float:
    kind = _kind(name, start)
    if kind == "share":
        return math.log1p(-min(value, 1 - 1e-15))
    return math.log(max(value, 1e-300)) if kind == "positive" else value


def _decode(name: str, start: float, x: Any, library: Any) -> Any:
    kind = _kind(name, start)
    if kind == "share":
        return -library.expm1(library.minimum(x, 0.0))
    return library.exp(library.clip(x, -690.0, 690.0)) if kind == "positive" else x


@functools.cache
def compile_candidate(candidate: Candidate) -> Program:
    """Trace a candidate, and compile it unless an equal program has been.

    All alterations of a candidate are one program.
    """
    plain = without_alterations(candidate)
    if not candidate.alterations:
        return Program(candidate, *_compiled(plain, plain.start, ()))
    every = [pair for name in alterations_of(plain) for pair in ALTERATIONS[name].start]
    others = [pair for pair in every if pair not in candidate.start]
    on = switches(candidate.alterations).values()
    fixed = (*(_encode(name, at, at) for name, at in others), *map(float, on))
    run, digest = _compiled(plain, (*candidate.start, *others), SWITCHES)
    return Program(candidate, run, f"{digest} {fixed}", fixed)


@functools.cache
def _compiled(
    candidate: Candidate, start: tuple[tuple[str, float], ...], names: tuple[str, ...]
) -> tuple[Callable[..., Any], str]:
    """Return a candidate's compiled program and its digest.

    Args:
        candidate: the candidate, without alterations.
        start: hyperparameters of the candidate and of alterations, whose coordinates come first.
        names: switches, whose values come last.
    """
    params, rows = stream()
    count = len(start) + 1

    def follow(point: Any, rates: Any) -> Any:
        settings = {
            name: _decode(name, at, point[i + 1], jnp) for i, (name, at) in enumerate(start)
        }
        on = {name: jnp.int32(point[count + i]) for i, name in enumerate(names)}
        factor = jnp.exp(point[0])
        optimizer = make(candidate, lambda t: factor * rates[t], settings, on or None)
        return flattened(follow_optax(optimizer, params, rows)[0])

    def every(points: Any, rates: Any) -> Any:
        points, each = jnp.repeat(points, len(rates), axis=0), jnp.tile(rates, (BATCH, 1))
        found = jax.vmap(follow)(points, each)
        return found.reshape(BATCH, len(rates), *found.shape[1:])

    shapes = (BATCH, count + len(names)), (2, LENGTH)
    with jax.enable_x64(True), as_users_do():
        traced = jax.jit(every, compiler_options=quick_compilation()).trace(*map(np.zeros, shapes))
        digest = digest_program(traced.jaxpr)
        if digest not in _COMPILED:
            _COMPILED[digest] = traced.lower().compile()
    return _COMPILED[digest], digest


_COMPILED: dict[str, Any] = {}
