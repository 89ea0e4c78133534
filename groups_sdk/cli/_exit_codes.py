"""How a command ends: its exit code, and the one line that says why.

0    done
1    some of it failed, or anything that is not listed here
2    wrong usage or settings: nothing was changed
3    not authorised (401, 403)
4    not found (404, or nobody goes by that name)
130  interrupted
"""

from __future__ import annotations

import re

from groups_sdk._terminal import printable
from groups_sdk.errors import (
    AmbiguousMatchError,
    ConfigurationError,
    ForbiddenError,
    GroupsError,
    InvalidArgumentError,
    MemberNotFoundError,
    NotFoundError,
    PlanError,
    ProtectedMemberError,
    StalePlanError,
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
    "code_of",
    "explain",
    "with_options",
]

DONE, FAILED, USAGE, NOT_AUTHORISED, NOT_FOUND, INTERRUPTED = 0, 1, 2, 3, 4, 130

SUMMARY = (
    "exit codes: 0 done, 1 some of it failed, 2 wrong usage or settings, 3 not authorised, 4 not found, "
    "130 interrupted"
)

# The first that fits: exit code, and what the user can do about it. What no row names, such as IncompleteListingError
# and FileAccessError, says itself what is wrong.
_OUTCOMES: tuple[tuple[tuple[type[GroupsError], ...], int, str], ...] = (
    ((StalePlanError,), FAILED, ""),  # the group has changed: nobody used the command wrongly
    (
        (ConfigurationError, InvalidArgumentError, AmbiguousMatchError, PlanError, ProtectedMemberError),
        USAGE,
        "",
    ),
    (
        (UnauthorizedError,),
        NOT_AUTHORISED,
        "Check the token, and that SNYK_API names the region that it belongs to.",
    ),
    ((ForbiddenError,), NOT_AUTHORISED, "The token's owner needs the permission {needs}."),
    ((MemberNotFoundError,), NOT_FOUND, ""),
    (
        (NotFoundError,),
        NOT_FOUND,
        "There is no such thing in this region, or the token's owner may not see it.",
    ),
    ((GroupsError,), FAILED, ""),
)

# What the library calls an argument is an option here.
_ARGUMENTS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\bcascade=True\b"), "--cascade"),
    (re.compile(r"\bcascade=False\b"), "--no-cascade"),
    (re.compile(r"\bprune=True\b"), "--prune"),
    (re.compile(r"\bme=(?=['\"])"), "--me "),
    (re.compile(r"\bmax_removals=(?=\d)"), "--max-removals "),
    (re.compile(r"\ballow_(admins|self|unresolved)\b"), r"--allow-\1"),
    (re.compile(r"\ballow_last_admin\b"), "--allow-last-admin"),
    (re.compile(r"\ballow_unknown_roles\b"), "--allow-unknown-roles"),
    (re.compile(r"\badmin_roles\b"), "--admin-role"),
)
_COLUMNS = re.compile(r"\bcolumns=\{(.*?)\}")
_COLUMN = re.compile(r'"(\w+)": "([^"]*)"')


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
    code, hint = _row(error)
    return code, printable(f"{with_options(str(error))} {hint.format(needs=needs)}".rstrip())


def code_of(error: Exception | None) -> int:
    """The exit code of what kept one change from being made."""
    return _row(error)[0] if isinstance(error, GroupsError) else FAILED


def with_options(text: str) -> str:
    """What the library says, with its arguments as they are called here: `--allow-self` for `allow_self`."""
    for argument, option in _ARGUMENTS:
        text = argument.sub(option, text)
    return _COLUMNS.sub(lambda found: " ".join(_as_column(*pair) for pair in _COLUMN.findall(found[1])), text)


def _as_column(field: str, heading: str) -> str:
    return f'--column "{field}={heading}"'


def _row(error: GroupsError) -> tuple[int, str]:
    return next((code, hint) for kinds, code, hint in _OUTCOMES if isinstance(error, kinds))
