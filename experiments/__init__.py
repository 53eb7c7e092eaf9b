"""Experiments: one module a question, each with a figure and a measured number."""
