"""A service that answers until it is asked for something, and then never."""

from __future__ import annotations

from queue import SimpleQueue
from typing import Any


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
