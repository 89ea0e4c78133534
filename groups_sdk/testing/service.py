"""A request in, an answer out: credentials, versions, limits, routing, faults. No ASGI here, and no waiting."""

from __future__ import annotations

import json
import re
from collections import deque
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime
from email.utils import formatdate
from typing import Any, Literal
from urllib.parse import parse_qsl, unquote, urlsplit

import attrs

from groups_sdk.testing import documents
from groups_sdk.testing.documents import Document
from groups_sdk.testing.rules import CODES, RULES, UUID, Asked, Behaviour, Caller, Given, Refusal, Rule
from groups_sdk.testing.state import State

MEDIA_TYPE = "application/vnd.api+json"
BODY_LIMIT = 1024 * 1024
TOKEN_PATH = "/oauth2/token"  # noqa: S105 - a path
OLDEST_VERSION = date(2021, 6, 4)
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
    """One request that the fake was asked, and the status it answered. Credentials are not kept."""

    method: str
    path: str
    query: tuple[tuple[str, str], ...]
    headers: Mapping[str, str]
    json: Any
    status: int
    request_id: str


@attrs.define
class Fault:
    """An answer in place of the true one, `times` times; `after`: when the request has been carried out."""

    status: int
    times: int
    headers: Mapping[str, str]
    body: bytes | None
    method: str | None
    path: str | None
    after: bool

    def fits(self, method: str, path: str) -> bool:
        return self.method in (None, method) and (self.path is None or self.path in path)


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
    clock: Callable[[], float]
    rate_limit: int | None
    retired_before: date | None
    deprecation: str | None
    sunset: str | None
    record_limit: int
    tokens: dict[tuple[str, str], Caller] = attrs.field(factory=dict, repr=False)
    oauth_clients: dict[tuple[str, str], Caller] = attrs.field(factory=dict, repr=False)
    token_lifetime: float = 3600.0
    faults: list[Fault] = attrs.field(factory=list)
    twists: list[Twist] = attrs.field(factory=list)
    requests: deque[RecordedRequest] = attrs.field(init=False)
    _sent: deque[float] = attrs.field(factory=lambda: deque[float](), init=False)
    _expiries: dict[tuple[str, str], float] = attrs.field(factory=dict, init=False, repr=False)

    def __attrs_post_init__(self) -> None:
        self.requests = deque(maxlen=self.record_limit)

    def handle(self, method: str, target: str, headers: Mapping[str, str], body: bytes) -> Reply:
        """Answer one request. `target` is the raw path with its query, `headers` have lower-case names."""
        request_id = self.state.new_id()
        parts = urlsplit(f"//fake{target}" if target.startswith("/") else "//fake/")
        path = unquote(parts.path)
        fault = next((f for f in self.faults if f.fits(method, path)), None)
        if fault is not None:
            fault.times -= 1
            if fault.times <= 0:
                self.faults.remove(fault)
        if fault is not None and not fault.after:
            reply = self._failed(fault, request_id)
        else:
            reply = self._answer(method, parts.path, path, parts.query, headers, body, request_id)
            if fault is not None:
                reply = self._failed(fault, request_id)
        reply.headers.setdefault("snyk-request-id", request_id)
        self._record(method, path, parts.query, headers, body, reply.status, request_id)
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
            return self._grant(method, headers, body)
        extra: dict[str, str] = {}
        try:
            return self._operate(method, raw_path, query, headers, body, extra)
        except Refusal as refusal:
            title = _TITLES.get(refusal.status, "Error")
            document = documents.error(
                refusal.status, refusal.code, title, refusal.detail, refusal.source, request_id
            )
            return _json(refusal.status, document, extra)

    def _operate(
        self,
        method: str,
        raw_path: str,
        query: str,
        headers: Mapping[str, str],
        body: bytes,
        extra: dict[str, str],
    ) -> Reply:
        rule, ids = self._route(method, raw_path)
        caller = self._caller(headers)
        self._count(extra)
        pairs = parse_qsl(query, keep_blank_values=True, errors="replace")
        asked_for = dict(pairs)
        if len(asked_for) != len(pairs):
            raise Refusal(400, "a query parameter is repeated", parameter=_repeated(pairs))
        self._version(asked_for.pop("version", None), rule, extra)
        for name, value in ids.items():
            if not UUID.fullmatch(value):
                raise Refusal(400, f"{name} must be a UUID", parameter=name)
        for name in asked_for:
            if name not in rule.parameters:
                raise Refusal(
                    400, f"{name[:50]} is not a query parameter of {rule.name}", parameter=name[:50]
                )
        if len(body) > BODY_LIMIT:
            raise Refusal(413, "the body is too large")
        if method in ("POST", "PATCH") and headers.get("content-type", "").split(";")[0].strip() not in (
            MEDIA_TYPE,
            "application/json",
        ):
            raise Refusal(415, f"the content type must be {MEDIA_TYPE}")
        for permission in rule.permissions:
            if not caller.may(permission):
                if method == "GET" and self.behaviour.no_access == "not_found":
                    raise Refusal(404, "Not found")
                raise Refusal(403, f"Permission denied: {permission} is required")
        given = rule.act(self.state, self.behaviour, Asked(caller, ids, asked_for, body))
        return self._render(given, rule, raw_path, pairs, extra, headers.get("host", "fake"))

    def _route(self, method: str, raw_path: str) -> tuple[Rule, dict[str, str]]:
        segments = [unquote(segment) for segment in raw_path.split("/")]
        if segments[:2] != ["", "rest"]:
            raise Refusal(404, "there is nothing at this path")
        known = False
        for rule in RULES:
            wanted = rule.path.split("/")[1:]
            if len(wanted) == len(segments) - 2 and all(
                w == s or w.startswith("{") for w, s in zip(wanted, segments[2:], strict=True)
            ):
                known = True
                if rule.method == method:
                    ids = {w[1:-1]: s for w, s in zip(wanted, segments[2:], strict=True) if w.startswith("{")}
                    return rule, ids
        if known:
            raise Refusal(405, f"{method[:20]} is not allowed here")
        raise Refusal(404, "there is nothing at this path")

    def _caller(self, headers: Mapping[str, str]) -> Caller:
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = (scheme.lower(), token)
        caller = self.tokens.get(key)
        if caller is None or self._expiries.get(key, self.clock() + 1) <= self.clock():
            raise Refusal(401, "the token is missing, wrong or expired")
        return caller

    def _count(self, extra: dict[str, str]) -> None:
        """Note the request; refuse it past the limit of any minute."""
        if self.rate_limit is None:
            return
        now, sent = self.clock(), self._sent
        while sent and sent[0] <= now - 60:
            sent.popleft()
        extra["x-ratelimit-limit"] = f"{self.rate_limit}, {self.rate_limit};w=60"
        if len(sent) >= self.rate_limit:
            wait = str(max(1, -int(-(sent[0] + 60 - now) // 1)))
            extra |= {"retry-after": wait, "x-ratelimit-reset": wait, "x-ratelimit-remaining": "0"}
            raise Refusal(429, "Too many requests")
        sent.append(now)
        extra["x-ratelimit-remaining"] = str(self.rate_limit - len(sent))

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
            if day > datetime.now(UTC).date():
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
                links["prev"] = link([*base, ("ending_before", documents.encode_cursor(given.before))])
            if given.after is not None:
                links["next"] = link([*base, ("starting_after", documents.encode_cursor(given.after))])
            self._twist(document, links, pairs, link)
        document["links"] = links
        return _json(given.status, document, extra)

    def _twist(
        self,
        document: Document,
        links: Document,
        pairs: list[tuple[str, str]],
        link: Callable[[list[tuple[str, str]]], str | Document],
    ) -> None:
        """The oddities that were seen in the wild, where one was asked for."""
        if not self.twists:
            return
        twist = self.twists.pop(0)
        if twist == "no_links":
            links.clear()
        elif twist == "self":
            links["next"] = links["self"]
        else:  # nothing on this page, and the next one begins where this one should have
            key = documents.decode_cursor(dict(pairs).get("starting_after", "")) or ("", 0)
            rest = [(name, value) for name, value in pairs if name != "starting_after"]
            document["data"] = []
            links["next"] = link([*rest, ("starting_after", documents.encode_cursor(key, indent=1))])

    def _grant(self, method: str, headers: Mapping[str, str], body: bytes) -> Reply:
        if method != "POST":
            return _json(
                405, {"error": "invalid_request", "error_description": "use POST"}, {}, "application/json"
            )
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        caller = self.oauth_clients.get((form.get("client_id", ""), form.get("client_secret", "")))
        problem: tuple[int, str, str] | None = None
        if headers.get("content-type", "").split(";")[0] != "application/x-www-form-urlencoded":
            problem = 400, "invalid_request", "the request must be form-encoded"
        elif form.get("grant_type") != "client_credentials":
            problem = 400, "unsupported_grant_type", "only client_credentials is supported"
        elif caller is None:
            problem = 401, "invalid_client", "there is no such client"
        if problem or caller is None:
            status, kind, text = problem or (401, "invalid_client", "there is no such client")
            return _json(status, {"error": kind, "error_description": text}, {}, "application/json")
        token = self.state.new_id()
        self.tokens["bearer", token] = caller
        self._expiries["bearer", token] = self.clock() + self.token_lifetime
        document = {"access_token": token, "token_type": "bearer", "expires_in": self.token_lifetime}
        return _json(200, document, {}, "application/json")

    def expire_access_tokens(self) -> None:
        for key in self._expiries:
            self._expiries[key] = self.clock()

    def _failed(self, fault: Fault, request_id: str) -> Reply:
        headers = {name.lower(): value for name, value in fault.headers.items()}
        if fault.body is not None:
            headers.setdefault("content-type", "application/json")
            return Reply(fault.status, headers, fault.body)
        if fault.status < 400:
            return Reply(fault.status, headers)
        code = CODES.get(fault.status, "SNYK-9999")
        title = _TITLES.get(fault.status, "Error")
        document = documents.error(fault.status, code, title, "told to fail", None, request_id)
        return _json(fault.status, document, headers)

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


def _repeated(pairs: list[tuple[str, str]]) -> str:
    names = [name for name, _ in pairs]
    return next(name for name in names if names.count(name) > 1)[:50]


def _json(status: int, document: Document, headers: dict[str, str], kind: str = MEDIA_TYPE) -> Reply:
    body = json.dumps(document, ensure_ascii=False).encode("utf-8", "replace")
    return Reply(status, {**headers, "content-type": kind, "date": formatdate(usegmt=True)}, body)
