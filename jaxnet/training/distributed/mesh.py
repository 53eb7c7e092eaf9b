"""Data parallelism: every mini-batch is divided among the devices of a mesh."""

from collections.abc import Sequence
from typing import Any, TypeVar

import jax
import jax.numpy as jnp
import numpy as np
from jax.sharding import Mesh, NamedSharding, PartitionSpec

from jaxnet.core.checks import require
from jaxnet.data.examples import Examples, count
from jaxnet.training.distributed.devices import Device, check_devices, local_devices

Tree = TypeVar("Tree")

AXIS = "examples"
"""The one axis of a mesh: what is divided along it is the examples of a mini-batch."""


def make_mesh(devices: Sequence[Device], batch_size: int) -> Mesh:
    """Return the mesh of some devices, if they divide a mini-batch into equal parts.

    Args:
        devices: as `jaxnet.training.distributed.devices.check_devices` wants them.
        batch_size: examples a step.

    Raises:
        ValueError: for devices that are refused, or that the batch size is no multiple of.
    """
    chosen = check_devices(devices)
    parts = len(chosen)
    divides = batch_size % parts == 0
    require(divides, "batch_size", f"to be a multiple of the {parts} devices", batch_size)
    return Mesh(np.array(chosen), (AXIS,))


def divided(batch: Examples, mesh: Mesh | None) -> Examples:
    """Shard a batch over the devices of a mesh, within a compiled program.

    XLA makes of it a program in which each device computes what belongs to its examples, and
    which sums over the devices wherever the program that is written sums over the batch: the
    program means what it means on one device. A batch that does not divide evenly stays whole:
    every device then computes all of it.
    """
    if mesh is None or count(batch) % mesh.size:
        return batch
    return jax.lax.with_sharding_constraint(batch, NamedSharding(mesh, PartitionSpec(AXIS)))


def replicated_sharding(mesh: Mesh) -> NamedSharding:
    """Return the sharding that replicates an array on every device."""
    return NamedSharding(mesh, PartitionSpec())


def replicated(tree: Tree, mesh: Mesh | None) -> Tree:
    """Replicate local arrays on every device of the mesh.

    Where the mesh belongs to several processes, each puts its own values on its own devices: they
    must be the same, see `jaxnet.training.distributed.processes.check_agreement`.
    """
    if mesh is None:
        return tree
    sharding, present = replicated_sharding(mesh), local_devices(mesh.devices.flat)

    def copies(leaf: Any) -> jax.Array:
        parts = [jax.device_put(leaf, device) for device in present]
        return jax.make_array_from_single_device_arrays(np.shape(leaf), sharding, parts)

    return jax.tree.map(copies, tree)


def local(tree: Tree, mesh: Mesh | None) -> Tree:
    """Return this process's copies as arrays on the default device.

    What a run leaves can thus be read, saved and computed with in each process alone, and beside
    what a run on other devices has left.
    """
    return tree if mesh is None else jax.tree.map(_plain, tree)


def _plain(leaf: jax.Array) -> jax.Array:
    copy = leaf.addressable_data(0)
    if jnp.issubdtype(copy.dtype, jax.dtypes.prng_key):
        data = _plain(jax.random.key_data(copy))
        return jax.random.wrap_key_data(data, impl=jax.random.key_impl(copy))
    # by way of the host: an array that was put on a device, or computed there, stays bound to it
    return jnp.asarray(np.asarray(copy))
