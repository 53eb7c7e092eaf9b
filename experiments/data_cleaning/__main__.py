"""Run the experiment as a command."""

import sys

from experiments import data_cleaning
from experiments.harness.command import run_command

sys.exit(run_command(data_cleaning))
