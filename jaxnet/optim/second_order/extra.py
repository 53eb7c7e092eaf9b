"""The check that ``update`` was given the extra arguments that a method needs."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxnet.core.errors import invalid_value


def check_extra(needs: Sequence[str], extra: Mapping[str, Any]) -> None:
    """Raise a ValueError that names the first extra argument that ``update`` was not given."""
    for name in needs:
        if extra.get(name) is None:
            given = ", ".join(f"{n}=..." for n in needs)
            call = f"optimizer.update(gradients, state, params, {given})"
            remedy = f"Inside jaxnet.training.fit it is given; elsewhere call {call}."
            raise invalid_value(name, "to be given to update", "None", remedy)
