"""Who calls: tokens, the granting of access tokens, and how many requests each caller may make in a minute."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping
from urllib.parse import parse_qsl

import attrs

from groups_sdk.testing._checks import Refusal
from groups_sdk.testing._documents import Document

FORM = "application/x-www-form-urlencoded"


@attrs.frozen(eq=False)
class Caller:
    """Whom a token stands for. None in `permissions` or `groups` means all. Two that may do the same are two."""

    user_id: str | None = None
    permissions: frozenset[str] | None = None
    groups: frozenset[str] | None = None

    def may(self, permission: str) -> bool:
        return self.permissions is None or permission in self.permissions

    def sees(self, group_id: str) -> bool:
        return self.groups is None or group_id in self.groups


@attrs.define
class Callers:
    """The tokens that are let in, by scheme and value, and the service accounts that may fetch more."""

    clock: Callable[[], float]
    new_id: Callable[[], str]
    rate_limit: int | None
    _tokens: dict[tuple[str, str], Caller] = attrs.field(factory=dict, init=False, repr=False)
    _accounts: dict[tuple[str, str], tuple[Caller, float]] = attrs.field(factory=dict, init=False, repr=False)
    _expiries: dict[tuple[str, str], float] = attrs.field(factory=dict, init=False, repr=False)
    _sent: dict[Caller | str, deque[float]] = attrs.field(factory=dict, init=False, repr=False)

    def let_in(self, scheme: str, token: str, caller: Caller) -> None:
        self._tokens[scheme, token] = caller

    def let_fetch(self, client_id: str, client_secret: str, caller: Caller, lifetime: float) -> None:
        self._accounts[client_id, client_secret] = caller, lifetime

    def identify(self, headers: Mapping[str, str]) -> Caller:
        """The caller whose token a request carries."""
        scheme, _, token = headers.get("authorization", "").partition(" ")
        key = (scheme.lower(), token)
        caller = self._tokens.get(key)
        if caller is None or self._expiries.get(key, self.clock() + 1) <= self.clock():
            raise Refusal(401, "the token is missing, wrong or expired")
        return caller

    def count(self, caller: Caller) -> dict[str, str]:
        """Note a request, and refuse it past the limit of any minute. Gives the headers that tell of the limit.

        The tokens of one user, and the access tokens of one service account, have one limit.
        """
        if self.rate_limit is None:
            return {}
        now, sent = self.clock(), self._sent.setdefault(caller.user_id or caller, deque())
        while sent and sent[0] <= now - 60:
            sent.popleft()
        headers = {"x-ratelimit-limit": f"{self.rate_limit}, {self.rate_limit};w=60"}
        if len(sent) >= self.rate_limit:
            wait = str(max(1, -int(-(sent[0] + 60 - now) // 1)))
            headers |= {"retry-after": wait, "x-ratelimit-reset": wait, "x-ratelimit-remaining": "0"}
            raise Refusal(429, "Too many requests", headers=headers)
        sent.append(now)
        return {**headers, "x-ratelimit-remaining": str(self.rate_limit - len(sent))}

    def grant(self, method: str, headers: Mapping[str, str], body: bytes) -> tuple[int, Document]:
        """An access token for a service account, by the client credentials grant."""
        form = dict(parse_qsl(body.decode("utf-8", "replace")))
        account = self._accounts.get((form.get("client_id", ""), form.get("client_secret", "")))
        if method != "POST":
            return 405, _problem("invalid_request", "use POST")
        if headers.get("content-type", "").split(";")[0] != FORM:
            return 400, _problem("invalid_request", "the request must be form-encoded")
        if form.get("grant_type") != "client_credentials":
            return 400, _problem("unsupported_grant_type", "only client_credentials is supported")
        if account is None:
            return 401, _problem("invalid_client", "there is no such client")
        caller, lifetime = account
        token = self.new_id()
        self._tokens["bearer", token] = caller
        self._expiries["bearer", token] = self.clock() + lifetime
        return 200, {"access_token": token, "token_type": "bearer", "expires_in": lifetime}

    def expire_access_tokens(self) -> None:
        for key in self._expiries:
            self._expiries[key] = self.clock()


def _problem(kind: str, description: str) -> Document:
    return {"error": kind, "error_description": description}
