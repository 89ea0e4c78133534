"""Ctrl-C in the midst of synchronous work, in a process of its own."""

from __future__ import annotations

import subprocess
import sys

import pytest

CHILD = """
import os, signal, sys, anyio, httpx
from groups_sdk.testing import FakeSnyk

fake = FakeSnyk.example()
ids = [member.id for member in fake.memberships(fake.group_id)[1:8]]

class Holding(httpx.AsyncBaseTransport):
    held = 0
    async def handle_async_request(self, request):
        response = await fake.transport().handle_async_request(request)
        if request.url.path.endswith((ids[1], ids[2])) and Holding.held < 2:
            Holding.held += 1
            if Holding.held == 2:
                os.kill(os.getpid(), signal.SIGINT)
            await anyio.sleep_forever()
        return response

with fake.client(transport=Holding()) as client:
    changes = client.access.delete_memberships(fake.group_id, ids, cascade=True, concurrency=3)
    try:
        if sys.argv[1] == "block":
            with changes:
                list(changes)
        changes.collect() if sys.argv[1] == "collect" else list(changes)
    except KeyboardInterrupt:
        unknown = {o.change.membership_id for o in changes.outcomes if o.status == "unknown"}
        print("interrupted", unknown >= set(ids[1:3]), len(changes.outcomes) + len(changes.pending))
    rest = changes.collect()
    print(len(rest), {o.change.membership_id for o in rest if o.status == "applied"} == set(ids) - unknown)
    writes = [r.path for r in fake.requests if r.method == "DELETE"]
    print(len(writes) == len(set(writes)))
"""


@pytest.mark.unmeasured
@pytest.mark.skipif(sys.platform == "win32", reason="signals are not sent to a process this way there")
@pytest.mark.parametrize("way", ["collect", "iterate", "block"])
def test_an_interrupt_loses_no_outcome_and_the_work_can_go_on(way: str) -> None:
    done = subprocess.run(
        [sys.executable, "-W", "error", "-c", CHILD, way], capture_output=True, text=True, timeout=120
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == ["interrupted True 7", "7 True", "True"]
