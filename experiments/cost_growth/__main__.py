"""Run the experiment as a command."""

import sys

from experiments import cost_growth
from experiments.harness.command import run_command

sys.exit(run_command(cost_growth))
