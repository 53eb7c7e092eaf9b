"""Table of the first-order optimizers."""

from collections.abc import Callable

import optax

from jaxnet.optim.composition.schedule_free import schedule_free_adamw, schedule_free_sgd
from jaxnet.optim.first_order.adabelief import adabelief
from jaxnet.optim.first_order.adadelta import adadelta
from jaxnet.optim.first_order.adagrad import adagrad
from jaxnet.optim.first_order.adam import adam, adamw
from jaxnet.optim.first_order.adamax import adamax, adamaxw
from jaxnet.optim.first_order.adan import adan
from jaxnet.optim.first_order.amsgrad import amsgrad
from jaxnet.optim.first_order.lamb import lamb
from jaxnet.optim.first_order.lars import lars
from jaxnet.optim.first_order.momentum import momentum
from jaxnet.optim.first_order.muon import muon
from jaxnet.optim.first_order.nadam import nadam, nadamw
from jaxnet.optim.first_order.nesterov import nesterov
from jaxnet.optim.first_order.prodigy import prodigy
from jaxnet.optim.first_order.radam import radam
from jaxnet.optim.first_order.rmsprop import rmsprop
from jaxnet.optim.first_order.rprop import rprop
from jaxnet.optim.first_order.sgd import sgd
from jaxnet.optim.first_order.sign import lion, sign_sgd
from jaxnet.optim.first_order.yogi import yogi

OPTIMIZERS: dict[str, Callable[..., optax.GradientTransformation]] = {
    "sgd": sgd,
    "momentum": momentum,
    "nesterov": nesterov,
    "rprop": rprop,
    "sign_sgd": sign_sgd,
    "lion": lion,
    "adagrad": adagrad,
    "adadelta": adadelta,
    "rmsprop": rmsprop,
    "adam": adam,
    "adamw": adamw,
    "nadam": nadam,
    "nadamw": nadamw,
    "adamax": adamax,
    "adamaxw": adamaxw,
    "amsgrad": amsgrad,
    "radam": radam,
    "adabelief": adabelief,
    "yogi": yogi,
    "adan": adan,
    "lamb": lamb,
    "lars": lars,
    "muon": muon,
    "prodigy": prodigy,
    "schedule_free_sgd": schedule_free_sgd,
    "schedule_free_adamw": schedule_free_adamw,
}
"""Name -> factory ``(learning_rate, **options) -> optax.GradientTransformation``.

Those of `jaxnet.optim.SECOND_ORDER` have the same form, but need more than gradients."""
