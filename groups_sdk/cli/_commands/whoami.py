"""`groups-sdk whoami`: which credentials are used, from where, and what they can see."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import attrs

from groups_sdk.cli import _progress as progress
from groups_sdk.cli._collecting import collect
from groups_sdk.cli._command import command
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import DONE
from groups_sdk.cli._output import Column, Output, chosen, json_text, print_records, print_table, say
from groups_sdk.cli._records import GROUPS
from groups_sdk.errors import GroupsError
from groups_sdk.models import Group

__all__ = ["whoami"]


@attrs.frozen
class Identity:
    """As whom requests are sent, and where to."""

    credentials: str
    credentials_from: str
    expires_at: datetime | None
    base_url: str
    base_url_from: str
    region: str | None
    groups: Sequence[Group] | None


@command(
    "whoami",
    details="""Shows which token is used and where it comes from, the region, when the token expires, and the groups
that it can see. The token itself is never shown.""",
    examples=("groups-sdk whoami",),
)
def whoami(connection: Connection) -> int:
    identity = _identity(connection)
    try:
        with progress.bar("groups") as advance:
            identity = attrs.evolve(identity, groups=collect(connection.client.list_groups(), advance))
    except GroupsError:
        _print(connection, identity)
        raise
    _print(connection, identity)
    return DONE


def _identity(connection: Connection) -> Identity:
    from groups_sdk import Region

    if connection.fake is not None:
        return Identity("API token", "--fake", None, connection.client.base_url, "--fake", None, None)
    settings = connection.settings
    region = next((str(region) for region in Region if region.base_url == settings.base_url), None)
    credentials = settings.credentials
    return Identity(
        credentials.kind,
        settings.credentials_source,
        credentials.expires_at,
        settings.base_url,
        settings.base_url_source,
        region,
        None,
    )


def _print(connection: Connection, identity: Identity) -> None:
    form = chosen(connection.options.output)
    if form is Output.TABLE:
        _print_tables(identity)
    elif form is Output.CSV:
        groups = identity.groups
        listed = None if groups is None else "; ".join(f"{group.name} ({group.id})" for group in groups)
        document = {**_document(identity), "groups": listed}
        print_records([_column(key) for key in document], [document], form)
    else:
        say(json_text(_document(identity), indent=2 if form is Output.JSON else None))


def _document(identity: Identity) -> dict[str, Any]:
    expires = identity.expires_at
    document = attrs.asdict(identity, recurse=False)
    document["expires_at"] = None if expires is None else expires.isoformat()
    if identity.groups is not None:
        document["groups"] = [{"id": group.id, "name": group.name} for group in identity.groups]
    return document


def _column(key: str) -> Column[dict[str, Any]]:
    return Column(key, None, lambda document: document[key])


def _print_tables(identity: Identity) -> None:
    expires = identity.expires_at
    rows = [
        ("Credentials", f"{identity.credentials}, from {identity.credentials_from}"),
        ("API", f"{identity.base_url}, from {identity.base_url_from}"),
        ("Region", identity.region or "none (own URL)"),
        ("Expires", "not known" if expires is None else f"{expires:%Y-%m-%d %H:%M} UTC"),
    ]
    print_table(["FIELD", "VALUE"], rows, ["bold", ""])
    if identity.groups is not None:
        say("")
        print_records(GROUPS, identity.groups, Output.TABLE, noun="group")
