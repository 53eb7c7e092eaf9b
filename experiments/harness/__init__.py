"""Shared by all experiments: command, terminal, record, figures, progress."""
