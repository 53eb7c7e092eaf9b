"""Fingerprints: all that decides the bits of a run, and where two runs differ."""

import functools
import hashlib
import importlib.metadata
import itertools
import os
import re
from collections.abc import Mapping
from typing import Any, NamedTuple

import jax
from jax.sharding import Mesh

from jaxnet.core.errors import invalid_type, invalid_value
from jaxnet.core.trees import describe_array, describe_arrays, digest
from jaxnet.core.types import Description, Layer
from jaxnet.data.examples import Examples, named_arrays
from jaxnet.training.distributed.devices import Device

LINE = 300
"""Longest line of a program that is kept as it is; longer ones, large constants, as a digest."""

UNOPTIMIZED = "jax_disable_most_optimizations"
"""The one setting of JAX that alters what is compiled, and neither the program nor XLA's flags."""

EMPTY = "or begin in an empty folder."

REMEDIES = {
    "platform": "Only the same versions on the same device resume bit for bit: use those, "
    f"{EMPTY} jaxnet.training.restore_state loads the state of a run of fit anyway.",
    "arrays": "Pass the network, optimizer, rules and precision of that run, or another folder.",
    "members": f"Pass the settings, seeds, key and options of that sweep, {EMPTY}",
    "examples": f"Pass the examples of that run in the same order, {EMPTY}",
    "settings": f"Pass the settings of that run, {EMPTY}",
    "program": "Some number or function that the optimizer, its schedule or the network is made "
    f"of is another than in that run: pass the same, {EMPTY}",
    "start": f"Pass the key and the initial state of that run, {EMPTY}",
}
"""Parts of a fingerprint in the order of comparison -> what to do if they differ."""


class Fingerprint(NamedTuple):
    """All that decides the bits of a run: name -> value, plain enough for a JSON file.

    Attributes:
        platform: versions, device, number of processes and compiler flags. What else may matter
            cannot be seen from here: the processor's model and the number of its cores.
        arrays: dtype and shape of each array of the state.
        examples: dtype, shape and SHA-256 of each array of examples.
        settings: what the program was made of, in words; they decide nothing, but explain.
        program: the lowered program, which holds every number and function that it was made of.
        start: SHA-256 of each part of the state that the run began with.
        members: of a sweep, in place of a start: what its runs are given, and how it is cut up.
    """

    platform: dict[str, str]
    arrays: dict[str, str]
    examples: dict[str, str]
    settings: dict[str, str]
    program: str
    start: dict[str, str]
    members: dict[str, str]


def take_fingerprint(
    state: Any,
    train: Examples,
    validation: Examples | None,
    program: str,
    settings: Mapping[str, Any],
    processes: int = 1,
    *,
    members: Mapping[str, Any] | None = None,
    device: Device | None = None,
    stream: str | None = None,
) -> Fingerprint:
    """Return the fingerprint of a run. Hashing takes about a third of a second per 100 MB.

    Args:
        state: before the first epoch; of a sweep, shapes and dtypes of what a run gives.
        train: the examples to learn from.
        validation: those to evaluate on, if any.
        program: the text of one run's lowered program.
        settings: name -> what the program was made of: a number, a word, functions.
        processes: to how many the devices belong, which sum over theirs first.
        members: of a sweep: name -> what all its runs are given, arrays or words.
        stream: what ``train`` is the first chunk of, in words.
        device: one of those that train, all of one platform; by default JAX's first.
    """
    sets = {"train": named_arrays(train)}
    sets["validation"] = named_arrays(validation) if validation else {}
    # from another key all else differs: it comes first
    parts = {"key": state.key, **state._asdict()} if members is None else {}
    return Fingerprint(
        {"processes": str(processes)} | _platform(device or jax.devices()[0]),
        describe_arrays(state),
        ({} if stream is None else {"train": stream})
        | {f"{name}.{n}": _described(a) for name, each in sets.items() for n, a in each.items()},
        {name: in_words(value) for name, value in settings.items()},
        "\n".join(map(_shortened, program.splitlines())),
        {f"initial {name} of SHA-256": digest(part)[:16] for name, part in parts.items()},
        {name: _described(value) for name, value in (members or {}).items()},
    )


def check_same_run(here: Fingerprint, there: Fingerprint, path: Any) -> None:
    """Compare the run that starts with that of a checkpoint.

    Raises:
        TypeError: if the state is of another network, optimizer, rule or precision.
        ValueError: if anything else differs that decides the bits of the result.
    """
    for part in REMEDIES:
        mine, its = getattr(here, part), getattr(there, part)
        if part == "settings" and here.program == there.program:
            continue
        if part == "program":
            mine, its = _first_difference(mine, its)
        check_same(part, mine, its, path)


def check_same(part: str, here: Mapping[str, str], there: Mapping[str, str], path: Any) -> None:
    """Raise an error, for ``"arrays"`` a TypeError, that names the first difference of a part."""
    for name in dict.fromkeys((*here, *there)):
        mine, its = here.get(name, "none"), there.get(name, "none")
        if mine != its:
            error = invalid_type if part == "arrays" else invalid_value
            expected = f"to be of a run with {name} {mine}"
            raise error(f"checkpoint '{path}'", expected, its, REMEDIES[part])


def in_words(value: Any) -> str:
    """Return a setting in words that are the same in every process.

    A named tuple is called by its first field, such as the function of a loss.

    >>> in_words(functools.partial(round, ndigits=2)), in_words([("a", max)]), in_words(None)
    ('round(ndigits=2)', 'a max', 'none')
    """
    if value is None or (isinstance(value, tuple | list) and not value):
        return "none"
    if isinstance(value, str | bool | int | float):
        return str(value)
    if isinstance(value, Mesh):
        return str(value.size)
    if isinstance(value, functools.partial):
        options = ", ".join(f"{name}={in_words(option)}" for name, option in value.keywords.items())
        return f"{in_words(value.func)}({options})"
    if isinstance(value, Layer):
        return in_words(value.description)
    if isinstance(value, Description):
        plain = [each for each in value.settings.values() if not isinstance(each, Mapping)]
        inner = [*plain, *value.parts]
        return f"{value.kind}({', '.join(map(in_words, inner))})"
    if hasattr(value, "_fields"):  # a loss by its function, a rule by its name
        return in_words(value[0])
    if isinstance(value, tuple | list):
        separator = " " if value and isinstance(value[0], str) else ", "
        return separator.join(in_words(item) for item in value)
    return getattr(value, "__qualname__", type(value).__name__)


def _platform(device: Device) -> dict[str, str]:
    return {
        "jax": jax.__version__,
        "jaxlib": importlib.metadata.version("jaxlib"),
        "device": f"{device.platform} ({device.device_kind})",
        "XLA_FLAGS": repr(os.environ.get("XLA_FLAGS", "")),
        UNOPTIMIZED: str(jax.config.read(UNOPTIMIZED)),
    }


def _described(value: Any) -> str:
    """Return words as they are; one array by dtype, shape and digest, several by that alone."""
    if isinstance(value, str):
        return value
    sha = f"SHA-256 {digest(value)[:16]}"
    return f"{describe_array(value)} and {sha}" if hasattr(value, "dtype") else sha


def _shortened(line: str) -> str:
    sha = hashlib.sha256(line.encode()).hexdigest()
    return line if len(line) <= LINE else f"{line[:LINE]}... SHA-256 {sha}"


def _first_difference(here: str, there: str) -> tuple[dict[str, str], dict[str, str]]:
    """Return the first lines in which two programs differ, in more than the numbers of results."""
    name = "the line of its program"
    for numbers in (r"%[\w:#]+", "$^"):
        texts = (re.sub(numbers, "%", text).splitlines() for text in (here, there))
        for mine, its in itertools.zip_longest(*texts, fillvalue="its end"):
            if mine != its:
                return {name: f"'{mine.strip()}'"}, {name: f"'{its.strip()}'"}
    return {}, {}
