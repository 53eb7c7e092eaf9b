"""Optimizers without a learning rate, or without its schedule: Prodigy, schedule-free."""

from experiments.peers.case import Known
from experiments.peers.cases.spelling import case, cases, in_optax

_NEXT_RATE = Known(
    ("0.2.8",),
    "it weighs each step by the learning rate of the next",
    "https://github.com/google-deepmind/optax/pull/1744",
)

_SAFE = {"safeguard_warmup": True, "weight_decay": 1e-4, "estim_lr0": 1e-3}
_ESTIMATE = {"beta3": 0.9, "eps": 1e-3, "estim_lr0": 1e-2, "estim_lr_coef": 2.0}
_QUICK_ADAMW = {"b1": 0.6, "b2": 0.99, "eps": 1e-3, "weight_decay": 0.1, "weight_lr_power": 0.0}
_WARM_UP = {"warmup_steps": 20, "weight_decay": 0.1, "weight_lr_power": 0.0}

_AS_OPTAX_COUNTS = {
    "schedule-free sgd, as optax counts": "schedule_free_sgd",
    "schedule-free adamw, as optax counts, defaults": "schedule_free_adamw",
}

CASES = [
    case("prodigy, defaults", "prodigy", {}, rate=1.0),
    case("prodigy, safeguarded warm-up, weight decay", "prodigy", _SAFE, rate=1.0),
    # at a higher rate weights cross 0 repeatedly
    case("prodigy, estimate", "prodigy", {"betas": (0.8, 0.99), **_ESTIMATE}, rate=0.1),
    *cases(
        "schedule_free_sgd",
        {
            "schedule-free sgd": {},
            "schedule-free sgd, weight decay": {
                "weight_decay": 0.1,
                "b1": 0.6,
                "weight_lr_power": 1.0,
            },
        },
    ),
    *cases(
        "schedule_free_adamw",
        {"schedule-free adamw, defaults": {}, "schedule-free adamw": _QUICK_ADAMW},
    ),
    case("schedule-free adamw, warm-up", "schedule_free_adamw", _WARM_UP, "keras"),
    *(
        case(name, optimizer, {}, "", known={"optax": _NEXT_RATE})._replace(
            optax=in_optax(optimizer)
        )
        for name, optimizer in _AS_OPTAX_COUNTS.items()
    ),
]
