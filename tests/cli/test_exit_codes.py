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
)
from groups_sdk.cli._explain import code_of, explain


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


def test_the_line_names_options_in_place_of_arguments() -> None:
    assert explain(errors.PlanError("give max_removals=12"), "")[1] == "give --max-removals 12"
