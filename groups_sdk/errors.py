"""Every exception that this package raises.

    GroupsError
    ├── ConfigurationError          no token, an unknown region, a base URL that is not valid
    ├── InvalidArgumentError        an argument is not valid; nothing was sent (also a ValueError)
    │   └── RoleChoiceError         no role has this name, or several have it; `choices` lists the roles
    ├── AmbiguousMatchError         several members match where one is expected; `matches` lists them
    ├── MemberNotFoundError         nobody in the group goes by this identifier
    ├── IncompleteListingError      the API counts more members than it listed, or one cannot be read
    ├── ProtectedMemberError        the change would remove the last admin, or change you; not sent
    ├── PlanError                   the plan cannot be applied as it stands; `entries` lists what is wrong
    │   └── StalePlanError          a member has changed since the plan was made; not sent
    ├── FileAccessError             a file cannot be written; `path` is its path
    ├── JournalError                the journal belongs to another plan, is in use, or is damaged
    ├── InterruptedChangeError      the work was stopped while a change was being sent
    ├── ClientClosedError           the client was closed before or during the call
    ├── PaginationError             the pages cannot be followed to the end
    ├── DecodeError                 the answer is not what the API promises
    ├── TransportError              no answer came
    │   ├── ConnectionFailedError   refused, reset, closed early, or a TLS or proxy problem
    │   ├── RequestTimeoutError     one attempt took longer than `timeout`
    │   └── DeadlineExceededError   the whole call, retries included, would take longer than `deadline`
    └── ApiError                    the API answered with an error status
        ├── BadRequestError         400
        ├── UnauthorizedError       401
        ├── ForbiddenError          403
        ├── NotFoundError           404
        ├── ConflictError           409
        ├── GoneError               410
        ├── RateLimitedError        429
        └── ServerError             5xx

Each has `maybe_applied`: True when the change that was asked for may have been made all the same, or, after a
`DecodeError`, was made. It is never True for reads. None contains a token.

Their texts, `str(error)` and `repr(error)`, are one line that is safe to log and to print: line breaks, escape
sequences and invisible characters that the API or a gateway sent are escaped there, as `\\n`, `\\x1b`, `\\u202e`. Their
attributes, such as `error.detail`, have them as they came.

All of them can be pickled and copied, and `to_dict` and `GroupsError.from_dict` keep them in JSON. A program that
rebuilds an error from its `args` (as Celery does with JSON results) gets the same class, text and request id. The rest
is not known then, so that `maybe_applied` is True, except for the errors that always mean that nothing was sent.
"""

import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

import attrs

from groups_sdk._public import set_module
from groups_sdk._terminal import printable

if TYPE_CHECKING:
    from groups_sdk.models import GroupMembership, Role

__all__ = [
    "AmbiguousMatchError",
    "ApiError",
    "BadRequestError",
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "DeadlineExceededError",
    "DecodeError",
    "ErrorObject",
    "FileAccessError",
    "ForbiddenError",
    "GoneError",
    "GroupsError",
    "InterruptedChangeError",
    "IncompleteListingError",
    "InvalidArgumentError",
    "JournalError",
    "MemberNotFoundError",
    "NotFoundError",
    "PaginationError",
    "PlanError",
    "ProtectedMemberError",
    "RateLimitedError",
    "RequestTimeoutError",
    "RoleChoiceError",
    "ServerError",
    "StalePlanError",
    "TransportError",
    "UnauthorizedError",
]


_ID_SHOWN = 100  # characters of a request id
PLANNED_MAINTENANCE = "SNYK-0099"  # the code of an error that waiting a little does not change


class GroupsError(Exception):
    """The base class of every exception that this package raises.

    `message` is the text, the same as `str(error)`. `maybe_applied` is True when a change may have been made all the
    same: look before you try again. It is never True for reads, which change nothing.
    """

    maybe_applied: bool = False

    def __str__(self) -> str:
        return printable(super().__str__())

    def __repr__(self) -> str:
        return printable(super().__repr__())

    @property
    def message(self) -> str:
        """The text of the error, the same as `str(error)`."""
        return str(self)

    def to_dict(self) -> dict[str, Any]:
        """What the error says, as a dict that JSON can keep.

        `type` is the name of the class, `message` the text, `status_code` and `request_id` those of the answer (None
        when there was none), and `maybe_applied` and `applied` whether the change may have been made, or was made.

        Example:
            error = NotFoundError(status_code=404, request_id="5f1c")
            assert error.to_dict()["request_id"] == "5f1c"
        """
        members = {name: getattr(self, name, None) for name in ("status_code", "request_id")}
        return {
            "type": type(self).__name__,
            "message": str(self),
            **members,
            "maybe_applied": self.maybe_applied,
            "applied": getattr(self, "applied", False),
        }

    @staticmethod
    def from_dict(document: Mapping[str, Any]) -> "GroupsError":
        """The error that `to_dict` wrote: of the same class, with the same text and the same members.

        An error of a class that this version does not have is a `GroupsError` that names the class in its text.
        Raises `InvalidArgumentError` when the document is something else.

        Example:
            assert GroupsError.from_dict(error.to_dict()).message == error.message
        """
        return _read_error(document)

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception.__reduce__ calls cls(*args), which loses what is not in the text.
        return _rebuild, (type(self), self.args), self.__dict__


def _rebuild(cls: type[GroupsError], args: tuple[Any, ...]) -> GroupsError:
    error = cls.__new__(cls)
    error.args = args
    return error


class ConfigurationError(GroupsError):
    """The client cannot be set up: there is no token, or a setting (region, base URL, an option) is not valid."""


class InvalidArgumentError(GroupsError, ValueError):
    """An argument is not valid. Nothing was sent."""


class RoleChoiceError(InvalidArgumentError):
    """No role in use in the group has this name, or several roles have it. Nothing was changed.

    `choices` are the roles to choose from: those with this name, whose ids tell them apart, or all roles in use.
    """

    def __init__(self, message: str, *, choices: "tuple[Role, ...]" = ()) -> None:
        super().__init__(message)
        self.choices = choices


class AmbiguousMatchError(GroupsError):
    """It is not certain who is meant. Nothing was changed.

    Several members go by this identifier, a member's address only looks like it, or two identifiers of one person
    name different people. `matches` are the memberships in question: give the user id of one.
    """

    def __init__(self, message: str, *, matches: "tuple[GroupMembership, ...]" = ()) -> None:
        super().__init__(message)
        self.matches = matches


class MemberNotFoundError(GroupsError):
    """Nobody in the group goes by this identifier. Nothing was sent for it."""


class IncompleteListingError(GroupsError):
    """Not all members are known: who was not listed cannot be called "not a member", and nothing is changed.

    The API counts more members than it listed, or a record of the listing cannot be understood; the message says which
    one, and `__cause__` is then its `DecodeError`.
    """


class ProtectedMemberError(GroupsError):
    """The change would leave the group without an admin, or touch somebody who is protected. It was not sent."""


class PlanError(GroupsError):
    """The plan cannot be applied as it stands. Nothing was sent.

    It is for another group or API, too old, not the one that was approved, or names a role in one way and identifies
    another. `entries` are the changes in question, as text.
    """

    def __init__(self, message: str, *, entries: tuple[str, ...] = ()) -> None:
        super().__init__(message)
        self.entries = entries


class StalePlanError(PlanError):
    """The member or the group has changed since the plan was made. The change was not sent."""


class FileAccessError(GroupsError):
    """A file cannot be written: the disk is full, a directory is missing or may not be written to.

    `path` is the path as it was given, and `__cause__` the error of the operating system. What the file had before is
    still there.
    """

    def __init__(self, message: str, *, path: str = "") -> None:
        super().__init__(message)
        self.path = path


class JournalError(GroupsError):
    """The journal belongs to another plan, is in use by another process, or is damaged."""


class InterruptedChangeError(GroupsError):
    """The work was stopped (Ctrl-C, a timeout) while this change was being sent: it may have been applied."""

    maybe_applied: bool = True


class ClientClosedError(GroupsError):
    """The client was closed before or during the call."""

    maybe_applied: bool = True

    def __init__(self, message: str, *, maybe_applied: bool | None = None) -> None:
        super().__init__(without_denial(message) if maybe_applied is None else message)
        self.maybe_applied = maybe_applied is not False


class PaginationError(GroupsError):
    """The pages cannot be followed to the end, for example because a cursor came twice.

    `cursor` is the cursor that came twice; empty when the link to the next page has none in it.
    """

    def __init__(self, message: str, *, cursor: str | None = None) -> None:
        super().__init__(message)
        self.cursor = cursor


class DecodeError(GroupsError):
    """The API answered with success, but the body is not what it promises.

    `path` is the place in the document (`data[3].attributes.created_at`), empty for the whole document; `operation`
    is the API's operation id and `request_id` the id that Snyk support asks for. `problem` says what is wrong.

    `in_record` is True when it is one record of a page: a listing with `on_decode_error="skip"` goes on without it.
    `record_id` is its id, None when it has none, and `cursor` the one that its page was asked for with, None for the
    first page. `record` says the same in words.

    `applied` is True when the answer was that to a write: the change was made, and `maybe_applied` is True as well. It
    is False for reads, and when it was the answer to the request for an access token (`operation` is oauth2Token): then
    the call itself was not sent, and `maybe_applied` is True only when an earlier attempt of it may have been applied.
    """

    maybe_applied: bool = True

    def __init__(
        self,
        problem: str,
        *,
        path: str = "",
        operation: str | None = None,
        request_id: str | None = None,
        applied: bool | None = None,
        in_record: bool = False,
        record_id: str | None = None,
        cursor: str | None = None,
    ) -> None:
        self.problem: str = problem
        self.path = path
        self.operation = operation
        self.in_record = in_record
        self.record_id = record_id
        self.cursor = cursor
        self.request_id: str | None = request_id or _request_id_in(problem)
        self.applied: bool = applied is True
        self.maybe_applied: bool = applied is not False
        where = f" at {path}" if path else ""
        skip = f"; this is {self.record}, which on_decode_error='skip' leaves out" if in_record else ""
        text = f"{operation}: cannot understand the answer{where}: {problem}{skip}{_ref(request_id)}"
        super().__init__(problem if operation is None else text)

    @property
    def record(self) -> str | None:
        """Which record it is, of which page: "the record '7a1...' on the first page". None unless `in_record`."""
        if not self.in_record:
            return None
        which = "a record without an id" if self.record_id is None else f"the record {shown(self.record_id)}"
        page = "the first page" if self.cursor is None else f"the page of the cursor {shown(self.cursor)}"
        return f"{which} on {page}"


class TransportError(GroupsError):
    """No answer came. `maybe_applied` is True when the request may have reached the API, unless it was a read.

    `problem` says what happened, `attempts` is the number of requests that were tried, `operation` the API's operation
    id, and `method` that of the request. Without an operation, `problem` is the whole text.
    """

    maybe_applied: bool = True

    def __init__(
        self,
        problem: str,
        *,
        maybe_applied: bool | None = None,
        attempts: int = 1,
        operation: str | None = None,
        method: str = "",
    ) -> None:
        self.problem: str = without_denial(problem) if maybe_applied is None else problem
        self.maybe_applied = maybe_applied is not False
        self.attempts = attempts
        self.operation = operation
        self.method = method
        super().__init__(without_denial(str(self)))

    def __str__(self) -> str:
        if self.operation is None:
            return printable(self.problem)
        tries = "" if self.attempts == 1 else f" after {self.attempts} attempts"
        said = "" if self.method == "GET" else _MAYBE_APPLIED if self.maybe_applied else _NOT_APPLIED
        return printable(f"{self.operation}: {self.problem}{tries}{said}")


class ConnectionFailedError(TransportError):
    """The connection failed: it was refused, reset or closed early, or TLS or a proxy failed."""


class RequestTimeoutError(TransportError):
    """One attempt took longer than `timeout`."""


class DeadlineExceededError(TransportError):
    """The whole call, retries and waits included, would take longer than `deadline`.

    `__cause__` is the error of the last attempt.
    """


@attrs.frozen
class ErrorObject:
    """One entry of the API's list of errors. Fields that the API left out are None.

    `pointer` is a JSON pointer into the request body and `parameter` a query parameter: what the entry is about.
    """

    status: str | None = None
    code: str | None = None
    title: str | None = None
    detail: str | None = None
    id: str | None = None
    pointer: str | None = None
    parameter: str | None = None
    about: str | None = None
    meta: Any = None


class ApiError(GroupsError):
    """The API answered with an error status.

    `status_code` is the HTTP status. `errors` are the entries of the answer, and `code`, `title` and `detail` those of
    the first entry. `request_id` is the id that Snyk support asks for. `method` and `path` are those of the request,
    the path without its query. `body` is the text of the answer, cut after 64 KiB. `attempts` is the number of
    requests that were tried. `maybe_applied` is True when a write got a 408 or 5xx, or an earlier attempt of it was
    sent and never had a clear answer. `from_api` is True when the answer had the form in which the API itself writes
    errors, and False for one that a proxy or gateway on the way may have written. `retry_after` is the wait that the
    answer asked for, in seconds, and `advice` says what to do, where that is known; otherwise both are None.

    Without a status, `message` is the whole text, and `status_code` is 0.
    """

    maybe_applied: bool = True
    retry_after: float | None = None
    advice: str | None = None
    _message = ""

    def __init__(
        self,
        message: str = "",
        *,
        status_code: int = 0,
        errors: tuple[ErrorObject, ...] = (),
        request_id: str | None = None,
        method: str = "",
        path: str = "",
        body: str = "",
        attempts: int = 1,
        maybe_applied: bool | None = None,
        from_api: bool = False,
        retry_after: float | None = None,
        advice: str | None = None,
    ) -> None:
        first = errors[0] if errors else ErrorObject()
        self._message = message
        self.status_code = status_code
        self.code: str | None = first.code
        self.title: str | None = first.title
        self.detail: str | None = first.detail
        self.errors = errors
        self.request_id: str | None = request_id or _request_id_in(message)
        self.method = method
        self.path = path
        self.body = body
        self.attempts = attempts
        if maybe_applied is None:
            maybe_applied = status_code in (0, 408) or status_code >= 500
        self.maybe_applied = maybe_applied
        self.from_api = from_api
        self.retry_after = retry_after
        self.advice = advice
        super().__init__(str(self))

    def __str__(self) -> str:
        if self._message:
            return printable(self._message)
        code = f" {self.code}" if self.code else ""
        entries = [_sentence(entry) for entry in self.errors[:3]]
        what = "; ".join(entry for entry in entries if entry) or "no explanation in the answer"
        more = f" (and {len(self.errors) - 3} more)" if len(self.errors) > 3 else ""
        call = f"{self.method} {self.path}: " if self.method else ""
        advice = f" {self.advice}" if self.advice else ""
        return printable(f"{call}{self.status_code}{code}: {what}{more}{_ref(self.request_id)}{advice}")


class BadRequestError(ApiError):
    """400: the API does not accept the request."""


class UnauthorizedError(ApiError):
    """401: the token is missing, wrong or expired."""


class ForbiddenError(ApiError):
    """403: the token is valid, but its owner lacks the permission."""


class NotFoundError(ApiError):
    """404: it does not exist, or the token's owner may not see it."""


class ConflictError(ApiError):
    """409: the change conflicts with what is there, such as a second membership for one user."""


class GoneError(ApiError):
    """410: this API version no longer exists."""


class RateLimitedError(ApiError):
    """429: too many requests. `retry_after` is the wait that the API asked for, in seconds; None when it named none."""


class ServerError(ApiError):
    """5xx: the API or a gateway in front of it failed. A write may have been applied."""


_BY_STATUS: dict[int, type[ApiError]] = {
    400: BadRequestError,
    401: UnauthorizedError,
    403: ForbiddenError,
    404: NotFoundError,
    409: ConflictError,
    410: GoneError,
    429: RateLimitedError,
}


def api_error_class(status_code: int) -> type[ApiError]:
    """The class for an error status; `ApiError` when there is no class for that status."""
    return ServerError if status_code >= 500 else _BY_STATUS.get(status_code, ApiError)


def _sentence(entry: ErrorObject) -> str:
    text = entry.detail or entry.title or ""
    where = entry.parameter or entry.pointer
    return f"{text} ({where})" if where and text else text or where or ""


def shown(text: str, most: int = 100) -> str:
    """A text of the API's on one line, in quotation marks and cut."""
    return ascii(text if len(text) <= most else f"{text[:most]}...")


def _ref(request_id: str | None) -> str:
    return f" [request id {printable(request_id, _ID_SHOWN)}]" if request_id else ""


def _request_id_in(text: str) -> str | None:
    """The request id that a text of ours names, last in it but for advice."""
    found = re.findall(r" \[request id ([^\[\]\s]+)\]", text)
    return found[-1] if found else None


_MAYBE_APPLIED = "; it may have been applied"
_NOT_APPLIED = "; it was not applied"
_DENIALS = (_NOT_APPLIED, "; nothing was sent", "; no change was sent")


def without_denial(text: str) -> str:
    """The text without the words at its end that nothing was done: who has only the text cannot know that."""
    for denial in _DENIALS:
        text = text.removesuffix(denial)
    return text


def _read_error(document: Mapping[str, Any]) -> GroupsError:
    if not isinstance(document, Mapping):
        raise InvalidArgumentError("an error must be an object")
    kinds = {"status_code": int, "request_id": str, "maybe_applied": bool, "applied": bool}
    known = {"type": str, "message": str} | kinds
    if unknown := sorted(ascii(name) for name in document if name not in known):
        raise InvalidArgumentError(f"an error has unknown members: {', '.join(unknown)}")
    for name, kind in known.items():
        value = document.get(name)
        if type(value) is not kind and not (value is None and name in ("status_code", "request_id")):
            raise InvalidArgumentError(f"{name}: must be of the type {kind.__name__}")
    name, text = document["type"], document["message"]
    cls = globals()[name] if name in __all__ else None
    if document["applied"] and not document["maybe_applied"]:
        raise InvalidArgumentError("maybe_applied: must be true where applied is")
    if not (isinstance(cls, type) and issubclass(cls, GroupsError)):
        error = GroupsError(f"{name}: {text}")
    elif document["applied"] and cls not in (DecodeError, GroupsError):
        raise InvalidArgumentError(f"applied: is never true for {name}")
    elif issubclass(cls, TransportError | ClientClosedError):
        error = cls(text, maybe_applied=document["maybe_applied"])
    else:
        error = cls(text)
    for name in kinds:
        if hasattr(error, name) or document.get(name):
            setattr(error, name, document.get(name))
    return error


set_module("groups_sdk", globals(), __all__)
