"""Markdown pages of the repository as pages of the documentation: links, formulas, names."""

import json
import os
import re
import shutil
from collections.abc import Mapping
from pathlib import Path

from experiments.docs.faces import Index, faces, page_of
from experiments.docs.notation import to_latex

ROOT = Path(__file__).parent.parent.parent

PAGES = {
    "README.md": "index",
    "CHANGELOG.md": "changelog",
    "jaxnet/README.md": "formulas",
    "experiments/README.md": "experiments/README",
    "experiments/contenders/README.md": "experiments/contenders",
}
"""Path of a Markdown page -> page of the documentation; guides are added."""

_LINK = re.compile(r"(!?)\[([^]]*)\]\(([^)#\s]*)(#[^)\s]*)?\)")
_FENCED = re.compile(r"(^```.*?^```$)", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"(?<!`)`([^`\n]+)`(?!`)")


def prose_pages() -> dict[str, str]:
    """Return path of each Markdown page or notebook -> its page."""
    guides = sorted([*(ROOT / "guides").glob("*.md"), *(ROOT / "guides").glob("*.ipynb")])
    return PAGES | {f"guides/{path.name}": f"guides/{path.stem}" for path in guides}


def targets(experiments: Mapping[str, str]) -> dict[str, str]:
    """Return path in the repository -> page that stands for it."""
    found = prose_pages()
    for face in faces():
        place = face.replace(".", "/")
        found |= {f"{place}/__init__.py": page_of(face), f"{place}.py": page_of(face)}
    for name in experiments:
        found |= {f"experiments/{name}.py": f"experiments/{name}"}
        found |= {f"experiments/{name}/__init__.py": f"experiments/{name}"}
    return found | {"experiments": "experiments/index", "guides": "guides/index"}


def prose_page(
    path: str, source: Path, index: Index, experiments: Mapping[str, str], problems: list[str]
) -> str:
    """Return a Markdown page or notebook with links to pages, and copy other files that it names.

    Args:
        path: of the page in the repository.
        source: folder of the documentation's sources.
        index: of all public names.
        experiments: names of the experiments -> question.
        problems: takes links that lead nowhere.
    """
    text, page = (ROOT / path).read_text("utf-8"), prose_pages()[path]
    known = targets(experiments)

    def linked(match: re.Match[str]) -> str:
        image, label, target, anchor = match.groups()
        if target.startswith(("https://", "http://")) or not target:
            return match[0]
        there = os.path.normpath(str(Path(path).parent / target))
        if there in known:
            to = os.path.relpath(known[there], str(Path(page).parent))
            suffix = Path(there).suffix if there.endswith(".ipynb") else ".md"
            generated = there.endswith(".py") or there in ("experiments", "guides")
            return f"{image}[{label}]({to}{'.rst' if generated else suffix}{anchor or ''})"
        if (ROOT / there).is_file():
            copied = source / "files" / there
            copied.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(ROOT / there, copied)
            return f"{image}[{label}]({os.path.relpath(copied, (source / page).parent)})"
        problems.append(f"{path}: {target} is no page")
        return f"`{label}`"

    def converted(text: str) -> str:
        parts = _FENCED.split(text)
        for i, part in enumerate(parts):
            if not part.startswith("```"):
                part = _LINK.sub(linked, part)
                parts[i] = _CODE.sub(lambda m: _code(m, path, index, experiments), part)
        return "".join(parts)

    if not path.endswith(".ipynb"):
        return converted(text)
    notebook = json.loads(text)
    for cell in notebook["cells"]:
        if cell["cell_type"] == "markdown":
            cell["source"] = converted("".join(cell["source"]))
    return json.dumps(notebook)


def _code(match: re.Match[str], path: str, index: Index, experiments: Mapping[str, str]) -> str:
    """Return code as a formula, a link to a name or an experiment, or as it is."""
    text = match[1]
    if text.startswith("jaxnet."):
        found = index.find(text)
        if found is not None:
            return f"{{py:obj}}`{text} <{found.full}>`"
    row = match.string[max(0, match.start() - 3) : match.start()]
    if path == "experiments/README.md" and text in experiments and row.endswith("\n| "):
        return f"{{doc}}`{text} </experiments/{text}>`"
    latex = to_latex(text) if path == "jaxnet/README.md" else None
    return f"{{math}}`{latex.strip()}`" if latex else match[0]


def findings() -> dict[str, str]:
    """Return name of each experiment -> what it found, from the table of the README."""
    text = (ROOT / "experiments" / "README.md").read_text("utf-8")
    rows = re.findall(r"^\| `(\w+)` \| [^|]+ \| (.*) \|$", text, re.MULTILINE)
    return dict(rows)
