"""People, drawn at random: heights and weights, and facts that many share."""

import numpy as np

from jaxnet.data import Examples

OTHERS = 60
"""People of a group."""
GIANT, LIGHT = (2.51, 78.0), (1.82, 24.0)
SLOPE = 76.0
"""Kilogrammes by which the weight of adults rises a metre."""


def draw_families(random: np.random.Generator) -> Examples:
    """Draw heights in m and weights in kg of people of all ages, children too."""
    height = random.uniform(0.9, 1.95, (OTHERS, 1))
    index = 15 + 8 * (height - 0.9) + random.normal(0, 1.5, (OTHERS, 1))
    return Examples(height, index * height**2)


def draw_adults(random: np.random.Generator, number: int = OTHERS) -> Examples:
    """Draw heights in m and weights in kg, which rise by 76 kg a metre."""
    height = random.normal(1.72, 0.08, (number, 1))
    return Examples(height, 70 + SLOPE * (height - 1.72) + random.normal(0, 5, (number, 1)))


def with_(people: Examples, person: tuple[float, float]) -> Examples:
    """Add a person, of a height and a weight."""
    return Examples(*(np.append(f, [[n]], axis=0) for f, n in zip(people, person, strict=True)))


def draw_coarse(random: np.random.Generator, number: int) -> np.ndarray:
    """Draw ages in years, levels of education and cities: facts that many people share."""
    columns = random.integers(18, 80, number), random.integers(0, 4, number)
    return np.stack([*columns, random.integers(0, 5, number)], axis=1).astype(float)


def draw_fine(random: np.random.Generator, number: int) -> np.ndarray:
    """Draw ages in years, heights to .01 cm and weights to .01 kg."""
    height = random.normal(172, 8, number)
    weight = 70 + 0.76 * (height - 172) + random.normal(0, 10, number)
    return np.stack([random.integers(18, 80, number), height.round(2), weight.round(2)], axis=1)
