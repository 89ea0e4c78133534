"""`FakeSnyk`: a Groups API in memory, to test against and to try things on."""

from __future__ import annotations

import gc
import json
import threading
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import TYPE_CHECKING, Any, Final, Literal, Self

from groups_sdk._public import set_module
from groups_sdk.testing._asgi import Receive, Scope, Send, answer
from groups_sdk.testing._callers import Caller, Callers
from groups_sdk.testing._rules import Behaviour
from groups_sdk.testing._service import (
    ABSENT,
    Alteration,
    Fault,
    RecordedRequest,
    Reply,
    Service,
    Twist,
)
from groups_sdk.testing._state import (
    ADMIN,
    START,
    Book,
    GroupRecord,
    MembershipRecord,
    OrgMembershipRecord,
    OrgRecord,
    RoleRecord,
    SsoConnectionRecord,
    SsoUserRecord,
    State,
    UserRecord,
)

if TYPE_CHECKING:
    import httpx

    from groups_sdk._client import AsyncGroupsClient
    from groups_sdk._sync.client import GroupsClient

__all__ = ["FakeSnyk", "RecordedRequest"]


class FakeSnyk:
    """A Groups API in memory: all ten operations of version 2025-11-05, with the rules that are known of them.

    An instance is an ASGI application: hand it to any ASGI server, or use `client()`, `async_client()` and
    `transport()`, which need none. Filters compare exactly, `email` without regard to case. The same `seed` and the
    same steps give the same ids.

    Where the real service varies, or its answer is not known, there is an option:

    - `delete_without_cascade`: a removal without `cascade` while there are memberships of organizations below.
      "conflict" answers 409, "keep_orgs" leaves them, "remove_orgs" removes them. The real answer is not known.
    - `last_admin`: removing or demoting the last member with the role "Group Admin". "allow", or "refuse" with 409.
      The real answer is not known.
    - `no_access`: reading without the permission answers "forbidden" (403) or "not_found" (404). Both occur.
    - `links`: "mixed" leaves `/rest` out of the links where the real service does, "with_rest" and "without_rest" are
      the same everywhere. `link_form`: "string", "object" or "absolute".
    - `rate_limit`: requests of one caller in any minute before 429; None for no limit. `clock` gives its seconds.
    - `retired_before`: versions before that date answer 410. `deprecation`, `sunset`: the headers of those names.
    - `record_limit`: how many of the last requests are kept; 0 keeps none.

    Example:
        fake = FakeSnyk.example()
        with fake.client() as client:
            print(client.get_group(fake.group_id).name)
    """

    TOKEN: Final = "00000000-fake-4000-8000-snyk00000000"  # noqa: S105 - good for fakes only

    group_id: str
    """The group that `example()` and `with_members()` made."""

    def __init__(
        self,
        *,
        seed: int = 2025,
        delete_without_cascade: Literal["conflict", "keep_orgs", "remove_orgs"] = "conflict",
        last_admin: Literal["allow", "refuse"] = "allow",
        no_access: Literal["forbidden", "not_found"] = "forbidden",
        links: Literal["mixed", "with_rest", "without_rest"] = "mixed",
        link_form: Literal["string", "object", "absolute"] = "string",
        rate_limit: int | None = None,
        clock: Callable[[], float] = time.monotonic,
        retired_before: date | None = None,
        deprecation: str | None = None,
        sunset: str | None = None,
        record_limit: int = 10_000,
    ) -> None:
        behaviour = Behaviour(
            delete_without_cascade=delete_without_cascade,
            last_admin=last_admin,
            no_access=no_access,
            links=links,
            link_form=link_form,
        )
        self._state = State(seed)
        self._callers = Callers(clock, self._state.new_id, rate_limit)
        self._service = Service(
            self._state, behaviour, self._callers, retired_before, deprecation, sunset, record_limit
        )
        self._lock = threading.RLock()
        self.add_token(self.TOKEN)

    @classmethod
    def example(cls, **options: Any) -> Self:
        """A small organization: three groups, the first (`group_id`) with 36 members, organizations and SSO."""
        fake = cls(**options)
        fake.group_id = fake.add_group("Engineering").id
        others = [fake.add_group("Research"), fake.add_group("Security Champions")]
        admin, member, viewer = (fake.add_role(name) for name in (ADMIN, "Group Member", "Group Viewer"))
        org_admin, collaborator = (
            fake.add_role(n, kind="org_role") for n in ("Org Admin", "Org Collaborator")
        )
        orgs = [fake.add_org(fake.group_id, name) for name in ("Payments", "Web Shop", "Mobile", "Platform")]
        connection = fake.add_sso_connection(fake.group_id, "Example Okta")
        for number in range(36):
            user = fake.add_user()
            role = admin if number % 12 == 0 else viewer if number % 5 == 4 else member
            fake.add_membership(fake.group_id, user.id, role.id)
            if number % 6 != 5:
                for org in orgs[number % 4 : number % 4 + 1 + number % 2]:
                    below = org_admin if number % 9 == 0 else collaborator
                    fake.add_org_membership(org.id, user.id, below.id)
            if user.login_method == "saml":
                fake.add_sso_user(connection.id, user.id, active=number != 10)
            if number % 7 == 0:
                fake.add_membership(others[number % 2].id, user.id, member.id)
        return fake

    @classmethod
    def with_members(cls, count: int, **options: Any) -> Self:
        """One group (`group_id`) with that many members, 10 to 1,000,000."""
        fake = cls(**options)
        fake.group_id = fake.add_group("Everybody").id
        fake.add_members(fake.group_id, count)
        return fake

    # What there is

    def add_token(
        self,
        token: str,
        *,
        scheme: Literal["token", "bearer"] = "token",
        user_id: str | None = None,
        permissions: Iterable[str] | None = None,
        groups: Iterable[str] | None = None,
    ) -> None:
        """Let a token in. `permissions` ("group.membership.edit", ...) and `groups` (ids) are all when None."""
        with self._lock:
            self._callers.let_in(scheme, token, _caller(user_id, permissions, groups))

    def add_oauth_client(
        self,
        client_id: str,
        client_secret: str,
        *,
        permissions: Iterable[str] | None = None,
        groups: Iterable[str] | None = None,
        token_lifetime: float = 3600.0,
    ) -> None:
        """Let a service account fetch access tokens, which are good for `token_lifetime` seconds."""
        with self._lock:
            caller = _caller(None, permissions, groups)
            self._callers.let_fetch(client_id, client_secret, caller, token_lifetime)

    def expire_access_tokens(self) -> None:
        """Every access token that was fetched is refused from now on."""
        with self._lock:
            self._callers.expire_access_tokens()

    def add_group(self, name: str = "Group") -> GroupRecord:
        """A group without members."""
        with self._lock:
            state, slug = self._state, "-".join(name.lower().split())
            group = GroupRecord(state.new_id(), name, slug, state.new_id(), START, START)
            state.memberships[group.id] = Book()
            state.org_memberships[group.id] = Book()
            return state.groups.put(group.id, group)

    def add_user(
        self,
        *,
        name: str | None = None,
        username: str | None = None,
        email: str | None = None,
        login_method: str | None = "",
    ) -> UserRecord:
        """A user who is in no group yet. What is not given is made up; `login_method=None` leaves it out."""
        with self._lock:
            return self._state.add_user(name, username, email, login_method)

    def add_role(self, name: str, *, kind: Literal["group_role", "org_role"] = "group_role") -> RoleRecord:
        """A role that memberships of groups, or of organizations, can have."""
        with self._lock:
            role = RoleRecord(self._state.new_id(), name, kind)
            return self._state.roles.put(role.id, role)

    def add_membership(self, group_id: str, user_id: str, role_id: str) -> MembershipRecord:
        """Make a user a member of a group. Raises `ValueError` when they are one already, `KeyError` for an id."""
        with self._lock:
            if (group_id, user_id) in self._state.members:
                raise ValueError("the user is a member of this group already")
            return self._state.add_membership(
                self._state.groups[group_id].id, self._state.users[user_id], self._state.roles[role_id]
            )

    def add_members(self, group_id: str, count: int) -> None:
        """Many new users, members of a group in three roles."""
        with self._lock:
            roles = [self.add_role(name) for name in (ADMIN, "Group Member", "Group Viewer")]
            collecting = gc.isenabled()
            gc.disable()  # nothing of this is garbage, and looking for some takes a third of the time
            try:
                for number in range(count):
                    role = roles[0] if number % 50 == 0 else roles[1 + number % 2]
                    self._state.add_membership(group_id, self._state.add_user(), role)
            finally:
                if collecting:
                    gc.enable()

    def add_org(self, group_id: str, name: str = "Org") -> OrgRecord:
        """An organization below a group."""
        with self._lock:
            org = OrgRecord(self._state.new_id(), name, self._state.groups[group_id].id)
            return self._state.orgs.put(org.id, org)

    def add_org_membership(self, org_id: str, user_id: str, role_id: str) -> OrgMembershipRecord:
        """Make a user a member of an organization."""
        with self._lock:
            state, org = self._state, self._state.orgs[org_id]
            sequence = state.next_sequence()
            record = OrgMembershipRecord(
                state.new_id(),
                sequence,
                org.group_id,
                state.users[user_id],
                state.roles[role_id],
                state.moment(),
                org,
            )
            return state.org_memberships[org.group_id].put(record.id, record)

    def add_sso_connection(self, group_id: str, name: str = "SSO") -> SsoConnectionRecord:
        """A single sign-on connection of a group."""
        with self._lock:
            connection = SsoConnectionRecord(self._state.new_id(), name, self._state.groups[group_id].id)
            self._state.sso_users[connection.id] = Book()
            return self._state.sso_connections.put(connection.id, connection)

    def add_sso_user(
        self,
        sso_id: str,
        user_id: str,
        *,
        active: bool = True,
        strategy: Literal["direct", "indirect"] = "direct",
    ) -> SsoUserRecord:
        """Let a user sign in through a connection."""
        with self._lock:
            state = self._state
            user, sequence = state.users[user_id], state.next_sequence()
            record = SsoUserRecord(sequence, user, sso_id, active, state.moment(), strategy)
            return state.sso_users[sso_id].put(user.id, record)

    def groups(self) -> list[GroupRecord]:
        """All groups, in the order in which they were added."""
        with self._lock:
            return list(self._state.groups)

    def roles(self) -> list[RoleRecord]:
        """All roles."""
        with self._lock:
            return list(self._state.roles)

    def users(self) -> list[UserRecord]:
        """All users."""
        with self._lock:
            return list(self._state.users)

    def memberships(self, group_id: str) -> list[MembershipRecord]:
        """The memberships of a group, as they are now."""
        with self._lock:
            return list(self._state.memberships[group_id])

    def org_memberships(self, group_id: str, user_id: str | None = None) -> list[OrgMembershipRecord]:
        """The memberships of organizations below a group, of one user or of all."""
        with self._lock:
            everything = self._state.org_memberships[group_id]
            return [record for record in everything if user_id is None or record.user.id == user_id]

    def sso_connections(self, group_id: str) -> list[SsoConnectionRecord]:
        """The single sign-on connections of a group."""
        with self._lock:
            return [
                connection for connection in self._state.sso_connections if connection.group_id == group_id
            ]

    def sso_users(self, sso_id: str) -> list[SsoUserRecord]:
        """The users of a connection."""
        with self._lock:
            return list(self._state.sso_users[sso_id])

    # What it does

    def fail_next(
        self,
        *,
        status: int = 503,
        times: int = 1,
        headers: Mapping[str, str] | None = None,
        body: str | bytes | Mapping[str, Any] | Sequence[Any] | None = None,
        method: str | None = None,
        path: str | None = None,
        after: bool = False,
    ) -> None:
        """Answer the next `times` requests with this instead.

        Without a `body` it is the error document that the API sends with that status. `method` and `path` (a part of
        it) narrow down which requests. With `after` the request is carried out first: the answer lies.
        """
        if isinstance(body, str):
            body = body.encode()
        elif body is not None and not isinstance(body, bytes):
            body = json.dumps(body).encode()
        with self._lock:
            self._service.faults.append(Fault(status, times, headers or {}, body, method, path, after))

    def hang_next(
        self, *, times: int = 1, method: str | None = None, path: str | None = None, after: bool = False
    ) -> None:
        """Never answer the next `times` requests: each waits until its caller hangs up.

        `method` and `path` (a part of it) narrow down which requests. With `after` the request is carried out first.
        In `requests` they have the status 0.
        """
        with self._lock:
            self._service.faults.append(Fault(None, times, {}, None, method, path, after))

    def twist_next_page(self, twist: Twist) -> None:
        """Make the next page odd, as pages in the wild can be.

        "empty": no items, which all come with the page that follows; "self": its next page is itself; "no_links":
        `"links": {}`.
        """
        with self._lock:
            self._service.twists.append(twist)

    def alter_record(self, record_id: str, path: str, value: Any = ABSENT) -> None:
        """Serve a record otherwise than it is kept, from now on: an odd one, or one that cannot be understood.

        `record_id` is the id of a group, membership, connection or SSO user. `path` is the member of its JSON:API
        object that gets this `value`, such as "attributes.created_at" or "relationships.user.data.attributes.email".
        Without a value it is left out. What the fake knows, filters by and counts stays as it is.

        Example:
            fake = FakeSnyk.example()
            member = fake.memberships(fake.group_id)[0]
            fake.alter_record(member.id, "relationships.user.data.attributes.email", 5)
        """
        with self._lock:
            self._service.alterations.append(Alteration(record_id.lower(), tuple(path.split(".")), value))

    @property
    def requests(self) -> list[RecordedRequest]:
        """What the fake was asked, oldest first. No token is in it."""
        with self._lock:
            return list(self._service.requests)

    # How to reach it

    def transport(self) -> httpx.AsyncBaseTransport:
        """An httpx transport that leads here, for `AsyncGroupsClient(transport=...)` or an `httpx.AsyncClient`."""
        import httpx

        return httpx.ASGITransport(app=self)

    def async_client(self, **options: Any) -> AsyncGroupsClient:
        """An `AsyncGroupsClient` of this fake, with a token that may do everything unless `token` is given."""
        from groups_sdk._client import AsyncGroupsClient

        return AsyncGroupsClient(**self._bound(options))

    def client(self, **options: Any) -> GroupsClient:
        """A `GroupsClient` of this fake, with a token that may do everything unless `token` is given."""
        from groups_sdk._sync.client import GroupsClient

        return GroupsClient(**self._bound(options))

    def _bound(self, options: dict[str, Any]) -> dict[str, Any]:
        defaults: dict[str, Any] = {"token": self.TOKEN, "base_url": "http://localhost/rest"}
        if "http_client" not in options:
            defaults["transport"] = self.transport()
        return {**defaults, **options}

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The ASGI application."""
        await answer(self._handle, scope, receive, send)

    def _handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | None:
        with self._lock:
            return self._service.handle(method, path, query, headers, body)


def _caller(user_id: str | None, permissions: Iterable[str] | None, groups: Iterable[str] | None) -> Caller:
    return Caller(
        user_id,
        None if permissions is None else frozenset(permissions),
        None if groups is None else frozenset(id_.lower() for id_ in groups),
    )


set_module("groups_sdk.testing", globals(), __all__)
