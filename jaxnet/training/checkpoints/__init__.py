"""Checkpoints: the state of a run in files, and how to resume from them."""
