"""Compositions in the spelling of each library, one table per family."""

from collections.abc import Callable
from typing import Any, NamedTuple

import jax.numpy as jnp
import optax

from experiments.peers.wrapped import (
    KerasAveraged,
    TorchAccumulated,
    TorchAveraged,
    TorchChanged,
    poisoned,
    shown,
    with_average,
)
from jaxnet import optim

Make = Callable[..., Any]


class Composition(NamedTuple):
    """Composition and its counterpart in a library.

    Attributes:
        name: name on the page.
        like: our convention.
        witness: the library.
        ours: ``rate -> transformation``; the rate is a schedule.
        theirs: as ``optax``, ``torch`` or ``keras`` of a `Case`.
    """

    name: str
    like: str
    witness: str
    ours: Callable[[Any], Any]
    theirs: Make


# clipped to norms of order 1, where the 1e-6 that PyTorch adds is visible
def _clipped(clip: Any) -> Callable[[Any], Any]:
    return lambda rate: optim.chain(optim.clip(1.0), clip, optim.sgd(rate, momentum=0.9))


def _clipped_optax(clip: Any) -> Make:
    return lambda optax, rate: optax.chain(optax.clip(1.0), clip, optax.sgd(rate, 0.9))


def _clipped_torch(change: Callable[[Any, list[Any]], Any]) -> Make:
    def make(torch: Any, params: list[Any], rate: float) -> Any:
        def clip(params: list[Any]) -> None:
            torch.nn.utils.clip_grad_value_(params, 1.0)
            change(torch.nn.utils, params)

        return TorchChanged(torch.optim.SGD(params, rate, momentum=0.9), clip)

    return make


def _plain(clip: Any) -> Callable[[Any], Any]:
    return lambda rate: optim.chain(clip, optim.sgd(rate))


def _keras_sgd(**options: float) -> Make:
    return lambda keras, rate: keras.optimizers.SGD(rate, **options)


CLIPPING = [
    Composition(
        "clip",
        "optax",
        "optax",
        _clipped(optim.clip(0.01)),
        _clipped_optax(optax.clip(0.01)),
    ),
    Composition(
        "clip",
        "optax",
        "torch",
        _clipped(optim.clip(0.01)),
        _clipped_torch(lambda utils, params: utils.clip_grad_value_(params, 0.01)),
    ),
    Composition("clip", "optax", "keras", _plain(optim.clip(0.01)), _keras_sgd(clipvalue=0.01)),
    Composition(
        "clip_by_global_norm",
        "optax",
        "optax",
        _clipped(optim.clip_by_global_norm(0.5)),
        _clipped_optax(optax.clip_by_global_norm(0.5)),
    ),
    Composition(
        "clip_by_global_norm",
        "torch",
        "torch",
        _clipped(optim.clip_by_global_norm(0.5, like="torch")),
        _clipped_torch(lambda utils, params: utils.clip_grad_norm_(params, 0.5)),
    ),
    Composition(
        "clip_by_global_norm",
        "keras",
        "keras",
        _plain(optim.clip_by_global_norm(0.5, like="keras")),
        _keras_sgd(global_clipnorm=0.5),
    ),
    Composition(
        "clip_by_norm",
        "keras",
        "keras",
        _plain(optim.clip_by_norm(0.01)),
        _keras_sgd(clipnorm=0.01),
    ),
    Composition(
        "clip_by_norm",
        "torch",
        "torch",
        _clipped(optim.clip_by_norm(0.01, like="torch")),
        _clipped_torch(lambda utils, params: [utils.clip_grad_norm_([w], 0.01) for w in params]),
    ),
    Composition(
        "adaptive_grad_clip",
        "optax",
        "optax",
        _clipped(optim.adaptive_grad_clip(0.01)),
        _clipped_optax(optax.adaptive_grad_clip(0.01)),
    ),
]


def small(tree: Any) -> Any:
    """Return a mask that is True for all leaves except the huge one."""
    return {name: name != "sizes" for name in tree}


def large(tree: Any) -> Any:
    """Return the opposite of `small`."""
    return {name: not is_small for name, is_small in small(tree).items()}


def _fading(count: Any) -> Any:
    return 0.1 / (1 + count)


def _coupled(*decay: Any) -> Callable[[Any], Any]:
    return lambda rate: optim.chain(
        optim.add_decayed_weights(*decay), optim.sgd(rate, momentum=0.9)
    )


def _coupled_optax(*decay: Any) -> Make:
    return lambda optax, rate: optax.chain(optax.add_decayed_weights(*decay), optax.sgd(rate, 0.9))


def _decoupled(rate: Any) -> Any:
    return optim.chain(
        optax.scale_by_adam(), optim.add_decayed_weights(0.1), optim.scale_by_learning_rate(rate)
    )


WEIGHT_DECAY = [
    Composition(
        "add_decayed_weights, coupled",
        "optax",
        "torch",
        _coupled(0.1),
        lambda torch, params, rate: torch.optim.SGD(params, rate, momentum=0.9, weight_decay=0.1),
    ),
    Composition(
        "add_decayed_weights, masked",
        "optax",
        "optax",
        _coupled(0.1, small),
        _coupled_optax(0.1, small),
    ),
    Composition(
        "add_decayed_weights, scheduled",
        "optax",
        "optax",
        _coupled(_fading),
        _coupled_optax(_fading),
    ),
    Composition(
        "add_decayed_weights, decoupled",
        "optax",
        "optax",
        _decoupled,
        lambda optax, rate: optax.adamw(rate, weight_decay=0.1),
    ),
    Composition(
        "add_decayed_weights, decoupled",
        "optax",
        "torch",
        _decoupled,
        lambda torch, params, rate: torch.optim.AdamW(params, rate, weight_decay=0.1),
    ),
    Composition(
        "add_decayed_weights, decoupled",
        "optax",
        "keras",
        lambda rate: optim.chain(
            optim.add_decayed_weights(0.1), optim.scale_by_learning_rate(rate)
        ),
        _keras_sgd(weight_decay=0.1),
    ),
]


def _slowed(rate: Any, every: int) -> Any:
    """Return the schedule that gives each step the rate of its last mini-batch."""
    return lambda count: rate(every * count + every - 1)


def _two_then_four(count: Any) -> Any:
    return jnp.where(count < 10, 2, 4)


def multi_steps(inner: Any, every: Any, **options: Any) -> Any:
    """Return optax's accumulation, in float64."""
    options |= {"accumulator_dtype": "float64"}
    return optax.MultiSteps(inner, every, **options).gradient_transformation()


ACCUMULATION = [
    Composition(
        "accumulate",
        "optax",
        "torch",
        lambda rate: optim.accumulate(optim.adam(_slowed(rate, 3)), 3),
        lambda torch, params, rate: TorchAccumulated(torch.optim.Adam(params, rate), 3),
    ),
    Composition(
        "accumulate",
        "optax",
        "keras",
        lambda rate: optim.accumulate(optim.adam(_slowed(rate, 3), like="keras"), 3),
        lambda keras, rate: keras.optimizers.Adam(rate, gradient_accumulation_steps=3),
    ),
    Composition(
        "accumulate, sum of 2, then of 4",
        "optax",
        "optax",
        lambda rate: optim.accumulate(optim.momentum(rate), _two_then_four, use_grad_mean=False),
        lambda optax, rate: multi_steps(optax.sgd(rate, 0.9), _two_then_four, use_grad_mean=False),
    ),
    Composition(
        "accumulate, finite mini-batches only",
        "optax",
        "optax",
        lambda rate: poisoned(optim.apply_if_finite(optim.accumulate(optim.adam(rate), 3), 100)),
        lambda optax, rate: poisoned(
            multi_steps(optax.adam(rate), 3, should_skip_update_fn=optax.skip_not_finite)
        ),
    ),
]


def _average(decay: Any, **options: Any) -> Callable[[Any], Any]:
    def make(rate: Any) -> Any:
        inner = optim.average_parameters(optim.momentum(rate), decay, **options)
        return shown(inner, optim.averaged_params)

    return make


def _ema(optax: Any, rate: Any) -> Any:
    average = optax.ema(0.9)
    inner = with_average(optax.sgd(rate, 0.9), average.init, average.update)
    return shown(inner, lambda state: state[-1])


def _incremental(optax: Any, rate: Any) -> Any:
    def follow(new: Any, old: Any) -> Any:
        average = optax.incremental_update(new, old, 0.1)
        return average, average

    inner = with_average(optax.sgd(rate, 0.9), lambda params: params, follow)
    return shown(inner, lambda state: state[-1])


def _averaged_torch(function: str, *options: float) -> Make:
    def make(torch: Any, params: list[Any], rate: float) -> Any:
        average = getattr(torch.optim.swa_utils, function)(*options)
        return TorchAveraged(
            torch, params, lambda copies: torch.optim.SGD(copies, rate, momentum=0.9), average
        )

    return make


def _averaged_keras(keras: Any, rate: float) -> Any:
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, use_ema=True, ema_momentum=0.9)
    return KerasAveraged(keras, optimizer)


def _average_keras(rate: Any) -> Any:
    inner = optim.momentum(rate, like="keras")
    return shown(optim.average_parameters(inner, 0.9, like="keras"), optim.averaged_params)


AVERAGES = [
    Composition("average_parameters", "optax", "optax", _average(0.9), _ema),
    Composition(
        "average_parameters, debias=False",
        "optax",
        "optax",
        _average(0.9, debias=False),
        _incremental,
    ),
    Composition(
        "average_parameters",
        "torch",
        "torch",
        _average(0.9, like="torch"),
        _averaged_torch("get_ema_avg_fn", 0.9),
    ),
    Composition(
        "average_parameters, uniform",
        "torch",
        "torch",
        _average(None),
        _averaged_torch("get_swa_avg_fn"),
    ),
    Composition("average_parameters", "keras", "keras", _average_keras, _averaged_keras),
]
