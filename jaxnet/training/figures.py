"""Figures of results: learning curves and sweeps, as matplotlib figures and as SVG."""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias
from xml.sax.saxutils import escape

import numpy as np

from jaxnet.core.checks import require
from jaxnet.core.optional_imports import import_package
from jaxnet.core.representation import known

PLOTS = "Or: pip install -e '.[plots]'."
FRAMES = "Or: pip install -e '.[frames]'."
"""What installs the packages of figures, and those of data frames."""

Curves: TypeAlias = Mapping[str, Mapping[str, Any]]
"""``"train"``, ``"validation"`` and so on -> name of a quantity -> one value an epoch."""

COLORS = {"train": "#0b61a4", "validation": "#d1590f", "instruments": "#2a7f3b"}

LINES = 6
"""The most lines of a panel of hyperparameters."""

WIDE = 30
"""The least quotient of positive hyperparameters for a logarithmic axis."""

POINTS = 300
"""The most points of a line of an SVG."""

_WIDTH, _HEIGHT, _LEFT, _TOP, _BOTTOM = 340.0, 220.0, 60.0, 26.0, 40.0


def plot_curves(curves: Curves) -> Any:
    """Plot learning curves: a `matplotlib` figure with a panel for each quantity.

    Args:
        curves: values of shape ``(epochs,)``.

    Raises:
        ValueError: if there are none.
        ImportError: if matplotlib is not installed.
    """
    panels = _panels(curves)
    require(panels, "curves", "to have one value an epoch", "none or others")
    figure, axes = _new_figure(len(panels))
    for each, (name, lines) in zip(axes, panels.items(), strict=True):
        for source, values in lines.items():
            epochs = np.arange(1, len(values) + 1)
            each.plot(epochs, values, color=COLORS[source], label=source)
        each.set(xlabel="epoch", ylabel=name)
        each.legend()
    return figure


def plot_settings(
    columns: Mapping[str, np.ndarray], metric: str, mean: np.ndarray, spread: np.ndarray
) -> Any:
    """Plot a metric against hyperparameters: a `matplotlib` figure with a panel for each.

    Of two hyperparameters, a panel has a line for each value of the other, if these are few; of
    more, settings are not joined. The axis of positive values far apart is logarithmic, also of
    those with 0 among them, next to which it is linear.

    Args:
        columns: name of a hyperparameter -> its value in each setting, shape ``(settings,)``.
        metric: name of the metric.
        mean: its mean over the seeds, shape ``(settings,)``; settings with NaN are left out.
        spread: its standard deviation over them; NaN for none.

    Raises:
        ImportError: if matplotlib is not installed.
    """
    figure, axes = _new_figure(len(columns))
    for each, (name, values) in zip(axes, columns.items(), strict=True):
        for label, rows in _lines_of(columns, name).items():
            order = rows[np.argsort(values[rows], kind="stable")]
            bars, style = np.nan_to_num(spread)[order], "o-" if label or len(columns) == 1 else "o"
            each.errorbar(values[order], mean[order], bars, fmt=style, capsize=3, label=label)
            if label:
                each.legend(fontsize="small")
        each.set(xlabel=name, ylabel=metric)
        each.set_xscale(**_scale_of(values))
    return figure


def _scale_of(values: np.ndarray) -> dict[str, Any]:
    """Return a logarithmic axis for positive values far apart, linear from 0 to the least of them.

    >>> _scale_of(np.array([0.0, 0.001, 0.1]))
    {'value': 'symlog', 'linthresh': 0.001}
    """
    positive = values[values > 0]
    if values.min() < 0 or not len(positive) or positive.max() < WIDE * positive.min():
        return {"value": "linear"}
    if len(positive) == len(values):
        return {"value": "log"}
    return {"value": "symlog", "linthresh": float(positive.min())}


def _lines_of(columns: Mapping[str, np.ndarray], name: str) -> dict[str, np.ndarray]:
    """Return label -> settings of each line in the panel of a hyperparameter."""
    others = [(other, values) for other, values in columns.items() if other != name]
    if len(others) != 1 or len(np.unique(others[0][1])) > LINES:
        return {"": np.arange(len(columns[name]))}
    ((other, values),) = others
    return {f"{other} {v:.4g}": np.flatnonzero(values == v) for v in np.unique(values)}


def curves_svg(curves: Curves) -> str:
    """Draw learning curves as an SVG document, a panel for each quantity, without matplotlib.

    Args:
        curves: values of shape ``(epochs,)``; others, such as traced ones, are left out.

    >>> drawing = curves_svg({"train": {"loss": np.array([2.0, 1.0, 0.5])}})
    >>> drawing.startswith("<svg"), drawing.count("<polyline")
    (True, 1)
    """
    panels = _panels(curves)
    width = _WIDTH * max(1, len(panels))
    return "".join(
        [
            f'<svg xmlns="http://www.w3.org/2000/svg" role="img" width="{width:.0f}" '
            f'height="{_HEIGHT:.0f}" viewBox="0 0 {width:.0f} {_HEIGHT:.0f}" '
            'font-family="sans-serif" font-size="12">',
            "<title>Learning curves</title>",
            '<rect width="100%" height="100%" fill="#fff"/>',
            *(
                text
                for place, (name, lines) in enumerate(panels.items())
                for text in _panel(place * _WIDTH, name, lines)
            ),
            "</svg>",
        ]
    )


def _panels(curves: Curves) -> dict[str, dict[str, np.ndarray]]:
    """Return quantity -> source -> curve, the loss first."""
    panels: dict[str, dict[str, np.ndarray]] = {}
    for source, table in curves.items():
        for name, curve in table.items():
            if known(curve) and np.ndim(curve) == 1 and len(curve):
                panels.setdefault(name, {})[source] = np.asarray(curve, np.float64)
    return dict(sorted(panels.items(), key=lambda panel: panel[0] != "loss"))


def _new_figure(panels: int) -> tuple[Any, Sequence[Any]]:
    name = "matplotlib.figure"
    figure = import_package(name, remedy=PLOTS).Figure((4.5 * panels, 3.5), layout="constrained")
    return figure, list(figure.subplots(1, panels, squeeze=False).flat)


def _panel(left: float, name: str, lines: Mapping[str, np.ndarray]) -> Iterator[str]:
    """Yield the elements of one panel: frame, bounds, names, a line for each source."""
    finite = np.concatenate([values[np.isfinite(values)] for values in lines.values()])
    low, high = (finite.min(), finite.max()) if len(finite) else (0.0, 1.0)
    epochs = max(map(len, lines.values()))
    x, y = left + _LEFT, _TOP
    width, height = _WIDTH - _LEFT - 16, _HEIGHT - _TOP - _BOTTOM

    def across(epoch: np.ndarray) -> np.ndarray:
        return x + width * (epoch - 1) / max(1, epochs - 1)

    def up(value: np.ndarray) -> np.ndarray:
        return y + height * (1 - (value - low) / ((high - low) or 1.0))

    yield f'<rect x="{x}" y="{y}" width="{width}" height="{height}" fill="none" stroke="#999"/>'
    yield _text(x, y - 8, name, "start", "font-weight='bold'")
    yield _text(x - 5, y + 10, f"{high:.4g}", "end")
    yield _text(x - 5, y + height, f"{low:.4g}", "end")
    yield _text(x, y + height + 15, "1", "start")
    yield _text(x + width, y + height + 15, str(epochs), "end")
    yield _text(x + width / 2, y + height + 15, "epoch", "middle")
    for number, (source, values) in enumerate(lines.items()):
        color = COLORS[source]
        kept = np.unique(np.linspace(0, len(values) - 1, POINTS).astype(int))
        points = np.stack([across(kept + 1.0), up(values[kept])], axis=1)
        for part in _finite_parts(points):
            text = " ".join(f"{a:.1f},{b:.1f}" for a, b in part)
            yield f'<polyline points="{text}" fill="none" stroke="{color}" stroke-width="2"/>'
        yield _text(x + 90 * number, y + height + 32, source, "start", f'fill="{color}"')


def _finite_parts(points: np.ndarray) -> Iterator[np.ndarray]:
    """Yield runs of finite points; a single point is drawn as a line to itself."""
    good = np.isfinite(points).all(axis=1)
    breaks = np.flatnonzero(np.diff(good)) + 1
    for part in np.split(points, breaks):
        if np.isfinite(part).all() and len(part):
            yield part if len(part) > 1 else part + np.array([[-1.0, 0.0], [1.0, 0.0]])


def _text(x: float, y: float, text: str, anchor: str, more: str = "") -> str:
    return f'<text x="{x:.1f}" y="{y:.1f}" text-anchor="{anchor}" {more}>{escape(text)}</text>'
