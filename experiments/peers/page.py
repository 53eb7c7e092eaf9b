"""HTML page of the matrix: rules, measured differences, reasons."""

import html
import inspect
import re
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import jaxnet
from experiments.peers.bfloat16 import BFLOAT16_ULPS, Bfloat16
from experiments.peers.compare import EXACT, ULPS
from experiments.peers.rows import BAD, Pair, Row

_STYLE = """
:root { --ink: #1c1c1c; --faint: #6b6b6b; --line: #d9d9d9; --good: #2a7f3b; --bad: #b3261e;
  --theirs: #b06000; --paper: #ffffff; --shade: #f5f6f8; }
@media (prefers-color-scheme: dark) { :root { --ink: #e8e8e8; --faint: #a0a0a0; --line: #3a3a3a;
  --good: #6fcf83; --bad: #ff8a80; --theirs: #ffb74d; --paper: #161616; --shade: #202225; } }
body { font: 16px/1.5 system-ui, sans-serif; color: var(--ink); background: var(--paper);
  max-width: 68rem; margin: 2rem auto; padding: 0 1rem; }
h2 { margin-top: 3rem; border-bottom: 2px solid var(--line); } h3 { margin-top: 2.5rem; }
table { border-collapse: collapse; margin: .8rem 0; font-variant-numeric: tabular-nums; }
th, td { padding: .25rem .8rem .25rem 0; border-bottom: 1px solid var(--line); text-align: left;
  vertical-align: top; } th { color: var(--faint); font-weight: 600; }
td.number { text-align: right; } .scroll { overflow-x: auto; }
code, pre { font-family: ui-monospace, monospace; font-size: .9em; background: var(--shade); }
pre { padding: .6rem; overflow-x: auto; }
.equal { color: var(--good); } .theirs { color: var(--theirs); font-weight: 600; }
.differs, .mended { color: var(--bad); font-weight: 700; } .faint { color: var(--faint); }
nav { columns: 5 9rem; } a { color: inherit; }
"""


def build_page(
    rows: Sequence[Row],
    pairs: Sequence[Pair],
    bfloat16: Sequence[Bfloat16],
    others: Mapping[str, Sequence[Row]],
    environment: Mapping[str, Any],
) -> str:
    """Return the page."""
    everything = [*rows, *(row for section in others.values() for row in section)]
    first = {row.optimizer for row in rows}
    rows = [row for row in everything if row.optimizer in first]  # each name has one place
    others = {
        title: [row for row in found if row.optimizer not in first]
        for title, found in others.items()
    }
    names = sorted(dict.fromkeys(row.optimizer for row in everything))
    links = "".join(f'<a href="#{name}">{name}</a><br>' for name in names)
    body = [
        "<h1>Optimizers, verified</h1>",
        _summary(everything, pairs, bfloat16, environment),
        f"<nav>{links}</nav>",
        *_section("Optimizers", rows, pairs),
        _bfloat16(bfloat16) if bfloat16 else "",
        *(part for title, found in others.items() for part in _section(title, found, [])),
        _known_bugs(everything),
    ]
    return _DOCUMENT.format(style=_STYLE, body="\n".join(body))


_DOCUMENT = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>jaxnet: optimizers, verified</title>
<style>{style}</style>
</head>
<body>
{body}
</body>
</html>
"""


def _summary(
    rows: Sequence[Row],
    pairs: Sequence[Pair],
    bfloat16: Sequence[Bfloat16],
    environment: Mapping[str, Any],
) -> str:
    verdicts = [row.verdict for row in rows]
    verdicts += ["equal" if row.exact else "differs" for row in bfloat16]
    bad = sum(verdict in BAD for verdict in verdicts) + sum(not pair.explained for pair in pairs)
    versions = ", ".join(f"{name} {text}" for name, text in environment["versions"].items())
    return "".join(
        [
            "<p>Each row is one optimizer with its settings under one convention: whose rule it ",
            "follows where libraries differ. It is held against that library itself and against ",
            "the rule written again in NumPy's float64 from the paper (the oracle), over 100 steps",
            " of one stream of gradients: leaves of all shapes, gradients of zero, sparse ones, ",
            "flipping signs, tiny and huge ones, with a constant learning rate and a scheduled ",
            "one. Numbers are the largest difference of a parameter after any step, in float64, ",
            f"relative to max(1, |w|); at most {EXACT:g} counts as rounding. <em>Float32</em> is ",
            "the worst error of a single float32 step, in units in the last place of the ",
            f"parameters, from the state that the steps before led to; at most {ULPS:g}.</p>",
            f"<p><strong>{verdicts.count('equal')} rows equal, {verdicts.count('theirs')} rows ",
            f"off by {count_bugs(rows)} known bugs of libraries, {bad} unexplained.</strong></p>",
            f'<p class="faint">{_escape(versions)}; Python {environment["python"]}; ',
            f"{_escape(environment['device'])}; <code>{_escape(environment['command'])}</code></p>",
        ]
    )


def count_bugs(rows: Sequence[Row]) -> int:
    """Count the bugs of libraries in rows; several rows may share one."""
    return len({(row.note, row.link) for row in rows if row.verdict == "theirs"})


def _section(title: str, rows: Sequence[Row], pairs: Sequence[Pair]) -> Iterable[str]:
    """Return a heading and a section per name in the rows."""
    yield f"<h2>{_escape(title)}</h2>"
    for name in dict.fromkeys(row.optimizer for row in rows):
        yield _subject(
            name,
            [row for row in rows if row.optimizer == name],
            [pair for pair in pairs if pair.optimizer == name],
        )


def _subject(name: str, rows: Sequence[Row], pairs: Sequence[Pair]) -> str:
    room = jaxnet.optim if hasattr(jaxnet.optim, name) else jaxnet.schedules
    document = inspect.getdoc(getattr(room, name)) or ""
    return "".join(
        [
            f'<h3 id="{name}">{name}</h3>',
            document_to_html(document),
            _table(rows),
            _pairs(pairs) if pairs else "",
        ]
    )


def _table(rows: Sequence[Row]) -> str:
    witnesses = list(dict.fromkeys(name for row in rows for name in row.witnesses))
    ulps = any(row.ulps is not None for row in rows)
    head = ["settings", "like", *witnesses, *(["float32"] if ulps else []), "verdict"]
    lines = []
    for row in rows:
        cells = [_cell(row.case), _cell(row.like)]
        cells += [_number(row.witnesses.get(name), "{:.1e}") for name in witnesses]
        cells += [_number(row.ulps, "{:.1f} ulp")] if ulps else []
        note = f" {_escape(row.note)} {_link(row.link)}" if row.note else ""
        lines.append([*cells, _verdict(row.verdict, note)])
    return _wrap(head, lines)


def _pairs(pairs: Sequence[Pair]) -> str:
    lines = [
        [
            _cell(" and ".join(pair.conventions)),
            _number(pair.difference, "{:.1e}"),
            _cell(pair.case),
            f"<td>{_inline(pair.reason) or 'one rule'} {_link(pair.link)}</td>"
            if pair.explained
            else '<td class="differs">unexplained</td>',
            _number(pair.without, "{:.1e}"),
        ]
        for pair in pairs
    ]
    head = ["at equal settings", "apart by", "most with", "because", "without that"]
    return _wrap(head, lines)


def _bfloat16(rows: Sequence[Bfloat16]) -> str:
    lines = [
        [
            *map(_cell, (row.optimizer, row.case, row.like)),
            _number(row.ulps, "{:.2f} ulp"),
            _number(row.optax, "{:.1f} ulp"),
            _verdict("equal" if row.exact else "differs"),
        ]
        for row in rows
    ]
    head = ["optimizer", "settings", "like", "ours", "optax's own", "verdict"]
    return f"<h2>Parameters in bfloat16</h2>{_ABOUT_BFLOAT16}{_wrap(head, lines)}"


_ABOUT_BFLOAT16 = f"""<p>The worst error of an update, where parameters and gradients are bfloat16:
each step against the one that float64 makes from the same state and gradient, in units in the last
place of the update. Ours compute and remember in float32 and round once, which costs half a unit;
at most {BFLOAT16_ULPS:g} passes. The update of schedule-free training is the difference of two
points as large as the parameters, which float32 has rounded, and may lose {ULPS:g} units of theirs
in float32 more. optax computes in the dtype of the gradients and remembers there unless told
otherwise (<code>mu_dtype</code>): its numbers, each from its own state, are for information; the
largest are where terms cancel.</p>"""


def _known_bugs(rows: Sequence[Row]) -> str:
    found = [row for row in rows if row.verdict == "theirs"]
    return f"<h2>Known bugs of libraries, pinned to these versions</h2>{_table(found)}"


def _wrap(head: Iterable[str], lines: Iterable[Iterable[str]]) -> str:
    titles = [f"<th>{_escape(title)}</th>" for title in head]
    rows = "".join(f"<tr>{''.join(cells)}</tr>" for cells in [titles, *lines])
    return f'<div class="scroll"><table>{rows}</table></div>'


def _cell(text: str) -> str:
    return f"<td>{_escape(text)}</td>"


def _number(value: float | None, form: str) -> str:
    return f'<td class="number">{"" if value is None else form.format(value)}</td>'


def _verdict(verdict: str, note: str = "") -> str:
    return f'<td><span class="{verdict}">{verdict}</span>{note}</td>'


def _link(address: str) -> str:
    if not address:
        return ""
    label = re.sub(r"^https?://(www\.)?(github\.com/)?", "", address)
    return f'<a href="{html.escape(address)}">{_escape(label)}</a>'


def _escape(text: str) -> str:
    return html.escape(str(text))


def _inline(text: str) -> str:
    """Return text with ``code`` and `names` marked up."""
    text = re.sub(r"``(.+?)``", r"<code>\1</code>", _escape(text), flags=re.DOTALL)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text, flags=re.DOTALL)


def document_to_html(document: str) -> str:
    r"""Return a docstring as HTML: paragraphs, bullets and the source, without arguments.

    >>> document_to_html("Adam: ``w``.\n\nArgs:\n    b1: decay.\n\nSource: paper.")
    '<p>Adam: <code>w</code>.</p><p>Source: paper.</p>'
    """
    blocks = re.split(r"\n\s*\n", document)
    kept = [b for b in blocks if not re.match(r"(Args|Raises|Returns|Attributes):|>>>", b)]
    return "".join(_block(block) for block in kept)


def _block(block: str) -> str:
    if not block.startswith("- "):
        return f"<p>{_inline(block)}</p>"
    items = re.split(r"^- ", block, flags=re.MULTILINE)[1:]
    return "<ul>" + "".join(f"<li>{_inline(item.strip())}</li>" for item in items) + "</ul>"
