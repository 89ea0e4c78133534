"""What hygiene finds in a group, what it calls a hint, and what it says it does not know."""

from __future__ import annotations

from typing import Any

import pytest
from support.jobs import BOTH, ONCE, Jobs

from groups_sdk import InvalidArgumentError, UnauthorizedError
from groups_sdk.access import HygieneCheck, HygieneReport, Progress
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

NOT_ON_SSO, SSO_DEACTIVATED, IN_NO_ORG, SHARED_ADDRESS, SOLE_ROLE = HygieneCheck


class Group:
    """A group that a test fills."""

    def __init__(self) -> None:
        self.fake = FakeSnyk()
        self.fake.group_id = self.id = self.fake.add_group("Engineering").id
        self.role = self.fake.add_role("Group Member").id
        self.okta = self.fake.add_sso_connection(self.id, "Okta").id

    def add(self, name: str, *, role: str | None = None, **user: Any) -> str:
        """A member; the id of the user."""
        given = {"email": f"{name}@mail.test", "username": name, "login_method": "saml", **user}
        id_ = self.fake.add_user(**given).id
        self.fake.add_membership(self.id, id_, role or self.role)
        return id_

    def membership(self, user_id: str) -> str:
        return next(m.id for m in self.fake.memberships(self.id) if m.user.id == user_id)

    async def look(self, kind: str = "async", **options: Any) -> HygieneReport:
        async with Jobs(self.fake, kind, retries=ONCE) as jobs:
            report: HygieneReport = await jobs("hygiene", self.id, **options)
        return report


@pytest.fixture
def group() -> Group:
    return Group()


def found(report: HygieneReport, check: HygieneCheck, *, hint: bool = False) -> list[list[str | None]]:
    """The addresses of the findings of a check."""
    return [
        [member.user.email for member in finding.people]
        for finding in report.of(check)
        if finding.hint is hint
    ]


def unknown(report: HygieneReport, check: HygieneCheck) -> list[str]:
    return [str(one) for one in report.unknown if one.check is check]


@BOTH
async def test_the_example_has_all_that_one_looks_for(kind: str) -> None:
    fake = FakeSnyk.example()
    told: list[Progress] = []
    async with Jobs(fake, kind) as jobs:
        report = await jobs("hygiene", fake.group_id, org_memberships=True, on_progress=told.append)
    assert [len(report.of(check)) for check in HygieneCheck] == [14, 1, 6, 0, 0]
    assert report.complete
    assert report.gap is None
    assert (len(report.members), report.group.name) == (36, "Engineering")
    assert [(one.done, one.total) for one in told] == [(36, 36)]
    assert report.of(SSO_DEACTIVATED)[0].evidence == (
        "the SSO user with this user id is deactivated in 'Example Okta'"
    )


async def test_a_login_method_that_is_not_told_is_no_finding(group: Group) -> None:
    group.add("ada", login_method="SAML")
    group.add("kim", login_method="github")
    group.add("bot", login_method=None)
    report = await group.look()
    assert found(report, NOT_ON_SSO) == [["kim@mail.test"]]
    assert unknown(report, NOT_ON_SSO) == ["the API does not tell the login method: 1 member"]
    report = await group.look(sso_login_methods=["GitHub"])
    assert found(report, NOT_ON_SSO) == [["ada@mail.test"]]
    assert report.sso_login_methods == ("github",)


async def test_who_is_deactivated_is_known_by_the_user_id(group: Group) -> None:
    group.fake.add_sso_user(group.okta, group.add("ada"), active=False)
    group.fake.add_sso_user(group.okta, group.add("kim"))
    group.add("grace")
    report = await group.look()
    assert found(report, SSO_DEACTIVATED) == [["ada@mail.test"]]
    assert found(report, SSO_DEACTIVATED, hint=True) == []


async def test_whether_somebody_is_active_may_not_be_told(group: Group) -> None:
    ada, kim = group.add("ada"), group.add("kim")
    for user in (ada, kim):
        group.fake.add_sso_user(group.okta, user, active=False)
    entra = group.fake.add_sso_connection(group.id, "Entra").id
    group.fake.add_sso_user(entra, group.add("grace"))
    group.fake.alter_record(ada, "attributes.active", None)
    group.fake.alter_record(kim, "attributes.active")
    report = await group.look()
    assert report.of(SSO_DEACTIVATED) == ()
    assert unknown(report, SSO_DEACTIVATED) == [
        "the API does not tell whether the SSO user is active: 2 members"
    ]


async def test_a_user_of_two_connections_is_active_where_one_says_so(group: Group) -> None:
    entra = group.fake.add_sso_connection(group.id, "Entra").id
    ada, kim = group.add("ada"), group.add("kim")
    for user in (ada, kim):
        group.fake.add_sso_user(group.okta, user, active=False)
        group.fake.add_sso_user(entra, user, active=user == kim)
    report = await group.look()
    assert found(report, SSO_DEACTIVATED) == [["ada@mail.test"]]
    assert report.of(SSO_DEACTIVATED)[0].evidence.endswith("is deactivated in 'Okta', 'Entra'")


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_what_one_connection_does_not_show_makes_the_others_hints(group: Group, status: int) -> None:
    entra = group.fake.add_sso_connection(group.id, "Entra").id
    group.fake.add_sso_user(group.okta, group.add("ada"), active=False)
    group.fake.fail_next(status=status, path=entra)
    report = await group.look()
    assert found(report, SSO_DEACTIVATED) == []
    assert found(report, SSO_DEACTIVATED, hint=True) == [["ada@mail.test"]]
    (reason,) = unknown(report, SSO_DEACTIVATED)
    assert reason.startswith(
        f"the users of the SSO connection 'Entra' cannot be read: GET /groups/{group.id}"
    )
    assert not report.complete
    assert report.unknown[0].failed
    assert "(not known: the users of the SSO connection 'Entra' cannot be read" in str(report)


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_sso_that_cannot_be_read_is_no_finding(group: Group, status: int) -> None:
    group.fake.add_sso_user(group.okta, group.add("ada"), active=False)
    group.fake.fail_next(status=status, path="sso_connections")
    report = await group.look()
    assert report.of(SSO_DEACTIVATED) == ()
    assert unknown(report, SSO_DEACTIVATED)[0].startswith("the SSO connections of the group cannot be read: ")


@pytest.mark.parametrize("path", ["sso_connections", "/users", "org_memberships"])
async def test_what_every_request_would_meet_ends_the_look(group: Group, path: str) -> None:
    group.fake.add_sso_user(group.okta, group.add("ada"))
    group.fake.fail_next(status=401, path=path, times=5)
    with pytest.raises(UnauthorizedError):
        await group.look(org_memberships=True)


async def test_by_name_it_is_a_hint(group: Group) -> None:
    group.add("ada")
    kim = group.add("kim")
    group.fake.add_sso_user(group.okta, kim)
    for name in ("ada", "kim", "nobody"):
        double = group.fake.add_user(email=f"{name.upper()}@mail.test", username=f"old.{name}")
        group.fake.add_sso_user(group.okta, double.id, active=False)
    report = await group.look()
    assert found(report, SSO_DEACTIVATED) == []
    assert found(report, SSO_DEACTIVATED, hint=True) == [["ada@mail.test"]]
    (hint,) = report.of(SSO_DEACTIVATED)
    assert "ADA@mail.test" in hint.evidence
    assert hint.not_known == ("whether they are the same person, because the user ids differ",)
    assert str(hint).startswith("hint: ada@mail.test")


async def test_a_double_that_is_active_somewhere_is_no_hint(group: Group) -> None:
    group.add("ada")
    double = group.fake.add_user(email="ada@mail.test", username="old")
    group.fake.add_sso_user(group.okta, double.id, active=False)
    group.fake.add_sso_user(group.fake.add_sso_connection(group.id, "Entra").id, double.id)
    assert (await group.look()).of(SSO_DEACTIVATED) == ()


async def test_a_member_without_name_and_user_has_no_hint(group: Group) -> None:
    ada, bot = group.add("ada"), group.add("bot")
    group.fake.alter_record(group.membership(ada), "relationships.user", {})
    for part in ("email", "username"):
        group.fake.alter_record(group.membership(bot), f"relationships.user.data.attributes.{part}", None)
    double = group.fake.add_user(email="ada@mail.test", username="old")
    group.fake.add_sso_user(group.okta, double.id, active=False)
    report = await group.look(org_memberships=True)
    assert report.of(SSO_DEACTIVATED) == ()
    assert unknown(report, SSO_DEACTIVATED) == ["the API does not tell the user id: 1 member"]
    assert unknown(report, IN_NO_ORG) == ["the API does not tell the user id: 1 member"]
    assert unknown(report, SHARED_ADDRESS) == ["the API tells neither email address nor username: 2 members"]


async def test_organizations_are_asked_for_only_when_wanted(group: Group) -> None:
    ada = group.add("ada")
    group.add("kim")
    org = group.fake.add_org(group.id, "Web")
    group.fake.add_org_membership(org.id, ada, group.fake.add_role("Org Member", kind="org_role").id)
    report = await group.look()
    assert report.of(IN_NO_ORG) == ()
    assert "in_no_org: not looked at" in str(report)
    assert not [request for request in group.fake.requests if "org_memberships" in request.path]
    assert found(await group.look(org_memberships=True), IN_NO_ORG) == [["kim@mail.test"]]


@pytest.mark.parametrize("status", [403, 404, 500])
async def test_organizations_that_cannot_be_read_are_no_finding(group: Group, status: int) -> None:
    for name in ("ada", "kim"):
        group.add(name)
    group.fake.fail_next(status=status, path="org_memberships", times=2)
    report = await group.look(org_memberships=True)
    assert report.of(IN_NO_ORG) == ()
    assert sum(one.members or 0 for one in report.unknown if one.check is IN_NO_ORG) == 2
    assert all(one.failed for one in report.unknown if one.check is IN_NO_ORG)


async def test_accounts_under_one_address(group: Group) -> None:
    group.add("ada")
    group.add("ada.second", email="ADA@mail.test ", login_method="github")
    group.add("kim")
    group.add("crossed", username="kim@mail.test")
    group.add("twin", username="login@mail.test")
    group.add("other twin", email="twin.2@mail.test", username="LOGIN@mail.test")
    group.add("oleg", username="oleg@mail.test")
    report = await group.look()
    assert found(report, SHARED_ADDRESS) == [["ada@mail.test", "ADA@mail.test "]]
    assert found(report, SHARED_ADDRESS, hint=True) == [
        ["kim@mail.test", "crossed@mail.test"],
        ["twin@mail.test", "twin.2@mail.test"],
    ]
    assert report.of(SHARED_ADDRESS)[0].evidence == "2 accounts have the email address 'ada@mail.test'"


async def test_roles_that_one_alone_has(group: Group) -> None:
    group.add("ada", role=group.fake.add_role("Group Admin").id)
    for name in ("kim", "grace"):
        group.add(name)
    report = await group.look()
    assert found(report, SOLE_ROLE) == [["ada@mail.test"]]
    assert report.of(SOLE_ROLE)[0].evidence == "nobody else has the role 'Group Admin'"
    group.fake.alter_record(group.fake.memberships(group.id)[1].id, "relationships.role", {})
    report = await group.look()
    assert found(report, SOLE_ROLE) == []
    assert found(report, SOLE_ROLE, hint=True) == [["ada@mail.test"], ["grace@mail.test"]]
    assert unknown(report, SOLE_ROLE) == ["the API does not tell the role: 1 member"]


async def test_members_that_are_not_listed_are_a_gap(group: Group) -> None:
    ids = [group.membership(group.add(name)) for name in ("ada", "kim", "grace")]
    for id_ in ids:
        group.fake.alter_record(id_, "meta.group_membership_count", 5)
    report = await group.look()
    assert report.missing == 2
    assert report.gap == "the API counts 2 more than the 3 members that it listed"
    assert report.of(SOLE_ROLE) == ()
    assert unknown(report, SOLE_ROLE) == ["who else has a role, because not all members were listed"]
    assert unknown(report, SHARED_ADDRESS) == ["the accounts of members who were not listed"]
    assert "  ! not complete: the API counts 2 more" in str(report)
    assert not report.complete


async def test_without_a_count_nobody_is_missed(group: Group) -> None:
    group.fake.alter_record(group.membership(group.add("ada")), "meta")
    assert (await group.look()).gap is None


async def test_a_record_that_cannot_be_understood_is_a_gap(group: Group) -> None:
    group.add("ada")
    for name in ("kim", "grace"):
        group.fake.alter_record(
            group.membership(group.add(name)), "relationships.user.data.attributes.email", 5
        )
        report = await group.look()
        assert len(report.members) == 1
        assert report.missing == 0
    assert len(report.unreadable) == 2
    assert (report.gap or "").startswith("2 records of the listing could not be understood: the record '")
    assert "5" not in report.unreadable[0].rpartition(":")[2]


async def test_members_without_a_membership_id_are_all_kept(group: Group) -> None:
    for name in ("ada", "kim"):
        id_ = group.membership(group.add(name))
        group.fake.alter_record(id_, "id", "")
    assert len((await group.look()).members) == 2


async def test_a_group_without_anybody_has_no_findings(group: Group) -> None:
    report = await group.look(org_memberships=True)
    assert (report.findings, report.members, report.group.name) == ((), (), None)
    assert report.summary() == "0 members: 0 findings, 0 hints"


@BOTH
@pytest.mark.parametrize(
    ("options", "problem"),
    [
        ({"group_id": "Engineering"}, "group_id"),
        ({"sso_login_methods": "saml"}, "sso_login_methods must be a collection"),
        ({"concurrency": 0}, "concurrency must be a whole number"),
        ({"concurrency": True}, "concurrency must be a whole number"),
        ({"on_progress": 3}, "on_progress"),
    ],
)
async def test_what_is_wrong_is_said_before_anything_is_sent(
    group: Group, kind: str, options: dict[str, Any], problem: str
) -> None:
    async with Jobs(group.fake, kind) as jobs:
        with pytest.raises(InvalidArgumentError, match=problem):
            await jobs("hygiene", **{"group_id": group.id, **options})
    assert group.fake.requests == []
