"""What a server may do to a call, and what is to come of it."""

from __future__ import annotations

import gzip
from dataclasses import dataclass

from groups_sdk import (
    ApiError,
    ConnectionFailedError,
    DecodeError,
    ForbiddenError,
    GroupsError,
    RequestTimeoutError,
    ServerError,
)
from support.hostile import GROUP, LIMIT, ONE_GROUP, Act, Exchange

CHUNKED = "transfer-encoding: chunked"
GZIPPED = "content-encoding: gzip"


@dataclass
class Fault:
    """What the server does to every attempt, and what is to come of it."""

    act: Act
    error: type[GroupsError] | None
    repeated: bool  # an idempotent call is
    reused: bool | None = (
        False  # the connection is, by the call that follows; None: it depends on how bytes arrive
    )
    status: int | None = None
    created: bool = False  # the status of a creation says that it was done, before the answer breaks off


BOMB = gzip.compress(bytes(64 * 1024 * 1024), 1)


FAULTS: dict[str, Fault] = {
    # The connection goes
    "closed without an answer": Fault(Exchange.hang_up, ConnectionFailedError, repeated=True),
    "reset without an answer": Fault(Exchange.reset, ConnectionFailedError, repeated=True),
    "closed within the headers": Fault(
        lambda e: (e.send(b"HTTP/1.1 200 OK\r\ncontent-le"), e.hang_up()),
        ConnectionFailedError,
        repeated=True,
    ),
    "closed half-way through the body": Fault(
        lambda e: (e.answer(200, ONE_GROUP[:40], length=len(ONE_GROUP)), e.hang_up()),
        ConnectionFailedError,
        repeated=True,
        created=True,
    ),
    "reset half-way through the body": Fault(
        lambda e: (e.answer(200, ONE_GROUP[:40], length=len(ONE_GROUP)), e.reset()),
        ConnectionFailedError,
        repeated=True,
        created=True,
    ),
    "closed within a chunk": Fault(
        lambda e: (e.answer(200, b"ff\r\n{", CHUNKED), e.hang_up()),
        ConnectionFailedError,
        repeated=True,
        created=True,
    ),
    "closed between chunks": Fault(
        lambda e: (e.answer(200, b"1\r\n{\r\n", CHUNKED), e.hang_up()),
        ConnectionFailedError,
        repeated=True,
        created=True,
    ),
    # The framing is wrong
    "no HTTP at all": Fault(
        lambda e: e.send(b"SSH-2.0-OpenSSH_9.2\r\n\r\n"), ConnectionFailedError, repeated=True
    ),
    "a chunk without a size": Fault(
        lambda e: e.answer(200, b"zz\r\n{}\r\n0\r\n\r\n", CHUNKED),
        ConnectionFailedError,
        repeated=True,
        created=True,
    ),
    "two lengths": Fault(
        lambda e: e.answer(200, ONE_GROUP, "content-length: 1"), ConnectionFailedError, repeated=True
    ),
    "a length that is too long": Fault(
        lambda e: (e.answer(200, ONE_GROUP, length=len(ONE_GROUP) + 1), e.hang_up()),
        ConnectionFailedError,
        repeated=True,
        created=True,
    ),
    # It never ends
    "no answer": Fault(Exchange.say_nothing, RequestTimeoutError, repeated=True),
    "a slow body": Fault(
        lambda e: (e.begin(200, length=10**6), e.trickle(b" ")),
        RequestTimeoutError,
        repeated=True,
        created=True,
    ),
    "slow headers": Fault(
        lambda e: (e.send(b"HTTP/1.1 200 OK\r\n"), e.trickle(b"x: y\r\n")),
        RequestTimeoutError,
        repeated=True,
    ),
    "endless headers": Fault(
        lambda e: (e.send(b"HTTP/1.1 200 OK\r\n"), e.for_ever(b"x: y\r\n" * 1000)),
        ConnectionFailedError,
        repeated=True,
    ),
    "an endless line": Fault(
        lambda e: (e.send(b"HTTP/1.1 200 OK\r\nx: "), e.for_ever(b"y" * 10000)),
        ConnectionFailedError,
        repeated=True,
    ),
    "endless interim answers": Fault(
        lambda e: e.flood(b"HTTP/1.1 103 Early Hints\r\n\r\n" * 100),
        RequestTimeoutError,
        repeated=True,
    ),
}
FAULTS |= {
    # An answer, and not a good one
    "a gateway's page": Fault(
        lambda e: e.answer(502, b"<html><title>502 Bad Gateway</title></html>", "content-type: text/html"),
        ServerError,
        repeated=True,
        reused=True,
        status=502,
    ),
    "an error without a body": Fault(lambda e: e.answer(500), ServerError, True, reused=True, status=500),
    "an error that is too large": Fault(
        lambda e: e.answer(503, b"x" * (LIMIT + 1)), ServerError, True, reused=None, status=503
    ),
    "an error that never ends": Fault(
        lambda e: (e.answer(403, b"", CHUNKED), e.for_ever(b"1000\r\n%s\r\n" % (b"why?" * 1024))),
        ForbiddenError,
        repeated=False,
        status=403,
    ),
    "an error that cannot be decompressed": Fault(
        lambda e: e.answer(500, b"no gzip", GZIPPED), ServerError, True, reused=True, status=500
    ),
    "an error that breaks off": Fault(
        lambda e: (e.answer(500, b"{", length=100), e.hang_up()), ServerError, repeated=True, status=500
    ),
    "a redirect within the origin": Fault(
        lambda e: e.answer(307, b"", f"location: /rest/groups/{GROUP}"),
        ApiError,
        False,
        reused=True,
        status=307,
    ),
    "a redirect to another origin": Fault(
        lambda e: e.answer(302, b"", "location: http://127.0.0.1:9/rest"), ApiError, False, True, status=302
    ),
    "a redirect to a host that cannot be": Fault(
        lambda e: e.answer(302, b"", "location: http://xn--a/"), ConnectionFailedError, True
    ),
    "a redirect to something else than a page": Fault(
        lambda e: e.answer(302, b"", "location: mailto:somebody"), ConnectionFailedError, False
    ),
    "a protocol that nobody asked for": Fault(
        lambda e: e.answer(101, b"", "upgrade: chat", "connection: upgrade"), ConnectionFailedError, True
    ),
    "an answer that is too large": Fault(
        lambda e: e.answer(200, b" " * (LIMIT + 1)), DecodeError, repeated=False, reused=None
    ),
    "an endless body": Fault(
        lambda e: (e.answer(200, b"", CHUNKED), e.for_ever(b"1000\r\n%s\r\n" % bytes(4096))),
        DecodeError,
        repeated=False,
    ),
    "a gzip bomb": Fault(lambda e: e.answer(200, BOMB, GZIPPED), DecodeError, repeated=False),
    "gzip that is none": Fault(
        lambda e: e.answer(200, ONE_GROUP, GZIPPED), DecodeError, repeated=False, reused=True
    ),
    "gzip that is not whole": Fault(
        lambda e: e.answer(200, gzip.compress(ONE_GROUP)[:-9], GZIPPED), DecodeError, False, reused=True
    ),
    "a compression that nobody asked for": Fault(
        lambda e: e.answer(200, ONE_GROUP, "content-encoding: br"), DecodeError, False, reused=True
    ),
}


NONSENSE: dict[str, Act] = {
    "an empty 200": lambda e: e.answer(200),
    "a 204": lambda e: e.answer(204),
    "JSON that is not whole": lambda e: e.answer(200, ONE_GROUP[:-2]),
    "JSON of another shape": lambda e: e.answer(200, b'[{"id": 1}]'),
    "text that is not UTF-8": lambda e: e.answer(200, b'{"data": "\xff"}'),
}
