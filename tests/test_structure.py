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
    ("inspection", "interchange", "sklearn"),
]
"""The folders of jaxnet from the ground up; rooms of one floor are blind to each other."""

ROOMS_WITHIN = {
    "data": [
        ("examples", "strata", "table"),
        ("class_balance", "mini_batches", "preparation", "split", "synthetic"),
        ("augmentation", "cleaning", "streams"),
        ("sources",),
    ],
    "training": [
        ("compilation_cache", "distributed", "figures"),
        ("loop",),
        ("checkpoints",),
        ("hyperparameters",),
        ("recipe",),
        ("host_loop", "program"),
        ("loggers", "train"),
        ("stream_run",),
        ("fit",),
        ("sweeps",),
    ],
    "optim": [
        ("update_rule",),
        ("first_order", "composition"),
        ("optimizers", "second_order"),
        ("verification",),
    ],
    "inspection": [("check_inputs",), ("propagation", "graphs"), ("drawing", "instruments")],
}
"""The same within a folder that has folders, for all that lies in it."""

HEAVY = (
    "array_record",
    "flax",
    "grain",
    "keras",
    "matplotlib",
    "optuna",
    "pandas",
    "rich",
    "safetensors",
    "sklearn",
    "tensorboardX",
    "tensorflow",
    "tensorflow_datasets",
    "torch",
    "tyro",
    "xarray",
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
    place = path.relative_to(root / "jaxnet").with_suffix("").parts
    if len(place) == 1:  # jaxnet/__init__.py stands on the roof
        return []
    targets = {
        name: tuple(name.split(".")[1:])
        for name in imported_modules(path)
        if name.startswith("jaxnet") and name != f"jaxnet.{place[0]}"
    }
    return [name for name, target in targets.items() if not _allowed(place, target)]


def _allowed(place: tuple[str, ...], target: tuple[str, ...]) -> bool:
    room, there = place[0], (*target, "__init__")[0]
    if room != there:
        return _below(there, room, FLOORS)
    if room == "functions":  # its files are blind to each other, but for those of one package
        return target[1] == place[1]
    floors = ROOMS_WITHIN.get(room)
    if floors is None or place[1] == "__init__" or target[1] == place[1]:
        return True
    return _below(target[1], place[1], floors)


def _below(there: str, here: str, floors: list[tuple[str, ...]]) -> bool:
    floor_of = {room: level for level, rooms in enumerate(floors) for room in rooms}
    return floor_of.get(there, len(floors)) < floor_of[here]


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
        ("optim/first_order", "from jaxnet.optim.update_rule.rule import Rule", True),
        ("optim/first_order", "from jaxnet.optim.first_order.adam import adam", True),
        ("optim/first_order", "from jaxnet.optim.composition.sam import sam", False),
        ("optim/update_rule", "from jaxnet.optim import adam", False),
        ("training/loop", "from jaxnet.training.fit import fit", False),
        ("training/loop", "from jaxnet.layers import dense", True),
    ],
)
def test_the_floor_test_can_fail(tmp_path: Path, room: str, line: str, allowed: bool) -> None:
    path = tmp_path / "jaxnet" / room / "new.py"
    path.parent.mkdir(parents=True)
    path.write_text(line)
    assert (trespasses(path, tmp_path) == []) is allowed


def within(room: str) -> set[str]:
    """Return the names of the files and folders of a room."""
    names = {path.stem for path in (ROOT / "jaxnet" / room).iterdir()}
    return names - {"__init__", "__pycache__"}


def test_every_room_has_its_floor_and_its_place_in_the_map() -> None:
    rooms = {path.parent.name for path in (ROOT / "jaxnet").glob("*/__init__.py")}
    assert rooms == {room for rooms in FLOORS for room in rooms}
    for room, rows in ROOMS_WITHIN.items():
        assert within(room) == {name for names in rows for name in names}
    folders = {path.parent.name for path in (ROOT / "jaxnet").glob("*/*/__init__.py")}
    drawn = [line for line in (jaxnet.__doc__ or "").splitlines() if line.startswith("    ")]
    assert set(re.findall(r"\w+", "\n".join(drawn))) == rooms | folders | within("functions")


SHARED = {"course", "harness", "contenders", "peers", "images", "tables"}
"""Folders that experiments share; all others are an experiment's own."""


@pytest.mark.parametrize(
    "path", sources("experiments"), ids=lambda path: str(path.relative_to(ROOT / "experiments"))
)
def test_no_experiment_imports_another(path: Path) -> None:
    own = path.relative_to(ROOT / "experiments").with_suffix("").parts[0]
    rooms = {
        name.split(".")[1] for name in imported_modules(path) if name.startswith("experiments.")
    }
    assert rooms <= SHARED | {own}


ROOMS = {"jaxnet", "jaxnet.optim.verification"} | {f"jaxnet.{name}" for name in jaxnet.__all__}
"""Modules of which experiments may import the names in ``__all__``."""

SHARED_WORDS = {"jaxnet.core.types", "jaxnet.core.errors", "jaxnet.core.checks"}
"""Modules of which they may import everything."""


def private_imports(path: Path) -> set[str]:
    """Return the names that a file imports from jaxnet and that are not public."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names if alias.name.startswith("jaxnet.")}
        elif isinstance(node, ast.ImportFrom) and f"{node.module}.".startswith("jaxnet."):
            module = str(node.module)
            public = import_module(module).__all__ if module in ROOMS else ()
            names = {alias.name for alias in node.names}
            found |= set() if module in SHARED_WORDS else names - set(public)
    return found


@pytest.mark.parametrize(
    "path", sources("experiments"), ids=lambda path: str(path.relative_to(ROOT / "experiments"))
)
def test_experiments_import_only_what_is_public(path: Path) -> None:
    assert private_imports(path) == set()


@pytest.mark.parametrize(
    ("line", "allowed"),
    [
        ("import jaxnet", True),
        ("from jaxnet import losses, mlp", True),
        ("from jaxnet.training import fit", True),
        ("from jaxnet.core.errors import InputError", True),
        ("from jaxnet import core", False),
        ("from jaxnet.core import files", False),
        ("from jaxnet.core.trees import digest", False),
        ("from jaxnet.training import host_loop", False),
        ("from jaxnet.training.train import LoopConfig", False),
        ("import jaxnet.training.fit", False),
        ("from jaxnet.functions.losses import Loss", False),
    ],
)
def test_the_test_of_public_imports_can_fail(tmp_path: Path, line: str, allowed: bool) -> None:
    path = tmp_path / "new.py"
    path.write_text(line)
    assert (private_imports(path) == set()) is allowed


EVERY_ROOM = "rooms = [getattr(jaxnet, name) for name in dir(jaxnet)]"
VERIFICATION = ("jaxnet.inspection", "jaxnet.interchange", "jaxnet.optim.verification")


@pytest.mark.parametrize(
    ("used", "unwanted"),
    [
        ("pass", ("jax", *HEAVY)),
        (f"{EVERY_ROOM}; [getattr(room, n) for room in rooms for n in dir(room)]", HEAVY),
        ("jaxnet.mlp, jaxnet.training.fit, jaxnet.optim.adam", VERIFICATION),
    ],
)
def test_importing_jaxnet_is_light(used: str, unwanted: tuple[str, ...]) -> None:
    code = f"import sys, jaxnet; {used}; print(*[m for m in {unwanted!r} if m in sys.modules])"
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


@pytest.mark.parametrize("name", [name for name in jaxnet.__all__ if name != "mlp"])
def test_public_modules_are_imported_by_the_names_that_they_are_called_by(name: str) -> None:
    assert import_module(f"jaxnet.{name}") is getattr(jaxnet, name)


def test_dir_shows_public_names_alone() -> None:
    names = {"jaxnet", *(info.name for info in pkgutil.walk_packages(jaxnet.__path__, "jaxnet."))}
    modules = [import_module(name) for name in names]
    listed = {module.__name__: module for module in modules if hasattr(module, "__all__")}
    assert listed.keys() >= ROOMS - {"jaxnet.mlp"} | {"jaxnet.data.augmentation"}
    for name, module in listed.items():
        assert dir(module) == sorted(module.__all__), name


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
