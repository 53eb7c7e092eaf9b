"""Network of an experiment, by the options of its command."""

from typing import Any

import jax

import jaxnet
from jaxnet.core.checks import require
from jaxnet.core.types import Layer
from jaxnet.networks import count_parameters


def build_network(
    name: str, inputs: int, outputs: int, settings: Any, *, input_scale: float | None = None
) -> Layer:
    """Return a multilayer perceptron, and print its shape.

    Args:
        name: of the data set.
        inputs: features of an example.
        outputs: classes, or numbers to predict.
        settings: a config with the fields widths, activation, initializer, batch_norm, drop_rate
            and input_drop_rate.
        input_scale: factor of the inputs; None for none.

    Raises:
        ValueError: if the first or the last width does not fit the data set.
    """
    widths = (inputs, 100, 100, outputs) if settings.widths is None else settings.widths
    fits = len(widths) > 1 and (widths[0], widths[-1]) == (inputs, outputs)
    expected = f"to start with {inputs} and end with {outputs} for {name}"
    remedy = f"For example: --widths {inputs} 100 100 {outputs}"
    require(fits, "--widths", expected, widths, remedy)
    names = ("activation", "initializer", "batch_norm", "drop_rate", "input_drop_rate")
    options = {name: getattr(settings, name) for name in names}
    network = jaxnet.mlp(widths, input_scale=input_scale, **options)
    params, _ = jax.eval_shape(lambda key: network.init(key, (inputs,)), jax.random.key(0))
    shape, count = "-".join(map(str, widths)), f"{count_parameters(params):,} parameters"
    print(f"{name}: network {shape}, {settings.activation}: {count}")
    return network
