"""JSON documents that this package wrote, read back: every member has to be what is expected."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from functools import lru_cache
from typing import Any, cast

from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Role, User

__all__ = ["Reader", "compact_user", "parsed", "shared_role"]


def parsed(text: str, where: str) -> Any:
    """The value of a JSON text. Raises `InvalidArgumentError` when it is none."""
    try:
        return json.loads(text)
    except (ValueError, RecursionError) as error:
        raise InvalidArgumentError(f"{where}: is not JSON: {error}") from None


@lru_cache(maxsize=1024)
def shared_role(id_: str, name: str | None) -> Role:
    """One object for all that are equal: thousands of members have a handful of roles."""
    return Role(id_, name)


def compact_user(
    id_: str, name: str | None, username: str | None, email: str | None, login_method: str | None
) -> User:
    """A user of whose equal texts one is kept."""
    login_method = login_method and sys.intern(login_method)
    return User(id_, name, email if username == email else username, email, login_method)


_REQUIRED = object()


class Reader:
    """A JSON object whose members have to be what is expected."""

    def __init__(self, document: Any, where: str) -> None:
        if not isinstance(document, dict):
            raise InvalidArgumentError(f"{where}: must be an object")
        self._document = document
        self.where: str = where

    def expect(self, format_: str, version: int) -> None:
        """Check that this is a document of that format and version."""
        if self._document.get("format") != format_:
            raise InvalidArgumentError(f"{self.where}: is not a document in the format {format_}")
        if self._document.get("version") != version:
            raise InvalidArgumentError(
                f"{self.where}: has version {self._document.get('version')!r} of its format; "
                f"this package reads {version}"
            )

    def has(self, name: str) -> bool:
        """Whether the member is there, and not null."""
        return self._document.get(name) is not None

    def value(self, name: str) -> Any:
        """A member of any type; None when it is not there."""
        return self._document.get(name)

    def take(self, name: str, kind: type[Any], default: Any = _REQUIRED) -> Any:
        """A member of exactly that type; the default, where there is one, when it is not there."""
        value = self._document.get(name)
        if value is None and default is not _REQUIRED:
            return default
        if type(value) is not kind:
            raise InvalidArgumentError(f"{self.where}.{name}: must be of the type {kind.__name__}")
        return value

    def inner(self, name: str) -> Reader:
        """A member that is an object itself."""
        return Reader(self._document.get(name), f"{self.where}.{name}")

    def entries(self, name: str) -> list[Reader]:
        """A member that is a list of objects."""
        entries = self.take(name, list)
        return [Reader(entry, f"{self.where}.{name}[{index}]") for index, entry in enumerate(entries)]

    def role(self, name: str) -> Role | None:
        """A role, or None."""
        if not self.has(name):
            return None
        role = self.inner(name)
        return shared_role(role.take("id", str), role.maybe("name"))

    def user(self, name: str) -> User:
        """A user."""
        user = self.inner(name)
        return compact_user(
            user.take("id", str),
            user.maybe("name"),
            user.maybe("username"),
            user.maybe("email"),
            user.maybe("login_method"),
        )

    def maybe(self, name: str) -> str | None:
        """A text, or None."""
        return cast("str | None", self.take(name, str, None))

    def moment(self, name: str) -> datetime:
        """A date and time; UTC when it does not say."""
        text = self.take(name, str)
        try:
            moment = datetime.fromisoformat(text)
        except ValueError:
            raise InvalidArgumentError(f"{self.where}.{name}: must be a date and time") from None
        return moment if moment.tzinfo else moment.replace(tzinfo=UTC)
