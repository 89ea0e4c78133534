"""The generator: what it writes is fresh, and what it has no rule for it refuses."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from groups_sdk._codegen import __main__ as command
from groups_sdk._codegen import generator
from groups_sdk._codegen.generator import GenerationError, Rules, generate

RULES = Rules(
    clients={"AsyncShop": "Shop"},
    parts={"AsyncTill": "Till"},
    paginators={"AsyncPaginator": "Paginator"},
    prose=((r"\basync (?=with|for)", ""), (r"\bawait ", ""), (r"\bAsync(?=Shop)", "")),
    client_note="It has a thread.",
)
SHOP = '''
from __future__ import annotations

import os
from typing import TYPE_CHECKING, Self

from groups_sdk._pagination import AsyncPaginator
from shop.till import AsyncTill

if TYPE_CHECKING:
    from shop.goods import Item
    from shop.till import AsyncTill

LIMIT = 5


class _Shelf:
    pass


class AsyncShop:
    """A shop.

    Example:
        async with AsyncShop("key") as shop:
            print(await shop.price("tea"))
    """

    def __init__(self, token: str, *, transport: object = None, http_client: object = None) -> None:
        self._token = token

    async def __aenter__(self) -> Self:
        return self

    async def aclose(self) -> None:
        """Close."""

    @property
    def name(self) -> str:
        """Its name."""
        return os.name

    @property
    def till(self) -> AsyncTill:
        """Its till."""
        return AsyncTill()

    def with_options(self, *, limit: int = 5) -> Self:
        """A copy."""
        return self

    def goods(self, kind: str, /, *, limit: int = LIMIT) -> AsyncPaginator[Item]:
        """What there is."""
        return self._goods(kind)

    async def price(self, item: str, count: int = 1, *, currency: str | None = None) -> float:
        """What it costs.

        Example:
            async for item in shop.goods("tea"):
                print(item)
        """
        return 1.0

    async def order(self, item: str) -> None:
        """Order it."""

    async def _goods(self) -> None:
        pass
'''
TILL = '''
class Coin:
    pass


class AsyncTill:
    """A till."""

    def __init__(self, *coins: Coin) -> None:
        self._coins = coins

    async def count(self) -> int:
        """How much is in it."""
        return 0
'''


def written(shop: str = SHOP, till: str = TILL, rules: Rules = RULES) -> dict[str, str]:
    # LIMIT is a default of the source that the synchronous module has to import from somewhere
    sources = {"shop.shop": shop.replace("= LIMIT)", "= 5)"), "shop.till": till}
    return generate(sources, {"shop.shop": "shop.sync_shop", "shop.till": "shop.sync_till"}, rules)


def test_each_kind_of_method_becomes_one_forwarding_statement() -> None:
    modules = written()
    assert list(modules) == ["shop.sync_shop", "shop.sync_till"]
    text, till = modules.values()
    classes = {node.name: node for node in ast.parse(text + till).body if isinstance(node, ast.ClassDef)}
    assert list(classes) == ["Shop", "Till"]
    bodies = {
        f"{cls}.{item.name}": ast.unparse(item.body[-1])
        for cls, node in classes.items()
        for item in node.body
        if isinstance(item, ast.FunctionDef)
    }
    assert bodies == {
        "Shop.__init__": (
            "super().__init__(AsyncShop(given.pop(), transport=transport, http_client=http_client), backend=backend, "
            "backend_options=backend_options, forkable=transport is None and http_client is None)"
        ),
        "Shop.name": "return self._async.name",
        "Shop.till": "return Till(self._portal, lambda: self._async.till)",
        "Shop.with_options": "return self._copy(lambda client: client.with_options(limit=limit))",
        "Shop.goods": "return Paginator(self._portal, self._async.goods(kind, limit=limit))",
        "Shop.price": "return self._portal.call(self._async.price, item, count, currency=currency)",
        "Shop.order": "self._portal.call(self._async.order, item)",
        "Till.count": "return self._portal.call(self._async.count)",
    }
    assert 'def goods(self, kind: str, /, *, limit: int = 5) -> Paginator[Item]:\n        """What' in text
    assert (
        "if TYPE_CHECKING:\n    from shop.goods import Item\n    from shop.sync_till import Till\n\n" in text
    )
    assert text.count("from shop.sync_till import Till") == 2, "and where it is used, not before"
    assert "shop.till" not in text
    assert "import os" not in text, "an import that only bodies needed is left out"


def test_docstrings_are_turned_and_say_what_is_different() -> None:
    doc = ast.get_docstring(
        next(n for n in ast.parse(written()["shop.sync_shop"]).body if isinstance(n, ast.ClassDef))
    )
    assert (
        doc
        == 'A shop.\n\nIt has a thread.\n\nExample:\n    with Shop("key") as shop:\n        print(shop.price("tea"))'
    )
    assert '    for item in shop.goods("tea"):\n' in written()["shop.sync_shop"]


def in_shop(*lines: str) -> str:
    """The shop with one more method."""
    return SHOP + "\n" + "".join(f"    {line}\n" for line in lines)


@pytest.mark.parametrize(
    ("shop", "message"),
    [
        (in_shop("async def buy(self) -> int:", "    return 1"), "AsyncShop.buy: no docstring"),
        (SHOP.replace('    """A shop.', '    x = """A shop.'), "AsyncShop: no docstring"),
        (in_shop("@cache", "async def buy(self) -> int:", '    """Buy."""'), "no rule for decorators: cache"),
        (in_shop("@cache", "def buy(self) -> int:", '    """Buy."""'), "no rule for decorators: cache"),
        (
            in_shop("@asynccontextmanager", "async def buy(self) -> int:", '    """Buy."""'),
            "no rule for decorators",
        ),
        (
            in_shop("@overload", "async def buy(self) -> int:", '    """Buy."""'),
            "no rule for decorators: overload",
        ),
        (in_shop("def buy(self) -> int:", '    """Buy."""'), "no rule for a method that returns int"),
        (in_shop("def buy(self):", '    """Buy."""'), "no rule for a method that returns nothing"),
        (
            in_shop("async def buy(self) -> AsyncPaginator[int]:", '    """Buy."""'),
            "no rule for an async method",
        ),
        (
            in_shop("async def buy(self) -> object:", '    """Buy."""', "    yield 1"),
            "AsyncShop.buy: a public asynchronous generator",
        ),
        (
            in_shop("async def buy(self, *item: str) -> int:", '    """Buy."""'),
            "AsyncShop.buy: no rule for *args",
        ),
        (
            in_shop("async def buy(self, **item: str) -> int:", '    """Buy."""'),
            "AsyncShop.buy: no rule for *args",
        ),
        (
            in_shop("async def buy(self, item: AsyncItem) -> int:", '    """Buy."""'),
            "no rule for the name AsyncItem",
        ),
        (in_shop("def __len__(self) -> int:", '    """Size."""'), "__len__: no rule for this special method"),
        (in_shop("LIMIT = 5"), "AsyncShop: no rule for 'LIMIT = 5'"),
        (SHOP.replace("class AsyncShop:", "class AsyncShop(Base):"), "AsyncShop: no rule for base classes"),
        (SHOP.replace("class AsyncShop:", "@final\nclass AsyncShop:"), "AsyncShop: no rule for base classes"),
        (SHOP.replace("class _Shelf", "class AsyncShelf"), "AsyncShelf: no rule for this class"),
        (SHOP.replace("self, token: str, *,", "self, key: str, *,"), "the first parameter is not the token"),
        (SHOP.replace(" transport: object = None,", ""), "__init__: no parameter transport"),
        (SHOP.replace("A copy.", "A copy for asyncio."), "AsyncShop.with_options: 'asyncio' is left"),
        (SHOP.replace("A copy.", "A copy for AsyncTill."), "'AsyncTill' is left in the docstring"),
        (SHOP.replace("A copy.", "A copy: aclose() it."), "'aclose' is left in the docstring"),
        (SHOP.replace("A copy.", "A \\\\ copy."), "AsyncShop.with_options: no rule for backslashes"),
        (SHOP.replace("print(item)", "print(= item)"), "AsyncShop.price: the example does not compile"),
        (
            SHOP.replace("async for item in shop", "for item in shop").replace("async with", "with"),
            "nothing used",
        ),
        (SHOP.replace("    from shop.goods import Item\n", ""), "Undefined name `Item`"),
        (
            SHOP.replace("    from shop.goods import Item", "    Item = int"),
            "no rule for 'Item = int' among the imports",
        ),
    ],
)
def test_what_has_no_rule_is_refused(shop: str, message: str) -> None:
    assert shop != SHOP
    with pytest.raises(GenerationError, match=re.escape(message)):
        written(shop)


@pytest.mark.parametrize("kind", ["clients", "parts", "paginators"])
def test_a_name_that_nothing_uses_is_refused(kind: str) -> None:
    names: Mapping[str, str] = {**getattr(RULES, kind), "AsyncNobody": "Nobody"}
    rules = Rules(**{**vars(RULES), kind: names})
    with pytest.raises(GenerationError, match="nothing used: AsyncNobody"):
        written(rules=rules)


def test_a_failure_of_the_formatter_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(generator, "RUFF", ["--no-such-option"])
    with pytest.raises(GenerationError, match="ruff failed"):
        written()


def test_the_committed_client_is_fresh(capsys: pytest.CaptureFixture[str]) -> None:
    assert command.main(["--check"]) == 0, capsys.readouterr().out


def test_the_command_line_checks_it_too() -> None:
    subprocess.run([sys.executable, "-m", "groups_sdk._codegen", "--check"], check=True)


def test_a_stale_client_is_found_and_written_anew(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "groups_sdk" / "_sync").mkdir(parents=True)
    fresh = {module: command.path_of(module).read_text(encoding="utf-8") for module in command.HOMES.values()}
    for module in command.HOMES:
        copied = tmp_path / command.path_of(module).relative_to(command.ROOT)
        copied.parent.mkdir(exist_ok=True)
        copied.write_text(command.path_of(module).read_text(encoding="utf-8"), encoding="utf-8")
    monkeypatch.setattr(command, "ROOT", tmp_path)
    assert command.main(["--check"]) == 1, "a missing one is stale"
    capsys.readouterr()
    assert command.main([]) == 0
    assert {module: command.path_of(module).read_text(encoding="utf-8") for module in fresh} == fresh
    assert command.main(["--check"]) == 0
    target = command.path_of("groups_sdk._sync.access")
    target.write_text(
        target.read_text(encoding="utf-8").rstrip().rpartition("\n")[0] + "\n", encoding="utf-8"
    )
    assert command.main(["--check"]) == 1
    printed = capsys.readouterr()
    assert printed.out.startswith("--- access.py")
    assert printed.out.count("\n+") == 2, (
        "the diff shows the line that is missing at the end, below its heading"
    )
    assert printed.err.startswith("access.py is stale")
    assert command.main(["--what"]) == 2
