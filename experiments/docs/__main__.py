"""Run the experiment as a command."""

import sys

from experiments import docs
from experiments.harness.command import run_command

sys.exit(run_command(docs))
