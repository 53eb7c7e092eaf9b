"""Run the experiment as a command."""

import sys

from experiments import hyperparameter_sweep
from experiments.harness.command import run_command

sys.exit(run_command(hyperparameter_sweep))
