"""Compositions in the spelling of each library, one table per family."""

import functools
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


def compared(name: str, like: str, ours: Callable[[Any], Any], **theirs: Make) -> list[Composition]:
    """Return a composition for each library."""
    return [Composition(name, like, witness, ours, make) for witness, make in theirs.items()]


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

        return TorchChanged(_torch_sgd()(torch, params, rate), clip)

    return make


def _plain(clip: Any) -> Callable[[Any], Any]:
    return lambda rate: optim.chain(clip, optim.sgd(rate))


def _torch_sgd(**options: float) -> Make:
    return lambda torch, params, rate: torch.optim.SGD(params, rate, momentum=0.9, **options)


def _keras_sgd(**options: float) -> Make:
    return lambda keras, rate: keras.optimizers.SGD(rate, **options)


CLIPPING = [
    *compared(
        "clip",
        "optax",
        _clipped(optim.clip(0.01)),
        optax=_clipped_optax(optax.clip(0.01)),
        torch=_clipped_torch(lambda utils, params: utils.clip_grad_value_(params, 0.01)),
    ),
    *compared("clip", "optax", _plain(optim.clip(0.01)), keras=_keras_sgd(clipvalue=0.01)),
    *compared(
        "clip_by_global_norm",
        "optax",
        _clipped(optim.clip_by_global_norm(0.5)),
        optax=_clipped_optax(optax.clip_by_global_norm(0.5)),
    ),
    *compared(
        "clip_by_global_norm",
        "torch",
        _clipped(optim.clip_by_global_norm(0.5, like="torch")),
        torch=_clipped_torch(lambda utils, params: utils.clip_grad_norm_(params, 0.5)),
    ),
    *compared(
        "clip_by_global_norm",
        "keras",
        _plain(optim.clip_by_global_norm(0.5, like="keras")),
        keras=_keras_sgd(global_clipnorm=0.5),
    ),
    *compared(
        "clip_by_norm", "keras", _plain(optim.clip_by_norm(0.01)), keras=_keras_sgd(clipnorm=0.01)
    ),
    *compared(
        "clip_by_norm",
        "torch",
        _clipped(optim.clip_by_norm(0.01, like="torch")),
        torch=_clipped_torch(
            lambda utils, params: [utils.clip_grad_norm_([w], 0.01) for w in params]
        ),
    ),
    *compared(
        "adaptive_grad_clip",
        "optax",
        _clipped(optim.adaptive_grad_clip(0.01)),
        optax=_clipped_optax(optax.adaptive_grad_clip(0.01)),
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
    *compared(
        "add_decayed_weights, coupled", "optax", _coupled(0.1), torch=_torch_sgd(weight_decay=0.1)
    ),
    *compared(
        "add_decayed_weights, masked",
        "optax",
        _coupled(0.1, small),
        optax=_coupled_optax(0.1, small),
    ),
    *compared(
        "add_decayed_weights, scheduled", "optax", _coupled(_fading), optax=_coupled_optax(_fading)
    ),
    *compared(
        "add_decayed_weights, decoupled",
        "optax",
        _decoupled,
        optax=lambda optax, rate: optax.adamw(rate, weight_decay=0.1),
        torch=lambda torch, params, rate: torch.optim.AdamW(params, rate, weight_decay=0.1),
    ),
    *compared(
        "add_decayed_weights, decoupled",
        "optax",
        lambda rate: optim.chain(
            optim.add_decayed_weights(0.1), optim.scale_by_learning_rate(rate)
        ),
        keras=_keras_sgd(weight_decay=0.1),
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
    *compared(
        "accumulate",
        "optax",
        lambda rate: optim.accumulate(optim.adam(_slowed(rate, 3)), 3),
        torch=lambda torch, params, rate: TorchAccumulated(torch.optim.Adam(params, rate), 3),
    ),
    *compared(
        "accumulate",
        "optax",
        lambda rate: optim.accumulate(optim.adam(_slowed(rate, 3), like="keras"), 3),
        keras=lambda keras, rate: keras.optimizers.Adam(rate, gradient_accumulation_steps=3),
    ),
    *compared(
        "accumulate, sum of 2, then of 4",
        "optax",
        lambda rate: optim.accumulate(optim.momentum(rate), _two_then_four, use_grad_mean=False),
        optax=lambda optax, rate: multi_steps(
            optax.sgd(rate, 0.9), _two_then_four, use_grad_mean=False
        ),
    ),
    *compared(
        "accumulate, finite mini-batches only",
        "optax",
        lambda rate: poisoned(optim.apply_if_finite(optim.accumulate(optim.adam(rate), 3), 100)),
        optax=lambda optax, rate: poisoned(
            multi_steps(optax.adam(rate), 3, should_skip_update_fn=optax.skip_not_finite)
        ),
    ),
]


def _average(decay: Any, inner: Any = optim.momentum, **options: Any) -> Callable[[Any], Any]:
    return lambda rate: shown(
        optim.average_parameters(inner(rate), decay, **options), optim.averaged_params
    )


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
            torch, params, lambda copies: _torch_sgd()(torch, copies, rate), average
        )

    return make


def _averaged_keras(keras: Any, rate: float) -> Any:
    optimizer = keras.optimizers.SGD(rate, momentum=0.9, use_ema=True, ema_momentum=0.9)
    return KerasAveraged(keras, optimizer)


AVERAGES = [
    *compared("average_parameters", "optax", _average(0.9), optax=_ema),
    *compared(
        "average_parameters, debias=False", "optax", _average(0.9, debias=False), optax=_incremental
    ),
    *compared(
        "average_parameters",
        "torch",
        _average(0.9, like="torch"),
        torch=_averaged_torch("get_ema_avg_fn", 0.9),
    ),
    *compared(
        "average_parameters, uniform",
        "torch",
        _average(None),
        torch=_averaged_torch("get_swa_avg_fn"),
    ),
    *compared(
        "average_parameters",
        "keras",
        _average(0.9, functools.partial(optim.momentum, like="keras"), like="keras"),
        keras=_averaged_keras,
    ),
]
