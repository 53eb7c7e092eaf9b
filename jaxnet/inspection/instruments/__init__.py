"""Instruments: measurements of gradients, activations, curvature and the risk."""
