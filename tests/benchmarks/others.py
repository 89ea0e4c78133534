"""What the SDK is compared with: the loops that people write without it, and other packages.

pysnyk, openai and pydantic are imported only where they are used: nobody else's tests need them.
"""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import httpx
import orjson

from benchmarks.server import GROUP_ID, MEMBERSHIP_ID, ROLE_ID
from groups_sdk._jsonapi import role_change

TOKEN = "11111111-2222-3333-4444-555555555555"
HEADERS = {"authorization": f"token {TOKEN}", "accept": "application/vnd.api+json"}
FIRST = f"/groups/{GROUP_ID}/memberships?version=2025-11-05&limit=100"
GROUP = f"/groups/{GROUP_ID}?version=2025-11-05"
MEMBERSHIP = f"/groups/{GROUP_ID}/memberships/{MEMBERSHIP_ID}?version=2025-11-05"
CHANGE = role_change(MEMBERSHIP_ID, ROLE_ID)
CHANGE_HEADERS = {"content-type": "application/vnd.api+json"}


async def list_dicts(client: httpx.AsyncClient, base_url: str) -> int:
    """The loop with httpx.AsyncClient and orjson. How many members it saw, as all of these return."""
    count = 0
    link: str | None = FIRST
    while link:
        response = await client.get(base_url + link)
        response.raise_for_status()
        document = orjson.loads(response.content)
        for _ in document["data"]:
            count += 1
        link = document["links"].get("next")
    return count


def get_group(client: httpx.Client, base_url: str) -> Any:
    """One group with httpx.Client and orjson."""
    response = client.get(base_url + GROUP)
    response.raise_for_status()
    return orjson.loads(response.content)["data"]


async def change_role(client: httpx.AsyncClient, base_url: str) -> None:
    """Another role for a membership, with httpx.AsyncClient alone."""
    response = await client.patch(base_url + MEMBERSHIP, content=CHANGE, headers=CHANGE_HEADERS)
    response.raise_for_status()


def shape(base: Any) -> tuple[Any, Any]:
    """The models of a membership, nested as it is on the wire, and of a page's links, on a pydantic base class."""

    class Named(base):
        name: str

    class Related(base):
        id: str
        type: str
        attributes: Named

    class ToOne(base):
        data: Related

    class Person(base):
        name: str
        username: str
        email: str
        login_method: str | None = None

    class User(base):
        id: str
        type: str
        attributes: Person

    class ToUser(base):
        data: User

    class Relationships(base):
        group: ToOne
        role: ToOne
        user: ToUser

    class Attributes(base):
        created_at: datetime

    class Membership(base):
        id: str
        type: str
        attributes: Attributes
        relationships: Relationships

    class Links(base):
        next: str | None = None

    for model in (Related, ToOne, User, ToUser, Relationships, Attributes, Membership, Links):
        model.model_rebuild(_types_namespace={**globals(), **locals()})
    return Membership, Links


def pydantic_lister() -> Callable[[httpx.Client, str], int]:
    """The loop with httpx.Client, orjson and pydantic's models."""
    from pydantic import BaseModel, create_model

    membership, links = shape(BaseModel)
    page: Any = create_model("Page", data=(list[membership], ...), links=(links, ...))

    def list_models(client: httpx.Client, base_url: str) -> int:
        count = 0
        link: str | None = FIRST
        while link:
            response = client.get(base_url + link)
            response.raise_for_status()
            document = page.model_validate(orjson.loads(response.content))
            for _ in document.data:
                count += 1
            link = document.links.next
        return count

    return list_models


def pysnyk_lister() -> Callable[[str], int]:
    """pysnyk's own loop, which returns dicts."""
    import snyk

    def list_with_pysnyk(base_url: str) -> int:
        client = snyk.SnykClient(TOKEN, url=base_url, version="2025-11-05")
        return len(client.get_rest_pages(f"groups/{GROUP_ID}/memberships", {"limit": 100}))

    return list_with_pysnyk


def openai_lister() -> Callable[[str], Coroutine[Any, Any, int]]:
    """The loop with openai's client, page and model classes, as code that is generated on them has it."""
    from openai import AsyncOpenAI
    from openai._base_client import BaseAsyncPage, BasePage, PageInfo, make_request_options
    from openai._models import BaseModel

    membership, links_model = shape(BaseModel)

    class MembershipPage(BaseAsyncPage[membership], BasePage[membership]):  # type: ignore[valid-type, misc]
        data: list[membership]  # type: ignore[valid-type]
        links: links_model  # type: ignore[valid-type]

        def _get_page_items(self) -> list[Any]:
            return self.data

        def next_page_info(self) -> PageInfo | None:
            link = self.links.next
            return PageInfo(params=dict(parse_qsl(urlsplit(link).query))) if link else None

    MembershipPage.model_rebuild(_types_namespace={**globals(), **locals()})

    async def list_with_openai(base_url: str) -> int:
        count = 0
        async with AsyncOpenAI(api_key=TOKEN, base_url=base_url) as client:
            listing = client.get_api_list(
                f"/groups/{GROUP_ID}/memberships",
                page=MembershipPage,
                model=membership,
                options=make_request_options(query={"version": "2025-11-05", "limit": 100}),
            )
            async for _ in listing:
                count += 1
        return count

    return list_with_openai
