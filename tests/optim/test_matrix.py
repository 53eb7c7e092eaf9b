"""The verification matrix: every optimizer, under every convention, beside every witness."""

import pytest

from experiments._verification.case import Case, conventions
from experiments._verification.cases import CASES
from experiments._verification.compare import EXACT, ULPS, difference, float32_ulps
from experiments._verification.paths import LIBRARIES, has

ROWS = [
    pytest.param(case, like, id=f"{case.name}-{like}".replace(" ", "-"))
    for case in CASES
    for like in conventions(case.optimizer)
]


@pytest.mark.parametrize(("case", "like"), ROWS)
def test_equals_the_library_and_the_oracle_and_is_exact_in_float32(case: Case, like: str) -> None:
    peer = like in LIBRARIES and has(like) and getattr(case, like) is not None
    for witness in [like] * peer + ["oracle"]:
        found = difference(case, like, witness)
        if witness in case.known:
            assert found.largest > EXACT, f"{witness} is mended: {case.known[witness].reason}"
        else:
            assert found.largest <= EXACT, f"{witness} at {found.leaf}: {found.largest}"
    assert float32_ulps(case, like) <= ULPS
