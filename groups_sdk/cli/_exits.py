"""How a command ends: its exit code, and the one line that says why.

0    done
1    some of it failed, or anything that is not listed here
2    wrong usage or settings: nothing was changed
3    not authorised (401, 403)
4    not found (404)
130  interrupted
"""

from __future__ import annotations

from groups_sdk._terminal import printable
from groups_sdk.errors import (
    AmbiguousMatchError,
    ConfigurationError,
    ForbiddenError,
    GroupsError,
    InvalidArgumentError,
    NotFoundError,
    ProtectedMemberError,
    UnauthorizedError,
)

__all__ = [
    "DONE",
    "FAILED",
    "INTERRUPTED",
    "NOT_AUTHORISED",
    "NOT_FOUND",
    "SUMMARY",
    "USAGE",
    "CommandError",
    "explain",
]

DONE, FAILED, USAGE, NOT_AUTHORISED, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 4, 130

SUMMARY = (
    "exit codes: 0 done, 1 some of it failed, 2 wrong usage or settings, 3 not authorised, 4 not found, "
    "130 interrupted"
)

# The first that fits: exit code, and what the user can do about it.
_OUTCOMES: tuple[tuple[tuple[type[GroupsError], ...], int, str], ...] = (
    ((ConfigurationError, InvalidArgumentError, AmbiguousMatchError), USAGE, ""),
    ((ProtectedMemberError,), USAGE, "Give --allow-last-admin or --allow-self if that is meant."),
    (
        (UnauthorizedError,),
        NOT_AUTHORISED,
        "Check the token, and that SNYK_API names the region that it belongs to.",
    ),
    ((ForbiddenError,), NOT_AUTHORISED, "The token's owner needs the permission {needs}."),
    (
        (NotFoundError,),
        NOT_FOUND,
        "There is no such thing in this region, or the token's owner may not see it.",
    ),
    ((GroupsError,), FAILED, ""),
)


class CommandError(Exception):
    """A command cannot do what it was asked for. `code` is its exit code."""

    def __init__(self, message: str, code: int = USAGE) -> None:
        super().__init__(message)
        self.code = code


def explain(error: CommandError | GroupsError | OSError, needs: str) -> tuple[int, str]:
    """The exit code and one printable line. `needs` names the permissions that the command wants.

    Example:
        code, line = explain(error, "group.membership.read")
    """
    if isinstance(error, CommandError):
        return error.code, printable(str(error))
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return FAILED, printable(f"{error.strerror or error}{where}")
    code, hint = next((code, hint) for kinds, code, hint in _OUTCOMES if isinstance(error, kinds))
    return code, printable(f"{error} {hint.format(needs=needs)}".rstrip())
