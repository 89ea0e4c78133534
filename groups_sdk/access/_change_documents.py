"""Changes as JSON objects and back, as they stand in plan files and in journals."""

from __future__ import annotations

from typing import Any

import attrs

from groups_sdk.access._documents import Reader
from groups_sdk.access._outcomes import Action, Change
from groups_sdk.errors import InvalidArgumentError

__all__ = ["change_document", "read_change"]


def change_document(change: Change) -> dict[str, Any]:
    """The whole change: what is done, in which group, to whom, and the roles before and after."""
    return {
        "action": change.action.value,
        "group_id": change.group_id,
        "membership_id": change.membership_id,
        "user": attrs.asdict(change.user) if change.user else None,
        "before": attrs.asdict(change.before) if change.before else None,
        "role": attrs.asdict(change.role) if change.role else None,
    }


def read_change(entry: Reader, *, action: Action | None = None, group_id: str | None = None) -> Change:
    """The change that `change_document` wrote.

    `action` and `group_id` are what the place of the entry says: the entry may leave them out, but not contradict.
    Only the types of the members are checked: what a change needs in order to be sent is for the caller to say.

    Raises `InvalidArgumentError` when the entry is something else.
    """
    return Change(
        action=_action(entry, action),
        group_id=_group_id(entry, group_id),
        membership_id=entry.maybe("membership_id"),
        user=entry.user("user") if entry.has("user") else None,
        before=entry.role("before"),
        role=entry.role("role"),
    )


def _action(entry: Reader, expected: Action | None) -> Action:
    if expected is not None and not entry.has("action"):
        return expected
    name = entry.take("action", str)
    if name not in set(Action) or expected not in (None, name):
        choices = [expected] if expected else list(Action)
        raise InvalidArgumentError(f"{entry.where}.action: must be {' or '.join(choices)}; it is {name!r}")
    return Action(name)


def _group_id(entry: Reader, expected: str | None) -> str:
    if expected is not None and not entry.has("group_id"):
        return expected
    group_id: str = entry.take("group_id", str)
    if expected is not None and group_id.lower() != expected.lower():
        raise InvalidArgumentError(f"{entry.where}.group_id: must be {expected}; it is {group_id!r}")
    return group_id
