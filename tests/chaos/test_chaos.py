"""Thousands of calls in random trouble, and a reckoning at the end of each seed."""

from __future__ import annotations

import logging
import os
from typing import Any
from urllib.parse import urlsplit

import anyio
import pytest
from support import clock
from support.extent import share
from support.loopback import served

from chaos.audit import audit, summary
from chaos.faults import Dice
from chaos.proxy import PATIENCE, Proxy
from chaos.running import run_tasks, run_threads
from chaos.scenario import Worker
from chaos.world import SERVICE_ACCOUNT, World, versions
from groups_sdk import AsyncGroupsClient, GroupsClient, OAuthClientCredentials, RateLimit, RetryPolicy

STEPS = int(os.environ.get("CHAOS_STEPS", "20"))
WORKERS = 8
CONNECTIONS = 5
FLAVOURS = ("asyncio", "trio", "threads on asyncio", "threads on trio")
POLICY = RetryPolicy(max_attempts=4, backoff_base=0.004, backoff_cap=0.02)


def _seeds() -> list[int]:
    first, _, last = os.environ.get("CHAOS_SEEDS", f"0-{share(10, least=len(FLAVOURS)) - 1}").partition("-")
    return list(range(int(first), int(last or first) + 1))


def _flavour(seed: int) -> str:
    return FLAVOURS[seed % len(FLAVOURS)]


@pytest.mark.unmeasured
@pytest.mark.parametrize("seed", _seeds(), ids=lambda seed: f"seed {seed}: {_flavour(seed)}")
def test_what_is_reported_is_what_happened(seed: int, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.ERROR, logger="groups_sdk")  # thousands of warnings would hide what failed
    flavour = _flavour(seed)
    threads, _, backend = flavour.rpartition(" on ")
    renews = seed % 3 == 0
    world = World(seed)
    marks = iter(versions())
    workers = [
        Worker(world, seed, number, marks, gives_up=not threads, renews=renews) for number in range(WORKERS)
    ]
    options: dict[str, Any] = {
        "timeout": PATIENCE,
        "deadline": 20 * PATIENCE,
        "retries": POLICY,
        "rate_limit": RateLimit(per_second=2000, per_minute=120_000) if seed % 2 else None,
        "max_connections": CONNECTIONS,
    }
    token = OAuthClientCredentials(*SERVICE_ACCOUNT) if renews else world.fake.TOKEN
    try:
        with served(world.fake) as service, Proxy(int(urlsplit(service).port or 0), Dice(seed)) as proxy:
            shared = (proxy, world, workers, STEPS, CONNECTIONS)
            if threads:
                options |= {"backend": backend, "backend_options": clock.options(backend)}
                run_threads(lambda: GroupsClient(token, base_url=proxy.url, **options), *shared)
            else:
                anyio.run(
                    run_tasks,
                    lambda: AsyncGroupsClient(token, base_url=proxy.url, **options),
                    *shared,
                    backend=backend,
                    backend_options=clock.options(backend),
                )
        audit(world, workers, max_attempts=POLICY.max_attempts)
    except BaseException as error:
        error.add_note(f"CHAOS_SEEDS={seed} CHAOS_STEPS={STEPS} python -m pytest tests/chaos  # {flavour}")
        raise
    finally:
        print(f"seed {seed}, {flavour}, {WORKERS} workers, {STEPS} steps each: {summary(workers)}")
        print(", ".join(f"{fault.name} {count}" for fault, count in proxy.faults.most_common()))
