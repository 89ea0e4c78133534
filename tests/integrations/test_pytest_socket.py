"""pytest-socket: which of its settings the clients work with, and what they say otherwise."""

from __future__ import annotations

import os
import subprocess
import sys
import textwrap
from importlib.metadata import entry_points
from pathlib import Path

import pytest
from support import inner_pytest

import groups_sdk

ROOT = Path(groups_sdk.__file__).parent.parent
PLAIN = {**os.environ, "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}
BOTH_CLIENTS = """
    import asyncio
    import pytest
    from groups_sdk import AsyncGroupsClient, ConfigurationError, GroupsClient, RetryPolicy
    from groups_sdk.testing import FakeSnyk
    from support.counted import counted_server

    FAKE = FakeSnyk.example()
    ONCE = RetryPolicy(max_attempts=1)

    async def name(**options):
        async with FAKE.async_client(**options) as client:
            return (await client.get_group(FAKE.group_id)).name
"""


def run(tests: str, *options: str) -> None:
    """Run tests in a process of their own, where the plugin may do to sockets what it likes."""
    text = textwrap.dedent(BOTH_CLIENTS) + textwrap.dedent(tests)
    inner_pytest.passed(text, Path.cwd(), *options, plugins=["socket"], paths=[ROOT / "tests"])


@pytest.fixture(autouse=True)
def in_a_folder_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


@pytest.mark.skipif(sys.platform == "win32", reason="event loops have no Unix sockets there")
@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_without_sockets_the_fake_can_be_used(backend: str) -> None:
    """Event loops need a pair of Unix sockets for themselves."""
    run(
        f"""
        def test_synchronous():
            with FAKE.client(backend={backend!r}) as client:
                assert client.get_group(FAKE.group_id).name == "Engineering"

        def test_asynchronous():
            import anyio
            assert anyio.run(name, backend={backend!r}) == "Engineering"

        def test_nothing_leaves():
            from pytest_socket import SocketBlockedError
            options = dict(base_url="http://127.0.0.1:9", retries=ONCE, backend={backend!r})
            with GroupsClient("t0ken", **options) as client:
                with pytest.warns(UserWarning, match="tried to use socket"):
                    with pytest.RaisesGroup(SocketBlockedError, allow_unwrapped=True):
                        client.get_group(FAKE.group_id)
        """,
        "--disable-socket",
        "--allow-unix-socket",
    )


@pytest.mark.skipif(sys.platform == "win32", reason="event loops have no Unix sockets there")
def test_without_unix_sockets_the_synchronous_client_says_that_no_event_loop_starts() -> None:
    run(
        """
        def test_synchronous():
            with FAKE.client() as client, pytest.warns(UserWarning, match="tried to use socket"):
                with pytest.raises(ConfigurationError, match="no event loop can be started .*SocketBlockedError"):
                    client.get_group(FAKE.group_id)

        @pytest.mark.enable_socket
        def test_the_next_test_is_not_affected():
            with FAKE.client() as client:
                assert client.get_group(FAKE.group_id).name == "Engineering"
        """,
        "--disable-socket",
        "-W",
        "ignore",  # asyncio leaves behind the event loop that it could not start
    )


def test_with_this_machine_allowed_nothing_else_is_reached() -> None:
    run(
        """
        def test_this_machine():
            with counted_server() as server, GroupsClient("t0ken", base_url=server.url) as client:
                client.get_group(FAKE.group_id)
                assert server.requests == 1
                assert asyncio.run(name()) == "Engineering"

        def test_another_one():
            from pytest_socket import SocketConnectBlockedError
            refused = pytest.RaisesGroup(SocketConnectBlockedError, allow_unwrapped=True)
            with GroupsClient("t0ken", base_url="https://192.0.2.1", retries=ONCE) as client:
                with pytest.warns(UserWarning, match="192.0.2.1"), refused:
                    client.get_group(FAKE.group_id)

            async def call():
                async with AsyncGroupsClient("t0ken", base_url="https://192.0.2.1", retries=ONCE) as client:
                    await client.get_group(FAKE.group_id)

            with pytest.warns(UserWarning, match="192.0.2.1"), refused:
                asyncio.run(call())
        """,
        "--allow-hosts=127.0.0.1,::1",
    )


def test_the_plugins_of_test_tools_change_nothing_unless_they_are_used(
    request: pytest.FixtureRequest,
) -> None:
    """They are installed beside this suite, and loaded in every run of it."""
    plugins = {plugin.name: plugin.value for plugin in entry_points(group="pytest11")}
    modules = [plugins[name] for name in ("socket", "respx", "pytest_httpx") if name in plugins]
    assert len(modules) >= 2
    for option in ("disable_socket", "force_enable_socket", "allow_unix_socket", "allow_hosts"):
        assert not request.config.getoption(option)
    code = f"""if True:
        import httpcore, httpx, socket

        def patchable():
            return [
                httpx.AsyncHTTPTransport.handle_async_request, httpcore.AsyncConnectionPool.handle_async_request,
                socket.socket, socket.socket.connect, socket.getaddrinfo,
            ]

        before = patchable()
        import {", ".join(modules)}
        assert patchable() == before
    """
    subprocess.run([sys.executable, "-c", code], check=True)
