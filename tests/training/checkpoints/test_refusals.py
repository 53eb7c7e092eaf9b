"""A checkpoint of another run is refused, and says what differs."""

import importlib.metadata
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

import jaxnet
from jaxnet.training import early_stopping
from jaxnet.training.checkpoints import fingerprint, folder
from tests.training.checkpoints.test_resumption import names, run
from tests.training.toys import blobs


def doubled(outputs: jax.Array, targets: jax.Array) -> jax.Array:
    return 2 * jaxnet.losses.softmax_cross_entropy(outputs, targets)


def trained(opt_state: Any, params: Any) -> Any:
    del opt_state
    return params


FUNCTION = {"a": lambda params, statistics, train: jnp.zeros(())}


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the folder of a finished run."""
    folder = tmp_path_factory.mktemp("written")
    run(folder)
    return folder


OTHERS: dict[str, tuple[dict[str, Any], str]] = {
    "width": (
        {"net": jaxnet.mlp((3, 6, 3), activation="tanh")},
        r"with params\[0\]\.weights float32 of shape \(6, 3\), got float32 of shape \(5, 3\)",
    ),
    "depth": ({"net": jaxnet.mlp((3, 5, 5, 3))}, r"params\[2\]\.weights float32 of shape \(5, 5\)"),
    "activation": (
        {"net": jaxnet.mlp((3, 5, 3))},
        r"network serial\(dense\(5\), activation\(relu\), dense\(3\)\), got .*\(tanh\)",
    ),
    "initializer": (
        {"net": jaxnet.mlp((3, 5, 3), activation="tanh", initializer="orthogonal")},
        "with initial params of SHA-256 [0-9a-f]{16}, got [0-9a-f]{16}",
    ),
    "optimizer": (
        {"optimizer": jaxnet.optim.sgd(0.01)},
        r"opt_state\.mu\[0\]\.weights none, got float32 of shape \(5, 3\)",
    ),
    "learning rate": (
        {"optimizer": jaxnet.optim.adam(0.02)},
        r"the line of its program 'learning rates: \['0\.02'\]', got .*\['0\.01'\].*Some number",
    ),
    "learning rate as an array": (
        {"optimizer": jaxnet.optim.adam(jnp.asarray(0.02))},
        "the line of its program",
    ),
    "key": ({"key": jax.random.key(1)}, "with initial key of SHA-256 .* Pass the key and the"),
    "generator": (
        {"key": jax.random.key(0, impl="rbg")},
        r"key key<rbg> of shape \(\), got key<fry>",
    ),
    "batch size": ({"batch_size": 9}, "with batch_size 9, got 8"),
    "order": ({"shuffle": False}, "with shuffle False, got True"),
    "short batch": ({"short_batch": "mean"}, "with short_batch mean, got equal"),
    "loss": ({"loss": doubled}, "with loss doubled, got softmax_cross_entropy"),
    "metrics": ({"metrics": []}, "with metrics none, got accuracy accuracy"),
    "engine": ({"gradient": "by_hand"}, "with gradient by_hand, got autodiff"),
    "penalty": (
        {"penalty": jaxnet.penalties.get_penalty("l2", strength=0.1)},
        r"with penalty l2\(strength=0\.1\), got none",
    ),
    "rules": ({"rules": [early_stopping()]}, r"with rules\[0\]\.best float32 .*, got none"),
    "evaluate at": ({"evaluate_at": trained}, "with evaluate_at trained, got none"),
    "instruments": ({"instruments": FUNCTION}, "with instruments a <lambda>, got none"),
    "validation": (
        {"validation": blobs(seed=2)},
        r"validation\.inputs float32 of shape \(37, 3\) and SHA-256 .*, got .* in the same order",
    ),
    "no validation": ({"validation": None}, r"validation\.inputs none, got float32"),
    "fewer epochs": ({"epochs": 8}, "expected epochs to be at least the 9 that '.*' holds"),
}


@pytest.mark.parametrize(("settings", "message"), OTHERS.values(), ids=OTHERS.keys())
def test_another_run_is_refused(settings: dict[str, Any], message: str, written: Path) -> None:
    before = names(written)
    with pytest.raises((ValueError, TypeError), match=message):
        run(written, **settings)
    assert names(written) == before


def test_parameters_to_use_that_no_epoch_needs_are_part_of_a_run(tmp_path: Path) -> None:
    run(tmp_path, validation=None)
    with pytest.raises(ValueError, match="with evaluate_at trained, got none"):
        run(tmp_path, validation=None, evaluate_at=trained)


def test_other_examples_are_refused(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        "tests.training.checkpoints.test_resumption.blobs", lambda seed=9: blobs(seed=seed)
    )
    with pytest.raises(ValueError, match=r"with train\.inputs float32 of shape \(37, 3\) and SHA"):
        run(written)


def test_another_precision_is_refused(written: Path, float64: Any) -> None:
    with pytest.raises(TypeError, match=r"params\[0\]\.weights float64 .*, got float32"):
        run(written)


@pytest.mark.parametrize(
    "name", ["jax", "jaxlib", "device", "processes", "XLA_FLAGS", fingerprint.UNOPTIMIZED]
)
def test_another_platform_is_refused(
    name: str, written: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    here = fingerprint._platform(jax.devices()[0]) | {name: "0.0.1"}
    monkeypatch.setattr(fingerprint, "_platform", lambda device: here)
    with pytest.raises(ValueError, match=rf"with {name} 0\.0\.1, got .*restore_state"):
        run(written)


def test_the_platform_is_device_versions_and_flags(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XLA_FLAGS", "--xla_flag")
    device: Any = SimpleNamespace(platform="gpu", device_kind="NVIDIA H200")
    assert fingerprint._platform(device) == {
        "jax": jax.__version__,
        "jaxlib": importlib.metadata.version("jaxlib"),
        "device": "gpu (NVIDIA H200)",
        "XLA_FLAGS": "'--xla_flag'",
        "jax_disable_most_optimizations": "True",
    }


def test_what_is_not_optimized_is_another_program(written: Path, optimized: None) -> None:
    with pytest.raises(ValueError, match="with jax_disable_most_optimizations False, got True"):
        run(written)


def test_a_large_constant_is_compared_to_its_end(tmp_path: Path) -> None:
    rates = np.linspace(0.01, 0.02, 1_000, dtype=np.float32)
    other = rates.copy()
    other[-1] = 0.03
    for table in (rates, rates.copy()):
        run(tmp_path, optimizer=jaxnet.optim.sgd(lambda n, t=table: jnp.asarray(t)[n]))
    with pytest.raises(
        ValueError, match=r"the line of its program '.*\.\.\. SHA-256 [0-9a-f]{64}'"
    ):
        run(tmp_path, optimizer=jaxnet.optim.sgd(lambda n: jnp.asarray(other)[n]))


def test_another_format_is_refused(written: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    prefix, kind = folder.FILES["a run of fit"]
    monkeypatch.setitem(folder.FILES, "a run of fit", (prefix, kind._replace(version=4)))
    with pytest.raises(ValueError, match=r"epoch_9\.safetensors of format version 4, got '3'\. L"):
        run(written)
