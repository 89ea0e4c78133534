"""The checks: what the members, SSO users and organizations that were read show, and what they leave open."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterator, Sequence

from groups_sdk.access._addresses import normalised
from groups_sdk.access._hygiene.findings import HygieneCheck, HygieneFinding, HygieneUnknown
from groups_sdk.access._hygiene.sources import Members, SsoUsers
from groups_sdk.access._people import Identity, PeopleIndex, SsoAccount, described, key_of
from groups_sdk.access._review.member import is_sso
from groups_sdk.access._review.org_reader import Orgs
from groups_sdk.access._roles import RoleIndex
from groups_sdk.models import GroupMembership, SsoConnection, SsoUser, User

__all__ = ["Found", "deactivated", "in_no_org", "not_on_sso", "shared_addresses", "sole_roles"]

Found = Iterator[HygieneFinding | HygieneUnknown]


def not_on_sso(members: Members, sso_login_methods: Collection[str]) -> Found:
    """Whose login method does not count as SSO. One that the API does not tell is not known."""
    unknown = 0
    for member in members.memberships:
        on_sso = is_sso(member.user.login_method, sso_login_methods)
        if on_sso is None:
            unknown += 1
        elif not on_sso:
            evidence = f"the login method is {member.user.login_method!r}"
            yield HygieneFinding(HygieneCheck.NOT_ON_SSO, (member,), evidence)
    if unknown:
        yield HygieneUnknown(HygieneCheck.NOT_ON_SSO, "the API does not tell the login method", unknown)


def deactivated(members: Members, sso: SsoUsers) -> Found:
    """Whose SSO user, known by the user id, is deactivated. By name only it is a hint."""
    check = HygieneCheck.SSO_DEACTIVATED
    by_id: defaultdict[str, list[tuple[SsoConnection, SsoUser]]] = defaultdict(list)
    for connection, user in sso.users:
        by_id[user.id.lower()].append((connection, user))
    ids = {member.user.id.lower() for member in members.memberships}
    strangers = {
        id_: theirs
        for id_, theirs in by_id.items()
        if id_ not in ids and all(user.active is False for _, user in theirs)
    }
    by_name = PeopleIndex(
        SsoAccount(User(user.id, user.name, user.username, user.email), connection.id)
        for theirs in strangers.values()
        for connection, user in theirs
    )
    undecided = without_user = 0
    for member in members.memberships:
        if not member.user.id:
            without_user += 1
            continue
        theirs = by_id.get(member.user.id.lower(), [])
        undecided += any(user.active is None for _, user in theirs)
        finding = _deactivated_by_id(member, theirs, sso.unread) if theirs else _by_name(member, by_name)
        if finding is not None:
            yield finding
    if undecided:
        yield HygieneUnknown(check, "the API does not tell whether the SSO user is active", undecided)
    if without_user:
        yield HygieneUnknown(check, "the API does not tell the user id", without_user)
    for reason in sso.unread:
        yield HygieneUnknown(check, reason, failed=True)


def _deactivated_by_id(
    member: GroupMembership, theirs: Sequence[tuple[SsoConnection, SsoUser]], unread: Sequence[str]
) -> HygieneFinding | None:
    off = [_name(connection) for connection, user in theirs if user.active is False]
    if not off or any(user.active for _, user in theirs):
        return None
    doubts = [
        f"whether the SSO user is active in {_name(connection)}"
        for connection, user in theirs
        if user.active is None
    ]
    doubts += unread
    evidence = f"the SSO user with this user id is deactivated in {', '.join(off)}"
    return HygieneFinding(
        HygieneCheck.SSO_DEACTIVATED, (member,), evidence, hint=bool(doubts), not_known=tuple(doubts)
    )


def _by_name(member: GroupMembership, strangers: PeopleIndex[SsoAccount]) -> HygieneFinding | None:
    found: dict[str, SsoAccount] = {}
    for name in (member.user.email, member.user.username):
        if name and name.strip():
            alike = strangers.all_of(Identity(names=(name,)), lookalikes=False)
            found.update((key_of(account), account) for account in alike)
    if not found:
        return None
    evidence = f"the deactivated SSO user {'; '.join(map(described, found.values()))} goes by the same name"
    doubt = "whether they are the same person, because the user ids differ"
    return HygieneFinding(HygieneCheck.SSO_DEACTIVATED, (member,), evidence, hint=True, not_known=(doubt,))


def in_no_org(members: Members, orgs: Sequence[Orgs]) -> Found:
    """Who is in no organization below the group. Where these could not be read, that is not known."""
    reasons: Counter[tuple[str, bool]] = Counter()
    for member, (memberships, error) in zip(members.memberships, orgs, strict=True):
        if memberships is None:
            reasons[str(error or "the API does not tell the user id"), error is not None] += 1
        elif not memberships:
            evidence = "the API lists no organizations for them"
            yield HygieneFinding(HygieneCheck.IN_NO_ORG, (member,), evidence)
    for (reason, failed), count in reasons.most_common():
        yield HygieneUnknown(HygieneCheck.IN_NO_ORG, reason, count, failed)


def shared_addresses(members: Members) -> Found:
    """Accounts with the same email address. One with another's address as username is a hint."""
    check = HygieneCheck.SHARED_ADDRESS
    emails: defaultdict[str, list[GroupMembership]] = defaultdict(list)
    usernames: defaultdict[str, list[GroupMembership]] = defaultdict(list)
    for member in members.memberships:
        email, username = (normalised(text or "") for text in (member.user.email, member.user.username))
        if email:
            emails[email].append(member)
        if "@" in username and username != email:
            usernames[username].append(member)
    for address in dict.fromkeys([*emails, *usernames]):
        by_email, by_username = _accounts(emails[address]), _accounts(usernames[address])
        if len(by_email) > 1:
            evidence = f"{len(by_email)} accounts have the email address {address!r}"
            yield HygieneFinding(check, by_email, evidence)
        if by_username and len(by_email) + len(by_username) > 1:
            evidence = f"several accounts go by {address!r}, some of them as their username only"
            doubt = "whether they are the same person"
            yield HygieneFinding(
                check, _accounts([*by_email, *by_username]), evidence, hint=True, not_known=(doubt,)
            )
    if members.missing or members.unreadable:
        yield HygieneUnknown(check, "the accounts of members who were not listed", failed=True)
    nameless = sum(not (member.user.email or member.user.username) for member in members.memberships)
    if nameless:
        yield HygieneUnknown(check, "the API tells neither email address nor username", nameless)


def sole_roles(members: Members) -> Found:
    """Roles that one member alone has. Of a listing that is not complete, nobody can tell."""
    check = HygieneCheck.SOLE_ROLE
    if members.missing or members.unreadable:
        yield HygieneUnknown(check, "who else has a role, because not all members were listed", failed=True)
        return
    index = RoleIndex(member.role for member in members.memberships)
    without = sum(not member.role.id for member in members.memberships)
    doubts = ("whether a member whose role the API does not tell has it too",) if without else ()
    sole = {count.role.id.lower(): count.role for count in index.counts() if count.members == 1}
    for member in members.memberships:
        role = sole.get(member.role.id.lower())
        if role is not None and role.id:
            evidence = f"nobody else has the role {role.name or role.id!r}"
            yield HygieneFinding(check, (member,), evidence, hint=bool(doubts), not_known=doubts)
    if without:
        yield HygieneUnknown(check, "the API does not tell the role", without)


def _accounts(members: Sequence[GroupMembership]) -> tuple[GroupMembership, ...]:
    """The members, each account once."""
    return tuple({key_of(member): member for member in members}.values())


def _name(connection: SsoConnection) -> str:
    return repr(connection.name or connection.id)
