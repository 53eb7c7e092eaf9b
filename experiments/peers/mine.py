"""Own optimizer in an own file or module: what it equals, where it differs, what it costs."""

import importlib
import importlib.util
import sys
from pathlib import Path
from typing import Any, NamedTuple

import optax

import jaxnet
from jaxnet.core.errors import InvalidValueError, invalid_value
from jaxnet.optim import Comparison, Identification, StepTime, compare, identify, time_step

_FORM = "FILE.py:NAME or MODULE:NAME, of an optimizer or of a function that makes one"


class Report(NamedTuple):
    """What is found about an optimizer.

    Attributes:
        identification: what it equals, or comes nearest to.
        comparison: where it differs from that.
        times: name -> time of its step beside that and beside optax's.
        texts: all of it in words.
    """

    identification: Identification
    comparison: Comparison
    times: dict[str, StepTime]
    texts: list[str]


def load_optimizer(text: str) -> Any:
    """Import an optimizer by ``"FILE.py:NAME"`` or ``"MODULE:NAME"``.

    Raises:
        ValueError: if there is no such file, module or name, or if it cannot be imported.
    """
    place, colon, name = text.rpartition(":")
    if not colon or not place or not name.isidentifier():
        raise invalid_value("--mine", f"to be {_FORM}", f"'{text}'")
    try:
        module = _import_file(Path(place)) if place.endswith(".py") else _import_module(place)
    except InvalidValueError:
        raise
    except (Exception, SystemExit) as error:
        line = (str(error).splitlines() or [""])[0]
        remedy = f"Run python {place}, and mend what it complains of."
        actual = f"{type(error).__name__}: {line}"
        raise invalid_value("--mine", f"to import {place}", actual, remedy) from error
    if not hasattr(module, name):
        known = ", ".join(each for each in vars(module) if not each.startswith("_"))[:300]
        raise invalid_value(
            "--mine", f"to name something of {place}", f"'{name}'", f"It has {known}."
        )
    return getattr(module, name)


def _import_file(path: Path) -> Any:
    if not path.is_file():
        raise invalid_value("--mine", "to be in a file", f"no file '{path}'", "Correct the path.")
    spec = importlib.util.spec_from_file_location(path.stem, path)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    sys.path.insert(0, str(path.parent.resolve()))  # for what it imports beside it, as python does
    sys.modules[path.stem] = module
    try:
        spec.loader.exec_module(module)
    finally:
        sys.path.pop(0)
    return module


def _import_module(name: str) -> Any:
    try:
        return importlib.import_module(name)
    except ModuleNotFoundError as error:
        if error.name is None or not name.startswith(error.name):
            raise
        remedy = "Start where it can be imported, or give the path of its file, FILE.py:NAME."
        raise invalid_value("--mine", "to be in a module", f"no module '{name}'", remedy) from error


def examine(mine: Any, learning_rate: float) -> Report:
    """Return what an optimizer equals or comes nearest to, where it differs and what it costs.

    Args:
        mine: in any of the forms of `jaxnet.optim.identify`.
        learning_rate: for one that takes it.
    """
    found = identify(mine, learning_rate=learning_rate)
    best = found.best
    # a transformation that is made has its own rate, which the others are to have as well
    reference = best.make if best.known_rate else best.make()
    comparison = compare(mine, reference, learning_rate=learning_rate)
    references: dict[str, Any] = {f"jaxnet.optim.{best.optimizer}": reference}
    theirs = getattr(optax, best.optimizer, None) or getattr(optax.contrib, best.optimizer, None)
    if theirs is not None:
        references[f"optax.{best.optimizer}"] = (
            theirs if best.known_rate else (lambda: theirs(0.01))
        )
    times, lost = {}, []
    for name, other in references.items():
        try:
            times[name] = time_step(mine, other, learning_rate=learning_rate)
        except InvalidValueError as error:
            lost.append(f"not timed beside {name}: {error}")
    texts = [
        str(found),
        f"\nbeside {best.call}:\n{comparison}",
        *(f"\nbeside {name}:\n{taken}" for name, taken in times.items()),
        *lost,
    ]
    return Report(found, comparison, times, texts)


def record(report: Report) -> dict[str, Any]:
    """Return a report for result.json, with the calls that make what it found."""
    found = report.identification
    matches = {"equal": found.equal, "altered": found.altered, "nearest": found.nearest}
    return {
        **{
            kind: [{"call": m.call, "differences": m.differences, **m._asdict()} for m in some]
            for kind, some in matches.items()
        },
        "unequal": found.unequal,
        "comparison": report.comparison,
        "times": report.times,
        "version": jaxnet.__version__,
    }
