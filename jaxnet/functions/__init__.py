"""Pure mathematics on arrays: activations, initializers, losses and metrics."""
