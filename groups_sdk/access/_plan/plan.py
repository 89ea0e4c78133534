"""A plan: what would have to change in a group, as it was seen, for it to be as desired."""

import hashlib
import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any, Self

import attrs

from groups_sdk import _arguments as arguments
from groups_sdk._terminal import printable
from groups_sdk.access._documents import Reader, parsed
from groups_sdk.access._outcomes import Action, Change
from groups_sdk.errors import InvalidArgumentError
from groups_sdk.models import Group

__all__ = ["NotInSnyk", "Plan"]

FORMAT = "groups_sdk.plan"
VERSION = 1
_MARKS = {Action.ADD: "+", Action.SET_ROLE: "~", Action.REMOVE: "-"}


@attrs.frozen(kw_only=True)
class NotInSnyk:
    """Somebody who is desired but cannot be added by this API, and why."""

    who: str
    role: str
    reason: str


@attrs.frozen(kw_only=True)
class Plan:
    """What would have to change in a group for it to be as desired.

    `creates`, `role_changes` and `removals` are the changes; each has what it saw (`user`, `membership_id`,
    `before`) and what is wanted (`role`). `stays` are desired members who are right already, as changes that do
    nothing. `not_in_snyk` cannot be added by this API. `not_mentioned` counts the members that `desired` says nothing
    about and who are left alone, since the plan does not prune.

    `str(plan)` is a readable diff; `to_json()` and `from_json()` keep a plan for later, or for somebody to approve.

    Example:
        plan = await client.access.plan(group_id, {"ada@example.com": "Group Admin"})
        print(plan)
    """

    group: Group
    made_at: datetime
    prune: bool = False
    creates: tuple[Change, ...] = ()
    role_changes: tuple[Change, ...] = ()
    removals: tuple[Change, ...] = ()
    stays: tuple[Change, ...] = ()
    not_in_snyk: tuple[NotInSnyk, ...] = ()
    not_mentioned: int = 0
    notes: tuple[str, ...] = ()

    @property
    def changes(self) -> tuple[Change, ...]:
        """Everything that is to be changed."""
        return self.creates + self.role_changes + self.removals

    @property
    def fingerprint(self) -> str:
        """What tells this plan from any other: a digest of all that is in it."""
        return hashlib.sha256(self.to_json().encode("utf-8", "surrogatepass")).hexdigest()

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        made = f"{self.made_at:%Y-%m-%d %H:%M} UTC"
        yield f"Plan for {printable(self.group.name or '-')} ({self.group.id}), made {made}"
        for change in self.changes:
            yield f"  {_MARKS[change.action]} {printable(str(change))}"
        for missing in self.not_in_snyk:
            yield printable(f"  ! {missing.who} cannot be added as {missing.role}: {missing.reason}")
        for note in self.notes:
            yield f"  ! {printable(note)}"
        rest = f", {self.not_mentioned} not mentioned and left alone" if self.not_mentioned else ""
        yield (
            f"{len(self.creates)} to add, {len(self.role_changes)} to change, {len(self.removals)} to remove, "
            f"{len(self.stays)} to stay{rest}, {len(self.not_in_snyk)} not in Snyk"
        )

    def to_json(self) -> str:
        """The plan as a JSON document, to be read by `from_json`. No credentials are in it."""
        document = {
            "format": FORMAT,
            "version": VERSION,
            "group": {"id": self.group.id, "name": self.group.name},
            "made_at": self.made_at.isoformat(),
            "prune": self.prune,
            **{
                name: [_change_document(change) for change in getattr(self, name)]
                for name in ("creates", "role_changes", "removals", "stays")
            },
            "not_in_snyk": [attrs.asdict(missing) for missing in self.not_in_snyk],
            "not_mentioned": self.not_mentioned,
            "notes": list(self.notes),
        }
        return json.dumps(document, indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote.

        Raises `InvalidArgumentError` when it is no such document, or one of a later version.

        Example:
            plan = Plan.from_json(plan.to_json())
        """
        reader = Reader(parsed(text, "the plan"), "the plan")
        reader.expect(FORMAT, VERSION)
        return cls(**_fields(reader))


def _fields(reader: Reader) -> dict[str, Any]:
    group = reader.inner("group")
    group_id = arguments.uuid("group.id", group.take("id", str))
    changes = {
        name: tuple(_change(entry, action, group_id) for entry in reader.entries(name))
        for name, action in (
            ("creates", Action.ADD),
            ("role_changes", Action.SET_ROLE),
            ("removals", Action.REMOVE),
            ("stays", Action.SET_ROLE),
        )
    }
    keys = [change.key for name in ("creates", "role_changes", "removals") for change in changes[name]]
    ids = [key.partition(":")[2] for key in keys]
    if len(set(ids)) != len(ids):
        raise InvalidArgumentError("the plan has two changes for one member")
    return {
        "group": Group(id=group_id, name=group.maybe("name")),
        "made_at": reader.moment("made_at"),
        "prune": reader.take("prune", bool),
        **changes,
        "not_in_snyk": tuple(
            NotInSnyk(
                who=entry.take("who", str), role=entry.take("role", str), reason=entry.take("reason", str)
            )
            for entry in reader.entries("not_in_snyk")
        ),
        "not_mentioned": reader.take("not_mentioned", int),
        "notes": tuple(map(str, reader.take("notes", list))),
    }


def _change(entry: Reader, action: Action, group_id: str) -> Change:
    membership_id = entry.maybe("membership_id")
    user = entry.user("user")
    before, role = entry.role("before"), entry.role("role")
    if role is not None:
        arguments.uuid(f"{entry.where}.role.id", role.id)
    if (membership_id is None) != (action is Action.ADD) or (role is None) != (action is Action.REMOVE):
        raise InvalidArgumentError(f"{entry.where}: is not complete")
    if membership_id is not None:
        arguments.uuid(f"{entry.where}.membership_id", membership_id)
        if before is None:
            raise InvalidArgumentError(f"{entry.where}: is not complete")
    if action is Action.ADD:
        arguments.uuid(f"{entry.where}.user.id", user.id)
    return Change(
        action=action, group_id=group_id, membership_id=membership_id, user=user, before=before, role=role
    )


def _change_document(change: Change) -> dict[str, Any]:
    return {
        "membership_id": change.membership_id,
        "user": attrs.asdict(change.user) if change.user else None,
        "before": attrs.asdict(change.before) if change.before else None,
        "role": attrs.asdict(change.role) if change.role else None,
    }
