"""What is taken as `transport` and `http_client`, and what is said of the rest."""

from __future__ import annotations

import sys
from typing import Any

import httpx
import pytest

from groups_sdk import AsyncGroupsClient, ConfigurationError, GroupsClient
from groups_sdk._http.library import HTTPX, library_of


class Session:
    """As another library may have it."""


def refusal(**handed_in: Any) -> str:
    said: set[str] = set()
    for client_class in (AsyncGroupsClient, GroupsClient):
        with pytest.raises(ConfigurationError) as caught:
            client_class("t0ken", **handed_in)
        said.add(str(caught.value))
    (text,) = said
    return text


def test_nothing_handed_in_is_httpx() -> None:
    assert library_of(None, None) is HTTPX


def test_a_client_that_is_not_an_asynchronous_one_of_httpx() -> None:
    wanted = "http_client must be an httpx.AsyncClient or an httpx2.AsyncClient, for GroupsClient too; got "
    with httpx.Client() as synchronous:
        assert refusal(http_client=synchronous) == f"{wanted}httpx.Client"
    assert refusal(http_client=Session()) == f"{wanted}{__name__}.Session"
    assert refusal(http_client="https://api.snyk.io") == f"{wanted}str"
    assert refusal(http_client=httpx.AsyncClient) == f"{wanted}type"
    assert refusal(http_client=0) == f"{wanted}int"


def test_a_transport_that_is_not_an_asynchronous_one_of_httpx() -> None:
    wanted = (
        "transport must be an asynchronous transport of httpx or httpx2, such as httpx.AsyncHTTPTransport(), "
        "for GroupsClient too; got "
    )
    assert refusal(transport=httpx.HTTPTransport()) == f"{wanted}httpx.HTTPTransport"
    assert refusal(transport=Session()) == f"{wanted}{__name__}.Session"
    assert refusal(transport="") == f"{wanted}str"


def test_a_client_as_transport_and_a_transport_as_client() -> None:
    client, transport = httpx.AsyncClient(), httpx.AsyncHTTPTransport()
    assert refusal(transport=client) == "transport: httpx.AsyncClient is a client; pass it as http_client="
    assert refusal(http_client=transport) == (
        "http_client: httpx.AsyncHTTPTransport is a transport; pass it as transport="
    )
    assert refusal(http_client=client, transport=transport) == "give transport or http_client, not both"


def test_an_httpx2_that_cannot_be_imported_is_no_hindrance(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "httpx2", None)
    assert refusal(http_client=Session()).endswith("Session")
