"""Command of an experiment: options from its Config, errors without a traceback."""

import sys
from collections.abc import Sequence
from typing import Any

import jax
import tyro

from experiments.harness.duration import announce
from experiments.harness.options import PATHS, check_options
from experiments.harness.record import begin
from experiments.harness.terminal import USER_ERROR, complain, finish
from jaxnet.core.errors import InputError
from jaxnet.training import DivergenceError, use_compilation_cache

FAILED = 1

FLAGS = """With --smoke: small settings that take seconds. With --no-cache: compile all programs, in
place of loading those that an earlier start has kept in $JAX_COMPILATION_CACHE_DIR, or in
~/.cache/jaxnet/compiled."""


class LostContenderError(RuntimeError):
    """Failure of a contender without which there is no result."""


def run_command(experiment: Any, arguments: Sequence[str] | None = None) -> int:
    """Parse the command line into a config, run the experiment and return the exit status.

    Args:
        experiment: module with ``Config``, ``SMOKE``, the config of ``--smoke``, and ``main``, a
            function of a config that returns its checked claims.
        arguments: the command line; by default that of the process.

    Returns:
        0; 1 if a claim does not hold or a run diverged; 2 for a user's mistake; and those of
        `experiments.harness.terminal.finish`.
    """
    given = list(sys.argv[1:] if arguments is None else arguments)

    def run() -> int:
        config = tyro.cli(
            experiment.Config,
            prog=f"python -m {experiment.__spec__.name}",
            description=f"{experiment.__doc__}\n{FLAGS}",
            default=experiment.SMOKE if "--smoke" in given else experiment.Config(),
            args=[argument for argument in given if argument not in ("--smoke", "--no-cache")],
            registry=PATHS,
        )
        if "--no-cache" not in given:
            _keep_programs()
        return _status(experiment, config)

    return finish(run)


def _keep_programs() -> None:
    """Load compiled programs that an earlier start has kept, where there is room for them."""
    try:
        use_compilation_cache()
    except InputError as error:
        complain(f"compiled programs are not kept: {error}")


def _status(experiment: Any, config: Any) -> int:
    """Run an experiment, report errors, and return the exit status."""
    try:
        check_options(config)
        announce(experiment, config)
        begin(config)
        claims = experiment.main(config)
    except InputError as error:
        complain(f"error: {error}")
        return USER_ERROR
    except (DivergenceError, LostContenderError) as error:
        complain(f"error: {error}")
        return FAILED
    except (MemoryError, jax.errors.JaxRuntimeError) as error:
        if not _of_memory(error):
            raise
        complain("error: not enough memory; choose smaller settings")
        return USER_ERROR
    failed = [claim for claim in claims if not claim.holds]
    for claim in failed:
        complain(f"claim does not hold: {claim.describe()}")
    return FAILED if failed else 0


def _of_memory(error: Exception) -> bool:
    texts = ("RESOURCE_EXHAUSTED", "Out of memory")
    return isinstance(error, MemoryError) or any(text in str(error) for text in texts)
