"""The parts of batch_size_tradeoff: noise, times, runs, their claims and their figure."""
