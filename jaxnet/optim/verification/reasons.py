"""Reasons why libraries differ: at equal hyperparameters, and in defaults."""

import itertools
import re
from collections.abc import Mapping
from typing import Any, NamedTuple


class Reason(NamedTuple):
    """Reason why two conventions differ at equal, explicit hyperparameters.

    Attributes:
        text: computation of each, one or two sentences.
        link: issue or pull request; empty if none is known.
        without: hyperparameters without the reason, with which the two are equal; empty if there
            are none.
    """

    text: str
    link: str = ""
    without: Mapping[str, float] = {}


NO_EPS = {"eps": 1e-200}
"""Smaller than every other number, and keeps 0 / eps at 0."""

NO_DECAY = {"weight_decay": 0.0}
NO_MOMENTUM = {"momentum": 0.0}


def default_of(optimizer: str, like: str, name: str, given: float | None) -> Any:
    """Return a hyperparameter, with the convention's default for None."""
    return DEFAULTS[optimizer][like].get(name) if given is None else given


DEFAULTS: dict[str, dict[str, dict[str, float]]] = {
    "sgd": {"optax": {}, "torch": {"learning_rate": 1e-3}, "keras": {"learning_rate": 0.01}}
    | {"lecture": {}},
    "momentum": {"optax": {}, "torch": {}, "keras": {}, "lecture": {}},
    "nesterov": {"optax": {}, "torch": {}, "keras": {}, "lecture": {}},
    "rprop": {"optax": {}, "torch": {"learning_rate": 0.01}, "lecture": {}},
    "adagrad": {
        "optax": {"initial_accumulator_value": 0.1, "eps": 1e-7},
        "torch": {"learning_rate": 0.01, "initial_accumulator_value": 0.0, "eps": 1e-10},
        "keras": {"learning_rate": 1e-3, "initial_accumulator_value": 0.1, "eps": 1e-7},
    },
    "adadelta": {
        "optax": {"rho": 0.9, "eps": 1e-6},
        "torch": {"learning_rate": 1.0, "rho": 0.9, "eps": 1e-6},
        "keras": {"learning_rate": 1e-3, "rho": 0.95, "eps": 1e-7},
    },
    "rmsprop": {
        "optax": {"decay": 0.9, "eps": 1e-8},
        "torch": {"learning_rate": 0.01, "decay": 0.99, "eps": 1e-8},
        "keras": {"learning_rate": 1e-3, "decay": 0.9, "eps": 1e-7},
        "lecture": {"decay": 0.9, "eps": 1e-8},
    },
    "sign_sgd": {"optax": {}},
    "lion": {
        "optax": {"weight_decay": 1e-3},
        "keras": {"learning_rate": 1e-3, "weight_decay": 0.0},
    },
    "adam": {
        "optax": {"b2": 0.999, "eps": 1e-8},
        "torch": {"learning_rate": 1e-3, "b2": 0.999, "eps": 1e-8},
        "keras": {"learning_rate": 1e-3, "b2": 0.999, "eps": 1e-7},
        "lecture": {"b2": 0.99, "eps": 1e-8},
    },
    "adamw": {
        "optax": {"b2": 0.999, "eps": 1e-8, "weight_decay": 1e-4},
        "torch": {"learning_rate": 1e-3, "b2": 0.999, "eps": 1e-8, "weight_decay": 0.01},
        "keras": {"learning_rate": 1e-3, "b2": 0.999, "eps": 1e-7, "weight_decay": 4e-3},
    },
    "adamax": {
        "optax": {"eps": 1e-8},
        "torch": {"learning_rate": 2e-3, "eps": 1e-8},
        "keras": {"learning_rate": 1e-3, "eps": 1e-7},
    },
    "adamaxw": {"optax": {"eps": 1e-8}, "keras": {"learning_rate": 1e-3, "eps": 1e-7}},
    "nadam": {
        "optax": {"eps": 1e-8},
        "torch": {"learning_rate": 2e-3, "eps": 1e-8, "momentum_decay": 4e-3},
        "keras": {"learning_rate": 1e-3, "eps": 1e-7, "momentum_decay": 1.0},
    },
    "nadamw": {
        "optax": {"eps": 1e-8, "weight_decay": 1e-4},
        "torch": {"learning_rate": 2e-3, "eps": 1e-8, "momentum_decay": 4e-3, "weight_decay": 0.0},
        "keras": {"learning_rate": 1e-3, "eps": 1e-7, "momentum_decay": 1.0, "weight_decay": 0.0},
    },
    "amsgrad": {
        "optax": {"eps": 1e-8},
        "torch": {"learning_rate": 1e-3, "eps": 1e-8},
        "keras": {"learning_rate": 1e-3, "eps": 1e-7},
    },
    "radam": {"optax": {}, "torch": {"learning_rate": 1e-3}},
    "adabelief": {"optax": {}},
    "yogi": {"optax": {}},
    "adan": {"optax": {"eps_root": 1e-8}, "paper": {"eps_root": 0.0}},
    "lamb": {"optax": {"eps": 1e-6}, "keras": {"learning_rate": 1e-3, "eps": 1e-7}},
    "lars": {"optax": {}},
    "muon": {
        "optax": {"eps": 1e-8, "weight_decay": 0.0, "adam_weight_decay": 0.0},
        "torch": {"learning_rate": 1e-3, "eps": 1e-7, "weight_decay": 0.1}
        | {"adam_weight_decay": 1e-2},
        "keras": {"learning_rate": 1e-3, "eps": 1e-7, "weight_decay": 4e-3}
        | {"adam_weight_decay": 4e-3, "consistent_rms": 0.2},
    },
    "prodigy": {"optax": {}},
    "schedule_free_sgd": {"optax": {}},
    "schedule_free_adamw": {"optax": {"weight_lr_power": 2.0}, "keras": {"weight_lr_power": 0.0}},
}
"""Optimizer -> convention -> default hyperparameters that the signature leaves to it.

It has a key for every convention of the optimizer. A hyperparameter that a library lacks has the
value that its code implies, such as 0 for weight decay; a required learning rate is missing.
"""

_PYTORCH_1099 = "https://github.com/pytorch/pytorch/issues/1099"
_KERAS_17391 = "https://github.com/keras-team/keras/issues/17391"
_TF_KERAS_315 = "https://github.com/keras-team/tf-keras/issues/315"
_KERAS_19981 = "https://github.com/keras-team/keras/pull/19981"
_OPTAX_532 = "https://github.com/google-deepmind/optax/issues/532"
_PYTORCH_23796 = "https://github.com/pytorch/pytorch/issues/23796"
_OPTAX_1389 = "https://github.com/google-deepmind/optax/issues/1389"
_OPTAX_1249 = "https://github.com/google-deepmind/optax/pull/1249"
_PYTORCH_59009 = "https://github.com/pytorch/pytorch/pull/59009"
_PYTORCH_160213 = "https://github.com/pytorch/pytorch/pull/160213"
_KERAS_22113 = "https://github.com/keras-team/keras/pull/22113"

_RATE_IN_TRACE = Reason(
    "Keras sums up steps, so that those of an earlier rate go on under a schedule; the other sums"
    " up gradients, and its weight decay is coupled where Keras's is decoupled.",
    _PYTORCH_1099,
    NO_MOMENTUM | NO_DECAY,
)
_AVERAGE = Reason(
    "The lecture averages gradients, which makes each step 1 - b of the one along their sum.",
    without=NO_MOMENTUM,
)
_AVERAGE_OR_STEPS = Reason(
    "The lecture averages gradients; Keras sums up steps, with a decoupled weight decay.",
    without=NO_MOMENTUM | NO_DECAY,
)
_EPS_HAT = Reason(
    "Keras adds eps to the root of the second moment before its bias correction, which makes it"
    " 1/sqrt(1 - b2^t) times as large; without amsgrad nothing else differs but that weight decay"
    " is decoupled.",
    _KERAS_17391,
    NO_EPS | NO_DECAY,
)
_UNCORRECTED = Reason("The lecture corrects neither moment for its start at 0.")

_REASONS: dict[str, Reason] = {
    "sgd momentum nesterov: optax torch, keras": _RATE_IN_TRACE,
    "sgd momentum nesterov: optax torch, lecture": _AVERAGE,
    "sgd momentum nesterov: keras, lecture": _AVERAGE_OR_STEPS,
    "rprop: optax, torch lecture": Reason(
        "PyTorch, and the lecture's here, keep every step size in its limits, optax and the"
        " paper only those that change: a first step size out of its limits stays there until"
        " then."
    ),
    "adagrad rmsprop: optax, keras": Reason(
        "With weight decay only: optax's, by its chain, is coupled, Keras's decoupled.",
        _KERAS_19981,
        NO_DECAY,
    ),
    "adagrad: optax, torch": Reason(
        "optax adds eps inside the root, PyTorch outside of it.", _TF_KERAS_315, NO_EPS
    ),
    "adagrad: torch, keras": Reason(
        "PyTorch adds eps outside the root, Keras inside; PyTorch's weight decay is coupled,"
        " Keras's decoupled.",
        _TF_KERAS_315,
        NO_EPS | NO_DECAY,
    ),
    "adadelta: optax torch, keras": Reason(
        "With weight decay only: the other's is coupled, Keras's decoupled.", _KERAS_19981, NO_DECAY
    ),
    "rmsprop: optax, torch": Reason(
        "optax adds eps inside the root, by default, PyTorch outside; with momentum optax sums up"
        " steps and PyTorch directions, which differ under a schedule.",
        _OPTAX_532,
        NO_EPS | NO_MOMENTUM,
    ),
    "rmsprop: torch, keras": Reason(
        "PyTorch adds eps outside the root, Keras inside; with momentum PyTorch sums up directions"
        " and Keras steps, which differ under a schedule; PyTorch's weight decay is coupled.",
        _PYTORCH_23796,
        NO_EPS | NO_MOMENTUM | NO_DECAY,
    ),
    "rmsprop: optax keras, lecture": Reason(
        "The lecture's, which has no eps of its own, has it outside the root, as PyTorch; with"
        " momentum it sums up directions, not steps.",
        without=NO_EPS | NO_MOMENTUM | NO_DECAY,
    ),
    "adamax: optax torch, keras": Reason(
        "Keras divides by max(b2 u, |g|) + eps and remembers the maximum without eps; the"
        " other's maximum is of b2 u and |g| + eps.",
        without=NO_EPS | NO_DECAY,
    ),
    "amsgrad: optax, torch": Reason(
        "optax keeps the maximum of the corrected second moment, PyTorch corrects the maximum of"
        " the uncorrected one.",
        _OPTAX_1389,
    ),
    "amsgrad: optax, keras": Reason(
        "optax keeps the maximum of the corrected second moment; Keras corrects the maximum of the"
        " uncorrected one, after it has added eps.",
        _OPTAX_1389,
    ),
    "amsgrad: torch, keras": _EPS_HAT,
    "radam: optax, torch": Reason(
        "optax adds eps to the root of the corrected second moment, PyTorch before the correction,"
        " which makes it 1/sqrt(1 - b2^t) times as large; at the threshold itself only optax"
        " rectifies."
    ),
    "adan: optax, paper": Reason(
        "With weight decay only: the paper's is implicit, taken at the weights after the step, as"
        " in its authors' code; optax's is AdamW's.",
        without=NO_DECAY,
    ),
    "adamaxw: optax, keras": Reason(
        "Keras divides by max(b2 u, |g|) + eps and remembers the maximum without eps; optax's"
        " maximum is of b2 u and |g| + eps.",
        without=NO_EPS | NO_DECAY,
    ),
    "lamb: optax, keras": Reason(
        "With weight decay only: optax's is part of the step, so that the trust ratio scales it, as"
        " in the paper; Keras decays the weights before.",
        _KERAS_19981,
        NO_DECAY,
    ),
    "muon: optax, torch": Reason(
        "optax corrects the momentum for its start at 0, and takes arrays to be (in, out) for the"
        " factor sqrt(max(1, out/in)), PyTorch (out, in). PyTorch orthogonalizes in bfloat16.",
        _OPTAX_1249,
    ),
    "muon: optax, keras": Reason(
        "optax corrects the momentum for its start at 0; Keras's is the sum, not the average, which"
        " matters to eps, 1e-7 there beside the norm. Arrays other than matrices take Nadam in"
        " optax, and Adam with eps before the correction in Keras.",
        _KERAS_17391,
    ),
    "muon: torch, keras": Reason(
        "PyTorch divides by max(norm, eps), Keras by norm + 1e-7, and Keras's momentum is the sum,"
        " not the average. PyTorch orthogonalizes in bfloat16 and takes matrices only.",
        _PYTORCH_160213,
    ),
    "schedule_free_adamw: optax, keras": Reason(
        "Keras averages with equal weights, optax with the squares of the largest rate so far,"
        " which differ under a schedule; Keras decays the weights, optax the base sequence.",
        _KERAS_22113,
    ),
    "adam adamw: optax torch, keras": _EPS_HAT,
    "adam: optax torch keras, lecture": _UNCORRECTED,
    "nadam nadamw: optax, torch": Reason(
        "PyTorch's momentum grows by the paper's schedule, b1 (1 - .96^(t psi)/2) with psi ="
        " 4e-3; optax's is b1 throughout.",
        _PYTORCH_59009,
    ),
    "nadam nadamw: optax, keras": Reason(
        "Keras's momentum grows as b1 (1 - .96^t / 2), 250 times as fast as the paper's;"
        " optax's is b1 throughout."
    ),
    "nadam nadamw: torch, keras": Reason(
        "PyTorch's momentum grows by the paper's schedule, b1 (1 - .96^(t psi)/2) with psi ="
        " 4e-3; Keras has psi = 1."
    ),
}
"""``"optimizers: conventions a, conventions b"`` -> reason why each ``a`` and ``b`` differ."""

REASONS = {
    (optimizer, a, b): reason
    for names, reason in _REASONS.items()
    for optimizer, a, b in itertools.product(*map(str.split, re.split("[:,]", names)))
}
"""``(optimizer, a, b)`` -> reason why ``a`` and ``b`` differ; other pairs are equal."""
