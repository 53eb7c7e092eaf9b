"""Run the experiment as a command."""

import sys

from experiments import learning_curves
from experiments.harness.command import run_command

sys.exit(run_command(learning_curves))
