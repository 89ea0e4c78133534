"""Who is calling: an API token, a bearer token, or OAuth2 client credentials. No I/O happens here."""

from __future__ import annotations

import math
import re
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from copy import copy

import anyio
import attrs

from groups_sdk.errors import ConfigurationError, DeadlineExceededError, GroupsError

__all__ = ["ApiToken", "Authenticator", "BearerToken", "Credentials", "OAuthClientCredentials", "TokenGrant"]

_VISIBLE = re.compile(r"[\x21-\x7e]+")
_RENEW_BEFORE = 60.0  # seconds before expiry; half the lifetime where that is shorter


def secret_problem(what: str, value: object) -> str | None:
    """What is wrong with a secret that is to go into a header; it says nothing of its text."""
    if not isinstance(value, str):
        return f"{what} must be a string, not {type(value).__name__}"
    if not value.strip():
        return f"{what} is empty"
    if not _VISIBLE.fullmatch(value):
        return f"{what} has a line break, a space or another character in it that no token has"
    return None


class Credentials:
    """The base of the three kinds of credentials. None of them shows its secret."""

    __slots__ = ()

    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class _StaticToken(Credentials):
    __slots__ = ("_token",)
    scheme: str

    def __init__(self, token: str) -> None:
        problem = secret_problem("the token", token)
        if problem:
            del token  # so that a traceback with locals does not show it
            raise ConfigurationError(problem)
        self._token = token

    def secrets(self) -> tuple[str, ...]:
        return (self._token,)

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        return f"{self.scheme} {self._token}"


class ApiToken(_StaticToken):
    """An API token or a personal access token, as Snyk's settings pages hand them out.

    Raises `ConfigurationError` for a text that cannot be a token.

    Example:
        client = AsyncGroupsClient(ApiToken("11111111-2222-3333-4444-555555555555"))
    """

    __slots__ = ()
    scheme = "token"


class BearerToken(_StaticToken):
    """An OAuth2 access token that somebody else renews.

    Raises `ConfigurationError` for a text that cannot be a token.

    Example:
        client = AsyncGroupsClient(BearerToken("eyJhbGciOi.example.token"))
    """

    __slots__ = ()
    scheme = "Bearer"


class OAuthClientCredentials(Credentials):
    """A service account's OAuth2 client: access tokens are fetched on first use and renewed before they expire.

    `token_url` is where they are fetched; by default `/oauth2/token` on the host of the base URL. The client secret
    is sent there and nowhere else. Raises `ConfigurationError` for ids and secrets that cannot be such.

    Example:
        client = AsyncGroupsClient(OAuthClientCredentials("my-client-id", "my-client-secret"), region="SNYK-EU-01")
    """

    __slots__ = ("_client_id", "_client_secret", "token_url")

    def __init__(self, client_id: str, client_secret: str, *, token_url: str | None = None) -> None:
        problem = secret_problem("the client id", client_id) or secret_problem(
            "the client secret", client_secret
        )
        if problem:
            del client_id, client_secret
            raise ConfigurationError(problem)
        self._client_id = client_id
        self._client_secret = client_secret
        self.token_url: str | None = token_url

    def secrets(self) -> tuple[str, ...]:
        return (self._client_secret,)

    def form(self) -> Mapping[str, str]:
        """The fields of the token request."""
        return {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }


@attrs.frozen
class TokenGrant:
    """An access token and for how many seconds it is good."""

    access_token: str = attrs.field(repr=False)
    expires_in: float


class _Renewal:
    """The fetch of an access token that is under way, for those who wait for it."""

    def __init__(self) -> None:
        self.done: anyio.Event = anyio.Event()
        self.failure: GroupsError | None = None


class Authenticator:
    """Gives each request its Authorization header; one renewal at a time."""

    def __init__(
        self,
        credentials: Credentials,
        fetch: Callable[[OAuthClientCredentials, float], Awaitable[TokenGrant | GroupsError]],
    ) -> None:
        self._credentials = credentials
        self._fetch = fetch
        self._renewal: _Renewal | None = None
        self._grant: TokenGrant | None = None
        self._renew_at = 0.0
        self._issued = deque[str](maxlen=2)  # an answer to the one before may still be on its way

    def secrets(self) -> tuple[str, ...]:
        """What must never be shown."""
        return (*self._credentials.secrets(), *self._issued)

    async def prepare(self, deadline: float) -> GroupsError | None:
        """Make sure that `authorization` is good; the failure when it cannot be made so before the deadline."""
        if not isinstance(self._credentials, OAuthClientCredentials) or self._fresh():
            return None
        while (renewal := self._renewal) is not None:  # somebody else's: its outcome counts for us too
            await renewal.done.wait()
            if renewal.failure is not None:
                return copy(renewal.failure)
            if self._fresh():
                return None
        self._renewal = renewal = _Renewal()
        try:
            outcome = await self._fetch(self._credentials, deadline)
            if isinstance(outcome, GroupsError):
                if not isinstance(outcome, DeadlineExceededError):  # others may have more time
                    renewal.failure = copy(outcome)  # each call makes its own of it
                return outcome
            self._grant = outcome
            self._issued.append(outcome.access_token)
            self._renew_at = anyio.current_time() + max(
                outcome.expires_in - _RENEW_BEFORE, outcome.expires_in / 2
            )
            return None
        finally:
            self._renewal = None
            renewal.done.set()

    @property
    def authorization(self) -> str:
        """The value of the Authorization header."""
        if isinstance(self._credentials, _StaticToken):
            return self._credentials.authorization
        return f"Bearer {self._grant.access_token if self._grant else ''}"

    @property
    def generation(self) -> object:
        """Stands for the access token in use, so that a 401 can be told from one to an older token."""
        return self._grant

    def reject(self, generation: object) -> bool:
        """The API answered 401 to that token. True when another one can be had."""
        if generation is None:
            return False
        if generation is self._grant:
            # It stays until it is replaced: a request that is past `prepare` must not go out without any.
            self._renew_at = -math.inf
        return True

    def _fresh(self) -> bool:
        return self._grant is not None and anyio.current_time() < self._renew_at
