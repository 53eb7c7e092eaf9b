"""Balance of the classes: weights or resampling for rare ones."""

from typing import Literal

import jax
import numpy as np

from jaxnet.core.checks import check_choice, check_key, require
from jaxnet.core.types import AnyArray, Key
from jaxnet.data.examples import Examples, check_examples, count

To = Literal["largest", "smallest"]


def class_weights(targets: AnyArray) -> np.ndarray:
    """Return weights by which every class counts the same: ``n / (classes x members)``.

    Args:
        targets: integer labels, shape ``(n,)``.

    Returns:
        A weight an example, of mean 1, float64: the ``weights`` of `Examples`.

    Raises:
        ValueError: for what are no labels.

    Source: King and Zeng 2001, "Logistic regression in rare events data"; lecture 004.

    >>> class_weights(np.array([0, 0, 1, 2, 0, 0])).tolist()
    [0.5, 0.5, 2.0, 2.0, 0.5, 0.5]
    """
    _, labels, members = _classes(targets)
    return len(labels) / (len(members) * members[labels].astype(np.float64))


def balance(examples: Examples, *, key: Key, to: To = "largest") -> Examples:
    """Resample examples at random so that every class has the same number.

    Balance training examples alone: the others then still have the classes' true proportions.

    Args:
        examples: with integer labels.
        key: PRNG key of the choice and of the order.
        to: ``"largest"``: the members of smaller classes are repeated, each as often as the others
            up to once; ``"smallest"``: members of larger ones are left out.

    Raises:
        ValueError: for what are no labels.

    >>> few = Examples(np.arange(4)[:, None], np.array([0, 0, 0, 1]))
    >>> sorted(balance(few, key=jax.random.key(0)).targets.tolist())
    [0, 0, 0, 1, 1, 1]
    """
    examples = check_examples("examples", examples)
    choose = check_choice("to", to, {"largest": np.max, "smallest": np.min})
    check_key("key", key)
    first, second = jax.random.split(key)
    order = np.asarray(jax.random.permutation(first, count(examples)))
    _, labels, members = _classes(examples.targets)
    size = int(choose(members))
    chosen = [np.resize(order[labels[order] == label], size) for label in range(len(members))]
    mixed = np.asarray(jax.random.permutation(second, size * len(members)))
    return examples.take(np.concatenate(chosen)[mixed])


def _classes(targets: AnyArray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    labels = np.asarray(targets)
    good = labels.ndim == 1 and labels.dtype.kind in "biu" and len(labels)
    require(good, "targets", "to be integer labels", f"{labels.dtype} of shape {labels.shape}")
    return np.unique(labels, return_inverse=True, return_counts=True)
