"""Run the experiment as a command."""

import sys

from experiments import binary_digit
from experiments.harness.command import run_command

sys.exit(run_command(binary_digit))
