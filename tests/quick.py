"""Quick tests: their programs run once, on little data; what costs time is to compile them."""

import importlib.metadata
import os
from pathlib import Path

import jax

FLAGS = (
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    if importlib.metadata.version("jaxlib") == "0.10.2"
    else ""  # XLA aborts the process for a flag that it does not know
)


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


def keep_programs(folder: Path) -> None:
    """Keep compiled programs in a folder, for the other workers and for the next run.

    Not for the processes that tests start: some are killed while they write.
    """
    from jaxnet.training import use_compilation_cache

    os.environ["JAX_ENABLE_COMPILATION_CACHE"] = "0"  # for processes that start later, the workers
    jax.config.update("jax_enable_compilation_cache", True)  # among them
    use_compilation_cache(folder)
