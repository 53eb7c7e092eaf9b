"""Devices that cannot work together are refused before anything is computed."""

import os
import subprocess
import sys
from typing import Any, NamedTuple

import jax
import pytest

import jaxnet
from jaxnet.training import fit
from jaxnet.training.distributed.devices import check_devices, count_cores, local_devices
from jaxnet.training.distributed.mesh import make_mesh
from tests.test_structure import ROOT
from tests.training.toys import blobs, network


class Stand(NamedTuple):
    """Stands for a device that this machine need not have."""

    number: int
    platform: str = "cpu"
    process_index: int = 0


def train(devices: Any) -> Any:
    optimizer, key = jaxnet.optim.sgd(0.1), jax.random.key(0)
    data = blobs()
    return fit(
        network(), data, key=key, optimizer=optimizer, epochs=1, batch_size=9, devices=devices
    )


@pytest.mark.parametrize(
    ("devices", "message"),
    [
        ([], "expected devices not to be empty, got []."),
        ([Stand(0), Stand(0)], "expected devices to differ, got"),
        (
            [Stand(0, "cuda"), Stand(0)],
            "expected devices to be of one platform, got cpu and cuda.",
        ),
        (
            [Stand(0, process_index=1)],
            "expected devices to be those of process 0, which calls, or of all 3, got those of "
            "[1]. Pass jax.local_devices() or jax.devices().",
        ),
        ([Stand(i, process_index=i) for i in range(2)], "or of all 3, got those of [0, 1]. Pass"),
    ],
    ids=["none", "twice", "mixed", "others", "some"],
)
def test_bad_devices(monkeypatch: pytest.MonkeyPatch, devices: Any, message: str) -> None:
    monkeypatch.setattr(jax, "process_count", lambda: 3)
    with pytest.raises(ValueError) as caught:
        check_devices(devices)
    assert message in str(caught.value)


@pytest.mark.parametrize("devices", [2, ["cpu"]], ids=["number", "names"])
@pytest.mark.usefixtures("no_type_checks")
def test_what_is_no_device(devices: Any) -> None:
    with pytest.raises(TypeError, match=r"expected devices to be a sequence of devices, got"):
        check_devices(devices)


LATE = """
import warnings
import jax
import jaxnet
jaxnet.training.use_cores_as_devices(1)
jax.devices()
warnings.simplefilter("error")
assert jaxnet.training.use_cores_as_devices(1) == 1
for cores in (None, 3):
    try:
        jaxnet.training.use_cores_as_devices(cores)
    except (RuntimeWarning, ValueError) as error:
        print(type(error).__name__, error)
"""


@pytest.mark.skipif(count_cores() < 2, reason="one core is one device")
def test_cores_asked_for_after_jax_has_started() -> None:
    done = subprocess.run(
        [sys.executable, "-c", LATE], capture_output=True, text=True, check=True, cwd=ROOT
    )
    warned, refused = done.stdout.splitlines()
    assert warned.startswith("RuntimeWarning expected JAX not to have started, got 1 of ")
    assert refused.startswith("InvalidValueError expected cores to be 1")


def test_a_core_is_counted_where_the_system_does_not_say_which(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert count_cores() == len(os.sched_getaffinity(0))
    monkeypatch.delattr(os, "sched_getaffinity")
    monkeypatch.setattr(os, "cpu_count", lambda: 7)
    assert count_cores() == 7


def test_good_devices(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    own, all_of_two = [Stand(0), Stand(1)], [Stand(0), Stand(1), Stand(2, process_index=1)]
    assert check_devices(own) == own
    assert check_devices(all_of_two) == all_of_two
    assert local_devices(all_of_two) == own


@pytest.mark.usefixtures("no_type_checks")
def test_devices_of_an_iterator(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(jax, "process_count", lambda: 2)
    own: Any = [Stand(0), Stand(1)]
    assert check_devices(iter(own)) == own


@pytest.mark.parametrize(
    ("devices", "batch_size"), [(8, 100), (3, 100), (8, 7)], ids=["8-100", "3-100", "8-7"]
)
def test_devices_must_divide_the_batch(devices: int, batch_size: int) -> None:
    message = f"expected batch_size to be a multiple of the {devices} devices, got {batch_size}."
    with pytest.raises(ValueError) as caught:
        make_mesh([Stand(i) for i in range(devices)], batch_size)
    assert str(caught.value) == message


def test_fit_refuses_bad_devices_and_takes_one() -> None:
    with pytest.raises(ValueError, match="expected devices not to be empty"):
        train([])
    assert train(jax.devices()[:1]).epoch == 1
