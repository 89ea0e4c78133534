"""vcrpy records and replays the calls of both clients, and with the options in the guide no secret is in a cassette."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import anyio
import pytest
from support.loopback import served

from groups_sdk import (
    AsyncGroupsClient,
    ConnectionFailedError,
    Credentials,
    GroupsClient,
    OAuthClientCredentials,
    RetryPolicy,
)
from groups_sdk.testing import FakeSnyk

vcr = pytest.importorskip("vcr", reason="vcrpy is not installed")

SECRET = "client-secret-9f8e7d"
ONCE = RetryPolicy(max_attempts=1)


def without_access_token(response: dict[str, Any]) -> dict[str, Any]:
    body = response["body"]
    body["string"] = re.sub(rb'("access_token": *)"[^"]*"', rb'\1"redacted"', body["string"])
    return response


SILENT: dict[str, Any] = {
    "filter_headers": ["authorization"],
    "filter_post_data_parameters": ["client_id", "client_secret"],
    "before_record_response": without_access_token,
    "decode_compressed_response": True,
}


class Recorder:
    """Makes the same calls with either client, and keeps them in a cassette."""

    def __init__(self, fake: FakeSnyk, token: str | Credentials, url: str) -> None:
        self.fake, self.token, self.url = fake, token, url
        self.results: list[object] = []

    def call(self, kind: str) -> list[object]:
        if kind == "synchronous":
            with GroupsClient(self.token, base_url=self.url, retries=ONCE) as client:
                group = client.get_group(self.fake.group_id)
                return [group, list(client.list_memberships(self.fake.group_id, limit=10))]

        async def calls() -> list[object]:
            async with AsyncGroupsClient(self.token, base_url=self.url, retries=ONCE) as client:
                group = await client.get_group(self.fake.group_id)
                return [group, await client.list_memberships(self.fake.group_id, limit=10).collect()]

        return anyio.run(calls, backend=kind)


KINDS = ["asyncio", "trio", "synchronous"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("oauth", [False, True])
def test_calls_are_recorded_and_replayed_without_a_secret(kind: str, oauth: bool, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    fake.add_oauth_client("client-id", SECRET)
    token = OAuthClientCredentials("client-id", SECRET) if oauth else fake.TOKEN
    recorder = vcr.VCR(cassette_library_dir=str(tmp_path), **SILENT)
    with served(fake) as url, recorder.use_cassette("calls.yaml") as cassette:
        calls = Recorder(fake, token, url)
        recorded = calls.call(kind)
        assert cassette.play_count == 0
    text = (tmp_path / "calls.yaml").read_text(encoding="utf-8")
    assert "Engineering" in text
    for secret in (fake.TOKEN, SECRET, "authorization", "Bearer"):
        assert secret not in text
    assert re.findall(r'access_token": *"(\w*)', text) == ["redacted"] * oauth
    with recorder.use_cassette("calls.yaml", record_mode="none") as cassette:  # the server has gone
        assert calls.call(kind) == recorded
        assert cassette.all_played


def test_without_the_options_the_token_would_be_in_it(tmp_path: Path) -> None:
    """Or else the test above would prove nothing."""
    fake = FakeSnyk.example()
    with served(fake) as url, vcr.use_cassette(str(tmp_path / "loud.yaml")):
        Recorder(fake, fake.TOKEN, url).call("synchronous")
    assert fake.TOKEN in (tmp_path / "loud.yaml").read_text(encoding="utf-8")


@pytest.mark.parametrize("kind", KINDS)
def test_nothing_leaves_that_is_not_in_the_cassette(kind: str, tmp_path: Path) -> None:
    fake = FakeSnyk.example()
    empty = tmp_path / "empty.yaml"
    empty.write_text(json.dumps({"version": 1, "interactions": []}), encoding="utf-8")
    with served(fake) as url, vcr.use_cassette(str(empty), record_mode="none"):
        with pytest.raises(ConnectionFailedError, match="CannotOverwriteExistingCassetteException"):
            Recorder(fake, fake.TOKEN, url).call(kind)
    assert fake.requests == []
