"""All schedules of jaxnet, over 100 steps from a rate of 1."""

from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from jaxnet import schedules

STEPS = 100
OPTIONS: dict[str, dict[str, dict[str, Any]]] = {
    "Decays without an end": {
        "constant": {"value": 1.0},
        "inverse_time_decay": {"init_value": 1.0, "transition_steps": 10},
        "inverse_polynomial_decay": {"init_value": 1.0, "power": 0.5},
        "exponential_decay": {"init_value": 1.0, "transition_steps": 25, "decay_rate": 0.5},
        "step_decay": {"init_value": 1.0, "transition_steps": 25, "decay_rate": 0.5},
    },
    "They reach an end": {
        "linear": {"init_value": 1.0, "end_value": 0.0, "transition_steps": 80},
        "polynomial": {"init_value": 1.0, "end_value": 0.0, "power": 2, "transition_steps": 80},
        "cosine_decay": {"init_value": 1.0, "decay_steps": 80},
        "piecewise_constant": {"init_value": 1.0, "boundaries_and_scales": {30: 0.5, 60: 0.2}},
        "piecewise_interpolate": {
            "interpolate_type": "linear",
            "init_value": 1.0,
            "boundaries_and_scales": {30: 0.5, 60: 0.2},
        },
    },
    "They warm up": {
        "warmup_constant": {"init_value": 0.0, "peak_value": 1.0, "warmup_steps": 20},
        "warmup_cosine_decay": {
            "init_value": 0.0,
            "peak_value": 1.0,
            "warmup_steps": 20,
            "decay_steps": 100,
        },
        "warmup_exponential_decay": {
            "init_value": 0.0,
            "peak_value": 1.0,
            "warmup_steps": 20,
            "transition_steps": 40,
            "decay_rate": 0.5,
        },
        "linear_onecycle": {"transition_steps": 100, "peak_value": 1.0},
        "cosine_onecycle": {"transition_steps": 100, "peak_value": 1.0},
    },
    "They cycle, or wait for a plateau": {
        "cosine_annealing": {"init_value": 1.0, "decay_steps": 25},
        "cosine_restarts": {"init_value": 1.0, "decay_steps": 20, "t_mul": 2},
        "cyclic": {"init_value": 0.1, "peak_value": 1.0, "step_size_up": 15},
    },
}
"""Title of a panel -> name -> options."""
RULE = "reduce on plateau, factor 0.1"


def curves() -> dict[str, dict[str, np.ndarray]]:
    """Return by panel and name the rates at counts 0 to 99, shape (100,).

    That of the plateau rule is for a loss that falls for 40 steps and then stays.
    """
    counts = jnp.arange(STEPS)
    drawn = {
        panel: {
            n: np.asarray(jax.vmap(schedules.get_schedule(n, **o))(counts))
            for n, o in options.items()
        }
        for panel, options in OPTIONS.items()
    }
    rule, losses = (
        schedules.plateau(factor=0.1, patience=20),
        jnp.exp(-jnp.minimum(counts, 40) / 10),
    )

    def step(state: Any, loss: Any) -> Any:
        return rule.update(state, loss), state.scale

    *_, last = drawn.values()
    last[RULE] = np.asarray(jax.lax.scan(step, rule.init(), losses)[1])
    return drawn
