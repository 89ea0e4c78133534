"""What the servers of the benchmarks have in common: each is a process that ends with its standard input."""

from __future__ import annotations

import asyncio
import sys
import threading
from collections.abc import Callable


async def serve(connection: Callable[[], asyncio.BaseProtocol]) -> None:
    """Serve on a free port of this machine, which is printed, until standard input ends."""
    loop = asyncio.get_running_loop()
    server = await loop.create_server(connection, "127.0.0.1", 0, backlog=1000)
    print(server.sockets[0].getsockname()[1], flush=True)
    over = asyncio.Event()

    def until_the_input_ends() -> None:
        sys.stdin.read()
        loop.call_soon_threadsafe(over.set)

    threading.Thread(target=until_the_input_ends, daemon=True).start()
    await over.wait()
