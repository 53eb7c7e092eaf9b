"""Each hyperparameter of lecture 003 chosen by validation, the others at their default."""

from typing import Any

import jax
import numpy as np

import jaxnet
from experiments.harness.record import Claim, at_most, clearly_positive, over_seeds
from jaxnet.core.types import Key
from jaxnet.training import Recipe, sweep

SOURCE = "lecture 003, slide on hyperparameters"
CHOICES: dict[str, tuple[Any, ...]] = {
    "activation": ("relu", "tanh", "sigmoid"),
    "units": (4, 16, 64, 128),
    "learning rate": (0.01, 0.03, 0.1, 0.3, 1.0),
    "momentum": (0.0, 0.5, 0.9),
    "L2": (0.0, 1e-4, 1e-3, 1e-2),
    "drop rate": (0.0, 0.2, 0.5),
    "epochs": (25, 50, 100, 200),
}
DEFAULT = {
    "activation": "relu",
    "units": 64,
    "learning rate": 0.1,
    "momentum": 0.0,
    "L2": 0.0,
    "drop rate": 0.0,
    "epochs": 200,
}
TRAIN, HELD_OUT = 200, 400
"""Images of a draw: to train, to validate."""


def compare(seed: int, draws: int, epochs: int) -> dict[str, dict[Any, np.ndarray]]:
    """Return the share misread by hyperparameter and choice, shape ``(draws,)``.

    Of a shorter run than by default the choices of epochs are as much shorter.
    """
    whole = {name: value for name, value in DEFAULT.items() if name not in ("activation", "epochs")}
    changed = [whole] + [
        whole | {name: choice}
        for name in whole
        for choice in CHOICES[name]
        if choice != whole[name]
    ]
    curves = train("relu", changed, seed, draws, epochs)
    ends, rows = iter(curves[1:, :, -1]), {}
    for name, choices in CHOICES.items():
        if name == "activation":
            others = {each: train(each, [whole], seed, draws, epochs) for each in choices[1:]}
            rows[name] = {"relu": curves[0, :, -1]} | {n: c[0, :, -1] for n, c in others.items()}
        elif name == "epochs":
            places = [max(1, n * epochs // choices[-1]) - 1 for n in choices]
            rows[name] = {n: curves[0, :, at] for n, at in zip(choices, places, strict=True)}
        else:
            rows[name] = {
                choice: curves[0, :, -1] if choice == whole[name] else next(ends)
                for choice in choices
            }
    return rows


def train(
    activation: str, settings: list[dict[str, Any]], seed: int, draws: int, epochs: int
) -> np.ndarray:
    """Return the share of validation images misread, shape ``(settings, draws, epochs)``."""
    dataset = jaxnet.data.load_dataset("digits")
    key, n = jax.random.key(seed), len(dataset.train.targets)

    def build(index: Any, units: Any, rate: Any, momentum: Any, l2: Any, drop_rate: Any) -> Recipe:
        rows = jax.random.permutation(jax.random.fold_in(key, index), n)[: TRAIN + HELD_OUT]
        network = jaxnet.mlp(
            (64, max(CHOICES["units"]), 10),
            activation=activation,
            input_scale=dataset.input_scale,
            active_units=units,
            drop_rate=drop_rate,
        )

        def init(key: Key, shape: Any) -> Any:
            return network.init(jax.random.fold_in(key, index), shape)

        penalty = jaxnet.penalties.get_penalty("l2", strength=l2)
        optimizer = jaxnet.optim.momentum(rate, momentum=momentum)
        subset, held_out = rows[:TRAIN], rows[TRAIN:]
        own = network._replace(init=init)
        return Recipe(own, optimizer, penalty=penalty, subset=subset, held_out=held_out)

    names = ("units", "rate", "momentum", "l2", "drop_rate")
    found = sweep(
        build,
        dataset.train,
        key=key,
        settings=[
            dict(zip(names, each.values(), strict=True), index=index)
            for each in settings
            for index in range(draws)
        ],
        seeds=1,
        epochs=epochs,
        batch_size=50,
        width="all",
        keep="metrics",
        progress=f"hyperparameters, {activation}",
    )
    right = np.nan_to_num(np.asarray(found.history.validation["accuracy"], float))
    return 1 - right.reshape(len(settings), draws, -1)


def losses_of(errors: dict[Any, np.ndarray]) -> np.ndarray:
    """Return the share that the worst choice misreads above the best, by draw.

    Both are chosen by the validation images of the other draws, so that luck of a draw does not
    count.
    """
    table = np.array(list(errors.values()))
    others = table.sum(axis=1, keepdims=True) - table
    draws = np.arange(table.shape[1])
    return table[others.argmax(axis=0), draws] - table[others.argmin(axis=0), draws]


MATTER = ("activation", "units", "learning rate", "epochs")
"""Those that decide how much is misread in this task."""
LITTLE = 0.02
"""Difference of shares misread that a choice may make and not matter."""


def matter_claims(errors: dict[str, dict[Any, np.ndarray]]) -> list[Claim]:
    """Claim of each hyperparameter that its choice matters for the errors, or that it does not."""
    claims = []
    for name, each in errors.items():
        losses = losses_of(each)
        if name in MATTER:
            statement = f"{name}: the worst choice misreads more than the best"
            claims.append(clearly_positive(statement, SOURCE, losses))
        else:
            mean, error = over_seeds(losses)
            statement = f"{name} matters little here: shares misread of worst and best differ"
            more = {"uncertainty": error, "verdict": "fails"}
            claims.append(at_most(statement, SOURCE, abs(mean), LITTLE, **more))
    return claims
