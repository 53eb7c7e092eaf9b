"""Quick compilation: a test's programs run once, on little data; what costs time is to compile."""

import importlib.metadata
import os

FLAGS = (
    "--xla_cpu_use_fusion_emitters=false --xla_cpu_parallel_codegen_split_count=1"
    if importlib.metadata.version("jaxlib") == "0.10.2"
    else ""  # XLA aborts the process for a flag that it does not know
)


def quick_flags() -> str:
    """Return XLA's flags, to which those are added that let it compile faster and run slower."""
    return f"{os.environ.get('XLA_FLAGS', '')} {FLAGS}".strip()
