"""Batch normalization against flax, PyTorch and Keras: training, gradients, moments, evaluation."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from jaxnet.layers import BatchNorm, MovingMoments, batch_norm
from jaxnet.layers.batch_norm import ConventionName
from tests.comparison import Tolerance, assert_trees_close
from tests.peers import marks, need

BATCHES, EXAMPLES, FEATURES = 4, 6, 3
SINGLE, DOUBLE = Tolerance(1e-6, 1e-7), Tolerance(1e-12, 1e-14)


class Scene(NamedTuple):
    """Parameters, mini-batches and gradients with respect to the outputs."""

    scale: np.ndarray
    offset: np.ndarray
    x: np.ndarray
    dy: np.ndarray


class Account(NamedTuple):
    """What a library says about a scene.

    ``trained`` holds outputs and gradients of each mini-batch, ``evaluated`` those of the last
    one by the moments that the mini-batches left.
    """

    trained: list[Any]
    moments: MovingMoments
    evaluated: Any


def _scene(dtype: np.dtype) -> Scene:
    rng = np.random.default_rng(0)
    shape = (BATCHES, EXAMPLES, FEATURES)
    x = rng.normal([0.0, 0.5, -2.0], [1.0, 0.5, 2.0], shape)
    arrays = rng.normal(size=FEATURES), rng.normal(size=FEATURES), x, rng.normal(size=shape)
    return Scene(*(array.astype(dtype) for array in arrays))


def _outcome(y: Any, scale: Any, offset: Any, dx: Any) -> Any:
    return jax.tree.map(np.asarray, (y, BatchNorm(scale, offset), dx))


def _ours(scene: Scene, options: dict[str, Any]) -> Account:
    layer = batch_norm(**options)
    params = BatchNorm(jnp.asarray(scene.scale), jnp.asarray(scene.offset))
    _, statistics = layer.init(jax.random.key(0), (FEATURES,))

    def outcome(x: Any, dy: Any, *, training: bool) -> tuple[Any, MovingMoments]:
        x, dy = jnp.asarray(x), jnp.asarray(dy)
        y, residual, updated = layer.forward(params, statistics, x, key=None, training=training)
        gradient, dx = layer.backward(params, residual, dy)
        return _outcome(y, gradient.scale, gradient.offset, dx), updated

    trained = []
    for x, dy in zip(scene.x, scene.dy, strict=True):
        result, statistics = outcome(x, dy, training=True)
        trained.append(result)
    evaluated, _ = outcome(scene.x[-1], scene.dy[-1], training=False)
    return Account(trained, jax.tree.map(np.asarray, statistics), evaluated)


def _flax(scene: Scene, momentum: float, eps: float) -> Account:
    linen = pytest.importorskip("flax.linen")
    dtype = scene.x.dtype
    layer = linen.BatchNorm(
        momentum=momentum, epsilon=eps, dtype=dtype, param_dtype=dtype, use_fast_variance=False
    )
    zeros, ones = jnp.zeros(FEATURES, dtype), jnp.ones(FEATURES, dtype)

    def apply(params: Any, moments: Any, x: Any, *, training: bool) -> Any:
        variables = {"params": params, "batch_stats": moments}
        y, updated = layer.apply(
            variables, x, use_running_average=not training, mutable=["batch_stats"]
        )
        return y, updated["batch_stats"]

    params = {"scale": jnp.asarray(scene.scale), "bias": jnp.asarray(scene.offset)}
    account = _by_vjp(apply, params, {"mean": zeros, "var": ones}, scene, ("scale", "bias"))
    return account._replace(moments=MovingMoments(account.moments["mean"], account.moments["var"]))


def _by_vjp(apply: Callable[..., Any], params: Any, moments: Any, scene: Scene, names: Any) -> Any:
    """Return the account of a library on JAX, whose gradients autodiff derives.

    ``names`` are what the parameters call scale and offset.
    """

    def outcome(x: Any, dy: Any, *, training: bool) -> tuple[Any, Any]:
        y, pullback, updated = jax.vjp(
            lambda params, x: apply(params, moments, x, training=training),
            *(params, jnp.asarray(x)),
            has_aux=True,
        )
        gradient, dx = pullback(jnp.asarray(dy))
        return _outcome(y, gradient[names[0]], gradient[names[1]], dx), updated

    trained = []
    for x, dy in zip(scene.x, scene.dy, strict=True):
        result, moments = outcome(x, dy, training=True)
        trained.append(result)
    evaluated, _ = outcome(scene.x[-1], scene.dy[-1], training=False)
    return Account(trained, jax.tree.map(np.asarray, moments), evaluated)


def _keras(scene: Scene, momentum: float, eps: float) -> Account:
    keras = need("keras")
    layer = keras.layers.BatchNormalization(
        momentum=momentum, epsilon=eps, dtype=scene.x.dtype.name
    )
    layer.build((None, FEATURES))
    assert [v.name for v in layer.trainable_variables] == ["gamma", "beta"]
    assert [v.name for v in layer.non_trainable_variables] == ["moving_mean", "moving_variance"]

    def apply(params: Any, moments: Any, x: Any, *, training: bool) -> Any:
        return layer.stateless_call(params, moments, x, training=training)

    params = [jnp.asarray(scene.scale), jnp.asarray(scene.offset)]
    moments = [variable.value for variable in layer.non_trainable_variables]
    account = _by_vjp(apply, params, moments, scene, (0, 1))
    return account._replace(moments=MovingMoments(*account.moments))


def _torch(scene: Scene, momentum: float, eps: float) -> Account:
    torch = need("torch")
    dtype = getattr(torch, scene.x.dtype.name)
    layer = torch.nn.BatchNorm1d(FEATURES, eps=eps, momentum=momentum, dtype=dtype)
    layer.load_state_dict(
        {"weight": torch.tensor(scene.scale), "bias": torch.tensor(scene.offset)}, strict=False
    )

    def outcome(x: Any, dy: Any) -> Any:
        layer.zero_grad()
        x = torch.tensor(x, requires_grad=True)
        y = layer(x)
        y.backward(torch.tensor(dy))
        y, scale, offset, dx = (
            tensor.detach().numpy().copy()
            for tensor in (y, layer.weight.grad, layer.bias.grad, x.grad)
        )
        return _outcome(y, scale, offset, dx)

    trained = [outcome(x, dy) for x, dy in zip(scene.x, scene.dy, strict=True)]
    layer.eval()
    evaluated = outcome(scene.x[-1], scene.dy[-1])
    moments = MovingMoments(layer.running_mean.numpy(), layer.running_var.numpy())
    return Account(trained, moments, evaluated)


PEERS: dict[ConventionName, tuple[Callable[..., Account], float, float]] = {
    "flax": (_flax, 0.99, 1e-5),
    "keras": (_keras, 0.99, 1e-3),
    "torch": (_torch, 0.1, 1e-5),
}
"""Convention -> the library's account, and its default momentum and eps."""

peers = pytest.mark.parametrize(
    "name", [pytest.param(name, marks=marks(name)) for name in sorted(PEERS)]
)


@peers
@pytest.mark.parametrize("chosen", [None, (0.7, 0.25)], ids=["defaults", "chosen"])
def test_equals_the_library(
    name: ConventionName, chosen: Any, dtype: np.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("KERAS_BACKEND", "jax")  # Keras reads it when it is imported
    account, *defaults = PEERS[name]
    momentum, eps = chosen or defaults
    options = {} if chosen is None else {"momentum": momentum, "eps": eps}
    scene = _scene(dtype)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        expected = account(scene, momentum, eps)
    # Keras 3.15 computes in float32 even if its dtype is float64: measured 2.6e-7
    tolerance = DOUBLE if dtype == np.float64 and name != "keras" else SINGLE
    assert_trees_close(_ours(scene, {"like": name, **options}), expected, tolerance=tolerance)


@peers
def test_another_convention_is_noticed(name: ConventionName, float64: np.dtype) -> None:
    """The differences between the libraries are larger than the tolerance."""
    scene = _scene(float64)
    ours = {other: _ours(scene, {"like": other}) for other in PEERS}
    for other in PEERS.keys() - {name}:
        same_moments = {name, other} == {"flax", "keras"}
        part = "trained" if same_moments else "moments"
        with pytest.raises(AssertionError, match="error"):
            assert_trees_close(
                *(getattr(ours[convention], part) for convention in (name, other)),
                tolerance=SINGLE,
            )


def test_lecture_is_as_flax(dtype: np.dtype) -> None:
    scene = _scene(dtype)
    lecture, flax = (_ours(scene, {"like": name}) for name in ("lecture", "flax"))
    jax.tree.map(np.testing.assert_array_equal, lecture, flax)
