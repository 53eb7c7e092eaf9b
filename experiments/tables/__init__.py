"""Tables of the user's own: training and prediction."""
