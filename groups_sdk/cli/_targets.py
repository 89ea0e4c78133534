"""Whom and what a command means: groups and people as users write them."""

from __future__ import annotations

from collections.abc import Sequence

from groups_sdk._arguments import UUID
from groups_sdk.cli import _progress as progress
from groups_sdk.cli._connection import Connection
from groups_sdk.cli._exit_codes import NOT_FOUND, CommandError
from groups_sdk.models import Group, GroupMembership

__all__ = ["group_named", "member_named", "name_of"]

_LISTED = 10  # groups in a message


def group_named(connection: Connection, given: str | None) -> Group:
    """The group of that id or name; without either the default one, or the only one that there is to see.

    Of a group that is given by its id only that id is known: nothing is sent.
    Raises `CommandError`: there is none of that name, there is more than one, or one has to be chosen.
    """
    from groups_sdk.access._addresses import normalised

    source = ""
    if given is None and (default := connection.default_group):
        given, source = default
    if given is not None and not given.strip():
        raise CommandError("the group is empty: give its id or name")
    if given is not None and UUID.fullmatch(given):
        return Group(given)
    if given is None and connection.fake is not None:
        fake = connection.fake
        return next(Group(group.id, group.name) for group in fake.groups() if group.id == fake.group_id)
    with progress.bar("groups"):
        groups = connection.client.list_groups().collect()
    if not groups:
        raise CommandError("the token can see no groups", NOT_FOUND)
    if given is None:
        if len(groups) > 1:
            raise CommandError(f"choose a group with --group: {_listed(groups)}")
        return groups[0]
    found = [group for group in groups if group.name == given] or [
        group for group in groups if normalised(group.name or "") == normalised(given)
    ]
    if not found:
        raise CommandError(f"there is no group {given!r}{source}. {_suggestion(given, groups)}", NOT_FOUND)
    if len(found) > 1:
        raise CommandError(
            f"several groups are named {given!r}, give the id of the one you mean: {_listed(found)}"
        )
    return found[0]


def name_of(connection: Connection, group: Group) -> str:
    """What a group is called, for the question before it is changed; its id where that cannot be told."""
    if group.name:
        return group.name
    with progress.bar("groups"):
        for found in connection.client.list_groups():
            if found.id.lower() == group.id.lower() and found.name:
                return f"{found.name} ({group.id})"
    return group.id


def member_named(connection: Connection, group: Group, person: str) -> GroupMembership:
    """The member whom a user id, membership id, email address or username means, else a display name.

    It is for reading only: everybody chooses their display name themselves. Raises `CommandError` when there is none,
    and `AmbiguousMatchError` when it is not certain who is meant.
    """
    with progress.bar("members"):
        found = connection.client.access.find_membership(group.id, person, display_names=True)
    if found is None:
        raise CommandError(f"{person!r} is not a member of {group.name or group.id}", NOT_FOUND)
    return found


def _suggestion(given: str, groups: Sequence[Group]) -> str:
    from difflib import get_close_matches

    names = {(group.name or "").lower(): group.name or "" for group in groups}
    close = [names[name] for name in get_close_matches(given.lower(), names, n=3)]
    if close:
        return f"Did you mean {' or '.join(map(repr, close))}?"
    if len(groups) <= _LISTED:
        return f"The groups are: {_listed(groups)}"
    return "`groups-sdk groups` lists them."


def _listed(groups: Sequence[Group]) -> str:
    shown = ", ".join(f"{group.name or '-'} ({group.id})" for group in groups[:_LISTED])
    more = len(groups) - _LISTED
    return f"{shown} and {more:,} more; `groups-sdk groups` lists them" if more > 0 else shown
