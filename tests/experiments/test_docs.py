"""The documentation: formulas, names, links, excerpts, paths, pages."""

import inspect
import json
import os
import re
import sys
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from experiments.course.contents import questions
from experiments.docs.build import dead_links, finish_page
from experiments.docs.docstrings import formulas, signature, to_rest
from experiments.docs.faces import Index, Name, document, face_page, faces, optimizers, own_pages
from experiments.docs.laboratory import LINES, MANY, course_page, excerpts
from experiments.docs.landscapes import (
    LANDSCAPES,
    RATED,
    STEPS,
    UNRATED,
    draw,
    example,
    follow,
)
from experiments.docs.notation import to_latex
from experiments.docs.optimizers import matrix_rows, overview
from experiments.docs.prose import prose_page, prose_pages
from tests.experiments.test_commands import recorded, run
from tests.peers import need, peers

FORMULAS = {
    "y = z": "y=z",
    "w <- w - eta g / (sqrt(nu) + eps)": r"w\leftarrow w-\frac{\eta\,g}{\sqrt{\nu}+\varepsilon}",
    "y = z / 2 (1 + tanh u)": r"y=\frac{z}{2}\,(1+\operatorname{tanh}\,u)",
    "L = 1/2 sum_i e_i^2": r"L=\frac{1}{2}\,\sum_{i} e_i^{2}",
    "dy/dz = sum_c dy/dc dc/dz": r"\frac{\mathrm{d}y}{\mathrm{d}z}=\sum_{c} "
    r"\frac{\mathrm{d}y}{\mathrm{d}c}\,\frac{\mathrm{d}c}{\mathrm{d}z}",
    "sigma^2 / b (B - b) / (B - 1)": r"\frac{\sigma^{2}}{b}\,\frac{B-b}{B-1}",
    "r = 1 / y^T s": r"r=\frac{1}{y^{T}\,s}",
    "a - b / c + d": r"a-\frac{b}{c}+d",
    "e^-z_i": r"e^{-z_i}",
    "|e|^(p-1) sign(e)": r"\left|e\right|^{p-1}\,\operatorname{sign}(e)",
    "||e||^2 / 2": r"\frac{\left\|e\right\|^{2}}{2}",
    "KL(p || q) = 0": r"\mathrm{KL}(p\parallel q)=0",
    "y (dy - <y, dy>)": r"y\,(\mathrm{d}y-\langle y,\;\mathrm{d}y\rangle )",
    "1 <= p < 2": r"1\le p<2",
    "b_(t+1) mu_hat": r"b_{t+1}\,\hat{\mu}",
    "sum_{j=1}^k g_j / k": r"\frac{\sum_{j=1}^{k} g_j}{k}",
    "(i / B, (i + 1) / B]": r"\left(\frac{i}{B},\;\frac{i+1}{B}\right]",
    "nu_max": r"\nu_{\mathrm{max}}",
}

CODE = (
    *(
        "like=",
        'like="torch"',
        "optax.adam",
        "value",
        "(..., in)",
        "value_fn",
        "b1",
        "chain(d, ...)",
    ),
    *("schedules[i + 1]", "g +", "(g", "g)", "|g", "2", "the mean of g", "fit(network, key=key)"),
)


@pytest.mark.parametrize("text", FORMULAS)
def test_formulas_are_translated(text: str) -> None:
    assert to_latex(text) == FORMULAS[text]


@pytest.mark.parametrize("text", CODE)
def test_code_is_no_formula(text: str) -> None:
    assert to_latex(text, {"b1", "value"}) is None


def test_names_of_arguments_are_words_of_formulas() -> None:
    assert to_latex("y = drop_rate x") is None
    assert to_latex("y = drop_rate x", {"drop_rate"}) == r"y=\mathrm{drop\_rate}\,x"


MATHEMATICS = ("activations", "initializers", "losses", "metrics", "penalties", "schedules")
NOT_MATHEMATICS = re.compile(r"(as|get)_\w+|one_hot_targets|every_leaf|weights_only|plateau")


@pytest.mark.parametrize("face", MATHEMATICS)
def test_every_function_has_its_formula(face: str) -> None:
    module = getattr(jaxnet, face)
    for name in module.__all__:
        value = getattr(module, name)
        if inspect.isroutine(value) and not NOT_MATHEMATICS.fullmatch(name):
            document, names = inspect.getdoc(value) or "", signature(value)[1]
            spans = re.findall(r"``(.+?)``", document.partition("Args:")[0], re.DOTALL)
            found = [to_latex(span, names.keys()) for span in spans]
            assert any(latex and re.search(r"\W", latex) for latex in found), name


@pytest.mark.parametrize("name", own_pages())
def test_every_optimizer_has_its_equation(name: str) -> None:
    value = getattr(jaxnet.optim, name)
    assert formulas(inspect.getdoc(value) or "", signature(value)[1]), name


def test_rows_of_the_matrix_are_shown() -> None:
    row = {"optimizer": "adam", "case": "a_b", "like": "optax", "ulps": 0.5, "verdict": "theirs"}
    row |= {"witnesses": {"optax": 2e-3, "oracle": 1e-16}, "note": "`x` | y", "link": "https://z"}
    equal = row | {"verdict": "equal", "witnesses": {"optax": 3e-16}}
    results = {"rows": [row, equal], "others": {"Second order": [row | {"optimizer": "newton"}]}}
    record = {"results": results, "environment": {"versions": {"jax": "1"}}}
    shown = overview(record).split(":doc:`adam`")[1].split(":doc:")[0]
    assert "1 theirs, 1 equal" in shown
    assert "3.0e-16" in shown
    lines = [line.strip() for line in matrix_rows("adam", record).splitlines()]
    assert {r"* - a\_b", "- 2.0e-03", r"- theirs ``x`` \| y `[source] <https://z>`__"} <= set(lines)
    assert "theirs" in matrix_rows("newton", record)
    assert "Not measured" in matrix_rows("adam", None)
    assert "no row of it" in matrix_rows("sgd", record)
    results["others"]["Composition"] = [row | {"optimizer": "masked", "case": "masked, freeze"}]
    assert "masked, freeze" in matrix_rows("freeze", record)
    assert "no row of it" in matrix_rows("sgd", record)


@pytest.fixture(scope="module")
def index() -> Index:
    return Index(questions())


@pytest.mark.slow
def test_every_public_name_is_on_a_page_and_every_reference_is_of_something(index: Index) -> None:
    index.problems.clear()
    pages = {face: face_page(face, index) for face in faces()}
    for face, page in pages.items():
        assert page.splitlines()[:2] == [face, "=" * len(face)]
    for name in index.names:
        assert document(name.value, name), name.full
        if name.name in own_pages() and name.face == "jaxnet.optim":
            continue  # it has its own page
        assert re.search(rf"^\.\. py:\w+:: {re.escape(name.full)}\b", pages[name.face], re.M)
    assert index.problems == []
    assert len(index.names) > 500


def test_a_reference_to_nothing_is_found(index: Index) -> None:
    name = Name("jaxnet.optim", "adam", jaxnet.optim.adam)
    assert index.refer("losses.huber") == ":py:obj:`losses.huber <jaxnet.losses.huber>`"
    assert index.refer("adamw", name=name) == ":py:obj:`adamw <jaxnet.optim.adamw>`"
    found = index.refer("jaxnet.core.trees.count_parameters")
    assert found.endswith("<jaxnet.networks.count_parameters>`")
    assert index.refer("update_rule.rule", name=name) == "``update_rule.rule``"
    assert index.problems == []
    assert index.refer("adamx", name=name) == "``adamx``"
    assert index.problems == ["jaxnet.optim.adam: `adamx` is not the name of anything"]
    index.problems.clear()


def test_sections_become_lists() -> None:
    text = "Add ``b``,\n  `c`.\n\nArgs:\n    x, y: values,\n        two.\n    *more: a|b.\n"
    text += "\n>>> 1\n1\n"
    rest = to_rest(text, lambda name: f"<{name}>", {"x": "Array", "more": "int"})
    assert rest.splitlines() == [
        *("Add :math:`b`,", "<c>.", "", ".. rubric:: Arguments", "   :class: part", ""),
        *("``x``, ``y``", "   values,", "   two.", ""),
        *("``*more`` : ``int``", r"   a\|b.", ""),
        *(".. code-block:: pycon", "", "   >>> 1", "   1"),
    ]


def test_signatures_are_as_written() -> None:
    def function(x: "list[int]", *, rate: float = 1e-3, **more: int) -> None: ...

    shown, kinds = signature(function)
    assert shown == ["x", "*", "rate=0.001", "**more"]
    assert kinds == {"x": "'list[int]'", "rate": "float", "more": "int"}


@pytest.mark.parametrize("path", prose_pages())
def test_links_of_pages_lead_to_pages(path: str, tmp_path: Path, index: Index) -> None:
    problems: list[str] = []
    (tmp_path / Path(prose_pages()[path]).parent).mkdir(exist_ok=True)
    text = prose_page(path, tmp_path, index, questions(), problems)
    assert problems == []
    known = {f"{page}.md" for page in prose_pages().values()}
    folder = Path(prose_pages()[path]).parent
    for target in re.findall(r"\]\((?!https://)([^)#]+\.md)", text):
        assert str((tmp_path / folder / target).resolve().relative_to(tmp_path)) in known


@pytest.mark.parametrize("name", questions())
def test_thirty_lines_matter(name: str) -> None:
    found = excerpts(name)
    assert found
    assert sum(each.last - each.first + 1 for each in found) <= LINES
    for each in found:
        first = each.path.read_text().splitlines()[each.first - 1]
        assert re.match(r"def |@", first), first


def test_a_path_is_that_of_the_rule() -> None:
    paths = follow("sgd")
    rate = paths.rate["valley"]
    assert rate is not None
    count = np.arange(STEPS + 1)[:, None]
    factors = 1 - rate * np.array([1.0, 20.0])
    expected = factors**count * np.array(LANDSCAPES["valley"].start)
    np.testing.assert_allclose(paths.points["valley"], expected, atol=1e-5)
    end = 0.5 * expected[-1, 0] ** 2 + 10 * expected[-1, 1] ** 2
    assert paths.values["valley"] == pytest.approx(end, rel=1e-3, abs=1e-9)


@pytest.mark.parametrize("name", ["clip", "sam", "backtracking"])
def test_a_path_is_that_of_the_example_shown(name: str) -> None:
    paths = follow(name)
    rate = paths.rate["valley"]
    optimizer, w = example(name, rate), jnp.array(LANDSCAPES["valley"].start)
    assert f"{name}(" in repr(optimizer)

    def value_fn(w: jax.Array) -> jax.Array:
        return w[0] ** 2 / 2 + 10 * w[1] ** 2

    grad_fn = jax.grad(value_fn)
    extra = {"value": value_fn(w), "grad": grad_fn(w), "grad_fn": grad_fn, "value_fn": value_fn}
    step, _ = optimizer.update(grad_fn(w), optimizer.init(w), w, **extra)
    np.testing.assert_allclose(paths.points["valley"][1], w + step, rtol=1e-5)


def test_every_example_is_of_a_page() -> None:
    assert {**RATED, **UNRATED}.keys() <= own_pages().keys()
    assert {*jaxnet.optim.WRAPPERS, "backtracking", "chain"} <= {**RATED, **UNRATED}.keys()
    headings = {heading: list(made) for heading, made in optimizers().items()}
    assert headings["First order"] == list(jaxnet.optim.OPTIMIZERS)
    assert {*jaxnet.optim.WRAPPERS, "masked"} <= {*headings["Wrappers of another optimizer"]}
    assert "global_norm" not in own_pages()


def test_a_path_is_drawn_in_the_same_bytes(tmp_path: Path) -> None:
    points = np.array([[-3.0, 0.8], [0.0, 0.0]])
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        draw(LANDSCAPES["valley"], points, tmp_path / folder / "path.svg")
    first, second = ((tmp_path / folder / "path.svg").read_bytes() for folder in ("a", "b"))
    assert first == second
    assert b"<text" in first


def test_a_dead_link_is_found(tmp_path: Path) -> None:
    page = '<a href="b.html#there"></a><a href="#here" id="here"></a><a href="https://x.y"></a>'
    (tmp_path / "a.html").write_text(page)
    (tmp_path / "b.html").write_text('<p id="there"></p><img src="none.png">')
    assert dead_links(tmp_path) == ["b.html: none.png"]
    (tmp_path / "b.html").write_text('<p id="other"></p>')
    assert dead_links(tmp_path) == ["a.html: b.html#there"]


def test_icons_have_names_and_drawers_are_marked() -> None:
    assert finish_page('<svg aria-label="x">') == '<svg aria-label="x">'
    assert finish_page('<aside class="toc-drawer no-toc">').startswith("<aside data-scroll ")
    assert finish_page('<div class="output text_html">').startswith("<div data-scroll ")
    assert finish_page('<img alt="a" src="b"/>') == '<img alt="a" src="b"/>'
    assert finish_page('<img src="b"/>') == '<img alt="output of the cell above" src="b"/>'


def test_the_course_lists_a_few_claims_and_counts_many(tmp_path: Path) -> None:
    (tmp_path / "source" / "static").mkdir(parents=True)
    claim = {"statement": "a_b", "holds": True, "verdict": "holds"}
    for name, claims in {
        "minimal": [claim],
        "tuning": [claim] * MANY + [{**claim, "holds": 0}],
    }.items():
        (tmp_path / name).mkdir()
        (tmp_path / name / "result.json").write_text(json.dumps({"claims": claims}))
    page = course_page(tmp_path / "source", tmp_path, questions())
    assert page.count(r"a\_b") == 1
    assert f"- claims on its page: {MANY}\n     - holds" in page
    assert "- claims on its page: 1\n     - not shown" in page


def test_without_sphinx_the_command_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setitem(sys.modules, "sphinx", None)
    assert run("docs", "--out", str(tmp_path / "out")) == 2
    assert "pip install -e '.[docs]'" in capsys.readouterr().err
    assert not (tmp_path / "out").exists()


@peers
@pytest.mark.filterwarnings("ignore:'myst_parser:PendingDeprecationWarning")  # not ours
def test_the_pages_are_built(tmp_path: Path) -> None:
    for package in ("sphinx", "furo", "myst_nb"):
        need(package)
    results = tmp_path / "results"
    results.mkdir()
    record = recorded("docs", tmp_path, "--smoke", "--results", str(results))
    assert all(claim["measured"] == 0 for claim in record["claims"])
    assert record["results"]["names"] > 500
    clicks = [Path("index.html")]
    for target in ("api/optim.html", "optimizers/adam.html"):
        page = (tmp_path / clicks[-1]).read_text()
        assert f'href="{os.path.relpath(target, clicks[-1].parent)}' in page
        clicks.append(Path(target))
    page = (tmp_path / "optimizers" / "adam.html").read_text()
    assert "<mfrac>" in page
    assert 'src="../_images/adam_valley.svg"' in page
    assert "Not measured in this build" in page
    assert "torch and lecture" in page
    huber = (tmp_path / "api" / "losses.html").read_text()
    assert 'id="jaxnet.losses.huber"' in huber
    for path in tmp_path.rglob("*.html"):
        text = path.read_text()
        assert not re.search(r'(src="|<link [^>]*href=")(https?:)?//', text), path
        assert r"\frac" not in re.sub(r"<pre.*?</pre>", "", text, flags=re.DOTALL), path
