"""What holds for every test: strict promotion, both precisions, real data, checked types.

Types are checked where ``JAXNET_CHECK_TYPES`` is set, in one case of each test: the other cases of
a test call the same functions.
"""

import gc
import itertools
import os
import zlib
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any

import hypothesis
import jax
import jaxtyping
import numpy as np
import pytest

from tests.peers import PEERS
from tests.quick import compile_quickly, keep_programs

if os.environ.get("JAXNET_CHECK_TYPES"):
    # Before jaxnet is imported anywhere: each call checks the annotations of the function.
    jaxtyping.install_import_hook("jaxnet", "tests.check_types")

jax.config.update("jax_numpy_dtype_promotion", "strict")
jax.config.update("jax_numpy_rank_promotion", "raise")

compile_quickly()
keep_programs(Path(__file__).parents[1] / ".pytest_cache" / "programs")

hypothesis.settings.register_profile("fixed", derandomize=True, deadline=None, database=None)
hypothesis.settings.load_profile("fixed")


@pytest.hookimpl(wrapper=True)
def pytest_collection() -> Generator[None, object, object]:
    """Look for no garbage among what is imported and collected: it all stays."""
    gc.disable()
    try:
        return (yield)
    finally:
        gc.collect()
        gc.freeze()
        gc.enable()


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Keep one case of each test where types are checked: another one for another test."""
    if not os.environ.get("JAXNET_CHECK_TYPES"):
        return

    def test_of(item: pytest.Item) -> str:
        return item.nodeid.partition("[")[0]

    kept = []
    for name, cases in itertools.groupby(items, test_of):
        several = list(cases)
        kept.append(several[zlib.crc32(name.encode()) % len(several)])
    config.hook.pytest_deselected(items=[item for item in items if item not in set(kept)])
    items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, object]:
    """Fail a test that is skipped where a peer is absent and that ``-m peers`` would not run."""
    report = yield
    unmarked = report.skipped and not item.get_closest_marker("peers")
    if unmarked and any(f"'{name}'" in str(report.longrepr) for name in PEERS):
        report.outcome, report.longrepr = "failed", f"not marked as peers: {report.longrepr}"
    return report


@pytest.fixture(params=["float32", "float64"])
def dtype(request: pytest.FixtureRequest) -> Iterator[np.dtype]:
    """Run the test once in each precision; in float64 JAX's default is float64 too."""
    with jax.enable_x64(request.param == "float64"):
        yield np.dtype(request.param)


@pytest.fixture
def float64() -> Iterator[np.dtype]:
    """Run the test in float64 only: for claims that rounding in float32 would hide."""
    with jax.enable_x64(True):
        yield np.dtype("float64")


@pytest.fixture
def optimized() -> Iterator[None]:
    """Compile for speed after all: for tests that train long enough."""
    jax.config.update("jax_disable_most_optimizations", False)
    yield
    jax.config.update("jax_disable_most_optimizations", True)


@pytest.fixture(scope="session")
def mnist_directory() -> Path:
    """Return the folder of MNIST's four IDX files, or skip the test and say why."""
    root = os.environ.get("JAXNET_DATA")
    if not root:
        pytest.skip("JAXNET_DATA is not set: the tests of the real MNIST need $JAXNET_DATA/mnist")
    directory = Path(root) / "mnist"
    if not directory.is_dir():
        pytest.skip(f"no folder {directory}: the tests of the real MNIST need its four IDX files")
    return directory.resolve()


@pytest.fixture(autouse=True, scope="module")
def forgotten_programs() -> Iterator[None]:
    """Free the compiled programs of each file of tests: all of them would take 8 GB."""
    yield
    jax.clear_caches()


@pytest.fixture
def no_type_checks(monkeypatch: pytest.MonkeyPatch) -> None:
    """Call jaxnet as its users do: without the checks that the import hook puts first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def compilations() -> Iterator[list[str]]:
    """Count what XLA compiles."""
    events: list[str] = []

    def listen(event: str, duration_secs: float, **kwargs: Any) -> None:
        if event == "/jax/core/compile/backend_compile_duration":
            events.append(event)

    jax.monitoring.register_event_duration_secs_listener(listen)
    yield events
    jax.monitoring.unregister_event_duration_listener(listen)
