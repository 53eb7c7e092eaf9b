"""Shared parts of optimizers: update rule, moments, weight decay, masks and conventions."""
