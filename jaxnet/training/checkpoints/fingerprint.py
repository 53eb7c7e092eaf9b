"""Fingerprints: all that decides the bits of a run, and in words where two runs differ."""

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

from jaxnet.core.errors import InputError, invalid_type, invalid_value
from jaxnet.core.trees import describe_array, describe_arrays, digest
from jaxnet.core.types import Description, Layer
from jaxnet.data.examples import Examples
from jaxnet.training.distributed.devices import Device
from jaxnet.training.loop.state import TrainState

LINE = 300
"""Longest line of a program that is kept as it is; longer ones, large constants, as a digest."""


UNOPTIMIZED = "jax_disable_most_optimizations"
"""The one setting of JAX that alters what is compiled, and neither the program nor XLA's flags."""


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
    members: dict[str, str] = {}  # noqa: RUF012  nobody changes it


def take_fingerprint(
    start: TrainState,
    train: Examples,
    validation: Examples | None,
    program: str,
    settings: Mapping[str, Any],
    processes: int = 1,
) -> Fingerprint:
    """Return the fingerprint of a run. Hashing takes about a third of a second per 100 MB.

    Args:
        start: the state before the first epoch.
        train: the examples to learn from.
        validation: those to evaluate on, if any.
        program: the text of the lowered program.
        settings: name -> what the program was made of: a number, a word, functions.
        processes: to how many the devices belong, which sum over theirs first.
    """
    return Fingerprint(
        platform={"processes": str(processes)} | _platform(jax.devices()[0]),
        arrays=describe_arrays(start),
        examples=_describe_examples(train=train, validation=validation),
        settings={name: in_words(value) for name, value in settings.items()},
        program=_shortened(program),
        start={name: digest(part) for name, part in start._asdict().items()},
    )


def take_sweep_fingerprint(
    result: Any,
    members: Mapping[str, Any],
    train: Examples,
    validation: Examples | None,
    program: str,
    settings: Mapping[str, Any],
    device: Device,
) -> Fingerprint:
    """Return the fingerprint of many runs of one program.

    Args:
        result: shapes and dtypes of what a run gives.
        members: name -> what all runs are given: arrays, or words.
        train: the examples to learn from.
        validation: those to evaluate on, if any.
        program: the text of one run's lowered program.
        settings: name -> what the program was made of.
        device: one of those that train; the others are of its platform.
    """
    return Fingerprint(
        platform=_platform(device),
        arrays=describe_arrays(result),
        examples=_describe_examples(train=train, validation=validation),
        settings={name: in_words(value) for name, value in settings.items()},
        program=_shortened(program),
        start={},
        members={n: v if isinstance(v, str) else _described(v) for n, v in members.items()},
    )


def check_same_run(here: Fingerprint, there: Fingerprint, folder: Any) -> None:
    """Raise unless a checkpoint is of the very run that is to go on.

    Args:
        here: the run that starts.
        there: the run that the checkpoint is of.
        folder: where the checkpoint is.

    Raises:
        TypeError: if its state is another's: another network, optimizer, rule or precision.
        ValueError: if anything else differs that decides the bits of the result.
    """
    check = functools.partial(_check, folder)
    state = "" if here.members else " take its state by jaxnet.training.restore_state,"
    remedy = (
        f"Only the same versions on the same device go on bit for bit: use those,{state} "
        "or begin in an empty folder."
    )
    check(here.platform, there.platform, remedy)
    check_same_arrays(here.arrays, there.arrays, folder)
    remedy = "Pass the settings, seeds, key and options of that sweep, or begin in an empty folder."
    check(here.members, there.members, remedy)
    remedy = "Pass the examples of that run in the same order, or begin in an empty folder."
    check(here.examples, there.examples, remedy)
    if here.program != there.program:
        remedy = "Pass the settings of that run, or begin in an empty folder."
        check(here.settings, there.settings, remedy)
        remedy = (
            "Some number or function that the optimizer, its schedule or the network is made of "
            "is another than in that run: pass the same, or begin in an empty folder."
        )
        mine, its = _first_difference(here.program, there.program)
        name = "the line of its program"
        check({name: f"'{mine}'"}, {name: f"'{its}'"}, remedy)
    remedy = "Pass the key and the initial state of that run, or begin in an empty folder."
    check(_initial(here), _initial(there), remedy)


def check_same_arrays(here: Mapping[str, str], there: Mapping[str, str], folder: Any) -> None:
    """Raise a TypeError that names the first array in which two states differ.

    Args:
        here: the arrays asked for, by `describe_arrays`.
        there: those of the checkpoint.
        folder: where the checkpoint is.
    """
    remedy = "Pass the network, optimizer, rules and precision of that run, or another folder."
    _check(folder, here, there, remedy, error=invalid_type)


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


def _described(tree: Any) -> str:
    """Return what arrays are: one by dtype and shape, too, several by their digest alone."""
    sha = f"SHA-256 {digest(tree)[:16]}"
    return f"{describe_array(tree)} and {sha}" if hasattr(tree, "dtype") else sha


def _describe_examples(**sets: Examples | None) -> dict[str, str]:
    return {
        f"{name}.{field}": _described(array)
        for name, examples in sets.items()
        if examples is not None
        for field, array in examples._asdict().items()
    }


def _shortened(program: str) -> str:
    def short(line: str) -> str:
        sha = hashlib.sha256(line.encode()).hexdigest()
        return line if len(line) <= LINE else f"{line[:LINE]}... SHA-256 {sha}"

    return "\n".join(short(line) for line in program.splitlines())


def _first_difference(here: str, there: str) -> tuple[str, str]:
    """Return the first lines in which two programs differ, in more than the numbers of results."""
    for numbers in (r"%[\w:#]+", "$^"):
        texts = (re.sub(numbers, "%", text).splitlines() for text in (here, there))
        for mine, its in itertools.zip_longest(*texts, fillvalue="its end"):
            if mine != its:
                return mine.strip(), its.strip()
    return here, there


def _initial(run: Fingerprint) -> dict[str, str]:
    """Return the digests of the start, the key's first: from another one all else differs."""
    first = {name: run.start[name] for name in ("key",) if name in run.start}
    return {f"initial {name} of SHA-256": value[:16] for name, value in (first | run.start).items()}


def _check(
    folder: Any,
    here: Mapping[str, str],
    there: Mapping[str, str],
    remedy: str,
    *,
    error: Any = invalid_value,
) -> None:
    """Raise the error that names the first entry in which two mappings differ."""
    difference = _difference(here, there)
    if difference is not None:
        name, mine, its = difference
        expected = f"to be of a run with {name} {mine}"
        raised: InputError = error(f"checkpoint '{folder}'", expected, its, remedy)
        raise raised


def _difference(here: Mapping[str, str], there: Mapping[str, str]) -> tuple[str, str, str] | None:
    for name in dict.fromkeys((*here, *there)):
        mine, its = here.get(name, "none"), there.get(name, "none")
        if mine != its:
            return name, mine, its
    return None
