"""Run the experiment as a command."""

import sys

from experiments import backprop_by_hand
from experiments.harness.command import run_command

sys.exit(run_command(backprop_by_hand))
