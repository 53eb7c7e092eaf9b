"""The cases of the matrix, by family."""

from experiments._verification.case import Case
from experiments._verification.cases import adam, descent

CASES: list[Case] = [*descent.CASES, *adam.CASES]
"""Every case, in the order of the page."""
