"""`groups-sdk fake`: a Groups API on loopback, which programs reach by what it prints."""

from __future__ import annotations

import http.client
import os
import re
import signal
import socket
import subprocess
import threading
from collections.abc import Iterator
from urllib.parse import urlsplit

import pytest
from support.running import COMMAND, PATIENCE, call, start

from groups_sdk import GroupsClient
from groups_sdk.cli._loopback_server import LoopbackServer
from groups_sdk.testing import FakeSnyk

TOKEN = {"authorization": f"token {FakeSnyk.TOKEN}"}


@pytest.fixture
def server() -> Iterator[LoopbackServer]:
    with LoopbackServer(FakeSnyk.example()) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05})
        thread.start()
        yield server
        server.shutdown()
        thread.join()


def test_a_shell_gets_what_leads_its_programs_there(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SNYK_OAUTH_TOKEN", "the one that counts before the other")
    process = start("fake", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    try:
        assert process.stdout is not None
        assert process.stderr is not None
        said = [process.stdout.readline().decode() for _ in range(3)]
        assert process.stderr.readline().startswith(b"serving Engineering (")
        script = f'{"".join(said)}exec "$@"\n'
        listed = subprocess.run(
            ["sh", "-c", script, "sh", *COMMAND, "members", "Engineering", "--limit", "2"],
            capture_output=True,
            text=True,
        )
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=PATIENCE)
    finally:
        process.kill()
    assert (listed.returncode, listed.stderr) == (0, "")
    assert listed.stdout.count("\n") == 2
    assert (process.returncode, out, err) == (0, b"", b"ended\n")
    assert re.fullmatch(r"export SNYK_API=http://127\.0\.0\.1:\d+\n", said[0])
    assert said[1:] == [f"export SNYK_TOKEN={FakeSnyk.TOKEN}\n", "unset SNYK_OAUTH_TOKEN\n"]


def test_port_and_size_can_be_chosen(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    served = []

    def serve(server: LoopbackServer) -> None:
        served.append(len(server.app.memberships(server.app.group_id)))
        raise KeyboardInterrupt

    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    monkeypatch.setattr(LoopbackServer, "serve_forever", serve)
    done = call(capsys, "fake", "--members", "12", "--port", str(port))
    assert (done.code, served) == (0, [12])
    assert f"http://127.0.0.1:{port}\n" in done.out
    assert "unset" not in done.out


def test_port_that_is_taken_is_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        done = call(capsys, "fake", "--port", str(taken.getsockname()[1]))
    assert (done.code, done.out) == (1, "")
    assert done.err == "groups-sdk: error: Address already in use\n"


def test_every_operation_goes_through(server: LoopbackServer) -> None:
    fake = server.app
    first, second = fake.memberships(fake.group_id)[:2]
    with GroupsClient(FakeSnyk.TOKEN, base_url=server.url) as client:
        assert len(client.list_memberships(fake.group_id, limit=10).collect()) == 36
        client.update_membership(fake.group_id, second.id, role_id=first.role.id)
        client.delete_membership(fake.group_id, second.id, cascade=True)
        client.create_membership(fake.group_id, user_id=second.user.id, role_id=second.role.id)
    assert [r.status for r in fake.requests if r.method != "GET"] == [204, 204, 201]


def test_connection_serves_one_request_after_the_other(server: LoopbackServer) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    for _ in range(2):
        connection.request("GET", "/rest/groups?version=2025-11-05", headers=TOKEN)
        answer = connection.getresponse()
        assert (answer.status, len(answer.read()) > 0) == (200, True)
    connection.request("PATCH", "/rest/groups/a%2Fb", body=b"x" * 200_000, headers=TOKEN)
    answer = connection.getresponse()
    answer.read()
    assert 400 <= answer.status < 500
    connection.close()
    assert server.app.requests[-1].path.endswith("/groups/a/b")


@pytest.mark.parametrize(
    "headers", [{"transfer-encoding": "chunked"}, {"content-length": "-1"}, {"content-length": "x"}]
)
def test_body_of_unknown_length_is_refused(server: LoopbackServer, headers: dict[str, str]) -> None:
    connection = http.client.HTTPConnection(urlsplit(server.url).netloc, timeout=PATIENCE)
    connection.putrequest("POST", "/rest/groups")
    for name, value in headers.items():
        connection.putheader(name, value)
    connection.endheaders()
    answer = connection.getresponse()
    assert (answer.status, answer.getheader("connection")) == (411, "close")
    connection.close()


def test_caller_that_hangs_up_is_no_request(server: LoopbackServer) -> None:
    host, port = urlsplit(server.url).netloc.split(":")
    with socket.create_connection((host, int(port)), timeout=PATIENCE) as caller:
        caller.sendall(b"POST /rest/groups HTTP/1.1\r\ncontent-length: 10\r\n\r\nhalf")
        caller.shutdown(socket.SHUT_WR)
        assert caller.recv(1) == b""
    assert server.app.requests == []


def test_it_listens_on_loopback_only(server: LoopbackServer) -> None:
    assert server.server_address[0] == "127.0.0.1"
    assert os.environ.get("SNYK_API") is None
