"""First-order optimizers, one per file."""
