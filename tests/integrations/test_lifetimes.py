"""The guide to lifetimes is true: its examples run, each where it belongs."""

from __future__ import annotations

import ast
import asyncio
import inspect
import os
import re
import subprocess
import sys
import textwrap
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from types import FunctionType

import pytest
from support import inner_pytest
from support.loopback import served
from support.stalling import PATIENCE

from groups_sdk import AsyncGroupsClient, GroupsClient
from groups_sdk.testing import FakeSnyk

ROOT = Path(__file__).parent.parent.parent
GUIDE = ROOT / ".github" / "guides" / "lifetimes.md"
TEXT = GUIDE.read_text(encoding="utf-8")


def blocks(info: str) -> list[str]:
    """The examples with that info string, with line breaks in front: tracebacks then name lines of the guide."""
    found = re.finditer(rf"^```{info}\n(.*?)^```$", TEXT, re.MULTILINE | re.DOTALL)
    return ["\n" * TEXT[: block.start(1)].count("\n") + block[1] for block in found]


def line(block: object) -> str:
    text = str(block)
    return f"line-{len(text) - len(text.lstrip(chr(10))) + 1}"


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, object]]:
    fake = FakeSnyk.example()
    monkeypatch.setenv("SNYK_TOKEN", FakeSnyk.TOKEN)
    with served(fake) as url:
        monkeypatch.setenv("SNYK_API", url)
        yield {"group_id": fake.group_id, "AsyncGroupsClient": AsyncGroupsClient}


@pytest.mark.parametrize("block", blocks("python"), ids=line)
def test_an_example_runs(block: str, names: dict[str, object]) -> None:
    code = compile(block, str(GUIDE), "exec", flags=ast.PyCF_ALLOW_TOP_LEVEL_AWAIT)
    outcome = FunctionType(code, {"__name__": "guide", **names})()
    if inspect.iscoroutine(outcome):
        asyncio.run(outcome)


def run_pytest(folder: Path, text: str) -> str:
    options = ["-o", "asyncio_default_fixture_loop_scope=function", "-o", "filterwarnings=error"]
    return inner_pytest.passed(text, folder, *options, plugins=["asyncio"])


@pytest.mark.parametrize("block", blocks("python pytest-asyncio"), ids=line)
def test_a_recipe_for_pytest_asyncio_passes(block: str, tmp_path: Path) -> None:
    assert re.search(r"^2 passed", run_pytest(tmp_path, block), re.MULTILINE)


def test_the_recipe_for_a_module_is_one_for_the_session(tmp_path: Path) -> None:
    (block,) = [block for block in blocks("python pytest-asyncio") if 'scope="module"' in block]
    block = block.replace('"module"', '"session"')
    assert block.count('"session"') == 3
    assert re.search(r"^2 passed", run_pytest(tmp_path, block), re.MULTILINE)


def in_a_process(program: str, url: str) -> str:
    """Run it with every warning an error; those at the end of the program are on stderr."""
    done = subprocess.run(
        [sys.executable, "-X", "dev", "-W", "error", "-c", textwrap.dedent(program)],
        capture_output=True,
        text=True,
        env={
            **os.environ,
            "SNYK_TOKEN": FakeSnyk.TOKEN,
            "SNYK_API": url,
            "GROUP": FakeSnyk.example().group_id,
            "PYTHONPATH": str(ROOT),
        },
        timeout=PATIENCE,
    )
    noise = re.sub(r"^Executing .* took [0-9.]+ seconds\n", "", done.stderr, flags=re.MULTILINE)
    assert (done.returncode, noise) == (0, "")
    return done.stdout


@pytest.fixture(scope="module")
def url() -> Iterator[str]:
    with served(FakeSnyk.example()) as url:
        yield url


def test_a_lambda_is_called_twice_and_ends_without_a_word(url: str) -> None:
    program = """
        import asyncio, os
        from groups_sdk import AsyncGroupsClient

        client = AsyncGroupsClient()

        async def count(group_id):
            return len(await client.list_memberships(group_id).collect())

        def handler(event, context):
            return asyncio.run(count(event["group_id"]))

        print(handler({"group_id": os.environ["GROUP"]}, None) == handler({"group_id": os.environ["GROUP"]}, None))
    """
    assert in_a_process(program, url) == "True\n"


@pytest.mark.skipif(not hasattr(os, "fork"), reason="forks are those of POSIX")
def test_clients_go_on_in_forked_workers(url: str) -> None:
    program = """
        import asyncio, gc, os, warnings
        from groups_sdk import AsyncGroupsClient, GroupsClient
        warnings.filterwarnings("ignore", "This process .* is multi-threaded", DeprecationWarning)

        client, blocking = AsyncGroupsClient(), GroupsClient()

        def work():
            names = [group.name for group in asyncio.run(client.list_groups().collect())]
            assert names == [group.name for group in blocking.list_groups().collect()]

        work()
        children = []
        for _ in range(2):
            if child := os.fork():
                children.append(child)
            else:
                work()
                work()
                os._exit(0)
        assert [os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) for child in children] == [0, 0]
        work()
        asyncio.run(client.aclose())
        blocking.close()
        print("done")
    """
    assert in_a_process(program, url) == "done\n"


def test_a_notebook_uses_both_clients_on_its_running_loop(names: dict[str, object]) -> None:
    group_id = str(names["group_id"])

    async def notebook() -> tuple[int, int, int]:
        async def cell() -> int:
            return len(await client.list_memberships(group_id).collect())

        client = AsyncGroupsClient()
        with GroupsClient() as blocking:
            before = await asyncio.create_task(cell())  # each cell is a task of its own
            meanwhile = len(blocking.list_memberships(group_id).collect())
            after = await asyncio.create_task(cell())
        await client.aclose()
        return before, meanwhile, after

    first, *others = asyncio.run(notebook())
    assert others == [first, first]


def test_workers_in_threads_have_detached_clients(names: dict[str, object]) -> None:
    client = AsyncGroupsClient()
    group_id = str(names["group_id"])

    async def task() -> str | None:
        async with client.detached() as mine:
            return (await mine.get_group(group_id)).name

    with ThreadPoolExecutor(4) as threads:
        found = {future.result() for future in [threads.submit(asyncio.run, task()) for _ in range(8)]}
    assert len(found) == 1
    asyncio.run(client.aclose())
