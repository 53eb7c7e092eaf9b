"""Check of the extra arguments of ``update``."""

from collections.abc import Mapping, Sequence
from typing import Any

from jaxnet.core.errors import invalid_value


def check_extra(needs: Sequence[str], extra: Mapping[str, Any]) -> None:
    """Raise a ValueError that names the first missing extra argument of ``update``."""
    for name in needs:
        if extra.get(name) is None:
            given = ", ".join(f"{n}=..." for n in needs)
            call = f"optimizer.update(gradients, state, params, {given})"
            remedy = f"Inside jaxnet.training.fit it is given; elsewhere call {call}."
            raise invalid_value(name, "to be given to update", "None", remedy)
