"""An epoch compiled as one program, to be timed."""

import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

import jax
import jax.numpy as jnp
import numpy as np
import optax

import jaxnet
from jaxnet.training import autodiff, init_state, make_epoch, make_objective, make_step


class Program(NamedTuple):
    """A compiled program.

    Attributes:
        seconds: runs it to its end and returns the wall time.
        compile_seconds: wall time of tracing and compiling.
        bytes: of what it returns and needs for itself; 0 where that is not known.
    """

    seconds: Callable[[], float]
    compile_seconds: float
    bytes: int = 0


def compile_epoch(
    widths: Sequence[int],
    optimizer: optax.GradientTransformation,
    *,
    batch_size: int,
    examples: int,
) -> Program:
    """Compile an epoch of a network on random images, and run it once."""
    network = jaxnet.mlp(tuple(widths), input_scale=1 / 255)
    objective = make_objective(network, "softmax_cross_entropy")
    step = make_step(objective, autodiff, optimizer)
    epoch = make_epoch(step, batch_size=batch_size, shuffle=True, short_batch="equal")
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (examples, widths[0]), np.uint8)
    labels = rng.integers(0, widths[-1], examples)
    train = jaxnet.data.Examples(jnp.asarray(images), jnp.asarray(labels))
    state = init_state(network, optimizer, (widths[0],), key=jax.random.key(0))
    start = time.perf_counter()
    compiled = jax.jit(epoch).lower(state, train).compile()
    seconds = time.perf_counter() - start
    memory = compiled.memory_analysis()
    assert memory is not None  # every backend of XLA has it
    needed = memory.temp_size_in_bytes + memory.output_size_in_bytes

    def run() -> float:
        start = time.perf_counter()
        jax.block_until_ready(compiled(state, train))
        return time.perf_counter() - start

    run()
    return Program(run, seconds, needed)


def time_programs(programs: Sequence[Program], rounds: int) -> np.ndarray:
    """Run programs in turns; return seconds of shape ``(rounds, programs)``."""
    found = np.zeros((rounds, len(programs)))
    for turn in range(rounds):
        places = range(len(programs))
        for place in places if turn % 2 else reversed(places):
            found[turn, place] = programs[place].seconds()
    return found
