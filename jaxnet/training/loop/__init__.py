"""The training loop: objective, gradient, step, epoch, run. Pure functions, to be compiled."""
