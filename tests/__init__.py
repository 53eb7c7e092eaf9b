"""The tests, one folder a floor; cases and comparisons in one place."""

from beartype import BeartypeConf, beartype

# A whole number will do where a float is asked for, as type checkers have it (PEP 484).
check_types = beartype(conf=BeartypeConf(is_pep484_tower=True))
"""What the import hook of `conftest` checks calls of every function of jaxnet with."""
