"""Experiments: one module per question, each with a measured answer."""

import sys

from experiments.harness import terminal

if sys.argv[:1] == ["-m"]:  # python -m experiments.NAME, whose imports take seconds
    terminal.prepare()
