"""Build of the documentation by Sphinx, formulas as MathML, and checks of its names and links."""

import html
import importlib
import io
import re
from collections.abc import Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import jaxnet
from jaxnet.core.errors import missing_package

STYLE = Path(__file__).parent / "docs.css"

SETTINGS: dict[str, Any] = {
    "project": "jaxnet",
    "author": "the authors of jaxnet",
    "copyright": "the authors of jaxnet, MIT licence",
    "release": jaxnet.__version__,
    "version": jaxnet.__version__,
    "root_doc": "index",
    "html_theme": "furo",
    "html_title": f"jaxnet {jaxnet.__version__}",
    "html_static_path": ["static"],
    "html_css_files": [STYLE.name],
    "html_show_sourcelink": False,
    "html_copy_source": False,
    "html_math_renderer": "mathml",
    "myst_enable_extensions": ["dollarmath"],
    "myst_heading_anchors": 4,
    "nb_execution_timeout": 600,
    "nb_output_stderr": "remove",  # progress bars
    "nitpicky": True,
    "add_module_names": False,
    "python_maximum_signature_line_length": 88,
    "python_use_unqualified_type_names": True,
    "toc_object_entries_show_parents": "hide",
    "pygments_style": "friendly",
    "smartquotes": False,
    "suppress_warnings": [],
}


class Built(NamedTuple):
    """Result of a build.

    Attributes:
        pages: number of pages.
        warnings: of Sphinx, a line each.
    """

    pages: int
    warnings: list[str]


def require_packages() -> None:
    """Raise an error that says what to install, unless all is there."""
    try:
        for name in ("sphinx", "furo", "myst_nb"):
            importlib.import_module(name)
    except ImportError as error:
        remedy = "Install all that documentation needs by: pip install -e '.[docs]'."
        raise missing_package("sphinx, furo, myst-nb", error, remedy) from error


def build(source: Path, out: Path, trees: Path, *, executed: bool) -> Built:
    """Build the pages of a folder.

    Args:
        source: folder of reStructuredText, Markdown and notebooks.
        out: folder for the pages.
        trees: folder for what Sphinx keeps.
        executed: whether notebooks are run, so that they show what their cells do.
    """
    said = io.StringIO()
    settings = SETTINGS | {"extensions": ["myst_nb", "experiments.docs.build"]}
    settings |= {"nb_execution_mode": "force" if executed else "off"}
    sphinx: Any = importlib.import_module("sphinx.application")
    app = sphinx.Sphinx(
        source, None, out, trees, "html", settings, status=None, warning=said, freshenv=True
    )
    app.build()
    lines = re.sub(r"\x1b\[[0-9;]*m", "", said.getvalue()).splitlines()
    for path in out.rglob("*.html"):
        page = finish_page(path.read_text("utf-8"))
        path.write_text(page, "utf-8")
        lines += [f"{path.name}: a figure is shown as text"] * page.count("&lt;Figure size")
    return Built(len(app.env.found_docs), [line for line in lines if line.strip()])


def setup(app: Any) -> dict[str, bool]:
    """Add the renderer of formulas; Sphinx calls this."""
    app.add_html_math_renderer("mathml", (_inline, None), (_block, None))
    return {"parallel_read_safe": True, "parallel_write_safe": True}


def _inline(translator: Any, node: Any) -> None:
    latex = node.astext()
    long = 'class="formula" data-scroll' if len(latex) > LONG else 'class="formula"'
    translator.body.append(f"<span {long}>{to_mathml(latex)}</span>")
    raise importlib.import_module("docutils.nodes").SkipNode


def _block(translator: Any, node: Any) -> None:
    mathml = to_mathml(node.astext(), block=True)
    translator.body.append(f'<div class="equation" data-scroll>{mathml}</div>\n')
    raise importlib.import_module("docutils.nodes").SkipNode


def to_mathml(latex: str, *, block: bool = False) -> str:
    """Return LaTeX as MathML, by docutils."""
    math: Any = importlib.import_module("docutils.utils.math.latex2mathml")
    return re.sub(r">\s+<", "><", math.tex2mathml(latex, as_block=block))


LONG = 50
"""Characters of LaTeX from which a formula may be wider than a telephone, and scrolls there."""

SCROLLS = (
    *("div.table-wrapper", "div.highlight", "div.output"),
    *("aside.sidebar-drawer", "aside.toc-drawer"),
)
"""What scrolls by itself, or is a drawer that a button opens."""


_NUMBER = re.compile(r"\b\d+(?:\.\d+)?e[-+]\d+\b")
_UNBROKEN = r'<span class="number">\g<0></span>'


def finish_page(page: str) -> str:
    """Return a page in which icons have names, what scrolls is marked, and lines break well.

    Lines break within a name at its underscores, and never within a number.

    >>> finish_page('<svg class="icon"></svg>')
    '<svg aria-label="icon" role="img" class="icon"></svg>'
    >>> finish_page('<p title="1e-8">1e-8 <span class="pre">to_rest</span></p>')
    '<p title="1e-8"><span class="number">1e-8</span> <span class="pre">to_<wbr>rest</span></p>'
    """
    page = re.sub(r"<img(?![^>]* alt=)", '<img alt="output of the cell above"', page)
    page = re.sub(r"<svg(?=[\s>])(?![^>]*aria-label)", '<svg aria-label="icon" role="img"', page)
    page = re.sub(r"(?<=>)[^<>]*\de[-+]\d[^<>]*(?=<)", lambda m: _NUMBER.sub(_UNBROKEN, m[0]), page)
    page = re.sub(r'(?<=<span class="pre">)\w+(?=<)', lambda m: m[0].replace("_", "_<wbr>"), page)
    for each in SCROLLS:
        tag, name = each.split(".")
        page = re.sub(
            rf'<{tag} class="((?:[^"]* )?{name}(?: [^"]*)?)"',
            rf'<{tag} data-scroll class="\1"',
            page,
        )
    return page


class _Page(HTMLParser):
    """The links of a page, and what can be linked to."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.links: list[str] = []
        self.anchors: set[str] = set()
        self.formulas = 0
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.anchors |= {value for name in ("id", "name") if (value := given.get(name))}
        self.formulas += tag == "math"
        for name in ("href", "src"):
            value = given.get(name)
            if value and tag != "use":
                self.links.append(html.unescape(value))


def dead_links(out: Path) -> list[str]:
    """Return the links within a folder of pages that lead nowhere."""
    pages = {path.resolve(): _Page(path.read_text("utf-8")) for path in out.rglob("*.html")}
    return [f"{path.name}: {link}" for path, page in pages.items() for link in _dead(path, pages)]


def _dead(path: Path, pages: dict[Path, _Page]) -> Iterator[str]:
    for link in dict.fromkeys(pages[path].links):
        if re.match(r"[a-z]+:", link):
            continue
        target, _, anchor = link.partition("#")
        there = (path.parent / unquote(target.partition("?")[0])).resolve() if target else path
        known = pages[there].anchors if there in pages else None
        if not there.is_file() or (anchor and known is not None and unquote(anchor) not in known):
            yield link


def documented(out: Path) -> set[str]:
    """Return the anchors of all pages, which are names in full where a name is documented."""
    return {
        anchor for path in out.rglob("*.html") for anchor in _Page(path.read_text("utf-8")).anchors
    }
