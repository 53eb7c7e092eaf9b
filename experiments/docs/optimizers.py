"""Pages of the optimizers: equation, conventions, rows of the matrix, paths, docstring."""

import inspect
import json
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, get_args

import jaxnet
from experiments.docs.docstrings import formulas, inline, signature
from experiments.docs.faces import Index, Name, entry, optimizers, table
from experiments.docs.landscapes import LANDSCAPES, RATED, STEPS, UNRATED, draw, example, follow
from jaxnet.optim.verification import DEFAULTS, REASONS, conventions

RECORD = "verify_optimizers"
"""Experiment that measures the matrix."""

_COMMAND = f"python -m experiments.{RECORD}"

_NOT_MEASURED = (
    f"Not measured in this build, which found no result of ``{_COMMAND}``: its rows, each held "
    "against the library of its convention and against the rule written again in NumPy from the "
    "paper, stand here where that has run."
)


def optimizer_page(
    name: str, index: Index, record: Mapping[str, Any] | None, folder: Path, *, drawn: bool
) -> str:
    """Return the page of an optimizer, and draw its figures.

    Args:
        name: of the optimizer.
        index: of all public names.
        record: of `RECORD`; None if there is none.
        folder: takes the figures.
        drawn: whether its paths are computed and drawn.
    """
    public = index.by_full[f"jaxnet.optim.{name}"]
    drawn = drawn and name in {**RATED, **UNRATED}  # what scales all steps has no path of its own
    landscapes = [_heading("Down a landscape"), _paths(name, folder)] if drawn else []
    parts = [
        f"{name}\n{'=' * len(name)}",
        _equations(public),
        *landscapes,
        _heading("Conventions"),
        _conventions(name, index),
        _heading("Verification"),
        matrix_rows(name, record),
        _heading("Documentation"),
        entry(public, index),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _heading(title: str) -> str:
    return f"{title}\n{'-' * len(title)}"


def _equations(name: Name) -> str:
    """Return the equations of the docstring, displayed one below the other."""
    found = formulas(inspect.getdoc(name.value) or "", signature(name.value)[1])
    return "\n\n".join(f".. math::\n\n   {latex}" for latex in dict.fromkeys(found))


def _paths(name: str, folder: Path) -> str:
    paths = follow(name)
    chosen = (
        ", each at the learning rate, of thirteen from 0.001 to 10, that led lowest"
        if name in RATED
        else ""
    )
    parts = [f"Paths of {STEPS} steps{chosen}."]
    figures = []
    for kind, landscape in LANDSCAPES.items():
        draw(landscape, paths.points[kind], folder / f"{name}_{kind}.svg")
        rate, end = paths.rate[kind], paths.values[kind]
        call = _on_one_line(repr(example(name, rate)))
        alt = f"Path of {name} down {landscape.name}, which ends at height {end:.1e}"
        figures.append(
            f".. figure:: {name}_{kind}.svg\n   :alt: {alt}\n   :figclass: landscape\n\n"
            f"   {landscape.name.capitalize()}, :math:`{landscape.latex}`: ``{call}`` ends at "
            f"{end:.1e}."
        )
    return "\n\n".join([*parts, ".. container:: landscapes", *(_indented(f) for f in figures)])


def _on_one_line(call: str) -> str:
    r"""Return a call on one line, without conventions that are optax's.

    >>> _on_one_line("chain(\n    clip(1),\n    sgd(0.1, like='optax'),\n)")
    'chain(clip(1), sgd(0.1))'
    """
    line = re.sub(r",? ?like='optax'", "", " ".join(call.split()))
    return line.replace("( ", "(").replace(", )", ")")


def _indented(text: str) -> str:
    return "\n".join(f"   {line}".rstrip() for line in text.splitlines())


def _conventions(name: str, index: Index) -> str:
    """Return the defaults of each convention, and why they differ at equal settings."""
    names = _likes(name)
    if not names:
        return "It has one convention."
    if name not in DEFAULTS:
        choices = ", ".join(f'``"{like}"``' for like in names)
        return f"``like`` is one of {choices}; its documentation below has the differences."
    defaults = DEFAULTS[name]
    if len(names) == 1:
        return f"It has one convention, that of {names[0]}."
    fields = list(dict.fromkeys(field for like in names for field in defaults.get(like, {})))
    rows = [
        (
            f"``like={like!r}``".replace("'", '"'),
            *(_number(defaults.get(like, {}).get(field)) for field in fields),
        )
        for like in names
    ]
    head = ("convention", *(f"``{field}``" for field in fields))
    about = "Defaults that depend on the convention, as the libraries have them"
    if "learning_rate" in fields:
        about += "; of ``learning_rate`` jaxnet itself has none"
    parts = [f"{about}:", table(head, rows)] if fields else []
    pairs = [(a, b, REASONS[key]) for key in REASONS if key[0] == name for a, b in [key[1:]]]
    if pairs:
        parts += ["What differs at equal settings:", _reasons(pairs, index)]
    elif len(names) > 1:
        parts.append("At equal settings all are one rule.")
    return "\n\n".join(parts)


def _likes(name: str) -> tuple[str, ...]:
    """Return the conventions of an optimizer or transformation."""
    if name in jaxnet.optim.OPTIMIZERS:
        return conventions(name)
    parameters = inspect.signature(getattr(jaxnet.optim, name)).parameters
    return get_args(parameters["like"].annotation) if "like" in parameters else ()


def _reasons(pairs: Iterable[tuple[str, str, Any]], index: Index) -> str:
    rows = [
        (f"{a} and {b}", f"{inline(reason.text, index.refer, {})} {_link(reason.link)}".strip())
        for a, b, reason in pairs
    ]
    return table(("conventions", "reason"), rows, stacked=True)


def matrix_rows(name: str, record: Mapping[str, Any] | None) -> str:
    """Return the rows of the verification matrix."""
    if record is None:
        return _NOT_MEASURED
    rows = rows_of(name, record)
    if not rows:
        return f"The result of ``{_COMMAND}`` at hand has no row of it."
    witnesses = list(dict.fromkeys(each for row in rows for each in row["witnesses"]))
    float32 = ["float32"] if any(row["ulps"] is not None for row in rows) else []
    head = ("settings", "like", *witnesses, *float32, "verdict")
    lines = [
        (
            _said(row["case"]),
            row["like"],
            *(_small(row["witnesses"].get(each)) for each in witnesses),
            *("" if row["ulps"] is None else f"{row['ulps']:.1f} ulp" for _ in float32),
            f"{row['verdict']} {_said(row['note'])} {_link(row['link'])}".strip(),
        )
        for row in rows
    ]
    said = [
        "The largest difference of a parameter over 100 steps, in float64, relative to "
        ":math:`\\max(1, |w|)`, from each library",
        " and from the rule written again in NumPy from the paper (*oracle*)"
        if "oracle" in witnesses
        else "",
        "; *float32* is the worst error of one step, in units in the last place" if float32 else "",
    ]
    versions = ", ".join(f"{n} {v}" for n, v in record["environment"]["versions"].items())
    return f"{''.join(said)}.\n\n{table(head, lines)}\n\nBy ``{_COMMAND}``, with {versions}."


def _said(text: str) -> str:
    return inline(text, lambda name: f"``{name}``", {})


def _small(value: float | None) -> str:
    return "" if value is None else f"{value:.1e}" if value else "0"


def _number(value: Any) -> str:
    return "" if value is None else f"{value:g}"


def _link(address: str) -> str:
    return f"`[source] <{address}>`__" if address else ""


_VERDICTS = (
    "A verdict *equal* is held in float64 over 100 steps; *theirs* is a known bug of a library, "
    "pinned to its version."
)


def overview(record: Mapping[str, Any] | None) -> str:
    """Return the page of all optimizers: which there are, and the whole matrix in a line each."""
    title = "Optimizers and the verification matrix"
    parts = [
        f"{title}\n{'=' * len(title)}",
        "Each page has the equation, the conventions of optax, PyTorch, Keras and the lectures, "
        "the rows of the verification matrix, and paths down two landscapes.",
        _VERDICTS if record else _NOT_MEASURED,
    ]
    head = ("name", "conventions", "rows", "largest of equal ones")
    for heading, group in optimizers().items():
        rows = [(f":doc:`{n}`", ", ".join(_likes(n)), *_matrix_line(n, record)) for n in group]
        tree = "\n".join(f"   {name}" for name in group)
        parts += [_heading(heading), table(head[: len(rows[0])], rows)]
        parts.append(f".. toctree::\n   :hidden:\n\n{tree}")
    return "\n\n".join(parts) + "\n"


def _matrix_line(name: str, record: Mapping[str, Any] | None) -> tuple[str, ...]:
    """Return the verdicts of an optimizer's rows and the largest difference of equal ones."""
    if record is None:
        return ()
    found = rows_of(name, record)
    verdicts = [row["verdict"] for row in found]
    said = ", ".join(f"{verdicts.count(v)} {v}" for v in dict.fromkeys(verdicts))
    equal = [row["witnesses"].values() for row in found if row["verdict"] == "equal"]
    worst = max((max(differences) for differences in equal if differences), default=None)
    return said or "none", _small(worst)


def rows_of(name: str, record: Mapping[str, Any]) -> list[Mapping[str, Any]]:
    """Return the rows of an optimizer; of a name without any those of cases that name it."""
    results = record["results"]
    rows = [*results["rows"], *(row for found in results["others"].values() for row in found)]
    own = [row for row in rows if row["optimizer"] == name]
    return own or [row for row in rows if name in row["case"].split(", ")]


def read_record(results: Path, name: str) -> tuple[Mapping[str, Any], Path] | None:
    """Return the record of an experiment and its folder, if it has run.

    Args:
        results: folder whose folders, or those of its folder ``all``, are of experiments.
        name: of the experiment.
    """
    for folder in (results / name, results / "all" / name):
        path = folder / "result.json"
        if path.is_file():
            return json.loads(path.read_text("utf-8")), folder
    return None
