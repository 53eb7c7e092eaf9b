"""Run the experiment as a command."""

import sys

from experiments import width_or_depth
from experiments.harness.command import run_command

sys.exit(run_command(width_or_depth))
