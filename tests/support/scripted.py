"""An in-memory network that answers as it is told, and clients of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import httpx

from groups_sdk import AsyncGroupsClient, OAuthClientCredentials, RetryPolicy

TOKEN = "7b6f9f2e-secret-token-5d41402abc4b"


GROUP = "11111111-1111-4111-8111-111111111111"


MEMBER = "22222222-2222-4222-8222-222222222222"


ROLE = "33333333-3333-4333-8333-333333333333"


ONE_GROUP = {
    "data": {
        "id": GROUP,
        "type": "group",
        "attributes": {
            "name": "Engineering",
            "created_at": "2024-01-01T00:00:00Z",
            "updated_at": "2024-01-01T00:00:00Z",
        },
    }
}


AT_ONCE = RetryPolicy(backoff_base=0.0)
OAUTH = OAuthClientCredentials("client-id", "client-secret-9f8e7d")


Handler = Callable[[httpx.Request], Any]


class Script(httpx.MockTransport):  # which holds no connections, and may go from one event loop to another
    """Answers with the given things in turn, the last one again and again; an exception is raised."""

    def __init__(self, *answers: Any) -> None:
        self.answers = list(answers)
        self.requests: list[httpx.Request] = []

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        self.requests.append(request)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if callable(answer):
            answer = await answer(request)
        if isinstance(answer, BaseException):
            raise answer
        status, body, headers = (*answer, {}, {})[:3] if isinstance(answer, tuple) else (answer, {}, {})
        if isinstance(body, bytes):
            return httpx.Response(status, content=body, headers=headers)
        return httpx.Response(status, json=body, headers=headers)


def client_for(script: httpx.AsyncBaseTransport, **options: Any) -> AsyncGroupsClient:
    options.setdefault("retries", AT_ONCE)
    return AsyncGroupsClient(options.pop("token", TOKEN), transport=script, **options)


async def read(client: AsyncGroupsClient) -> object:
    return await client.get_group(GROUP)


async def change(client: AsyncGroupsClient) -> object:
    return await client.update_membership(GROUP, MEMBER, role_id=ROLE)


async def remove(client: AsyncGroupsClient) -> object:
    return await client.delete_membership(GROUP, MEMBER)


async def create(client: AsyncGroupsClient) -> object:
    return await client.create_membership(GROUP, user_id=MEMBER, role_id=ROLE)
