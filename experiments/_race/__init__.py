"""The parts of optimizer_race: landscapes, a published benchmark, theory, and a failure."""
