"""The state of a training run, from which it resumes exactly."""

from collections.abc import Sequence
from typing import Any, NamedTuple, TypeVar

import jax
import jax.numpy as jnp
import optax

from jaxnet.core.representation import fields_html, representation
from jaxnet.core.trees import count_parameters
from jaxnet.core.types import Array, Key, Layer, Params, Shape, Statistics
from jaxnet.training.loop.rules import Rule, start_rules

Tree = TypeVar("Tree")


class TrainState(NamedTuple):
    """Everything that changes while a network is trained, as one pytree.

    Attributes:
        params: the network's parameters.
        statistics: the network's own statistics, such as moving averages.
        opt_state: the optimizer's state.
        key: the run's PRNG key. It stays what it is: epoch ``e`` draws from ``fold_in(key, e)``.
        epoch: number of finished epochs, an int32 scalar.
        rules: the states of the run's rules, such as the best parameters of early stopping.
        totals: sums over the steps so far of an epoch under way, which streams can be resumed in;
            ``()`` between epochs.
    """

    params: Params
    statistics: Statistics
    opt_state: Any
    key: Key
    epoch: Array
    rules: tuple[Any, ...] = ()
    totals: Any = ()

    def __repr__(self) -> str:
        return representation("TrainState", **self._shown())

    def _repr_html_(self) -> str:
        return fields_html("TrainState", self._shown())

    def _shown(self) -> dict[str, Any]:
        leaves = jax.tree.leaves(self.params)
        return {
            "epoch": self.epoch,
            "parameters": count_parameters(self.params),
            "dtypes": sorted({str(getattr(leaf, "dtype", type(leaf).__name__)) for leaf in leaves}),
            "optimizer_numbers": count_parameters(self.opt_state),
            "rules": len(self.rules),
        }


def init_state(
    network: Layer,
    optimizer: optax.GradientTransformation,
    in_shape: Shape,
    *,
    key: Key,
    rules: Sequence[Rule] = (),
) -> TrainState:
    """Return the state before the first epoch.

    Args:
        network: what to initialize.
        optimizer: what will update its parameters.
        in_shape: shape of one input, without the batch.
        key: the initial parameters and the run draw from its two halves.
        rules: of the run, see `jaxnet.training.loop.rules`.
    """
    init_key, run_key = jax.random.split(key)
    # one program compiles in half the time of its many small parts
    params, statistics = jax.jit(network.init, static_argnums=1)(init_key, in_shape)
    watching = start_rules(rules, params, statistics)
    epoch = jnp.zeros((), jnp.int32)
    return TrainState(params, statistics, optimizer.init(params), run_key, epoch, watching)


def strongly_typed(tree: Tree) -> Tree:
    """Make weakly typed arrays strongly typed.

    One that is weakly typed, such as ``jnp.asarray(0.1)``, gives way to bfloat16, but no longer
    does when it was written to a file and read again.
    """

    def strong(leaf: Any) -> Array:
        array = jnp.asarray(leaf)
        return jax.lax.convert_element_type(array, array.dtype) if _is_weak(array) else array

    return jax.tree.map(strong, tree)


def without_keys(state: TrainState) -> TrainState:
    """Replace PRNG keys by their integer data, which NumPy can hold."""
    return jax.tree.map(lambda leaf: jax.random.key_data(leaf) if is_key(leaf) else leaf, state)


def with_keys(state: TrainState, like: TrainState, *, key: Key) -> TrainState:
    """Restore the PRNG keys that `without_keys` replaced.

    Of ``like``, a state of the same run, only the dtypes are used; ``key`` has their kind.
    """

    def restored(leaf: Array, wanted: Any) -> Array:
        if not is_key(wanted):
            return leaf
        return jax.random.wrap_key_data(leaf, impl=jax.random.key_impl(key))

    return jax.tree.map(restored, state, like)


def is_key(leaf: Any) -> bool:
    """Return whether a leaf is a typed PRNG key, or stands for one."""
    return hasattr(leaf, "dtype") and jnp.issubdtype(leaf.dtype, jax.dtypes.prng_key)


def _is_weak(leaf: Any) -> bool:
    return getattr(leaf, "weak_type", False)  # keys have no such thing
