"""What is different between two reviews of a group."""

from collections.abc import Callable, Iterable

import attrs

from groups_sdk._pagination import DecodeProblem
from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk._terminal import printable
from groups_sdk.access._review.member import ReviewedMember, lowered, person_of
from groups_sdk.models import User

__all__ = ["MemberChange", "ReviewDiff", "by_person", "compare"]


@attrs.frozen
class MemberChange(Serializable):
    """A member who is in both reviews. `what` names what is different.

    "role", "login_method", "email", "username", "name" (the display name), "org_memberships", or "membership": they
    were removed and added again in between. `str(change)` shows the old and the new values.
    """

    before: ReviewedMember
    after: ReviewedMember
    what: tuple[str, ...]

    @property
    def details(self) -> tuple[str, ...]:
        """The old and the new value of each of `what`, such as "Group Member -> Group Admin"."""
        return tuple(_SHOWN[what](self.before, self.after) for what in self.what)

    def __str__(self) -> str:
        return f"{_who(self.after)}: {'; '.join(self.details)}"


@attrs.frozen
class ReviewDiff(Serializable):
    """Who was added, removed and changed between two reviews. `str(diff)` is readable.

    When both reviews looked at organizations, `orgs_unknown` are the members whose organizations are not known in one
    of them: whether those changed cannot be said. `unreadable` are the records that one of the reviews could not read:
    nobody knows whose they are, unless the other review has a membership with the same id. That one is then neither
    added nor removed.
    """

    added: tuple[ReviewedMember, ...]
    removed: tuple[ReviewedMember, ...]
    changed: tuple[MemberChange, ...]
    orgs_unknown: tuple[ReviewedMember, ...] = ()
    unreadable: tuple[DecodeProblem, ...] = ()

    @property
    def empty(self) -> bool:
        """Whether nothing is different."""
        return not (self.added or self.removed or self.changed)

    def __str__(self) -> str:
        lines = [f"+ {_who(member)} ({member.membership.role.name or '-'})" for member in self.added]
        lines += [f"- {_who(member)} ({member.membership.role.name or '-'})" for member in self.removed]
        lines += [f"~ {change}" for change in self.changed]
        lines.append(f"{len(self.added)} added, {len(self.removed)} removed, {len(self.changed)} changed")
        if self.orgs_unknown:
            lines[-1] += f"; organizations not compared for {len(self.orgs_unknown)}"
        if self.unreadable:
            lines[-1] += f"; records that could not be read, and were not compared: {len(self.unreadable)}"
        return "\n".join(map(printable, lines))


def compare(
    before: Iterable[ReviewedMember],
    after: Iterable[ReviewedMember],
    *,
    org_memberships: bool,
    unreadable: tuple[tuple[DecodeProblem, ...], tuple[DecodeProblem, ...]] = ((), ()),
) -> ReviewDiff:
    """The members of two reviews of one group, compared by person.

    A person is a user id. Where the API left out the user on one side, the membership id says who it is. `unreadable`
    are the records that could not be read, before and after.
    """
    earlier, later = by_person(before), by_person(after)
    by_membership: dict[str, str] | None = None  # made when it is first needed, which is seldom
    added: list[ReviewedMember] = []
    changed: list[MemberChange] = []
    orgs_unknown: list[ReviewedMember] = []
    for person, new in later.items():
        if person not in earlier:
            if by_membership is None:
                by_membership = {lowered(m.membership.id): known for known, m in earlier.items()}
            same = by_membership.get(new.membership.id.lower())
            if same not in earlier or (new.membership.user.id and earlier[same].membership.user.id):
                added.append(new)
                continue
            person = same
        old = earlier.pop(person)
        if org_memberships and (old.org_memberships is None or new.org_memberships is None):
            orgs_unknown.append(new)
        if what := tuple(name for name, differs in _DIFFERS.items() if differs(old, new)):
            changed.append(MemberChange(old, new, what))
    return ReviewDiff(
        _without(added, unreadable[0]),
        _without(earlier.values(), unreadable[1]),
        tuple(changed),
        tuple(orgs_unknown),
        unreadable[0] + unreadable[1],
    )


def _without(
    members: Iterable[ReviewedMember], unreadable: tuple[DecodeProblem, ...]
) -> tuple[ReviewedMember, ...]:
    """Those whose record the other review has not even seen."""
    seen = {problem.id.lower() for problem in unreadable if problem.id}
    return tuple(member for member in members if member.membership.id.lower() not in seen)


def by_person(members: Iterable[ReviewedMember]) -> dict[str, ReviewedMember]:
    """The members by `person_of`; of somebody who is listed twice, the last."""
    return {person_of(member): member for member in members}


_Test = Callable[[ReviewedMember, ReviewedMember], bool]
_Show = Callable[[ReviewedMember, ReviewedMember], str]


def _other_role(old: ReviewedMember, new: ReviewedMember) -> bool:
    before, after = old.membership.role, new.membership.role
    return (before.id.lower() or before.name) != (after.id.lower() or after.name)


def _other_membership(old: ReviewedMember, new: ReviewedMember) -> bool:
    return old.membership.id.lower() != new.membership.id.lower()


def _other_orgs(old: ReviewedMember, new: ReviewedMember) -> bool:
    """Whether the organizations differ, or the roles there. False when they are not known on one side."""
    if old.org_memberships is None or new.org_memberships is None:
        return False
    before, after = ({(m.org.id, m.role.id) for m in member.org_memberships or ()} for member in (old, new))
    return before != after


def _other(read: Callable[[User], str | None]) -> _Test:
    """Whether a text of the user differs. False when the API left out the user on one side."""

    def differs(old: ReviewedMember, new: ReviewedMember) -> bool:
        before, after = old.membership.user, new.membership.user
        return bool(before.id and after.id) and _as_in_csv(read(before)) != _as_in_csv(read(after))

    return differs


def _as_in_csv(text: str | None) -> str:
    """The text as it is read back from a CSV file, which has neither None nor lone surrogates."""
    return (text or "").encode("utf-8", "replace").decode()


def _texts(label: str, read: Callable[[User], str | None]) -> _Show:
    return lambda old, new: (
        f"{label} {read(old.membership.user) or '-'} -> {read(new.membership.user) or '-'}"
    )


def _org_names(member: ReviewedMember) -> str:
    return ", ".join(sorted(f"{m.org.name} ({m.role.name})" for m in member.org_memberships or ())) or "none"


# The keys of both are the names in `MemberChange.what`.
_DIFFERS: dict[str, _Test] = {
    "role": _other_role,
    "login_method": _other(lambda user: user.login_method),
    "email": _other(lambda user: user.email),
    "username": _other(lambda user: user.username),
    "name": _other(lambda user: user.name),
    "org_memberships": _other_orgs,
    "membership": _other_membership,
}
_SHOWN: dict[str, _Show] = {
    "role": lambda old, new: f"{old.membership.role.name or '-'} -> {new.membership.role.name or '-'}",
    "login_method": _texts("login", lambda user: user.login_method),
    "email": _texts("email", lambda user: user.email),
    "username": _texts("username", lambda user: user.username),
    "name": _texts("name", lambda user: user.name),
    "org_memberships": lambda old, new: f"organizations {_org_names(old)} -> {_org_names(new)}",
    "membership": lambda old, new: "removed and added again",
}


def _who(member: ReviewedMember) -> str:
    user = member.membership.user
    return user.email or user.username or user.name or user.id or member.membership.id


set_module("groups_sdk.access", globals(), ["MemberChange", "ReviewDiff"])
