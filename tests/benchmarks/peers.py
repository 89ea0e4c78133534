"""The sides of other packages: each needs an environment with its package, and nothing of `groups_sdk`.

Everything but the standard library is imported where it is used, so that any Python can read which sides there are.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from benchmarks import timing
from benchmarks.server import FIRST_PAGE, GROUP_ID, HEADERS, PAGE_SIZE, TOKEN
from benchmarks.timing import Turn


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


@contextmanager
def list_with_pydantic(base_url: str, members: int) -> Iterator[Turn]:
    """The loop with httpx.Client, orjson and pydantic's models."""
    import httpx
    import orjson
    from pydantic import BaseModel, create_model

    membership, links = shape(BaseModel)
    page: Any = create_model("Page", data=(list[membership], ...), links=(links, ...))
    with httpx.Client(headers=HEADERS) as client:

        def list_members() -> int:
            count = 0
            link: str | None = FIRST_PAGE
            while link:
                response = client.get(base_url + link)
                response.raise_for_status()
                document = page.model_validate(orjson.loads(response.content))
                for _ in document.data:
                    count += 1
                link = document.links.next
            return count

        yield lambda: timing.listing(list_members, members)


@contextmanager
def list_with_pysnyk(base_url: str, members: int) -> Iterator[Turn]:
    """pysnyk's own loop, which returns dicts."""
    import snyk

    client = snyk.SnykClient(TOKEN, url=base_url, version="2025-11-05")

    def list_members() -> int:
        return len(client.get_rest_pages(f"groups/{GROUP_ID}/memberships", {"limit": PAGE_SIZE}))

    yield lambda: timing.listing(list_members, members)


@contextmanager
def list_with_openai(base_url: str, members: int) -> Iterator[Turn]:
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

    with asyncio.Runner() as runner:
        client = AsyncOpenAI(api_key=TOKEN, base_url=base_url)

        async def list_members() -> int:
            count = 0
            listing = client.get_api_list(
                f"/groups/{GROUP_ID}/memberships",
                page=MembershipPage,
                model=membership,
                options=make_request_options(query={"version": "2025-11-05", "limit": PAGE_SIZE}),
            )
            async for _ in listing:
                count += 1
            return count

        yield lambda: timing.listing(lambda: runner.run(list_members()), members)
        runner.run(client.close())
