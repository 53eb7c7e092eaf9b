"""Suggestions for unknown names: other spellings, aliases, misspellings."""

import difflib
from collections.abc import Iterable

ALIASES = {
    alias: name
    for name, aliases in {
        # losses
        "mean_squared_error": "mse mseloss",
        "absolute_error": "mae l1loss meanabsoluteerror",
        "softmax_cross_entropy": "crossentropy ce nll crossentropyloss nllloss "
        "sparsecategoricalcrossentropy",
        "sigmoid_binary_cross_entropy": "bce bceloss bcewithlogits bcewithlogitsloss logloss",
        "huber": "smoothl1 huberloss",
        "kl_divergence": "kl kld kldiv",
        # activations
        "linear": "identity none",
        "sigmoid": "logistic",
        "silu": "swish",
        "leaky_relu": "lrelu",
        "gelu_tanh": "gelunew",
        # initializers
        "xavier_normal": "glorot glorotnormal",
        "xavier_uniform": "glorotuniform",
        "xavier_truncated_normal": "glorottruncatednormal",
        "he_normal": "kaiming kaimingnormal",
        "he_uniform": "kaiminguniform",
        "he_truncated_normal": "kaimingtruncatednormal",
        "lecun_normal": "lecun",
        # optimizers and their arguments
        "sgd": "gd gradientdescent",
        "momentum": "heavyball sgdmomentum",
        "nesterov": "nag",
        "learning_rate": "lr",
        "eps": "epsilon",
        "b1": "beta1",
        "b2": "beta2",
        # schedules
        "cosine_decay": "cosine",
        "exponential_decay": "exponential exponentiallr",
        "step_decay": "step steplr",
        "cosine_onecycle": "onecycle onecyclelr",
        "warmup_cosine_decay": "warmupcosine",
        # metrics
        "accuracy": "acc",
        # penalties
        "l2": "ridge tikhonov weightdecay",
        "l1": "lasso",
        "elastic_net": "l1l2",
    }.items()
    for alias in aliases.split()
}
"""Alias, in lower case without separators -> the name here."""


def did_you_mean(name: object, known: Iterable[str]) -> str:
    """Return the question ``"Did you mean ...?"`` for an unknown name; "" without a near one.

    Args:
        name: the unknown name.
        known: the valid names; an alias counts only if its name is among them.

    >>> did_you_mean("kaiming_normal", ["he_normal", "he_uniform"])
    "Did you mean 'he_normal'?"
    >>> did_you_mean("Leaky-ReLU", ["leaky_relu", "relu"]), did_you_mean("nag", ["adam"])
    ("Did you mean 'leaky_relu'?", '')
    """
    found = nearest(name, known)
    return f"Did you mean '{found}'?" if found else ""


def nearest(name: object, known: Iterable[str]) -> str | None:
    """Return the known name that is meant by another spelling, an alias or a misspelling, or None.

    >>> nearest("Adma", ["adam", "sgd"]), nearest("newton", ["adam", "sgd"])
    ('adam', None)
    """
    plain = {_plain(each): each for each in known}
    wanted = _plain(str(name))
    found = plain.get(wanted) or plain.get(_plain(ALIASES.get(wanted, "")))
    if found is None:
        # letters in another order are one slip, which difflib counts as two
        close = [each for each in plain if sorted(each) == sorted(wanted)]
        close += difflib.get_close_matches(wanted, plain, n=1)
        found = plain[close[0]] if close else None
    return found


def _plain(name: str) -> str:
    return "".join(filter(str.isalnum, name.lower()))
