"""Run the experiment as a command."""

import sys

from experiments import time_to_accuracy
from experiments.harness.command import run_command

sys.exit(run_command(time_to_accuracy))
