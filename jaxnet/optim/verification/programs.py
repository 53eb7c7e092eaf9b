"""Programs of the verification: compiled quickly, since they run once, and compared by text."""

import functools
import hashlib
import re
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import jax
import numpy as np


@contextmanager
def as_users_do() -> Iterator[None]:
    """Allow promotion of dtypes and ranks, JAX's default, whatever the caller has set."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def digest_program(jaxpr: Any) -> str:
    """Return the SHA-256 of a closed jaxpr's text and constants, without addresses of objects."""
    constants = [np.asarray(each) for each in jaxpr.consts]
    text = f"{jaxpr}{[(each.dtype.name, each.tolist()) for each in constants]}"
    return hashlib.sha256(re.sub(r" at 0x[0-9a-f]+", "", text).encode()).hexdigest()


@functools.cache
def quick_compilation() -> dict[str, bool | int] | None:
    """Return compiler options for float64 programs, which run once; None if unknown to XLA."""
    options = {
        "xla_cpu_use_fusion_emitters": False,
        "xla_backend_optimization_level": 0,
        "xla_cpu_parallel_codegen_split_count": 1,
    }
    try:
        jax.jit(lambda: 0, compiler_options=options)()
    except (jax.errors.JaxRuntimeError, ValueError):
        return None
    return options
