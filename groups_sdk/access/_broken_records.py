"""What the jobs say of a record that cannot be understood: which one it is, where, and what is not done."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager

from groups_sdk.errors import DecodeError, IncompleteListingError

__all__ = ["has_unreadable_record", "reading"]


@contextmanager
def reading(what: str) -> Generator[None, None, None]:
    """Say in plain words that a record of a listing cannot be understood: nobody knows what it says.

    `what` is what is listed, such as "members of the group ...". Raises `IncompleteListingError` in place of a
    `DecodeError` about one record.
    """
    try:
        yield
    except DecodeError as error:
        if not error.in_record:
            raise
        raise IncompleteListingError(
            f"not all {what} can be read: {error.record} cannot be understood at {error.path}: {error.problem}; "
            "no change that needs all of them is made while this is so"
        ) from error


def has_unreadable_record(error: Exception) -> bool:
    """Whether a listing ended with this error because one of its records cannot be understood."""
    return isinstance(error, IncompleteListingError) and isinstance(error.__cause__, DecodeError)
