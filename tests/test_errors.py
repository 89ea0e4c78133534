"""Errors say what happened, pickle whole, and stand in one tree."""

from __future__ import annotations

import copy
import inspect
import json
import multiprocessing
import pickle
import traceback
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime
from typing import Any

import pytest

from groups_sdk import ErrorObject, errors
from groups_sdk.errors import (
    AmbiguousMatchError,
    ApiError,
    ClientClosedError,
    DeadlineExceededError,
    DecodeError,
    GroupsError,
    InterruptedChangeError,
    InvalidArgumentError,
    PaginationError,
    RateLimitedError,
    RoleChoiceError,
    TransportError,
    api_error_class,
)
from groups_sdk.models import Group, GroupMembership, Role, User

ENTRY = ErrorObject(status="404", code="C-1", detail="no such thing", parameter="group_id")
API = ApiError(
    status_code=404, errors=(ENTRY, ErrorObject(title="t")), request_id="r", method="GET", path="/x", body="b"
)
EXAMPLES: list[tuple[GroupsError, str]] = [
    (API, "GET /x: 404 C-1: no such thing (group_id); t [request id r]"),
    (ApiError(status_code=500), "500: no explanation in the answer"),
    (ApiError(status_code=400, method="GET", path="/y", errors=(ErrorObject(pointer="/a"),) * 5),
     "GET /y: 400: /a; /a; /a (and 2 more)"),
    (DecodeError("it is empty", path="data.id", operation="getGroup", request_id="r"),
     "getGroup: cannot understand the answer at data.id: it is empty [request id r]"),
    (DecodeError("odd"), "odd"),
    (DeadlineExceededError("late", maybe_applied=True, attempts=3, operation="deleteUser", method="DELETE"),
     "deleteUser: late after 3 attempts; it may have been applied"),
    (DeadlineExceededError("late", maybe_applied=False, operation="deleteUser", method="DELETE"),
     "deleteUser: late; it was not applied"),
    (DeadlineExceededError("late"), "late"),
    (ApiError(status_code=429, advice="Try again later.", request_id="r"),
     "429: no explanation in the answer [request id r] Try again later."),
    (DeadlineExceededError("late", attempts=2, operation="getGroup", method="GET"),
     "getGroup: late after 2 attempts"),
    (PaginationError("round", cursor="v1.x"), "round"),
    (InvalidArgumentError("bad"), "bad"),
]  # fmt: skip


@pytest.mark.parametrize(("error", "text"), EXAMPLES)
def test_what_they_say_and_that_they_pickle_whole(error: GroupsError, text: str) -> None:
    error.add_note("a note")
    assert (str(error), error.message) == (text, text)
    assert text.startswith(error.args[0])
    assert repr(error) == f"{type(error).__name__}({error.args[0]!r})"
    twin = pickle.loads(pickle.dumps(error))
    assert type(twin) is type(error)
    assert (str(twin), twin.args, vars(twin)) == (str(error), error.args, vars(error))


def test_members_are_those_of_the_first_entry() -> None:
    assert (API.code, API.detail, API.title) == ("C-1", "no such thing", None)
    error = api_error_class(429)(status_code=429)
    assert isinstance(error, RateLimitedError)
    assert error.retry_after is None
    assert isinstance(InvalidArgumentError("x"), ValueError)


@pytest.mark.parametrize(
    ("status", "name"),
    [(400, "BadRequestError"), (401, "UnauthorizedError"), (403, "ForbiddenError"), (404, "NotFoundError"),
     (409, "ConflictError"), (410, "GoneError"), (429, "RateLimitedError"), (500, "ServerError"), (599, "ServerError"),
     (418, "ApiError"), (302, "ApiError")],
)  # fmt: skip
def test_each_status_has_its_class(status: int, name: str) -> None:
    assert api_error_class(status).__name__ == name


def test_the_tree_in_the_docstring_names_every_class() -> None:
    classes = [c for _, c in inspect.getmembers(errors, inspect.isclass) if issubclass(c, GroupsError)]
    assert len(classes) == 29
    assert {*(c.__name__ for c in classes), "ErrorObject"} == set(errors.__all__)
    assert all(cls.__name__ in (errors.__doc__ or "") for cls in classes)


def made(cls: type[GroupsError]) -> GroupsError:
    """An error of that class whose every member differs from its default."""
    given: dict[str, Any] = {}
    if issubclass(cls, ApiError):
        given = {"status_code": 418, "errors": (ENTRY,), "request_id": "r", "method": "PATCH", "path": "/x"}
        given |= {"body": "b", "attempts": 3, "maybe_applied": False, "from_api": True}
        given |= {"retry_after": 7.5, "advice": "Wait."}
        error: GroupsError = cls(**given)
    elif issubclass(cls, TransportError):
        given = {"maybe_applied": False, "attempts": 3, "operation": "deleteUser", "method": "DELETE"}
        error = cls("broken", **given)
    elif issubclass(cls, DecodeError):
        given = {"path": "data[3]", "operation": "getGroup", "request_id": "r", "applied": True}
        error = cls("odd", **given)
    elif issubclass(cls, PaginationError):
        given = {"cursor": "v1.x"}
        error = cls("round", **given)
    elif issubclass(cls, RoleChoiceError):
        given = {"choices": (Role("1", "Reader"), Role("2", "Reader"))}
        error = cls("which", **given)
    elif issubclass(cls, AmbiguousMatchError):
        since = datetime(2025, 11, 5, tzinfo=UTC)
        given = {"matches": (GroupMembership("1", since, User("2"), Role("3"), Group("4")),)}
        error = cls("which", **given)
    elif issubclass(cls, ClientClosedError):
        given = {"maybe_applied": False}
        error = cls("closed; it was not applied", **given)
    else:
        error = cls("wrong")
    assert given.items() <= vars(error).items()
    return error


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "ErrorObject"])
def test_every_class_survives_pickles_and_copies_with_all_members_and_notes(name: str) -> None:
    error = made(getattr(errors, name))
    error.add_note("first")
    error.add_note("second")
    copies = [pickle.loads(pickle.dumps(error, protocol)) for protocol in range(pickle.HIGHEST_PROTOCOL + 1)]
    for twin in (*copies, copy.copy(error), copy.deepcopy(error)):
        assert type(twin) is type(error)
        assert (str(twin), repr(twin), twin.args) == (str(error), repr(error), error.args)
        assert vars(twin) == vars(error)
        assert twin.__notes__ == ["first", "second"]
        assert "first\nsecond" in "".join(traceback.format_exception(twin))


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "ErrorObject"])
def test_every_error_says_whether_a_change_may_have_been_applied(name: str) -> None:
    cls = getattr(errors, name)
    unknown = issubclass(
        cls, (TransportError, ApiError, DecodeError, ClientClosedError, InterruptedChangeError)
    )
    assert cls.maybe_applied is unknown
    assert made(cls).maybe_applied is (cls in (DecodeError, InterruptedChangeError))
    assert not hasattr(made(cls), "sent")


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "ErrorObject"])
def test_an_error_that_is_rebuilt_from_its_text_denies_nothing(name: str) -> None:
    cls = getattr(errors, name)
    original = made(cls)
    for given in (original.args, (str(original),), json.loads(json.dumps(original.args))):
        twin = cls(*given)
        assert str(twin) == original.args[0].removesuffix("; it was not applied")
        assert twin.maybe_applied is cls.maybe_applied
        assert getattr(twin, "request_id", None) == getattr(original, "request_id", None)
        assert getattr(twin, "status_code", 0) == 0
        assert getattr(twin, "applied", False) is False


@pytest.mark.parametrize("name", [name for name in errors.__all__ if name != "ErrorObject"])
def test_every_error_comes_back_from_a_dict_of_json_types(name: str) -> None:
    for error in (made(getattr(errors, name)), getattr(errors, name)("a text")):
        document = error.to_dict()
        twin = GroupsError.from_dict(json.loads(json.dumps(document)))
        assert type(twin) is type(error)
        assert (str(twin), twin.to_dict()) == (str(error), document)
        assert document["maybe_applied"] is error.maybe_applied


def test_the_dict_of_an_error_has_what_support_asks_for() -> None:
    assert API.to_dict() == {
        "type": "ApiError",
        "message": str(API),
        "status_code": 404,
        "request_id": "r",
        "maybe_applied": False,
        "applied": False,
    }


def test_an_error_of_a_class_that_is_not_known_keeps_its_text_and_its_members() -> None:
    for name in ("TeapotError", "ErrorObject", "__all__", "Exception"):
        document = {**API.to_dict(), "type": name, "maybe_applied": True}
        twin = GroupsError.from_dict(document)
        assert type(twin) is GroupsError
        assert twin.to_dict() == {**document, "type": "GroupsError", "message": f"{name}: {API}"}


@pytest.mark.parametrize(
    ("changes", "problem"),
    [({"message": None}, "message: must be of the type str"), ({"applied": 1}, "applied: must be of the type bool"),
     ({"status_code": "404"}, "status_code: must be of the type int"), ({"type": []}, "type: must be of the type str"),
     ({"maybe_applied": None}, "maybe_applied: must be of the type bool")],
)  # fmt: skip
def test_what_is_no_error_is_refused(changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(InvalidArgumentError, match=f"^{problem}$"):
        GroupsError.from_dict({**API.to_dict(), **changes})
    with pytest.raises(InvalidArgumentError, match="must be an object"):
        GroupsError.from_dict([])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("status", "maybe_applied"),
    [(400, False), (404, False), (408, True), (429, False), (500, True), (503, True)],
)
def test_an_error_that_is_made_by_hand_says_what_its_status_says(status: int, maybe_applied: bool) -> None:
    assert api_error_class(status)(status_code=status).maybe_applied is maybe_applied


def test_the_request_id_of_a_text_is_the_one_that_this_package_wrote() -> None:
    entry = ErrorObject(detail="you sent [request id fake]")
    error = ApiError(status_code=404, errors=(entry,), request_id="real", advice="Do [this].")
    assert ApiError(str(error)).request_id == "real"


def fail(error: GroupsError) -> None:
    raise error


def test_errors_come_back_whole_from_the_processes_of_a_pool() -> None:
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        for name in ("NotFoundError", "RequestTimeoutError", "DecodeError", "RoleChoiceError"):
            error = made(getattr(errors, name))
            twin = pool.submit(fail, error).exception()
            assert type(twin) is type(error)
            assert (str(twin), vars(twin)) == (str(error), vars(error))


def test_what_could_not_be_read_of_a_write_was_applied() -> None:
    of_a_write, of_a_read = DecodeError("odd", applied=True), DecodeError("odd", applied=False)
    assert (of_a_write.applied, of_a_write.maybe_applied) == (True, True)
    assert (of_a_read.applied, of_a_read.maybe_applied) == (False, False)


def test_a_member_set_later_is_what_the_text_says() -> None:
    error = TransportError("reset", maybe_applied=False, operation="deleteUser")
    error.maybe_applied, error.attempts = True, 4
    assert str(error) == "deleteUser: reset after 4 attempts; it may have been applied"


def test_an_entry_that_says_nothing_is_left_out_of_the_text() -> None:
    entries = (
        ErrorObject(),
        ErrorObject(title="T", detail="D", pointer="/p", parameter="q"),
        ErrorObject(title="T"),
    )
    assert str(ApiError(status_code=400, errors=entries)) == "400: D (q); T"
    assert (
        str(ApiError(status_code=400, errors=(ErrorObject(code="X"),)))
        == "400 X: no explanation in the answer"
    )


def test_the_body_of_an_answer_is_no_part_of_text_and_repr() -> None:
    error = ApiError(status_code=500, method="GET", path="/x", body="a page of HTML")
    assert "HTML" not in str(error) + repr(error)


@pytest.mark.parametrize(
    ("kind", "changed", "problem"),
    [
        (
            "DecodeError",
            {"applied": True, "maybe_applied": False},
            "maybe_applied: must be true where applied is",
        ),
        ("FromTheFuture", {"applied": True, "maybe_applied": False}, "maybe_applied: must be true"),
        (
            "NotFoundError",
            {"applied": True, "maybe_applied": True},
            "applied: is never true for NotFoundError",
        ),
        ("GroupsError", {"junk": 3}, "an error has unknown members: 'junk'"),
    ],
)
def test_an_error_that_contradicts_itself_is_not_read(
    kind: str, changed: dict[str, Any], problem: str
) -> None:
    document = {"type": kind, "message": "a", "maybe_applied": False, "applied": False, **changed}
    with pytest.raises(InvalidArgumentError, match=problem):
        GroupsError.from_dict(document)


@pytest.mark.parametrize("kind", ["DecodeError", "FromTheFuture", "GroupsError"])
def test_an_error_of_a_change_that_was_made_is_read(kind: str) -> None:
    document = {"type": kind, "message": "a", "maybe_applied": True, "applied": True}
    error: Any = GroupsError.from_dict(document)
    assert (error.applied, error.maybe_applied) == (True, True)


def test_an_error_of_the_portal_that_is_rebuilt_denies_nothing() -> None:
    error = ClientClosedError("the client was closed; no change was sent", maybe_applied=False)
    rebuilt = ClientClosedError(*error.args)
    assert (str(rebuilt), rebuilt.maybe_applied) == ("the client was closed", True)
