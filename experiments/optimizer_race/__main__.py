"""Run the experiment as a command."""

import sys

from experiments import optimizer_race
from experiments.harness.command import run_command

sys.exit(run_command(optimizer_race))
