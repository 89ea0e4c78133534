"""A TCP proxy, in a thread of its own, between a client and the service: it makes the trouble."""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from collections import Counter
from collections.abc import Coroutine
from random import Random
from types import TracebackType
from typing import Any, Self, TypeVar
from urllib.parse import parse_qs, urlsplit

import attrs
from support import clock

from chaos import answers
from chaos.faults import Dice, Fault

T = TypeVar("T")

PATIENCE = 30.0  # seconds; what takes longer hangs
_LIMIT = 1024 * 1024
_AT_ONCE = struct.pack("ii", 1, 0)  # SO_LINGER: closing sends a reset


class Gone(Exception):
    """The client has hung up."""


@attrs.frozen
class Incoming:
    """A request as it came, and the step of a worker that it belongs to: the API version that it asks for."""

    raw: bytes
    step: str

    @classmethod
    def of(cls, raw: bytes) -> Self:
        target = raw.split(b" ", 2)[1].decode("latin-1")
        return cls(raw, parse_qs(urlsplit(target).query).get("version", ["credentials"])[0])


class Proxy:
    """Passes requests on to `port` of this machine, or does not, as the dice say.

    One request at a time is passed on, and only while its client still waits for it. So whatever a client has given
    up has either happened, or never will, before its next request arrives.

    Where a fault lasts until the client gives up, its clock is put forward: `PATIENCE` is its timeout.
    """

    def __init__(self, port: int, dice: Dice) -> None:
        self.faults: Counter[Fault] = Counter()
        self._service = ("127.0.0.1", port)
        self._dice = dice
        self._calm = False
        self._guests: list[socket.socket] = []
        self._invited = 0
        self._all_there = asyncio.Event()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="proxy")
        self._one_at_a_time = asyncio.Lock()
        self._connections: set[asyncio.Task[None]] = set()
        self._listener: socket.socket | None = None
        self._reopening: asyncio.Task[None] | None = None
        self._mistakes: list[BaseException] = []
        # Keeps the port ours while nobody listens on it.
        self._holder = self._bound(0)
        self.url = f"http://127.0.0.1:{self._holder.getsockname()[1]}"

    def __enter__(self) -> Self:
        self._thread.start()
        self._run(self._open())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self._run(self._close())
        finally:
            self._loop.call_soon_threadsafe(self._loop.stop)
            self._thread.join()
            self._loop.close()
            self._holder.close()
        if self._mistakes:
            raise self._mistakes[0] from error

    def calm_down(self) -> None:
        """No more trouble from now on."""
        self._run(self._soothe())

    def gather(self, number: int) -> None:
        """From now on, requests are answered when that many of them wait."""
        self._run(self._invite(number))

    def shut(self) -> None:
        """Close all connections, and refuse new ones."""
        self._run(self._close())

    @property
    def connections(self) -> int:
        """How many connections of clients are open, once those that are closing have closed: 0, or there is a leak."""
        return self._run(self._left())

    # In the thread

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result(PATIENCE)

    def _bound(self, port: int) -> socket.socket:
        made = socket.socket()
        made.setblocking(False)
        made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        made.bind(("127.0.0.1", port))
        return made

    async def _open(self) -> None:
        self._listener = self._bound(self._holder.getsockname()[1])
        self._listener.listen(128)
        self._loop.add_reader(self._listener, self._accept, self._listener)

    def _accept(self, listener: socket.socket) -> None:
        try:
            client, _ = listener.accept()
        except (BlockingIOError, ConnectionError):
            return  # it has hung up already
        client.setblocking(False)
        task = self._loop.create_task(self._serve(client))
        self._connections.add(task)
        task.add_done_callback(self._served)

    def _served(self, task: asyncio.Task[None]) -> None:
        self._connections.discard(task)
        if not task.cancelled() and (mistake := task.exception()) is not None:
            self._mistakes.append(mistake)

    def _stop_listening(self) -> None:
        if self._listener is not None:
            self._loop.remove_reader(self._listener)
            self._listener.close()
            self._listener = None

    async def _close(self) -> None:
        self._stop_listening()
        tasks = [task for task in (self._reopening, *self._connections) if task is not None]
        for task in tasks:
            task.cancel()
        if tasks:
            await asyncio.wait(tasks)
        self._reopening = None

    async def _soothe(self) -> None:
        self._calm = True
        if self._reopening is not None:
            await self._reopening

    async def _invite(self, number: int) -> None:
        self._invited = number

    async def _meet(self, client: socket.socket) -> None:
        """Wait until all guests are there. Those that have gone are none."""
        self._guests = [guest for guest in (*self._guests, client) if not _has_gone(guest)]
        if len(self._guests) >= self._invited:
            self._all_there.set()
        await self._all_there.wait()

    async def _left(self) -> int:
        if self._connections:
            await asyncio.wait(self._connections, timeout=PATIENCE / 2)
        return len(self._connections)

    async def _outage(self, seconds: float) -> None:
        """Nobody listens for a while."""
        self._stop_listening()
        await asyncio.sleep(seconds)
        await self._open()

    async def _serve(self, client: socket.socket) -> None:
        """One connection of a client."""
        with client:
            client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            try:
                if not self._calm and not self._dice.welcome():
                    _reset(client)
                    return
                while (raw := await self._request(client)) is not None:
                    if self._invited:
                        await self._meet(client)
                    if not await self._exchange(client, Incoming.of(raw)):
                        return
            except (Gone, ConnectionError):
                pass  # what the client gives up is over

    async def _request(self, client: socket.socket) -> bytes | None:
        """The bytes of the next request; None when there is none, or only a part of one."""
        raw = bytearray()
        while not answers.complete(raw):
            data = await self._loop.sock_recv(client, 65536)
            if not data or len(raw) > _LIMIT:
                return None
            raw += data
        return bytes(raw)

    async def _exchange(self, client: socket.socket, incoming: Incoming) -> bool:
        """Do to one request what the dice say. False when the connection is over."""
        fault, random = (Fault.NONE, Random(0)) if self._calm else self._dice.throw(incoming.step)
        self.faults[fault] += 1
        if fault.before:
            return await self._refuse(client, fault, random)
        return await self._distort(client, await self._pass_on(client, incoming), fault, random)

    async def _pass_on(self, client: socket.socket, incoming: Incoming) -> bytes:
        async with self._one_at_a_time:
            if _has_gone(client):
                raise Gone
            with socket.socket() as service:
                service.setblocking(False)
                await self._loop.sock_connect(service, self._service)
                await self._loop.sock_sendall(service, incoming.raw)
                answer = bytearray()
                while not answers.complete(answer):
                    data = await self._loop.sock_recv(service, 262144)
                    if not data:
                        raise AssertionError(f"the service broke off after {bytes(answer)!r}")
                    answer += data
                return bytes(answer)

    async def _refuse(self, client: socket.socket, fault: Fault, random: Random) -> bool:
        if fault is Fault.OUTAGE:
            if self._reopening is None or self._reopening.done():
                self._reopening = asyncio.create_task(self._outage(random.uniform(0.01, 0.05)))
            _reset(client)
        elif fault is Fault.RESET_BEFORE:
            _reset(client)
        elif fault is Fault.STALL_BEFORE:
            await self._until_hung_up(client)
        elif fault is Fault.GARBAGE:
            await self._send(client, answers.garbage(random))
        elif fault is not Fault.CLOSE_BEFORE:
            await self._send(client, answers.in_place(fault, random))
            return True
        return False

    async def _distort(self, client: socket.socket, answer: bytes, fault: Fault, random: Random) -> bool:
        """Send the service's answer, or what is left of it."""
        if fault is Fault.RESET_AFTER:
            _reset(client)
        elif fault is Fault.STALL_AFTER:
            await self._until_hung_up(client)
        elif fault is Fault.LOST:
            await self._send(client, answers.in_place(Fault.GATEWAY, random))
            return True
        elif fault is Fault.CUT:
            await self._send(client, answer[: random.randrange(len(answer))])
        elif fault is Fault.TOO_LONG:
            await self._send(client, answers.with_length(answer, random.randint(1, 1000)))
        elif fault is Fault.TOO_SHORT:
            await self._send(client, answers.with_length(answer, -random.randint(1, 1000)))
            return True
        elif fault is Fault.TRUNCATED:
            await self._send(client, answers.truncated(answer))
            return True
        elif fault is Fault.TRICKLE:
            size = len(answer) // random.randint(2, 12) + 1
            for start in range(0, len(answer), size):
                await self._send(client, answer[start : start + size])
                await asyncio.sleep(0.001)
            return True
        elif fault is Fault.DRIP:
            await self._send(client, answers.endless(answer))
            for _ in range(4):
                await self._send(client, b" ")
                clock.skip(PATIENCE / 4)
                if await self._hung_up(client, 0.01):
                    return False
            await self._until_hung_up(client)
        elif fault is Fault.HANG_UP:
            await self._send(client, answer)
        elif fault is Fault.NONE:
            await self._send(client, answer)
            return True
        return False

    async def _send(self, client: socket.socket, data: bytes) -> None:
        await self._loop.sock_sendall(client, data)

    async def _until_hung_up(self, client: socket.socket) -> None:
        clock.skip(PATIENCE)
        while not await self._hung_up(client, PATIENCE):
            pass

    async def _hung_up(self, client: socket.socket, seconds: float) -> bool:
        try:
            async with asyncio.timeout(seconds):
                return not await self._loop.sock_recv(client, 1)
        except TimeoutError:
            return False


def _has_gone(client: socket.socket) -> bool:
    try:
        return not client.recv(1, socket.MSG_PEEK)
    except BlockingIOError:  # there, and silent
        return False
    except ConnectionError:
        return True


def _reset(client: socket.socket) -> None:
    client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _AT_ONCE)
    client.close()
