"""How commands end: the code and the line for every kind of error, with the options that the command line has."""

from __future__ import annotations

import pytest

from groups_sdk import errors
from groups_sdk.cli._exit_codes import (
    FAILED,
    NETWORK,
    NOT_AUTHORISED,
    NOT_FOUND,
    RATE_LIMITED,
    SUMMARY,
    USAGE,
    CommandError,
    code_of,
    explain,
    with_options,
)


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (errors.ConfigurationError("x"), USAGE),
        (errors.InvalidArgumentError("x"), USAGE),
        (errors.RoleChoiceError("x"), USAGE),
        (errors.AmbiguousMatchError("x"), USAGE),
        (errors.PlanError("x"), USAGE),
        (errors.ProtectedMemberError("x"), USAGE),
        (errors.StalePlanError("x"), FAILED),
        (errors.IncompleteListingError("x"), FAILED),
        (errors.FileAccessError("x", path="y"), FAILED),
        (errors.JournalError("x"), FAILED),
        (errors.MemberNotFoundError("x"), NOT_FOUND),
        (errors.NotFoundError(status_code=404), NOT_FOUND),
        (errors.UnauthorizedError(status_code=401), NOT_AUTHORISED),
        (errors.ForbiddenError(status_code=403), NOT_AUTHORISED),
        (errors.ConflictError(status_code=409), FAILED),
        (errors.RateLimitedError(status_code=429), RATE_LIMITED),
        (errors.ConnectionFailedError("x"), NETWORK),
        (errors.RequestTimeoutError("x"), NETWORK),
        (errors.DeadlineExceededError("x"), NETWORK),
        (CommandError("x", NOT_FOUND), NOT_FOUND),
        (OSError(28, "No space left on device", "y"), FAILED),
    ],
)
def test_every_error_has_its_code_and_one_line(
    error: errors.GroupsError | CommandError | OSError, code: int
) -> None:
    found, line = explain(error, "group.read")
    assert (found, line.count("\n")) == (code, 0)
    assert line
    if isinstance(error, errors.GroupsError):
        assert code_of(error) == code


def test_error_that_nobody_expected_is_a_failure() -> None:
    assert code_of(ZeroDivisionError()) == code_of(None) == FAILED


def test_summary_names_every_code() -> None:
    assert [*SUMMARY] == [0, 1, 2, 3, 4, 5, 6, 7, 130]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (
            "nothing was sent (allow_last_admin permits it)",
            "nothing was sent (--allow-last-admin permits it)",
        ),
        ("(allow_self permits it)", "(--allow-self permits it)"),
        ("(allow_unknown_roles permits it)", "(--allow-unknown-roles permits it)"),
        ("(allow_admins permits it)", "(--allow-admins permits it)"),
        ("or name them in allow_unresolved", "or name them in --allow-unresolved"),
        ("give max_removals=12", "give --max-removals 12"),
        ("max_removals must be a whole number", "max_removals must be a whole number"),
        ("name it (admin_roles)", "name it (--admin-role)"),
        ("me='ada' is nobody", "--me 'ada' is nobody"),
        ("made with cascade=True: with prune=True", "made with --cascade: with --prune"),
        ("made with cascade=False", "made with --no-cascade"),
        (
            'say which is which: columns={"email": "E-Mail", "role": "Die Rolle"}',
            'say which is which: --column "email=E-Mail" --column "role=Die Rolle"',
        ),
        ("fame='x' overprune=True", "fame='x' overprune=True"),
    ],
)
def test_arguments_of_the_library_are_named_as_options(text: str, expected: str) -> None:
    assert with_options(text) == expected
    assert explain(errors.PlanError(text), "")[1] == expected
