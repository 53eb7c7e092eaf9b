"""Run the experiment as a command."""

import sys

from experiments import backprop_by_hand as experiment
from experiments.harness.command import run_command

if __name__ == "__main__":
    status = run_command(
        "backprop_by_hand",
        experiment.main,
        experiment.Config(),
        smoke=experiment.SMOKE,
        description=experiment.__doc__,
    )
    sys.exit(status)
