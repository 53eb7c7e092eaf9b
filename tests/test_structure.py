"""The house rules: floors, light import, complete docstrings."""

import ast
import doctest
import inspect
import pkgutil
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import jaxnet

ROOT = Path(__file__).parent.parent

FLOORS = [
    ("core",),
    ("functions",),
    ("layers", "optim", "data"),
    ("networks",),
    ("training",),
    ("inspection", "interchange"),
]
"""The folders of jaxnet from the ground up; rooms of one floor are blind to each other."""

HEAVY = (
    "array_record",
    "flax",
    "grain",
    "keras",
    "matplotlib",
    "optuna",
    "orbax",
    "pandas",
    "rich",
    "safetensors",
    "sklearn",
    "tensorboardX",
    "tensorflow",
    "tensorflow_datasets",
    "torch",
    "tyro",
)
"""What ``import jaxnet`` must not import."""


def sources(folder: str) -> list[Path]:
    return sorted((ROOT / folder).rglob("*.py"))


def imported_modules(path: Path) -> set[str]:
    """Return all modules that a file imports, as absolute names."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative imports hide the floor"
            found |= {f"{node.module}.{alias.name}" for alias in node.names} | {str(node.module)}
    return found


def trespasses(path: Path, root: Path = ROOT) -> list[str]:
    """Return the imports of a file of jaxnet that its floor does not allow."""
    floor_of = {room: level for level, rooms in enumerate(FLOORS) for room in rooms}
    place = path.relative_to(root / "jaxnet").with_suffix("").parts
    room = place[0]
    if room not in floor_of:  # jaxnet/__init__.py stands on the roof
        return []
    wrong = []
    for name in imported_modules(path):
        parts = name.split(".")
        if parts[0] != "jaxnet" or name == f"jaxnet.{room}":
            continue
        target = parts[1] if len(parts) > 1 else "__init__"
        # the files of functions/ are blind to each other, but for those of one package
        same_room = target == room and (room != "functions" or parts[2:3] == list(place[1:2]))
        if not same_room and floor_of.get(target, len(FLOORS)) >= floor_of[room]:
            wrong.append(name)
    return wrong


@pytest.mark.parametrize("path", sources("jaxnet"), ids=lambda path: str(path.relative_to(ROOT)))
def test_a_folder_imports_only_folders_below_it(path: Path) -> None:
    assert trespasses(path) == []


@pytest.mark.parametrize(
    ("room", "line", "allowed"),
    [
        ("layers", "from jaxnet.functions.losses import LOSSES", True),
        ("layers", "from jaxnet.layers.dense import dense", True),
        ("layers", "from jaxnet.optim.first_order.adam import adam", False),
        ("functions", "from jaxnet.functions.losses import LOSSES", False),
        ("functions", "from jaxnet.functions.new import LOSSES", True),
        ("core", "import jaxnet", False),
        ("data", "from jaxnet import training", False),
    ],
)
def test_the_floor_test_can_fail(tmp_path: Path, room: str, line: str, allowed: bool) -> None:
    path = tmp_path / "jaxnet" / room / "new.py"
    path.parent.mkdir(parents=True)
    path.write_text(line)
    assert (trespasses(path, tmp_path) == []) is allowed


def test_every_room_has_its_floor() -> None:
    rooms = {path.parent.name for path in (ROOT / "jaxnet").glob("*/__init__.py")}
    assert rooms <= {room for rooms in FLOORS for room in rooms}


@pytest.mark.parametrize("path", sources("experiments"), ids=lambda path: path.stem)
def test_no_experiment_imports_another(path: Path) -> None:
    names = {name for name in imported_modules(path) if name.startswith("experiments.")}
    assert [name for name in names if not name.split(".")[1].startswith("_")] == []


def test_importing_jaxnet_is_light() -> None:
    code = f"import sys, jaxnet; print(*[m for m in {HEAVY!r} if m in sys.modules])"
    command = [sys.executable, "-c", code]
    loaded = subprocess.run(command, cwd=ROOT, check=True, capture_output=True, text=True).stdout
    assert loaded.split() == []


def public_objects() -> Iterator[tuple[str, Any]]:
    """Yield every public module, function, class and method of jaxnet."""
    for info in pkgutil.walk_packages(jaxnet.__path__, "jaxnet."):
        module = import_module(info.name)
        yield info.name, module
        for name, value in vars(module).items():
            own = getattr(value, "__module__", None) == info.name
            if (
                name.startswith("_")
                or not own
                or not (inspect.isfunction(value) or inspect.isclass(value))
            ):
                continue
            yield f"{info.name}.{name}", value
            if inspect.isclass(value):
                methods = inspect.getmembers(value, inspect.isfunction)
                own_methods = [(n, m) for n, m in methods if m.__module__ == info.name]
                yield from ((f"{info.name}.{name}.{n}", m) for n, m in own_methods if n[0] != "_")


def test_public_docstrings_are_complete() -> None:
    objects = dict(public_objects())
    assert len(objects) > 60
    lacking = [name for name, value in objects.items() if not (value.__doc__ or "").strip()]
    assert lacking == []


def test_arguments_are_documented_where_there_is_a_list_of_them() -> None:
    lacking = []
    for name, value in public_objects():
        text = inspect.getdoc(value) or ""
        if not inspect.isfunction(value) or "Args:" not in text:
            continue
        listed = text.partition("Args:")[2]
        lacking += [
            f"{name}: {p}"
            for p in inspect.signature(value).parameters
            if p != "self" and not re.search(rf"^\s+{p}: ", listed, re.MULTILINE)
        ]
    assert lacking == []


def test_no_doctest_prints_the_last_bits_of_a_float() -> None:
    """They are those of one processor: round in Python, whose floats print as they are written."""
    finder = doctest.DocTestFinder(exclude_empty=True)
    printed = {
        f"{test.name}: {example.want.strip()}"
        for info in pkgutil.walk_packages(jaxnet.__path__, "jaxnet.")
        for test in finder.find(import_module(info.name), info.name)
        for example in test.examples
        if re.search(r"\d\.\d{8}", example.want)
    }
    assert printed == set()


def test_the_names_that_others_rely_on() -> None:
    for module in jaxnet.__all__:
        assert hasattr(jaxnet, module)
    for table in (
        jaxnet.activations.ACTIVATIONS,
        jaxnet.data.DATASETS,
        jaxnet.initializers.INITIALIZERS,
        jaxnet.losses.LOSSES,
        jaxnet.metrics.METRICS,
        jaxnet.optim.OPTIMIZERS,
        jaxnet.penalties.PENALTIES,
    ):
        assert table
        assert all(callable(function) for function in table.values())
    assert callable(jaxnet.mlp)
    assert callable(jaxnet.training.fit)
