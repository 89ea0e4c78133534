"""`client.request()` reaches the path that it is given, on the host of the base URL, or sends nothing at all."""

from __future__ import annotations

import enum
from collections.abc import Iterator
from typing import Any

import pytest
from support.hostile import HostileServer, client_of, hostile_server

from groups_sdk import GroupsClient, InvalidArgumentError

BASE = "/tenant/rest"


@pytest.fixture
def server() -> Iterator[HostileServer]:
    with hostile_server() as running:
        yield running


PATHS: dict[str, Any] = {
    "another host": "//evil.example/x",
    "another host, encoded": "/%2F%2Fevil.example/x",
    "another host, encoded once": "/%2Fevil.example/x",
    "another host, encoded twice": "/%252F%252Fevil.example/x",
    "another host, backslashes": "/\\evil.example/x",
    "another host, encoded backslashes": "/%5C%5Cevil.example/x",
    "another host, from the end of the authority": "@evil.example/x",
    "another host, as a port": ":80@evil.example/x",
    "a whole URL": "https://evil.example/x",
    "a whole URL, encoded": "/https:%2F%2Fevil.example/x",
    "up": "/../x",
    "up at the end": "/x/..",
    "up, encoded": "/%2e%2E/x",
    "up, half of it encoded": "/.%2e/x",
    "up, encoded twice": "/%252e%252e/x",
    "up, encoded three times": "/%25252e%25252e/x",
    "up, encoded nine times": f"/%{'25' * 9}2e%{'25' * 9}2e/x",
    "up, with parameters": "/..;/x",
    "up, with parameters, encoded": "/..%3b/x",
    "up, with parameters, encoded twice": "/..%253Ba=b/x",
    "up, slashes encoded": "/x/..%2f..%2fy",
    "up, backslashes encoded": "/x%5c..%5cy",
    "up, with a space": "/..%20/x",
    "up, overlong": "/%c0%ae%c0%ae/x",
    "up, wide dots": "/%EF%BC%8E%EF%BC%8E/x",
    "up, two dots in one character": "/%E2%80%A5/x",
    "a wide slash": "/x%EF%BC%8F..",
    "here": "/./x",
    "parameters": "/x;a=b",
    "parameters, encoded": "/x%3Ba=b",
    "query": "/x?y=1",
    "query, encoded": "/x%3Fy=1",
    "query, encoded twice": "/x%253Fy=1",
    "fragment": "/x#y",
    "fragment, encoded": "/x%23y",
    "backslash": "/x\\y",
    "backslash, encoded": "/x%5Cy",
    "an empty part": "/x//y",
    "an empty part, encoded": "/x%2F%2Fy",
    "a line break": "/x\r\nhost: evil.example",
    "a line break, encoded": "/x%0d%0ahost:evil.example",
    "a line break, encoded twice": "/x%250d%250ay",
    "NUL": "/x\0",
    "NUL, encoded": "/x%00",
    "DEL": "/x%7f",
    "NEL": "/x%C2%85y",
    "a line separator": "/x%E2%80%A8y",
    "an override of the direction": "/x%E2%80%AEy",
    "no width": "/x%E2%80%8By",
    "a space": "/x y",
    "half a code": "/x%2",
    "no code": "/x%zz",
    "a letter that is not encoded": "/ä",
    "no slash": "x",
    "nothing": "",
    "only a slash": "/",
    "bytes": b"/x",
    "None": None,
}

AS_GIVEN = [
    "/self",
    "/a/b/c",
    "/things/a%2Fb",
    "/a%20b",
    "/%C3%A4",
    "/a@b:c+d,e=f-g_h~i.j",
    "/...",
    "/.well-known",
    "/100%25",
    "/a%2520b",
]


class Name(str, enum.Enum):  # noqa: UP042 - whose str() is its name
    ADA = "ada"


class Number(int, enum.Enum):
    FIVE = 5


PARAMS: dict[str, tuple[Any, str]] = {
    "float": ({"a": 1, "limit": 1.5}, r"params\['limit'\] must be a string, .*; got 1\.5"),
    "list": ({"ids": ["a"]}, r"params\['ids'\] must be .*; got \['a'\]"),
    "bytes": ({"a": b"b"}, r"params\['a'\] must be .*; got b'b'"),
    "dict": ({"a": {}}, r"params\['a'\] must be"),
    "object": ({"a": object()}, r"params\['a'\] must be"),
    "huge": ({"a": 10**5000}, r"params\['a'\] must be a whole number of at most 64 bits"),
    "name": ({5: "a"}, "names in params must be strings that are not empty; got 5"),
    "no name": ({"": "a"}, "names in params must be strings that are not empty; got ''"),
    "bytes for a name": ({b"a": "a"}, "names in params must be strings"),
    "pairs": ([("a", "b")], "params must be a mapping, or None"),
    "text": ("a=b", "params must be a mapping, or None; got 'a=b'"),
    "a hostile name": ({"a\x1b\n": 1.5}, r"params\['a\\x1b\\n'\]"),
}


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["GET", "DELETE"])
@pytest.mark.parametrize("case", PATHS)
async def test_a_path_that_leads_elsewhere_is_refused(case: str, method: str, server: HostileServer) -> None:
    async with client_of(server, base_url=f"{server.url}{BASE}") as client:
        with pytest.raises(InvalidArgumentError, match="path must be relative to the base URL"):
            await client.request(method, PATHS[case])
    assert server.connections == 0


@pytest.mark.anyio
@pytest.mark.parametrize("case", PARAMS)
async def test_params_of_a_wrong_type_are_refused(case: str, server: HostileServer) -> None:
    params, message = PARAMS[case]
    async with client_of(server) as client:
        with pytest.raises(InvalidArgumentError, match=message):
            await client.request("GET", "/self", params=params)
    assert server.connections == 0


@pytest.mark.anyio
@pytest.mark.parametrize("method", ["get", "TRACE", "CONNECT", "GET /x HTTP/1.1\r\n", "", None, 5, ["GET"]])
async def test_a_method_that_the_api_does_not_have_is_refused(method: Any, server: HostileServer) -> None:
    async with client_of(server) as client:
        with pytest.raises(InvalidArgumentError, match="method must be one of GET, POST, PATCH, PUT, DELETE"):
            await client.request(method, "/self")
    assert server.connections == 0


def test_the_synchronous_client_refuses_the_same(server: HostileServer) -> None:
    with GroupsClient("a-token", base_url=server.url) as client:
        for path in PATHS.values():
            with pytest.raises(InvalidArgumentError):
                client.request("GET", path)
        for params, _ in PARAMS.values():
            with pytest.raises(InvalidArgumentError):
                client.request("GET", "/self", params=params)
    assert server.connections == 0


@pytest.mark.anyio
async def test_any_other_path_is_sent_as_it_is_given(server: HostileServer) -> None:
    async with client_of(server, base_url=f"{server.url}{BASE}") as client:
        for path in AS_GIVEN:
            await client.request("GET", path)
    assert [asked.target.partition("?")[0] for asked in server.asked] == [
        f"{BASE}{path}" for path in AS_GIVEN
    ]
    assert {asked.headers["host"] for asked in server.asked} == {f"127.0.0.1:{server.port}"}


@pytest.mark.anyio
async def test_params_cannot_leave_the_query(server: HostileServer) -> None:
    params = {
        "a&b=c#": "d&e=f#/../?\r\nhost: evil.example\0",
        "on": True,
        "n": -5,
        "none": None,
        "name": Name.ADA,
        "five": Number.FIVE,
    }
    async with client_of(server) as client:
        await client.request("GET", "/self", params=params)
    (asked,) = server.asked
    query = asked.target.partition("?")[2]
    assert query == (
        "a%26b%3Dc%23=d%26e%3Df%23%2F..%2F%3F%0D%0Ahost%3A%20evil.example%00"
        "&on=true&n=-5&name=ada&five=5&version=2025-11-05"
    )
    assert asked.headers["host"] == f"127.0.0.1:{server.port}"
