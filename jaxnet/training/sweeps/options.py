"""Options that searches pass on to `sweep`."""

from collections.abc import Mapping
from typing import Any

from jaxnet.core.checks import check_choice, require
from jaxnet.training.program import LoopConfig
from jaxnet.training.recipe import Recipe
from jaxnet.training.sweeps.execution import Execution, on_devices

OPTIONS = (*LoopConfig._fields[2:], *Execution._fields)
"""What of `sweep`'s arguments any search takes: ``shuffle``, ``width``, ``devices`` ..."""


def divide_options(
    options: Mapping[str, Any], *, epochs: int, batch_size: int
) -> tuple[LoopConfig, Execution]:
    """Divide options into those of the loop and those of execution.

    Raises:
        ValueError: for an unknown option, with the nearest that there is; for devices that
            cannot work together.
    """
    for name in options:
        check_choice("options", name, dict.fromkeys(OPTIONS))
    of_loop = {name: v for name, v in options.items() if name in LoopConfig._fields}
    of_execution = {name: v for name, v in options.items() if name in Execution._fields}
    execution = on_devices(Execution(**of_execution))
    return LoopConfig(epochs, batch_size, **of_loop), execution


def check_all_examples(recipe: Recipe) -> Recipe:
    """Return a recipe, or raise a ValueError if it has a subset or held-out examples."""
    for name in ("subset", "held_out"):
        chosen, remedy = getattr(recipe, name) is not None, "The search chooses the examples."
        require(not chosen, f"the recipe's {name}", "to be None", "indices", remedy)
    return recipe
