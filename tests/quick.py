"""Quick tests: their programs run once, on little data; what costs time is to make them."""

import functools
import importlib.metadata
import os
import threading
from typing import Any

import jax
import jaxtyping

# what follows reaches into these; without it the tests are slower, and say the same
_KNOWN_JAX = importlib.metadata.version("jaxlib") == "0.10.2"
_KNOWN_JAXTYPING = importlib.metadata.version("jaxtyping") == "0.3.11"

FLAGS = (
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    if _KNOWN_JAX
    else ""  # XLA aborts the process for a flag that it does not know
)

PROGRAMS = 100
"""That one context takes: it keeps the types and the constants of all of them."""


def compile_quickly() -> None:
    """Let XLA compile faster and run slower, in this process and in those that it starts."""
    jax.config.update("jax_disable_most_optimizations", True)
    os.environ["JAX_DISABLE_MOST_OPTIMIZATIONS"] = "1"
    before = os.environ.get("XLA_FLAGS", "")
    if FLAGS not in before:
        os.environ["XLA_FLAGS"] = f"{before} {FLAGS}".strip()
    jax.devices()  # reads the flags


def users_environment() -> dict[str, str]:
    """Return the environment for a process that compiles as its users' processes do."""
    own = os.environ | {"XLA_FLAGS": os.environ.get("XLA_FLAGS", "").replace(FLAGS, "")}
    own.pop("JAX_DISABLE_MOST_OPTIMIZATIONS", None)
    return own


def share_contexts() -> None:
    """Let JAX write programs into one MLIR context after the other, each for many of them.

    It makes a context for each program: a third of the time that it takes to lower the tests'.
    """
    if not _KNOWN_JAX:
        return
    from jax._src.interpreters import mlir

    make, own = mlir.make_ir_context, threading.local()

    def make_or_share() -> Any:
        if not getattr(own, "left", 0):
            own.context, own.left = make(), PROGRAMS
        own.left -= 1
        return own.context

    mlir.make_ir_context = make_or_share


def write_checks_once() -> None:
    """Let jaxtyping write the checks of equal signatures once.

    A layer or an optimizer makes its functions anew each time that it is made, and jaxtyping
    writes for each two functions of its name and signature, without its body, for a type checker
    to complete.
    """
    if not _KNOWN_JAXTYPING:
        return
    module: Any = jaxtyping._decorator
    write = module._make_fn_with_signature
    write_once = functools.cache(write)

    def written(*named: Any, **options: Any) -> Any:
        try:
            return write_once(*named, **options)
        except TypeError:  # a default or an annotation that cannot be compared
            return write(*named, **options)

    module._make_fn_with_signature = written
