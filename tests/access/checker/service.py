"""The FakeSnyk that lets the trouble happen and writes the history. For clients in this process only."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any
from urllib.parse import parse_qsl, urlencode

import attrs
import httpx
from access.checker.history import Actor, Place, State, Step, Write
from access.checker.trouble import Event, Fault, Trouble

from groups_sdk.errors import PLANNED_MAINTENANCE
from groups_sdk.testing import FakeSnyk
from groups_sdk.testing._service import Reply

_MEMBERSHIPS = re.compile(r"/rest/groups/([^/]+)/memberships(?:/([^/]+))?")
_PERSONAL = ("email", "username", "user_id", "role_name")
_JSON = "application/vnd.api+json"
_STATUS = {
    Fault.ERROR: 500,
    Fault.UNAVAILABLE: 503,
    Fault.NOT_FOUND: 404,
    Fault.CONFLICT: 409,
    Fault.THROTTLED: 429,
    Fault.FORBIDDEN: 403,
    Fault.UNAUTHORIZED: 401,
    Fault.GONE: 410,
    Fault.MAINTENANCE: 503,
}
_PAGES = {Fault.GATEWAY: 502, Fault.HTML_NOT_FOUND: 404}


class CheckedSnyk(FakeSnyk):
    """A FakeSnyk with `trouble`, which starts when it is set, and the `history` of all that happens.

    `run` is the number of the job's run, to be counted up by who runs it. `nameless` are users whose email the API
    does not know, `usernameless` those without username: `unknown` stands there instead. With `ignores_filters` every
    listing is that of everybody. `other_admin` makes another admin's change, with the dice of the event. `on_request`
    is told the number of each request before and after it is handled: what it raises goes to the client.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self.history: list[Step] = []
        self.trouble: Trouble | None = None
        self.run = 1
        self.number = 0
        self.nameless: set[str] = set()
        self.usernameless: set[str] = set()
        self.unknown: str | None = ""
        self.ignores_filters = False
        self.other_admin: Callable[[Event], object] = lambda event: None
        self.on_request: Callable[[int, str], object] = lambda number, moment: None

    def state(self) -> State:
        """Who is where now."""
        groups = self.groups()
        members = {
            (group.id, m.user.id): Place(m.id, m.role.id)
            for group in groups
            for m in self.memberships(group.id)
        }
        orgs = {m.id: (group.id, m.user.id) for group in groups for m in self.org_memberships(group.id)}
        return State(members, orgs)

    def change(self, make: Callable[[], object]) -> None:
        """Something that another admin does, for the history."""
        with self._lock:
            before = self.state()
            make()
            self.history.append(Step(Actor.OTHER, self.run, before, self.state()))

    def pause(self) -> None:
        """The job is left alone for so long that it has to look again, for the history."""
        with self._lock:
            state = self.state()
            self.history.append(Step(Actor.TIME, self.run, state, state))

    def _handle(
        self, method: str, path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | None:
        with self._lock:
            self.number += 1
            write = None if method == "GET" else _write(method, path, query, body)
            listing = method == "GET" and _MEMBERSHIPS.fullmatch(path) is not None
            event = (
                Event()
                if self.trouble is None
                else self.trouble.at(self.number, write=write is not None, listing=listing, method=method)
            )
            self.on_request(self.number, "before")
            if event.meanwhile:
                self.change(lambda: self.other_admin(event))
            before, reply = self.state(), None
            if event.fault is None or event.after:
                if listing and self.ignores_filters:
                    query = urlencode([(k, v) for k, v in parse_qsl(query) if k not in _PERSONAL])
                reply = super()._handle(method, path, query, headers, body)
            if reply is not None:
                reply = self._without_names(reply)
            try:
                if event.fault is not None:
                    reply = _spoilt(event, reply)
                self.on_request(self.number, "after")
            finally:
                status = None if reply is None else reply.status
                self.history.append(
                    Step(Actor.US, self.run, before, self.state(), write, status, event.fault)
                )
            if reply is None:
                raise _broken(event)
            return reply

    def _without_names(self, reply: Reply) -> Reply:
        """The answer without what the API does not know of some users."""
        if b'"user"' not in reply.body:
            return reply
        document = json.loads(reply.body)
        data = document.get("data")
        for resource in data if isinstance(data, list) else [data]:
            for user in _users(resource):
                if user["id"] in self.nameless:
                    user["attributes"]["email"] = self.unknown
                if user["id"] in self.usernameless:
                    user["attributes"]["username"] = self.unknown
        return attrs.evolve(reply, body=_encoded(document))


def _users(resource: Any) -> list[dict[str, Any]]:
    """The users in a resource: itself, or the one it is related to."""
    if not isinstance(resource, dict):
        return []
    related = resource.get("relationships", {}).get("user", {}).get("data")
    return [user for user in (resource, related) if user and user.get("type") == "user"]


def _write(method: str, path: str, query: str, body: bytes) -> Write:
    match = _MEMBERSHIPS.fullmatch(path)
    if match is None:
        return Write(method, path)
    group_id, membership_id = match.groups()
    related = (json.loads(body)["data"]["relationships"] if body else {}).items()
    ids = {name: value["data"]["id"].lower() for name, value in related}
    return Write(
        method,
        path,
        group_id.lower(),
        membership_id and membership_id.lower(),
        ids.get("user"),
        ids.get("role"),
        dict(parse_qsl(query)).get("cascade") == "true",
    )


def _spoilt(event: Event, reply: Reply | None) -> Reply | None:
    """The answer that the client gets in place of the true one; None for none."""
    fault = event.fault
    if fault in (Fault.DROPPED, Fault.REFUSED):
        return None
    if fault in _PAGES:
        return Reply(
            _PAGES[fault], {"content-type": "text/html"}, b"<html><body><h1>nginx</h1></body></html>"
        )
    if fault in _STATUS:
        status = _STATUS[fault]
        entry = {"status": str(status), "title": "Trouble", "detail": "made by the checker"}
        if fault is Fault.MAINTENANCE:
            entry["code"] = PLANNED_MAINTENANCE
        headers = {"content-type": _JSON} | ({"retry-after": "0"} if status == 429 else {})
        return Reply(status, headers, _encoded({"jsonapi": {"version": "1.0"}, "errors": [entry]}))
    if reply is None or reply.status != 200:  # there is no listing to spoil
        return reply
    document = json.loads(reply.body)
    data = document.get("data", [])
    if fault is Fault.TRUNCATED:
        document["data"] = data[: event.random.randrange(max(1, len(data)))]
        document.get("links", {}).pop("next", None)
    else:
        for resource in data:
            if event.random.random() < 0.3:
                resource["relationships"]["user"] = {}
    return attrs.evolve(reply, body=_encoded(document))


def _broken(event: Event) -> httpx.TransportError:
    if event.fault is Fault.REFUSED:
        return httpx.ConnectError("refused by the checker")
    return httpx.ReadError("dropped by the checker")


def _encoded(document: Any) -> bytes:
    return json.dumps(document, ensure_ascii=False).encode()
