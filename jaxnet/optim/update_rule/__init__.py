"""What optimizers share: the update rule, moments, weight decay, masks and conventions."""
