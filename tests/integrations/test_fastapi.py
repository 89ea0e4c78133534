"""The models in FastAPI, and the recipe of the guide."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, Any

import httpx
import pytest
from support.examples import CHANGE, MEMBERSHIP, PAGE, REFUSED, REVIEW
from support.pages import recipe

from groups_sdk import GroupMembership, Page
from groups_sdk.access import Outcome, Review, Status
from groups_sdk.testing import FakeSnyk

fastapi = pytest.importorskip("fastapi", reason="the models need no FastAPI")

OUTCOME = Outcome(CHANGE, Status.FAILED, REFUSED)
RETURNED: dict[str, tuple[Any, Any]] = {
    "a-model": (GroupMembership, MEMBERSHIP),
    "a-list": (list[GroupMembership], [MEMBERSHIP]),
    "a-page": (Page[GroupMembership], PAGE),
    "an-outcome": (Outcome, OUTCOME),
    "a-review": (Review, REVIEW),
}
TAKEN: dict[str, Any] = {name: RETURNED[name] for name in ("a-list", "a-page")}


def plain(thing: Any) -> Any:
    return [plain(item) for item in thing] if isinstance(thing, list) else thing.to_dict()


def application() -> Any:
    app = fastapi.FastAPI()
    for name, (type_, thing) in RETURNED.items():

        def route(thing: Any = thing) -> Any:
            return lambda: thing

        app.get(f"/unsaid/{name}")(route())
        app.get(f"/said/{name}", response_model=type_)(route())
        annotated = route()
        annotated.__annotations__ = {"return": type_}
        app.get(f"/annotated/{name}")(annotated)

        def take(body: Any) -> Any:
            return body

        take.__annotations__ = {"body": Annotated[type_, fastapi.Body()], "return": type_}
        app.post(f"/body/{name}")(take)
        if name in TAKEN:

            def take_it(body: Any) -> Any:
                return body

            take_it.__annotations__ = {"body": type_, "return": type_}
            app.post(f"/plain-body/{name}")(take_it)
    return app


@asynccontextmanager
async def browsing(app: Any) -> AsyncIterator[httpx.AsyncClient]:
    async with app.router.lifespan_context(app):
        transport = httpx.ASGITransport(app)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            yield client


@pytest.mark.asyncio
@pytest.mark.parametrize("name", RETURNED)
async def test_what_routes_return_is_what_to_dict_says(name: str) -> None:
    async with browsing(application()) as client:
        for kind in ("unsaid", "said", "annotated"):
            answer = await client.get(f"/{kind}/{name}")
            assert (answer.status_code, answer.json()) == (200, plain(RETURNED[name][1])), kind


@pytest.mark.asyncio
@pytest.mark.parametrize("name", RETURNED)
async def test_bodies_are_read_and_wrong_ones_are_answered_with_the_path(name: str) -> None:
    document = plain(RETURNED[name][1])
    async with browsing(application()) as client:
        for kind in ("body", *(["plain-body"] if name in TAKEN else [])):
            answer = await client.post(f"/{kind}/{name}", json=document)
            assert (answer.status_code, answer.json()) == (200, document)
            wrong = [{}] if isinstance(document, list) else {}
            refused = await client.post(f"/{kind}/{name}", json=wrong)
            assert refused.status_code == 422
            assert "is missing" in refused.json()["detail"][0]["msg"]


def test_the_openapi_document_describes_them() -> None:
    document = application().openapi()
    schemas = document["components"]["schemas"]
    assert schemas.keys() >= {"GroupMembership", "User", "Role", "Group", "Page_GroupMembership_", "Outcome"}
    assert schemas["GroupMembership"]["required"] == ["id", "created_at", "user", "role", "group"]
    assert schemas["GroupMembership"]["properties"]["created_at"]["anyOf"][0]["format"] == "date-time"
    assert schemas["GroupMembership"]["properties"]["user"] == {"$ref": "#/components/schemas/User"}
    said = document["paths"]["/said/a-page"]["get"]["responses"]["200"]["content"]["application/json"][
        "schema"
    ]
    assert said == {"$ref": "#/components/schemas/Page_GroupMembership_"}


@pytest.mark.asyncio
async def test_the_recipe_of_the_guide(snyk: FakeSnyk) -> None:
    module = recipe("frameworks.md", "python fastapi")
    members = f"/groups/{snyk.group_id}/members"
    async with browsing(module.app) as client:
        page = Page.from_dict((await client.get(members)).json(), GroupMembership)
        assert len(page.items) == len(snyk.memberships(snyk.group_id))
        member = page.items[-1]

        said = await client.post("/audit", json=member.to_dict())
        assert said.json() == {"email": member.user.email, "role": member.role.name}
        wrong = await client.post("/audit", json=member.to_dict() | {"user": {"id": 3}})
        assert wrong.status_code == 422
        assert "user.id: must be a string" in wrong.text

        answer = await client.request("DELETE", members, json=[member.id])
        (outcome,) = map(Outcome.from_dict, answer.json())
        assert (outcome.status, outcome.change.membership_id) == (Status.APPLIED, member.id)
        assert member.id not in {membership.id for membership in snyk.memberships(snyk.group_id)}

        invalid = await client.get("/groups/nonsense/members")
        assert (invalid.status_code, invalid.json()["type"]) == (422, "InvalidArgumentError")
        unknown = await client.get("/groups/00000000-0000-4000-8000-000000000000/members")
        assert (unknown.status_code, unknown.json()["type"]) == (404, "NotFoundError")
        assert unknown.json()["request_id"]
        snyk.fail_next(status=429, times=9, headers={"retry-after": "600"})
        limited = await client.get(members)
        assert (limited.status_code, limited.headers["retry-after"]) == (503, "600")
        assert "max_wait" in limited.json()["message"]
