"""The masks of dropout: frequencies and independence."""

import functools
import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import dropout, rescale, serial
from jaxnet.layers.dropout import keep_mask

SHAPE = (4000, 1000)
STANDARD_ERRORS = 5  # a right mask fails once in 1.7 million draws; the keys are fixed

RATES = [(rate, False) for rate in [0.5, 0.25, 0.2, 0.1, 0.7, 1 / 256, 0.001, 0.01, 0.999]] + [
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
    standard_error = math.sqrt(rate * (1 - rate) / dropped.size)
    assert abs(dropped.mean() - rate) < STANDARD_ERRORS * standard_error


def _assert_binomial(counts: np.ndarray, n: int, rate: float) -> None:
    """Assert that sums of ``n`` units vary as those of independent units do."""
    variance = n * rate * (1 - rate)
    # the standard error of a sample variance, by the binomial's excess kurtosis of 1 / variance
    error = math.sqrt((2 + 1 / variance) / len(counts))
    assert abs(counts.var() / variance - 1) < STANDARD_ERRORS * error


def _correlation(a: np.ndarray, b: np.ndarray) -> float:
    return float(np.corrcoef(a.ravel(), b.ravel())[0, 1])


def _assert_uncorrelated(a: np.ndarray, b: np.ndarray) -> None:
    assert abs(_correlation(a, b)) < STANDARD_ERRORS / math.sqrt(a.size)


@rates
def test_units_are_dropped_at_the_rate(rate: float, traced: bool) -> None:
    _assert_rate(~_mask(rate, traced), rate)


# the last three are what a byte a unit would give
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
    _assert_binomial(dropped.sum(1), columns, rate)
    _assert_binomial(dropped.sum(0), rows, rate)


def test_units_that_a_row_drops_together_would_be_seen() -> None:
    """A byte a unit and a random rounding a row give the right rate, but units that go together."""
    rng = np.random.default_rng(0)
    threshold = np.floor(256 * 0.001 + rng.random((SHAPE[0], 1)))
    dropped = rng.integers(0, 256, SHAPE) < threshold
    _assert_rate(dropped, 0.001)
    with pytest.raises(AssertionError):
        _assert_binomial(dropped.sum(1), SHAPE[1], 0.001)


@pytest.mark.parametrize("rate", [0.5, 0.2])
def test_neighbours_are_independent(rate: float) -> None:
    mask = _mask(rate, False)
    for lag in (1, 2, 3, 4, 8, 16, 32, 64, 100, 128):
        _assert_uncorrelated(mask[:, :-lag], mask[:, lag:])
        _assert_uncorrelated(mask[:-lag], mask[lag:])


def _assert_white(signs: np.ndarray) -> None:
    """Assert that no frequency stands out, which a period or a correlation at any lag would cause.

    The power of white noise at each of n / 2 frequencies is exponentially distributed with mean 1,
    so that the largest of them exceeds log(n / 2) + 9 once in 8,000 draws.
    """
    power = np.abs(np.fft.rfft(signs)[1:-1]) ** 2 / len(signs)
    assert power.max() < math.log(len(power)) + 9
    assert power.mean() == pytest.approx(1, abs=STANDARD_ERRORS / math.sqrt(len(power)))


@pytest.mark.parametrize("seed", range(3))
def test_a_long_mask_is_white(seed: int) -> None:
    mask = np.asarray(keep_mask(jax.random.key(seed), (2**21,), 0.5))
    _assert_white(2.0 * mask - 1)


def test_a_period_would_be_seen() -> None:
    signs = np.random.default_rng(0).choice([-1.0, 1.0], size=2**21)
    signs[:: 2**6] = 1.0
    with pytest.raises(AssertionError):
        _assert_white(signs)


def test_keys_are_independent() -> None:
    for rate in (0.5, 0.2):
        _assert_uncorrelated(_mask(rate, False), _mask(rate, False, seed=1))
        np.testing.assert_array_equal(_mask(rate, False), _mask.__wrapped__(rate, False))


def test_every_bit_of_the_key_changes_half_of_the_mask() -> None:
    draw = jax.jit(
        jax.vmap(lambda words: keep_mask(jax.random.wrap_key_data(words), (10_000,), 0.5))
    )
    words = np.array([[3, 14]] * 65, np.uint32)
    for bit in range(64):
        words[bit + 1, bit // 32] ^= np.uint32(1 << bit % 32)
    masks = np.asarray(draw(words))
    changed = (masks[1:] != masks[0]).mean(axis=1)
    assert np.abs(changed - 0.5).max() < STANDARD_ERRORS * 0.5 / math.sqrt(10_000)


def test_steps_are_independent() -> None:
    keys = jax.vmap(lambda i: jax.random.fold_in(jax.random.key(0), i))(jnp.arange(500))
    masks = np.asarray(jax.jit(jax.vmap(lambda key: keep_mask(key, (400,), 0.5)))(keys))
    correlations = np.corrcoef(masks)[np.triu_indices(500, 1)] * math.sqrt(400)
    # 124,750 standard normal numbers: one in 3 million exceeds 5.1 by chance, so one in 24 runs
    assert np.abs(correlations).max() < 5.5
    assert correlations.std() == pytest.approx(1, abs=0.02)
    _assert_binomial(masks.sum(axis=0), 500, 0.5)


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
