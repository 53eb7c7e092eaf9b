"""Pure mathematics on arrays: activations, initializers, losses, metrics, penalties, schedules."""
