"""The requests that the jobs need, each with its reason, to be put beside those that they send."""

from __future__ import annotations

import contextlib
import io
from collections.abc import Callable, Iterator, Sequence
from math import ceil
from pathlib import Path
from tempfile import TemporaryDirectory

import attrs
import pytest

from groups_sdk import GroupsClient
from groups_sdk.cli import main
from groups_sdk.testing import FakeSnyk
from groups_sdk.testing._state import MembershipRecord
from support.loopback import served

Needs = dict[str, int]
"""How many requests are needed, by what they are for."""

EVERYBODY = "everybody: only that proves who is no member, and that nobody else has the name"
AS_SOON = "everybody: that takes no more requests than filters would"
EMAIL = "the person by the email filter; the answer tells how many members there are"
USERNAME = "the person by the username filter: their address may be somebody else's username"
ID = "the person by the user_id filter"
ROLE = "somebody with the wanted role: its id, and what the API calls it"
ADMIN = "an admin besides: the guard of the last admin"
GROUP = "the group, for its name"
GROUPS = "the groups that the token sees"
SSO = "the SSO connections and their users: who is known by another name, or can be added"
SEND = "the changes"


class World:
    """A group of so many members, the last of whom is an admin besides the first."""

    def __init__(self, members: int, directory: Path) -> None:
        self.members = members
        self.directory = directory
        self.fake = FakeSnyk.with_members(members - 1, record_limit=100_000)
        self.group_id = self.fake.group_id
        roles = {role.name: role for role in self.fake.roles()}
        self.fake.add_membership(self.group_id, self.fake.add_user().id, roles["Group Admin"].id)
        org = self.fake.add_org(self.group_id, "Shop")
        below = self.fake.add_role("Org Collaborator", kind="org_role")
        connection = self.fake.add_sso_connection(self.group_id, "SSO")
        self.known = [m for m in self.fake.memberships(self.group_id) if m.role.name == "Group Viewer"][:8]
        """Members with an organization, who sign in by SSO."""
        for member in self.known:
            self.fake.add_org_membership(org.id, member.user.id, below.id)
            self.fake.add_sso_user(connection.id, member.user.id)

    @property
    def pages(self) -> int:
        """How many requests it takes now to list everybody."""
        return ceil(len(self.fake.memberships(self.group_id)) / 100)

    @property
    def many(self) -> int:
        """How many people "many" are: fifty, or a third of a small group."""
        return min(50, self.members // 3)

    def of(self, role: str, count: int) -> list[MembershipRecord]:
        """The last members with that role, as they are now."""
        return [m for m in self.fake.memberships(self.group_id) if m.role.name == role][-count:]

    def email(self, role: str = "Group Member", number: int = 0) -> str:
        return self.of(role, number + 1)[0].user.email

    def path(self, name: str, text: str | None = None) -> Path:
        """A file that is new, with a text, or that is not there yet."""
        path = self.directory / f"{len([*self.directory.iterdir()])}-{name}"
        if text is not None:
            path.write_text(text)
        return path


Run = Callable[[GroupsClient, World], object]


@attrs.frozen
class Job:
    """`needs` is what it takes in a world; a job is `cheap` when that does not grow with the group."""

    name: str
    run: Run
    needs: Callable[[World], Needs]
    cheap: bool


JOBS: list[Job] = []


def job(name: str, needs: Callable[[World], Needs], *, cheap: bool = False) -> Callable[[Run], Run]:
    def register(run: Run) -> Run:
        JOBS.append(Job(name, run, needs, cheap))
        return run

    return register


def first_by_email(world: World, rest: Needs) -> Needs:
    """The first filter, and then the rest, or everybody where that takes no more."""
    return {EMAIL: 1, **({AS_SOON: world.pages} if world.pages <= sum(rest.values()) else rest)}


@job("find by email", lambda world: first_by_email(world, {USERNAME: 1}), cheap=True)
def find(client: GroupsClient, world: World) -> object:
    return client.access.find_membership(world.group_id, world.email())


@job("find by user id", lambda world: {ID: 1}, cheap=True)
def find_by_id(client: GroupsClient, world: World) -> object:
    return client.access.find_membership(world.group_id, world.of("Group Member", 1)[0].user.id)


@job("find nobody", lambda world: {"the person by the filters": 2, EVERYBODY: world.pages})
def find_nobody(client: GroupsClient, world: World) -> object:
    return client.access.find_membership(world.group_id, "nobody@example.com")


@job("find by display name, on the command line", lambda world: {EVERYBODY: world.pages})
def find_by_display_name(client: GroupsClient, world: World) -> object:
    return command(world, "find", "Nobody At All", "--group", world.group_id, code=4)


@job("whoami, on the command line", lambda world: {GROUPS: 1}, cheap=True)
def whoami(client: GroupsClient, world: World) -> object:
    return command(world, "whoami")


def needs_of_set_role(world: World) -> Needs:
    return {**first_by_email(world, {USERNAME: 1, ROLE: 1}), SEND: 1}


@job("set-role of 1", needs_of_set_role, cheap=True)
def set_role(client: GroupsClient, world: World) -> object:
    return client.access.update_memberships(world.group_id, {world.email(): "Group Viewer"}).collect()


@job("set-role of 1, on the command line", needs_of_set_role, cheap=True)
def set_role_by_command(client: GroupsClient, world: World) -> object:
    options = ("--group", world.group_id, "--yes")
    return command(world, "set-role", "Group Viewer", world.email(), *options)


@job(
    "set-role of 1, with me",
    lambda world: {
        **first_by_email(world, {USERNAME: 1, "me, by the same two filters": 2, ROLE: 1}),
        SEND: 1,
    },
    cheap=True,
)
def set_role_with_me(client: GroupsClient, world: World) -> object:
    changes = {world.email(): "Group Viewer"}
    return client.access.update_memberships(
        world.group_id, changes, me=world.email("Group Admin", 1)
    ).collect()


@job(
    "set-role of 1 admin",
    lambda world: {
        **first_by_email(world, {USERNAME: 1, ROLE: 1}),
        **({ADMIN: 1} if world.pages > 2 else {}),
        SEND: 1,
    },
    cheap=True,
)
def demote(client: GroupsClient, world: World) -> object:
    changes = {world.email("Group Admin"): "Group Viewer"}
    return client.access.update_memberships(world.group_id, changes).collect()


def needs_of_many(world: World) -> Needs:
    filters = {EMAIL: world.many, USERNAME: world.many, ROLE: 1, ADMIN: 1}
    if world.pages <= sum(filters.values()):
        return {AS_SOON: world.pages, SEND: world.many}
    return {"a first page: it tells how many members there are": 1, **filters, SEND: world.many}


@job("set-role of 50", needs_of_many, cheap=True)
def set_many_roles(client: GroupsClient, world: World) -> object:
    changes = {m.user.email: "Group Viewer" for m in world.of("Group Member", world.many)}
    return client.access.update_memberships(world.group_id, changes).collect()


@job("remove 1 by email", lambda world: {EVERYBODY: world.pages, SEND: 1})
def remove(client: GroupsClient, world: World) -> object:
    return client.access.delete_memberships(world.group_id, [world.email()], cascade=True).collect()


@job(
    "remove 1 by user id",
    lambda world: {ID: 1, AS_SOON if world.pages == 1 else ADMIN: 1, SEND: 1},
    cheap=True,
)
def remove_by_id(client: GroupsClient, world: World) -> object:
    ids = [m.user.id for m in world.of("Group Viewer", 1)]
    return client.access.delete_memberships(world.group_id, ids, cascade=True).collect()


@job("remove 50 by email", lambda world: {EVERYBODY: world.pages, SEND: world.many})
def remove_many(client: GroupsClient, world: World) -> object:
    people = [m.user.email for m in world.of("Group Viewer", world.many)]
    return client.access.delete_memberships(world.group_id, people, cascade=True).collect()


def needs_of_apply(world: World, changes: int) -> Needs:
    filters = {ID: changes, ROLE: 1, ADMIN: 1}
    return {AS_SOON: world.pages} if world.pages <= sum(filters.values()) else filters


@job(
    "plan and apply, 1",
    lambda world: (
        {GROUP: 1, EVERYBODY: world.pages, SEND: 1}
        | {f"to apply: {look}": count for look, count in needs_of_apply(world, 1).items()}
    ),
)
def plan_and_apply(client: GroupsClient, world: World) -> object:
    plan = client.access.plan(world.group_id, {world.email(): "Group Viewer"})
    return client.access.apply(plan, journal=world.path("journal")).collect()


@job(
    "plan and apply, 50",
    lambda world: (
        {GROUP: 1, EVERYBODY: world.pages, SEND: world.many}
        | {f"to apply: {look}": count for look, count in needs_of_apply(world, world.many).items()}
    ),
)
def plan_and_apply_many(client: GroupsClient, world: World) -> object:
    plan = client.access.plan(
        world.group_id, {m.user.email: "Group Viewer" for m in world.of("Group Member", world.many)}
    )
    return client.access.apply(plan, journal=world.path("journal")).collect()


ORGS = "the organizations of the person, which go with a removal"
AGAIN = "everybody once more: that nobody is left"


@job("offboard, dry run", lambda world: {GROUPS: 1, EVERYBODY: world.pages, ORGS: 1, SSO: 2})
def offboard_dry(client: GroupsClient, world: World) -> object:
    return client.access.offboard(world.email(), cascade=True).collect()


def needs_of_offboard(world: World) -> Needs:
    return {
        GROUPS: 2,
        EVERYBODY: world.pages,
        ORGS: 1,
        SEND: 1,
        AGAIN: world.pages,
        "the organizations once more": 1,
        SSO: 2,
    }


@job("offboard", needs_of_offboard)
def offboard(client: GroupsClient, world: World) -> object:
    return client.access.offboard(world.email(), cascade=True, dry_run=False).collect()


@job("offboard, on the command line", needs_of_offboard)
def offboard_by_command(client: GroupsClient, world: World) -> object:
    return command(world, "offboard", world.email(), "--cascade", "--yes")


@job("review", lambda world: {EVERYBODY: world.pages})
def review(client: GroupsClient, world: World) -> object:
    return client.access.review(world.group_id).collect()


@job("hygiene", lambda world: {EVERYBODY: world.pages, SSO: 2})
def hygiene(client: GroupsClient, world: World) -> object:
    return client.access.hygiene(world.group_id)


@job("elevate", lambda world: {GROUP: 1, EVERYBODY: world.pages, SSO: 2})
def elevate(client: GroupsClient, world: World) -> object:
    path = world.path("desired.csv", "email,role\n")
    return client.access.elevate(world.group_id, world.email(), path, role="Group Admin", lasting="4h")


@job("copy-role", lambda world: {GROUP: 1, EVERYBODY: world.pages, SSO: 2})
def copy_role(client: GroupsClient, world: World) -> object:
    return client.access.plan_copy(world.group_id, world.email(), world.email("Group Viewer"))


def needs_of_hand_over(world: World) -> Needs:
    known = {AS_SOON: world.pages} if world.pages <= 4 else {ID: 2, ROLE: 1, ADMIN: 1}
    again = {AS_SOON: 1} if world.pages == 1 else {ID: 1, ADMIN: 1}
    return {
        GROUP: 1,
        EVERYBODY: world.pages,
        SSO: 2,
        **{f"to apply: {look}": count for look, count in known.items()},
        **{f"before an admin goes: {look}": count for look, count in again.items()},
        "before an admin goes: that the other one has the role, which is the condition": 1,
        SEND: 2,
    }


@job("hand-over, with apply", needs_of_hand_over)
def hand_over(client: GroupsClient, world: World) -> object:
    former, other = world.email("Group Admin"), world.email("Group Viewer")
    plan = client.access.plan_handover(world.group_id, former, other, role_after="Group Member")
    return client.access.apply(plan).collect()


@job("migrate 1", lambda world: {GROUP: 1, EVERYBODY: world.pages, SSO: 2, "organizations of both": 2})
def migrate(client: GroupsClient, world: World) -> object:
    mapping = {world.known[-1].user.email: world.known[-2].user.email}
    return client.access.plan_migration(world.group_id, mapping)


@job(
    "delete-sso-users, 1",
    lambda world: {
        SSO: 2,
        GROUPS: 2,
        EVERYBODY: world.pages,
        ORGS: 1,
        SEND: 1,
        AGAIN: world.pages,
        "the SSO users once more": 2,
        "the organizations once more": 1,
    },
)
def delete_sso_users(client: GroupsClient, world: World) -> object:
    return client.access.delete_sso_users(
        world.group_id, world.known[-3].user.email, dry_run=False, accounts=1
    ).collect()


def command(world: World, *arguments: str, code: int = 0) -> None:
    """A command, run in this process against the world."""
    said = io.StringIO()
    with served(world.fake) as url, pytest.MonkeyPatch.context() as patch:
        patch.setenv("SNYK_API", url)
        patch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
        with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
            ended = main(list(arguments))
    assert ended == code, said.getvalue()


@attrs.frozen
class Spent:
    """What a job needed and sent in a group."""

    job: Job
    members: int
    needed: Needs
    requests: int

    @property
    def ratio(self) -> float:
        return self.requests / sum(self.needed.values())

    def __str__(self) -> str:
        needed = "; ".join(f"{count} {look}" for look, count in self.needed.items() if count)
        total = sum(self.needed.values())
        return f"{self.job.name} | {self.members:,} | {self.requests} | {total} | {needed}"


def spent(members: int, jobs: Sequence[Job]) -> Iterator[Spent]:
    """Run jobs in a group of so many members, one after the other."""
    with TemporaryDirectory() as directory:
        world = World(members, Path(directory))
        for one in jobs:
            if members < 100:  # one job would leave too few for the next
                world = World(members, Path(directory))
            before, needed = len(world.fake.requests), one.needs(world)
            with world.fake.client(rate_limit=None) as client:
                one.run(client, world)
            yield Spent(one, members, needed, len(world.fake.requests) - before)
