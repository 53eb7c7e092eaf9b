"""Command of an experiment: options from its Config, errors without a traceback."""

import sys
from collections.abc import Callable, Sequence
from typing import TypeVar

import jax
import tyro

from experiments.harness.options import PATHS, check_options
from experiments.harness.record import Claim
from experiments.harness.terminal import USER_ERROR, complain, finish
from jaxnet.core.errors import InputError
from jaxnet.training import DivergenceError

Config = TypeVar("Config")

FAILED = 1


class LostContenderError(RuntimeError):
    """Failure of a contender without which there is no result."""


def run_command(
    name: str,
    main: Callable[[Config], Sequence[Claim]],
    default: Config,
    *,
    smoke: Config,
    description: str | None,
    arguments: Sequence[str] | None = None,
) -> int:
    """Parse the command line into a config, run ``main`` on it and return the exit status.

    Args:
        name: name of the experiment.
        main: the experiment; returns its checked claims.
        default: default config.
        smoke: default config with ``--smoke``: seconds instead of minutes.
        description: first lines of ``--help``.
        arguments: the command line; by default that of the process.

    Returns:
        0; 1 if a claim does not hold or a run diverged; 2 for a user's mistake; and those of
        `experiments.harness.terminal.finish`.
    """
    arguments = list(sys.argv[1:] if arguments is None else arguments)
    start = smoke if "--smoke" in arguments else default

    def run() -> int:
        config = tyro.cli(
            type(default),
            prog=f"python -m experiments.{name}",
            description=(description or "") + "\nWith --smoke: small settings that take seconds.",
            default=start,
            args=[argument for argument in arguments if argument != "--smoke"],
            registry=PATHS,
        )
        return _status(main, config)

    return finish(run)


def _status(main: Callable[[Config], Sequence[Claim]], config: Config) -> int:
    """Run an experiment, report errors, and return the exit status."""
    try:
        check_options(config)
        claims = main(config)
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
