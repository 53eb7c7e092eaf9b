"""Builds error messages: expected, actual, remedy."""


class InputError(Exception):
    """Marks an error as the caller's to mend; commands print it without a traceback."""


class InvalidValueError(InputError, ValueError):
    """An argument or a file has the wrong range, shape, name or content."""


class InvalidTypeError(InputError, TypeError):
    """An argument has the wrong type, dtype or tree structure."""


class DamagedFileError(InvalidValueError):
    """A file is not what was written: truncated, altered or another."""


class MissingFileError(InputError, FileNotFoundError):
    """A file that the caller was to provide is not there."""


class MissingPackageError(InputError, ImportError):
    """An optional package that a function needs is not installed, or does not import."""


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
    """Return, for the caller to raise, a ValueError in the form of `message`."""
    return InvalidValueError(message(argument, expected, actual, remedy))


def invalid_type(
    argument: str, expected: str, actual: object, remedy: str = ""
) -> InvalidTypeError:
    """Return, for the caller to raise, a TypeError in the form of `message`."""
    return InvalidTypeError(message(argument, expected, actual, remedy))


def missing_file(expected: str, actual: object, remedy: str) -> MissingFileError:
    """Return, for the caller to raise, a FileNotFoundError in the form of `message`."""
    return MissingFileError(message("file", expected, actual, remedy))


def missing_package(package: str, actual: object, remedy: str) -> MissingPackageError:
    """Return, for the caller to raise, an ImportError in the form of `message`."""
    expected = f"{package} to be installed"
    return MissingPackageError(message("package", expected, actual, remedy))
