"""The credentials of a client: an API token, a bearer token, OAuth2 client credentials, the login of the Snyk CLI."""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from groups_sdk._public import set_module
from groups_sdk._snyk_cli import CliFile, CliLogin
from groups_sdk._sources import Environment, secret_problem
from groups_sdk._tokens import is_jwt, is_personal, jwt_claims, jwt_expiry
from groups_sdk.errors import ConfigurationError

__all__ = [
    "ApiToken",
    "BearerToken",
    "Credentials",
    "OAuthClientCredentials",
    "SnykCliCredentials",
    "StaticToken",
    "read_token",
]


class Credentials:
    """The base class of the four kinds of credentials. Neither `repr` nor a pickle shows the secret."""

    __slots__ = ()

    @property
    def kind(self) -> str:
        """What they are, in words, such as "API token" or "OAuth client credentials"."""
        raise NotImplementedError

    @property
    def expires_at(self) -> datetime | None:
        """When they expire, in UTC, where the token itself or the Snyk CLI tells; otherwise None."""
        return None

    def secrets(self) -> tuple[str, ...]:
        """The texts that must never be logged or shown."""
        raise NotImplementedError

    def __repr__(self) -> str:
        return f"{type(self).__name__}(***)"

    def __copy__(self) -> Self:
        return self

    def __deepcopy__(self, _: object) -> Self:
        return self  # they do not change

    def __reduce__(self) -> tuple[Any, ...]:
        raise TypeError(
            "credentials are not pickled, since the pickle would show the secret: have each process make its own, "
            "from its environment or in the initializer of the pool"
        )


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

    @property
    def kind(self) -> str:
        """What it is: "personal access token" or "API token"."""
        return "personal access token" if is_personal(self._token) else "API token"


class BearerToken(StaticToken):
    """An OAuth2 access token that you obtained yourself. It is not renewed.

    Raises `ConfigurationError` when the text is empty or contains characters that no token has.

    Example:
        client = AsyncGroupsClient(BearerToken("eyJhbGciOi.example.token"))
    """

    __slots__ = ()
    scheme = "Bearer"

    @property
    def kind(self) -> str:
        """What it is: "OAuth access token"."""
        return "OAuth access token"

    @property
    def expires_at(self) -> datetime | None:
        """When it expires, in UTC, where it is a JWT that says so; otherwise None."""
        return jwt_expiry(self._token)


class OAuthClientCredentials(Credentials):
    """The OAuth2 client of a service account. Access tokens are fetched on first use and renewed before they expire.

    They are renewed a minute before `expires_in` of the token answer is over, or half-way where it is less than two
    minutes; but never within five seconds, be it 0. An answer that does not tell it, or tells nonsense, counts as an
    hour. The age of a token does not depend on the clock of this machine. When the API refuses a token, it is renewed
    at once.

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

    @property
    def kind(self) -> str:
        """What they are: "OAuth client credentials"."""
        return "OAuth client credentials"

    def secrets(self) -> tuple[str, ...]:
        return (self._client_secret,)

    def form(self) -> Mapping[str, str]:
        """The form fields of the request for an access token."""
        return {
            "grant_type": "client_credentials",
            "client_id": self._client_id,
            "client_secret": self._client_secret,
        }


class SnykCliCredentials(Credentials):
    """The login of `snyk auth`: the session of the person who has logged in with the Snyk CLI on this machine.

    It is used only where it is asked for in this way, so that a service does not work as a person by accident. `path`
    is the CLI's file, by default `configstore/snyk.json` in `$XDG_CONFIG_HOME` or `~/.config`. The access token is
    read from it and sent as it is: the login is never renewed, and the file never changed. When the API refuses the
    token, the file is read once more, since the CLI may have renewed the login; another token of the same person is
    then used for one more attempt. The region is that of the login, unless you name another.

    Whether a login has expired is judged by this machine's clock whenever the file is read, since its expiry is a date:
    with a clock that is fast, a login is refused before its time, and with one that is slow, the API refuses it.
    What the clock does between two readings does not matter.

    Raises `ConfigurationError` when there is no login, when it has expired, and when the file cannot be read.

    Example:
        client = AsyncGroupsClient(SnykCliCredentials())
    """

    __slots__ = ("_login", "_path")

    def __init__(self, path: str | os.PathLike[str] | None = None) -> None:
        file = CliFile(Environment(os.environ), None if path is None else Path(path))
        self._path = file.path
        self._login = file.login()
        if expired_at := self._login.expired_at:
            raise ConfigurationError(_expired(file, expired_at))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (self._path,)  # the secret stays in the file

    @property
    def kind(self) -> str:
        """What they are: "Snyk CLI login"."""
        return "Snyk CLI login"

    @property
    def expires_at(self) -> datetime | None:
        """When the login expires, in UTC, where the CLI's file or the token tells; otherwise None."""
        return self._login.expires_at

    def secrets(self) -> tuple[str, ...]:
        return (self._login.access_token,)

    def read_again(self, refused: str) -> CliLogin | str:
        """The login that is in the file now, in place of one that the API has refused; or what the user can do."""
        file = CliFile(Environment({}), self._path)
        try:
            login = file.login()
        except ConfigurationError as error:
            return str(error)
        if expired_at := login.expired_at:
            return _expired(file, expired_at)
        if login.access_token == refused:
            return (
                f"Snyk does not accept the login of `snyk auth` in {file}. Run `snyk auth` to log in again."
            )
        before, now = jwt_claims(self._login.access_token), jwt_claims(login.access_token)
        if any(not now.get(claim) or before.get(claim) != now.get(claim) for claim in ("sub", "aud")):
            return f"The login of `snyk auth` in {file} may be another person's or region's now. Start again to use it."
        return login


def _expired(file: CliFile, expired_at: datetime) -> str:
    return (
        f"The login of `snyk auth` in {file} expired at {expired_at:%Y-%m-%d %H:%M} UTC by this machine's clock. "
        "Run `snyk auth` to log in again."
    )


def read_token(text: str) -> ApiToken | BearerToken:
    """The token of a setting that may hold either: a JWT is an OAuth access token, and is sent as one."""
    return BearerToken(text) if is_jwt(text) else ApiToken(text)


set_module(
    "groups_sdk",
    globals(),
    ["ApiToken", "BearerToken", "Credentials", "OAuthClientCredentials", "SnykCliCredentials"],
)
