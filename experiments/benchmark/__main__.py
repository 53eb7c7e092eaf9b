"""Run the experiment as a command."""

import sys

from experiments import benchmark
from experiments.harness.command import run_command

sys.exit(run_command(benchmark))
