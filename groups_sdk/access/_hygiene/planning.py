"""A plan from a report and a policy: only of what is proven, and never of those who are exempt or guarded."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING

import attrs

from groups_sdk.access._guards import GroupGuard, Guards, require_admins, require_me, unprotected
from groups_sdk.access._hygiene.findings import HygieneCheck, HygieneFinding
from groups_sdk.access._hygiene.policy import HygieneAction, HygieneExemption, HygienePolicy
from groups_sdk.access._listing import MemberListing
from groups_sdk.access._outcomes import Action, Change
from groups_sdk.access._people import Identity, described, key_of
from groups_sdk.access._plan.conditions import Condition
from groups_sdk.access._plan.diff import removal_limit
from groups_sdk.access._plan.plan import Plan
from groups_sdk.access._review.member import is_sso
from groups_sdk.access._roles import is_uuid, same_role
from groups_sdk.errors import IncompleteListingError, InvalidArgumentError, PlanError
from groups_sdk.models import Group, GroupMembership, Role

if TYPE_CHECKING:
    from groups_sdk.access._hygiene.report import HygieneReport

__all__ = ["plan_hygiene"]


@attrs.frozen
class _Wanted:
    """What a rule wants of a member, because of what was found. Without a role they are to be removed."""

    member: GroupMembership
    role: Role | None
    reasons: Mapping[HygieneCheck, str]


def plan_hygiene(
    report: HygieneReport, policy: HygienePolicy, guards: Guards, *, max_removals: int | None, today: date
) -> Plan:
    if max_removals is not None and (type(max_removals) is not int or max_removals < 0):
        raise InvalidArgumentError(f"max_removals must be a whole number of at least 0; got {max_removals!r}")
    return _Planning(report, policy, guards, today).plan(max_removals)


class _Planning:
    """One plan in the making."""

    def __init__(self, report: HygieneReport, policy: HygienePolicy, guards: Guards, today: date) -> None:
        self._report, self._policy, self._guards = report, policy, guards
        self._name = report.group.name or report.group.id
        self._listing = MemberListing(report.group.id, report.members, 0.0, report.missing)
        self.notes: list[str] = []
        if policy.changes and report.gap is not None:
            raise IncompleteListingError(f"nothing is planned for {self._name}: {report.gap}")
        if policy.acts_on(HygieneCheck.IN_NO_ORG) and not report.org_memberships:
            raise PlanError(
                "the policy speaks of members in no organization, and nobody looked: make the report with "
                "org_memberships=True"
            )
        self._guard = GroupGuard(guards, self._listing)
        require_me(guards, [self._guard])
        require_admins(guards, [self._guard])
        self._roles = {
            check: self._role(rule.role) for check, rule in policy.rules.items() if rule.role is not None
        }
        self._not_found = False
        self._me = self._keys([guards.me] if guards.me else [])
        self._protected: set[str] = set()
        for person in guards.protect:
            self._protected |= self._known(person, f"{unprotected(person)} {self._name}")
        self._stays: dict[str, GroupMembership] = {}  # whose place somebody else at the same address takes
        self._exempt: list[tuple[HygieneExemption, set[str]]] = []
        for exemption in policy.exempt:
            self._add_exemption(exemption, today)

    def _role(self, name: str) -> Role:
        """The role that a rule gives. Raises `RoleChoiceError`; and where it is an admin role, as nobody is raised."""
        role = self._listing.roles.resolve(name)
        if self._guards.admin_roles.include(role):
            raise InvalidArgumentError(f"the policy would make admins: set_role is {name!r}")
        return role

    def _keys(self, people: Sequence[Identity]) -> set[str]:
        return {key_of(member) for person in people for member in self._listing.people.all_of(person)}

    def _known(self, person: Identity, problem: str) -> set[str]:
        """The members whom somebody means; a note where there are none."""
        found = self._keys([person])
        if not found:
            self._not_found = True
            self.notes.append(f"{problem}: check the spelling")
        return found

    def _add_exemption(self, exemption: HygieneExemption, today: date) -> None:
        person = exemption.identity
        if exemption.until is not None and exemption.until < today:
            self.notes.append(
                f"the exemption of {str(person)!r} ended on {exemption.until} and no longer counts"
            )
            return
        found = self._known(
            person, f"the policy exempts {str(person)!r}, who is not a member of {self._name}"
        )
        self._exempt.append((exemption, found))

    # What is wanted, and what of that may be

    def plan(self, max_removals: int | None) -> Plan:
        wanted: dict[str, _Wanted] = {}
        for check, finding in self._findings():
            if finding.hint:
                self.notes.append(f"not planned, because it is not proven: {check}: {finding}")
                continue
            for member in self._to_change(check, finding, wanted):
                if not self._kept(member, check):
                    self._want(wanted, member, check, finding.evidence)
        for unknown in self._report.unknown:
            if self._policy.acts_on(unknown.check):
                self.notes.append(f"not planned, because it is not known: {unknown.check}: {unknown}")
        changes = {key: self._change(one) for key, one in wanted.items()}
        as_wanted = {key for key, change in changes.items() if same_role(change.before, change.role)}
        todo = self._without_last_admins([c for key, c in changes.items() if key not in as_wanted])
        self.notes += [
            f"{change}: {check}: {evidence}"
            for change in todo
            for check, evidence in wanted[change.person].reasons.items()
        ]
        removals = tuple(change for change in todo if change.action is Action.REMOVE)
        unchanged = tuple(changes[key] for key in changes if key in as_wanted)
        self._check_limit(removals, max_removals)
        return Plan(
            groups=(Group(id=self._report.group.id, name=self._report.group.name),),
            base_url=self._report.base_url,
            made_at=self._report.looked_at,
            cascade=self._policy.cascade,
            max_removals=max_removals,
            role_changes=tuple(change for change in todo if change.action is Action.SET_ROLE),
            removals=removals,
            unchanged=unchanged,
            not_mentioned=len(self._report.members) - len(todo) - len(unchanged),
            notes=tuple(self.notes),
            conditions=tuple(self._conditions(todo, wanted)),
        )

    def _conditions(self, todo: Sequence[Change], wanted: Mapping[str, _Wanted]) -> Iterator[Condition]:
        """One of several accounts is changed only while the one that stays is seen to be as it was."""
        for change in todo:
            if set(wanted[change.person].reasons) == {HygieneCheck.SHARED_ADDRESS}:
                stays = self._stays[change.person]
                yield Condition(change=change.key, user=stays.user, role=stays.role, lost_orgs=None)

    def _findings(self) -> Iterator[tuple[HygieneCheck, HygieneFinding]]:
        """What the rules act on, in their order; shared addresses last, since one of the accounts has to stay."""
        checks = [check for check in self._policy.rules if self._policy.acts_on(check)]
        for check in sorted(checks, key=lambda check: check is HygieneCheck.SHARED_ADDRESS):
            for finding in self._report.of(check):
                yield check, finding

    def _to_change(
        self, check: HygieneCheck, finding: HygieneFinding, wanted: Mapping[str, _Wanted]
    ) -> Sequence[GroupMembership]:
        """Whom a finding is about. Of several accounts, those without SSO, where one with SSO is left as it is."""
        if check is not HygieneCheck.SHARED_ADDRESS:
            return finding.people
        methods = self._report.sso_login_methods
        on_sso = {key_of(m): is_sso(m.user.login_method, methods) for m in finding.people}
        unknown = next((u for u in self._report.unknown if u.check is HygieneCheck.SSO_DEACTIVATED), None)
        if unknown is not None:
            self.notes.append(
                f"not planned, because the account that should stay may be deactivated ({unknown}): {finding}"
            )
            return []
        stays = [
            member
            for member in finding.people
            if on_sso[key_of(member)]
            and key_of(member) not in wanted
            and key_of(member) not in self._doubted
            and is_uuid(member.user.id)
            and is_uuid(member.role.id)
        ]
        others = [member for member in finding.people if on_sso[key_of(member)] is False]
        if not stays or not others or None in on_sso.values():
            self.notes.append(f"not planned, because it is not clear which account should stay: {finding}")
            return []
        self._stays.update({key_of(member): stays[0] for member in others})
        return others

    @property
    def _doubted(self) -> set[str]:
        """Those of whom it is found, proven or not, that their SSO user is deactivated."""
        return {key_of(m) for f in self._report.of(HygieneCheck.SSO_DEACTIVATED) for m in f.people}

    def _kept(self, member: GroupMembership, check: HygieneCheck) -> bool:
        """Whether a member is left alone whatever is found, with a note that says why."""
        why = self._why_kept(member, check)
        if why is not None:
            self.notes.append(f"{described(member)} stays as they are ({check}): {why}")
        return why is not None

    def _why_kept(self, member: GroupMembership, check: HygieneCheck) -> str | None:
        key = key_of(member)
        if not member.id or not member.user.id:
            return "too little is known about them"
        if key in self._me and not self._guards.allow_self:
            return "it is your own membership"
        if key in self._protected:
            return "protected"
        for exemption, keys in self._exempt:
            if key in keys and exemption.covers(check):
                until = f" until {exemption.until}" if exemption.until else ""
                return f"exempt{until}" + (f": {exemption.reason}" if exemption.reason else "")
        if self._not_found and not (member.user.email or member.user.username):
            return "they go by no name, and may be somebody who is exempt or protected and was not found"
        return None

    def _want(
        self, wanted: dict[str, _Wanted], member: GroupMembership, check: HygieneCheck, evidence: str
    ) -> None:
        rule, key = self._policy.rules[check], key_of(member)
        removal = rule.action is HygieneAction.REMOVE
        earlier = wanted.get(key)
        if earlier is None:
            wanted[key] = _Wanted(member, self._roles.get(check), {check: evidence})
            return
        role = None if removal else earlier.role
        wanted[key] = _Wanted(member, role, {**earlier.reasons, check: evidence})

    def _change(self, wanted: _Wanted) -> Change:
        member = wanted.member
        return Change(
            action=Action.REMOVE if wanted.role is None else Action.SET_ROLE,
            group_id=self._report.group.id,
            membership_id=member.id,
            user=member.user,
            before=member.role,
            role=wanted.role,
        )

    def _without_last_admins(self, changes: list[Change]) -> list[Change]:
        """The changes, without those of admins where no admin would be left: which of them should stay, nobody says."""
        if self._guard.leaves_admin(changes):
            return changes
        admins = [change for change in changes if self._guard.takes_admin(change)]
        self.notes += [
            f"not planned: {change}: the group would be left without an admin (allow_last_admin permits it)"
            for change in admins
        ]
        return [change for change in changes if change not in admins]

    def _check_limit(self, removals: Sequence[Change], max_removals: int | None) -> None:
        members = len(self._report.members)
        limit = removal_limit(members) if max_removals is None else max_removals
        if len(removals) > limit:
            raise PlanError(
                f"{len(removals)} of the {members} members of {self._name} would be removed, more than {limit}: "
                f"if you want that, give max_removals={len(removals)}",
                entries=tuple(map(str, removals)),
            )
