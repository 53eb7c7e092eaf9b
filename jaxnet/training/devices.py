"""What the machine at hand wants: compiler options for its backend."""

import functools

import jax

_CPU_OPTIONS = {"xla_cpu_experimental_ynn_fusion_type": ""}


@functools.cache
def compiler_options() -> dict[str, str] | None:
    """Return options for ``jax.jit`` under which training runs fastest on the default backend.

    On a CPU: no YNNPACK. It works through matrix products of a mini-batch's size on one core,
    where Eigen, which XLA falls back to, takes all: the headline epoch on two cores takes 0.86 to
    0.93 of the time. None where the backend is another, or a future XLA does not know the option.
    """
    if jax.default_backend() != "cpu":
        return None
    try:
        jax.jit(lambda: 0, compiler_options=_CPU_OPTIONS)()
    except (jax.errors.JaxRuntimeError, ValueError):
        return None
    return _CPU_OPTIONS
