"""Types, error messages, checks and arithmetic on pytrees."""
