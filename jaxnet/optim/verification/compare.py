"""Comparison of two optimizers over trees, dtypes, sizes of gradients and schedules."""

from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
import numpy as np

from jaxnet.core.checks import check_choice, check_count, check_range, require
from jaxnet.core.errors import InputError
from jaxnet.core.representation import shortened
from jaxnet.optim.verification.difference import NARROW, TOLERANCE, Place, difference
from jaxnet.optim.verification.stream import STEPS, gradients, parameters, rates
from jaxnet.optim.verification.subject import Subject, as_subject, respond

_DTYPES = {"both": ("float64", "float32")} | {name: (name,) for name in TOLERANCE}


class Scenario(NamedTuple):
    """Result of one stream of gradients.

    Attributes:
        name: what it is, such as ``"nested tree"``.
        dtype: of parameters and gradients.
        relative: largest difference of an update, in parts of its entry's largest so far.
        ulps: the same in units in the last place.
        first: where a difference first exceeds rounding; None if none does.
    """

    name: str
    dtype: str
    relative: float
    ulps: float
    first: Place | None

    @property
    def equal(self) -> bool:
        """Whether the two are equal but for rounding."""
        return self.first is None


class Comparison(NamedTuple):
    """Differences of two optimizers.

    Attributes:
        scenarios: one for each stream and dtype.
        skipped: what was not compared, and why, a sentence each.
    """

    scenarios: tuple[Scenario, ...]
    skipped: tuple[str, ...]

    @property
    def equal(self) -> bool:
        """Whether the two are equal in all scenarios but for rounding."""
        return all(scenario.equal for scenario in self.scenarios)

    @property
    def relative(self) -> float:
        """Largest difference of an update in the first dtype, in parts of it."""
        return max(each.relative for each in self._widest())

    @property
    def ulps(self) -> float:
        """The same in units in the last place."""
        return max(each.ulps for each in self._widest())

    @property
    def first(self) -> Place | None:
        """Where the first scenario with a difference first shows it."""
        return next((each.first for each in self.scenarios if each.first), None)

    def _widest(self) -> list[Scenario]:
        return [each for each in self.scenarios if each.dtype == self.scenarios[0].dtype]

    def __repr__(self) -> str:
        count = sum(not each.equal for each in self.scenarios)
        of = f"of {len(self.scenarios)} scenarios"
        lines = [f"differ in {count} {of}" if count else f"equal in all {of}, but for rounding"]
        width = max(len(each.name) for each in self.scenarios)
        for each in self.scenarios:
            verdict = "equal  " if each.equal else "differs"
            numbers = f"{each.relative:.1e} of an update, {each.ulps:.3g} ulp"
            lines.append(f"  {each.name:<{width}}  {each.dtype}  {verdict}  {numbers}")
        if self.first:
            step, leaf, index, mine, reference = self.first
            place = f"step {step}, {leaf}" + (f" at {index}" if index else "")
            lines.append(f"first at {place}: mine {mine:.17g}, reference {reference:.17g}")
        return shortened("\n".join([*lines, *self.skipped]))


def compare(
    mine: Any,
    reference: Any,
    *,
    settings: Mapping[str, Any] | None = None,
    learning_rate: float = 0.01,
    params: Any = None,
    steps: int = STEPS,
    dtype: str | None = None,
) -> Comparison:
    """Compare the updates of two optimizers, step by step, over several streams of gradients.

    The streams have a single array and nested trees, scalars to three dimensions, sparse gradients
    and zeros, flipping signs, sizes from 1e-6 to 1e4, growing and shrinking ones, and gradients
    that end; the last with a schedule, if both take a learning rate. Weight decay shows, since
    parameters are given. In float64 a difference above 1e-11 of an update is one of the rule; in
    narrower dtypes, above half of the digits: 3.5e-4 in float32, 0.03 in float16, 0.09 in bfloat16.
    Less is rounding, which ``ulps`` counts in units of that dtype. So is, in float64 and float32,
    what is below four units in the last place of the parameters, which are rounded as they move.

    Args:
        mine: a transformation; a function of the learning rate that returns one, or of nothing;
            a function ``(gradients, params) -> updates``; a class of PyTorch or Keras; or a dotted
            name, ``"optax.NAME"``, ``"torch.optim.NAME"`` or ``"keras.optimizers.NAME"``.
        reference: the other, in any of these forms.
        settings: further arguments of the reference, in its spelling, such as ``{"eps": 1e-6}``.
        learning_rate: for those that take it, above 0.
        params: tree of parameters, for a stream of its own besides the others.
        steps: of each stream, 2 or more.
        dtype: ``"float64"``, ``"float32"``, ``"float16"`` or ``"bfloat16"``, the last two not
            for PyTorch and Keras; by default the first two.

    Raises:
        ValueError: if an optimizer fails, has side effects, returns NaN, or updates of another
            tree than the gradients'; or for an unknown name.
        TypeError: if one is none of these forms.

    >>> import optax
    >>> import jaxnet
    >>> compare(optax.adam, jaxnet.optim.adam, steps=20).equal
    True
    >>> compare(optax.sgd(0.1), jaxnet.optim.sgd(0.1001), steps=5).first.step
    1
    """
    check_count("steps", steps, minimum=2)
    check_range("learning_rate", learning_rate, low=0.0, low_open=True)
    dtypes = check_choice("dtype", dtype or "both", _DTYPES)
    pair = as_subject("mine", mine), as_subject("reference", reference, settings)
    seen = dtype not in NARROW or all(subject.library == "optax" for subject in pair)
    require(seen, "dtype", "to be 'float32' or 'float64' for PyTorch and Keras", dtype, _ROUNDED)
    found = []
    for kind in dtypes:
        for name, (start, rows) in _streams(params, steps).items():
            if kind == dtypes[0] or name == _MAIN:
                found.append(_scenario(name, pair, start, rows, learning_rate, kind))
    skipped = []
    if all(subject.takes_rate for subject in pair):
        start, rows = _streams(None, steps)[_MAIN]
        schedule = np.resize(rates(learning_rate)["scheduled"], steps)
        try:
            found.append(_scenario("schedule", pair, start, rows, schedule, dtypes[0]))
        except InputError as error:  # with constant rates there was none
            skipped.append(f"Not compared under a schedule: {error}")
    else:
        made = " and ".join(subject.name for subject in pair if not subject.takes_rate)
        skipped.append(
            f"Not compared under a schedule, for which {made} should be a function of the learning"
            " rate."
        )
    return Comparison(tuple(found), tuple(skipped))


_MAIN = "all sizes"

_ROUNDED = "Their updates are seen in rounded parameters only."


def _scenario(
    name: str, pair: tuple[Subject, Subject], params: Any, rows: Any, rate: Any, dtype: str
) -> Scenario:
    mine, reference = (respond(subject, params, rows, rate, dtype=dtype) for subject in pair)
    relative, ulps, _, first = difference(mine, reference, dtype)
    return Scenario(name, dtype, relative, ulps, first)


def _streams(params: Any, steps: int) -> dict[str, tuple[Any, Any]]:
    """Return name -> tree of parameters and of their gradients, with a first axis of steps."""
    start, rows = parameters(), gradients()
    rows = {name: np.resize(row, (steps, *row.shape[1:])) for name, row in rows.items()}
    sizes = np.logspace(-6, 3, steps).reshape(-1, 1, 1)
    matrix, grow = rows["matrix"], rows["matrix"] * sizes
    ending = matrix * (np.arange(steps) < steps / 2).reshape(-1, 1, 1)
    leaf = start["matrix"]
    found: dict[str, tuple[Any, Any]] = {
        _MAIN: (start, rows),
        "a single array": (leaf, matrix),
        "nested, growing, shrinking, ending": (
            {"dense": (leaf, [start["scalar"]]), "last": {"w": leaf, "v": leaf}},
            {
                "dense": (grow, [rows["scalar"]]),
                "last": {"w": grow[::-1].copy(), "v": ending},
            },
        ),
    }
    if params is not None:
        rng = np.random.default_rng(2)
        draw = lambda w: rng.normal(size=(steps, *np.shape(w)))  # noqa: E731
        found["params"] = (params, jax.tree.map(draw, params))
    return found
