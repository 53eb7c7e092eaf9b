"""Error classes and messages: expected, actual, remedy."""


class InputError(Exception):
    """Base of errors that the caller can fix; commands print it without a traceback."""


class InvalidValueError(InputError, ValueError):
    """An argument or a file has the wrong range, shape, name or content."""


class InvalidTypeError(InputError, TypeError):
    """An argument has the wrong type, dtype or tree structure."""


class DamagedFileError(InvalidValueError):
    """A file is truncated, altered or of another kind."""


class MissingFileError(InputError, FileNotFoundError):
    """An input file is missing."""


class MissingPackageError(InputError, ImportError):
    """An optional package is not installed or fails to import."""


def message(argument: str, expected: str, actual: object, remedy: str = "") -> str:
    """Compose an error message from its parts.

    Args:
        argument: the argument's name as the caller spells it.
        expected: the property asked for, such as ``"in [0, 1)"``.
        actual: the property found.
        remedy: a sentence that helps beyond the expectation, if there is one.

    Returns:
        ``"expected {argument} {expected}, got {actual}. {remedy}"``.

    >>> message("learning_rate", "> 0", -1, "Pass a small positive number.")
    'expected learning_rate > 0, got -1. Pass a small positive number.'
    """
    return f"expected {argument} {expected}, got {actual}. {remedy}".rstrip()


def invalid_value(
    argument: str, expected: str, actual: object, remedy: str = ""
) -> InvalidValueError:
    """Return a ValueError with a `message`."""
    return InvalidValueError(message(argument, expected, actual, remedy))


def invalid_type(
    argument: str, expected: str, actual: object, remedy: str = ""
) -> InvalidTypeError:
    """Return a TypeError with a `message`."""
    return InvalidTypeError(message(argument, expected, actual, remedy))


def missing_file(expected: str, actual: object, remedy: str = "") -> MissingFileError:
    """Return a FileNotFoundError with a `message`."""
    return MissingFileError(message("file", expected, actual, remedy))


def missing_package(package: str, actual: object, remedy: str) -> MissingPackageError:
    """Return an ImportError with a `message`."""
    return MissingPackageError(message("package", f"{package} to be installed", actual, remedy))


def with_type(value: object) -> str:
    """Format a value with its type, for messages.

    >>> with_type(0.5)
    '0.5 of type float'
    """
    return f"{value!r} of type {type(value).__name__}"
