"""Forward and backward pass of a network: the tape, and the check of its gradients."""
