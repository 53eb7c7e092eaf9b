"""Run the experiment as a command."""

import sys

from experiments import standardization
from experiments.harness.command import run_command

sys.exit(run_command(standardization))
