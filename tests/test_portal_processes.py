"""The synchronous client across what befalls processes: exit, Ctrl-C and fork, each in a real one."""

from __future__ import annotations

import os
import signal
import socket
import subprocess
import sys
import textwrap
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import httpx
import pytest
from support.extent import share
from support.stalling import MEETING, PATIENCE, StallingServer, group_id, stalling_server

pytestmark = [
    pytest.mark.unmeasured,
    pytest.mark.skipif(not hasattr(os, "fork"), reason="signals to a process, and forks, are those of POSIX"),
]

HERE = Path(__file__).parent

# Every script gets the URL of a server in argv[1], and ends with all stacks when it hangs.
IDLE_FOREVER = """
import httpx
from functools import partial
# On a slow machine more than the usual five seconds may lie between two calls, which are to share a connection.
httpx.Limits = partial(httpx.Limits, keepalive_expiry=None)
"""

PRELUDE = f"""{IDLE_FOREVER}
import faulthandler, gc, os, random, signal, sys, threading, warnings
faulthandler.register(signal.SIGALRM, chain=True)  # its other watchdog, a thread, does not outlive a fork
signal.alarm({PATIENCE})
os.register_at_fork(after_in_child=lambda: signal.alarm({PATIENCE}))
warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)
sys.path[:0] = [{str(HERE)!r}, {str(HERE.parent)!r}]
from support.stalling import PATIENCE, STALLED, StallingTransport, group_id
from groups_sdk import ClientClosedError, GroupsClient

def new_client(**options):
    return GroupsClient("t0ken", base_url=sys.argv[1] + "/rest", rate_limit=None, **options)

def loop_threads():
    return [thread for thread in threading.enumerate() if thread.name == "groups_sdk"]

def say(*words):
    print(*words, flush=True)

def in_child(work):
    \"\"\"Fork; the child does the work and exits as interpreters do. Its exit code.\"\"\"
    pid = os.fork()
    if pid == 0:
        work()
        sys.exit(0)
    return os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
"""


@pytest.fixture
def server() -> Iterator[StallingServer]:
    with stalling_server() as running:
        yield running


@contextmanager
def started(
    script: str, server: StallingServer | None = None, *, before: str = ""
) -> Iterator[subprocess.Popen[str]]:
    """Run a script; what is to be done `before` is done before anything is imported."""
    whole = textwrap.dedent(before) + PRELUDE + textwrap.dedent(script)
    command = [sys.executable, "-W", "always::ResourceWarning", "-c", whole]
    environment = dict(os.environ)
    if script.startswith(ALARM):  # an interrupt in the midst of coverage's own code leaves its lock held
        environment = {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}
    with subprocess.Popen(
        [*command, server.url if server else "http://127.0.0.1:1"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment,
    ) as process:
        try:
            yield process
        finally:
            process.kill()


def finish(process: subprocess.Popen[str], code: int = 0) -> tuple[list[str], str]:
    """The lines that it wrote, and its stderr, once it has exited with `code`."""
    out, err = process.communicate()  # its alarm ends it, should it hang
    assert process.returncode == code, err
    return out.splitlines(), err


def run(
    script: str, server: StallingServer | None = None, code: int = 0, *, before: str = ""
) -> tuple[list[str], str]:
    with started(script, server, before=before) as process:
        return finish(process, code)


# Interpreter exit


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_exit_without_close_warns_once_and_closes_the_connections(
    server: StallingServer, backend: str
) -> None:
    out, err = run(
        f"""
        client = new_client(backend={backend!r})
        say(client.get_group(group_id(1)).name)
        copy = client.with_options(timeout=5)
        """,
        server,
    )
    assert out == ["group 1"]
    assert err.count("ResourceWarning") == 1
    assert "unclosed client GroupsClient" in err
    assert "t0ken" not in err
    server.disconnected.get(timeout=PATIENCE)


def test_exit_without_close_keeps_the_exit_code_and_the_error_of_the_program(server: StallingServer) -> None:
    _, err = run(
        """
        client = new_client()
        client.get_group(group_id(1))
        raise ZeroDivisionError("of the program")
        """,
        server,
        code=1,
    )
    assert err.count("ResourceWarning") == 1
    assert err.count("Traceback") == 1
    assert "of the program" in err


def test_exit_does_not_wait_for_a_call_of_a_daemon_thread(server: StallingServer) -> None:
    script = """
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        client = new_client()
        threading.Thread(target=client.get_group, args=[STALLED], daemon=True).start()
        signal.sigwait([signal.SIGUSR1])
        """
    with started(script, server) as process:
        server.arrived.get(timeout=PATIENCE)
        process.send_signal(signal.SIGUSR1)
        _, err = finish(process)
    assert err.count("ResourceWarning") == 1
    server.gone.get(timeout=PATIENCE)


def test_exit_after_close_is_silent(server: StallingServer) -> None:
    out, err = run(
        """
        with new_client() as client:
            say(client.get_group(group_id(1)).name)
        unused = new_client()
        """,
        server,
    )
    assert (out, err) == (["group 1"], "")


STARTS_NO_THREAD = (
    "the program is ending, and this version of Python starts no more threads: use this client for the first time"
    " before that; nothing was sent"
)


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
@pytest.mark.parametrize("used", [True, False], ids=["used before", "first used there"])
def test_a_client_works_in_whatever_runs_at_the_end_of_the_program(
    server: StallingServer, used: bool, backend: str
) -> None:
    """However early it was registered: `atexit` runs that last. A host name takes a thread of the loop to look up."""
    before = """
        import atexit
        atexit.register(lambda: use("registered before the import", own))
        """
    out, err = run(
        f"""
        import atexit, builtins, logging, weakref
        from contextlib import nullcontext

        def use(where, own=None):
            try:
                with nullcontext(own) if own else open_client() as client:
                    say(where, client.get_group(group_id(2)).name)
                    say(where, client.get_group(group_id(3)).name)
            except ClientClosedError as error:
                say(where, error, error.maybe_applied)

        def open_client():
            url = sys.argv[1].replace("127.0.0.1", "localhost")
            return GroupsClient("t0ken", base_url=url, rate_limit=None, backend={backend!r})

        class Handler(logging.NullHandler):
            def close(self):
                use("in logging.shutdown", own)

        class Last:
            client = open_client()

            def __del__(self):
                use("when modules are torn down", self.client)

        builtins.last = Last()
        handler = Handler()
        own = builtins.last.client if {used} else None
        weakref.finalize(handler, use, "in a finalizer", own)
        atexit.register(use, "registered after the import", own)
        if own:
            own.get_group(group_id(1))
            atexit.register(use, "registered after the first call", own)
        """,
        server,
        before=before,
    )
    places = ["registered after the first call"] if used else []
    places += ["registered after the import", "in a finalizer"]
    places += ["in logging.shutdown", "registered before the import"]
    *worked, last = out
    if not used and sys.version_info[:2] == (3, 12):  # which starts no thread any more
        assert worked == [f"{place} {STARTS_NO_THREAD} False" for place in places]
    else:
        assert worked == [f"{place} group {n}" for place in places for n in (2, 3)]
    assert last.startswith("when modules are torn down the program is ending: ")
    assert last.endswith("; nothing was sent False")
    assert err.count("ResourceWarning") == used, err
    assert "Traceback" not in err


def test_an_asynchronous_client_works_at_the_end_of_the_program_or_says_why_not(
    server: StallingServer,
) -> None:
    """asyncio has its host names looked up by executors, which accept nothing any more."""
    out, err = run(
        """
        import atexit
        from contextlib import suppress
        import anyio
        from groups_sdk import AsyncGroupsClient

        async def use(backend, host):
            async with AsyncGroupsClient("t0ken", base_url=sys.argv[1].replace("127.0.0.1", host)) as client:
                try:
                    say(backend, host, (await client.get_group(group_id(2))).name)
                except ClientClosedError as error:
                    say(backend, host, error, error.maybe_applied)

        @atexit.register
        def at_exit():
            for backend in ("asyncio", "trio"):
                for host in ("127.0.0.1", "localhost"):
                    with suppress(RuntimeError):  # asyncio of Python 3.12 starts a thread when its loop ends
                        anyio.run(use, backend, host, backend=backend)
        """,
        server,
    )
    refusal = (
        "getGroup: the program is ending, and its event loop looks up no more host names: make this call earlier;"
        " nothing was sent False"
    )
    trio = refusal if sys.version_info[:2] == (3, 12) else "group 2"
    assert out == [
        "asyncio 127.0.0.1 group 2",
        f"asyncio localhost {refusal}",
        "trio 127.0.0.1 group 2",
        f"trio localhost {trio}",
    ]
    assert err == ""


# Ctrl-C


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_ctrl_c_cancels_the_call_and_leaves_the_client_usable(server: StallingServer, backend: str) -> None:
    script = f"""
        with new_client(max_connections=1, backend={backend!r}) as client:
            for _ in range(2):
                try:
                    client.get_group(STALLED)
                except KeyboardInterrupt:
                    say("interrupted")
                say(client.get_group(group_id(1)).name)
        say(len(loop_threads()))
        """
    with started(script, server) as process:
        for _ in range(2):
            port = server.arrived.get(timeout=PATIENCE)
            process.send_signal(signal.SIGINT)
            assert server.gone.get(timeout=PATIENCE) == port
            server.answered.get(timeout=PATIENCE)
        out, err = finish(process)
    assert out == ["interrupted", "group 1"] * 2 + ["0"]
    assert err == ""


def test_ctrl_c_that_nobody_catches_ends_the_program(server: StallingServer) -> None:
    with started("new_client().get_group(STALLED)", server) as process:
        server.arrived.get(timeout=PATIENCE)
        process.send_signal(signal.SIGINT)
        _, err = finish(process, -signal.SIGINT)
    assert "KeyboardInterrupt" in err
    server.gone.get(timeout=PATIENCE)


def test_ctrl_c_during_a_listing_cancels_its_page(server: StallingServer) -> None:
    listings = {
        "client.list_groups(starting_after=STALLED).collect()": [],
        "client.list_groups(starting_after=STALLED).first()": [],
        "client.list_groups(limit=20).collect()": [],
        "[say(group.name) for group in client.list_groups(limit=20)]": [f"group {n}" for n in range(1, 11)],
        "[say(page.items[0].name) for page in client.list_groups(limit=20).pages()]": ["group 1"],
    }
    script = f"""
        with new_client(max_connections=1) as client:
            for listing in [{", ".join(f"lambda: {listing}" for listing in listings)}]:
                try:
                    listing()
                except KeyboardInterrupt:
                    say("interrupted", client.get_group(group_id(7)).name)
        say(len(loop_threads()))
        """
    with started(script, server) as process:
        for _ in listings:
            port = server.arrived.get(timeout=PATIENCE)
            process.send_signal(signal.SIGINT)
            assert server.gone.get(timeout=PATIENCE) == port
        out, err = finish(process)
    assert out == [line for said in listings.values() for line in (*said, "interrupted group 7")] + ["0"]
    assert err == ""


def test_an_interrupted_iteration_is_not_gone_on_with_in_silence(server: StallingServer) -> None:
    script = """
        with new_client(max_connections=1) as client:
            groups = iter(client.list_groups(limit=20))
            for _ in range(10):
                next(groups)
            for _ in range(2):
                try:
                    next(groups)
                except KeyboardInterrupt:
                    say("interrupted")
                except RuntimeError as error:
                    say(error)
        """
    with started(script, server) as process:
        server.arrived.get(timeout=PATIENCE)
        process.send_signal(signal.SIGINT)
        out, err = finish(process)
    assert out == [
        "interrupted",
        "this iteration was interrupted or used by two threads: begin a new one",
    ]
    assert err == ""


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_ctrl_c_during_close_leaves_the_closing_to_go_on(backend: str) -> None:
    script = f"""
        import anyio.to_thread
        let = threading.Event()

        class Slow(StallingTransport):
            async def aclose(self):
                say("closing")
                await anyio.to_thread.run_sync(let.wait)
                await super().aclose()

        transport = Slow()
        client = new_client(transport=transport, backend={backend!r})
        client.get_group(group_id(1))
        try:
            client.close()
        except KeyboardInterrupt:
            say("interrupted", transport.closed.qsize())
        try:
            client.get_group(group_id(2))
        except ClientClosedError:
            say("closed")
        let.set()
        client.close()
        say(transport.closed.qsize(), len(loop_threads()))
        """
    with started(script) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "closing\n"
        process.send_signal(signal.SIGINT)
        out, err = finish(process)
    assert (out, err) == (["interrupted 0", "closed", "1 0"], "")


# An alarm raises SIGINT: so it comes at any microsecond of the call's beginning.
ALARM = """
    faulthandler.unregister(signal.SIGALRM)
    faulthandler.dump_traceback_later(PATIENCE, exit=True)
    signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))

    def interrupt(call, delay):
        try:
            # Once more after a second: an interrupt in the midst of a finaliser is printed by Python, and gone.
            signal.setitimer(signal.ITIMER_REAL, delay, 1)
            call()
        except KeyboardInterrupt:
            signal.setitimer(signal.ITIMER_REAL, 0)
            return
        raise AssertionError("the interrupt was lost")
"""


@pytest.mark.parametrize(
    "call", ["client.get_group(STALLED)", "client.update_membership(STALLED, STALLED, role_id=STALLED)"]
)
def test_ctrl_c_at_the_very_start_of_a_call_leaks_nothing(call: str) -> None:
    out, err = run(
        ALARM
        + f"""
    ROUNDS = {share(600, least=150)}
    call = lambda: {call}
    """
        + """
    transport = StallingTransport()
    with new_client(transport=transport, max_connections=1) as client:
        client.get_group(group_id(1))
        for round in range(ROUNDS):
            interrupt(call, 1e-6 * (round * 500 // ROUNDS + 1))
            assert client.get_group(group_id(2)).name == "group 2", round  # with the one slot that there is
            assert transport.waiting == 0, round
    say(transport.arrived.qsize() == transport.gone.qsize(), transport.arrived.qsize() < ROUNDS)
    """
    )
    assert out == ["True True"], err


def test_ctrl_c_at_the_very_start_of_the_first_call_leaks_nothing() -> None:
    out, err = run(
        ALARM
        + f"""
    ROUNDS = {share(150, least=40)}
    """
        + """
    for round in range(ROUNDS):
        transport = StallingTransport()
        with new_client(transport=transport, max_connections=1) as client:
            interrupt(lambda: client.get_group(STALLED), 1e-5 * (round * 150 // ROUNDS + 1))
            assert client.get_group(group_id(2)).name == "group 2", round
            assert transport.waiting == 0, round
        for thread in loop_threads():  # one whose start was interrupted ends by itself
            thread.join(PATIENCE)
            assert not thread.is_alive(), round
    say("done")
    """
    )
    assert out == ["done"], err


# Fork


@pytest.mark.parametrize("backend", ["asyncio", "trio"])
def test_a_forked_child_uses_connections_of_its_own_and_leaves_the_parents_alone(
    server: StallingServer, backend: str
) -> None:
    out, err = run(
        f"""
        client = new_client(backend={backend!r})
        copy = client.with_options(timeout=20)
        say(client.get_group(group_id(1)).name)

        def work():
            say("child", client.get_group(group_id(2)).name)
            say("child", copy.get_group(group_id(3)).name)
            say("child", len(client.list_groups().collect()))
            client.close()

        say("exit", in_child(work))
        say(client.get_group(group_id(4)).name, copy.get_group(group_id(5)).name)
        client.close()
        """,
        server,
    )
    assert out == ["group 1", "child group 2", "child group 3", "child 30", "exit 0", "group 4 group 5"]
    assert err == ""
    ports = [server.answered.get(timeout=PATIENCE) for _ in range(8)]  # a listing is three pages
    parent, child = ports[0], ports[1]
    assert ports == [parent] + [child] * 5 + [parent] * 2
    assert parent != child


def test_whatever_a_child_does_with_an_inherited_client_the_parent_goes_on(server: StallingServer) -> None:
    out, err = run(
        """
        works = [
            lambda: None,
            lambda: client.close(),
            lambda: (globals().pop("client"), gc.collect()),
            lambda: client.with_options(timeout=5).close(),
            lambda: (in_child(lambda: client.get_group(group_id(9))), client.close()),
        ]
        for work in works:
            client = new_client()
            client.get_group(group_id(1))
            say("exit", in_child(work))
            say(client.get_group(group_id(2)).name)
            client.close()
        """,
        server,
    )
    assert out == ["exit 0", "group 2"] * 5
    assert err.count("ResourceWarning") == 1  # of the grandchild, which used it and did not close
    ports = [server.answered.get(timeout=PATIENCE) for _ in range(11)]
    before, after = (
        ports[0:10:2],
        [*ports[1:8:2], ports[10]],
    )  # and the grandchild's request in front of the last
    assert before == after
    assert ports[9] != ports[8]


def test_a_child_that_uses_a_client_and_does_not_close_it_exits_with_a_warning(
    server: StallingServer,
) -> None:
    out, err = run(
        """
        client = new_client()
        client.get_group(group_id(1))
        say("exit", in_child(lambda: client.get_group(group_id(2))))
        say(client.get_group(group_id(3)).name)
        client.close()
        """,
        server,
    )
    assert out == ["exit 0", "group 3"]
    assert err.count("ResourceWarning") == 1


def test_a_fork_while_another_thread_waits_leaves_its_call_to_the_parent(server: StallingServer) -> None:
    script = """
        client = new_client()
        def wait():
            try:
                client.get_group(STALLED)
            except ClientClosedError:
                say("closed")
        waiting = threading.Thread(target=wait)
        signal.pthread_sigmask(signal.SIG_BLOCK, [signal.SIGUSR1])
        waiting.start()
        signal.sigwait([signal.SIGUSR1])

        def work():
            say("child", client.get_group(group_id(2)).name)
            client.close()

        say("exit", in_child(work))
        say(waiting.is_alive())
        client.close()
        waiting.join()
        """
    with started(script, server) as process:
        server.arrived.get(timeout=PATIENCE)
        process.send_signal(signal.SIGUSR1)
        out, err = finish(process)
    assert (out, err) == (["child group 2", "exit 0", "True", "closed"], "")


def test_a_fork_in_a_signal_handler_ends_the_call_in_the_child_only(server: StallingServer) -> None:
    script = """
        client = new_client()
        signal.signal(signal.SIGUSR1, lambda *_: os.fork() and signal.raise_signal(signal.SIGINT))
        try:
            client.get_group(STALLED)
        except KeyboardInterrupt:
            code = os.waitstatus_to_exitcode(os.wait()[1])
            say("parent", code, client.get_group(group_id(1)).name)
        except ClientClosedError as error:
            say("child", "no change was sent" in str(error), client.get_group(group_id(2)).name)
        client.close()
        """
    with started(script, server) as process:
        server.arrived.get(timeout=PATIENCE)
        process.send_signal(signal.SIGUSR1)
        out, err = finish(process)
    assert (sorted(out), err) == (["child True group 2", "parent 0 group 1"], "")


def test_a_child_of_multiprocessing_uses_the_client(server: StallingServer) -> None:
    out, err = run(
        """
        import multiprocessing
        client = new_client()
        say(client.get_group(group_id(1)).name)

        def work():
            say("child", client.get_group(group_id(2)).name)

        child = multiprocessing.get_context("fork").Process(target=work)
        child.start()
        child.join()
        say("exit", child.exitcode, client.get_group(group_id(3)).name)
        client.close()
        """,
        server,
    )
    assert out == ["group 1", "child group 2", "exit 0 group 3"]
    assert "Traceback" not in err


APP = f"""{IDLE_FOREVER}
import os
from groups_sdk import GroupsClient

client = GroupsClient("t0ken", base_url=os.environ["UPSTREAM"] + "/rest", rate_limit=None)
client.get_group(os.environ["GROUP"])  # in the master, before it forks


def app(environ, start_response):
    name = client.get_group(environ["PATH_INFO"].strip("/")).name
    start_response("200 OK", [("worker", str(os.getpid()))])
    return [name.encode()]
"""
CONFIGURATION = """
def on_exit(server):  # in the master
    import app

    assert app.client.get_group(app.os.environ["GROUP"]).name == "group 1"
    app.client.close()
"""


def test_the_workers_of_a_gunicorn_that_preloads_use_a_client_of_its_master(
    server: StallingServer, tmp_path: Path
) -> None:
    (tmp_path / "app.py").write_text(APP)
    (tmp_path / "gunicorn.conf.py").write_text(CONFIGURATION)
    workers = 3
    server.meeting = threading.Barrier(workers)
    with socket.create_server(("127.0.0.1", 0)) as listening:
        url = f"http://127.0.0.1:{listening.getsockname()[1]}"
        command = [sys.executable, "-W", "always::ResourceWarning", "-m", "gunicorn", "--preload", "app:app"]
        options = ["--workers", str(workers), "--bind", f"fd://{listening.fileno()}", "--no-control-socket"]
        with subprocess.Popen(
            [*command, *options],
            cwd=tmp_path,
            env={**os.environ, "UPSTREAM": server.url, "GROUP": group_id(1)},
            pass_fds=[listening.fileno()],
            stderr=subprocess.PIPE,
            text=True,
        ) as process:
            try:
                with ThreadPoolExecutor(workers) as pool:  # each of them is busy until all are
                    asked = [
                        pool.submit(httpx.get, f"{url}/{MEETING}", timeout=PATIENCE) for _ in range(workers)
                    ]
                    answers = [answer.result() for answer in asked]
                process.terminate()
                _, err = process.communicate(timeout=PATIENCE)
            finally:
                process.kill()
    assert process.returncode == 0, err
    assert {answer.text for answer in answers} == {f"group {2**64}"}
    assert len({answer.headers["worker"] for answer in answers}) == workers
    master, *others, last = [server.answered.get(timeout=PATIENCE) for _ in range(workers + 2)]
    assert last == master
    assert len({master, *others}) == workers + 1
    assert "SIGKILL" not in err
    assert "Traceback" not in err
    assert err.count("unclosed client") == workers, err


def test_a_child_is_refused_a_client_whose_transport_was_handed_in() -> None:
    out, err = run(
        """
        used = new_client(transport=StallingTransport())
        unused = new_client(transport=StallingTransport())
        used.get_group(group_id(1))

        def work():
            for _ in range(2):
                try:
                    used.get_group(group_id(2))
                except ClientClosedError as error:
                    say("make a new client" in str(error))
            used.close()
            say(unused.get_group(group_id(3)).name)  # which nothing of the parent is in
            unused.close()

        say("exit", in_child(work))
        say(used.get_group(group_id(4)).name)
        used.close()
        """
    )
    assert (out, err) == (["True", "True", "group 3", "exit 0", "group 4"], "")


# Races


def test_many_threads_that_call_and_close_at_once_all_end() -> None:
    out, err = run(
        f"""
        from concurrent.futures import ThreadPoolExecutor
        sys.setswitchinterval(1e-5)
        transports, outcomes = [], set()
        gate = threading.Barrier(16)

        def work(client, number):
            gate.wait()
            try:
                if number % 4 == 0:
                    client.close()
                    return "closed"
                return client.get_group(group_id(number) if number % 4 == 1 else STALLED).name
            except ClientClosedError:
                return "closed"

        with ThreadPoolExecutor(16) as pool:
            for round in range(100):
                signal.alarm({PATIENCE})  # for each round anew
                transports.append(StallingTransport())
                client = new_client(transport=transports[-1])
                if round % 2:
                    client.get_group(group_id(1))
                pending = [pool.submit(work, client, number) for number in range(16)]
                names = [call.result({PATIENCE}) for call in pending]
                assert all(name in ("closed", f"group {{number}}") for number, name in enumerate(names)), names
                client.close()
        for thread in loop_threads():
            thread.join({PATIENCE})
        say(sum(transport.waiting for transport in transports), len(loop_threads()))
        """
    )
    assert (out, err) == (["0 0"], "")


@pytest.mark.parametrize("neighbour", [False, True], ids=["the thread ends", "the thread stays"])
def test_a_thousand_calls_that_race_with_close_end(neighbour: bool) -> None:
    rounds = share(1000, least=200)
    out, err = run(
        f"""
        from concurrent.futures import ThreadPoolExecutor
        from collections import Counter
        sys.setswitchinterval(1e-5)
        other = new_client(transport=StallingTransport())
        if {neighbour}:
            other.get_group(group_id(1))
        outcomes = Counter()
        gate = threading.Barrier(2)

        def call(client):
            gate.wait()
            try:
                return client.get_group(group_id(5)).name
            except ClientClosedError:
                return "closed"

        with ThreadPoolExecutor(1) as pool:
            for round in range({rounds}):
                signal.alarm({PATIENCE})  # for each round anew
                client = new_client(transport=StallingTransport())
                if round % 2:
                    client.get_group(group_id(1))
                pending = pool.submit(call, client)
                gate.wait()
                for _ in range(round % 100 * 5):
                    pass
                client.close()
                outcomes[pending.result({PATIENCE})] += 1
        other.close()
        for thread in loop_threads():
            thread.join({PATIENCE})
        say(outcomes.total(), *sorted(set(outcomes) - {{"closed", "group 5"}}), len(loop_threads()))
        """
    )
    assert (out, err) == ([f"{rounds} 0"], "")
