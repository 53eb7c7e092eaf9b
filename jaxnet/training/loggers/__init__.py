"""Loggers: callbacks that write the learning curves of a run to files, and a progress bar."""
