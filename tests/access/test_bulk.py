"""Role changes and removals in bulk, with faults on the way."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anyio
import httpx
import pytest
from support.jobs import BOTH, NOWHERE, ONCE, Jobs, changes_sent, role_id, roles_of
from support.worlds import changed_listing

from groups_sdk import (
    AmbiguousMatchError,
    AsyncGroupsClient,
    ClientClosedError,
    ConflictError,
    ForbiddenError,
    GoneError,
    IncompleteListingError,
    InterruptedChangeError,
    InvalidArgumentError,
    MemberNotFoundError,
    NotFoundError,
    Progress,
    ProtectedMemberError,
    RateLimitedError,
    Role,
    RoleChoiceError,
    ServerError,
    Status,
    UnauthorizedError,
)
from groups_sdk.access._outcomes import Action, Change, Outcome
from groups_sdk.models import User
from groups_sdk.testing import FakeSnyk

pytestmark = pytest.mark.anyio


def ids(fake: FakeSnyk, *indices: int) -> list[str]:
    members = fake.memberships(fake.group_id)
    return [members[index].id for index in indices]


@BOTH
@pytest.mark.parametrize("collect", [True, False])
async def test_roles_change_and_who_has_theirs_is_left_alone(kind: str, collect: bool) -> None:
    fake = FakeSnyk.example()
    wanted = ids(fake, *range(1, 16))
    async with Jobs(fake, kind) as jobs:
        changes = await jobs("update_memberships", fake.group_id, dict.fromkeys(wanted, "Group Viewer"))
        assert fake.requests == []
        outcomes = await (jobs.run(changes.collect) if collect else jobs.all(changes))
    assert {outcome.change.membership_id for outcome in outcomes} == set(wanted)
    assert changes.counts == {**dict.fromkeys(Status, 0), Status.APPLIED: 12, Status.UNCHANGED: 3}
    assert {m.role.name for m in fake.memberships(fake.group_id) if m.id in wanted} == {"Group Viewer"}
    assert len(changes_sent(fake)) == 12
    unchanged = [outcome for outcome in outcomes if outcome.status is Status.UNCHANGED]
    assert all(not outcome.sent and outcome.change.user.email for outcome in unchanged)
    assert sum(r.method == "GET" for r in fake.requests) == 1, "one listing, not a look for each"


@BOTH
async def test_members_are_removed(kind: str) -> None:
    fake = FakeSnyk.example()
    gone = ids(fake, 1, 2, 3)
    async with Jobs(fake, kind) as jobs:
        changes = await jobs("delete_memberships", fake.group_id, gone, cascade=True)
        outcomes = await jobs.all(changes)
    assert [outcome.status for outcome in outcomes] == ["applied"] * 3
    assert len(fake.memberships(fake.group_id)) == 33
    assert all(("cascade", "true") in r.query for r in fake.requests if r.method == "DELETE")


async def test_many_people_cost_one_listing() -> None:
    fake = FakeSnyk.with_members(350)
    viewer = role_id(fake, "Group Viewer")
    async with fake.async_client() as client:
        wanted = ids(fake, 1, 2, 3, 4)
        changes = client.access.update_memberships(
            fake.group_id, [(id_.upper(), Role(viewer, "group viewer")) for id_ in wanted]
        )
        outcomes = await changes.collect()
        assert {o.change.membership_id for o in outcomes} == set(wanted)
        assert sum(r.method == "GET" for r in fake.requests) == 4, "four pages"
        assert [o async for o in client.access.update_memberships(fake.group_id, {})] == []


@BOTH
async def test_who_is_no_member_is_told_and_nothing_is_sent_for_them(kind: str) -> None:
    fake = FakeSnyk.example()
    (there,) = ids(fake, 3)
    async with Jobs(fake, kind) as jobs:
        for work in (
            await jobs("update_memberships", fake.group_id, {NOWHERE: "Group Viewer", there: "Group Viewer"}),
            await jobs("delete_memberships", fake.group_id, [NOWHERE, there], cascade=True),
        ):
            outcomes = {o.change.membership_id: o for o in await jobs.run(work.collect)}
            assert (outcomes[NOWHERE].status, outcomes[NOWHERE].sent) == ("failed", False)
            assert isinstance(outcomes[NOWHERE].error, MemberNotFoundError)
            assert outcomes[there].status is Status.APPLIED
    assert [name for _, name in changes_sent(fake)] == [there, there]


async def test_of_an_incomplete_listing_nobody_is_called_no_member() -> None:
    fake = FakeSnyk.with_members(150)
    fake.twist_next_page("empty")
    async with fake.async_client() as client:
        people = ids(fake, 1, 2, 3, 140)
        changes = client.access.delete_memberships(fake.group_id, people, cascade=True)
        fake.twist_next_page("no_links")
        outcomes = {o.change.membership_id: o for o in await changes.collect()}
        assert isinstance(outcomes[people[3]].error, IncompleteListingError)
        assert not outcomes[people[3]].sent
        shown = fake.memberships(fake.group_id)[5].user
        for person, status in ((shown.email, "failed"), (shown.id, "applied")):
            fake.twist_next_page("no_links")
            work = client.access.delete_memberships(fake.group_id, [person], cascade=True)
            (outcome,) = await work.collect()
            assert outcome.status == status, "another account may go by the name"


async def test_filters_that_miss_a_second_account_remove_nobody() -> None:
    fake = Exact()
    group, roles = fake.add_group(), [fake.add_role(name) for name in ("Group Admin", "Group Member")]
    fake.group_id = group.id
    for number, email in enumerate(("root@mail.test", "KIM@mail.test", "kim@mail.test")):
        fake.add_membership(group.id, fake.add_user(email=email).id, roles[number > 0].id)
    async with fake.async_client() as client:
        with pytest.raises(AmbiguousMatchError, match="2 accounts"):
            await client.access.delete_memberships(group.id, ["KIM@mail.test"], cascade=True).collect()
    assert changes_sent(fake) == []


class Exact(FakeSnyk):
    """Whose email filter finds capital letters only."""

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        parts = scope["query_string"].decode().split("&")
        parts = ["user_id=" + NOWHERE if part.startswith("email=kim") else part for part in parts]
        await super().__call__({**scope, "query_string": "&".join(parts).encode()}, receive, send)


@BOTH
async def test_the_guards_hold_for_changes_in_bulk(kind: str) -> None:
    fake = FakeSnyk.example()
    admins = [m for m in fake.memberships(fake.group_id) if m.role.name == "Group Admin"]
    grace, alan = (m.user.email for m in fake.memberships(fake.group_id)[1:3])
    everybody = [m.user.email for m in admins]
    async with Jobs(fake, kind) as jobs:
        for name, changes, options in (
            ("update_memberships", dict.fromkeys(everybody, "Group Viewer"), {}),
            ("delete_memberships", everybody, {"cascade": True}),
            ("update_memberships", {grace: "Group Viewer"}, {"me": grace}),
            ("update_memberships", {grace: "Group Viewer"}, {"protect": [grace.upper()]}),
            ("delete_memberships", [grace, alan], {"cascade": True, "protect": [alan]}),
            ("update_memberships", {grace: "Group Viewer"}, {"me": "nobody@example.com"}),
        ):
            expected = MemberNotFoundError if options.get("me", grace) != grace else ProtectedMemberError
            work = await jobs(name, fake.group_id, changes, **options)
            with pytest.raises(expected):
                await jobs.run(work.collect)
        assert changes_sent(fake) == []
        for name, changes, options in (
            ("update_memberships", dict.fromkeys(everybody, "Group Viewer"), {"allow_last_admin": True}),
            ("delete_memberships", [grace], {"cascade": True, "me": grace, "allow_self": True}),
        ):
            work = await jobs(name, fake.group_id, changes, **options)
            assert {o.status for o in await jobs.run(work.collect)} == {"applied"}


async def test_an_unknown_loss_of_an_admin_counts_as_a_loss() -> None:
    fake = FakeSnyk.example()
    everybody = [m.id for m in fake.memberships(fake.group_id) if m.role.name == "Group Admin"]
    fake.fail_next(status=500, method="DELETE", path=everybody[0], times=9)
    async with fake.async_client(retries=ONCE) as client:
        work = client.access.delete_memberships(fake.group_id, everybody[:2], cascade=True, concurrency=1)
        assert [o.status for o in await work.collect()] == ["unknown", "applied"]
        with pytest.raises(ProtectedMemberError):
            await client.access.delete_memberships(
                fake.group_id, [everybody[0], everybody[2]], cascade=True
            ).collect()


async def test_a_member_without_a_user_is_looked_for_among_all_members() -> None:
    fake = FakeSnyk.example()
    (target,) = ids(fake, 3)
    fake.fail_next(status=500, method="DELETE", path=target, after=True)
    async with fake.async_client(retries=ONCE) as client:
        changed_listing(client, {target: None})
        (outcome,) = await client.access.delete_memberships(fake.group_id, [target], cascade=True).collect()
    assert outcome.status is Status.APPLIED
    assert target not in {m.id for m in fake.memberships(fake.group_id)}


@pytest.mark.parametrize("guarded", [{"me": "grace.0001@example.com"}, {"protect": ["grace.0001"]}])
async def test_a_member_without_a_user_may_be_whoever_is_guarded(guarded: dict[str, Any]) -> None:
    fake = FakeSnyk.example()
    (target,) = ids(fake, 3)
    async with fake.async_client() as client:
        changed_listing(client, {target: None})
        work = client.access.delete_memberships(fake.group_id, [target], cascade=True, **guarded)
        (outcome,) = await work.collect()
    assert (outcome.status, type(outcome.error), outcome.sent) == ("failed", IncompleteListingError, False)
    assert changes_sent(fake) == []


async def test_two_names_of_one_member_are_refused() -> None:
    fake = FakeSnyk.example()
    user = fake.memberships(fake.group_id)[1].user
    async with fake.async_client() as client:
        work = client.access.update_memberships(
            fake.group_id, {user.email: "Group Viewer", user.username: "Group Admin"}
        )
        with pytest.raises(InvalidArgumentError, match="are the same member"):
            await work.collect()
    assert changes_sent(fake) == []


@pytest.mark.parametrize(
    "bad",
    [
        lambda access, group, one: access.update_memberships("x", {one: "Group Viewer"}),
        lambda access, group, one: access.update_memberships(group, {"x y": "Group Viewer"}),
        lambda access, group, one: access.update_memberships(group, {one: " "}),
        lambda access, group, one: access.update_memberships(group, {one: None}),
        lambda access, group, one: access.update_memberships(group, {one: Role("", "Group Viewer")}),
        lambda access, group, one: access.update_memberships(group, [(one, "A"), (one.upper(), "B")]),
        lambda access, group, one: access.update_memberships(group, {one: "A"}, concurrency=0),
        lambda access, group, one: access.delete_memberships(group, [one, one], cascade=True),
        lambda access, group, one: access.delete_memberships(group, one, cascade=True),
        lambda access, group, one: access.delete_memberships(group, [one], cascade=None),
        lambda access, group, one: access.delete_memberships("x", [one], cascade=True),
    ],
)
async def test_bad_input_is_refused_before_anything_is_sent(bad: Callable[..., Any]) -> None:
    fake = FakeSnyk.example()
    async with fake.async_client() as client:
        with pytest.raises(InvalidArgumentError):
            bad(client.access, fake.group_id, ids(fake, 1)[0])
    assert fake.requests == []


async def test_an_unknown_role_is_refused_before_anything_is_changed() -> None:
    fake = FakeSnyk.example()
    first, second = ids(fake, 1, 2)
    async with fake.async_client() as client:
        changes = client.access.update_memberships(fake.group_id, {first: "Group Viewer", second: "Owner"})
        with pytest.raises(RoleChoiceError, match="Owner"):
            await changes.collect()
    assert changes_sent(fake) == []


@BOTH
async def test_a_failure_does_not_stop_the_others(kind: str) -> None:
    fake = FakeSnyk.example()
    targets = ids(fake, 1, 2, 3, 5, 6)
    fake.fail_next(status=404, method="PATCH", path=targets[1])
    fake.fail_next(status=409, method="PATCH", path=targets[3])
    async with Jobs(fake, kind) as jobs:
        changes = await jobs(
            "update_memberships", fake.group_id, dict.fromkeys(targets, "Group Viewer"), concurrency=2
        )
        outcomes = {o.change.membership_id: o for o in await jobs.all(changes)}
    assert [outcomes[i].status for i in targets] == ["applied", "failed", "applied", "failed", "applied"]
    assert isinstance(outcomes[targets[1]].error, NotFoundError)
    assert isinstance(outcomes[targets[3]].error, ConflictError)


@BOTH
async def test_an_outcome_that_nobody_knows_says_so(kind: str) -> None:
    fake = FakeSnyk.example()
    lied, refused = ids(fake, 1, 2)
    fake.fail_next(status=500, method="DELETE", path=lied)
    fake.fail_next(status=400, method="DELETE", path=refused, after=True)
    async with Jobs(fake, kind, retries=ONCE) as jobs:
        changes = await jobs("delete_memberships", fake.group_id, [lied, refused], cascade=True)
        outcomes = {o.change.membership_id: o for o in await jobs.all(changes)}
    assert outcomes[lied].status is Status.UNKNOWN
    assert isinstance(outcomes[lied].error, ServerError)
    assert outcomes[refused].status is Status.FAILED


MAINTENANCE = {"errors": [{"status": "503", "code": "SNYK-0099", "detail": "planned maintenance"}]}


@BOTH
@pytest.mark.parametrize("collect", [True, False])
@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        ({"status": 401}, "failed", UnauthorizedError),
        ({"status": 410}, "failed", GoneError),
        ({"status": 429, "headers": {"retry-after": "100000"}}, "failed", RateLimitedError),
        ({"status": 503, "body": MAINTENANCE}, "unknown", ServerError),
    ],
)
async def test_what_everything_would_meet_stops_everything(
    kind: str, collect: bool, fault: dict[str, Any], status: str, error: type[Exception]
) -> None:
    fake = FakeSnyk.example()
    targets = ids(fake, *range(1, 12))
    fake.fail_next(method="DELETE", path=targets[2], **fault)
    async with Jobs(fake, kind) as jobs:
        changes = await jobs("delete_memberships", fake.group_id, targets, cascade=True, concurrency=1)
        outcomes = await (jobs.run(changes.collect) if collect else jobs.all(changes))
    assert [o.status for o in outcomes] == ["applied"] * 2 + [status] + ["not_started"] * 8
    assert isinstance(outcomes[2].error, error)
    assert {id(o.error) for o in outcomes[2:]} == {id(outcomes[2].error)}, "one reason for all"
    assert [o.sent for o in outcomes] == [True] * 3 + [False] * 8
    assert [target for _, target in changes_sent(fake)] == targets[:3]


async def test_a_client_that_is_closed_stops_everything() -> None:
    fake = FakeSnyk.example()
    client = fake.async_client()
    changes = client.access.delete_memberships(fake.group_id, ids(fake, 1, 2, 3), cascade=True, concurrency=1)
    steps = aiter(changes)
    assert (await anext(steps)).status is Status.APPLIED
    await client.aclose()
    rest = [outcome async for outcome in steps]
    assert [(o.status, o.sent) for o in rest] == [("failed", False), ("not_started", False)]
    assert all(isinstance(o.error, ClientClosedError) and not o.error.maybe_applied for o in rest)


@BOTH
async def test_what_one_may_not_do_is_not_tried_144_times(kind: str) -> None:
    fake = FakeSnyk.with_members(160)
    fake.fail_next(status=403, method="DELETE", times=1000)
    targets = ids(fake, *range(1, 145))
    async with Jobs(fake, kind) as jobs:
        changes = await jobs("delete_memberships", fake.group_id, targets, cascade=True, concurrency=10)
        outcomes = await jobs.run(changes.collect)
    sent = len(changes_sent(fake))
    assert 1 <= sent <= 10
    assert changes.counts == {
        **dict.fromkeys(Status, 0),
        Status.FAILED: sent,
        Status.NOT_STARTED: 144 - sent,
    }
    rest = [o for o in outcomes if o.status is Status.NOT_STARTED]
    assert len({id(o.error) for o in rest}) == 1
    assert all(isinstance(o.error, ForbiddenError) and not o.sent for o in rest)
    assert len(fake.memberships(fake.group_id)) == 160


@pytest.mark.parametrize("status", [400, 404, 409])
async def test_what_is_wrong_with_one_change_never_stops_the_rest(status: int) -> None:
    fake = FakeSnyk.example()
    targets = ids(fake, 1, 2, 3, 5, 6)
    fake.fail_next(status=status, method="DELETE", times=3)
    async with fake.async_client() as client:
        changes = client.access.delete_memberships(fake.group_id, targets, cascade=True, concurrency=1)
        outcomes = await changes.collect()
    assert [o.status for o in outcomes] == ["failed"] * 3 + ["applied"] * 2


class Holding(httpx.AsyncBaseTransport):
    """Lets writes to some memberships through and then keeps their answers back."""

    def __init__(self, fake: FakeSnyk, held: list[str], reached: Callable[[], object]) -> None:
        self._inner = fake.transport()
        self._held = set(held)
        self._reached = reached

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        response = await self._inner.handle_async_request(request)
        name = request.url.path.rpartition("/")[2]
        if name in self._held:
            self._held.discard(name)
            if not self._held:
                self._reached()
            await anyio.sleep_forever()
        return response


@pytest.mark.parametrize("collect", [True, False])
async def test_what_a_timeout_cuts_off_is_unknown_and_the_rest_can_go_on(collect: bool) -> None:
    fake = FakeSnyk.example()
    targets = ids(fake, *range(1, 7))
    with anyio.CancelScope() as scope:
        client = fake.async_client(transport=Holding(fake, targets[:2], scope.cancel))
        changes = client.access.delete_memberships(fake.group_id, targets, cascade=True, concurrency=2)
        await (changes.collect() if collect else changes.step())
    assert scope.cancelled_caught
    assert [(o.status, type(o.error)) for o in changes.outcomes] == [("unknown", InterruptedChangeError)] * 2
    assert len(fake.memberships(fake.group_id)) == 34, "they had been applied, in truth"
    assert [c.membership_id for c in changes.pending] == targets[2:]
    rest = await changes.collect()
    assert [o.status for o in rest] == ["unknown"] * 2 + ["applied"] * 4
    assert len(changes_sent(fake)) == 6
    await client.aclose()


async def test_ten_changes_at_a_time_at_the_most() -> None:
    fake = FakeSnyk.with_members(60)
    under_way = most = 0
    ten = anyio.Event()

    class Counting(httpx.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
            nonlocal under_way, most
            if request.method == "GET":
                return await fake.transport().handle_async_request(request)
            under_way += 1
            most = max(most, under_way)
            if under_way == 10:
                ten.set()
            with anyio.fail_after(60):
                await ten.wait()
            for _ in range(5):
                await anyio.lowlevel.checkpoint()
            under_way -= 1
            return await fake.transport().handle_async_request(request)

    async with AsyncGroupsClient(
        FakeSnyk.TOKEN, base_url="http://localhost/rest", transport=Counting(), max_connections=50
    ) as client:
        told: list[Progress] = []
        changes = client.access.delete_memberships(
            fake.group_id, ids(fake, *range(40)), cascade=False, on_progress=told.append
        )
        await changes.collect()
    assert most == 10
    assert [(p.done, p.total) for p in told[1:]] == [(n, 40) for n in range(1, 41)]


async def test_the_preview_sends_no_change() -> None:
    fake = FakeSnyk.example()
    targets = ids(fake, 1, 4)
    async with fake.async_client() as client:
        changes = client.access.update_memberships(fake.group_id, dict.fromkeys(targets, "Group Viewer"))
        before = roles_of(fake)
        (change,) = await changes.preview()
        assert str(change) == "grace.0001@example.com: Group Member -> Group Viewer"
        assert [str(outcome) for outcome in changes.outcomes] == [
            "unchanged: barbara.0004@example.com: Group Viewer -> Group Viewer"
        ]
        assert roles_of(fake) == before
        await changes.collect()
        assert len(changes_sent(fake)) == 1


def test_a_change_reads_well_whatever_is_known_of_it() -> None:
    admin, reader = Role("1", "Group Admin"), Role("2")
    user = User("9", name="Ada")
    made = [
        Change(action=Action.ADD, group_id="g", user=user, role=admin),
        Change(action=Action.SET_ROLE, group_id="g", membership_id="5", before=reader, role=admin),
        Change(action=Action.SET_ROLE, group_id="g", role=None),
        Change(action=Action.REMOVE, group_id="g", membership_id="5", user=User("9", username="ada")),
        Change(action=Action.REMOVE, group_id="g", user=User("9"), before=admin),
    ]
    assert list(map(str, made)) == [
        "add Ada as Group Admin",
        "5: 2 (name not known) -> Group Admin",
        "?: ? -> ?",
        "remove ada",
        "remove 9 (Group Admin)",
    ]
    hostile = Change(action=Action.REMOVE, group_id="g", user=User("9", email="\x1b[2J\u202e"))
    assert str(Outcome(hostile, Status.FAILED, OSError("\x07"))) == "failed: remove \\x1b[2J\\u202e: \\x07"
    assert [change.key for change in made] == [
        "add:g:9",
        "set_role:5",
        "set_role:g:",
        "remove:5",
        "remove:g:9",
    ]


async def test_a_role_by_id_whose_name_was_not_looked_up_is_not_called_unknown_to_the_api() -> None:
    fake = FakeSnyk.with_members(2_500)
    viewer = next(role for role in fake.roles() if role.name == "Group Viewer")
    members = [m for m in fake.memberships(fake.group_id) if m.role.name == "Group Member"][:5]
    async with fake.async_client(rate_limit=None) as client:
        changes = {m.user.email: viewer.id for m in members}
        (first, *_) = await client.access.update_memberships(fake.group_id, changes).preview()
    assert str(first) == f"{members[0].user.email}: Group Member -> {viewer.id} (name not known)"
