"""Wide or deep: pieces counted against exact arithmetic, and claims that can fail."""

from fractions import Fraction
from pathlib import Path

import numpy as np
import pytest

from experiments import width_or_depth
from experiments.width_or_depth import cost, pieces
from experiments.width_or_depth.pieces import Affine, count_pieces, linear_pieces, sawtooth
from experiments.width_or_depth.training import DEPTHS, Fitted, Learned, fitting_width
from tests.experiments.test_commands import recorded


@pytest.mark.slow
def test_the_record_of_width_or_depth(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(width_or_depth, "DEPTHS", (1, 11))  # each depth is a program to compile
    record = recorded("width_or_depth", tmp_path, "--smoke")
    assert [claim["holds"] for claim in record["claims"]] == [True] * 6
    assert np.shape(record["results"]["learned"]["11"]["validation"]) == (5, 2)
    assert len(record["results"]["fitted"]["4 x 2"]["pieces"]) == 2


def output(layers: list[Affine], x: Fraction) -> Fraction:
    """Return the output of a network in exact arithmetic."""
    y = [x]
    for place, (w, b) in enumerate(layers):
        z = [
            sum((Fraction(v) * u for v, u in zip(row, y, strict=True)), Fraction(bias))
            for row, bias in zip(w.tolist(), b.tolist(), strict=True)
        ]
        y = [max(Fraction(0), each) for each in z] if place + 1 < len(layers) else z
    return y[0]


@pytest.mark.parametrize("hidden", [[5], [4, 4], [3, 3, 3, 3]])
def test_pieces_are_those_of_exact_arithmetic(hidden: list[int]) -> None:
    random = np.random.default_rng(len(hidden))
    for _ in range(10):
        layers = pieces.random_network(random, (1, *hidden, 1))
        found = linear_pieces(layers, -3, 3)
        for low, high in zip(found.edges[:-1], found.edges[1:], strict=True):
            inner = [Fraction(low) + (Fraction(high) - Fraction(low)) * k / 7 for k in range(1, 7)]
            values = [output(layers, x) for x in inner]
            bends = np.diff(np.array(values), 2)  # of exact numbers
            assert np.abs(bends).max() < 1e-13 * max(1, *map(abs, values))
        assert np.all(np.abs(np.diff(found.slopes)) > 1e-9)
        fine = np.linspace(-3, 3, 2001)
        exact = [output(layers, Fraction(x)) for x in fine[::100]]
        np.testing.assert_allclose(found(fine[::100]), np.array(exact, float), atol=1e-12)


def test_pieces_by_hand() -> None:
    absolute = [(np.array([[1.0], [-1.0]]), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))]
    assert count_pieces(absolute) == 2
    assert count_pieces(absolute, 1, 2) == 1
    assert linear_pieces(absolute).slopes.tolist() == [-1, 1]
    nothing = [(np.array([[1.0], [1.0]]), np.zeros(2)), (np.array([[1.0, -1.0]]), np.zeros(1))]
    assert count_pieces(nothing) == 1  # the units cancel


def test_the_sawtooth_is_the_tent_map_again_and_again() -> None:
    x = np.arange(64) / 64
    expected = x
    for hidden in range(1, 6):
        expected = np.minimum(2 * expected, 2 - 2 * expected)
        np.testing.assert_array_equal(linear_pieces(sawtooth(hidden), 0, 1)(x), expected)
        assert count_pieces(sawtooth(hidden), 0, 1) == 2**hidden


UNITS = pieces.UNITS * np.array(pieces.STACK)[:, None]
EXPONENTIAL = 2.0 ** np.array(pieces.STACK)[:, None] * np.ones(3)


def piece_claims(teeth: dict[int, int], wide: np.ndarray = UNITS + 1) -> list[bool]:
    return [claim.holds for claim in width_or_depth.piece_claims(teeth, wide)]


def test_claims_about_pieces_can_fail() -> None:
    layers = width_or_depth.TEETH
    assert piece_claims({n: 2**n for n in layers}) == [True] * 3
    assert piece_claims({n: 2 * n + 1 for n in layers}, UNITS + 2) == [False] * 3
    noise = 1 + 0.01 * np.arange(3)
    assert width_or_depth.chance_claim(UNITS * noise).holds
    assert not width_or_depth.chance_claim(EXPONENTIAL * noise).holds


def test_a_tent_that_misses_the_whole_interval_makes_fewer_pieces() -> None:
    def low(hidden: int) -> int:
        layers = sawtooth(hidden)
        w, b = layers[-1]
        inner = [(0.45 * w_, b_) if place else (w_, b_) for place, (w_, b_) in enumerate(layers)]
        return count_pieces([*inner[:-1], (w, b)], 0, 1)

    assert piece_claims({layers: low(layers) for layers in width_or_depth.TEETH})[0] is False


def test_claims_about_cost_can_fail() -> None:
    good = {shape: cost.counted(shape) for shape in [(784, 100, 100, 10), (5, 7, 4, 3)]}
    assert [claim.holds for claim in width_or_depth.cost_claims(good)] == [True] * 3
    no_bias = {w: (p - n, f - n, n) for w, (p, f, n) in good.items()}
    assert [claim.holds for claim in width_or_depth.cost_claims(no_bias)] == [False] * 3


def test_all_networks_have_as_many_parameters() -> None:
    for hidden in DEPTHS:
        width = fitting_width(hidden, 64, 10)
        assert abs(cost.formula((64, *[width] * hidden, 10)) / 18_000 - 1) < 0.02
    assert [fitting_width(hidden, 64, 10) for hidden in DEPTHS] == [240, 101, 66, 38]


def training_claims(step: float, missed: float) -> list[bool]:
    noise = 0.001 * np.arange(4)
    learned = {
        layers: Learned((64, 1, 10), 0.01, np.zeros((1, 4)), 0.97 + step * place + noise)
        for place, layers in enumerate(DEPTHS)
    }
    fitted = {"4 x 2": Fitted(missed + noise, np.ones(4), np.zeros(3))}
    claims = width_or_depth.training_claims(learned, fitted, 1 / 360)
    return [claim.holds for claim in claims]


def test_claims_about_training_can_fail() -> None:
    assert training_claims(-0.001, 1.0) == [True, True]
    assert training_claims(0.02, 0.1) == [False, False]
