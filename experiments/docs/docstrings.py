"""Docstrings as reStructuredText: sections, formulas, references to names."""

import ast
import functools
import inspect
import itertools
import re
import textwrap
from collections.abc import Callable, Iterator, Mapping, Sequence
from typing import Any

from experiments.docs.notation import to_latex

SECTIONS = ("Args", "Attributes", "Returns", "Yields", "Raises")

_SECTION = re.compile(rf"^({'|'.join(SECTIONS)}):\n((?:(?:[ ]{{4}}.*)?(?:\n|$))+)", re.MULTILINE)
_ENTRY = re.compile(r"^(\*{0,2}[\w, *]+): ?(.*)$", re.DOTALL)
_MARKUP = re.compile(r"(``.+?``|`[^`]+`)", re.DOTALL)

TITLES = {
    "Args": "Arguments",
    "Attributes": "Fields",
    "Returns": "Returns",
    "Yields": "Yields",
    "Raises": "Raises",
}

Refer = Callable[[str], str]
"""Name between single backticks -> reStructuredText."""


def to_rest(text: str, refer: Refer, names: Mapping[str, str]) -> str:
    """Return a docstring as reStructuredText.

    Args:
        text: the docstring, cleaned.
        refer: what becomes of a name between single backticks.
        names: arguments of the function, or fields of the class -> annotation, or empty.
    """
    text, parts, position = text.rstrip() + "\n", [], 0
    for match in _SECTION.finditer(text):
        parts.append(_prose(text[position : match.start()], refer, names))
        parts.append(_section(match[1], textwrap.dedent(match[2]), refer, names))
        position = match.end()
    parts.append(_prose(text[position:], refer, names))
    return "\n\n".join(part for part in parts if part.strip())


def formulas(text: str, names: Mapping[str, str]) -> list[str]:
    """Return the LaTeX of the equations of a docstring's first paragraphs, in their order.

    An equation defines, updates or bounds something; they end where the arguments, or a list,
    begin.
    """
    head = re.split(r"^(?:Args|Attributes|Returns|Raises):$|^- |^>>> ", text, flags=re.MULTILINE)[0]
    spans = re.findall(r"``(.+?)``", head, re.DOTALL)
    found = [to_latex(span, names.keys()) for span in spans if re.search(r" = |<-| <= ", span)]
    return [latex for latex in found if latex]


def inline(text: str, refer: Refer, names: Mapping[str, str]) -> str:
    """Return prose with its formulas, code and names marked up, and all else escaped."""
    parts = _MARKUP.split(text)
    return "".join(_piece(part, parts[i + 1 : i + 2], refer, names) for i, part in enumerate(parts))


def _piece(part: str, after: Sequence[str], refer: Refer, names: Mapping[str, str]) -> str:
    if part.startswith("``"):
        latex = to_latex(part[2:-2], names.keys())
        code = " ".join(part[2:-2].split())
        text = f":math:`{latex.strip()}`" if latex else f"``{code}``"
    elif part.startswith("`"):
        text = refer(" ".join(part[1:-1].split()))
    else:
        return re.sub(r"([\\*|_])", r"\\\1", part)
    # markup ends at a blank or punctuation; elsewhere an escaped blank separates it
    return text + (r"\ " if after and re.match(r"[\w*]", after[0]) else "")


def _prose(text: str, refer: Refer, names: Mapping[str, str]) -> str:
    return "\n\n".join(_block(block, refer, names) for block in _blocks(text))


def _blocks(text: str) -> list[str]:
    return [block for block in re.split(r"\n[ ]*\n", text.strip("\n")) if block.strip()]


def _block(block: str, refer: Refer, names: Mapping[str, str]) -> str:
    if block.lstrip().startswith(">>>"):
        code = textwrap.indent(textwrap.dedent(block), "   ")
        return f".. code-block:: pycon\n\n{code}"
    if block.startswith("    "):  # a diagram
        return f".. code-block:: text\n\n{textwrap.indent(textwrap.dedent(block), '   ')}"
    if re.match(r"- ", block):
        items = re.split(r"^- ", block, flags=re.MULTILINE)[1:]
        return "\n".join(f"- {_indented(item, refer, names)}" for item in items)
    if re.match(r"\d+\. ", block):
        items = re.split(r"^\d+\. ", block, flags=re.MULTILINE)[1:]
        return "\n".join(f"#. {_indented(item, refer, names, 3)}" for item in items)
    lines = map(str.strip, block.splitlines())  # a hanging indent is none of a list
    return inline("\n".join(lines), refer, names)


def _indented(item: str, refer: Refer, names: Mapping[str, str], by: int = 2) -> str:
    text = inline(" ".join(item.split()), refer, names)
    return textwrap.indent(text, " " * by).lstrip()


def _section(title: str, text: str, refer: Refer, names: Mapping[str, str]) -> str:
    if title in ("Returns", "Yields"):
        body = _prose(text, refer, names)
    else:
        entries = re.split(r"^(?=\S)", text.strip("\n"), flags=re.MULTILINE)[1:]
        body = "\n\n".join(_entry(title, entry, refer, names) for entry in entries)
    return f".. rubric:: {TITLES[title]}\n   :class: part\n\n{body}"


def _entry(title: str, entry: str, refer: Refer, names: Mapping[str, str]) -> str:
    first, _, rest = entry.partition("\n")
    match = _ENTRY.match(first + "\n" + textwrap.dedent(rest))
    if match is None:  # prose among the entries
        return _prose(entry, refer, names)
    term = ", ".join(f"``{name.strip()}``" for name in match[1].split(","))
    kind = names.get(match[1].lstrip("*"), "") if title != "Raises" else ""
    classifier = f" : ``{kind}``" if kind else ""
    body = _prose(match[2].strip(), refer, names)
    return f"{term}{classifier}\n{textwrap.indent(body, '   ')}"


def signature(value: Any) -> tuple[list[str], dict[str, str]]:
    """Return the parameters of a function as text, and name -> annotation, as its source has them.

    The source's annotations and defaults are shorter than what they stand for.
    """
    try:
        parameters = list(inspect.signature(value).parameters.values())
    except (TypeError, ValueError):
        return [], {}
    annotations, defaults = _source_of(inspect.unwrap(value))
    shown, kinds = [], {}
    for parameter in parameters:
        name = parameter.name
        before = [p.kind for p in parameters[: parameters.index(parameter)]]
        if parameter.kind is parameter.KEYWORD_ONLY and not (
            {parameter.KEYWORD_ONLY, parameter.VAR_POSITIONAL} & set(before)
        ):
            shown.append("*")
        text = {parameter.VAR_POSITIONAL: "*", parameter.VAR_KEYWORD: "**"}.get(parameter.kind, "")
        text += name
        if parameter.default is not parameter.empty:
            text += f"={defaults.get(name, repr(parameter.default))}"
        shown.append(text)
        kinds[name] = annotations.get(name, "")
    return shown, kinds


@functools.cache
def _source_of(function: Any) -> tuple[dict[str, str], dict[str, str]]:
    """Return name -> annotation and name -> default of a function, as text."""
    try:
        (node,) = ast.parse(textwrap.dedent(inspect.getsource(function))).body
    except (OSError, TypeError, SyntaxError, ValueError):
        return {}, {}
    if isinstance(node, ast.ClassDef):
        fields = [part for part in node.body if isinstance(part, ast.AnnAssign)]
        kinds = {ast.unparse(f.target): ast.unparse(f.annotation) for f in fields}
        given = {ast.unparse(f.target): ast.unparse(f.value) for f in fields if f.value}
        makers = [p for p in node.body if isinstance(p, ast.FunctionDef) and p.name == "__init__"]
        node = makers[0] if makers else None
        if node is None:
            return kinds, given
    if not isinstance(node, ast.FunctionDef):
        return {}, {}
    every = [*node.args.posonlyargs, *node.args.args, *node.args.kwonlyargs]
    every += [each for each in (node.args.vararg, node.args.kwarg) if each]
    kinds = {each.arg: ast.unparse(each.annotation) for each in every if each.annotation}
    positional = [*node.args.posonlyargs, *node.args.args]
    pairs: list[tuple[ast.arg, ast.expr | None]] = []
    pairs += list(zip(reversed(positional), reversed(node.args.defaults), strict=False))
    pairs += list(zip(node.args.kwonlyargs, node.args.kw_defaults, strict=True))
    return kinds, {each.arg: ast.unparse(default) for each, default in pairs if default}


def methods(kind: type) -> Iterator[tuple[str, Any]]:
    """Yield name and value of the documented methods and properties that a class defines."""
    for name, value in vars(kind).items():
        function = value.fget if isinstance(value, property) else value
        function = getattr(function, "__func__", function)
        ours = str(getattr(function, "__module__", "")).startswith("jaxnet.")
        if not name.startswith("_") and inspect.isroutine(function) and function.__doc__ and ours:
            yield name, value


def constants(module: Any) -> dict[str, str]:
    """Return name -> the text below its assignment, of a module's constants and aliases."""
    try:
        body = ast.parse(inspect.getsource(module)).body
    except (OSError, TypeError):
        return {}
    found = {}
    for node, after in itertools.pairwise(body):
        target = node.targets[0] if isinstance(node, ast.Assign) else getattr(node, "target", None)
        text = after.value if isinstance(after, ast.Expr) else None
        if isinstance(target, ast.Name) and isinstance(text, ast.Constant):
            found[target.id] = inspect.cleandoc(str(text.value))
    return found
