"""A headless Chromium, told what to do over two pipes (the Chrome DevTools Protocol). It reaches no network."""

from __future__ import annotations

import base64
import json
import os
import queue
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

__all__ = ["CHROMIUM", "Browser", "Tab", "started"]

CHROMIUM = Path("/usr/bin/chromium")
PATIENCE = 240  # seconds; what takes longer hangs
_FLAGS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--disable-dev-shm-usage"),
    *("--disable-extensions", "--proxy-server=127.0.0.1:9", "--remote-debugging-pipe"),
)
# The protocol wants its pipes as the descriptors 3 and 4.
_LAUNCH = """
import os, sys
from fcntl import F_DUPFD_CLOEXEC, fcntl
commands, messages = (fcntl(int(number), F_DUPFD_CLOEXEC, 10) for number in sys.argv[1:3])
os.dup2(commands, 3)
os.dup2(messages, 4)
os.execv(sys.argv[3], sys.argv[3:])
"""


class Browser:
    """A browser that runs. Each `tab` is a page of its own."""

    def __init__(self, commands: int, messages: int) -> None:
        self._commands = commands
        self._messages = messages
        self._answers: dict[int, queue.Queue[dict[str, Any] | None]] = {}
        self._events: dict[str, queue.Queue[dict[str, Any]]] = {}
        self._number = 0
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def tab(self) -> Tab:
        target = self.send("Target.createTarget", {"url": "about:blank"})["targetId"]
        session = self.send("Target.attachToTarget", {"targetId": target, "flatten": True})["sessionId"]
        return Tab(self, session)

    def send(
        self, method: str, parameters: Mapping[str, Any] | None = None, session: str | None = None
    ) -> dict[str, Any]:
        """The result of a command."""
        self._number += 1
        answer = self._answers[self._number] = queue.Queue()
        command = {"id": self._number, "method": method, "params": parameters or {}}
        if session is not None:
            command["sessionId"] = session
        data = json.dumps(command).encode() + b"\0"
        while data:
            data = data[os.write(self._commands, data) :]
        message = answer.get(timeout=PATIENCE)
        assert message is not None, "the browser ended"
        assert "error" not in message, message["error"]
        result: dict[str, Any] = message["result"]
        return result

    def event(self, session: str, method: str) -> queue.Queue[dict[str, Any]]:
        """Where the events of a tab arrive that are called so, from now on."""
        events = self._events[f"{session} {method}"] = queue.Queue()
        return events

    def _read(self) -> None:
        with os.fdopen(self._messages, "rb") as pipe:
            pending = b""
            while chunk := pipe.read1(1 << 20):
                *whole, pending = (pending + chunk).split(b"\0")
                for message in map(json.loads, whole):
                    if "id" in message:
                        self._answers.pop(message["id"]).put(message)
                    elif events := self._events.get(f"{message.get('sessionId')} {message['method']}"):
                        events.put(message["params"])
        for answer in self._answers.values():
            answer.put(None)


class Tab:
    """One page."""

    def __init__(self, browser: Browser, session: str) -> None:
        self._browser = browser
        self._session = session
        self.send("Page.enable")
        self.send("Network.enable")
        self._requests = browser.event(session, "Network.requestWillBeSent")

    def send(self, method: str, **parameters: Any) -> dict[str, Any]:
        return self._browser.send(method, parameters, self._session)

    def open(self, page: Path, *, scripts: bool = True) -> None:
        """Load a file; done when the browser says that it is loaded."""
        self.send("Emulation.setScriptExecutionDisabled", value=not scripts)
        loaded = self._browser.event(self._session, "Page.loadEventFired")
        self.send("Page.navigate", url=page.as_uri())
        loaded.get(timeout=PATIENCE)

    def evaluate(self, expression: str) -> Any:
        """The value of an expression in JavaScript; of a promise, what it comes to."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True, userGesture=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def type(self, text: str) -> None:
        """Type into what has the focus, key by key."""
        for character in text:
            self.send("Input.dispatchKeyEvent", type="char", text=character)

    def pdf(self) -> bytes:
        """The page as it is printed, on the paper that the page asks for."""
        answer = self.send(
            "Page.printToPDF", preferCSSPageSize=True, printBackground=True, transferMode="ReturnAsStream"
        )
        data = b""
        while True:
            part = self.send("IO.read", handle=answer["stream"])
            data += base64.b64decode(part["data"])
            if part["eof"]:
                return data

    def loaded_urls(self) -> list[str]:
        """What was requested since the tab was made."""
        urls = []
        while not self._requests.empty():
            urls.append(self._requests.get()["request"]["url"])
        return urls


@contextmanager
def started() -> Iterator[Browser]:
    """A browser with a profile of its own, which ends with the block."""
    commands_in, commands_out = os.pipe()
    messages_in, messages_out = os.pipe()

    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as profile:
        process = subprocess.Popen(
            [
                *(sys.executable, "-c", _LAUNCH, str(commands_in), str(messages_out)),
                *(str(CHROMIUM), *_FLAGS, f"--user-data-dir={profile}"),
            ],
            pass_fds=(commands_in, messages_out),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        os.close(commands_in)
        os.close(messages_out)
        browser = Browser(commands_out, messages_in)
        try:
            yield browser
            browser.send("Browser.close")
            process.wait(PATIENCE)
        finally:
            process.kill()
            process.wait()
            os.close(commands_out)
