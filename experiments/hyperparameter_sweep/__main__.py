"""Run the experiment as a command."""

import sys

from experiments import hyperparameter_sweep as experiment
from experiments.harness.command import run_command

if __name__ == "__main__":
    status = run_command(
        "hyperparameter_sweep",
        experiment.main,
        experiment.Config(),
        smoke=experiment.SMOKE,
        description=experiment.__doc__,
    )
    sys.exit(status)
