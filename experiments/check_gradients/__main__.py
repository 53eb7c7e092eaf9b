"""Run the experiment as a command."""

import sys

from experiments import check_gradients
from experiments.harness.command import run_command

sys.exit(run_command(check_gradients))
