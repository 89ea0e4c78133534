"""A request in, an answer out: credentials, versions, limits, routing, faults. No ASGI here, and no waiting."""

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from email.utils import formatdate
from typing import Any, Final, Literal
from urllib.parse import parse_qsl, unquote

import attrs

from groups_sdk._arguments import UUID
from groups_sdk._settings import DEFAULT_API_VERSION
from groups_sdk.testing import _checks as checks
from groups_sdk.testing import _documents as documents
from groups_sdk.testing._callers import Callers
from groups_sdk.testing._checks import CODES, Refusal
from groups_sdk.testing._documents import Document
from groups_sdk.testing._rules import RULES, Asked, Behaviour, Given, Rule
from groups_sdk.testing._state import State

MEDIA_TYPE = "application/vnd.api+json"
BODY_LIMIT = 1024 * 1024
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
OLDEST_VERSION = date(2021, 6, 4)
KNOWN_VERSION = date.fromisoformat(DEFAULT_API_VERSION)  # is served, to whatever day a test sets its clock
PLAIN_DATES_FROM = date(2024, 10, 15)
_VERSION = re.compile(
    r"(\d{4})-([01]\d)-(3[01]|0[1-9]|[12]\d)(~(?:wip|work-in-progress|experimental|beta))?", re.ASCII
)
_STAGES = ("wip", "work-in-progress", "experimental", "beta")
_TITLES = {
    400: "Bad request",
    401: "Unauthorized",
    403: "Forbidden",
    404: "Not found",
    405: "Method not allowed",
    406: "Not acceptable",
    409: "Conflict",
    410: "Gone",
    413: "Payload too large",
    415: "Unsupported media type",
    429: "Too many requests",
}

Twist = Literal["empty", "self", "no_links"]


@attrs.frozen
class RecordedRequest:
    """One request that the fake was asked, and the status it answered: 0 for none. Credentials are not kept."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    json: Any
    status: int
    request_id: str


@attrs.define
class Fault:
    """An answer in place of the true one, `times` times; `after`: when the request has been carried out.

    Without a status it is no answer at all.
    """

    status: int | None
    times: int
    headers: Mapping[str, str]
    body: bytes | None
    method: str | None
    path: str | None
    after: bool

    def fits(self, method: str, path: str) -> bool:
        return self.method in (None, method) and (self.path is None or self.path in path)


ABSENT: Final = object()
"""Stands for no value."""


@attrs.frozen
class Alteration:
    """One member of one record, other than it is kept; `ABSENT`: not there."""

    record_id: str
    path: tuple[str, ...]
    value: Any

    def apply(self, record: Any) -> None:
        """Change the record, where it still has what is around the member."""
        *around, name = self.path
        for part in around:
            record = record.get(part) if isinstance(record, dict) else None
        if isinstance(record, dict):
            if self.value is ABSENT:
                record.pop(name, None)
            else:
                record[name] = self.value


@attrs.frozen
class Reply:
    """What goes on the wire."""

    status: int
    headers: dict[str, str]
    body: bytes = b""


@attrs.define
class Service:
    """The API around the state."""

    state: State
    behaviour: Behaviour
    callers: Callers
    retired_before: date | None
    deprecation: str | None
    sunset: str | None
    record_limit: int
    faults: list[Fault] = attrs.field(factory=list)
    twists: list[Twist] = attrs.field(factory=list)
    alterations: list[Alteration] = attrs.field(factory=list)
    requests: deque[RecordedRequest] = attrs.field(init=False)

    def __attrs_post_init__(self) -> None:
        self.requests = deque(maxlen=self.record_limit)

    def handle(
        self, method: str, raw_path: str, query: str, headers: Mapping[str, str], body: bytes
    ) -> Reply | None:
        """Answer one request, or with None not at all.

        Path and query are as they were sent, percent-encoded; `headers` have lower-case names.
        """
        request_id = self.state.new_id()
        path = unquote(raw_path)
        fault = next((f for f in self.faults if f.fits(method, path)), None)
        reply: Reply | None = None
        if fault is None or fault.after:
            reply = self._answer(method, raw_path, path, query, headers, body, request_id)
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)
            reply = None if fault.status is None else _failed(fault, fault.status, request_id)
        if reply is not None:
            reply.headers.setdefault("snyk-request-id", request_id)
        self._record(method, path, query, headers, body, 0 if reply is None else reply.status, request_id)
        return reply

    def _answer(
        self,
        method: str,
        raw_path: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        request_id: str,
    ) -> Reply:
        if path == TOKEN_PATH:
            status, grant = self.callers.grant(method, headers, body)
            return _json(status, grant, {"allow": "POST"} if status == 405 else {}, "application/json")
        extra: dict[str, str] = {}
        try:
            return self._operate(method, raw_path, query, headers, body, extra)
        except Refusal as refusal:
            title = _TITLES.get(refusal.status, "Error")
            document = documents.error(
                refusal.status, refusal.code, title, refusal.detail, refusal.source, request_id
            )
            return _json(refusal.status, document, {**extra, **refusal.headers})

    def _operate(
        self,
        method: str,
        raw_path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        extra: dict[str, str],
    ) -> Reply:
        rule, ids = _route(method, raw_path)
        caller = self.callers.identify(headers)
        extra |= self.callers.count(caller)
        if not _accepted(headers.get("accept") or "*/*"):
            raise Refusal(406, f"the answer can only be {MEDIA_TYPE}")
        try:
            pairs = parse_qsl(query, keep_blank_values=True, errors="strict")
        except UnicodeDecodeError:
            raise Refusal(400, "the query is not UTF-8") from None
        asked_for = checks.known_once(pairs, ("version", *rule.parameters), rule.name)
        self._version(asked_for.pop("version", None), rule, extra)
        for name, value in ids.items():
            if not UUID.fullmatch(value):
                raise Refusal(400, f"{name} must be a UUID", parameter=name)
        if len(body) > BODY_LIMIT:
            raise Refusal(413, "the body is too large")
        content_type = headers.get("content-type", "").split(";")[0].strip().lower()
        if method in ("POST", "PATCH") and content_type != MEDIA_TYPE:
            raise Refusal(415, f"the content type must be {MEDIA_TYPE}")
        for permission in rule.permissions:
            if not caller.may(permission):
                if method == "GET" and self.behaviour.no_access == "not_found":
                    raise Refusal(404, "Not found")
                raise Refusal(403, f"Permission denied: {permission} is required")
        given = rule.act(self.state, self.behaviour, Asked(caller, ids, asked_for, body))
        return self._render(given, rule, raw_path, pairs, extra, headers.get("host", "fake"))

    def _version(self, version: str | None, rule: Rule, extra: dict[str, str]) -> None:
        if version is None:
            raise Refusal(400, "the version is missing", parameter="version")
        match = _VERSION.fullmatch(version)
        if version in _STAGES:
            served = f"{datetime.now(UTC).date()}~{version}"
        elif match:
            try:
                day = date(int(match[1]), int(match[2]), int(match[3]))
            except ValueError:
                raise Refusal(400, "the version is not a date", parameter="version") from None
            if day > max(datetime.now(UTC).date(), KNOWN_VERSION):
                raise Refusal(400, "the version is in the future", parameter="version")
            if day < OLDEST_VERSION or (day >= PLAIN_DATES_FROM and match[4]):
                raise Refusal(404, "no version of this operation matches")
            if self.retired_before is not None and day < self.retired_before:
                raise Refusal(410, "this version has been retired")
            served = str(day)
        else:
            raise Refusal(400, "the version must be a date such as 2025-11-05", parameter="version")
        extra["snyk-version-requested"] = version
        extra["snyk-version-served"] = served
        extra["snyk-version-lifecycle-stage"] = "deprecated" if self.deprecation else rule.stage
        if self.deprecation:
            extra["deprecation"] = self.deprecation
        if self.sunset:
            extra["sunset"] = self.sunset

    def _render(
        self,
        given: Given,
        rule: Rule,
        raw_path: str,
        pairs: list[tuple[str, str]],
        extra: dict[str, str],
        host: str,
    ) -> Reply:
        if given.location is not None:
            extra["location"] = given.location
        if given.document is None:
            return Reply(given.status, extra)
        document: Document = {"jsonapi": {"version": "1.0"}, **given.document}
        self._alter(document["data"])
        with_rest = (
            rule.rest_in_links if self.behaviour.links == "mixed" else self.behaviour.links == "with_rest"
        )
        path = raw_path if with_rest else raw_path.removeprefix("/rest")
        base = [(name, value) for name, value in pairs if name not in ("starting_after", "ending_before")]

        def link(pairs: list[tuple[str, str]]) -> str | Document:
            url = f"{path}?{documents.query(pairs)}"
            if self.behaviour.link_form == "absolute":
                return f"http://{host}{url}"
            return {"href": url, "meta": {}} if self.behaviour.link_form == "object" else url

        links: Document = {"self": link(pairs)}
        if isinstance(document["data"], list):
            links["first"] = link(base)
            if given.before is not None:
                links["prev"] = link([*base, ("ending_before", given.before)])
            if given.after is not None:
                links["next"] = link([*base, ("starting_after", given.after)])
            self._twist(document, links, dict(pairs), given, lambda cursor: link([*base, cursor]))
        document["links"] = links
        return _json(given.status, document, extra)

    def _alter(self, data: Any) -> None:
        for record in data if isinstance(data, list) else [data]:
            id_ = record["id"]
            for alteration in self.alterations:
                if alteration.record_id == id_:
                    alteration.apply(record)

    def _twist(
        self,
        document: Document,
        links: Document,
        query: Mapping[str, str],
        given: Given,
        link: Callable[[tuple[str, str]], str | Document],
    ) -> None:
        """The oddities that were seen in the wild, where one was asked for."""
        if not self.twists:
            return
        twist = self.twists.pop(0)
        if twist == "no_links":
            links.clear()
        elif twist == "self":
            links["next"] = links["self"]
        else:  # nothing on this page, and the one that follows begins where this one should have
            document["data"] = []
            if "ending_before" in query:
                links["prev"] = link(("ending_before", documents.rewritten(query["ending_before"])))
            else:
                cursor = query.get("starting_after", given.start)
                links["next"] = link(("starting_after", documents.rewritten(cursor)))

    def _record(
        self,
        method: str,
        path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        status: int,
        request_id: str,
    ) -> None:
        if not self.record_limit:
            return
        kept = dict(headers)
        if "authorization" in kept:
            kept["authorization"] = f"{kept['authorization'].partition(' ')[0]} ***"
        try:
            document = json.loads(body) if body and path != TOKEN_PATH else None
        except (ValueError, RecursionError):
            document = None
        pairs = tuple(parse_qsl(query, keep_blank_values=True, errors="replace"))
        self.requests.append(RecordedRequest(method, path, pairs, kept, document, status, request_id))


def _route(method: str, raw_path: str) -> tuple[Rule, dict[str, str]]:
    segments = [unquote(segment) for segment in raw_path.split("/")]
    allowed: list[str] = []
    for rule in RULES:
        wanted = ["", "rest", *rule.path.split("/")[1:]]
        if len(wanted) == len(segments) and all(
            s != "" if w.startswith("{") else w == s for w, s in zip(wanted[1:], segments[1:], strict=True)
        ):
            if rule.method == method:
                ids = {w[1:-1]: s for w, s in zip(wanted, segments, strict=True) if w.startswith("{")}
                return rule, ids
            allowed.append(rule.method)
    if allowed:
        raise Refusal(405, f"{method[:20]} is not allowed here", headers={"allow": ", ".join(allowed)})
    raise Refusal(404, "there is nothing at this path")


def _accepted(accept: str) -> bool:
    """Whether a caller takes what the API sends."""
    for entry in accept.lower().split(","):
        kind, *parameters = (part.strip() for part in entry.split(";"))
        if kind in (MEDIA_TYPE, "application/*", "*/*") and not any(
            re.fullmatch(r"q=0(\.0*)?", parameter) for parameter in parameters
        ):
            return True
    return False


def _failed(fault: Fault, status: int, request_id: str) -> Reply:
    headers = {name.lower(): value for name, value in fault.headers.items()}
    if fault.body is not None:
        headers.setdefault("content-type", "application/json")
        return Reply(status, headers, fault.body)
    if status < 400:
        return Reply(status, headers)
    code, title = CODES.get(status, "SNYK-9999"), _TITLES.get(status, "Error")
    return _json(status, documents.error(status, code, title, "told to fail", None, request_id), headers)


def _json(status: int, document: Document, headers: dict[str, str], kind: str = MEDIA_TYPE) -> Reply:
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    return Reply(status, {**headers, "content-type": kind, "date": formatdate(usegmt=True)}, body)
