"""The landscape: a parabola on a line, a paraboloid on a plane, and what rescaling changes."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.inspection import hessian_spectrum, loss_line, loss_plane, random_direction
from jaxnet.layers import batch_norm, dense
from tests.inspection.instruments.regressions import classifier, regression, risk_by_loop

KEY = jax.random.key(5)


def moved(params, *steps):
    for factor, direction in steps:
        params = jax.tree.map(
            lambda w, d, f=factor: np.asarray(w) + w.dtype.type(f) * np.asarray(d),
            params,
            direction,
        )
    return params


def test_the_risk_on_a_line_is_that_of_each_point(dtype: np.dtype) -> None:
    here = classifier()
    end = jax.tree.map(lambda leaf: 2 * np.asarray(leaf) - 1, here.params)
    found = loss_line(*here, end)
    assert found.positions.shape == found.risks.shape == (21,)
    risk = jax.jit(risk_by_loop(here))
    for place in (0, 7, 20):
        t = float(found.positions[place])
        between = jax.tree.map(
            lambda a, b, t=t: ((1 - t) * np.asarray(a) + t * b).astype(b.dtype), here.params, end
        )
        assert float(found.risks[place]) == pytest.approx(float(risk(between)), rel=1e-5)
    assert float(found.risks[20]) == pytest.approx(float(risk(end)), rel=1e-6)


def test_a_regression_is_a_parabola_along_a_line(float64: np.dtype) -> None:
    known = regression(float64)
    end = jax.tree.map(jnp.zeros_like, known.here.params)
    found = loss_line(*known.here, end, positions=jnp.array([-1.0, 0.0, 1.0, 2.0]))
    second = np.diff(found.risks, 2)
    w = np.concatenate([np.asarray(leaf).ravel() for leaf in known.here.params])
    np.testing.assert_allclose(second, w @ known.hessian @ w, rtol=1e-9)


def test_the_risk_on_a_plane_is_that_of_each_point(dtype: np.dtype) -> None:
    here = classifier()
    d, e = (random_direction(key, here.params) for key in jax.random.split(KEY))
    first, second = np.array([-1.0, 0.0, 0.5]), np.array([0.0, 2.0])
    found = loss_plane(*here, (d, e), first=first, second=second)
    assert found.risks.shape == (3, 2)
    risk = jax.jit(risk_by_loop(here))
    for i, a in enumerate(first):
        for j, b in enumerate(second):
            expected = float(risk(moved(here.params, (a, d), (b, e))))
            assert float(found.risks[i, j]) == pytest.approx(expected, rel=1e-5)


def test_the_plane_bends_by_the_largest_eigenvalue(float64: np.dtype) -> None:
    here = classifier()
    spectrum = hessian_spectrum(*here, key=KEY, steps=100)
    across = random_direction(KEY, here.params)
    axis = jnp.array([-1e-3, 0.0, 1e-3])
    found = loss_plane(*here, (spectrum.direction, across), first=axis)
    bend = np.diff(found.risks[:, 1], 2)[0] / 1e-6
    assert bend == pytest.approx(float(spectrum.largest), rel=1e-4)


def test_each_row_is_as_long_as_that_of_the_weights(dtype: np.dtype) -> None:
    params = classifier(dense(4), batch_norm(), dense(3)).params
    direction = random_direction(KEY, params)
    for i in (0, 2):
        lengths = [np.linalg.norm(tree[i].weights, axis=1) for tree in (direction, params)]
        np.testing.assert_allclose(*lengths, rtol=1e-5)
        assert not np.any(direction[i].bias)
        assert direction[i].weights.dtype == dtype
    assert not any(np.any(leaf) for leaf in jax.tree.leaves(direction[1]))
    plain = random_direction(KEY, params, filter_normalized=False)
    assert np.any(plain[0].bias)


def test_weights_of_zero_stay_zero(dtype: np.dtype) -> None:
    # a step is relative to the weights: a unit without any has nowhere to go
    some = jnp.asarray([[3.0, 4.0], [0.0, 0.0], [0.0, 2.0]], dtype)
    params = {"some": some, "all": jnp.zeros((2, 3), dtype), "vector": jnp.zeros(4, dtype)}
    direction = random_direction(KEY, params)
    lengths = np.linalg.norm(direction["some"], axis=1)
    np.testing.assert_allclose(lengths, [5.0, 0.0, 2.0], rtol=1e-6)
    assert not np.any(direction["all"])
    assert not np.any(direction["vector"])


def test_scales_and_biases_are_recognized_by_name_not_rank(dtype: np.dtype) -> None:
    scales, _ = batch_norm().init(KEY, (4, 3))
    vector = jnp.asarray([3.0, 4.0], dtype)
    direction = random_direction(KEY, {"norm": scales, "weights": vector, "b1": jnp.ones((2, 2))})
    assert scales.scale.shape == (4, 3)
    assert not any(np.any(leaf) for leaf in (*direction["norm"], direction["b1"]))
    # a vector of weights is that of one unit
    assert float(np.linalg.norm(direction["weights"])) == pytest.approx(5.0, rel=1e-6)


@pytest.mark.parametrize(
    ("narrow", "size"),
    [("float16", 1e-3), ("float16", 400.0)]
    + [(dtype, size) for dtype in ("bfloat16", "float32") for size in (1e-25, 1.0, 1e25)],
)
def test_rows_of_any_size_are_normalized(narrow: str, size: float) -> None:
    weights = jnp.full((3, 5), size, narrow)
    rows = np.asarray(random_direction(KEY, {"weights": weights})["weights"], float)
    exact = np.asarray(weights, float)[0, 0] * np.sqrt(5)
    rounding = 2 * float(jnp.finfo(narrow).eps)
    np.testing.assert_allclose(np.linalg.norm(rows / exact, axis=1), 1.0, rtol=rounding)


def test_filter_normalized_planes_do_not_see_the_scale_of_relus(float64: np.dtype) -> None:
    # unit by unit, 10 W1 and W2 / 10 compute what W1 and W2 do
    here = classifier(dense(4), jaxnet.layers.activation("relu"), dense(3))
    first, _, last = here.params
    scaled = (jax.tree.map(lambda w: 10 * w, first), (), last._replace(weights=last.weights / 10))
    planes = []
    for filter_normalized in (True, False):
        risks = []
        for params in (here.params, scaled):
            d = random_direction(KEY, params, filter_normalized=filter_normalized)
            there = here._replace(params=params)
            risks.append(np.asarray(loss_line(*there, moved(params, (1.0, d))).risks))
        planes.append(np.abs(risks[1] - risks[0]).max())
    assert planes[0] < 1e-12
    assert planes[1] > 0.1


def test_one_program_serves_all_directions() -> None:
    here = classifier()
    d, e = (random_direction(key, here.params) for key in jax.random.split(KEY))
    traced = []

    def loss(outputs, targets):
        traced.append(1)
        return jaxnet.losses.softmax_cross_entropy(outputs, targets)

    here = here._replace(objective=here.objective._replace(loss=jaxnet.losses.as_loss(loss)))
    loss_plane(*here, (d, e))
    before = len(traced)
    loss_plane(*here, (e, d), first=jnp.linspace(-2.0, 2.0, 21))
    assert len(traced) == before


def test_mistakes() -> None:
    here = classifier()
    with pytest.raises(TypeError, match="expected end to be a tree like the parameters"):
        loss_line(*here, here.params[:1])
    with pytest.raises(TypeError, match="expected directions to be a tree like"):
        loss_plane(*here, (here.params, jax.tree.map(lambda leaf: leaf[:1], here.params)))
    with pytest.raises(ValueError, match="expected positions of shape"):
        loss_line(*here, here.params, positions=jnp.zeros((2, 2)))
