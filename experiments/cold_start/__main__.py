"""Run the experiment as a command."""

import sys

from experiments import cold_start
from experiments.harness.command import run_command

sys.exit(run_command(cold_start))
