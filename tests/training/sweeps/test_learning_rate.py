"""The learning-rate finder finds the edge that theory gives for a quadratic."""

from typing import Any

import jax
import numpy as np
import pytest

import jaxnet
from jaxnet.data import Examples
from jaxnet.training import Recipe, find_learning_rate


def regression(n: int = 24) -> Examples:
    rng = np.random.default_rng(3)
    x = rng.normal(size=(n, 3)) * [2.0, 1.0, 0.5]
    v = x @ [[1.0], [-2.0], [0.5]] + 0.1 * rng.normal(size=(n, 1)) + 0.3
    return Examples(*(array.astype(np.result_type(float, np.float32)) for array in (x, v)))


def build(learning_rate: Any) -> Recipe:
    return Recipe(jaxnet.mlp((3, 1)), jaxnet.optim.sgd(learning_rate), loss="squared_error")


def found(**more: Any) -> Any:
    given: Any = {
        "key": jax.random.key(0),
        "batch_size": 24,
        "epochs": 100,
        "points": 25,
    } | more
    return find_learning_rate(build, regression(), low=1e-3, high=1.0, **given)


def test_lists_are_as_good_as_arrays() -> None:
    runs: dict[str, Any] = {"key": jax.random.key(0), "batch_size": 24, "points": 3, "epochs": 5}
    lists = Examples(*(field.tolist() for field in regression()))
    results = [find_learning_rate(build, train, **runs) for train in (lists, regression())]
    np.testing.assert_array_equal(results[0].losses, results[1].losses)
    assert results[0].start == results[1].start


def test_gradient_descent_diverges_beyond_2_over_the_largest_curvature(dtype: np.dtype) -> None:
    examples = regression()
    result = found(seeds=2, width="all")
    columns = np.column_stack([np.ones(24), examples.inputs]).astype(np.float64)
    hessian = 2 / 24 * columns.T @ columns  # of the mean of (w x + b - v)^2
    limit = 2 / np.linalg.eigvalsh(hessian)[-1]
    spacing = 10 ** (3 / 24)
    assert limit < result.edge < 1.01 * spacing * limit
    assert result.suggestion <= result.edge / 2
    good = result.losses[result.rates <= result.edge / 2]
    assert result.losses[result.rates == result.suggestion] == good.min()
    last = result.sweep.history.validation["loss"][:, :, -1].mean(axis=1)
    trained = np.isfinite(result.losses)
    np.testing.assert_allclose(result.losses[trained], last[trained], rtol=1e-6)
    # the start is the risk of the initial draws, which the sweep's seeds have
    risks = []
    for key in result.sweep.keys:
        network = build(0.1).network
        (dense,), _ = network.init(jax.random.split(key)[0], (3,))
        outputs = examples.inputs @ np.asarray(dense.weights).T + np.asarray(dense.bias)
        risks.append(((outputs - examples.targets) ** 2).mean())
    np.testing.assert_allclose(result.start, np.mean(risks), rtol=1e-5)
    assert result.sweep.params[0].weights.dtype == dtype


def test_no_edge_within_the_range_is_infinite() -> None:
    given: Any = {"key": jax.random.key(0), "batch_size": 24, "epochs": 3, "points": 3}
    result = find_learning_rate(build, regression(), low=1e-3, high=1e-2, **given)
    assert np.isinf(result.edge)
    assert result.suggestion == result.rates[-1]


def test_rates_that_are_all_too_large_are_refused() -> None:
    given: Any = {"key": jax.random.key(0), "batch_size": 24, "epochs": 9, "points": 3}
    with pytest.raises(ValueError, match="expected low to be a rate with which the loss falls"):
        find_learning_rate(build, regression(), low=5.0, high=50.0, **given)
    with pytest.raises(ValueError, match=r"expected points >= 2, got 1"):
        found(points=1)
    with pytest.raises(ValueError, match=r"expected high finite and in \(1"):
        find_learning_rate(build, regression(), low=1.0, high=0.5, **given)
