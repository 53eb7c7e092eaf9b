"""Lines through heights and weights, by several losses, and with nulls."""

import functools

import jax
import numpy as np
import optax

import jaxnet
from experiments.data_cleaning.people import OTHERS, draw_adults
from jaxnet.data import Examples, cleaning, preparation

LOSSES = {
    "squared_error": "squared",
    "minkowski_error": "Minkowski",
    "huber": "Huber's",
    "absolute_error": "absolute",
}
KNOWN, NULLS = 300, 0.3
"""People of a group with nulls, and part of the values that are null."""

LINE = jaxnet.layers.dense(1)


def duplicate_share(repeated: int, epochs: int) -> float:
    """Return what a fitted constant makes of one example of 1, repeated, among zeros."""
    targets = np.r_[np.zeros(OTHERS), np.ones(repeated)].astype(np.float32)[:, None]
    return fit_line(Examples(np.zeros_like(targets), targets), "squared_error", epochs, bias=True)


def fit_line(people: Examples, loss: str, epochs: int, *, bias: bool = False) -> float:
    """Fit a line by gradient descent; return its slope, or its bias, in the units of the data."""
    fitted = [preparation.fitted(preparation.standardize(), field) for field in people]
    if bias:
        prepared = people
    else:
        prepared = Examples(*(f.apply(field) for f, field in zip(fitted, people, strict=True)))
    result = jaxnet.training.fit(
        LINE,
        jax.tree.map(lambda field: np.asarray(field, np.float32), prepared),
        key=jax.random.key(0),
        loss=jaxnet.losses.get_loss(loss),
        optimizer=_optimizer(epochs),
        epochs=epochs,
        batch_size=len(people.targets),
    )
    if bias:
        return float(result.params.bias[0])
    scales = [float(f.statistics["scale"][0]) for f in fitted]
    return float(result.params.weights[0, 0]) * scales[1] / scales[0]


@functools.cache
def _optimizer(epochs: int) -> optax.GradientTransformation:
    """Return the identical optimizer for equal epochs, so that compiled programs are reused."""
    return jaxnet.optim.adam(jaxnet.schedules.cosine_decay(0.1, epochs))


def slopes_with_nulls(random: np.random.Generator) -> dict[str, dict[str, float]]:
    """Return slopes of least squares by where the nulls are, and what becomes of them.

    The rows with nulls are dropped, or the nulls replaced by the mean of the known values.
    """
    people = draw_adults(random, KNOWN)
    null = random.random(people.inputs.shape) < NULLS
    found = {}
    for field in ("inputs", "targets"):
        holes = people._replace(**{field: np.where(null, np.nan, getattr(people, field))})
        values = np.asarray(getattr(holes, field))
        dropped = cleaning.remove(holes, cleaning.find_nulls(values)).examples
        full = preparation.fitted(preparation.impute("mean"), values).apply(values)
        imputed = holes._replace(**{field: full})
        found[field] = {"dropped": slope(dropped), "imputed": slope(imputed)}
    return found


def slope(people: Examples) -> float:
    """Return the slope of the line of least squares."""
    x, v = (np.asarray(field)[:, 0] for field in people)
    return float(np.polyfit(x, v, 1)[0])
