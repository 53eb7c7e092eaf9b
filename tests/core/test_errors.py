"""Error messages: one form, and classes of the caller's errors."""

import pytest

from jaxnet.core.errors import InputError, invalid_type, invalid_value, message, missing_file

PARTS = ("x", "> 0", -1, "Pass more.")
TEXT = "expected x > 0, got -1. Pass more."


def test_the_form_of_a_message() -> None:
    assert message(*PARTS) == TEXT


def test_values_and_types_keep_their_builtin_class() -> None:
    for make, builtin in ((invalid_value, ValueError), (invalid_type, TypeError)):
        error = make(*PARTS)
        assert isinstance(error, InputError)
        assert isinstance(error, builtin)
        assert str(error) == TEXT


def test_missing_files_keep_theirs() -> None:
    error = missing_file("to exist", "nothing", "Check the path.")
    assert isinstance(error, InputError)
    assert isinstance(error, FileNotFoundError)
    assert str(error) == "expected file to exist, got nothing. Check the path."


def test_commands_can_catch_them_all_at_once() -> None:
    with pytest.raises(InputError):
        raise invalid_type(*PARTS)
