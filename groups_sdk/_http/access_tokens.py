"""The Authorization header of each request. Access tokens are fetched when they are needed, one at a time.

The login of the Snyk CLI is its access token from the beginning, and can only be read again.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Awaitable, Callable

import anyio
import anyio.to_thread
import attrs

from groups_sdk._credentials import Credentials, OAuthClientCredentials, SnykCliCredentials, StaticToken
from groups_sdk._operations import TOKEN_REQUEST
from groups_sdk._responses import ApiResponse
from groups_sdk._snyk_cli import CliLogin
from groups_sdk.errors import ApiError, DeadlineExceededError, DecodeError, GroupsError

__all__ = ["AccessTokens", "TokenGrant", "read_grant"]

_RENEW_BEFORE = 60.0  # seconds before expiry; half the lifetime where that is shorter
_USED_AT_LEAST = 5.0  # seconds: a token that lives shorter is not asked for anew with each call
_UNKNOWN = 3600.0  # seconds: the lifetime of Snyk's access tokens, where the answer does not tell


@attrs.frozen
class TokenGrant:
    """An access token, and the seconds that it is valid for."""

    access_token: str = attrs.field(repr=False)
    expires_in: float


def read_grant(response: ApiResponse) -> TokenGrant | DecodeError:
    """The token endpoint's answer."""

    def refuse(problem: str) -> DecodeError:
        return DecodeError(
            problem, operation=TOKEN_REQUEST.name, request_id=response.request_id, applied=False
        )

    try:
        document = response.json()
    except ValueError:
        return refuse("it is not JSON")
    if not isinstance(document, dict):
        return refuse("it is not an object")
    token = document.get("access_token")
    if (
        not isinstance(token, str)
        or not token.isascii()
        or not token.isprintable()
        or " " in token
        or not token
    ):
        return refuse("access_token is missing, or not a token")
    return TokenGrant(token, _lifetime(document.get("expires_in")))


def _lifetime(value: object) -> float:
    """Seconds: a number of them, or the text of one. What is neither counts as an hour, and less than 0 as 0.

    Nothing depends on it being right: a token that the API refuses is renewed whatever its age.
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return _UNKNOWN
    try:
        seconds = float(value)
    except (ValueError, OverflowError):
        return _UNKNOWN
    return _UNKNOWN if math.isnan(seconds) else max(seconds, 0.0)


FetchGrant = Callable[[OAuthClientCredentials], Awaitable[TokenGrant | GroupsError]]


class _Renewal:
    """A token request under way, for those who wait for it."""

    def __init__(self, options: object) -> None:
        self.options = options
        self.done: anyio.Event = anyio.Event()
        self.failure: GroupsError | None = None


class AccessTokens:
    """The credentials of a client, and the access token that was fetched with them."""

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._renewal: _Renewal | None = None
        self._grant: TokenGrant | None = None
        if isinstance(credentials, SnykCliCredentials):
            self._grant = TokenGrant(credentials.secrets()[0], math.inf)
        self._renew_at = 0.0
        self._issued = deque[str](maxlen=2)  # an answer to the one before may still be on its way

    def moved(self, shift: float) -> AccessTokens:
        """Those for another event loop, whose clock is `shift` seconds ahead: with the access token that is in use.

        A token request that was under way has ended with its loop.
        """
        other = AccessTokens(self._credentials)
        other._grant, other._renew_at = self._grant, self._renew_at + shift
        other._issued.extend(self._issued)
        return other

    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return (*self._credentials.secrets(), *self._issued)

    @property
    def renewable(self) -> bool:
        """Whether a new access token can be had."""
        return isinstance(self._credentials, OAuthClientCredentials | SnykCliCredentials)

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        if isinstance(self._credentials, StaticToken):
            return self._credentials.authorization
        return f"Bearer {self._grant.access_token if self._grant else ''}"

    @property
    def current(self) -> object:
        """Stands for the access token in use, so that a 401 can be told from one to an older token."""
        return self._grant

    async def ensure(self, fetch: FetchGrant, options: object) -> GroupsError | None:
        """Make sure that `authorization` is valid, or return why it cannot be.

        `options` are those that `fetch` works with. A call that finds a token request under way waits for that one.
        It shares its failure when the API or the same options are the reason; otherwise it makes a request of its own.
        """
        if not isinstance(self._credentials, OAuthClientCredentials) or self._is_valid():
            return None
        while (renewal := self._renewal) is not None:
            await renewal.done.wait()
            failure = renewal.failure
            if isinstance(failure, ApiError | DecodeError) or (failure and renewal.options is options):
                return failure
            if self._is_valid():
                return None
        self._renewal = renewal = _Renewal(options)
        try:
            outcome = await fetch(self._credentials)
            if isinstance(outcome, GroupsError):
                if not isinstance(outcome, DeadlineExceededError):  # others may have more time
                    renewal.failure = outcome
                return outcome
            self._grant = outcome
            self._issued.append(outcome.access_token)
            lifetime = outcome.expires_in
            age = max(lifetime - _RENEW_BEFORE, lifetime / 2, _USED_AT_LEAST)
            self._renew_at = anyio.current_time() + age  # a clock that nobody sets
            return None
        finally:
            self._renewal = None
            renewal.done.set()

    async def reject(self, token: object) -> str | None:
        """The API answered 401 to that token: have another one used, unless that was done meanwhile.

        A token that can be renewed stays in use until then: a request that is past `ensure` must not go out without
        any. Returns what the user can do, where no other token is to be had.
        """
        credentials, grant = self._credentials, self._grant
        if grant is None or token is not grant:
            return None
        if not isinstance(credentials, SnykCliCredentials):
            self._renew_at = -math.inf
            return None

        def read() -> CliLogin | str:  # a partial would show the token in a traceback with locals
            return credentials.read_again(grant.access_token)

        found = await anyio.to_thread.run_sync(read, abandon_on_cancel=True)
        if grant is not self._grant:  # another call has read it meanwhile
            return None
        if isinstance(found, str):
            return found
        self._grant = TokenGrant(found.access_token, math.inf)
        self._issued.append(found.access_token)
        return None

    def _is_valid(self) -> bool:
        return self._grant is not None and anyio.current_time() < self._renew_at
