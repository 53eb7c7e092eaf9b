"""Networks in each library: outputs, gradients and moving statistics."""

import functools
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet import interchange
from jaxnet.core.types import Array, Layer
from jaxnet.functions.losses import softmax_cross_entropy
from jaxnet.layers.batch_norm import ConventionName
from tests.peers import need


class Peer(NamedTuple):
    """A library, with the network in our terms going in and the results in our terms coming out.

    Attributes:
        name: of the library.
        package: to import.
        convention: of batch normalization that trains as the library does.
        to: parameters and statistics to the library's form.
        back: the inverse of it.
        module: builds the library's module.
        evaluate: ``(network, params, statistics, x, labels) -> outputs, gradients`` of the mean
            softmax cross-entropy with respect to the parameters, as a tree like ours.
        train: ``(network, params, statistics, x) -> statistics`` after a forward pass.
    """

    name: str
    package: str
    convention: ConventionName
    to: Callable[..., Any]
    back: Callable[..., Any]
    module: Callable[..., Any]
    evaluate: Callable[..., tuple[Any, Any]]
    train: Callable[..., Any]


@contextmanager
def as_peers_are_used() -> Iterator[None]:
    """Turn off what only our own code has to endure: strict promotion."""
    with (
        jax.numpy_dtype_promotion("standard"),
        jax.numpy_rank_promotion("allow"),
        warnings.catch_warnings(),
    ):
        # keras 3.15.1: Variable.__array__ has no copy keyword
        warnings.filterwarnings("ignore", "__array__ implementation", DeprecationWarning)
        yield


def _mean_loss(y: Array, labels: Array) -> Array:
    return softmax_cross_entropy(y, labels).mean()


def _linen_evaluate(network: Layer, params: Any, statistics: Any, x: Array, labels: Array) -> Any:
    module = interchange.linen_module(network, params, statistics)
    variables = interchange.to_linen(network, params, statistics)

    def loss(of: Any) -> Any:
        y = module.apply({**variables, "params": of}, x)
        return _mean_loss(y, labels), y

    gradients, y = jax.jit(jax.grad(loss, has_aux=True))(variables["params"])
    return y, interchange.from_linen(network, {**variables, "params": gradients})[0]


def _linen_train(network: Layer, params: Any, statistics: Any, x: Array) -> Any:
    module = interchange.linen_module(network, params, statistics)
    variables = interchange.to_linen(network, params, statistics)
    apply = functools.partial(module.apply, training=True, mutable=["batch_stats"])
    updated = jax.jit(apply)(variables, x)[1]
    return interchange.from_linen(network, {**variables, **updated})[1]


def _nnx_evaluate(network: Layer, params: Any, statistics: Any, x: Array, labels: Array) -> Any:
    nnx = need("flax.nnx")
    module = interchange.nnx_module(network, params, statistics)
    graph, of, rest = nnx.split(module, nnx.Param, ...)

    def loss(of: Any) -> Any:
        y = nnx.merge(graph, of, rest)(x)
        return _mean_loss(y, labels), y

    gradients, y = jax.jit(jax.grad(loss, has_aux=True))(of)
    return y, interchange.from_nnx(network, nnx.merge_state(gradients, rest))[0]


def _nnx_train(network: Layer, params: Any, statistics: Any, x: Array) -> Any:
    module = interchange.nnx_module(network, params, statistics)
    module.train()
    module(x)
    return interchange.from_nnx(network, module)[1]


def _torch_evaluate(network: Layer, params: Any, statistics: Any, x: Array, labels: Array) -> Any:
    torch = need("torch")
    module = interchange.torch_module(network, params, statistics)
    y = module(torch.tensor(np.asarray(x)))
    torch.nn.functional.cross_entropy(y, torch.tensor(np.asarray(labels)).long()).backward()
    gradients = {name: weight.grad for name, weight in module.named_parameters()}
    y = jnp.asarray(y.detach().numpy())
    return y, interchange.from_torch(network, {**module.state_dict(), **gradients})[0]


def _torch_train(network: Layer, params: Any, statistics: Any, x: Array) -> Any:
    torch = need("torch")
    module = interchange.torch_module(network, params, statistics).train()
    module(torch.tensor(np.asarray(x)))
    return interchange.from_torch(network, module.state_dict())[1]


def _keras_evaluate(network: Layer, params: Any, statistics: Any, x: Array, labels: Array) -> Any:
    model = interchange.keras_model(network, params, statistics)
    rest = [variable.value for variable in model.non_trainable_variables]

    def loss(of: Any) -> Any:
        y, _ = model.stateless_call(of, rest, x, training=False)
        return _mean_loss(y, labels), y

    of = [variable.value for variable in model.trainable_variables]
    gradients, y = jax.jit(jax.grad(loss, has_aux=True))(of)
    found = iter(gradients)
    arrays = [next(found) if weight.trainable else weight.value for weight in model.weights]
    return y, interchange.from_keras(network, arrays)[0]


def _keras_train(network: Layer, params: Any, statistics: Any, x: Array) -> Any:
    model = interchange.keras_model(network, params, statistics)
    model(x, training=True)
    return interchange.from_keras(network, model.get_weights())[1]


PEERS = [
    Peer(
        "linen",
        "flax",
        "flax",
        interchange.to_linen,
        interchange.from_linen,
        interchange.linen_module,
        _linen_evaluate,
        _linen_train,
    ),
    Peer(
        "nnx",
        "flax",
        "flax",
        interchange.to_nnx,
        interchange.from_nnx,
        interchange.nnx_module,
        _nnx_evaluate,
        _nnx_train,
    ),
    Peer(
        "torch",
        "torch",
        "torch",
        interchange.to_torch,
        interchange.from_torch,
        interchange.torch_module,
        _torch_evaluate,
        _torch_train,
    ),
    Peer(
        "keras",
        "keras",
        "keras",
        interchange.to_keras,
        interchange.from_keras,
        interchange.keras_model,
        _keras_evaluate,
        _keras_train,
    ),
]
