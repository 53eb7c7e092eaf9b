"""Is every public name documented, with its formulas, and does every link lead somewhere?

Builds the documentation: the README as its start, the guides, the tour with what its cells show,
each public name with its docstring, whose formulas become MathML and whose doctests are its
examples, a page an optimizer or transformation with its conventions, its rows of the verification
matrix and its paths, a page an experiment with its claims and figures. Nothing is fetched, and no
page asks for anything outside; a warning is a failure.

``pip install -e '.[docs]'`` installs what it needs. Results of experiments are shown where they
are found: run ``verify_optimizers`` and ``all`` before.
"""

import dataclasses
import re
import tempfile
from pathlib import Path

from experiments.course.contents import questions
from experiments.docs.build import build, dead_links, documented, require_packages
from experiments.docs.sources import write_sources
from experiments.harness.record import Claim, at_most, conclude, prepare_folder


@dataclasses.dataclass(frozen=True)
class Config:
    """Settings of the documentation."""

    results: Path = Path("out")
    """Folder in which experiments have left their results, one folder each."""
    few: bool = False
    """Draw the paths of one optimizer only, and do not run the tour."""
    out: Path = Path("out/docs")
    """Folder for index.html, the other pages, and result.json."""


SMOKE = Config(few=True)


def main(config: Config) -> list[Claim]:
    """Write the sources, build the pages, check names and links, and write the record."""
    require_packages()
    out = prepare_folder(config.out)
    with tempfile.TemporaryDirectory() as folder:
        source, trees = Path(folder) / "source", Path(folder) / "trees"
        source.mkdir()
        written = write_sources(source, config.results, questions(), few=config.few)
        built = build(source, out, trees, executed=not config.few)
    anchors = documented(out)
    missing = [n.full for n in written.index.names if n.full not in anchors]
    dead = [*written.problems, *dict.fromkeys(written.index.problems), *dead_links(out)]
    for text in (*built.warnings, *(f"not documented: {name}" for name in missing), *dead):
        print(re.sub(re.escape(folder), "", text))
    source_of = "what the documentation promises"
    claims = [
        at_most("warnings of the build", source_of, len(built.warnings), 0),
        at_most("public names on no page", source_of, len(missing), 0),
        at_most("links and references that lead nowhere", source_of, len(dead), 0),
    ]
    results = {"pages": built.pages, "names": len(written.index.names)}
    results |= {"matrix": written.measured}
    return conclude(config, seeds=[], results=results, claims=claims, figures=[out / "index.html"])
