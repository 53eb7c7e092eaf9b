"""Reduce on plateau beside optax's, PyTorch's, Keras's, and a plain loop, value by value."""

import importlib
import warnings
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.typing import ArrayLike

import jaxnet
from experiments.peers.case import Known
from experiments.peers.paths import LIBRARIES, has
from experiments.peers.rows import Row, judged_row
from jaxnet.optim.verification import as_users_do, keras_in


class PlateauCase(NamedTuple):
    """Case of reduce on plateau.

    Attributes:
        name: unique name.
        values: the metric, value by value.
        rtol: relative margin of an improvement.
        atol: absolute margin of an improvement.
        patience: values without improvement, counted as the library does.
        cooldown: values ignored after a reduction.
        size: values averaged.
        least: smallest scale.
        mode: "min" or "max".
        known: library -> known bug.
    """

    name: str
    values: np.ndarray
    rtol: float = 0.0
    atol: float = 0.0
    patience: int = 3
    cooldown: int = 0
    size: int = 1
    least: float = 0.0
    mode: str = "min"
    known: Mapping[str, Known] = {}


FACTOR = 0.5


def _falling() -> np.ndarray:
    """Return risks of a slowing training, with noise and plateaus."""
    noise = np.random.default_rng(0).normal(size=90)
    risk = 1 + np.exp(-np.arange(90) / 15) + 0.05 * noise
    risk[40:55], risk[60:64] = risk[40], np.nan
    return risk


RISKS = _falling()

NEGATIVE = {
    "optax": Known(
        ("0.2.8",),
        "The margin has the sign of the metric: below 0, values that are worse count as better.",
        "https://github.com/google-deepmind/optax/pull/1767",
    ),
    "torch": Known(
        ("2.13.0",),
        "The margin has the sign of the metric: below 0, values that are worse count as better.",
        "https://github.com/pytorch/pytorch/issues/47513",
    ),
}

CASES = [
    PlateauCase("reduce on plateau, relative margin", RISKS, rtol=0.01),
    PlateauCase("reduce on plateau, absolute margin", RISKS, atol=0.01),
    PlateauCase("reduce on plateau, both margins", RISKS, rtol=0.005, atol=0.01),
    PlateauCase("reduce on plateau, cooldown", RISKS, atol=0.01, cooldown=4),
    PlateauCase(
        "reduce on plateau, cooldown 1, patience 1", RISKS, atol=0.01, cooldown=1, patience=1
    ),
    PlateauCase("reduce on plateau, least scale", RISKS, atol=0.01, least=0.2, cooldown=2),
    PlateauCase("reduce on plateau, to rise, relative margin", 3 - RISKS, rtol=0.01, mode="max"),
    PlateauCase("reduce on plateau, to rise, absolute margin", 1 - RISKS, atol=0.01, mode="max"),
    PlateauCase("reduce on plateau, means of 3", RISKS, rtol=0.01, patience=2, size=3),
    PlateauCase("reduce on plateau, negative, absolute margin", RISKS - 3, atol=0.01),
    PlateauCase(
        "reduce on plateau, negative, relative margin", RISKS - 3, rtol=0.1, known=NEGATIVE
    ),
]
"""Cases in the order of the page."""


def comparisons(every: int = 1) -> list[Row]:
    """Return the rows of every n-th case."""
    return [measure(case, like) for case in CASES[::every] for like in libraries(case)]


def libraries(case: PlateauCase) -> list[str]:
    """Return the libraries that have the settings of a case."""
    has_them = {
        "optax": case.mode == "min",
        "torch": case.size == 1 and 0.0 in (case.rtol, case.atol),
        "keras": case.size == 1 and case.rtol == 0.0,
    }
    return [name for name in LIBRARIES if has_them[name]]


def measure(case: PlateauCase, like: str) -> Row:
    """Compare the scales of a case with a library, if installed, and with a plain loop."""
    actual, witnesses = ours(case, like), {}
    if has(like):
        witnesses[like] = float(np.max(np.abs(actual - _FOLLOWERS[like](case))))
    witnesses["formula"] = float(np.max(np.abs(actual - formula(case, like))))
    missing = "" if has(like) else f"{like} is not installed"
    return judged_row(
        "reduce_on_plateau", case.name, like, witnesses, known=case.known, missing=missing
    )


def ours(case: PlateauCase, like: str) -> np.ndarray:
    """Return our scale after every value, with a convention."""
    rule: Any = jaxnet.optim.reduce_on_plateau
    return _follow(rule(**_options(case), mode=case.mode, like=like), case)


def formula(case: PlateauCase, like: str) -> np.ndarray:
    """Return the scale after every value, from a loop over them."""
    tolerated = case.patience if like == "torch" else case.patience - 1
    ignored = max(case.cooldown - 1, 0) if like == "keras" else case.cooldown
    means = case.values[: case.values.size // case.size * case.size].reshape(-1, case.size)
    sign = 1 if case.mode == "min" else -1
    scales, best, bad, rest = [1.0], np.inf, 0, 0
    for value in sign * means.mean(axis=1):
        margin = 0.0 if np.isinf(best) else case.rtol * abs(best) + case.atol
        better, scale = value < best - margin, scales[-1]
        best = value if better else best
        bad = 0 if better or rest else bad + 1
        rest = max(rest - 1, 0)
        if bad > tolerated:
            scale, bad, rest = max(scale * FACTOR, case.least), 0, ignored
        scales.append(scale)
    return np.array(scales)[(np.arange(case.values.size) + 1) // case.size]


def _options(case: PlateauCase) -> dict[str, Any]:
    return {
        "factor": FACTOR,
        "patience": case.patience,
        "rtol": case.rtol,
        "atol": case.atol,
        "cooldown": case.cooldown,
        "accumulation_size": case.size,
        "min_scale": case.least,
    }


def _follow(transformation: Any, case: PlateauCase) -> np.ndarray:
    """Return the factor of a transformation after every value."""

    def step(state: Any, value: ArrayLike) -> tuple[Any, Any]:
        updates, state = transformation.update(jnp.ones(()), state, value=value)
        return state, updates

    with jax.enable_x64(True), as_users_do():
        start = transformation.init(jnp.zeros(()))
        return np.asarray(jax.jit(lambda v: jax.lax.scan(step, start, v)[1])(case.values))


def _follow_optax(case: PlateauCase) -> np.ndarray:
    with jax.enable_x64(True):
        return _follow(optax.contrib.reduce_on_plateau(**_options(case)), case)


def _follow_torch(case: PlateauCase) -> np.ndarray:
    torch = importlib.import_module("torch")
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], 1.0)
    scheduler = torch.optim.lr_scheduler.ReduceLROnPlateau(
        optimizer,
        case.mode,
        FACTOR,
        case.patience,
        threshold=case.rtol or case.atol,
        threshold_mode="rel" if case.rtol else "abs",
        cooldown=case.cooldown,
        min_lr=case.least,
        eps=0.0,
    )
    scales = []
    for value in case.values:
        scheduler.step(value)
        scales.append(optimizer.param_groups[0]["lr"])
    return np.array(scales)


class _Model:
    """Part of a Keras model that the callback uses."""

    def __init__(self, optimizer: Any) -> None:
        self.optimizer = optimizer


def _follow_keras(case: PlateauCase) -> np.ndarray:
    with keras_in("float64") as keras, warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)  # of NumPy about Keras's variables
        callback = keras.callbacks.ReduceLROnPlateau(
            "risk",
            FACTOR,
            case.patience,
            mode=case.mode,
            min_delta=case.atol,
            cooldown=case.cooldown,
            min_lr=case.least,
        )
        model = _Model(keras.optimizers.SGD(1.0))
        callback.set_model(model)
        callback.on_train_begin()
        scales = []
        for epoch, value in enumerate(case.values):
            callback.on_epoch_end(epoch, {"risk": value})
            scales.append(float(model.optimizer.learning_rate.value))
    return np.array(scales)


_FOLLOWERS: dict[str, Callable[[PlateauCase], np.ndarray]] = {
    "optax": _follow_optax,
    "torch": _follow_torch,
    "keras": _follow_keras,
}
