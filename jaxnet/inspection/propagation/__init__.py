"""Forward and backward pass of a network: the tape, and gradient checks."""
