"""The verification matrix: our optimizers beside optax's, PyTorch's, Keras's and an oracle."""
