"""An answer is bounded before it is parsed: what is too large, or costs too much, is not read to its end."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator

import httpx
import pytest
from support.faults import BOMB, CHUNKED, GZIPPED
from support.hostile import (
    GROUP,
    LIMIT,
    ONE_GROUP,
    Act,
    Exchange,
    HostileServer,
    call,
    client_of,
    hostile_server,
)

from groups_sdk import (
    ApiResponse,
    AsyncGroupsClient,
    ConnectionFailedError,
    DecodeError,
    ForbiddenError,
    OAuthClientCredentials,
)

EMPTY = gzip.compress(b"")
BLOCKS = b"\x00\x00\x00\xff\xff" * 10_000  # of a member, with nothing in them
MEMBER = EMPTY[:10] + BLOCKS  # which goes on
MIB = 2**20


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


class Stream:
    """Sends an answer in chunks until the client hangs up, and counts what it could send."""

    def __init__(self, first: bytes, again: bytes, encoding: str = GZIPPED, status: int = 200) -> None:
        self.first, self.again, self.encoding, self.status = first, again, encoding, status
        self.sent = 0

    def __call__(self, exchange: Exchange) -> None:
        exchange.answer(self.status, b"", CHUNKED, self.encoding)
        part = self.first
        while self.sent < 40 * MIB:
            exchange.send(b"%x\r\n%s\r\n" % (len(part), part))
            self.sent += len(part)
            part = self.again
        exchange.hang_up()


@pytest.mark.anyio
@pytest.mark.parametrize(
    ("first", "again", "problem"),
    [
        (EMPTY * 3000, EMPTY * 3000, "more than 1000 parts"),
        (MEMBER, BLOCKS, "larger than 262144 bytes"),
        (gzip.compress(bytes(LIMIT // 2)), gzip.compress(bytes(LIMIT // 2)), "larger than 262144 bytes"),
    ],
    ids=["empty members", "a member without an end", "members that are full"],
)
async def test_compressed_data_that_goes_on_is_refused_early(
    first: bytes, again: bytes, problem: str, server: HostileServer
) -> None:
    stream = Stream(first, again)
    async with client_of(server) as client:
        server.acts.put(stream)
        with pytest.raises(DecodeError, match=problem):
            await call(client, "GET")
        server.ended.get()
    assert stream.sent < 16 * MIB  # what sockets take in advance is up to the system
    assert len(server.asked) == 1


STACKED = gzip.compress(BOMB)
BOMBS: dict[str, tuple[Act, str]] = {
    "one member": (lambda e: e.answer(200, BOMB, GZIPPED), "max_response_bytes"),
    "zlib": (
        lambda e: e.answer(200, zlib.compress(bytes(64 * MIB), 1), "content-encoding: deflate"),
        "max_response_bytes",
    ),
    "stacked": (
        lambda e: e.answer(200, STACKED, "content-encoding: gzip, gzip"),
        "'gzip, gzip' was not asked",
    ),
    "stacked in two headers": (
        lambda e: e.answer(200, STACKED, GZIPPED, GZIPPED),
        "'gzip, gzip' was not asked",
    ),
    "no compression at all": (lambda e: e.answer(200, bytes(64 * MIB)), "max_response_bytes"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("name", BOMBS)
@pytest.mark.parametrize("kind", ["answer", "token answer"])
async def test_no_bomb_goes_off(name: str, kind: str, server: HostileServer) -> None:
    act, problem = BOMBS[name]
    options = {"token": OAuthClientCredentials("client-id", "client-secret")} if kind != "answer" else {}
    async with AsyncGroupsClient(
        **{"token": "a-token", **options}, base_url=server.url, max_response_bytes=LIMIT
    ) as client:
        server.acts.put(act)
        with pytest.raises(DecodeError, match=problem) as caught:
            await call(client, "PATCH")
    assert len(server.asked) == 1
    assert caught.value.maybe_applied is (kind == "answer")
    assert caught.value.operation == ("oauth2Token" if options else "updateGroupUserMembership")


@pytest.mark.anyio
async def test_an_error_that_is_too_large_is_that_error(server: HostileServer) -> None:
    async with client_of(server) as client:
        for stream in (
            Stream(EMPTY * 3000, EMPTY * 3000, status=403),
            Stream(MEMBER, BLOCKS, status=403),
            Stream(b"a", b"b" * 4096, "x: y", status=403),
        ):
            server.acts.put(stream)
            with pytest.raises(ForbiddenError):
                await call(client, "GET")


@pytest.mark.anyio
async def test_data_in_several_members_is_read_whole(server: HostileServer) -> None:
    members = b"".join(gzip.compress(bytes([byte])) for byte in ONE_GROUP)
    async with client_of(server) as client:
        server.acts.put(lambda e: e.answer(200, members, GZIPPED))
        await call(client, "GET")


@pytest.mark.anyio
async def test_the_head_of_an_answer_may_have_100_kib(server: HostileServer) -> None:
    answers: list[ApiResponse] = []
    async with client_of(server, on_response=answers.append) as client:
        server.acts.put(lambda e: e.answer(200, ONE_GROUP, f"x-long: {'x' * 90 * 1024}"))
        await call(client, "GET")
        assert len(answers[0].headers["x-long"]) == 90 * 1024
        long, many = [f"x-long: {'x' * 2 * MIB}"], [f"x-{number}: y" for number in range(200_000)]
        for act in (lambda e: e.answer(200, b"", *long), lambda e: e.answer(200, b"", *many)):
            for _ in range(2):
                server.acts.put(act)
            with pytest.raises(ConnectionFailedError):
                await call(client, "GET")


@pytest.mark.anyio
async def test_the_limit_is_8_mib_unless_another_is_asked_for() -> None:
    sizes = iter([8 * MIB, 8 * MIB + 1])

    def answer(request: httpx.Request) -> httpx.Response:
        return httpx.Response(200, content=b" " * next(sizes))

    async with AsyncGroupsClient("a-token", transport=httpx.MockTransport(answer)) as client:
        assert len((await client.request("GET", f"/groups/{GROUP}")).content) == 8 * MIB
        with pytest.raises(DecodeError, match="larger than 8388608 bytes"):
            await client.request("GET", f"/groups/{GROUP}")
