"""The masks of dropout: how often a unit is dropped, and what is independent of what."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import dropout, rescale, serial
from jaxnet.layers.dropout import _random_fields, keep_mask

SHAPE = (4000, 1000)
STANDARD_ERRORS = 5  # a right mask fails once in 1.7 million draws; the keys are fixed
SHARED = 1e-4  # the correlation that `keep_mask` admits between the units of a row

# One, two, four and eight bits are exact, then those that need rounding: with eight bits, with
# sixteen, and with sixteen because they are traced.
EXACT = [1 / 2, 1 / 4, 3 / 4, 3 / 16, 1 / 256, 255 / 256]
ROUNDED = [0.2, 0.1, 0.7, 0.001, 0.01, 0.999]
RATES = [(rate, False) for rate in EXACT + ROUNDED] + [
    (rate, True) for rate in [0.5, 0.2, 0.001, 0.999]
]
rates = pytest.mark.parametrize(("rate", "traced"), RATES)


@functools.cache
def _mask(rate: float, traced: bool, seed: int = 0) -> np.ndarray:
    key = jax.random.key(seed)
    if traced:
        return np.asarray(_traced_mask(key, jnp.float32(rate)))
    return np.asarray(jax.jit(lambda key: keep_mask(key, SHAPE, rate))(key))


@jax.jit
def _traced_mask(key: jax.Array, rate: jax.Array) -> jax.Array:
    return keep_mask(key, SHAPE, rate)


def _assert_rate(dropped: np.ndarray, rate: float) -> None:
    variance = rate * (1 - rate) * (1 + SHARED * dropped.shape[1])
    assert abs(dropped.mean() - rate) < STANDARD_ERRORS * math.sqrt(variance / dropped.size)


def _assert_binomial(counts: np.ndarray, n: int, rate: float, *, shared: float = 0.0) -> None:
    """Assert that sums of ``n`` units vary as those of independent units do.

    A correlation ``shared`` of each two units would multiply the variance by ``1 + n shared``.
    """
    variance = n * rate * (1 - rate)
    # the standard error of a sample variance, by the binomial's excess kurtosis of 1 / variance
    error = math.sqrt((2 + 1 / variance) / len(counts))
    ratio = counts.var() / variance
    assert ratio > 1 - STANDARD_ERRORS * error
    assert ratio < 1 + STANDARD_ERRORS * error + n * shared


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def _assert_uncorrelated(a: np.ndarray, b: np.ndarray, *, shared: float = 0.0) -> None:
    assert abs(_correlation(a, b)) < STANDARD_ERRORS / math.sqrt(a.size) + shared


@rates
def test_units_are_dropped_at_the_rate(rate: float, traced: bool) -> None:
    _assert_rate(~_mask(rate, traced), rate)


# the last three are what rounding the threshold to a whole number of 256ths would give
@pytest.mark.parametrize(
    ("rate", "wrong"),
    [(0.5, 0.5 + 1 / 512), (0.2, 0.2 - 1 / 512), (0.1, 26 / 256), (0.001, 0.0), (0.999, 1.0)],
)
def test_half_a_step_of_the_threshold_would_be_seen(rate: float, wrong: float) -> None:
    dropped = np.random.default_rng(0).random(SHAPE, np.float32) < wrong
    with pytest.raises(AssertionError):
        _assert_rate(dropped, rate)


@rates
def test_rows_and_columns_vary_as_independent_units_do(rate: float, traced: bool) -> None:
    dropped = ~_mask(rate, traced)
    rows, columns = SHAPE
    _assert_binomial(dropped.sum(1), columns, rate, shared=SHARED)
    _assert_binomial(dropped.sum(0), rows, rate)


def test_a_rounding_shared_by_a_row_would_be_seen() -> None:
    """It is what eight bits would do at 0.001: the rate is right, its units are not independent."""
    rng = np.random.default_rng(0)
    threshold = np.floor(256 * 0.001 + rng.random((SHAPE[0], 1)))
    dropped = rng.integers(0, 256, SHAPE) < threshold
    _assert_rate(dropped, 0.001)
    with pytest.raises(AssertionError):
        _assert_binomial(dropped.sum(1), SHAPE[1], 0.001, shared=SHARED)


@pytest.mark.parametrize(("rate", "traced"), [(0.5, False), (0.2, False), (0.2, True)])
def test_neighbours_are_independent(rate: float, traced: bool) -> None:
    mask = _mask(rate, traced)
    for lag in (1, 2, 3, 4, 8, 16, 32, 64):  # the fields of one word and of the next
        _assert_uncorrelated(mask[:, :-lag], mask[:, lag:], shared=SHARED)
        _assert_uncorrelated(mask[:-lag], mask[lag:])


def test_keys_are_independent() -> None:
    for rate in (0.5, 0.2):
        _assert_uncorrelated(_mask(rate, False), _mask(rate, False, seed=1))
        np.testing.assert_array_equal(_mask(rate, False), _mask.__wrapped__(rate, False))


@pytest.mark.parametrize("bits", [1, 2, 4, 8, 16])
def test_every_random_bit_is_used_once(bits: int) -> None:
    key, size = jax.random.key(3), 3 * 37
    words = jax.random.bits(key, (math.ceil(size * bits / 32),), jnp.uint32)
    binary = "".join(f"{word:032b}"[::-1] for word in np.asarray(words).tolist())  # lowest first
    cuts = [binary[i * bits : (i + 1) * bits] for i in range(size)]
    expected = [int(cut[::-1], 2) for cut in cuts]
    fields = _random_fields(key, (3, 37), bits)
    assert fields.ravel().tolist() == expected
    assert len(binary) - size * bits < 32  # none drawn in vain


@pytest.mark.parametrize("shape", [(0, 3), (1, 1), (5,), (2, 3, 4), ()])
@pytest.mark.parametrize("rate", [0.2, 0.01])
def test_mask_has_the_shape_asked_for(shape: tuple[int, ...], rate: float) -> None:
    mask = jax.eval_shape(lambda key: keep_mask(key, shape, rate), jax.random.key(0))
    assert mask.shape == shape
    assert mask.dtype == bool


def test_mask_is_the_same_in_both_precisions() -> None:
    masks = []
    for wide in (False, True):
        with jax.enable_x64(wide):
            masks.append(np.asarray(keep_mask(jax.random.key(0), (30, 40), 0.2)))
    np.testing.assert_array_equal(*masks)


def test_a_traced_rate_of_zero_drops_nothing() -> None:
    assert np.asarray(_traced_mask(jax.random.key(0), jnp.float32(0))).all()


def test_layers_of_a_network_draw_different_masks() -> None:
    network = serial(
        dropout(0.5), rescale(1.0), dropout(0.5), serial(dropout(0.5), serial(dropout(0.5)))
    )
    params, statistics = network.init(jax.random.key(0), (1000,))
    x = jnp.ones((1000, 1000))
    _, residual, _ = network.forward(params, statistics, x, key=jax.random.key(1), training=True)
    masks = [leaf for leaf in jax.tree.leaves(residual) if leaf.dtype == bool]
    assert len(masks) == 4
    for a, b in itertools.combinations(masks, 2):
        _assert_uncorrelated(np.asarray(a), np.asarray(b))
