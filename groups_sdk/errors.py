"""Everything this package raises.

    GroupsError
    ├── ConfigurationError          no token, an unknown region, a base URL that will not do
    ├── InvalidArgumentError        a bad argument, found before anything was sent (a ValueError too)
    │   └── RoleChoiceError         a role's name that nobody has, or that several roles have; `choices`
    ├── AmbiguousMatchError         several members fit where one is wanted; `matches`
    ├── ProtectedMemberError        the last admin, or you: not touched unless told to
    ├── StalePlanError              a member is no longer as the plan saw them
    ├── JournalError                a journal of another plan, in use by another process, or damaged
    ├── InterruptedChangeError      the work was stopped while a change was under way
    ├── ClientClosedError           the client was closed before, or while, the call ran
    ├── PaginationError             the pages lead round in a circle, or nowhere
    ├── DecodeError                 an answer that cannot be understood
    ├── TransportError              no answer; `sent` tells whether the request may have been applied
    │   ├── ConnectionFailedError   refused, reset, closed half-way, TLS or proxy trouble
    │   ├── RequestTimeoutError     one attempt took longer than `timeout`
    │   └── DeadlineExceededError   the whole call, with its retries, would take longer than `deadline`
    └── ApiError                    the API answered with an error
        ├── BadRequestError         400
        ├── UnauthorizedError       401
        ├── ForbiddenError          403
        ├── NotFoundError           404
        ├── ConflictError           409
        ├── GoneError               410
        ├── RateLimitedError        429
        └── ServerError             5xx

All of them pickle, and none shows a token.
"""

from typing import Any

import attrs

from groups_sdk._public import set_module
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
    "ForbiddenError",
    "GoneError",
    "GroupsError",
    "InterruptedChangeError",
    "InvalidArgumentError",
    "JournalError",
    "NotFoundError",
    "PaginationError",
    "ProtectedMemberError",
    "RateLimitedError",
    "RequestTimeoutError",
    "RoleChoiceError",
    "ServerError",
    "StalePlanError",
    "TransportError",
    "UnauthorizedError",
]


class GroupsError(Exception):
    """The base of every error of this package."""

    def __reduce__(self) -> tuple[Any, ...]:
        # Exception's own way calls cls(*args), which the keyword-only members below do not survive.
        return _rebuild, (type(self), self.args), self.__dict__


def _rebuild(cls: type[GroupsError], args: tuple[Any, ...]) -> GroupsError:
    error = cls.__new__(cls)
    error.args = args
    return error


class ConfigurationError(GroupsError):
    """The client cannot be set up: no token found, an unknown region, an unusable base URL or API version."""


class InvalidArgumentError(GroupsError, ValueError):
    """An argument that the API would refuse. Nothing was sent."""


class RoleChoiceError(InvalidArgumentError):
    """The name of a role that nobody in the group has, or that several roles have. Nothing was changed.

    `choices` are the roles to choose from: those of that name, by their ids, or all that are in use.
    """

    def __init__(self, message: str, *, choices: tuple[Role, ...] = ()) -> None:
        super().__init__(message)
        self.choices = choices


class AmbiguousMatchError(GroupsError):
    """Several members fit where one is wanted. `matches` are their memberships."""

    def __init__(self, message: str, *, matches: tuple[GroupMembership, ...] = ()) -> None:
        super().__init__(message)
        self.matches = matches


class ProtectedMemberError(GroupsError):
    """The change would leave a group without an admin, or take rights from its own author. It was not sent."""


class StalePlanError(GroupsError):
    """A member, or the group, is no longer as the plan saw it. The change was not sent."""


class JournalError(GroupsError):
    """The journal is that of another plan, is in use by another process, or is damaged."""


class InterruptedChangeError(GroupsError):
    """The work was stopped (Ctrl-C, a timeout) while this change was under way: it may have been applied."""


class ClientClosedError(GroupsError):
    """The client was closed before, or while, the call ran. `sent` is True when it may have been applied."""

    def __init__(self, message: str, *, sent: bool = False) -> None:
        super().__init__(message)
        self.sent = sent


class PaginationError(GroupsError):
    """The pages cannot be followed to their end. `cursor` is the last one, where there was one."""

    def __init__(self, message: str, *, cursor: str | None = None) -> None:
        super().__init__(message)
        self.cursor = cursor


class DecodeError(GroupsError):
    """An answer that cannot be understood.

    `path` says where in the document (`data[3].attributes.created_at`; empty for the document as a whole),
    `operation` is the API's operation id and `request_id` what Snyk's support asks for. For a write the status was
    already a success: the change has been applied. Where it was the answer to the request for an access token
    (`operation` is oauth2Token), the call itself waits for that token: `sent` is False when it certainly never left,
    and True when an earlier attempt of it may have been applied.
    """

    def __init__(
        self,
        problem: str,
        *,
        path: str = "",
        operation: str | None = None,
        request_id: str | None = None,
        sent: bool = True,
    ) -> None:
        self.problem = problem
        self.path = path
        self.operation = operation
        self.request_id = request_id
        self.sent = sent
        where = f" at {path}" if path else ""
        super().__init__(
            f"{operation or 'the API'}: cannot understand the answer{where}: {problem}{_ref(request_id)}"
        )


class TransportError(GroupsError):
    """No answer came. `sent` is False when the request certainly never left; when True, it may have been applied.

    `attempts` counts the requests that were tried; `operation` is the API's operation id.
    """

    def __init__(self, problem: str, *, sent: bool, attempts: int = 1, operation: str | None = None) -> None:
        self.problem = problem
        self.sent = sent
        self.attempts = attempts
        self.operation = operation
        super().__init__(problem)

    def __str__(self) -> str:
        tries = "" if self.attempts == 1 else f" after {self.attempts} attempts"
        fate = "it may have been applied" if self.sent else "it was not sent"
        return f"{self.operation or 'request'}: {self.problem}{tries}; {fate}"


class ConnectionFailedError(TransportError):
    """The connection failed: refused, reset, closed half-way, or stopped by TLS or a proxy."""


class RequestTimeoutError(TransportError):
    """One attempt took longer than `timeout` allows."""


class DeadlineExceededError(TransportError):
    """The call, retries and waits included, does not fit into `deadline`. `__cause__` is the last failure."""


@attrs.frozen
class ErrorObject:
    """One entry of an error document. Members that the API left out are None."""

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
    """The API answered with an error.

    `code`, `title` and `detail` are those of the first entry of `errors`; `request_id` is what Snyk's support asks
    for; `path` is the path of the request without its query; `body` the answer's text, cut after 64 KiB;
    `attempts` counts the requests that were tried. `maybe_applied` is True when a change may have been made all the
    same: a 5xx to a write, or an earlier attempt that was sent and never answered.
    """

    def __init__(
        self,
        *,
        status_code: int,
        errors: tuple[ErrorObject, ...] = (),
        request_id: str | None = None,
        method: str = "",
        path: str = "",
        body: str = "",
        attempts: int = 1,
        maybe_applied: bool = False,
    ) -> None:
        first = errors[0] if errors else ErrorObject()
        self.status_code = status_code
        self.code: str | None = first.code
        self.title: str | None = first.title
        self.detail: str | None = first.detail
        self.errors = errors
        self.request_id = request_id
        self.method = method
        self.path = path
        self.body = body
        self.attempts = attempts
        self.maybe_applied = maybe_applied
        super().__init__(status_code)

    def __str__(self) -> str:
        code = f" {self.code}" if self.code else ""
        entries = [_sentence(entry) for entry in self.errors[:3]]
        what = "; ".join(entry for entry in entries if entry) or "no explanation in the answer"
        more = f" (and {len(self.errors) - 3} more)" if len(self.errors) > 3 else ""
        call = f"{self.method} {self.path}: " if self.method else ""
        return f"{call}{self.status_code}{code}: {what}{more}{_ref(self.request_id)}"


class BadRequestError(ApiError):
    """400: the API refuses the request as it stands."""


class UnauthorizedError(ApiError):
    """401: the token is missing, wrong or expired."""


class ForbiddenError(ApiError):
    """403: the token is good, but its owner may not do this."""


class NotFoundError(ApiError):
    """404: there is no such thing, or the token's owner may not see it."""


class ConflictError(ApiError):
    """409: the change contradicts the state of things, such as a second membership of one user."""


class GoneError(ApiError):
    """410: this API version has been retired."""


class RateLimitedError(ApiError):
    """429: too many requests. `retry_after` is the wait in seconds that the API asked for, where it did."""

    retry_after: float | None = None


class ServerError(ApiError):
    """5xx: the service, or a gateway before it, failed. A write may have been applied."""


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
    """The class for an error status: `ApiError` itself where there is no narrower one."""
    return ServerError if status_code >= 500 else _BY_STATUS.get(status_code, ApiError)


def _sentence(entry: ErrorObject) -> str:
    text = entry.detail or entry.title or ""
    where = entry.parameter or entry.pointer
    return f"{text} ({where})" if where and text else text or where or ""


def _ref(request_id: str | None) -> str:
    return f" [request id {request_id}]" if request_id else ""


set_module("groups_sdk", globals(), __all__)
