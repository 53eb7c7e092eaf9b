"""Run the experiment as a command."""

import sys

from experiments import dropout
from experiments.harness.command import run_command

sys.exit(run_command(dropout))
