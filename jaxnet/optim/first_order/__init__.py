"""Optimizers that need gradients only, one a file."""
