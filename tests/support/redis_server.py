"""A Redis server of the test's own, on a free port of this machine, which keeps nothing."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic, sleep

import pytest

PASSWORD = "hidden-password"
_PATIENCE = 60


@contextmanager
def redis_server(directory: Path) -> Iterator[str]:
    """The URL of the server, while it runs. The test is skipped where there is none, or no client for it."""
    redis = pytest.importorskip("redis", reason="the extra redis is not installed")
    program = shutil.which("redis-server")
    if program is None:
        pytest.skip("redis-server is not installed")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    options = {"bind": "127.0.0.1", "port": port, "save": "", "dir": directory, "requirepass": PASSWORD}
    command = [program, *(text for name, value in options.items() for text in (f"--{name}", str(value)))]
    url = f"redis://:{PASSWORD}@127.0.0.1:{port}/0"
    with subprocess.Popen(command, stdout=subprocess.DEVNULL) as process:
        try:
            until = monotonic() + _PATIENCE
            with redis.Redis.from_url(url) as client:
                while True:
                    try:
                        client.ping()
                        break
                    except redis.exceptions.ConnectionError:
                        if process.poll() is not None or monotonic() > until:
                            raise
                        sleep(0.01)
            yield url
        finally:
            process.terminate()
