"""A plan: what would have to change in one or more groups, as they were seen, for them to be as desired."""

import hashlib
import json
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Literal, Self

import attrs

from groups_sdk import _arguments as arguments
from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk._terminal import printable
from groups_sdk._version import __version__
from groups_sdk.access._change_documents import change_document, read_change
from groups_sdk.access._documents import Reader, parsed
from groups_sdk.access._outcomes import Action, Change
from groups_sdk.access._plan.conditions import Condition, read_conditions
from groups_sdk.access._plan.endings import Ending
from groups_sdk.access._plan.markdown import plan_markdown
from groups_sdk.access._plan.until import shown_moment
from groups_sdk.errors import InvalidArgumentError, PlanError
from groups_sdk.models import Group

__all__ = ["NotInSnyk", "Plan"]

FORMAT = "groups_sdk.plan"
VERSION = 3
_MARKS = {Action.ADD: "+", Action.SET_ROLE: "~", Action.REMOVE: "-"}
_NOT_ALWAYS = ("cascade", "max_removals", "ended", "ending", "ending_by", "good_until")
_KINDS = {
    "creates": Action.ADD,
    "role_changes": Action.SET_ROLE,
    "removals": Action.REMOVE,
    "unchanged": Action.SET_ROLE,
}


@attrs.frozen(kw_only=True)
class NotInSnyk(Serializable):
    """Somebody who is desired but cannot be added by this API, and why. `who` is what the desired state says."""

    who: str
    role: str
    reason: str
    group_id: str


@attrs.frozen(kw_only=True)
class Plan(Serializable):
    """What would have to change in one or more groups for them to be as desired.

    `creates`, `role_changes` and `removals` are the changes; each has what was seen (`user`, `membership_id`,
    `before`) and what is wanted (`role`). `unchanged` are members who are as desired already. `not_in_snyk` are people
    whom this API cannot add; `allow_unresolved` are those of them that you allowed a plan with `prune` to ignore.
    `not_mentioned` counts the members that the desired state does not mention, and that are left alone without
    `prune`. `cascade` says whether removals take the memberships of organizations below too; None leaves that to
    `apply`. `conditions` hold a change back until somebody else is seen to have a role: migrations and hand-overs have
    them. `base_url` is the API that the plan is for, and `made_by` the version of this package.

    `ended` are the people whose `until` is past: they are planned with what their row says in `then`. `ending` are
    those whose access ends by `ending_by`; they are planned with the role that they still have. Both go by `made_at`,
    the time of this machine's clock when the plan was made. Nothing ends before a plan is made and applied.
    `good_until` is when the first role ends that this plan gives: `apply` refuses the plan from then on.

    `str(plan)` is a readable diff that ends with the `digest`, `summary()` is one line, and `to_markdown()` is for a
    pull request. `to_json()` and `from_json()` keep a plan for later, or for somebody to approve.

    Example:
        plan = await client.access.plan(group_id, {"ada@example.com": "Group Admin"})
        print(plan)
    """

    groups: tuple[Group, ...]
    base_url: str
    made_at: datetime
    made_by: str = __version__
    prune: bool = False
    cascade: bool | None = None
    max_removals: int | None = None
    allow_unresolved: tuple[str, ...] = ()
    creates: tuple[Change, ...] = ()
    role_changes: tuple[Change, ...] = ()
    removals: tuple[Change, ...] = ()
    unchanged: tuple[Change, ...] = ()
    not_in_snyk: tuple[NotInSnyk, ...] = ()
    not_mentioned: int = 0
    notes: tuple[str, ...] = ()
    conditions: tuple[Condition, ...] = ()
    ended: tuple[Ending, ...] = ()
    ending: tuple[Ending, ...] = ()
    ending_by: datetime | None = None
    good_until: datetime | None = None

    @property
    def group(self) -> Group:
        """The group of a plan for one. Raises `ValueError` when it is for several: see `groups`."""
        if len(self.groups) != 1:
            raise ValueError(f"the plan is for {len(self.groups)} groups: use plan.groups")
        return self.groups[0]

    @property
    def changes(self) -> tuple[Change, ...]:
        """Everything that is to be changed."""
        return self.creates + self.role_changes + self.removals

    @property
    def digest(self) -> str:
        """The SHA-256 of all that is in the plan, in hexadecimal: whoever approves a plan approves this."""
        digest = hashlib.sha256()
        rest = attrs.evolve(self, creates=(), role_changes=(), removals=(), unchanged=())
        for number, (name, value) in enumerate(sorted(rest.to_dict().items())):
            digest.update(f"{',' if number else '{'}{json.dumps(name)}:".encode())
            if name not in _KINDS:
                digest.update(_compact(value))
                continue
            for position, change in enumerate(getattr(self, name)):  # one by one: they may be thousands
                digest.update((b"," if position else b"[") + _compact(change_document(change)))
            digest.update(b"]" if getattr(self, name) else b"[]")
        digest.update(b"}")
        return digest.hexdigest()

    def __str__(self) -> str:
        return "\n".join(self._lines())

    def _lines(self) -> Iterator[str]:
        made = f"{self.made_at:%Y-%m-%d %H:%M} UTC"
        conditions: dict[str, str] = {}
        for condition in self.conditions:
            conditions[condition.change] = f"{conditions.get(condition.change, '')}, {condition}"
        for group in self.groups:
            yield f"Plan for {printable(group.name or '-')} ({group.id}), made {made}"
            for change in self.changes:
                if change.group_id == group.id:
                    yield f"  {_MARKS[change.action]} {change}{conditions.get(change.key, '')}"
            for missing in self.not_in_snyk:
                if missing.group_id == group.id:
                    yield printable(f"  ! {missing.who} cannot be added as {missing.role}: {missing.reason}")
            for word, endings in (("ended", self.ended), ("ends", self.ending)):
                for ending in endings:
                    if ending.group_id == group.id:
                        yield f"  . {word}: {ending}"
        for note in self.notes:
            yield f"  ! {printable(note)}"
        if self.allow_unresolved:
            yield printable(
                f"  ! members are removed although these were not found: {', '.join(self.allow_unresolved)}"
            )
        if self.removals and self.cascade is not None:
            below = "go too" if self.cascade else "stay, where the API allows it"
            yield f"  ! memberships of the organizations below {below} when a member is removed"
        if self.good_until is not None:
            yield f"  ! apply it before {shown_moment(self.good_until)}: a role that it gives ends then"
        if self._endings():
            yield f"{self._endings()} (by this machine's clock)"
        yield f"{self.summary()} ({self._left_alone()})"
        yield f"digest {self.digest}"

    def summary(self) -> str:
        """How many changes there are of each action, and how many people cannot be planned.

        Example:
            print(plan.summary())  # 3 changes: 1 add, 1 set_role, 1 remove; 2 cannot be planned
        """
        counts = {
            Action.ADD: len(self.creates),
            Action.SET_ROLE: len(self.role_changes),
            Action.REMOVE: len(self.removals),
        }
        total = sum(counts.values())
        text = f"{total:,} change{'' if total == 1 else 's'}" if total else "no changes"
        if total:
            text += ": " + ", ".join(f"{count:,} {action}" for action, count in counts.items() if count)
        return f"{text}; {len(self.not_in_snyk):,} cannot be planned" if self.not_in_snyk else text

    def _left_alone(self) -> str:
        rest = f", {self.not_mentioned:,} not mentioned and left alone" if self.not_mentioned else ""
        return f"{len(self.unchanged):,} unchanged{rest}"

    def _endings(self) -> str:
        """How much access has ended, and how much ends soon; "" where that is neither the case nor asked for."""
        parts: list[str] = []
        if self.ended:
            parts.append(f"{len(self.ended):,} ended by {shown_moment(self.made_at)}")
        if self.ending_by is not None:
            parts.append(f"{len(self.ending):,} to end by {shown_moment(self.ending_by)}")
        return ", ".join(parts)

    def to_markdown(self) -> str:
        """The plan as Markdown, as GitHub and GitLab show it: for a pull request, say.

        It has the groups, the counts, a table of the changes, who cannot be added and why, whose access has ended or
        ends soon, the notes and the digest.
        After the first 50, the rows of a table are folded up in a `<details>` block. Texts of the API and of the
        desired state are in code spans: none of them can be taken for a mention, a link or markup, and invisible
        characters are shown.

        Example:
            Path("plan.md").write_text(plan.to_markdown())
        """
        return plan_markdown(self, self._left_alone(), self._endings())

    def to_json(self) -> str:
        """The plan as a JSON document, to be read by `from_json`. No credentials are in it."""
        return json.dumps(self.to_dict(), indent=1)

    def to_dict(self) -> dict[str, Any]:
        """The plan as a dict of JSON types: the document that `to_json` writes.

        Example:
            assert plan.to_dict() == json.loads(plan.to_json())
        """
        return {
            "format": FORMAT,
            "version": VERSION,
            "made_by": self.made_by,
            "base_url": self.base_url,
            "groups": [{"id": group.id, "name": group.name} for group in self.groups],
            "made_at": self.made_at.isoformat(),
            "prune": self.prune,
            "cascade": self.cascade,
            "max_removals": self.max_removals,
            "allow_unresolved": list(self.allow_unresolved),
            **{name: [change_document(change) for change in getattr(self, name)] for name in _KINDS},
            "not_in_snyk": [attrs.asdict(missing) for missing in self.not_in_snyk],
            "not_mentioned": self.not_mentioned,
            "notes": list(self.notes),
            "conditions": [condition.to_dict() for condition in self.conditions],
            # Only where there are some: the digests of other plans, which older versions made, stay what they are.
            **{
                name: [ending.to_dict() for ending in endings]
                for name, endings in (("ended", self.ended), ("ending", self.ending))
                if endings
            },
            **({} if self.ending_by is None else {"ending_by": self.ending_by.isoformat()}),
            **({} if self.good_until is None else {"good_until": self.good_until.isoformat()}),
        }

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The plan that `to_json` wrote.

        Raises `InvalidArgumentError` when it is no such document, and `PlanError` when an older or newer version of
        this package wrote it.

        Example:
            plan = Plan.from_json(plan.to_json())
        """
        return cls.from_dict(parsed(text, "the plan"))

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Self:
        """The plan that `to_dict` wrote. Raises what `from_json` raises.

        Example:
            plan = Plan.from_dict(plan.to_dict())
        """
        version = document.get("version") if isinstance(document, dict) else None
        if version != VERSION and isinstance(document, dict) and document.get("format") == FORMAT:
            raise PlanError(
                f"the plan has version {version!r} of its format, and this version of groups_sdk reads version "
                f"{VERSION}: make the plan again"
            )
        reader = Reader(document, "the plan")
        reader.expect(FORMAT, VERSION)
        return cls(**_fields(reader))

    @classmethod
    def _members(cls) -> Mapping[str, tuple[Any, bool]]:
        """As `to_dict` writes them, after those that name the format."""
        head = {"format": Literal["groups_sdk.plan"], "version": Literal[3]}
        members = {**head, **{name: type_ for name, (type_, _) in super()._members().items()}}
        return {name: (type_, name not in _NOT_ALWAYS) for name, type_ in members.items()}


def _compact(value: object) -> bytes:
    return json.dumps(value, sort_keys=True, separators=(",", ":")).encode()


def _fields(reader: Reader) -> dict[str, Any]:
    groups = tuple(
        Group(id=arguments.uuid(f"{entry.where}.id", entry.take("id", str)), name=entry.maybe("name"))
        for entry in reader.entries("groups")
    )
    known = {group.id.lower(): group.id for group in groups}
    changes = {
        name: tuple(_change(entry, action, known) for entry in reader.entries(name))
        for name, action in _KINDS.items()
    }
    seen: set[tuple[str, str]] = set()
    for change in (*changes["creates"], *changes["role_changes"], *changes["removals"]):
        for about in {change.person, (change.membership_id or "").lower()} - {""}:
            if (change.group_id, about) in seen:
                raise InvalidArgumentError("the plan has two changes for one member")
            seen.add((change.group_id, about))
    return {
        "groups": groups,
        "base_url": reader.take("base_url", str),
        "made_at": reader.moment("made_at"),
        "made_by": reader.take("made_by", str),
        "prune": reader.take("prune", bool),
        "cascade": reader.take("cascade", bool, None),
        "max_removals": reader.take("max_removals", int, None),
        "allow_unresolved": tuple(map(str, reader.take("allow_unresolved", list))),
        **changes,
        "not_in_snyk": tuple(
            NotInSnyk(**{name: entry.take(name, str) for name in ("who", "role", "reason", "group_id")})
            for entry in reader.entries("not_in_snyk")
        ),
        "not_mentioned": reader.take("not_mentioned", int),
        "notes": tuple(map(str, reader.take("notes", list))),
        "conditions": read_conditions(
            reader.take("conditions", list),
            (*changes["creates"], *changes["role_changes"], *changes["removals"]),
        ),
        **{
            name: tuple(map(_ending, reader.entries(name)))
            for name in ("ended", "ending")
            if reader.has(name)
        },
        "ending_by": reader.moment("ending_by") if reader.has("ending_by") else None,
        "good_until": reader.moment("good_until") if reader.has("good_until") else None,
    }


def _ending(entry: Reader) -> Ending:
    texts = {name: entry.take(name, str) for name in ("who", "role", "group_id")}
    return Ending(then=entry.maybe("then"), until=entry.moment("until"), **texts)


def _change(entry: Reader, action: Action, groups: Mapping[str, str]) -> Change:
    """A change that has all it needs to be made, of one of the plan's groups."""
    change = read_change(entry, action=action)
    group_id = groups.get(change.group_id.lower())
    if group_id is None:
        raise InvalidArgumentError(f"{entry.where}.group_id: is not one of the plan's groups")
    ids: dict[str, str | None] = {}
    if action is not Action.REMOVE:
        ids["role.id"] = change.role.id if change.role else None
    if action is Action.ADD:
        ids["user.id"] = change.user.id if change.user else None
    else:
        ids["membership_id"] = change.membership_id
    for name, id_ in ids.items():
        if id_ is None:
            raise InvalidArgumentError(f"{entry.where}.{name}: is missing")
        arguments.uuid(f"{entry.where}.{name}", id_)
    if action is not Action.ADD and change.before is None:
        raise InvalidArgumentError(f"{entry.where}.before: is missing")
    return attrs.evolve(change, group_id=group_id)


set_module("groups_sdk.access", globals(), ["NotInSnyk", "Plan"])
