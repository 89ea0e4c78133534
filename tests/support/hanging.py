"""Services that leave requests without an answer."""

from __future__ import annotations

from queue import SimpleQueue
from typing import Any

from support import clock


class Hanging:
    """An ASGI application before another one. Requests with `method` are not answered once `answered` of them were."""

    def __init__(self, app: Any, method: str, *, answered: int = 0) -> None:
        self.app = app
        self.method = method
        self.left = answered
        self.arrived: SimpleQueue[str] = SimpleQueue()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["method"] != self.method:
            await self.app(scope, receive, send)
            return
        self.left -= 1
        if self.left >= 0:
            await self.app(scope, receive, send)
            return
        self.arrived.put(scope["path"])
        while (await receive())["type"] != "http.disconnect":
            pass


class TimingOut:
    """An ASGI application before another one. When a request is left hanging, the client's timeout passes."""

    def __init__(self, app: Any, timeout: float) -> None:
        self.app = app
        self.timeout = timeout

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        more = True

        async def watched() -> Any:
            nonlocal more
            if not more:  # it waits for the client to hang up
                clock.skip(self.timeout)
            message = await receive()
            more = message.get("more_body", False)
            return message

        await self.app(scope, watched, send)
