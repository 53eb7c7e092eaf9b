"""Run the experiment as a command."""

import sys

from experiments import batch_modes
from experiments.harness.command import run_command

sys.exit(run_command(batch_modes))
