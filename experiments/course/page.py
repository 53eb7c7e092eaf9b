"""The page: one HTML file without a script, whose figures and source texts are in it."""

import base64
import html
import io
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from PIL import Image

from experiments.course.contents import PARTS
from experiments.course.running import Run
from experiments.course.slides import SLIDE_ERRORS, UNCHECKED

STYLE = (Path(__file__).parent / "page.css").read_text("utf-8")

HERE = Path(__file__).parent.parent

LEGIBLE = 0.37
"""Least width of a figure on the screen over its own; 11 points are then 8 pixels."""


def build_page(runs: Sequence[Run], questions: Mapping[str, str], out: Path, *, quick: bool) -> str:
    """Return the page.

    Args:
        runs: the experiments that have run.
        questions: name of an experiment -> its question.
        out: folder of their folders, with the figures.
        quick: whether they ran with small settings, which make no claims.
    """
    by_name = {run.name: run for run in runs}
    body = [_head(runs, quick), _contents(by_name, questions)]
    for part in PARTS:
        names = [name for name in part.experiments if name in by_name]
        if not names:
            continue
        body.append(f"<h2>{_text(part.title)}</h2><p>{_text(part.about)}</p>")
        body += [_section(by_name[name], questions[name], out, quick) for name in names]
    body.append(
        _table("slides", "Errors of the slides", ("lecture, slide", "says", "right"), SLIDE_ERRORS)
    )
    body.append(
        _table("unchecked", "Not checked", ("lecture, slide", "says", "why not"), UNCHECKED)
    )
    body.append(_environment(runs))
    return (
        '<!doctype html><html lang="en"><head><meta charset="utf-8">'
        '<meta name="viewport" content="width=device-width, initial-scale=1">'
        '<meta http-equiv="Content-Security-Policy" '
        "content=\"default-src 'none'; img-src data:; style-src 'unsafe-inline'\">"
        f"<title>jaxnet: the course</title><style>{STYLE}</style></head>"
        f"<body><main>{''.join(body)}</main></body></html>\n"
    )


def _head(runs: Sequence[Run], quick: bool) -> str:
    claims = [claim for run in runs for claim in _claims(run)]
    true = sum(claim["holds"] for claim in claims)
    crashed = [run.name for run in runs if run.crashed]
    lines = [f"{len(runs)} experiments, {len(claims)} claims, {true} of them true."]
    if quick:
        lines = [f"{len(runs)} experiments in a quick run: small settings, few claims."]
    if crashed:
        lines.append(f"Without a result: {', '.join(crashed)}.")
    about = (
        "Claims of five lectures on feed-forward networks, each with the number measured, its "
        "standard error over seeds where there are several, and the verdict."
    )
    return f"<h1>Feed-forward networks, measured</h1><p>{about}</p><p>{_text(' '.join(lines))}</p>"


def _contents(by_name: Mapping[str, Run], questions: Mapping[str, str]) -> str:
    items = []
    for part in PARTS:
        links = "".join(
            f'<li><a href="#{name}">{_text(questions[name])}</a> {_badges(by_name[name])}</li>'
            for name in part.experiments
            if name in by_name
        )
        if links:
            items.append(f"<h3>{_text(part.title)}</h3><ul>{links}</ul>")
    items.append('<p><a href="#slides">Errors of the slides</a></p>')
    items.append('<p><a href="#unchecked">Claims that are not checked, and why</a></p>')
    return f"<nav><h2>Contents</h2>{''.join(items)}</nav>"


def _badges(run: Run) -> str:
    if run.crashed:
        return '<span class="badge false">no result</span>'
    verdicts = [_verdict(claim) for claim in _claims(run)]
    return "".join(
        f'<span class="badge {kind}">{verdicts.count((kind, word))} {word}</span>'
        for kind, word in dict.fromkeys((kind, word) for kind, word in verdicts)
    )


def _section(run: Run, question: str, out: Path, quick: bool) -> str:
    arguments = f"python {' '.join(run.arguments)}"
    parts = [f"<p><code>{_text(arguments)}</code>, {run.seconds:.0f} s</p>"]
    if run.crashed:
        parts.append(f"<p>It ended with status {run.status}:</p><pre>{_text(run.output)}</pre>")
    parts += [_claim(claim) for claim in _claims(run)]
    if not run.crashed and not _claims(run):
        why = "of these small settings" if quick else "where nothing is to be true or false"
        parts.append(f"<p>No claims are made {why}.</p>")
    parts += [_figure(path) for path in _figures(run, out)]
    parts.append(_source(run.name))
    inner = "".join(parts)
    return f'<section id="{run.name}"><h3>{_text(question)}</h3>{inner}</section>'


def _claim(claim: Mapping[str, Any]) -> str:
    kind, word = _verdict(claim)
    error = claim.get("uncertainty")
    measured = _number(claim["measured"]) + (f" ± {_number(error)}" if error is not None else "")
    comparison = claim.get("comparison", "against")  # records of older versions have none
    numbers = _text(f"{measured} {comparison} {_number(claim['threshold'])}")
    said = _text(claim["verdict"]) if word == "only if" else ""
    return (
        f'<article class="claim"><span class="badge {kind}">{word}</span> '
        f"<strong>{_text(claim['statement'])}</strong>"
        f"<div>{numbers}{'; ' if said else ''}{said}</div>"
        f'<div class="source">{_text(claim["source"])}</div></article>'
    )


def _verdict(claim: Mapping[str, Any]) -> tuple[str, str]:
    """Return the class and the word of a claim's badge."""
    verdict = claim.get("verdict", "holds")
    if not claim["holds"]:
        return "false", "not shown"
    if verdict == "holds":
        return "true", "holds"
    return ("wrong", "fails") if verdict == "fails" else ("partly", "only if")


def _figures(run: Run, out: Path) -> list[Path]:
    """Return the paths of the figures that are there, each in one format."""
    names = (Path(name) for name in (run.record or {}).get("figures", ()))
    shown = {name.stem: name for name in names if name.suffix in (".svg", ".png")}
    paths = (out / run.name / name for name in shown.values())
    return [path for path in paths if path.is_file()]


def _figure(path: Path) -> str:
    """Return a figure; a PNG in fewer colours and bytes, with the description that it carries."""
    described, content = path.stem.replace("_", " ").capitalize(), path.read_bytes()
    least = ""
    if path.suffix == ".png":
        with Image.open(path) as image:
            described = str(image.info.get("Description", "")) or described
            least = f' style="min-width: {LEGIBLE * image.width:.0f}px"'
            small, file = image.convert("RGB").quantize(128), io.BytesIO()
        small.save(file, "PNG", optimize=True)
        content = file.getvalue()
    kind = {".svg": "svg+xml"}.get(path.suffix, path.suffix[1:])
    data = base64.b64encode(content).decode()
    return (
        f'<figure data-scroll tabindex="0"><img alt="{_text(described)}"{least} '
        f'src="data:image/{kind};base64,{data}"></figure>'
    )


def _source(name: str) -> str:
    folder = HERE / name
    paths = [HERE / f"{name}.py"] if not folder.is_dir() else sorted(folder.glob("[!_]*.py"))
    paths += [folder / "__init__.py"] if folder.is_dir() else []
    return "".join(
        f"<details><summary><code>experiments/{path.relative_to(HERE)}</code></summary>"
        f"<pre data-scroll>{_text(path.read_text('utf-8'))}</pre></details>"
        for path in paths
    )


def _table(name: str, title: str, head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    cells = [f"<tr>{''.join(f'<th>{_text(each)}</th>' for each in head)}</tr>"]
    cells += [f"<tr>{''.join(f'<td>{_text(each)}</td>' for each in row)}</tr>" for row in rows]
    table = f"<div data-scroll><table>{''.join(cells)}</table></div>"
    return f'<h2 id="{name}">{title}</h2>{table}'


def _environment(runs: Sequence[Run]) -> str:
    known = next(
        (r.record["environment"] for r in runs if r.record and "environment" in r.record), None
    )
    if known is None:
        return ""
    rows = [*known["versions"].items()]
    rows += [(name, known[name]) for name in ("python", "platform", "device", "cpu_cores")]
    cells = "".join(f"<tr><th>{_text(n)}</th><td>{_text(v)}</td></tr>" for n, v in rows)
    return f"<h2>Environment</h2><div data-scroll><table>{cells}</table></div>"


def _claims(run: Run) -> list[dict[str, Any]]:
    return (run.record or {}).get("claims", [])


def _number(value: Any) -> str:
    return f"{value:.4g}" if isinstance(value, int | float) and math.isfinite(value) else "none"


def _text(value: Any) -> str:
    return html.escape(str(value))
