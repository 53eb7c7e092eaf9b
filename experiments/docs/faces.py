"""Pages of the public faces of jaxnet: every public name, with its docstring."""

import builtins
import functools
import importlib
import inspect
import pkgutil
import re
import sys
import textwrap
from collections.abc import Callable, Collection, Mapping
from types import ModuleType
from typing import Any, NamedTuple

import optax

import jaxnet
from experiments.docs.docstrings import constants, inline, methods, signature, to_rest

PACKAGES = {"functools", "jax", "matplotlib", "numpy", "optax", "pandas", "tensorboardX", "xarray"}
"""Packages whose names docstrings mention."""


class Name(NamedTuple):
    """A public name.

    Attributes:
        face: module by which users know it, such as ``"jaxnet.losses"``.
        name: within the module.
        value: what it stands for.
    """

    face: str
    name: str
    value: Any

    @property
    def full(self) -> str:
        """Return the name with its module."""
        return f"{self.face}.{self.name}"


def faces() -> dict[str, ModuleType]:
    """Return name -> module of the public faces, those within others after them.

    >>> "jaxnet.losses" in faces() and "jaxnet.data.cleaning" in faces()
    True
    """
    found = {"jaxnet": jaxnet}
    queue = [("jaxnet", jaxnet)]
    while queue:
        above, module = queue.pop(0)
        for name in module.__all__:
            value = getattr(module, name)
            if inspect.ismodule(value):
                found[f"{above}.{name}"] = value
                queue.append((f"{above}.{name}", value))
    found["jaxnet.sklearn"] = importlib.import_module("jaxnet.sklearn")
    return dict(sorted(found.items()))


def public_names() -> list[Name]:
    """Return all public names but modules, face by face."""
    return [
        Name(face, name, getattr(module, name))
        for face, module in faces().items()
        for name in module.__all__
        if not inspect.ismodule(getattr(module, name))
    ]


def optimizers() -> dict[str, dict[str, Callable[..., Any]]]:
    """Return heading -> name -> factory of all transformations, each of which has a page.

    >>> [name for name, made in optimizers().items() if "clip" in made]
    ['Transformations and line searches']
    """
    optim = jaxnet.optim
    made = {name: getattr(optim, name) for name in sorted(optim.__all__, key=str.lower)}
    made = {name: factory for name, factory in made.items() if _makes_transformation(factory)}
    wrappers = {name for name in made if "inner" in inspect.signature(made[name]).parameters}
    groups = {
        "First order": optim.OPTIMIZERS,
        "Second order": optim.SECOND_ORDER,
        "Wrappers of another optimizer": {n: made[n] for n in made if n in wrappers},
    }
    known = {name for group in groups.values() for name in group}
    rest = {name: factory for name, factory in made.items() if name not in known}
    return groups | {"Transformations and line searches": rest}


def own_pages() -> dict[str, Callable[..., Any]]:
    """Return name -> factory of all of `optimizers`, in their order."""
    return {name: factory for group in optimizers().values() for name, factory in group.items()}


def _makes_transformation(value: Any) -> bool:
    if not inspect.isroutine(value):
        return False
    made = inspect.signature(value).return_annotation
    return inspect.isclass(made) and issubclass(made, optax.GradientTransformation)


class Index:
    """Where each name is documented, and which references lead nowhere."""

    def __init__(self, experiments: Collection[str]) -> None:
        self.experiments = experiments
        self.names = public_names()
        self.problems: list[str] = []
        self.canonical: dict[int, Name] = {}
        for name in sorted(self.names, key=lambda name: (-name.face.count("."), name.full)):
            if callable(name.value):  # deeper faces have what is theirs
                self.canonical.setdefault(id(name.value), name)
        self.by_full = {name.full: name for name in self.names}
        self.modules = faces()

    def home(self, name: Name) -> Name:
        """Return the name under which a value is documented."""
        return self.canonical.get(id(name.value), name)

    def find(self, text: str, face: str = "") -> Name | None:
        """Return the public name that a reference means."""
        for full in (text, f"{face}.{text}", f"jaxnet.{text}"):
            if full in self.by_full:
                return self.home(self.by_full[full])
        value = _get(jaxnet, text.removeprefix("jaxnet."))
        if id(value) in self.canonical:  # by the name of the file that defines it
            return self.canonical[id(value)]
        ends = [name for name in self.names if name.full.endswith(f".{text}")]
        homes = {self.home(name).full for name in ends}
        return self.by_full[min(homes)] if homes else None

    def refer(self, text: str, *, name: Name | None = None) -> str:
        """Return a reference as reStructuredText: a link, or code for what is not public."""
        if not re.fullmatch(r"[\w.]+", text):
            return f"``{text}``"
        face = name.face if name else ""
        found = self.find(text, face)
        if found is not None:
            return f":py:obj:`{text} <{found.full}>`"
        for module in (text, f"{face}.{text}", f"jaxnet.{text}"):
            if module in self.modules:
                return f":doc:`{text} </{page_of(module)}>`"
        experiment = text.removeprefix("experiments.")
        if experiment in self.experiments:
            return f":doc:`{experiment} </experiments/{experiment}>`"
        owner, _, method = text.rpartition(".")
        above = self.find(owner, face) if owner else None
        if above is not None and hasattr(above.value, method):
            return f":py:obj:`{text} <{above.full}>`"
        if not self._exists(text, name):
            where = name.full if name else "a page"
            self.problems.append(f"{where}: `{text}` is not the name of anything")
        return f"``{text}``"

    def _exists(self, text: str, name: Name | None) -> bool:
        """Return whether a name that is not public is one of the code, or of a package."""
        head = text.partition(".")[0]
        if head in PACKAGES or hasattr(builtins, text):
            return True
        if name is not None:
            module = getattr(inspect.unwrap(name.value), "__module__", name.face)
            fields = [each.value for each in self.names if each.face == name.face]
            owners = [name.value, sys.modules.get(module), *filter(inspect.isclass, fields)]
            if head in signature(name.value)[1] or any(_has(each, text) for each in owners):
                return True
        return _ends_module(text)


def _get(owner: Any, dotted: str) -> Any:
    """Return an attribute of attributes, or `MISSING`."""
    return functools.reduce(
        lambda value, name: getattr(value, name, MISSING), dotted.split("."), owner
    )


def _has(owner: Any, dotted: str) -> bool:
    return _get(owner, dotted) is not MISSING


MISSING = object()


def _ends_module(text: str) -> bool:
    """Return whether a dotted name is one of a module that is meant by its last words."""
    words = text.split(".")
    for full in all_modules():
        for length in range(1, len(words) + 1):
            if full.split(".")[-length:] == words[:length]:
                rest = ".".join(words[length:])
                if not rest or _has(importlib.import_module(full), rest):
                    return True
    return False


@functools.cache
def all_modules() -> tuple[str, ...]:
    """Return the names of all modules of jaxnet."""
    walk = pkgutil.walk_packages(jaxnet.__path__, "jaxnet.")
    return ("jaxnet", *(module.name for module in walk))


def page_of(face: str) -> str:
    """Return the page of a face."""
    return "api/index" if face == "jaxnet" else f"api/{face.removeprefix('jaxnet.')}"


def face_page(face: str, index: Index) -> str:
    """Return the page of a face."""
    module = index.modules[face]
    names = [name for name in index.names if name.face == face]
    here = Name(face, "", module)
    intro = to_rest(inspect.getdoc(module) or "", lambda text: index.refer(text, name=here), {})
    elsewhere = own_pages() if face == "jaxnet.optim" else {}
    groups: dict[str, list[str]] = {"Functions": [], "Classes": [], "Constants and types": []}
    for name in names:
        if name.name not in elsewhere:
            groups[_group(name.value)].append(entry(name, index))
    parts = [f"{face}\n{'=' * len(face)}", intro, _contents(names, index)]
    for group, entries in groups.items():
        if entries:
            parts += [f"{group}\n{'-' * len(group)}", *entries]
    return "\n\n".join(parts) + "\n"


def _group(value: Any) -> str:
    if inspect.isclass(value):
        return "Classes"
    return "Functions" if inspect.isroutine(value) else "Constants and types"


def _contents(names: list[Name], index: Index) -> str:
    """Return a table of the names with the first sentence of each docstring."""
    rows = [(f":py:obj:`{n.name} <{n.full}>`", summary(n, index)) for n in names]
    return table(("name", "what it is"), rows, stacked=True) if rows else ""


def summary(name: Name, index: Index) -> str:
    """Return the first sentence of a docstring."""
    text = document(name.value, name)
    first = " ".join(re.split(r"\n\s*\n", text)[0].split())
    match = re.match(r"(.+?\.)(?=\s|$)", re.sub(r"``.+?``", lambda m: "x" * len(m[0]), first))
    sentence = (first[: match.end()] if match else first).rstrip(":")
    names = signature(name.value)[1]
    return inline(sentence, lambda text: index.refer(text, name=name), names)


def table(head: tuple[str, ...], rows: list[tuple[str, ...]], *, stacked: bool = False) -> str:
    """Return a table of reStructuredText.

    Args:
        head: names of the columns.
        rows: cells.
        stacked: whether a telephone shows the cells of a row one below the other.
    """
    lines = [".. list-table::", "   :header-rows: 1", "   :width: 100%"]
    lines += [*(["   :class: stacked"] if stacked else []), ""]
    for row in [head, *rows]:
        for i, cell in enumerate(row):
            text = textwrap.indent(cell, " " * 7).strip()
            lines.append(f"   {'* -' if i == 0 else '  -'} {text}")
    return "\n".join(lines)


def document(value: Any, name: Name) -> str:
    """Return the docstring of a public name, constants' from the text below them."""
    if inspect.isclass(value) or inspect.isroutine(value) or inspect.ismodule(value):
        return inspect.getdoc(value) or ""
    homes = map(importlib.import_module, _homes(name))
    texts = (constants(m).get(name.name) for m in homes if getattr(m, name.name, None) is value)
    return next(filter(None, texts), "")


def _homes(name: Name) -> list[str]:
    """Return the modules in which a constant may be assigned, its face first."""
    prefix = name.face.replace("jaxnet.", "jaxnet.functions.")
    inner = [full for full in all_modules() if full.startswith((f"{name.face}.", prefix))]
    return [name.face, *inner, *(m for m in all_modules() if m.startswith("jaxnet.core."))]


def entry(name: Name, index: Index) -> str:
    """Return the directive of a public name with its docstring."""
    home = index.home(name)
    shown, kinds = signature(name.value)
    text = document(name.value, name)
    body = to_rest(text, lambda text: index.refer(text, name=name), kinds)
    if not inspect.isclass(name.value) and not inspect.isroutine(name.value):
        return f".. py:data:: {name.full}\n\n{_indent(_with_members(name, body, index))}"
    kind = "class" if inspect.isclass(name.value) else "function"
    arguments = f"({', '.join(shown)})" if shown or kind == "function" else ""
    if home.full != name.full:
        return f".. py:{kind}:: {name.full}{arguments}\n\n   The same as :py:obj:`{home.full}`."
    if inspect.isclass(name.value):
        body = "\n\n".join([body, *_methods(name, index)])
    return f".. py:{kind}:: {name.full}{arguments}\n\n{_indent(body)}"


def _with_members(name: Name, body: str, index: Index) -> str:
    """Return the text of a constant; of a table of functions with links to them."""
    if not isinstance(name.value, Mapping):
        return body
    found = {key: index.canonical.get(id(value)) for key, value in name.value.items()}
    links = [
        f":py:obj:`{key} <{member.full}>`" if member else f"``{key}``"
        for key, member in found.items()
    ]
    return f"{body}\n\n{', '.join(links)}."


def _methods(name: Name, index: Index) -> list[str]:
    parts = []
    for method, value in methods(name.value):
        function = value.fget if isinstance(value, property) else getattr(value, "__func__", value)
        shown, kinds = signature(function)
        text = inspect.getdoc(function) or ""
        body = to_rest(text, lambda text: index.refer(text, name=name), kinds)
        if isinstance(value, property):
            head = f".. py:property:: {method}"
        else:
            bound = shown if isinstance(value, staticmethod) else shown[1:]
            head = f".. py:method:: {method}({', '.join(bound)})"
        parts.append(f"{head}\n\n{_indent(body)}")
    return parts


def _indent(text: str) -> str:
    return textwrap.indent(text, "   ")
