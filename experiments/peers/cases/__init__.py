"""The cases of the matrix, by family."""

from experiments.peers.case import Case
from experiments.peers.cases import adam, descent, matrices, norms, parameter_free, squares

CASES: list[Case] = [
    *descent.CASES,
    *squares.CASES,
    *adam.CASES,
    *norms.CASES,
    *matrices.CASES,
    *parameter_free.CASES,
]
"""Cases in the order of the page."""
