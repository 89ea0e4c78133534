"""The recipe of the guide, behind Django's own request handling, synchronous and asynchronous."""

from __future__ import annotations

import asyncio
import sys
from collections.abc import Iterator
from types import ModuleType
from typing import Any

import pytest
from support.pages import recipe

from groups_sdk import GroupMembership, GroupsError, NotFoundError
from groups_sdk.testing import FakeSnyk

django = pytest.importorskip("django", reason="the client needs no Django")


@pytest.fixture
def views(snyk: FakeSnyk, monkeypatch: pytest.MonkeyPatch) -> Iterator[ModuleType]:
    from django.conf import settings
    from django.urls import clear_url_caches, path

    module = recipe("frameworks.md", "python django")
    if not settings.configured:
        settings.configure(
            ALLOWED_HOSTS=["testserver"], ROOT_URLCONF="recipe_urls", SECRET_KEY="x", DATABASES={}
        )
        django.setup()
    urls: Any = ModuleType("recipe_urls")
    urls.urlpatterns = [
        path("members/<group_id>", module.members),
        path("members-async/<group_id>", module.members_async),
    ]
    monkeypatch.setitem(sys.modules, "recipe_urls", urls)
    clear_url_caches()
    yield module
    module.client().close()


@pytest.mark.parametrize("where", ["members", "members-async"])
def test_synchronous_and_asynchronous_views_under_wsgi(views: ModuleType, snyk: FakeSnyk, where: str) -> None:
    from django.test import Client

    for _ in range(2):
        answer = Client().get(f"/{where}/{snyk.group_id}")
        members = [GroupMembership.from_dict(document) for document in answer.json()["members"]]
        assert len(members) == len(snyk.memberships(snyk.group_id))
    unknown = Client().get(f"/{where}/00000000-0000-4000-8000-000000000000")
    error = GroupsError.from_dict(unknown.json())
    assert (unknown.status_code, type(error)) == (404, NotFoundError)
    assert unknown.json()["request_id"]
    assert Client().get(f"/{where}/nonsense").status_code == 422
    snyk.fail_next(status=400)
    assert Client().get(f"/{where}/{snyk.group_id}").status_code == 502


@pytest.mark.parametrize("where", ["members", "members-async"])
def test_synchronous_and_asynchronous_views_under_asgi(views: ModuleType, snyk: FakeSnyk, where: str) -> None:
    from django.test import AsyncClient

    async def browse() -> None:
        for answer in await asyncio.gather(
            *(AsyncClient().get(f"/{where}/{snyk.group_id}") for _ in range(3))
        ):
            assert len(answer.json()["members"]) == len(snyk.memberships(snyk.group_id))

    asyncio.run(browse())
