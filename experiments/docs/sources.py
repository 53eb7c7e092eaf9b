"""Sources of the documentation: all pages, in a folder from which Sphinx builds."""

import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from experiments.docs.build import STYLE
from experiments.docs.faces import (
    Index,
    Name,
    face_page,
    faces,
    own_pages,
    page_of,
    summary,
    table,
)
from experiments.docs.laboratory import course_page, experiment_page, laboratory_page
from experiments.docs.optimizers import RECORD, optimizer_page, overview, read_record
from experiments.docs.prose import findings, prose_page, prose_pages
from experiments.harness.progress import progress


class Written(NamedTuple):
    """What was written.

    Attributes:
        index: of all public names, with references that lead nowhere.
        problems: links of Markdown pages that lead nowhere.
        measured: whether the rows of the verification matrix are there.
    """

    index: Index
    problems: list[str]
    measured: bool


def write_sources(
    source: Path, results: Path, questions: Mapping[str, str], *, few: bool
) -> Written:
    """Write all pages.

    Args:
        source: empty folder.
        results: folder with results of experiments, see `read_record`.
        questions: name of each experiment -> its question.
        few: whether optimizers but two are left to the list of their names.
    """
    index, problems = Index(questions), []
    for folder in ("api", "optimizers", "experiments", "guides", "static"):
        (source / folder).mkdir()
    shutil.copyfile(STYLE, source / "static" / STYLE.name)
    for path, page in prose_pages().items():
        text = prose_page(path, source, index, questions, problems)
        (source / f"{page}{Path(path).suffix}").write_text(text, "utf-8")
    start = source / "index.md"
    start.write_text(start.read_text("utf-8") + START, "utf-8")
    (source / "guides" / "index.rst").write_text(_guides(), "utf-8")
    for face in faces():
        text = face_page(face, index)
        text += _api_tree(index) if face == "jaxnet" else ""
        (source / f"{page_of(face)}.rst").write_text(text, "utf-8")
    found = read_record(results, RECORD)
    record = found[0] if found else None
    folder = source / "optimizers"
    (folder / "index.rst").write_text(overview(record), "utf-8")
    for name in progress("paths of optimizers", list(own_pages())):
        text = optimizer_page(name, index, record, folder, drawn=not few or name in FEW)
        (folder / f"{name}.rst").write_text(text, "utf-8")
    (source / "course.rst").write_text(course_page(source, results, questions), "utf-8")
    folder, said = source / "experiments", findings()
    (folder / "index.rst").write_text(laboratory_page(questions), "utf-8")
    for name, question in questions.items():
        text = experiment_page(name, question, said.get(name, ""), index, results, folder)
        (folder / f"{name}.rst").write_text(text, "utf-8")
    return Written(index, problems, record is not None)


FEW = ("adam",)
"""Optimizers whose paths a small build draws."""

START = """
```{toctree}
:hidden:

guides/index
formulas
optimizers/index
experiments/index
course
Every public name <api/index>
changelog
```
"""


def _guides() -> str:
    pages = [page for page in prose_pages().values() if page.startswith("guides/")]
    ordered = sorted(pages, key=lambda page: (page != "guides/tour", page))
    tree = "\n".join(f"   {page.removeprefix('guides/')}" for page in ordered)
    return f"Guides\n======\n\n.. toctree::\n   :maxdepth: 2\n\n{tree}\n"


def _api_tree(index: Index) -> str:
    names = [face for face in faces() if face != "jaxnet"]
    tree = "\n".join(f"   {page_of(face).removeprefix('api/')}" for face in names)
    rows = [
        (
            f":doc:`{face} <{page_of(face).removeprefix('api/')}>`",
            summary(Name(face, "", index.modules[face]), index),
        )
        for face in names
    ]
    listed = table(("module", "what it has"), rows, stacked=True)
    return f"\n{listed}\n\n.. toctree::\n   :hidden:\n\n{tree}\n"
