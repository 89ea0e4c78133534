"""Row 23: jobs, with all their looks, beside scripts that make one call after the other. Answers come after 50 ms."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from time import perf_counter
from typing import Any

from benchmarks import job_server
from benchmarks.environments import Side
from benchmarks.job_server import membership_id, role_id, role_of
from benchmarks.measuring import Bench, Outcome, row, take_turns, times
from benchmarks.peers import shape
from benchmarks.server import FIRST_PAGE, GROUP_ID, HEADERS, PAGE_SIZE, TOKEN, change_of_role
from benchmarks.timing import Turn

MEMBERS = 300
VIEWERS = [membership_id(number) for number in range(MEMBERS) if role_of(number) == 2]
_VERSION = "version=2025-11-05"


def _seconds(call: Callable[[], object]) -> float:
    started = perf_counter()
    call()
    return perf_counter() - started


@contextmanager
def ours(base_url: str, job: str) -> Iterator[Turn]:
    from benchmarks.ours import async_client

    with asyncio.Runner() as runner:
        client = async_client(base_url)

        async def update() -> None:
            changes = dict.fromkeys(VIEWERS, role_id(1))
            outcomes = await client.access.update_memberships(GROUP_ID, changes).collect()
            assert {outcome.status for outcome in outcomes} == {"applied"}

        async def review() -> None:
            made = await client.access.review(GROUP_ID, org_memberships=True).collect()
            assert len(made.members) == MEMBERS

        yield lambda: _seconds(lambda: runner.run({"update": update, "review": review}[job]()))
        runner.run(client.aclose())


@contextmanager
def with_pysnyk(base_url: str, job: str) -> Iterator[Turn]:
    """What pysnyk has no method for goes through the requests package, which it brings."""
    import requests
    import snyk

    client = snyk.SnykClient(TOKEN, url=base_url, version="2025-11-05")
    with requests.Session() as session:
        session.headers.update(HEADERS)

        def update() -> None:
            known = client.get_rest_pages(f"groups/{GROUP_ID}/memberships", {"limit": PAGE_SIZE})
            ids = {member["id"] for member in known}
            for id_ in filter(ids.__contains__, VIEWERS):
                url = f"{base_url}/groups/{GROUP_ID}/memberships/{id_}?{_VERSION}"
                session.patch(url, data=change_of_role(id_, role_id(1))).raise_for_status()

        def review() -> None:
            known = client.get_rest_pages(f"groups/{GROUP_ID}/memberships", {"limit": PAGE_SIZE})
            for member in known:
                user_id = member["relationships"]["user"]["data"]["id"]
                client.get_rest_pages(f"groups/{GROUP_ID}/org_memberships", {"user_id": user_id})

        yield lambda: _seconds({"update": update, "review": review}[job])


@contextmanager
def with_urllib3(base_url: str, job: str) -> Iterator[Turn]:
    """A blocking client of urllib3, with pydantic's models."""
    import urllib3
    from pydantic import BaseModel, create_model

    membership, links = shape(BaseModel)
    page: Any = create_model("Page", data=(list[membership], ...), links=(links, ...))
    with urllib3.PoolManager(headers=HEADERS) as pool:

        def members() -> Iterator[Any]:
            link: str | None = FIRST_PAGE
            while link:
                document = page.model_validate_json(pool.request("GET", base_url + link).data)
                yield from document.data
                link = document.links.next

        def update() -> None:
            ids = {member.id for member in members()}
            for id_ in filter(ids.__contains__, VIEWERS):
                url = f"{base_url}/groups/{GROUP_ID}/memberships/{id_}?{_VERSION}"
                assert pool.request("PATCH", url, body=change_of_role(id_, role_id(1))).status == 204

        def review() -> None:
            for member in members():
                user_id = member.relationships.user.data.id
                url = f"{base_url}/groups/{GROUP_ID}/org_memberships?{_VERSION}&user_id={user_id}"
                json.loads(pool.request("GET", url).data)

        yield lambda: _seconds({"update": update, "review": review}[job])


def _row(number: str, job: str, what: str, peer: str, side: Side) -> None:
    @row(number, f"speed of {what} / a script with {side.__name__[5:]}", at_least=9, peer=peer)
    def measure(bench: Bench) -> Outcome:
        with job_server.running() as server:
            base_url = server.base_url(MEMBERS, latency=str(bench.size.latency))
            with (
                bench.peers[peer].side(side, base_url, job) as script,
                bench.ours.side(ours, base_url, job) as job_of_ours,
            ):
                return times(take_turns(script, job_of_ours, min(bench.size.rounds, 2)), "s")


_row("23a", "update", "288 new roles", "pysnyk", with_pysnyk)
_row("23b", "update", "288 new roles", "pydantic", with_urllib3)
_row("23c", "review", "a review of 300 with organizations", "pysnyk", with_pysnyk)
_row("23d", "review", "a review of 300 with organizations", "pydantic", with_urllib3)
