"""What an error means for the command: its exit code, and the one line that says why."""

from __future__ import annotations

from groups_sdk._terminal import printable
from groups_sdk.cli._exit_codes import (
    FAILED,
    NETWORK,
    NOT_AUTHORISED,
    NOT_FOUND,
    RATE_LIMITED,
    USAGE,
    CommandError,
)
from groups_sdk.cli._network import network_problem
from groups_sdk.cli._wording import with_options
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
    RateLimitedError,
    StalePlanError,
    TransportError,
    UnauthorizedError,
)

__all__ = ["code_of", "explain"]

# The first that fits: exit code, and what the user can do about it. What no row names, such as IncompleteListingError
# and FileAccessError, says itself what is wrong.
_OUTCOMES: tuple[tuple[tuple[type[GroupsError], ...], int, str], ...] = (
    ((StalePlanError,), FAILED, ""),  # the group has changed: nobody used the command wrongly
    (
        (ConfigurationError, InvalidArgumentError, AmbiguousMatchError, PlanError, ProtectedMemberError),
        USAGE,
        "",
    ),
    ((UnauthorizedError,), NOT_AUTHORISED, "`groups-sdk whoami` shows which token was used."),
    (
        (ForbiddenError,),
        NOT_AUTHORISED,
        "This needs the permission {needs}. `groups-sdk whoami` shows which token was used.",
    ),
    ((MemberNotFoundError,), NOT_FOUND, ""),
    ((NotFoundError,), NOT_FOUND, "It does not exist in this region, or the token may not see it."),
    ((RateLimitedError,), RATE_LIMITED, "Wait a minute, and run the same command again."),
    ((TransportError,), NETWORK, ""),
    ((GroupsError,), FAILED, ""),
)


def explain(
    error: CommandError | GroupsError | OSError, needs: str, host: str = "the API"
) -> tuple[int, str]:
    """The exit code and one printable line. `needs` names the permissions that the command wants.

    Example:
        code, line = explain(error, "group.membership.read", "api.snyk.io")
    """
    if isinstance(error, CommandError):
        return error.code, printable(str(error))
    if isinstance(error, OSError):
        where = f": {error.filename}" if error.filename else ""
        return FAILED, printable(f"{error.strerror or error}{where}")
    code, hint = _row(error)
    text = network_problem(error, host) if isinstance(error, TransportError) else with_options(str(error))
    return code, printable(f"{text} {hint.format(needs=needs)}".rstrip())


def code_of(error: Exception | None) -> int:
    """The exit code of what kept one change from being made."""
    return _row(error)[0] if isinstance(error, GroupsError) else FAILED


def _row(error: GroupsError) -> tuple[int, str]:
    return next((code, hint) for kinds, code, hint in _OUTCOMES if isinstance(error, kinds))
