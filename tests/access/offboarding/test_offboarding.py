"""People, out of every group: who is found, what is removed, what is refused, and what stops the job."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import anyio
import httpx
import pytest
from support import clock
from support.jobs import BOTH, ONCE, Jobs, changes_sent, role_id
from support.worlds import changed_listing

from groups_sdk import (
    AmbiguousMatchError,
    ForbiddenError,
    GoneError,
    IncompleteListingError,
    InterruptedChangeError,
    InvalidArgumentError,
    MemberNotFoundError,
    NotFoundError,
    Progress,
    ProtectedMemberError,
    ServerError,
    UnauthorizedError,
)
from groups_sdk.access import OffboardingReport, OffboardingStatus
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio

ADA, GRACE, TONY, KEN = (
    f"{name}@example.com" for name in ("ada.0000", "grace.0001", "tony.0009", "ken.0007")
)
MAINTENANCE = {"errors": [{"status": "503", "code": "SNYK-0099", "detail": "planned maintenance"}]}


def still_in(fake: FakeSnyk, email: str) -> list[str]:
    """The groups whose member somebody is."""
    return [
        group.name for group in fake.groups() for m in fake.memberships(group.id) if m.user.email == email
    ]


def statuses(report: OffboardingReport) -> set[tuple[str | None, str]]:
    return {(result.group.name, result.status.value) for result in report.results}


def groups_of(admins: int, *names: str) -> FakeSnyk:
    """Groups of five members, of whom the first ones are admins. All are in each group."""
    fake = FakeSnyk()
    roles = [fake.add_role(name) for name in ("Group Admin", "Group Member")]
    users = [fake.add_user() for _ in range(5)]
    for name in names:
        group = fake.add_group(name)
        for number, user in enumerate(users):
            fake.add_membership(group.id, user.id, roles[number >= admins].id)
    fake.group_id = fake.groups()[0].id
    return fake


def join(fake: FakeSnyk, group: int, user_id: str, role: str = "Group Member") -> None:
    fake.add_membership(fake.groups()[group].id, user_id, role_id(fake, role))


def membership_of(fake: FakeSnyk, group: int, email: str) -> Any:
    return next(m for m in fake.memberships(fake.groups()[group].id) if m.user.email == email)


class Edited(httpx.AsyncBaseTransport):
    """The fake, with the listings of members edited on their way."""

    def __init__(self, fake: FakeSnyk, edit: Callable[[Any], object], *, path: str = "/memberships") -> None:
        self._inner = fake.transport()
        self._edit = edit
        self._path = path

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        if request.method != "GET" or self._path not in request.url.path:
            return response
        document = json.loads(await response.aread())
        self._edit(document)
        return httpx.Response(response.status_code, json=document, headers={"content-type": MEDIA_TYPE})


MEDIA_TYPE = "application/vnd.api+json"

# Who is found


@BOTH
async def test_a_dry_run_says_what_would_go_and_a_real_one_does_it(kind: str) -> None:
    fake = FakeSnyk.example()
    told: list[Progress] = []
    async with Jobs(fake, kind) as jobs:
        report = await jobs.run((await jobs("offboard", ADA.upper(), cascade=True)).collect)
        assert {request.method for request in fake.requests} == {"GET"}
        assert (report.dry_run, report.cascade, report.found, report.complete) == (True, True, True, False)
        assert statuses(report) == {("Engineering", "would_remove"), ("Research", "would_remove")}
        (engineering,) = (r for r in report.results if r.group.name == "Engineering")
        assert [o.org.name for o in engineering.org_memberships] == ["Payments"]
        assert (
            f"  Engineering: {ADA} (Group Admin): would remove, organizations: Payments"
            in str(report).splitlines()
        )
        assert "  not a member of 1 of 3 groups" in str(report).splitlines()

        work = await jobs("offboard", ADA, cascade=True, dry_run=False, on_progress=told.append)
        results = await jobs.all(work)
        assert [result.status for result in results] == ["removed", "removed"]
        assert work.report().of(OffboardingStatus.REMOVED) == tuple(results)
        assert not work.report().complete, "nobody has looked again yet"
        assert still_in(fake, ADA) == []
        assert fake.org_memberships(fake.group_id, engineering.membership.user.id) == []
        assert [(p.done, p.total) for p in told] == [(0, 2), (1, 2), (2, 2)]
        report = await jobs.run(work.collect)
        assert report.complete
        assert report.results == tuple(results)
        assert len(changes_sent(fake)) == 2


@BOTH
@pytest.mark.parametrize("by", ["email", "username", "user id", "membership id"])
async def test_a_person_is_found_by_everything_that_is_theirs_in_every_group(kind: str, by: str) -> None:
    fake = groups_of(1, "A", "B", "C")
    abe = fake.add_user(email="abe.c@mail.test", username="abe@login.test", name="Abe")
    for group in range(3):
        join(fake, group, abe.id)
    given = {
        "email": " Abe.C@mail.test",
        "username": "abe@LOGIN.test",
        "user id": abe.id.upper(),
        "membership id": membership_of(fake, 1, abe.email).id,
    }[by]
    async with Jobs(fake, kind) as jobs:
        work = await jobs("offboard", given, cascade=False, dry_run=False)
        report = await jobs.run(work.collect)
    assert statuses(report) == {(name, "removed") for name in "ABC"}
    assert report.complete
    assert still_in(fake, abe.email) == []
    assert len(changes_sent(fake)) == 3, "and nobody else"


async def test_a_display_name_finds_nobody() -> None:
    fake = groups_of(1, "A")
    async with fake.async_client() as client:
        name = fake.users()[2].name.split()[0]
        report = await client.access.offboard(name, cascade=False, dry_run=False).collect()
    assert report.not_found == (name,)
    assert changes_sent(fake) == []


@BOTH
async def test_a_mistyped_address_is_never_complete_and_says_so(kind: str) -> None:
    fake = FakeSnyk.example()
    async with Jobs(fake, kind) as jobs:
        for dry_run in (True, False):
            work = await jobs("offboard", "aad.0000@example.com", cascade=True, dry_run=dry_run)
            report = await jobs.run(work.collect)
            assert (report.found, report.complete) == (False, False)
            assert report.not_found == ("aad.0000@example.com",)
            assert report.results == ()
            text = str(report)
            assert "! aad.0000@example.com: not found in any of the 3 groups" in text
            assert "removed\n" not in text.replace("nothing was removed", "")
            assert "not a member of" not in text


@BOTH
async def test_many_people_at_once_each_of_whom_is_accounted_for(kind: str) -> None:
    fake = FakeSnyk.example()
    async with Jobs(fake, kind) as jobs:
        given = [ADA, "nobody@example.com", GRACE, fake.users()[0].id]
        work = await jobs("offboard", iter(given), cascade=True, dry_run=False)
        report = await jobs.run(work.collect)
    assert report.people == tuple(given)
    assert report.not_found == ("nobody@example.com",), "the user id is Ada's: she was found"
    assert sorted((r.group.name, r.person) for r in report.results) == [
        ("Engineering", ADA),
        ("Engineering", GRACE),
        ("Research", ADA),
    ]
    assert not report.complete
    assert "  none of them is a member of 1 of 3 groups" in str(report).splitlines()
    assert len(changes_sent(fake)) == 3


@BOTH
async def test_several_accounts_under_one_address_are_not_guessed_at(kind: str) -> None:
    fake = groups_of(1, "A", "B")
    one, other = (fake.add_user(email="ada@mail.test", username=name) for name in ("ada", "ada-github"))
    join(fake, 0, one.id)
    join(fake, 1, other.id)
    async with Jobs(fake, kind) as jobs:
        for dry_run in (True, False):
            with pytest.raises(AmbiguousMatchError) as raised:
                await jobs.run(
                    (await jobs("offboard", "ada@mail.test", cascade=True, dry_run=dry_run)).collect
                )
            assert one.id in str(raised.value)
            assert other.id in str(raised.value)
        assert changes_sent(fake) == []
        work = await jobs("offboard", "ada@mail.test", cascade=True, dry_run=False, all_accounts=True)
        report = await jobs.run(work.collect)
    assert report.complete
    assert {r.membership.user.id for r in report.results} == {one.id, other.id}
    assert still_in(fake, "ada@mail.test") == []


async def test_one_of_several_accounts_can_be_given_by_its_user_id() -> None:
    fake = groups_of(1, "A")
    one, other = (fake.add_user(email="ada@mail.test", username=name) for name in ("ada", "ada-github"))
    join(fake, 0, one.id)
    join(fake, 0, other.id)
    async with fake.async_client() as client:
        report = await client.access.offboard(one.id, cascade=True, dry_run=False).collect()
    assert report.complete
    assert [m.user.id for m in fake.memberships(fake.group_id) if m.user.email == "ada@mail.test"] == [
        other.id
    ]


@pytest.mark.parametrize(
    ("given", "other"),
    [
        ("steve@mail.test", "\N{LATIN SMALL LETTER LONG S}teve@mail.test"),
        ("kim@mail.test", "\N{KELVIN SIGN}im@mail.test"),
        ("strasse@mail.test", "stra\N{LATIN SMALL LETTER SHARP S}e@mail.test"),
        ("ada@mail.test", "\N{CYRILLIC SMALL LETTER A}da@mail.test"),
    ],
)
async def test_a_look_alike_is_refused_and_an_exact_match_in_any_group_wins(given: str, other: str) -> None:
    fake = groups_of(1, "A", "B")
    alike = fake.add_user(email=other, username="somebody")
    join(fake, 0, alike.id)
    async with fake.async_client() as client:
        with pytest.raises(AmbiguousMatchError, match="only looks like"):
            await client.access.offboard(given, cascade=True, dry_run=False).collect()
        assert changes_sent(fake) == []
        join(fake, 1, fake.add_user(email=given).id)
        report = await client.access.offboard(given, cascade=True, dry_run=False).collect()
    assert statuses(report) == {("B", "removed")}
    assert report.complete
    assert still_in(fake, other) == ["A"]


# Guards


@BOTH
@pytest.mark.parametrize("dry_run", [True, False])
async def test_one_does_not_remove_oneself_or_who_is_protected(kind: str, dry_run: bool) -> None:
    fake = FakeSnyk.example()
    options: dict[str, Any] = {"cascade": True, "dry_run": dry_run}
    ada = membership_of(fake, 1, ADA)
    async with Jobs(fake, kind) as jobs:
        for me in (ADA.upper(), ada.user.id, ada.user.username, ada.id):
            with pytest.raises(ProtectedMemberError, match="your own membership"):
                await jobs.run((await jobs("offboard", [GRACE, ADA], me=me, **options)).collect)
        with pytest.raises(ProtectedMemberError, match="protected"):
            await jobs.run((await jobs("offboard", [GRACE, ADA], protect=[ada.id], **options)).collect)
        with pytest.raises(MemberNotFoundError, match=r"nobody@example\.com"):
            await jobs.run((await jobs("offboard", ADA, me="nobody@example.com", **options)).collect)
    assert changes_sent(fake) == []


async def test_oneself_goes_last_where_that_is_allowed() -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        work = client.access.offboard(
            [ADA, GRACE], cascade=True, dry_run=False, me=ADA, allow_self=True, concurrency=1
        )
        assert [r.person for r in (await work.collect()).results] == [GRACE, ADA, ADA]


async def test_somebody_who_looks_like_me_in_another_group_is_no_obstacle() -> None:
    fake = groups_of(1, "A", "B")
    me = fake.users()[3].email
    for number in range(2):
        membership = membership_of(fake, number, me)
        if number:
            fake._state.remove_membership(membership)
    join(fake, 1, fake.add_user(email=me.replace("e", "\N{CYRILLIC SMALL LETTER IE}"), username="x").id)
    leaver = fake.users()[4].email
    async with fake.async_client() as client:
        report = await client.access.offboard(leaver, cascade=True, dry_run=False, me=me).collect()
    assert report.complete


@BOTH
@pytest.mark.parametrize("dry_run", [True, False])
async def test_the_last_admin_of_a_group_stays_and_other_groups_go_on(kind: str, dry_run: bool) -> None:
    fake = groups_of(2, "A", "B", "C")
    first, second = (user.email for user in fake.users()[:2])
    fake._state.remove_membership(membership_of(fake, 1, second))
    join(fake, 2, fake.add_user().id, "Group Admin")
    async with Jobs(fake, kind) as jobs:
        work = await jobs("offboard", [first, second], cascade=True, dry_run=dry_run)
        report = await jobs.run(work.collect)
        done = "would_remove" if dry_run else "removed"
        assert sorted((r.group.name, r.person, r.status) for r in report.results) == [
            ("A", first, "refused"),
            ("A", second, "refused"),
            ("B", first, "refused"),
            ("C", first, done),
            ("C", second, done),
        ]
        assert all(isinstance(r.error, ProtectedMemberError) for r in report.of(OffboardingStatus.REFUSED))
        assert not report.complete
        assert len(report.remaining) == (0 if dry_run else 3)
        assert still_in(fake, first) == (["A", "B", "C"] if dry_run else ["A", "B"])
        work = await jobs("offboard", [first, second], cascade=True, dry_run=False, allow_last_admin=True)
        assert (await jobs.run(work.collect)).complete


async def test_which_roles_are_admin_can_be_said_and_a_group_without_any_is_noted() -> None:
    fake = groups_of(0, "A")
    owner = fake.add_role("Owner")
    user = fake.add_user()
    fake.add_membership(fake.group_id, user.id, owner.id)
    async with fake.async_client() as client:
        offboard = client.access.offboard
        refused = await offboard(user.id, cascade=True, dry_run=False, admin_roles=["Owner"]).collect()
        assert statuses(refused) == {("A", "refused")}
        report = await offboard(user.id, cascade=True, dry_run=False).collect()
    assert statuses(report) == {("A", "removed")}
    assert any("nobody" in note and "admin" in note for note in report.notes)


# Groups that cannot be read


@BOTH
@pytest.mark.parametrize("status", [400, 403, 404, 500])
async def test_a_group_that_cannot_be_read_is_unreadable_and_others_go_on(kind: str, status: int) -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=status, path=f"/groups/{fake.group_id}/memberships", times=100)
    async with Jobs(fake, kind, retries=ONCE) as jobs:
        report = await jobs.run((await jobs("offboard", ADA, cascade=True, dry_run=False)).collect)
        assert statuses(report) == {("Engineering", "unreadable"), ("Research", "removed")}
        (unreadable,) = report.of(OffboardingStatus.UNREADABLE)
        assert getattr(unreadable.error, "status_code", None) == status
        assert not report.complete
        assert f"Engineering: {ADA}: unreadable" in str(report)
        assert f"Engineering: {ADA}: cannot be checked" in str(report)
        assert "  not a member of 1 of 3 groups" in str(report).splitlines()
        assert still_in(fake, ADA) == ["Engineering"]
        nobody = await jobs.run(
            (await jobs("offboard", "x@example.com", cascade=True, dry_run=False)).collect
        )
        assert "x@example.com: not found in any of the 2 groups that can be read" in str(nobody)


def _count_more(document: Any) -> None:
    for entry in document["data"]:
        entry["meta"]["group_membership_count"] += 1


def _forget_a_user(document: Any) -> None:
    document["data"][-1]["relationships"].pop("user")


def _forget_ada(document: Any) -> None:
    document["data"] = [
        entry
        for entry in document["data"]
        if entry["relationships"]["user"]["data"]["attributes"]["email"] != ADA
    ]


@pytest.mark.parametrize("edit", [_count_more, _forget_a_user])
async def test_who_is_listed_in_a_group_that_is_not_all_listed_goes_and_the_rest_is_unknown(
    edit: Callable[[Any], object],
) -> None:
    fake = FakeSnyk.example()
    path = f"{fake.group_id}/memberships"
    async with fake.async_client(transport=Edited(fake, edit, path=path)) as client:
        report = await client.access.offboard(ADA, cascade=True, dry_run=False).collect()
    assert statuses(report) == {
        ("Engineering", "removed"),
        ("Engineering", "unreadable"),
        ("Research", "removed"),
    }
    (unreadable,) = report.of(OffboardingStatus.UNREADABLE)
    assert isinstance(unreadable.error, IncompleteListingError)
    assert not report.complete, "they may have another account there"


async def test_who_is_left_out_of_a_listing_is_never_said_to_be_no_member() -> None:
    fake = FakeSnyk.example()
    path = f"{fake.group_id}/memberships"
    async with fake.async_client(transport=Edited(fake, _forget_ada, path=path)) as client:
        report = await client.access.offboard(ADA, cascade=True, dry_run=False).collect()
    assert statuses(report) == {("Engineering", "unreadable"), ("Research", "removed")}
    assert not report.complete
    assert still_in(fake, ADA) == ["Engineering"]


async def test_more_than_three_people_are_not_listed_for_each_group() -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=403, path=f"/groups/{fake.group_id}/memberships")
    async with fake.async_client() as client:
        report = await client.access.offboard([ADA, GRACE, KEN, TONY], cascade=True).collect()
    assert "Engineering: any of 4 people: unreadable" in str(report)


# What goes wrong


@BOTH
async def test_a_403_stops_the_removals_of_that_group_only(kind: str) -> None:
    fake = groups_of(1, "A", "B")
    leavers = [user.email for user in fake.users()[1:]]
    fake.fail_next(status=403, method="DELETE", path=fake.group_id, times=100)
    async with Jobs(fake, kind) as jobs:
        work = await jobs("offboard", leavers, cascade=True, dry_run=False, concurrency=1)
        report = await jobs.run(work.collect)
    of_a = [r for r in report.results if r.group.name == "A"]
    assert [r.status for r in of_a] == ["failed"] + ["not_started"] * 3
    assert {type(r.error) for r in of_a} == {ForbiddenError}
    assert [r.status for r in report.results if r.group.name == "B"] == ["removed"] * 4
    assert len(changes_sent(fake)) == 5
    assert not report.complete


@BOTH
@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ({"status": 401}, "failed", UnauthorizedError),
        ({"status": 410}, "failed", GoneError),
        ({"status": 503, "body": MAINTENANCE}, "unknown", ServerError),
    ],
)
async def test_what_everything_would_meet_stops_everything(
    kind: str, fault: dict[str, Any], status: str, error: type[Exception]
) -> None:
    fake = groups_of(2, "A", "B", "C")
    leaver = fake.users()[0].email
    async with Jobs(fake, kind, retries=ONCE) as jobs:
        work = await jobs("offboard", leaver, cascade=True, dry_run=False, concurrency=1)
        await jobs.run(work.preview)
        fake.fail_next(times=1000, **fault)
        report = await jobs.run(work.collect)
    assert [r.status for r in report.results] == [status, "not_started", "not_started"]
    assert {type(r.error) for r in report.results} == {error}
    assert (report.looked_again, report.complete) == (False, False)
    assert any("not everything could be checked" in note for note in report.notes)
    assert len(changes_sent(fake)) == 1
    assert still_in(fake, leaver) == ["A", "B", "C"]


@pytest.mark.parametrize("fault", [{"status": 401}, {"status": 503, "body": MAINTENANCE}])
@pytest.mark.parametrize("path", ["/groups", "/memberships", "/org_memberships"])
async def test_where_it_cannot_even_begin_the_error_is_raised(fault: dict[str, Any], path: str) -> None:
    fake = FakeSnyk.example()
    fake.fail_next(path=path, times=100, **fault)
    async with fake.async_client(retries=ONCE) as client:
        with pytest.raises((UnauthorizedError, ServerError)):
            await client.access.offboard(ADA, cascade=True, dry_run=False).collect()
    assert changes_sent(fake) == []


@BOTH
@pytest.mark.parametrize("still_there", [True, False])
@pytest.mark.parametrize("body", [None, "<html>not found</html>"])
async def test_a_removal_without_a_clear_answer_counts_when_a_full_look_shows_it(
    kind: str, still_there: bool, body: str | None
) -> None:
    fake = groups_of(1, "A")
    leaver = fake.users()[2].email
    fake.fail_next(status=503, method="DELETE", after=not still_there)
    if still_there or body:
        headers = {"content-type": "text/html"} if body else {}
        fake.fail_next(status=404, method="DELETE", body=body, headers=headers)
    async with Jobs(fake, kind) as jobs:
        report = await jobs.run((await jobs("offboard", leaver, cascade=True, dry_run=False)).collect)
    (result,) = report.results
    assert result.status == ("unknown" if still_there else "removed")
    assert report.complete is not still_there
    if not still_there:
        assert str(result).endswith(": removed"), "how that became known is of no interest any more"


async def test_a_removal_without_a_clear_answer_and_no_full_look_is_unknown() -> None:
    fake = groups_of(1, "A")
    leaver = fake.users()[2].email
    listings = 0

    def edit(document: Any) -> None:
        nonlocal listings
        listings += 1
        if listings > 1:
            _count_more(document) if "meta" in str(document["data"][:1]) else None

    fake.fail_next(status=503, method="DELETE", after=True)
    async with fake.async_client(transport=Edited(fake, edit)) as client:
        report = await client.access.offboard(leaver, cascade=True, dry_run=False).collect()
    (result,) = report.results
    assert result.status == "unknown"
    assert isinstance(result.error, NotFoundError)
    assert not report.complete


@pytest.mark.parametrize("dry_run", [True, False])
@pytest.mark.parametrize("status", [403, 500])
async def test_organizations_that_cannot_be_read_are_none_and_stop_nothing(
    status: int, dry_run: bool
) -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=status, path="/org_memberships", times=1000)
    async with fake.async_client(retries=ONCE) as client:
        report = await client.access.offboard([ADA, GRACE], cascade=True, dry_run=dry_run).collect()
    assert {r.status for r in report.results} == {"would_remove" if dry_run else "removed"}
    assert {r.org_memberships for r in report.results} == {None}
    assert any("organizations cannot be read" in note for note in report.notes)
    assert not report.complete, "nobody knows what is left below"
    asked = [r.path for r in fake.requests if "org_memberships" in r.path]
    looks = 1 if dry_run else 2
    assert len(asked) <= looks * 3
    if status == 403 and not dry_run:
        assert any("cannot be checked" in str(access) for access in report.remaining)


async def test_people_are_seen_again_and_what_changed_in_between_is_respected() -> None:
    fake = groups_of(2, "A", "B", "C", "D")
    admin, leaver = fake.users()[0].email, fake.users()[3]
    async with fake.async_client(retries=ONCE) as client:
        work = client.access.offboard([admin, leaver.email], cascade=True, dry_run=False, concurrency=1)
        assert len(await work.preview()) == 8
        fake._state.remove_membership(membership_of(fake, 0, leaver.email))
        fake._state.change_role(membership_of(fake, 1, leaver.email), _role(fake, "Group Admin"))
        fake._state.remove_membership(membership_of(fake, 2, fake.users()[1].email))
        fake.fail_next(status=500, method="GET", path=fake.groups()[3].id)
        await clock.pass_by(11)
        report = await work.collect()
    assert sorted((r.group.name, r.person == admin, r.status.value) for r in report.results) == [
        ("A", False, "not_member"),
        ("A", True, "removed"),
        ("B", False, "changed_since"),
        ("B", True, "removed"),
        ("C", False, "removed"),
        ("C", True, "refused"),
        ("D", False, "unreadable"),
        ("D", True, "unreadable"),
    ]
    assert len(changes_sent(fake)) == 3
    assert not report.complete


def _role(fake: FakeSnyk, name: str) -> Any:
    return next(role for role in fake.roles() if role.name == name)


async def test_where_the_second_look_before_the_first_removal_meets_a_401_nothing_is_sent() -> None:
    fake = groups_of(1, "A")
    async with fake.async_client() as client:
        work = client.access.offboard(fake.users()[3].email, cascade=True, dry_run=False)
        await work.preview()
        fake.fail_next(status=401)
        await clock.pass_by(11)
        with pytest.raises(UnauthorizedError):
            await work.collect()
        assert changes_sent(fake) == []
        assert (await work.collect()).complete, "and it can go on"


def after_the_first(event: Callable[[], object], age: clock.Age) -> Callable[[Progress], object]:
    """An observer: after the first outcome something happens, and five minutes are over."""

    def observe(progress: Progress) -> None:
        if progress.done == 1:
            event()
            age.offset += 301

    return observe


async def test_a_long_run_looks_again_and_a_group_that_cannot_be_read_any_more_is_unreadable(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = groups_of(1, "A", "B", "C")
    leaver = fake.users()[3].email

    def event() -> None:
        fake._state.remove_membership(membership_of(fake, 1, leaver))
        fake.fail_next(status=403, path=fake.groups()[2].id)

    async with fake.async_client() as client:
        work = client.access.offboard(
            leaver,
            cascade=True,
            dry_run=False,
            concurrency=1,
            on_progress=after_the_first(event, clock.Age(monkeypatch)),
        )
        report = await work.collect()
    assert [(r.group.name, r.status.value) for r in report.results] == [
        ("A", "removed"),
        ("B", "not_member"),
        ("C", "unreadable"),
    ]
    assert len(changes_sent(fake)) == 1


async def test_a_look_that_everything_else_would_fail_with_too_stops_a_long_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    fake = groups_of(1, "A", "B", "C")
    leaver = fake.users()[3].email
    observe = after_the_first(lambda: fake.fail_next(status=401, times=100), clock.Age(monkeypatch))
    async with fake.async_client() as client:
        work = client.access.offboard(leaver, cascade=True, dry_run=False, concurrency=1, on_progress=observe)
        report = await work.collect()
    assert [r.status for r in report.results] == ["removed", "failed", "not_started"], (
        "nothing was sent for it"
    )
    assert {type(r.error) for r in report.results[1:]} == {UnauthorizedError}
    assert len(changes_sent(fake)) == 1


@pytest.mark.parametrize("collect", [True, False])
async def test_a_cancellation_loses_no_result_and_the_rest_can_go_on(collect: bool) -> None:
    fake = groups_of(2, "A", "B", "C", "D")
    leaver = fake.users()[0].email
    held = membership_of(fake, 1, leaver).id
    with anyio.CancelScope() as scope:

        class Holding(httpx.AsyncBaseTransport):
            async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
                response = await fake.transport().handle_async_request(request)
                if request.method == "DELETE" and request.url.path.endswith(held):
                    scope.cancel()
                    await anyio.sleep_forever()
                return response

        client = fake.async_client(transport=Holding())
        work = client.access.offboard(leaver, cascade=True, dry_run=False, concurrency=1)
        if collect:
            await work.collect()
        else:
            async for _ in work:
                pass
    assert scope.cancelled_caught
    so_far = ["removed", "unknown", "would_remove", "would_remove"]
    assert [r.status for r in work.report().results] == so_far
    assert isinstance(work.report().results[1].error, InterruptedChangeError)
    assert len(work.pending) == 2
    report = await work.collect()
    assert [r.status for r in report.results] == ["removed", "unknown", "removed", "removed"]
    assert report.complete, "the second look has shown that nothing is left"
    assert len(changes_sent(fake)) == 4
    await client.aclose()


async def test_a_look_that_was_cut_off_leaves_nothing_behind() -> None:
    fake = FakeSnyk.example()
    fake.fail_next(status=403, path="org_memberships")
    fake.fail_next(status=401, path="org_memberships")
    async with fake.async_client() as client:
        work = client.access.offboard([ADA, TONY], cascade=True, dry_run=False, concurrency=1)
        with pytest.raises(UnauthorizedError):
            await work.collect()
        tony = membership_of(fake, 0, TONY).user
        object.__setattr__(tony, "email", "somebody.else@example.com")
        report = await work.collect()
    assert report.not_found == (TONY,)
    assert not [note for note in report.notes if "cannot be read" in note], "of the look that was cut off"
    assert {r.person for r in report.results} == {ADA}
    assert still_in(fake, "somebody.else@example.com") == ["Engineering"]


# Large tenants, and what it costs


@BOTH
async def test_in_a_large_tenant_what_was_found_comes_first_and_requests_are_few(kind: str) -> None:
    fake = FakeSnyk()
    roles = [fake.add_role(name) for name in ("Group Admin", "Group Member")]
    users = [fake.add_user() for _ in range(3)]
    for number in range(110):  # two pages of groups
        group = fake.add_group(f"Group {number:03}")
        for user, role in zip(users if number % 10 == 0 else users[:2], (*roles, roles[1]), strict=False):
            fake.add_membership(group.id, user.id, role.id)
    fake.group_id = group.id
    async with Jobs(fake, kind) as jobs:
        work = await jobs("offboard", users[2].email, cascade=True, dry_run=False)
        report = await jobs.run(work.collect)
    assert report.complete
    lines = str(report).splitlines()
    assert lines[1] == f"  Group 000: {users[2].email} (Group Member): removed"
    assert all(line.endswith("removed") for line in lines[1:12])
    assert lines[12:] == ["  not a member of 99 of 110 groups"]
    kinds = [r.path.rpartition("/")[2] for r in fake.requests if r.method == "GET"]
    assert {name: kinds.count(name) for name in set(kinds)} == {
        "groups": 2 * 2,
        "memberships": 2 * 110,
        "org_memberships": 2 * 11,
        "sso_connections": 110,
    }
    assert len(changes_sent(fake)) == 11


@pytest.mark.parametrize(
    "bad",
    [
        {"people": "ada lovelace", "cascade": True},
        {"people": " ", "cascade": True},
        {"people": [], "cascade": True},
        {"people": [ADA, 7], "cascade": True},
        {"people": ADA, "cascade": None},
        {"people": ADA, "cascade": True, "dry_run": None},
        {"people": ADA, "cascade": True, "concurrency": 0},
        {"people": ADA, "cascade": True, "me": ""},
        {"people": ADA, "cascade": True, "protect": ADA},
        {"people": ADA, "cascade": True, "admin_roles": []},
    ],
)
async def test_bad_input_is_refused_before_anything_is_sent(bad: dict[str, Any]) -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError):
            client.access.offboard(**bad)
    assert fake.requests == []


async def test_a_membership_that_is_listed_without_its_user_is_not_removed() -> None:
    fake = groups_of(1, "First", "Second")
    mine = fake.add_user(email="me@mail.test", username="me")
    for group in (0, 1):
        join(fake, group, mine.id)
    hidden = membership_of(fake, 0, "me@mail.test").id
    async with fake.async_client() as client:
        changed_listing(client, {hidden: None})
        work = client.access.offboard(hidden, cascade=True, dry_run=False, me="me@mail.test")
        report = await work.collect()
    assert [result.status for result in report.results] == ["unreadable"]
    assert report.not_found == (hidden,)
    assert not report.complete
    assert changes_sent(fake) == []


@BOTH
async def test_the_people_can_be_in_a_file_or_come_from_a_stream(kind: str, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    path = tmp_path / "leavers"
    path.write_text(f"{GRACE}\n{TONY}\n")
    async with Jobs(fake, kind) as jobs:
        for people in (
            path,
            io.StringIO(f"email,name\n{GRACE},Grace\n{TONY},Tony\n"),
            io.BytesIO(path.read_bytes()),
        ):
            work = await jobs("offboard", people, cascade=True)
            report = await jobs.run(work.collect)
            assert (set(report.people), report.not_found) == ({GRACE, TONY}, ())
            assert {result.person for result in report.results} == {GRACE, TONY}


async def test_a_report_in_the_midst_names_what_is_under_way_and_what_is_not_begun() -> None:
    fake = groups_of(1, *"ABCDEF")
    reports: list[list[str]] = []
    async with fake.async_client() as client:
        work = client.access.offboard(
            fake.users()[4].email,
            cascade=True,
            dry_run=False,
            concurrency=3,
            on_progress=lambda _: reports.append([r.status.value for r in work.report().results]),
        )
        await work.collect()
    assert {len(statuses) for statuses in reports} == {6}
    assert reports[0] == ["would_remove"] * 6
    assert reports[1] == ["removed", "unknown", "unknown", *["would_remove"] * 3]
    assert reports[-1] == ["removed"] * 6
