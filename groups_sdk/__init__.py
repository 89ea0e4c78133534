"""The Python SDK for the Snyk Groups API: see who is in your groups, with what role, and change it safely.

    async with AsyncGroupsClient() as client:  # or, without async and await: with GroupsClient() as client
        async for membership in client.list_memberships(group_id):
            print(membership.user.email, membership.role.name)

Names are imported when they are first used, so that `import groups_sdk` costs next to nothing.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from groups_sdk._version import __version__

if TYPE_CHECKING:
    from groups_sdk.access import Outcome, Plan, Progress, Review, Status
    from groups_sdk.auth import ApiToken, BearerToken, Credentials, OAuthClientCredentials
    from groups_sdk.client import AsyncGroupsClient
    from groups_sdk.deprecations import ApiDeprecationWarning
    from groups_sdk.errors import (
        AmbiguousMatchError,
        ApiError,
        BadRequestError,
        ClientClosedError,
        ConfigurationError,
        ConflictError,
        ConnectionFailedError,
        DeadlineExceededError,
        DecodeError,
        ErrorObject,
        ForbiddenError,
        GoneError,
        GroupsError,
        InterruptedChangeError,
        InvalidArgumentError,
        JournalError,
        NotFoundError,
        PaginationError,
        ProtectedMemberError,
        RateLimitedError,
        RequestTimeoutError,
        RoleChoiceError,
        ServerError,
        StalePlanError,
        TransportError,
        UnauthorizedError,
    )
    from groups_sdk.models import (
        Group,
        GroupMembership,
        Org,
        OrgMembership,
        Role,
        SsoConnection,
        SsoUser,
        User,
    )
    from groups_sdk.pagination import AsyncPaginator, AsyncReadAhead, Page, Paginator, ReadAhead
    from groups_sdk.rate_limit import RateLimit
    from groups_sdk.responses import ApiResponse, Headers
    from groups_sdk.retries import RetryEvent, RetryPolicy
    from groups_sdk.settings import Region
    from groups_sdk.sync_client import GroupsClient

_ROOMS = {
    "access": ("Outcome", "Plan", "Progress", "Review", "Status"),
    "auth": ("ApiToken", "BearerToken", "Credentials", "OAuthClientCredentials"),
    "client": ("AsyncGroupsClient",),
    "deprecations": ("ApiDeprecationWarning",),
    "errors": (
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
    ),
    "models": (
        "Group",
        "GroupMembership",
        "Org",
        "OrgMembership",
        "Role",
        "SsoConnection",
        "SsoUser",
        "User",
    ),
    "pagination": ("AsyncPaginator", "AsyncReadAhead", "Page", "Paginator", "ReadAhead"),
    "rate_limit": ("RateLimit",),
    "responses": ("ApiResponse", "Headers"),
    "retries": ("RetryEvent", "RetryPolicy"),
    "settings": ("Region",),
    "sync_client": ("GroupsClient",),
}
_ROOM_OF = {name: room for room, names in _ROOMS.items() for name in names}

__all__ = [
    "AmbiguousMatchError",
    "ApiDeprecationWarning",
    "ApiError",
    "ApiResponse",
    "ApiToken",
    "AsyncGroupsClient",
    "AsyncPaginator",
    "AsyncReadAhead",
    "BadRequestError",
    "BearerToken",
    "ClientClosedError",
    "ConfigurationError",
    "ConflictError",
    "ConnectionFailedError",
    "Credentials",
    "DeadlineExceededError",
    "DecodeError",
    "ErrorObject",
    "ForbiddenError",
    "GoneError",
    "Group",
    "GroupMembership",
    "GroupsClient",
    "GroupsError",
    "Headers",
    "InterruptedChangeError",
    "InvalidArgumentError",
    "JournalError",
    "NotFoundError",
    "OAuthClientCredentials",
    "Org",
    "OrgMembership",
    "Outcome",
    "Page",
    "PaginationError",
    "Paginator",
    "Plan",
    "Progress",
    "ProtectedMemberError",
    "RateLimit",
    "RateLimitedError",
    "ReadAhead",
    "Region",
    "RequestTimeoutError",
    "RetryEvent",
    "RetryPolicy",
    "Review",
    "Role",
    "RoleChoiceError",
    "ServerError",
    "SsoConnection",
    "SsoUser",
    "StalePlanError",
    "Status",
    "TransportError",
    "UnauthorizedError",
    "User",
    "__version__",
]


def __getattr__(name: str) -> Any:
    room = _ROOM_OF.get(name)
    if room is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"{__name__}.{room}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return __all__
