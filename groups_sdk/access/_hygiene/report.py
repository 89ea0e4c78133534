"""What is wrong with the members of a group, at one moment: for programs to read, for people, and for a plan."""

import json
from collections.abc import Collection
from datetime import UTC, date, datetime
from typing import Self

import attrs

from groups_sdk._public import set_module
from groups_sdk._serialization import Serializable
from groups_sdk.access._documents import parsed
from groups_sdk.access._guards import Guards
from groups_sdk.access._hygiene.findings import HygieneCheck, HygieneFinding, HygieneUnknown
from groups_sdk.access._hygiene.policy import HygienePolicy
from groups_sdk.access._hygiene.rendering import markdown_lines, text_lines
from groups_sdk.access._plan.plan import Plan
from groups_sdk.access._roles import ADMIN_ROLE
from groups_sdk.models import Group, GroupMembership, Role

__all__ = ["HygieneReport"]


@attrs.frozen(kw_only=True)
class HygieneReport(Serializable):
    """What is wrong with the members of a group, and what could not be found out.

    `findings` come check by check, in the order of `HygieneCheck`; those with `hint` are not proven. `unknown` is what
    the checks could not find out: it never becomes a finding. `missing` is how many members the API counts and did not
    list, and `unreadable` says which records of the listing could not be understood. `members` are all members that
    were listed, and `sso_login_methods` the login methods that counted as single sign-on. Without `org_memberships`,
    nobody looked for members in no organization. `looked_at` is when the look began, and `base_url` the API.

    `str(report)` is for people, `to_markdown()` for an issue or a pull request. `to_json()` and `from_json()` keep a
    report; `plan(policy)` makes a plan of it.

    Example:
        report = await client.access.hygiene(group_id)
        print(report)
    """

    group: Group
    looked_at: datetime
    base_url: str
    members: tuple[GroupMembership, ...]
    findings: tuple[HygieneFinding, ...] = ()
    unknown: tuple[HygieneUnknown, ...] = ()
    missing: int = 0
    unreadable: tuple[str, ...] = ()
    org_memberships: bool = False
    sso_login_methods: tuple[str, ...] = ()

    def of(self, *checks: HygieneCheck) -> tuple[HygieneFinding, ...]:
        """The findings of these checks.

        Example:
            for finding in report.of(HygieneCheck.SSO_DEACTIVATED):
                print(finding)
        """
        return tuple(finding for finding in self.findings if finding.check in checks)

    @property
    def complete(self) -> bool:
        """Whether nothing is unknown of what was looked for."""
        return self.gap is None and not self.unknown

    @property
    def gap(self) -> str | None:
        """Why there may be members that are not in `members`; None when all were listed and understood."""
        reasons: list[str] = []
        if self.missing:
            reasons.append(
                f"the API counts {self.missing:,} more than the {len(self.members):,} members that it listed"
            )
        if self.unreadable:
            one = len(self.unreadable) == 1
            records = "1 record" if one else f"{len(self.unreadable):,} records"
            reasons.append(f"{records} of the listing could not be understood: {self.unreadable[0]}")
        return "; ".join(reasons) or None

    def __str__(self) -> str:
        return "\n".join(text_lines(self))

    def summary(self) -> str:
        """One line: how many members there are, how many findings, and whether anything is not known.

        Example:
            print(report.summary())  # 36 members: 14 findings, 0 hints; 1 thing not known
        """
        hints = sum(finding.hint for finding in self.findings)
        findings = len(self.findings) - hints
        unknown = len(self.unknown) + (self.gap is not None)
        return (
            f"{_counted(len(self.members), 'member')}: {_counted(findings, 'finding')}, {_counted(hints, 'hint')}"
            + (f"; {_counted(unknown, 'thing')} not known" if unknown else "")
        )

    def to_markdown(self) -> str:
        """The report as Markdown, as GitHub and GitLab show it. Texts of the API are in code spans.

        Example:
            Path("hygiene.md").write_text(report.to_markdown())
        """
        return "\n".join(markdown_lines(self)) + "\n"

    def to_json(self) -> str:
        """The report as a JSON document, to be read by `from_json`. No credentials are in it.

        Example:
            Path("hygiene.json").write_text(report.to_json())
        """
        return json.dumps(self.to_dict(), indent=1)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """The report that `to_json` wrote. Raises `InvalidArgumentError` when it is none.

        Example:
            report = HygieneReport.from_json(Path("hygiene.json").read_text())
        """
        return cls.from_dict(parsed(text, "the report"))

    def plan(
        self,
        policy: HygienePolicy,
        *,
        max_removals: int | None = None,
        me: str | None = None,
        protect: Collection[str] = (),
        admin_roles: Collection[str | Role] = (ADMIN_ROLE,),
        allow_last_admin: bool = False,
        allow_self: bool = False,
        today: date | None = None,
    ) -> Plan:
        """What a policy makes of the findings: removals and changes of roles, for `apply`. Nothing is sent.

        Only what is proven is planned: no hint, and nothing of what is not known. Left alone, with a note, are those
        who are exempt by the policy (until `today`, by default the current day in UTC), protected, or `me` (unless
        `allow_self`), and all admins with a finding where no admin would be left (unless `allow_last_admin`). The
        notes say for every change what was found. Where several rules want something of one member, a removal goes
        before a change of role, and else the rule that stands first in the policy counts, with shared addresses last.

        Of several accounts under one address, those that do not log in by SSO are changed, where one that does is
        left. If none or all of them do, or a login method is not known, nobody is.

        Raises `IncompleteListingError` when a policy that changes something meets a listing with a `gap`; `PlanError`
        when more members would be removed than `max_removals` (by default a tenth of the group, at least 3 and at most
        50), or the policy speaks of members in no organization and nobody looked; `RoleChoiceError` when no member, or
        several roles, have the name of a wanted role; `AmbiguousMatchError` when it is not certain who is exempt or
        protected; `MemberNotFoundError` when `me` is not a member; and `InvalidArgumentError` when a wanted role is
        one of the `admin_roles`.

        Example:
            report = await client.access.hygiene(group_id)
            plan = report.plan(HygienePolicy.from_dict({"findings": {"sso_deactivated": "remove"}}))
            print(plan)
        """
        from groups_sdk.access._hygiene.planning import plan_hygiene

        guards = Guards.of(
            me=me,
            protect=protect,
            admin_roles=admin_roles,
            allow_self=allow_self,
            allow_last_admin=allow_last_admin,
        )
        day = datetime.now(UTC).date() if today is None else today
        return plan_hygiene(self, policy, guards, max_removals=max_removals, today=day)


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


set_module("groups_sdk.access", globals(), ["HygieneReport"])
