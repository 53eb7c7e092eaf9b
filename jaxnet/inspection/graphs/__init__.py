"""Computation graphs: the operations of a function, with values and gradients."""
