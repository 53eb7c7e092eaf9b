"""Pages of the experiments: question, findings, claims, figures, options, thirty lines."""

import ast
import inspect
import re
import shutil
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from experiments.course.contents import PARTS, TOOLS
from experiments.course.slides import SLIDE_ERRORS, UNCHECKED
from experiments.docs.docstrings import to_rest
from experiments.docs.faces import Index, table
from experiments.docs.optimizers import read_record

HERE = Path(__file__).parent.parent
ROOT = HERE.parent
LINES = 30
"""Lines of source that a page shows."""

MANY = 8
"""Claims of an experiment that the page of the course still lists one by one."""

CHECKING = re.compile(r"claim|check|draw|figure|plot|print|describe|_line|report|table")
"""Functions that judge and draw, which are not what an experiment is about."""


class Excerpt(NamedTuple):
    """Lines of a source file.

    Attributes:
        path: of the file.
        first: number of the first line, from 1.
        last: number of the last line.
    """

    path: Path
    first: int
    last: int


def experiment_page(
    name: str, question: str, found: str, index: Index, results: Path, folder: Path
) -> str:
    """Return the page of an experiment, and copy its figures.

    Args:
        name: of the experiment.
        question: that it answers.
        found: what it found, in Markdown, from the experiments' README.
        index: of all public names.
        results: folder with results, see `read_record`.
        folder: takes the figures.
    """
    document = ast.get_docstring(ast.parse(_main_file(name).read_text("utf-8"))) or ""
    rest = document.partition("\n")[2].strip()
    record = read_record(results, name)
    parts = [
        f"{name}\n{'=' * len(name)}",
        f"*{_escaped(question)}*",
        to_rest(rest, index.refer, {}) if rest else "",
        _found(found, index),
        _claims(record[0]) if record else "",
        _figures(name, record, folder),
        _excerpt(name),
        _options(name, index),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def _found(text: str, index: Index) -> str:
    said = markdown_to_rest(text[:1].upper() + text[1:], index)
    return f"Found\n-----\n\n{said}." if said else ""


def _escaped(text: str) -> str:
    return re.sub(r"([\\*|_`])", r"\\\1", text)


def markdown_to_rest(text: str, index: Index) -> str:
    """Return a cell of Markdown's table as reStructuredText: code and links."""
    parts = re.split(r"(`[^`]+`|\[[^]]+\]\(https://[^)]+\))", text)
    return "".join(_span(part, index) for part in parts)


def _span(part: str, index: Index) -> str:
    link = re.fullmatch(r"\[([^]]+)\]\((.+)\)", part)
    if link:
        return f"`{link[1]} <{link[2]}>`__"
    if part.startswith("`"):
        name = part[1:-1]
        return index.refer(name) if name.startswith("jaxnet.") else f"``{name}``"
    return _escaped(part)


def _claims(record: Mapping[str, Any]) -> str:
    claims = record["claims"]
    if not claims:
        return ""
    rows = []
    for claim in claims:
        error = claim.get("uncertainty")
        measured = _number(claim["measured"]) + (f" ± {_number(error)}" if error else "")
        threshold = _number(claim["threshold"])
        said, source = _escaped(claim["statement"]), _escaped(claim["source"])
        rows.append((said, measured, threshold, _verdict(claim), source))
    head = ("claim", "measured", "threshold", "verdict", "source")
    where = record["environment"]
    versions = ", ".join(f"{n} {v}" for n, v in where["versions"].items())
    on = f"Measured on {where['cpu_cores']} cores ({where['device']}) with {versions}, by"
    return f"Claims\n------\n\n{table(head, rows)}\n\n{on} ``{where['command']}``."


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) else "none"


def _figures(name: str, record: tuple[Mapping[str, Any], Path] | None, folder: Path) -> str:
    """Copy the figures of the results, or those kept in the repository, and show them."""
    paths = []
    if record:
        written = [record[1] / figure for figure in record[0].get("figures", ())]
        paths = [p for p in written if p.suffix in (".png", ".svg") and p.is_file()]
    paths = paths or sorted((HERE / "figures").glob(f"{name}*.png"))
    shown = []
    for path in paths:
        copied = folder / f"{name}_{path.name}"
        shutil.copyfile(path, copied)
        alt = f"Figure of the experiment {name}: {path.stem.replace('_', ' ')}"
        shown.append(f".. figure:: {copied.name}\n   :alt: {alt}\n   :figclass: wide")
    return "\n\n".join(["Figures\n-------", *shown]) if shown else ""


def _excerpt(name: str) -> str:
    parts = ["The lines that matter\n---------------------"]
    for each in excerpts(name):
        lines = each.path.read_text("utf-8").splitlines()[each.first - 1 : each.last]
        code = "\n".join(f"   {line}".rstrip() for line in lines)
        where = each.path.relative_to(ROOT)
        caption = f"{where}, lines {each.first} to {each.last}"
        parts.append(f".. code-block:: python\n   :caption: {caption}\n\n{code}")
    return "\n\n".join(parts)


def excerpts(name: str) -> list[Excerpt]:
    """Return the thirty lines that matter of an experiment.

    They are the functions that use most different names of jaxnet, but for those that judge and
    draw, as long as they fit; if none fits, the beginning of the first.
    """
    every = sorted(_functions(name), key=lambda found: (-found[0], found[1].path, found[1].first))
    chosen, room = [], LINES
    for uses, each in every:
        length = each.last - each.first + 1
        if uses and length <= room:
            chosen.append(each)
            room -= length
    if not chosen:
        first = every[0][1]
        chosen = [first._replace(last=first.first + LINES - 1)]
    return sorted(chosen, key=lambda each: (each.path, each.first))


def _functions(name: str) -> Iterator[tuple[int, Excerpt]]:
    """Yield each function of an experiment, after the number of jaxnet's names that it uses."""
    for path in _files(name):
        tree = ast.parse(path.read_text("utf-8"))
        imported = {
            alias.asname or alias.name
            for node in ast.walk(tree)
            if isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("jaxnet.")
            if not str(node.module).startswith("jaxnet.core")
            for alias in node.names
        }
        for node in tree.body:
            if isinstance(node, ast.FunctionDef) and not CHECKING.search(node.name):
                yield _uses(node, imported), Excerpt(path, _first(node), node.end_lineno or 0)


def _first(node: ast.FunctionDef) -> int:
    return min([node.lineno, *(each.lineno for each in node.decorator_list)])


def _uses(node: ast.AST, imported: set[str]) -> int:
    names = {n.id for n in ast.walk(node) if isinstance(n, ast.Name)} & imported
    dotted = {
        ast.unparse(n)
        for n in ast.walk(node)
        if isinstance(n, ast.Attribute) and ast.unparse(n).startswith("jaxnet.")
    }
    longest = {d for d in dotted if not any(o.startswith(f"{d}.") for o in dotted)}
    return len(names | longest)


def _files(name: str) -> list[Path]:
    folder = HERE / name
    return sorted(folder.glob("*.py")) if folder.is_dir() else [HERE / f"{name}.py"]


def _main_file(name: str) -> Path:
    folder = HERE / name
    return folder / "__init__.py" if folder.is_dir() else HERE / f"{name}.py"


def _options(name: str, index: Index) -> str:
    """Return a table of the options, from the fields of the config."""
    for path in _files(name):
        for node in ast.parse(path.read_text("utf-8")).body:
            if isinstance(node, ast.ClassDef) and node.name == "Config":
                rows = list(_fields(node, index))
                head = ("option", "default", "what it is")
                title = f"Options\n-------\n\n``python -m experiments.{name}``"
                return f"{title}\n\n{table(head, rows, stacked=True)}"
    return ""


def _fields(config: ast.ClassDef, index: Index) -> Iterator[tuple[str, str, str]]:
    for node, after in zip(config.body, [*config.body[1:], None], strict=True):
        if isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name):
            constant = after.value if isinstance(after, ast.Expr) else None
            text = constant.value if isinstance(constant, ast.Constant) else ""
            option = node.target.id.replace("_", "-")
            shown = option if "Positional" in ast.unparse(node.annotation) else f"--{option}"
            default = ast.unparse(node.value) if node.value else ""
            default = re.sub(r"^Path\('(.*)'\)$", r"\1", default)
            said = to_rest(inspect.cleandoc(str(text)), index.refer, {})
            yield f"``{shown}``", f"``{default}``" if default else "", said


def laboratory_page(questions: Mapping[str, str]) -> str:
    """Return the list of the experiments, by lecture as the course page has them."""
    title = "Experiments"
    parts = [
        f"{title}\n{'=' * len(title)}",
        "Each page has the question, what was found, and the lines that matter. All that they "
        "found is in :doc:`one table <README>`; by lecture, claim by claim, in "
        ":doc:`the course </course>`.",
    ]
    tools = "For data, images and devices of one's own, and this documentation."
    every = [*PARTS, ("Tools", tools, TOOLS)]
    for name, about, members in every:
        rows = [(f":doc:`{each}`", _escaped(questions[each])) for each in members]
        found = table(("experiment", "question"), rows, stacked=True)
        parts += [f"{name}\n{'-' * len(name)}", about, found]
        tree = "\n".join(f"   {each}" for each in members)
        parts.append(f".. toctree::\n   :hidden:\n\n{tree}")
    parts.append(".. toctree::\n   :hidden:\n\n   README\n   contenders")
    return "\n\n".join(parts) + "\n"


def course_page(source: Path, results: Path, questions: Mapping[str, str]) -> str:
    """Return the page of the course: by lecture the questions and claims, the slides' errors.

    The page that ``python -m experiments all`` has written among the results is copied.
    """
    title = "The course: claims of five lectures, measured"
    parts = [f"{title}\n{'=' * len(title)}"]
    written = [path for path in (results / "all", results) if (path / "index.html").is_file()]
    if written:
        (source / "static" / "all").mkdir()
        shutil.copyfile(written[0] / "index.html", source / "static" / "all" / "index.html")
        about = "has all claims, their figures and source texts in one file"
        parts.append(f"`The page of the last run <_static/all/index.html>`__ {about}.")
    else:
        command = "python -m experiments all --out out/all"
        parts.append(
            f"``{command}`` runs the experiments and writes their page, which was not there."
        )
    for part in PARTS:
        parts += [f"{part.title}\n{'-' * len(part.title)}", part.about]
        rows = [row for name in part.experiments for row in _verdicts(name, results, questions)]
        parts.append(table(("experiment", "question or claim", "verdict"), rows))
    head = ("lecture, slide", "says", "right")
    errors = [tuple(map(_escaped, error)) for error in SLIDE_ERRORS]
    parts += ["Errors of the slides\n--------------------", table(head, errors, stacked=True)]
    head = ("lecture, slide", "says", "why not")
    unchecked = [tuple(map(_escaped, each)) for each in UNCHECKED]
    parts += ["Not checked\n-----------", table(head, unchecked, stacked=True)]
    return "\n\n".join(parts) + "\n"


def _verdicts(
    name: str, results: Path, questions: Mapping[str, str]
) -> Iterator[tuple[str, str, str]]:
    yield f":doc:`{name} </experiments/{name}>`", f"*{_escaped(questions[name])}*", ""
    record = read_record(results, name)
    claims = record[0]["claims"] if record else ()
    if len(claims) > MANY:
        for verdict, count in Counter(map(_verdict, claims)).items():
            yield "", f"claims on its page: {count}", verdict
        return
    for claim in claims:
        yield "", _escaped(claim["statement"]), _verdict(claim)


def _verdict(claim: Mapping[str, Any]) -> str:
    """Return what a claim says of its source, if it is true."""
    return _escaped(claim.get("verdict", "holds") if claim["holds"] else "not shown")
