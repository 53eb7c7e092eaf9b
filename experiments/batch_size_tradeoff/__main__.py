"""Run the experiment as a command."""

import sys

from experiments import batch_size_tradeoff as experiment
from experiments.harness.command import run_command

if __name__ == "__main__":
    status = run_command(
        "batch_size_tradeoff",
        experiment.main,
        experiment.Config(),
        smoke=experiment.SMOKE,
        description=experiment.__doc__,
    )
    sys.exit(status)
