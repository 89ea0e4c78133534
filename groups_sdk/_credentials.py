"""The credentials of a client: an API token, a bearer token, or OAuth2 client credentials. No I/O happens here."""

from __future__ import annotations

import re
from collections.abc import Mapping

from groups_sdk._public import set_module
from groups_sdk.errors import ConfigurationError

__all__ = ["ApiToken", "BearerToken", "Credentials", "OAuthClientCredentials", "StaticToken"]

_VISIBLE = re.compile(r"[\x21-\x7e]+")


def secret_problem(what: str, value: object) -> str | None:
    """What is wrong with a secret that is to be sent in a header, without showing it; None when it is valid."""
    if not isinstance(value, str):
        return f"{what} must be a string, not {type(value).__name__}"
    if not value.strip():
        return f"{what} is empty"
    if not _VISIBLE.fullmatch(value):
        return f"{what} contains a space, a line break or another character that is not allowed in a token"
    return None


class Credentials:
    """The base class of the three kinds of credentials. Their `repr` does not show the secret."""

    __slots__ = ()

    def secrets(self) -> tuple[str, ...]:
        """The texts that must never be logged or shown."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"


class StaticToken(Credentials):
    """A token that is sent as it is."""

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


class ApiToken(StaticToken):
    """An API token or a personal access token, as shown in Snyk's account settings.

    Raises `ConfigurationError` when the text is empty or contains characters that no token has.

    Example:
        client = AsyncGroupsClient(ApiToken("11111111-2222-3333-4444-555555555555"))
    """

    __slots__ = ()
    scheme = "token"


class BearerToken(StaticToken):
    """An OAuth2 access token that you obtained yourself. It is not renewed.

    Raises `ConfigurationError` when the text is empty or contains characters that no token has.

    Example:
        client = AsyncGroupsClient(BearerToken("eyJhbGciOi.example.token"))
    """

    __slots__ = ()
    scheme = "Bearer"


class OAuthClientCredentials(Credentials):
    """The OAuth2 client of a service account. Access tokens are fetched on first use and renewed before they expire.

    `token_url` is the URL that they are fetched from, by default `/oauth2/token` on the host of the base URL. The
    client secret is sent there and nowhere else. Raises `ConfigurationError` when the id or the secret is empty or
    contains characters that are not allowed.

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
        """The form fields of the request for an access token."""
        return {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }


set_module("groups_sdk", globals(), ["ApiToken", "BearerToken", "Credentials", "OAuthClientCredentials"])
